//! The regularized incomplete beta function, its derivatives by the parameters, and the density.
//!
//! As for the incomplete gamma functions: with the odds t/(1 - t) falling as e⁻ˢ, the integral up to x is xᵃ·(1 - x)ᵇ
//! times that of e^(-φ(s)), where φ is convex and 0 at 0 (`quadrature`); a below 10 is raised to it by the terms of the
//! power series (DLMF 8.17.8), which are positive; and derivatives by a and b have the same integrand times polynomials of
//! ln t and ln(1 - t). The integral from x on is that of 1 - x with the parameters exchanged (DLMF 8.17.4); which one is
//! taken is told by the mean a/(a + b).

use super::beta::Point;
use super::digamma::{digamma, ln_less_digamma, polygamma, polygamma_rise};
use super::elementary::{exp_m1_less, ln_1p_less};
use super::gamma::LARGE;
use super::quadrature::{Exponent, integral};
use super::twofold::Twofold;

/// The highest derivative by the parameters, of both together.
pub(crate) const MOST_DERIVATIVES: u32 = 2;

/// I(a, b, x), the share of the beta distribution that is below x.
pub(crate) fn betainc(a: f64, b: f64, x: f64) -> f64 {
    if let Some(share) = at_end(a, b, x) {
        return share;
    }
    let point = Point::new(a, b, x);
    let below = || lower([0, 0], point).min(1.0);
    if is_lower(point) {
        return below();
    }
    let above = lower([0, 0], exchanged(point)).min(1.0);
    // Where nearly all is above, what is below has lost digits.
    if above > 0.9 { below() } else { 1.0 - above }
}

/// The derivative of I(a, b, x), so many times by a and so many times by b.
pub(crate) fn betainc_by_parameters([i, j]: [u32; 2], a: f64, b: f64, x: f64) -> f64 {
    match at_end(a, b, x) {
        Some(share) if share.is_nan() || a == 0.0 || b == 0.0 => return f64::NAN,
        Some(_) => return 0.0,
        None => {}
    }
    let point = Point::new(a, b, x);
    // Before the mean all derivatives are small where the integral is; a small a by itself makes only those by a so.
    let is_lower = if j == 0 { is_lower(point) } else { point.lack(a).high >= 0.0 };
    if is_lower { lower([i, j], point) } else { -lower([j, i], exchanged(point)) }
}

/// xᵃ⁻¹⁻ⁱ·(1 - x)ᵇ⁻¹⁻ʲ/B(a, b), which for i = j = 0 is the derivative of I by x.
pub(crate) fn beta_density([i, j]: [u32; 2], a: f64, b: f64, x: f64) -> f64 {
    if !(a > 0.0 && b > 0.0 && (0.0..=1.0).contains(&x)) {
        return f64::NAN;
    }
    let point = Point::new(a, b, x);
    point.weight([f64::from(i) + 1.0, f64::from(j) + 1.0], Twofold::ln(a)) * point.pole()
}

/// I where it needs no integral.
fn at_end(a: f64, b: f64, x: f64) -> Option<f64> {
    if !(a >= 0.0 && b >= 0.0 && (0.0..=1.0).contains(&x)) || a == b && (a == 0.0 || a == f64::INFINITY) {
        Some(f64::NAN)
    } else if x == 0.0 || b == 0.0 || a == f64::INFINITY {
        Some(if x == 1.0 { 1.0 } else { 0.0 })
    } else if x == 1.0 || a == 0.0 || b == f64::INFINITY {
        Some(1.0)
    } else {
        None
    }
}

/// Whether the integral up to x is the one to take: before the mean, or where the series begins to fall at once.
fn is_lower(point: Point) -> bool {
    let Point { a, b, x, .. } = point;
    point.lack(a).high >= 0.0 || a < 1.0 && (a + b + 1.0) * x < 0.5
}

/// The same point from the other end.
pub(super) fn exchanged(point: Point) -> Point {
    let Point { a, b, x, y, ln_x, ln_y } = point;
    // What is lost of y stands in the logarithms.
    Point { a: b, b: a, x: y.value(), y: x.into(), ln_x: ln_y, ln_y: ln_x }
}

/// lack·s + (a + b)·(ln(1 + x·expm1(-s)) + x·s).
struct Fall {
    a: f64,
    b: f64,
    x: f64,
    y: f64,
    lack: f64,
}

