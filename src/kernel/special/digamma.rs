//! The derivatives of lgamma: digamma and the polygamma functions, and what these rise by from one number to another.
//!
//! Digamma is Taylor's series about its zeros near 1.46 and -0.5, so that no digit is lost there; elsewhere it is raised to
//! 10 by its recurrence (DLMF 5.5.2), from where on the asymptotic series (DLMF 5.11.2) has all digits; of negative numbers
//! it is reflected (DLMF 5.5.4). The others are n!·ζ(n + 1, x), with Hurwitz's zeta function by the formula of Euler and
//! Maclaurin (DLMF 25.11.5). A difference is the same sum of differences of powers, all of one sign.

use std::f64::consts::PI;

use super::gamma::{LARGE, ln_factorial};
use super::tables::{AT_NEGATIVE_ZERO, AT_POSITIVE_ZERO, BERNOULLI, NEGATIVE_ZERO, POSITIVE_ZERO};
use super::twofold::Twofold;

/// The derivative of lgamma; ∓∞ at ±0, and NaN at the other poles.
pub(crate) fn digamma(x: f64) -> f64 {
    let about = |[zero, rest]: [f64; 2], coefficients: &[f64]| {
        let z = (x - zero) - rest;
        z * coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * z + coefficient)
    };
    if x == 0.0 {
        -1.0 / x
    } else if (x - NEGATIVE_ZERO[0]).abs() < 0.12 {
        about(NEGATIVE_ZERO, &AT_NEGATIVE_ZERO)
    } else if x < 0.0 {
        digamma(1.0 - x) + PI * cotangent(-x)
    } else if (x - POSITIVE_ZERO[0]).abs() < 0.4 {
        about(POSITIVE_ZERO, &AT_POSITIVE_ZERO)
    } else {
        let (mut above, mut sum) = (x, 0.0);
        while above < LARGE {
            sum += 1.0 / above;
            above += 1.0;
        }
        above.ln() - (ln_less_digamma(above) + sum)
    }
}

/// cot πx, by the part of x that is not whole, which is exact.
fn cotangent(x: f64) -> f64 {
    let rest = x - x.round();
    if rest == 0.0 {
        f64::NAN
    } else if rest.abs() <= 0.25 {
        1.0 / (PI * rest).tan()
    } else {
        (PI * (0.5 - rest.abs())).tan() * rest.signum()
    }
}

/// ln x - digamma x, for large x.
pub(super) fn ln_less_digamma(x: f64) -> f64 {
    let square = 1.0 / (x * x);
    let terms = BERNOULLI.iter().zip(1..13_u32).rev();
    0.5 / x + square * terms.fold(0.0, |sum, (b, n)| sum * square + b / f64::from(2 * n))
}

/// The n-th derivative of digamma; at 0 its limit from the right, and NaN at the other poles.
pub(crate) fn polygamma(n: u32, x: f64) -> f64 {
    if n == 0 {
        return digamma(x);
    }
    let sign = if n.is_multiple_of(2) { -1.0 } else { 1.0 };
    if x.is_nan() || x == f64::NEG_INFINITY {
        return f64::NAN;
    }
    if x > 0.0 {
        return sign * hurwitz(n, x, f64::INFINITY);
    }
    if x == 0.0 {
        return f64::INFINITY * if x.is_sign_negative() { 1.0 } else { sign };
    }
    // The sum over all integers, less that over those beyond x.
    let rest = x - x.round();
    if rest == 0.0 {
        return f64::NAN;
    }
    let s = f64::from(n) + 1.0;
    let nearest = (ln_factorial(n) - Twofold::ln(rest.abs()) * s.into()).exp();
    let [above, below] = [1.0 + rest, 1.0 - rest].map(|x| hurwitz(n, x, f64::INFINITY));
    let beyond = hurwitz(n, 1.0 - x, f64::INFINITY);
    if sign > 0.0 {
        nearest + above + below - beyond
    } else {
        (below - above) - nearest * rest.signum() - beyond
    }
}

/// What the n-th derivative of digamma is more at a + b than at a, for a above 0 and b from 0 on.
pub(crate) fn polygamma_rise(n: u32, a: f64, b: f64) -> f64 {
    if !(a >= 0.0 && b >= 0.0) {
        return f64::NAN;
    }
    let sign = if n.is_multiple_of(2) { 1.0 } else { -1.0 };
    sign * hurwitz(n, a, b)
}

/// n!·(ζ(s, x) - ζ(s, x + b)) for s = n + 1, for x above 0; where b is ∞, the latter is 0.
///
/// All is computed relative to x⁻ˢ, which may be beyond the range where the result is not.
fn hurwitz(n: u32, x: f64, b: f64) -> f64 {
    if x == f64::INFINITY {
        return 0.0;
    }
    let s = f64::from(n) + 1.0;
    // What the power -p lacks at x + b of what it is at x, relative to this.
    let lack = |x: f64, p: f64| if b == f64::INFINITY { 1.0 } else { -(-p * (b / x).ln_1p()).exp_m1() };
    let (mut z, mut k, mut sum) = (x, 0.0_f64, 0.0);
    while z < LARGE + s / 2.0 {
        let power = (-s * (k / x).ln_1p()).exp();
        sum += power * lack(z, s);
        if power < 1e-18 {
            return scaled(n, x, sum);
        }
        k += 1.0;
        z = x + k;
    }
    // z⁻ˢ·(z/(s - 1) + 1/2 + s/(12·z) - ..).
    let power = (-s * (k / x).ln_1p()).exp();
    let leading = if n == 0 { (b / z).ln_1p() * z } else { z / f64::from(n) * lack(z, f64::from(n)) };
    let (mut rising, mut tail) = (s / (2.0 * z), 0.0);
    for (n, bernoulli) in (1_u32..).zip(&BERNOULLI) {
        let p = f64::from(2 * n) - 1.0;
        tail += bernoulli * rising * lack(z, s + p);
        rising *= (s + p) / z * (s + p + 1.0) / z / ((p + 2.0) * (p + 3.0));
    }
    scaled(n, x, sum + power * (leading + 0.5 * lack(z, s) + tail))
}

/// n!·x⁻ˢ times a number, for s = n + 1.
fn scaled(n: u32, x: f64, sum: f64) -> f64 {
    match n {
        0 => sum / x,
        1 => sum / x / x,
        _ => (ln_factorial(n) - Twofold::ln(x) * f64::from(n).into()).exp() * (sum / x),
    }
}
