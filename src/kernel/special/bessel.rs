//! The modified Bessel functions of orders 0 and 1, by themselves and times e^-|x|, and the derivatives of the first.
//!
//! The functions are Chebyshev series, as in Cephes: of the scaled function up to 8, and of √x times it beyond. The
//! derivatives of e⁻ˣ·I₀(x), which differences of these would lose, are the integrals of (cos θ - 1)ⁿ·e^(x·(cos θ - 1)) over
//! a half turn (DLMF 10.32.1), by the rule of trapezoids, which converges faster than any power.

use std::f64::consts::PI;
use std::sync::LazyLock;

use super::tables::{I0_FAR, I0_NEAR, I1_FAR, I1_NEAR};

/// The sum of a Chebyshev series, by Clenshaw's recurrence.
fn chebyshev(coefficients: &[f64], t: f64) -> f64 {
    let (mut last, mut before) = (0.0, 0.0);
    for coefficient in coefficients[1..].iter().rev() {
        (last, before) = (2.0 * t * last - before + coefficient, last);
    }
    t * last - before + coefficients[0]
}

/// e^-|x|·I₀(x).
pub(crate) fn i0e(x: f64) -> f64 {
    let size = x.abs();
    if size <= 8.0 {
        chebyshev(&I0_NEAR, size / 4.0 - 1.0)
    } else {
        chebyshev(&I0_FAR, 16.0 / size - 1.0) / size.sqrt()
    }
}

/// e^-|x|·I₁(x).
pub(crate) fn i1e(x: f64) -> f64 {
    let size = x.abs();
    if size <= 8.0 {
        x * chebyshev(&I1_NEAR, size / 4.0 - 1.0)
    } else {
        chebyshev(&I1_FAR, 16.0 / size - 1.0) / size.sqrt() * x.signum()
    }
}

/// eˣ·y, also where the power alone is beyond the range.
fn times_exp(x: f64, y: f64) -> f64 {
    let root = (0.5 * x).exp();
    y * root * root
}

/// The highest derivative of I₀: an exponent of cosines.
pub(crate) const MOST_OF_I0: u32 = 64;

/// The n-th derivative of I₀(x), which is I₁(x) for n = 1: the mean of cosⁿ θ·e^(x·cos θ) over all angles, whose two halves
/// are taken together, so that none of an odd order cancel.
pub(crate) fn i0_derivative(n: u32, x: f64) -> f64 {
    let size = x.abs();
    let sign = if n.is_multiple_of(2) || x >= 0.0 { 1.0 } else { -1.0 };
    match n {
        0 => times_exp(size, i0e(size)),
        1 => sign * times_exp(size, i1e(size)),
        _ if size < 100.0 => {
            let half = |x: f64| if n.is_multiple_of(2) { x.cosh() } else { x.sinh() };
            let term = |fall: f64| (1.0 - fall).powi(n as i32) * half(size * (1.0 - fall));
            let inner: f64 = FALLS[1..PARTS as usize / 2].iter().rev().map(|&fall| term(fall)).sum();
            sign * (2.0 * inner + term(0.0)) / f64::from(PARTS)
        }
        _ => sign * times_exp(size, far(size, |fall| (1.0 - fall).powi(n as i32))),
    }
}

/// The highest derivative.
pub(crate) const MOST_DERIVATIVES: u32 = 8;

/// Parts of a half turn.
const PARTS: u32 = 64;

/// Where x is large, the width of the parts of w.
const STEP: f64 = 0.25;

/// 1 - cos θ at the ends of the parts.
static FALLS: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let fall = |part: u32| 2.0 * (PI * f64::from(part) / f64::from(2 * PARTS)).sin().powi(2);
    (0..=PARTS).map(fall).collect()
});

/// The mean of (1 - cos θ)ⁿ·e^(|x|·(cos θ - 1)) over all angles: the n-th derivative of e⁻ˣ·I₀(x) times (-1)ⁿ.
pub(crate) fn i0e_decay(n: u32, x: f64) -> f64 {
    let x = x.abs();
    if x < 100.0 {
        let term = |fall: f64| fall.powi(n as i32) * (-x * fall).exp();
        let ends = 0.5 * (term(0.0) + term(2.0));
        let inner: f64 = FALLS[1..PARTS as usize].iter().rev().map(|&fall| term(fall)).sum();
        return (inner + ends) / f64::from(PARTS);
    }
    if x.is_nan() || x == f64::INFINITY {
        return 1.0 / x;
    }
    far(x, |fall| (x * fall).powi(n as i32)) * x.recip().powi(n as i32)
}

/// The mean of e^(x·(cos θ - 1)) times a factor of 1 - cos θ over all angles, for a large x.
fn far(x: f64, factor: impl Fn(f64) -> f64) -> f64 {
    // With 1 - cos θ = w²/x, of which nothing is left beyond 9.
    let term = |step: u32| {
        let square = (STEP * f64::from(step)).powi(2);
        factor(square / x) * (-square).exp() / (2.0 - square / x).sqrt()
    };
    let sum = 0.5 * term(0) + (1..=36).rev().map(term).sum::<f64>();
    2.0 * STEP / PI * sum * x.sqrt().recip()
}
