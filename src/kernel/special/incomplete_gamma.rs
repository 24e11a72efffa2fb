//! The regularized incomplete gamma functions P and Q, their derivatives by the parameter, and the density between.
//!
//! With t = x·e^(∓s) the integral up to x, or from x on, is xᵃ·e⁻ˣ times that of e^(-φ(s)), where φ is convex and 0 at 0
//! (`quadrature`), so one number carries what under- or overflows, and the rest is a sum of positive terms. A parameter below
//! 10 is raised to it by the terms of the power series (DLMF 8.7.1), which are positive, too. The n-th derivative by a has
//! the same integrand times a polynomial of ln t - ψ(a). On the side of the mean where x lies, the first has one sign: no
//! digit is lost, however small it is. Q of a parameter below 1 and an x below 1/2 is taken from 1 - xᵃ/Γ(1 + a) (DiDonato
//! & Morris, 1986, "Computation of the incomplete gamma function ratios and their inverse").

use super::digamma::{digamma, ln_less_digamma, polygamma};
use super::elementary::{exp_m1_less, ln_ratio};
use super::gamma::{LARGE, gamma_weight, lgamma_1p};
use super::quadrature::{Exponent, integral, series};
use super::twofold::Twofold;

/// The highest derivative by the parameter.
pub(crate) const MOST_DERIVATIVES: u32 = 3;

/// P(a, x), the share of the gamma distribution that is below x.
pub(crate) fn gammainc(a: f64, x: f64) -> f64 {
    match at_end(a, x) {
        Some(share) => share,
        None if is_lower(a, x) => lower(0, a, x).min(1.0),
        None => 1.0 - upper(0, a, x).min(1.0),
    }
}

/// Q(a, x) = 1 - P(a, x).
pub(crate) fn gammaincc(a: f64, x: f64) -> f64 {
    match at_end(a, x) {
        Some(share) => 1.0 - share,
        None if !is_lower(a, x) => upper(0, a, x).min(1.0),
        None if a >= 1.0 => 1.0 - lower(0, a, x).min(1.0),
        None => upper_by_series(a, x),
    }
}

/// The n-th derivative of P(a, x) by a.
pub(crate) fn gammainc_by_parameter(n: u32, a: f64, x: f64) -> f64 {
    match at_end(a, x) {
        Some(share) if share.is_nan() => share,
        Some(_) if a > 0.0 => 0.0,
        _ if x == 0.0 => f64::NAN,
        _ if is_lower(a, x) => lower(n, a, x),
        _ => -upper(n, a, x),
    }
}

/// The n-th derivative by a of xᵃ⁻¹⁻ᵏ·e⁻ˣ/Γ(a), which for k = 0 is the derivative of P by x.
pub(crate) fn gamma_density([k, n]: [u32; 2], a: f64, x: f64) -> f64 {
    if !(a >= 0.0 && x >= 0.0) {
        return f64::NAN;
    }
    let m = f64::from(k) + 1.0;
    if n == 0 {
        return if a == 0.0 { 0.0 } else { gamma_weight(a, x, m, Twofold::ln(a)) };
    }
    let weight = gamma_weight(a, x, m, 0.0.into());
    let slopes = Slopes::new(n, a);
    if weight == 0.0 { 0.0 } else { weight * slopes.factor() * slopes.at(x.ln(), ln_ratio(x, a)) }
}

/// P where it needs no integral.
fn at_end(a: f64, x: f64) -> Option<f64> {
    if !(a >= 0.0 && x >= 0.0) || a == x && (a == 0.0 || a == f64::INFINITY) {
        Some(f64::NAN)
    } else if x == 0.0 || a == f64::INFINITY {
        Some(0.0)
    } else if a == 0.0 || x == f64::INFINITY {
        Some(1.0)
    } else {
        None
    }
}

/// Whether the integral up to x is the one to take.
fn is_lower(a: f64, x: f64) -> bool {
    x < 0.5 || (a >= 1.0 && x <= a)
}

/// The n-th derivative of e^(f(a)), relative to itself, by the derivatives of f.
fn derivative(n: u32, [first, second, third]: [f64; 3]) -> f64 {
    match n {
        0 => 1.0,
        1 => first,
        2 => first * first + second,
        _ => first * (first * first + 3.0 * second) + third,
    }
}

/// digamma and its derivatives at a number, as far as the n-th derivative needs them.
fn digammas(n: u32, a: f64) -> [f64; 3] {
    let up_to = |order: u32| if n > order { polygamma(order, a) } else { 0.0 };
    [if n > 0 { digamma(a) } else { 0.0 }, up_to(1), up_to(2)]
}