impl Fall {
    /// ln(t/x) and ln((1 - t)/(1 - x)).
    fn logarithms(&self, s: f64) -> [f64; 2] {
        if self.x <= 0.5 {
            let of_rest = -(self.x * (-s).exp_m1()).ln_1p();
            [of_rest - s, of_rest]
        } else {
            let of_t = -(self.y * s.exp_m1()).ln_1p();
            [of_t, of_t + s]
        }
    }
}

impl Exponent for Fall {
    fn at(&self, s: f64) -> f64 {
        let Fall { a, b, x, y, .. } = *self;
        // By the smaller one of x and y, so that nothing cancels.
        let (small, s_towards) = if x <= 0.5 { (x, -s) } else { (y, s) };
        if s > 0.7 {
            let linear = if x <= 0.5 { a } else { -b };
            return linear * s + (a + b) * (small * s_towards.exp_m1()).ln_1p();
        }
        let curved = ln_1p_less(small * s_towards.exp_m1()) + small * exp_m1_less(s_towards);
        self.lack * s + (a + b) * curved
    }

    fn slope(&self, s: f64) -> f64 {
        // (1 - t)/t, of which 1 - t may be smaller than what t lacks of 1.
        let odds = self.y / self.x * s.exp();
        self.a / (1.0 + 1.0 / odds) - self.b / (1.0 + odds)
    }

    fn bend(&self) -> f64 {
        (self.a + self.b) * self.x * self.y
    }
}

/// A derivative of e^(f(a, b)), relative to itself, by the first derivatives of f and the second ones, by a, by both and by b.
fn derivative(order: [u32; 2], [a, b]: [f64; 2], [aa, ab, bb]: [f64; 3]) -> f64 {
    match order {
        [0, 0] => 1.0,
        [1, 0] => a,
        [0, 1] => b,
        [1, 1] => a * b + ab,
        [0, _] => b * b + bb,
        _ => a * a + aa,
    }
}

/// A derivative of a product, relative to the second factor, by the derivatives of the first one, which are itself, those
/// by a and b, and those by a twice, by both and by b twice.
fn of_product(order: [u32; 2], pole: [f64; 6], first: [f64; 2], second: [f64; 3]) -> f64 {
    let [plain, a, b, aa, ab, bb] = pole;
    let of = |order: [u32; 2]| derivative(order, first, second);
    let rest = match order {
        [0, 0] => 0.0,
        [1, 0] => a,
        [0, 1] => b,
        [1, 1] => a * of([0, 1]) + b * of([1, 0]) + ab,
        [0, _] => 2.0 * b * of([0, 1]) + bb,
        _ => 2.0 * a * of([1, 0]) + aa,
    };
    plain * of(order) + rest
}

/// Up to parameters of that size, and not too near to 1, the continued fraction is shorter than an integral.
const MOST_OF_FRACTION: f64 = 3000.0;

/// The integral up to x over the weight, by the continued fraction of DLMF 8.17.22, evaluated as Lentz does.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    let step = |value: f64, coefficient: f64| 1.0 + coefficient / value;
    let mut below = 1.0 / (1.0 - (a + b) * x / (a + 1.0));
    let (mut above, mut product, mut m) = (1.0, below, 0.0);
    while m < 1000.0 {
        m += 1.0;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        below = 1.0 / (1.0 + even * below);
        above = step(above, even);
        product *= below * above;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        below = 1.0 / (1.0 + odd * below);
        above = step(above, odd);
        let last = below * above;
        product *= last;
        if (last - 1.0).abs() < 1e-16 {
            break;
        }
    }
    product
}

