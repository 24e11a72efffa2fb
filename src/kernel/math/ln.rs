//! `ln` and `log1p`.
//!
//! **Method.** `x = 2ᵏ·(1 + f)` with `1 + f` between `√½` and `√2`, taken from the bits; `ln x = k·ln 2 +
//! ln(1 + f)`. `log1p` splits `u = 1 + x` so and adds what rounding `u` lost, `2⁻ᵏ` of it, to `f`: for small
//! `x` (`k = 0`) the sum is `x` again, exactly. Denormals are first multiplied by a power of two.
//!
//! **Polynomial.** For `f32`, `ln(1 + f) ≈ f + f²·p(f)`: a longer polynomial is cheaper than a division. For
//! `f64`, with `s = f / (2 + f)` and `z = s²`, `ln(1 + f) = 2·artanh s = f − s·(f − z·q(z))`: here the
//! division is cheaper. Both fitted (see `fit.py`) to the least relative error of the logarithm:
//!
//! | type | variable | degree | relative error |
//! |------|----------|--------|----------------|
//! | f32  | f        | 10     | 2⁻²⁷·³         |
//! | f64  | z        | 7      | 2⁻⁵⁹·⁵         |
//!
//! `ln 2` comes in two parts as in [`exp`](super::exp), so that `k` times the first is exact.
//!
//! **Measured** (how: [`math`](super)), largest error in ulp, fused / separate multiply-add:
//!
//! | type | ln          | log1p       |
//! |------|-------------|-------------|
//! | f32  | 0.91 / 0.97 | 1.52 / 1.60 |
//! | f64  | 0.91 / 0.94 | 1.50 / 1.54 |

use super::exp::{BIAS_F32, BIAS_F64, LN_2_F32, LN_2_F64};
use super::lane::{Lane, LaneBits};
use super::mul_add::MulAdd;

/// `p` of `ln(1 + f) ≈ f + f²·p(f)` on `√½ ≤ 1 + f ≤ √2`.
const LN_F32: [f32; 9] = [
    -0.5,
    0.333_333_3,
    -0.250_008_23,
    0.200_012_6,
    -0.166_233_61,
    0.142_011_21,
    -0.131_593_97,
    0.127_650_98,
    -0.076_406_77,
];
/// `q` of `2·artanh s ≈ s·(2 + z·q(z))`, `z = s²`, for `|s| ≤ (√2 − 1) / (√2 + 1)`.
const LN_F64: [f64; 7] = [
    0.666_666_666_666_673_4,
    0.399_999_999_994_170_5,
    0.285_714_287_418_900_9,
    0.222_221_986_219_838_85,
    0.181_835_618_835_448_02,
    0.153_141_110_269_163_4,
    0.147_953_621_826_695_41,
];

const TWO_23: f32 = 8_388_608.0;
const TWO_52: f64 = 4_503_599_627_370_496.0;
const TWO_60: f64 = 1_152_921_504_606_846_976.0;

/// The bits of `√½`, the least `1 + f`.
const LEAST_F32: u32 = std::f32::consts::FRAC_1_SQRT_2.to_bits();
const LEAST_F64: u64 = std::f64::consts::FRAC_1_SQRT_2.to_bits();

/// `(f, e)` of a positive normal `x = 2ᵉ⁻¹²⁷·(1 + f)`.
#[inline(always)]
fn split_f32<L: Lane<Number = f32>>(x: L) -> (L, L::Bits) {
    // Moving √½ to 1 makes the exponent field count from √½; the significand is moved back.
    let bits = x.to_bits();
    let bits = bits.wrapping_add(bits.word(1.0_f32.to_bits() - LEAST_F32));
    let m = L::from_bits((bits & bits.word(0x007f_ffff)).wrapping_add(bits.word(LEAST_F32)));
    (m - x.number(1.0), bits >> 23)
}

/// `(f, e)` of a positive normal `x = 2ᵉ⁻¹⁰²³·(1 + f)`.
#[inline(always)]
pub(super) fn split_f64<L: Lane<Number = f64>>(x: L) -> (L, L::Bits) {
    let bits = x.to_bits();
    let bits = bits.wrapping_add(bits.word(1.0_f64.to_bits() - LEAST_F64));
    let m = L::from_bits((bits & bits.word(0x000f_ffff_ffff_ffff)).wrapping_add(bits.word(LEAST_F64)));
    (m - x.number(1.0), bits >> 52)
}

/// The integer `e`, below 2²³, as a float that is 2²³ too large: `e` is its low bits. What is subtracted from it
/// counts that in.
#[inline(always)]
fn raised_f32<L: Lane<Number = f32>>(e: L::Bits) -> L {
    L::from_bits(e | e.word(TWO_23.to_bits()))
}

/// [`raised_f32`] for `f64` and 2⁵². (AVX2 has no conversion of 64-bit integers.)
#[inline(always)]
fn raised_f64<L: Lane<Number = f64>>(e: L::Bits) -> L {
    L::from_bits(e | e.word(TWO_52.to_bits()))
}

/// `e` without its bias.
#[inline(always)]
pub(super) fn exponent_f64<L: Lane<Number = f64>>(e: L::Bits) -> L {
    let raised = raised_f64::<L>(e);
    raised - raised.number(TWO_52 + BIAS_F64)
}

