//! The cube root.
//!
//! **Method.** A third of the upper half of the bits of `|x|` is, but for a constant, that of a number `t` within 4 % of the
//! root. Then `∛x = t·z^(−⅓)` with `z = t³/x` between 0.91 and 1.1, where a polynomial gives 23 bits; `t` is rounded to so
//! many, so that `t²` is exact, and one of Newton's steps gives the others. Denormals are first multiplied by `2⁵⁴`. For
//! `f32` the same is done in `f64`.
//!
//! **Polynomial**, fitted (see `fit.py`) to the least relative error: degree 4, 2⁻²⁴·⁰.
//!
//! **Measured** (how: [`math`](super), on samples), largest error in ulp: 0.66 of `f64`, 0.50 of `f32`.

use super::lane::{Lane, LaneBits};
use super::mul_add::MulAdd;

/// `z^(−⅓)` for `z` between 0.9097 and 1.0993.
const ROOT: [f64; 5] = [
    1.872_572_998_125_843_9,
    -1.871_608_775_514_083_3,
    1.601_614_464_258_085_8,
    -0.745_364_377_497_643_1,
    0.142_785_679_758_291_54,
];

/// Two thirds of the exponents' bias less 0.033, which makes the error of the first guess the same on both sides, in the
/// upper half of the bits.
const UPPER_THIRDS: u64 = 715_094_163;

const TWO_54: f64 = 18_014_398_509_481_984.0;
const TWO_18: f64 = 262_144.0;

/// `∛x`.
#[inline(always)]
pub(super) fn cbrt_f64<L: Lane<Number = f64>, M: MulAdd>(x: L) -> L {
    let number = |c| x.number(c);
    let size = x.abs();
    let denormal = size.less(number(f64::MIN_POSITIVE));
    let a = L::select(denormal, size * number(TWO_54), size);
    // An integer of 32 bits over 3, as a product of 64.
    let bits = a.to_bits();
    let third = (bits >> 32).wrapping_mul(bits.word(0xaaaa_aaab)) >> 33;
    let t = L::from_bits(third.wrapping_add(bits.word(UPPER_THIRDS)) << 32);
    let t = t * M::polynomial((t * t) * (t / a), ROOT);
    // To 23 bits; upwards, so that the step does not cancel.
    let t = L::from_bits(t.to_bits().wrapping_add(bits.word(0x8000_0000)) & bits.word(0xffff_ffff_c000_0000));
    let r = a / (t * t);
    let t = t + t * ((r - t) / (t + t + r));
    let root = L::select(denormal, t / number(TWO_18), t);
    L::select(number(0.0).less(size) & size.less(number(f64::INFINITY)), root.copysign(x), x)
}

/// `∛x`.
#[inline(always)]
pub(super) fn cbrt_f32<L: Lane<Number = f32>, M: MulAdd>(x: L) -> L {
    L::narrowed(cbrt_f64::<L::Wide, M>(x.widened()))
}
