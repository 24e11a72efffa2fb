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

use super::exp::{LN_2_F32, LN_2_F64};
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
fn split_f32(x: f32) -> (f32, u32) {
    // Moving √½ to 1 makes the exponent field count from √½; the significand is moved back.
    let bits = x.to_bits().wrapping_add(1.0_f32.to_bits() - LEAST_F32);
    let m = f32::from_bits((bits & 0x007f_ffff).wrapping_add(LEAST_F32));
    (m - 1.0, bits >> 23)
}

/// `(f, e)` of a positive normal `x = 2ᵉ⁻¹⁰²³·(1 + f)`.
#[inline(always)]
pub(super) fn split_f64(x: f64) -> (f64, u64) {
    let bits = x.to_bits().wrapping_add(1.0_f64.to_bits() - LEAST_F64);
    let m = f64::from_bits((bits & 0x000f_ffff_ffff_ffff).wrapping_add(LEAST_F64));
    (m - 1.0, bits >> 52)
}

/// The integer `e` as a float. (AVX2 has no conversion of 64-bit integers: the low bits of 2⁵² are what
/// serves.)
#[inline(always)]
pub(super) fn exponent_f64(e: u64) -> f64 {
    f64::from_bits(e | TWO_52.to_bits()) - TWO_52
}

/// `(f, k)` of a positive `x = 2ᵏ·(1 + f)` that may be denormal, `√½ ≤ 1 + f ≤ √2`.
#[inline(always)]
pub(super) fn split_any_f64(x: f64) -> (f64, f64) {
    let denormal = x < f64::MIN_POSITIVE;
    let (f, e) = split_f64(if denormal { x * TWO_52 } else { x });
    (f, exponent_f64(e) - if denormal { 1023.0 + 52.0 } else { 1023.0 })
}

/// `k·ln 2 + ln(1 + f)`.
#[inline(always)]
fn ln_split_f32<M: MulAdd>(f: f32, k: f32) -> f32 {
    let rest = M::mul_add(f * f, M::polynomial(f, LN_F32), k * LN_2_F32.1);
    M::mul_add(k, LN_2_F32.0, f + rest)
}

/// `k·ln 2 + ln(1 + f)`.
#[inline(always)]
fn ln_split_f64<M: MulAdd>(f: f64, k: f64) -> f64 {
    let s = f / (2.0 + f);
    let z = s * s;
    let rest = M::mul_add(s, M::mul_add(z, M::polynomial(z, LN_F64), -f), k * LN_2_F64.1);
    M::mul_add(k, LN_2_F64.0, f + rest)
}

/// `y`, or what the logarithm of `u` is where `u` is not positive and finite.
#[inline(always)]
fn at_ends_f32(u: f32, y: f32) -> f32 {
    // A NaN is not less than anything.
    let y = if u <= f32::MAX { y } else { u };
    let y = if u < 0.0 { f32::NAN } else { y };
    if u == 0.0 { f32::NEG_INFINITY } else { y }
}

/// [`at_ends_f32`] for `f64`.
#[inline(always)]
pub(super) fn at_ends_f64(u: f64, y: f64) -> f64 {
    // A NaN is not less than anything.
    let y = if u <= f64::MAX { y } else { u };
    let y = if u < 0.0 { f64::NAN } else { y };
    if u == 0.0 { f64::NEG_INFINITY } else { y }
}

/// `ln x`.
#[inline(always)]
pub(super) fn ln_f32<M: MulAdd>(x: f32) -> f32 {
    let denormal = x < f32::MIN_POSITIVE;
    let (f, e) = split_f32(if denormal { x * TWO_23 } else { x });
    let k = e as i32 - if denormal { 127 + 23 } else { 127 };
    at_ends_f32(x, ln_split_f32::<M>(f, k as f32))
}

/// `ln x`.
#[inline(always)]
pub(super) fn ln_f64<M: MulAdd>(x: f64) -> f64 {
    let (f, k) = split_any_f64(x);
    at_ends_f64(x, ln_split_f64::<M>(f, k))
}

/// `ln(1 + x)`.
#[inline(always)]
pub(super) fn log1p_f32<M: MulAdd>(x: f32) -> f32 {
    let u = 1.0 + x;
    let (f, e) = split_f32(u);
    // What rounding u lost (the larger addend is subtracted first), times 2⁻ᵏ. From 2⁶⁰ on the loss does not
    // matter, and 2⁻ᵏ would in the end not be a normal number.
    let lost = if x < 1.0 { x - (u - 1.0) } else { 1.0 - (u - x) };
    let whole = M::mul_add(lost, f32::from_bits(254_u32.wrapping_sub(e) << 23), f);
    let f = if x < TWO_60 as f32 { whole } else { f };
    let y = ln_split_f32::<M>(f, (e as i32 - 127) as f32);
    // The sign of the result is that of x: a zero's is restored by this.
    at_ends_f32(u, y).copysign(x)
}

/// `ln(1 + x)`.
#[inline(always)]
pub(super) fn log1p_f64<M: MulAdd>(x: f64) -> f64 {
    let u = 1.0 + x;
    let (f, e) = split_f64(u);
    let lost = if x < 1.0 { x - (u - 1.0) } else { 1.0 - (u - x) };
    let whole = M::mul_add(lost, f64::from_bits(2046_u64.wrapping_sub(e) << 52), f);
    let f = if x < TWO_60 { whole } else { f };
    let y = ln_split_f64::<M>(f, exponent_f64(e) - 1023.0);
    at_ends_f64(u, y).copysign(x)
}
