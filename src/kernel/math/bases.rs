//! Exponentials and logarithms of the bases 2 and 10: `exp2`, `log2`, `log10`.
//!
//! **Method.** `2ˣ = 2ⁿ·e^(f·ln 2)` with `n` the nearest integer, which costs no reduction: whole powers are exact. For `f32`
//! logarithms are computed in `f64`, with the polynomial of [`pow`](super::pow); for `f64` the natural logarithm is the pair
//! of [`pow`](super::pow), times `1/ln 2` or `1/ln 10` as a pair, so that a logarithm that is a whole number is found to be
//! one.
//!
//! **Measured** (how: [`math`](super), on samples), largest error in ulp, fused / separate multiply-add:
//!
//! | type | exp2        | log2        | log10       |
//! |------|-------------|-------------|-------------|
//! | f32  | 0.84 / 0.93 | 0.50 / 0.50 | 0.50 / 0.50 |
//! | f64  | 0.81 / 0.91 | 0.50 / 0.50 | 0.50 / 0.50 |

use std::f32::consts as single;
use std::f64::consts as double;

use super::exp::{
    BIAS_F32, BIAS_F64, ROUND_F32, ROUND_F64, exp_reduced_f32, exp_reduced_f64, scale_f32, scale_f64,
};
use super::lane::Lane;
use super::ln::{at_ends_f64, exponent_f64, split_f64};
use super::mul_add::MulAdd;
use super::pow::{LOG2, ln_pair};

/// `1/ln 2` and `1/ln 10` as pairs.
const LOG2_E: (f64, f64) = (double::LOG2_E, 2.035_527_374_093_103_3e-17);
const LOG10_E: (f64, f64) = (double::LOG10_E, 1.098_319_650_216_765e-17);

/// `2ˣ`.
#[inline(always)]
pub(super) fn exp2_f32<L: Lane<Number = f32>, M: MulAdd>(x: L) -> L {
    let shift = x.number(ROUND_F32 + 2.0 * BIAS_F32);
    // 2¹²⁹ > MAX, and 2⁻¹⁵¹ is less than half the least denormal.
    let x = x.at_most(129.0).at_least(-151.0);
    let shifted = x + shift;
    let r = (x - (shifted - shift)) * x.number(single::LN_2);
    scale_f32(exp_reduced_f32::<L, M>(r), shifted.to_bits())
}

/// `2ˣ`.
#[inline(always)]
pub(super) fn exp2_f64<L: Lane<Number = f64>, M: MulAdd>(x: L) -> L {
    let shift = x.number(ROUND_F64 + 2.0 * BIAS_F64);
    let x = x.at_most(1025.0).at_least(-1076.0);
    let shifted = x + shift;
    let r = (x - (shifted - shift)) * x.number(double::LN_2);
    scale_f64(exp_reduced_f64::<L, M>(r), shifted.to_bits())
}

/// `log₂ x` of an `f32`, in `f64`.
#[inline(always)]
fn log2_wide<L: Lane<Number = f32>, M: MulAdd>(x: L) -> L::Wide {
    // In f64 the denormals of f32 are normal.
    let x = x.widened();
    let (f, e) = split_f64(x);
    at_ends_f64(x, M::mul_add(f, M::polynomial(f, LOG2), exponent_f64(e)))
}

/// `log₂ x`.
#[inline(always)]
pub(super) fn log2_f32<L: Lane<Number = f32>, M: MulAdd>(x: L) -> L {
    L::narrowed(log2_wide::<L, M>(x))
}

/// `log₁₀ x`.
#[inline(always)]
pub(super) fn log10_f32<L: Lane<Number = f32>, M: MulAdd>(x: L) -> L {
    let log = log2_wide::<L, M>(x);
    L::narrowed(log * log.number(double::LOG10_2))
}

/// `ln x` times a factor.
#[inline(always)]
fn log_f64<L: Lane<Number = f64>, M: MulAdd>(x: L, (factor, factor_low): (f64, f64)) -> L {
    let (factor, factor_low) = (x.number(factor), x.number(factor_low));
    let (log, log_low) = ln_pair::<L, M>(x);
    let (y, y_low) = M::product(log, factor);
    at_ends_f64(x, y + M::mul_add(log_low, factor, M::mul_add(log, factor_low, y_low)))
}

/// `log₂ x`.
#[inline(always)]
pub(super) fn log2_f64<L: Lane<Number = f64>, M: MulAdd>(x: L) -> L {
    log_f64::<L, M>(x, LOG2_E)
}

/// `log₁₀ x`.
#[inline(always)]
pub(super) fn log10_f64<L: Lane<Number = f64>, M: MulAdd>(x: L) -> L {
    log_f64::<L, M>(x, LOG10_E)
}