/// `(f, k)` of a positive `x = 2ᵏ·(1 + f)` that may be denormal, `√½ ≤ 1 + f ≤ √2`.
#[inline(always)]
fn split_any_f32<L: Lane<Number = f32>>(x: L) -> (L, L) {
    let denormal = x.less(x.number(f32::MIN_POSITIVE));
    let (f, e) = split_f32(L::select(denormal, x * x.number(TWO_23), x));
    let (bias, bias_denormal) = (x.number(TWO_23 + BIAS_F32), x.number(TWO_23 + BIAS_F32 + 23.0));
    (f, raised_f32::<L>(e) - L::select(denormal, bias_denormal, bias))
}

/// [`split_any_f32`] for `f64`.
#[inline(always)]
pub(super) fn split_any_f64<L: Lane<Number = f64>>(x: L) -> (L, L) {
    let denormal = x.less(x.number(f64::MIN_POSITIVE));
    let (f, e) = split_f64(L::select(denormal, x * x.number(TWO_52), x));
    let (bias, bias_denormal) = (x.number(TWO_52 + BIAS_F64), x.number(TWO_52 + BIAS_F64 + 52.0));
    (f, raised_f64::<L>(e) - L::select(denormal, bias_denormal, bias))
}

/// `k·ln 2 + ln(1 + f)`.
#[inline(always)]
fn ln_split_f32<L: Lane<Number = f32>, M: MulAdd>(f: L, k: L) -> L {
    let rest = M::mul_add(f * f, M::polynomial(f, LN_F32), k * f.number(LN_2_F32.1));
    M::mul_add(k, f.number(LN_2_F32.0), f + rest)
}

/// `k·ln 2 + ln(1 + f)`.
#[inline(always)]
fn ln_split_f64<L: Lane<Number = f64>, M: MulAdd>(f: L, k: L) -> L {
    let s = f / (f.number(2.0) + f);
    let z = s * s;
    let rest = M::mul_add(s, M::mul_add(z, M::polynomial(z, LN_F64), -f), k * f.number(LN_2_F64.1));
    M::mul_add(k, f.number(LN_2_F64.0), f + rest)
}

/// `y`, or what the logarithm of `u` is where `u` is not positive and finite.
#[inline(always)]
fn at_ends_f32<L: Lane<Number = f32>>(u: L, y: L) -> L {
    let zero = u.number(0.0);
    let end = L::select(u.less(zero), u.number(f32::NAN), u);
    let end = L::select(u.equal(zero), u.number(f32::NEG_INFINITY), end);
    // A NaN is not less than anything. This comes last, so that the ends do not wait for y.
    L::select(zero.less(u) & u.less_equal(u.number(f32::MAX)), y, end)
}

/// [`at_ends_f32`] for `f64`.
#[inline(always)]
pub(super) fn at_ends_f64<L: Lane<Number = f64>>(u: L, y: L) -> L {
    let zero = u.number(0.0);
    let end = L::select(u.less(zero), u.number(f64::NAN), u);
    let end = L::select(u.equal(zero), u.number(f64::NEG_INFINITY), end);
    // A NaN is not less than anything. This comes last, so that the ends do not wait for y.
    L::select(zero.less(u) & u.less_equal(u.number(f64::MAX)), y, end)
}

/// `ln x`.
#[inline(always)]
pub(super) fn ln_f32<L: Lane<Number = f32>, M: MulAdd>(x: L) -> L {
    let (f, k) = split_any_f32(x);
    at_ends_f32(x, ln_split_f32::<L, M>(f, k))
}

/// `ln x`.
#[inline(always)]
pub(super) fn ln_f64<L: Lane<Number = f64>, M: MulAdd>(x: L) -> L {
    let (f, k) = split_any_f64(x);
    at_ends_f64(x, ln_split_f64::<L, M>(f, k))
}

/// `ln(1 + x)`.
#[inline(always)]
pub(super) fn log1p_f32<L: Lane<Number = f32>, M: MulAdd>(x: L) -> L {
    let one = x.number(1.0);
    let u = one + x;
    let (f, e) = split_f32(u);
    // What rounding u lost (the larger addend is subtracted first), times 2⁻ᵏ. From 2⁶⁰ on the loss does not
    // matter, and 2⁻ᵏ would in the end not be a normal number.
    let lost = L::select(x.less(one), x - (u - one), one - (u - x));
    let whole = M::mul_add(lost, L::from_bits(e.word(254).wrapping_sub(e) << 23), f);
    let f = L::select(x.less(x.number(TWO_60 as f32)), whole, f);
    let y = ln_split_f32::<L, M>(f, raised_f32::<L>(e) - x.number(TWO_23 + BIAS_F32));
    // The sign of the result is that of x: a zero's is restored by this.
    at_ends_f32(u, y).copysign(x)
}

/// `ln(1 + x)`.
#[inline(always)]
pub(super) fn log1p_f64<L: Lane<Number = f64>, M: MulAdd>(x: L) -> L {
    let one = x.number(1.0);
    let u = one + x;
    let (f, e) = split_f64(u);
    let lost = L::select(x.less(one), x - (u - one), one - (u - x));
    let whole = M::mul_add(lost, L::from_bits(e.word(2046).wrapping_sub(e) << 52), f);
    let f = L::select(x.less(x.number(TWO_60)), whole, f);
    let y = ln_split_f64::<L, M>(f, exponent_f64(e));
    at_ends_f64(u, y).copysign(x)
}
