//! The beta function, its logarithm, and the weight xᵃ·(1 - x)ᵇ/(a·B(a, b)) of the incomplete one.
//!
//! Where a parameter is large, ln Γ(b + a) - ln Γ(b) is taken as a whole, by Stirling's series (DiDonato & Morris, 1992,
//! "Algorithm 708"): of the parts each, digits would be lost that the difference needs.

use super::gamma::{HALF_LN_TAU, LARGE, SQRT_TAU, gamma_1p, lgamma, rise_over_power, stirling};
use super::twofold::Twofold;

/// ln B(a, b), for parameters above 0.
pub(crate) fn lbeta(a: f64, b: f64) -> f64 {
    let is_inside = a >= 0.0 && b >= 0.0;
    let (a, b) = (a.min(b), a.max(b));
    let is_open = a == 0.0 && b == f64::INFINITY;
    if !is_inside || is_open {
        f64::NAN
    } else if a == 0.0 || b == f64::INFINITY {
        if a == 0.0 { f64::INFINITY } else { f64::NEG_INFINITY }
    } else if a >= LARGE {
        // B has the factors (a/(a + b))ᵃ and (b/(a + b))ᵇ.
        let of_a = -a * (b / a).ln_1p();
        let of_b = -b * (a / b).ln_1p();
        let root = (a.ln() - (a / b).ln_1p()) * -0.5;
        of_a + of_b + root + HALF_LN_TAU + stirling(a) + stirling(b) - stirling(a + b)
    } else if b >= LARGE {
        lgamma(a) - (Twofold::ln(b) * a.into() + rise_over_power(b, a)).value()
    } else {
        lgamma(a) + (lgamma(b) - lgamma(a + b))
    }
}

/// B(a, b), for parameters above 0.
pub(crate) fn beta(a: f64, b: f64) -> f64 {
    let is_inside = |of: f64| of > 0.0 && of < f64::INFINITY;
    if !is_inside(a) || !is_inside(b) {
        return lbeta(a, b).exp();
    }
    let (a, b) = (a.min(b), a.max(b));
    if b < LARGE {
        return gamma_1p(a) * gamma_1p(b) / gamma_1p(a + b) * ((a + b) / b) / a;
    }
    if a < LARGE {
        return (-(Twofold::ln(b) * a.into() + rise_over_power(b, a))).exp() * gamma_1p(a) / a;
    }
    // Below the least number long before a product leaves the range.
    if b > 1e300 {
        return 0.0;
    }
    let of_a = Twofold::ln_1p_of(b, a) * (-a).into();
    let of_b = Twofold::ln_1p_of(a, b) * (-b).into();
    let rest = stirling(a) + stirling(b) - stirling(a + b);
    (of_a + of_b + rest.into()).exp() * SQRT_TAU * ((1.0 + a / b) / a).sqrt()
}

/// A point of [0, 1] for parameters a and b, from one of its ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) a: f64,
    pub(super) b: f64,
    pub(super) x: f64,
    /// 1 - x, and its rest.
    pub(super) y: Twofold,
    pub(super) ln_x: Twofold,
    pub(super) ln_y: Twofold,
}

impl Point {
    pub(super) fn new(a: f64, b: f64, x: f64) -> Self {
        // Where the sum of the parameters is beyond the range, the distribution is a step, also that of smaller ones.
        let (a, b) = if a + b == f64::INFINITY { (a / 4.0, b / 4.0) } else { (a, b) };
        let ln_y = Twofold::ln_1p(-x);
        Point { a, b, x, y: Twofold::sum(1.0, -x), ln_x: Twofold::ln(x), ln_y }
    }

    /// a·(1 - x) - b·x: 0 where x is the mean a/(a + b), and positive before it.
    pub(super) fn lack(self, a: f64) -> Twofold {
        self.y * a.into() - Twofold::product(self.b, self.x)
    }

    /// c·xᵃ⁻ᵐ·yᵇ⁻ⁿ/(a·B(a, b)) for a factor c by its logarithm; where b is not large, only the part of it that has no pole,
    /// over `pole` of a and b.
    pub(super) fn weight(self, powers: [f64; 2], ln_factor: Twofold) -> f64 {
        let (exponent, factor) = self.exponent(powers, ln_factor);
        exponent.exp() * factor
    }

    /// The weight as a power of e with a factor.
    pub(super) fn exponent(self, [m, n]: [f64; 2], ln_factor: Twofold) -> (Twofold, f64) {
        let Point { a, b, ln_x, ln_y, .. } = self;
        if a < LARGE && b < LARGE {
            let factor = gamma_1p(a + b) / (gamma_1p(a) * gamma_1p(b));
            let of_both = Twofold::sum(a, -m).times_ln(ln_x) + Twofold::sum(b, -n).times_ln(ln_y);
            return (of_both + ln_factor, factor);
        }
        if a < LARGE {
            let of_a = Twofold::sum(a, -m).times_ln(ln_x) + Twofold::ln(b) * a.into();
            let exponent = of_a + Twofold::sum(b, -n).times_ln(ln_y) + rise_over_power(b, a) + ln_factor;
            return (exponent, 1.0 / gamma_1p(a));
        }
        if b < LARGE {
            let of_b = Twofold::sum(b, -n).times_ln(ln_y) + Twofold::ln(a) * b.into();
            let exponent = Twofold::sum(a, -m).times_ln(ln_x) + of_b + rise_over_power(a, b) + ln_factor;
            return (exponent, (1.0 + b / a) / gamma_1p(b));
        }
        // The exponents of a density whose largest value is 1: of x over the mean, and of y over what it is there.
        let lack = self.lack(a);
        let sum = Twofold::sum(a, b);
        let part = |of: f64, lack: Twofold, logarithm: Twofold| {
            let relative = lack / of.into();
            if (-0.5..=1.0).contains(&relative.high) {
                Twofold::ln_1p_less(relative) * of.into()
            } else {
                let ln_sum = Twofold::ln(sum.high) + (sum.low / sum.high).into();
                (logarithm + ln_sum - Twofold::ln(of)) * of.into() - lack
            }
        };
        let exponent = part(a, -lack, ln_x) + part(b, lack, ln_y)
            - Twofold::from(m).times_ln(ln_x)
            - Twofold::from(n).times_ln(ln_y);
        let rest = stirling(a + b) - stirling(a) - stirling(b);
        (exponent + rest.into() + ln_factor, 1.0 / (SQRT_TAU * a.sqrt() * (1.0 + a / b).sqrt()))
    }

    /// The factor that the weight lacks where b is not large: b/(a + b).
    pub(super) fn pole(self) -> f64 {
        if self.b < LARGE { self.b / (self.a + self.b) } else { 1.0 }
    }
}
