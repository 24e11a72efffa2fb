//! The gamma function, its logarithm, and the weight xᵃ·e⁻ˣ/Γ(a + 1) of the incomplete ones.
//!
//! Near 1 and 2, where the logarithm is 0, it is Taylor's series about 2 (Abramowitz & Stegun 6.1.33), so that no digit is
//! lost; from there to 10 with the product of the steps between; beyond, Stirling's series (DLMF 5.11.1); for negative
//! numbers, reflection (DLMF 5.5.3).

use std::f64::consts::PI;

use super::tables::{BERNOULLI, LGAMMA_AT_2};
use super::twofold::Twofold;

/// 1 - γ.
const ONE_LESS_EULER: f64 = 0.422_784_335_098_467_13;
/// ln(2π)/2.
pub(super) const HALF_LN_TAU: f64 = 0.918_938_533_204_672_8;
/// What that lacks.
const HALF_LN_TAU_REST: f64 = -3.878_294_158_067_241_4e-17;
/// √(2π).
pub(super) const SQRT_TAU: f64 = 2.506_628_274_631_000_7;
/// From here on asymptotic series have all digits.
pub(super) const LARGE: f64 = 10.0;

/// ln |Γ(x)|; ∞ at the poles, which are 0 and the negative integers.
pub(crate) fn lgamma(x: f64) -> f64 {
    if x.is_nan() {
        x
    } else if x <= 0.0 {
        // |Γ(-y)| = π/(|sin πy|·Γ(1 + y)), where y less an integer is exact.
        let sine = (PI * (x - x.round())).sin().abs();
        if x == f64::NEG_INFINITY || sine == 0.0 {
            f64::INFINITY
        } else {
            -(sine / PI).ln() - lgamma(1.0 - x)
        }
    } else if x < 0.5 {
        lgamma_1p(x) - x.ln()
    } else if x < 1.5 {
        lgamma_1p(x - 1.0)
    } else if x < LARGE {
        let (rest, product) = stepped_down(x);
        about_2(rest) + product.ln()
    } else {
        (x - 0.5) * (x.ln() - 1.0) + (HALF_LN_TAU - 0.5) + stirling(x)
    }
}

/// ln Γ(2 + z), for z between -1/2 and 1/2.
fn about_2(z: f64) -> f64 {
    let sum = LGAMMA_AT_2.iter().rev().fold(0.0, |sum, coefficient| sum * z + coefficient);
    z * (ONE_LESS_EULER + z * sum)
}

/// ln Γ(1 + z), for z between -1/2 and 1.
pub(super) fn lgamma_1p(z: f64) -> f64 {
    if z > 0.5 { about_2(z - 1.0) } else { about_2(z) - z.ln_1p() }
}

/// z between -1/2 and 1/2, and a product, such that Γ(x) = product·Γ(2 + z), for x from 3/2 on.
fn stepped_down(x: f64) -> (f64, f64) {
    let (mut rest, mut product) = (x - 2.0, 1.0);
    while rest > 0.5 {
        product *= rest + 1.0;
        rest -= 1.0;
    }
    (rest, product)
}

/// Γ(1 + z), for z from 0 to a few times 10.
pub(super) fn gamma_1p(z: f64) -> f64 {
    if z < 0.5 {
        return about_2(z).exp() / (1.0 + z);
    }
    let (rest, product) = stepped_down(1.0 + z);
    about_2(rest).exp() * product
}

/// What ln Γ(x) is more than (x - 1/2)·ln x - x + ln(2π)/2, for large x.
pub(super) fn stirling(x: f64) -> f64 {
    let square = 1.0 / (x * x);
    let terms = BERNOULLI.iter().zip(1..13_u32).rev();
    terms.fold(0.0, |sum, (b, n)| sum * square + b / f64::from(2 * n * (2 * n - 1))) / x
}

/// ln n!.
pub(super) fn ln_factorial(n: u32) -> Twofold {
    // Exact up to there.
    if n <= 22 {
        return Twofold::ln((1..=n).map(f64::from).product());
    }
    let x = f64::from(n) + 1.0;
    let leading = Twofold::ln(x) * (x - 0.5).into() - x.into();
    leading + Twofold::sum(HALF_LN_TAU, HALF_LN_TAU_REST) + stirling(x).into()
}

/// c·xᵃ⁻ᵐ·e⁻ˣ/Γ(a + 1), of which no exponent loses digits, for a and x from 0 on, m as small as 0, 1, 2, and a factor c by
/// its logarithm.
pub(super) fn gamma_weight(a: f64, x: f64, m: f64, ln_factor: Twofold) -> f64 {
    if x == f64::INFINITY || a == f64::INFINITY {
        return 0.0;
    }
    let ln_x = Twofold::ln(x);
    if a < LARGE {
        return (Twofold::sum(a, -m).times_ln(ln_x) - x.into() + ln_factor).exp() / gamma_1p(a);
    }
    let exponent = from_mode(a, x, ln_x);
    (exponent - Twofold::from(m).times_ln(ln_x) - stirling(a).into() + ln_factor).exp()
        / (SQRT_TAU * a.sqrt())
}

/// a·(ln(x/a) - (x - a)/a), the exponent of a density whose largest value is 1.
pub(super) fn from_mode(a: f64, x: f64, ln_x: Twofold) -> Twofold {
    let lack = Twofold::sum(x, -a);
    let relative = lack / a.into();
    if (-0.5..=1.0).contains(&relative.high) {
        Twofold::ln_1p_less(relative) * a.into()
    } else {
        (ln_x - Twofold::ln(a)) * a.into() - lack
    }
}

/// What ln(Γ(b + a)/Γ(b)) is more than a·ln b, for a large b and an a that is not larger.
pub(super) fn rise_over_power(b: f64, a: f64) -> Twofold {
    let ratio = Twofold::from(a) / b.into();
    let less = Twofold::ln_1p_less(ratio);
    let logarithm = less + ratio;
    less * b.into() + logarithm * Twofold::sum(a, -0.5) + (stirling(a + b) - stirling(b)).into()
}
