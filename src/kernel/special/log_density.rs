//! Logarithms of the densities of the gamma and the beta distribution, which are also those of counts, and their slopes.
//!
//! For large parameters the terms are larger by far than their sum, so exponents are those of the incomplete functions, of
//! densities whose largest value is 1, in twice the digits; slopes are taken the same way, as what x is apart from a mean.

use super::beta::Point;
use super::digamma::{digamma, ln_less_digamma, polygamma_rise};
use super::elementary::ln_ratio;
use super::gamma::{HALF_LN_TAU, LARGE, from_mode, lgamma, stirling};
use super::incomplete_beta::{exchanged, gaps};
use super::twofold::Twofold;

/// (a - 1)·ln x - x - ln Γ(a).
pub(crate) fn gamma_log_density(a: f64, x: f64) -> f64 {
    if !(a >= 0.0 && x >= 0.0) {
        f64::NAN
    } else if x == f64::INFINITY || a == f64::INFINITY {
        f64::NEG_INFINITY
    } else if x == 0.0 {
        at_end(a, 0.0)
    } else if a < LARGE {
        (Twofold::sum(a, -1.0).times_ln(Twofold::ln(x)) - x.into()).value() - lgamma(a)
    } else {
        from_mode(a, x, Twofold::ln(x)).value() + (0.5 * a.ln() - x.ln()) - HALF_LN_TAU - stirling(a)
    }
}

/// The slope of that by a, ln x - ψ(a).
pub(crate) fn gamma_log_density_by_shape(a: f64, x: f64) -> f64 {
    if a < LARGE { x.ln() - digamma(a) } else { ln_ratio(x, a) + ln_less_digamma(a) }
}

/// The slope of that by x, (a - 1)/x - 1.
pub(crate) fn gamma_log_density_by_x(a: f64, x: f64) -> f64 {
    if x == 0.0 {
        return if a == 1.0 { -1.0 } else { (a - 1.0) * f64::INFINITY };
    }
    (Twofold::sum(a, -1.0) - x.into()).value() / x
}

/// A logarithm of (a - 1)·ln 0 and a rest, which is there where a is 1.
fn at_end(a: f64, rest: f64) -> f64 {
    if a == 1.0 { rest } else { (a - 1.0) * f64::NEG_INFINITY }
}

/// (a - 1)·ln x + (b - 1)·ln(1 - x) - ln B(a, b).
pub(crate) fn beta_log_density(a: f64, b: f64, x: f64) -> f64 {
    let is_inside = |of: f64| of > 0.0 && of < f64::INFINITY;
    if !(is_inside(a) && is_inside(b) && (0.0..=1.0).contains(&x)) {
        f64::NAN
    } else if x == 0.0 {
        at_end(a, b.ln())
    } else if x == 1.0 {
        at_end(b, a.ln())
    } else {
        let (exponent, factor) = Point::new(a, b, x).exponent([1.0; 2], Twofold::ln(a));
        let pole = if b < LARGE { b.ln() - (a + b).ln() } else { 0.0 };
        exponent.value() + (factor.ln() + pole)
    }
}

/// The slopes of that by a, and by b: ln x - ψ(a) + ψ(a + b).
pub(crate) fn beta_log_density_by_parameter(is_second: bool, a: f64, b: f64, x: f64) -> f64 {
    if !(a > 0.0 && b > 0.0 && (0.0..=1.0).contains(&x)) {
        return f64::NAN;
    }
    let point = Point::new(a, b, x);
    let point = if is_second { exchanged(point) } else { point };
    if point.a < LARGE || point.ln_x.high == f64::NEG_INFINITY {
        return point.ln_x.value() + polygamma_rise(0, point.a, point.b);
    }
    gaps(point.a, point.lack(point.a).value(), point, point.b, point.a)[0]
}

/// The slope of that by x, (a - 1)/x - (b - 1)/(1 - x).
pub(crate) fn beta_log_density_by_x(a: f64, b: f64, x: f64) -> f64 {
    let (of_a, of_b) = (Twofold::sum(a, -1.0), Twofold::sum(b, -1.0));
    if x == 0.0 {
        return if a == 1.0 { -of_b.value() } else { of_a.value() * f64::INFINITY };
    }
    if x == 1.0 {
        return if b == 1.0 { of_a.value() } else { of_b.value() * f64::NEG_INFINITY };
    }
    let y = Twofold::sum(1.0, -x);
    (of_a * y - of_b * x.into()).value() / x / y.value()
}
