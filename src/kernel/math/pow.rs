//! `pow(x, y) = xʸ`, with the special cases of IEEE 754 (and C): `x⁰ = 1ʸ = 1` even for a NaN, a negative
//! base with an integer exponent gives the power its sign and with any other exponent a NaN, `(−1)^±∞ = 1`,
//! and zeros and infinities go where the limit goes, keeping the sign of an odd power.
//!
//! **Method.** `|x|ʸ = e^(y·ln|x|)`, where `y·ln|x|` reaches 745 (104 for `f32`) and its *absolute* error is
//! the relative error of the result: the logarithm needs 10 (7) bits more than the result has, and more for
//! safety.
//!
//! - `f32` is computed in `f64`: `2^(y·log₂|x|)` with polynomials for `log₂(1 + f)` and for `2ᶠ`; the
//!   conversion of the result does overflow and denormals.
//! - `f64` carries the logarithm as an unevaluated sum of two numbers. With `f`, `k` as in [`ln`](super::ln),
//!   `s = f / (2 + f)` and `z = s²`, `ln(1 + f) = 2s·(1 + z/3 + z²·t(z))`: here `s`, `z`, `z/3` and the sum
//!   are pairs, and `z²·t(z) < 2⁻¹²` is plain. The pair multiplied by `y` is reduced as in
//!   [`exp`](super::exp), its lower part added to what that leaves.
//!
//! **Polynomials**, fitted by `fit.py`:
//!
//! | type | polynomial    | degree | error                                    |
//! |------|---------------|--------|------------------------------------------|
//! | f32  | `log₂(1 + f)` | 13     | 2⁻³⁵·⁸ relative                          |
//! | f32  | `2ᶠ`          | 6      | 2⁻²⁸·⁹ relative                          |
//! | f64  | `t`           | 7      | 2⁻⁷³·⁵ of the factor `1 + z/3 + z²·t(z)` |
//!
//! **Measured** (how: [`math`](super)), largest error in ulp, fused / separate multiply-add:
//!
//! | type | pow         |
//! |------|-------------|
//! | f32  | 0.56 / 0.56 |
//! | f64  | 1.12 / 1.23 |

use super::exp::{BIAS_F64, LN_2_F64, ROUND_F64, exp_reduced_f64, reduce_f64, scale_f64};
use super::lane::Lane;
use super::ln::{exponent_f64, split_any_f64, split_f64};
use super::mul_add::MulAdd;

/// `c` of `log₂(1 + f) ≈ f·c(f)` on `√½ ≤ 1 + f ≤ √2`.
pub(super) const LOG2: [f64; 13] = [
    1.442_695_040_868_704_3,
    -0.721_347_520_868_751_8,
    0.480_898_361_395_652_23,
    -0.360_673_674_828_643_65,
    0.288_537_293_460_607_75,
    -0.240_453_165_567_077_94,
    0.206_175_359_755_573,
    -0.180_300_601_894_098_2,
    0.158_769_798_222_556_88,
    -0.143_156_452_562_295_56,
    0.144_748_459_977_276_37,
    -0.142_839_371_102_519_15,
    0.077_370_403_289_769_87,
];
/// `c` of `2ᶠ ≈ c(f)` on `|f| ≤ ½`.
const EXP2: [f64; 7] = [
    1.0,
    0.693_147_202_881_126_6,
    0.240_226_479_103_050_6,
    0.055_503_324_094_057_72,
    0.009_618_437_602_893_7,
    0.001_339_890_025_754_230_2,
    1.535_334_211_720_180_5e-4,
];
/// `t` of `artanh s ≈ s·(1 + z/3 + z²·t(z))`, `z = s²`, for `|s| ≤ (√2 − 1) / (√2 + 1)`.
const ARTANH: [f64; 8] = [
    0.199_999_999_999_999_9,
    0.142_857_142_857_219_2,
    0.111_111_111_088_948_99,
    0.090_909_094_219_883_16,
    0.076_922_792_151_360_16,
    0.066_681_322_051_121_2,
    0.058_378_914_588_367_14,
    0.059_908_660_220_145,
];
/// `1/3` as a pair.
const THIRD: (f64, f64) = (0.333_333_333_333_333_3, 1.850_371_707_708_594e-17);

const TWO_40: f64 = 1_099_511_627_776.0;
const TWO_52: f64 = 4_503_599_627_370_496.0;
const TWO_53: f64 = 9_007_199_254_740_992.0;
const TWO_70: f64 = 1_180_591_620_717_411_303_424.0;

/// Whether `y` is an integer, and whether it is an odd one.
#[inline(always)]
fn parity<L: Lane<Number = f64>>(y: L) -> (L::Mask, L::Mask) {
    let half_way = y.number(0.5);
    // Half of y is an integer, or a half off one, or neither. All from 2⁵³ on are even integers.
    let size = y.abs().at_most(TWO_53);
    let half = half_way * size;
    let off = half - ((half + y.number(TWO_52)) - y.number(TWO_52));
    let odd = off.abs().equal(half_way);
    // Half of the least number is rounded to 0, which is no half of it.
    (odd | (off.equal(y.number(0.0)) & (half + half).equal(size)), odd)
}