/// The n-th derivative by a of tᵃ/Γ(a), relative to tᵃ/Γ(a + 1) times `factor`.
struct Slopes {
    n: u32,
    a: f64,
    psi: [f64; 3],
}

impl Slopes {
    fn new(n: u32, a: f64) -> Self {
        if a >= LARGE {
            let [_, second, third] = digammas(n, a);
            return Slopes { n, a, psi: [-ln_less_digamma(a), second, third] };
        }
        // 1/Γ(a) as a/Γ(1 + a), which has no pole.
        Slopes { n, a, psi: digammas(n, a + 1.0) }
    }

    /// By ln t and ln(t/a), of which the latter keeps the digits of a large a.
    fn at(&self, ln_t: f64, ln_ratio: f64) -> f64 {
        let Slopes { n, a, psi: [first, second, third] } = *self;
        if a >= LARGE {
            return derivative(n, [ln_ratio - first, -second, -third]);
        }
        let logarithms = [ln_t - first, -second, -third];
        let by_factor = if n == 0 { 0.0 } else { f64::from(n) * derivative(n - 1, logarithms) };
        a * derivative(n, logarithms) + by_factor
    }

    fn factor(&self) -> f64 {
        if self.a >= LARGE { self.a } else { 1.0 }
    }
}

/// x·expm1(-s) + a·s.
struct Lower {
    a: f64,
    x: f64,
}

impl Exponent for Lower {
    fn at(&self, s: f64) -> f64 {
        (self.a - self.x) * s + self.x * exp_m1_less(-s)
    }

    fn slope(&self, s: f64) -> f64 {
        self.a - self.x * (-s).exp()
    }

    fn bend(&self) -> f64 {
        self.x
    }
}

/// x·expm1(s) - a·s.
struct Upper {
    a: f64,
    x: f64,
}

impl Exponent for Upper {
    fn at(&self, s: f64) -> f64 {
        (self.x - self.a) * s + self.x * exp_m1_less(s)
    }

    fn slope(&self, s: f64) -> f64 {
        self.x * s.exp() - self.a
    }

    fn bend(&self) -> f64 {
        self.x
    }
}

/// The n-th derivative of P by a: terms of the power series up to a parameter of 10, and the integral there.
fn lower(n: u32, a: f64, x: f64) -> f64 {
    let (mut term, mut sum, mut at) = (gamma_weight(a, x, 0.0, 0.0.into()), 0.0, a);
    // For the value itself the whole series, where it is short.
    if n == 0 && (a < 20.0 || x < 0.6 * a) {
        return series(term, |k| x / (a + k));
    }
    let mut psi = if a < LARGE { digammas(n, a + 1.0) } else { [0.0; 3] };
    while at < LARGE {
        sum += term * derivative(n, [x.ln() - psi[0], -psi[1], -psi[2]]);
        at += 1.0;
        psi = [psi[0] + 1.0 / at, psi[1] - 1.0 / (at * at), psi[2] + 2.0 / (at * at * at)];
        term *= x / at;
    }
    if term == 0.0 {
        return sum;
    }
    let (slopes, ln_ratio) = (Slopes::new(n, at), ln_ratio(x, at));
    let rest = integral(&Lower { a: at, x }, f64::from(2 * n), |s| slopes.at(0.0, ln_ratio - s));
    sum + term * slopes.factor() * rest
}

/// The n-th derivative of Q by a.
fn upper(n: u32, a: f64, x: f64) -> f64 {
    let weight = gamma_weight(a, x, 0.0, 0.0.into());
    if weight == 0.0 {
        return 0.0;
    }
    let (slopes, ln_x, ln_ratio) = (Slopes::new(n, a), x.ln(), ln_ratio(x, a));
    let rest = integral(&Upper { a, x }, f64::from(2 * n), |s| slopes.at(ln_x + s, ln_ratio + s));
    weight * slopes.factor() * rest
}

/// Q of a parameter below 1, for x below 1/2.
fn upper_by_series(a: f64, x: f64) -> f64 {
    let exponent = a * x.ln() - lgamma_1p(a);
    let (mut power, mut sum) = (1.0, 0.0);
    for n in 1..40 {
        power *= -x / f64::from(n);
        sum += power / (a + f64::from(n));
    }
    -exponent.exp_m1() - exponent.exp() * a * sum
}
