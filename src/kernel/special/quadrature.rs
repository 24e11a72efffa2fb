//! Integrals of e^(-φ) from 0 on, for a convex φ that is 0 at 0: what the incomplete gamma and beta functions, their
//! derivatives and the normal distribution far from its center come to once the largest value is taken out.
//!
//! Where φ has reached 40, all that lies beyond is below half a unit in the last place. Up to there the rule of Gauss and
//! Legendre with 20 nodes is applied to three parts, finer where the integrand begins; or, where a flat part comes
//! before the fall, to parts of length 2, about which φ has no singularity nearer than π. All terms are positive as long as
//! the factor is, so no digit is lost.

use super::tables::{NODES, WEIGHTS};

/// Where φ is about so large, nothing is left.
const END: f64 = 40.0;

/// φ and its derivative at a number, for the search of the end, and φ for the sum.
pub(super) trait Exponent {
    /// φ(s).
    fn at(&self, s: f64) -> f64;
    /// φ'(s).
    fn slope(&self, s: f64) -> f64;
    /// φ''(0).
    fn bend(&self) -> f64;
}

/// ∫₀^∞ e^(-φ(s))·factor(s) ds; `rise` is by how much the factor moves the end.
pub(super) fn integral(phi: &impl Exponent, rise: f64, factor: impl Fn(f64) -> f64) -> f64 {
    let end = end(phi, END + rise);
    let part = |from: f64, to: f64| {
        let (center, half) = (f64::midpoint(from, to), (to - from) / 2.0);
        let term = |s: f64| (-phi.at(s)).exp() * factor(s);
        let nodes = NODES.iter().zip(&WEIGHTS);
        half * nodes
            .map(|(x, weight)| weight * (term(center - half * x) + term(center + half * x)))
            .sum::<f64>()
    };
    if end <= 3.0 || !end.is_finite() {
        return part(0.4 * end, end) + part(0.1 * end, 0.4 * end) + part(0.0, 0.1 * end);
    }
    let count = (end / 2.0).ceil();
    (0..count as u32).rev().map(|n| part(end * f64::from(n) / count, end * f64::from(n + 1) / count)).sum()
}

/// A number where φ is at least `target`, and not much more, by Newton's method, between numbers where it is less and more.
fn end(phi: &impl Exponent, target: f64) -> f64 {
    let by_slope = target / phi.slope(0.0);
    let by_bend = (2.0 * target / phi.bend()).sqrt();
    // A flat part is as long as the logarithm of the least number; all rise steeply behind it.
    let mut s = [by_slope, by_bend].into_iter().filter(|&s| s > 0.0).fold(1e3, f64::min);
    let (mut low, mut high) = (0.0, f64::INFINITY);
    for _ in 0..80 {
        let value = phi.at(s);
        if value >= target && value <= target * 1.2 {
            break;
        }
        if value < target {
            low = s;
        } else {
            high = s;
        }
        let next = s - (value - target * 1.05) / phi.slope(s);
        s = if next > low && next < high.min(8.0 * s) {
            next
        } else if high < f64::INFINITY {
            f64::midpoint(low, high)
        } else {
            2.0 * s
        };
    }
    s
}

/// The sum of positive terms, given the first one and what each next one, counted from 1, is of the one before; they fall
/// in the end.
pub(super) fn series(first: f64, ratio: impl Fn(f64) -> f64) -> f64 {
    let (mut sum, mut term, mut n) = (0.0, first, 0.0);
    while term > sum * 1e-17 {
        sum += term;
        n += 1.0;
        term *= ratio(n);
    }
    sum
}