/// The special cases around `power = |x|ʸ`, which need be right only for a finite `x` other than 0 and for no
/// NaN.
#[inline(always)]
fn complete<L: Lane<Number = f64>>(x: L, y: L, power: L) -> L {
    let (zero, one) = (x.number(0.0), x.number(1.0));
    let (infinity, nan) = (x.number(f64::INFINITY), x.number(f64::NAN));
    let size = x.abs();
    let (integer, odd) = parity(y);
    let end = L::select(size.equal(zero) ^ y.less(zero), zero, infinity);
    let power = L::select(size.equal(zero) | size.equal(infinity), end, power);
    let power = L::select(odd, power.copysign(x), power);
    let power = L::select(x.less(zero) & size.less(infinity) & !integer, nan, power);
    // A NaN does not equal itself.
    let power = L::select(x.equal(x) & y.equal(y), power, nan);
    L::select(x.equal(one) | y.equal(zero), one, power)
}

/// `xʸ`.
#[inline(always)]
pub(super) fn pow_f32<L: Lane<Number = f32>, M: MulAdd>(x: L, y: L) -> L {
    L::narrowed(pow_narrow::<L::Wide, M>(x.widened(), y.widened()))
}

/// `xʸ` to the digits of an `f32`.
#[inline(always)]
fn pow_narrow<L: Lane<Number = f64>, M: MulAdd>(x: L, y: L) -> L {
    // In f64 the denormals of f32 are normal.
    let (f, e) = split_f64(x.abs());
    let log = M::mul_add(f, M::polynomial(f, LOG2), exponent_f64(e));
    // The least |log| is about 2⁻²⁴: a y of 2⁴⁰ is as good as infinite, and does not make 0·∞ of 1 to it.
    let exponent = log * y.at_most(TWO_40).at_least(-TWO_40);
    let exponent = exponent.at_most(200.0).at_least(-200.0);
    let shift = x.number(ROUND_F64 + BIAS_F64);
    let shifted = exponent + shift;
    let f = exponent - (shifted - shift);
    let power = M::polynomial(f, EXP2) * L::from_bits(shifted.to_bits() << 52);
    complete(x, y, power)
}

/// `ln x` as a pair, for a positive finite `x`.
#[inline(always)]
pub(super) fn ln_pair<L: Lane<Number = f64>, M: MulAdd>(x: L) -> (L, L) {
    let number = |c| x.number(c);
    let two = number(2.0);
    let (f, k) = split_any_f64(x);
    // s = f / d with d = 2 + f a pair. The remainder of the first quotient is all but exact.
    let d = two + f;
    let d_low = f - (d - two);
    let inverse = number(1.0) / d;
    let s = f * inverse;
    let (back, back_low) = M::product(s, d);
    let s_low = (((f - back) - back_low) - s * d_low) * inverse;
    // z = s², third = z/3, and u = z/3 + z²·t(z).
    let (z, z_low) = M::product(s, s);
    let z_low = M::mul_add(two * s, s_low, z_low);
    let (third, third_low) = M::product(z, number(THIRD.0));
    // The lower part of z counts in the tail, too: there to first order, t being near 1/5.
    let slope = M::mul_add(z, number(0.4), number(THIRD.0));
    let third_low = M::mul_add(z, number(THIRD.1), M::mul_add(z_low, slope, third_low));
    let tail = z * z * M::polynomial(z, ARTANH);
    let u = third + tail;
    let u_low = ((third - u) + tail) + third_low;
    // 2s + 2s·u.
    let (twice, twice_low) = (two * s, two * s_low);
    let (v, v_low) = M::product(twice, u);
    let v_low = M::mul_add(twice, u_low, M::mul_add(twice_low, u, v_low));
    let m = twice + v;
    let m_low = ((twice - m) + v) + (twice_low + v_low);
    // k·ln 2 + that: the first term is either the larger one or 0.
    let octaves = k * number(LN_2_F64.0);
    let log = octaves + m;
    (log, ((octaves - log) + m) + M::mul_add(k, number(LN_2_F64.1), m_low))
}

/// `xʸ`.
#[inline(always)]
pub(super) fn pow_f64<L: Lane<Number = f64>, M: MulAdd>(x: L, y: L) -> L {
    let (log, log_low) = ln_pair::<L, M>(x.abs());
    // The least |log| is about 2⁻⁵³: a y of 2⁷⁰ is as good as infinite, and its products do not overflow.
    let y_finite = y.at_most(TWO_70).at_least(-TWO_70);
    let (exponent, low) = M::product(log, y_finite);
    let low = M::mul_add(log_low, y_finite, low);
    let bounded = exponent.at_most(710.0).at_least(-746.0);
    let low = L::select(bounded.equal(exponent), low, x.number(0.0));
    let (r, _, bits) = reduce_f64::<L, M>(bounded, ROUND_F64 + 2.0 * BIAS_F64);
    let power = exp_reduced_f64::<L, M>(r + low);
    complete(x, y, scale_f64(power, bits))
}