/// A derivative of I: terms of the power series up to an a of 10, and the integral there.
///
/// What has a pole at b = 0 or a + b = 0 is a factor of its own where b is not large: b/(a + b) of the first term, b of
/// others. The digammas are those without it.
fn lower(order: [u32; 2], point: Point) -> f64 {
    let Point { a, b, x, ln_x, ln_y, .. } = point;
    let total = order[0] + order[1];
    let needs = |order: u32, value: &dyn Fn() -> f64| if total >= order { value() } else { 0.0 };
    let is_small = b < LARGE;
    let base = if is_small { 1.0 + b } else { b };
    let of_others = if is_small { [b, 0.0, 1.0, 0.0, 0.0, 0.0] } else { [1.0, 0.0, 0.0, 0.0, 0.0, 0.0] };
    let (mut term, mut sum, mut at) = (point.weight([0.0; 2], 0.0.into()), 0.0, a);
    if total == 0 && x < 0.9 && a.max(b) < MOST_OF_FRACTION {
        return term * point.pole() * fraction(a, b, x);
    }
    if at < LARGE {
        // ψ(a + b) - ψ(b) and its kin, of which the recurrences go on.
        let mut rise = needs(1, &|| polygamma_rise(0, base, a));
        // Of a large b its logarithm goes to x, so that two numbers of that size do not cancel.
        let ln_x = if is_small { ln_x } else { ln_x + Twofold::ln(b) };
        let of_base = || if is_small { digamma(a + base) } else { (a / b).ln_1p() - ln_less_digamma(a + b) };
        let mut of_sum = needs(1, &|| of_base() - digamma(a + 1.0));
        let mut first_of_sum = needs(2, &|| polygamma(1, a + base));
        let mut first_of_a = needs(2, &|| polygamma(1, a + 1.0));
        let mut second_rise = needs(2, &|| polygamma_rise(1, base, a));
        let mut is_first = is_small;
        while at < LARGE {
            let first = [ln_x.value() + of_sum, ln_y.value() + rise];
            let second = [first_of_sum - first_of_a, first_of_sum, second_rise];
            let pole = if is_first { of_first(a, b) } else { of_others };
            sum += term * of_product(order, pole, first, second);
            let of_both = 1.0 / (at + b);
            at += 1.0;
            of_sum -= 1.0 / at;
            first_of_a -= 1.0 / (at * at);
            if is_first {
                term *= x / at;
                is_first = false;
            } else {
                term *= x * ((at - 1.0 + b) / at);
                rise += of_both;
                of_sum += of_both;
                first_of_sum -= of_both * of_both;
                second_rise -= of_both * of_both;
            }
        }
    } else if is_small {
        // The weight lacks b/(a + b), and not b.
        term /= a + b;
    }
    if term == 0.0 {
        return sum;
    }
    let lack = point.lack(at).value();
    let fall = Fall { a: at, b, x, y: point.y.value(), lack };
    let from_base = if is_small { at - 1.0 } else { at };
    let gaps = if total == 0 { [0.0; 2] } else { gaps(at, lack, point, base, from_base) };
    let second = if total < 2 {
        [0.0; 3]
    } else {
        [polygamma_rise(1, at, b), polygamma(1, at + b), polygamma_rise(1, base, from_base)]
    };
    let rest = integral(&fall, f64::from(2 * total), |s| {
        if total == 0 {
            return of_others[0];
        }
        let [of_t, of_rest] = fall.logarithms(s);
        of_product(order, of_others, [gaps[0] + of_t, gaps[1] + of_rest], second)
    });
    sum + at * term * rest
}

/// b/(a + b) and its derivatives.
fn of_first(a: f64, b: f64) -> [f64; 6] {
    let sum = a + b;
    let [a, b] = [a / sum, b / sum];
    [b, -b / sum, a / sum, 2.0 * b / sum / sum, (b - a) / sum / sum, -2.0 * a / sum / sum]
}

/// ln x - ψ(a) + ψ(a + b), for a large a, and ln(1 - x) - ψ(base) + ψ(a + b).
pub(super) fn gaps(a: f64, lack: f64, point: Point, base: f64, from_base: f64) -> [f64; 2] {
    let b = point.b;
    let logarithm = |relative: f64, plain: Twofold, of: f64| {
        if (-0.5..=1.0).contains(&relative) {
            relative.ln_1p()
        } else {
            (plain + Twofold::ln(a + b) - Twofold::ln(of)).value()
        }
    };
    let of_sum = ln_less_digamma(a + b);
    let of_x = logarithm(-lack / a, point.ln_x, a) + (ln_less_digamma(a) - of_sum);
    let of_y = if b >= LARGE {
        logarithm(lack / b, point.ln_y, b) + (ln_less_digamma(b) - of_sum)
    } else {
        point.ln_y.value() + polygamma_rise(0, base, from_base)
    };
    [of_x, of_y]
}
