//! Entropies: of the gamma distribution, of which others are made, and of counts, which have no closed form.
//!
//! Those of counts are sums of -p·ln p over all counts, which is what they are: counts that lie well above 0 in steps of half
//! a deviation, by the rule of trapezoids, whose error falls as the characteristic function does; others one by one, and far
//! beyond by integrals, with the differences of Gregory's formula for the end. Derivatives have the same sums with scores,
//! whose means are 0. Where the variance is large, such sums lose digits, and a series in its inverse and that of the number
//! of trials takes their place: for Poisson counts that of Evans and Boersma (1988, "The entropy of a Poisson distribution"),
//! for the others its extension by the moments of binomial counts. Negative binomial counts are, in all of these formulas,
//! binomial ones of -r trials.

use std::f64::consts::{E, TAU};

use super::digamma::{digamma, polygamma, polygamma_rise};
use super::gamma::{LARGE, lgamma};
use super::log_density::{beta_log_density, gamma_log_density};
use super::tables::{BERNOULLI, NODES, WEIGHTS};
use super::twofold::Twofold;

/// The highest derivative of the entropy of the gamma distribution.
pub(crate) const MOST_OF_GAMMA: u32 = 3;

/// The highest derivative of those of counts, by all parameters together.
pub(crate) const MOST_OF_COUNTS: u32 = 2;

/// The n-th derivative of a + ln Γ(a) + (1 - a)·ψ(a), the entropy of the gamma distribution of the rate 1.
pub(crate) fn gamma_entropy(n: u32, a: f64) -> f64 {
    if a < LARGE {
        return match n {
            0 => a + lgamma(a) + (1.0 - a) * digamma(a),
            1 => 1.0 + (1.0 - a) * polygamma(1, a),
            n => (1.0 - a) * polygamma(n, a) - f64::from(n - 1) * polygamma(n - 1, a),
        };
    }
    // ln(2πe·a)/2 - 1/(2a) + Σ B₂ₖ·(a¹⁻²ᵏ/(2k - 1) - a⁻²ᵏ/(2k)), of which each power is differentiated.
    let power = |m: u32| (m..m + n).fold(a.powi(-(m as i32)), |power, m| -power * f64::from(m) / a);
    let terms = BERNOULLI.iter().zip(1..13_u32).rev();
    let of_powers =
        |(b, k): (&f64, u32)| b * (power(2 * k - 1) / f64::from(2 * k - 1) - power(2 * k) / f64::from(2 * k));
    let rest = terms.map(of_powers).sum::<f64>() - 0.5 * power(1);
    let leading = match n {
        0 => 0.5 * (TAU * E * a).ln(),
        // (-1)ⁿ⁻¹·(n - 1)!/(2·aⁿ).
        n => (1..n).fold(0.5 / a, |power, m| -power * f64::from(m) / a),
    };
    leading + rest
}

/// A law of counts: the logarithm of the probability of one, which need not be whole, and where they lie.
struct Counts<F, R> {
    ln_p: F,
    /// What the probability of the next count is of that of a whole one.
    ratio: R,
    mean: f64,
    deviation: f64,
    most: f64,
}

/// How many deviations from 0, and from the largest count, is far.
const FAR: f64 = 10.0;

/// From here on counts are not added up one by one.
const ONE_BY_ONE: f64 = 256.0;

/// What a term is small beside.
const SMALL: f64 = 1e-18;

impl<F: Fn(f64) -> f64, R: Fn(f64) -> f64> Counts<F, R> {
    /// The mean of a function of a count and of the logarithm of its probability.
    fn mean_of(&self, function: impl Fn(f64, f64) -> f64) -> f64 {
        let term_of = |k: f64, ln_p: f64| {
            let p = ln_p.exp();
            if p == 0.0 { 0.0 } else { p * function(k, ln_p) }
        };
        let term = |k: f64| term_of(k, (self.ln_p)(k));
        let Counts { mean, deviation, most, .. } = *self;
        if mean > FAR * deviation && most - mean > FAR * deviation {
            let step = 0.5 * deviation;
            // 60 steps are 30 deviations, beyond which nothing is left of any law; outside of it there is no logarithm.
            let side = |sign: f64| (1..=60).rev().map(move |n| mean + sign * step * f64::from(n));
            let inside = |sign: f64| side(sign).filter(|k| (0.0..=most).contains(k)).map(term).sum::<f64>();
            return step * (inside(1.0) + inside(-1.0) + term(mean));
        }
        let (mut sum, mut sizes, mut k, mut small) = (0.0, 0.0, 0.0, 0);
        let mut ln_p = Twofold::from((self.ln_p)(0.0));
        while k <= most && k < ONE_BY_ONE {
            let of_k = term_of(k, ln_p.value());
            // An error of half a unit of each logarithm is 1e-14 after all of them.
            ln_p = ln_p + (self.ratio)(k).ln().into();
            sum += of_k;
            sizes += of_k.abs();
            small = if of_k.abs() <= SMALL * sizes { small + 1 } else { 0 };
            if small > 2 && k > mean {
                return sum;
            }
            k += 1.0;
        }
        if k > most { sum } else { sum + self.beyond(k, sizes, term) }
    }

    /// The terms from a count on, which change slowly.
    fn beyond(&self, from: f64, mut sizes: f64, term: impl Fn(f64) -> f64) -> f64 {
        let near: [f64; 6] = std::array::from_fn(|index| term(from + index as f64 - 3.0));
        let differences = |of: &[f64]| -> Vec<f64> { of.windows(2).map(|pair| pair[1] - pair[0]).collect() };
        let first = differences(&near);
        let third = differences(&differences(&first));
        let fifth = differences(&differences(&third));
        let mut sum = first[2] / 24.0 - third[1] * 17.0 / 5760.0 + fifth[0] * 367.0 / 967_680.0;
        let mut at = from - 0.5;
        loop {
            let width = at.min(2.0 * self.deviation);
            let (center, half) = (at + width / 2.0, width / 2.0);
            let nodes = NODES.iter().zip(&WEIGHTS);
            let part: f64 =
                nodes.map(|(x, weight)| weight * (term(center - half * x) + term(center + half * x))).sum();
            sum += half * part;
            sizes += (half * part).abs();
            at += width;
            // Also where a law has no end, as that of a probability of 1.
            if at > self.mean + self.deviation && (half * part).abs() <= SMALL * sizes
                || !at.is_finite()
                || part.is_nan()
            {
                return sum;
            }
        }
    }

    /// -E[ln p], or a derivative of it, given the scores, the slopes of ln p, by which it is differentiated, and the mixed
    /// slope of both.
    fn entropy(&self, scores: &[&dyn Fn(f64) -> f64], mixed: impl Fn(f64) -> f64) -> f64 {
        match *scores {
            [] => -self.mean_of(|_, ln_p| ln_p),
            [score] => -self.mean_of(|k, ln_p| score(k) * ln_p),
            [first, second, ..] => -self.mean_of(|k, ln_p| {
                let product = first(k) * second(k);
                (product + mixed(k)) * ln_p + product
            }),
        }
    }
}

/// From this variance, and this number of trials, on the series has all digits.
const SERIES_FROM: f64 = 1e3;

/// The coefficients of uⁱ·wʲ.
const SERIES: [(i32, i32, f64); 14] = [
    (1, 0, -1.0 / 12.0),
    (0, 1, 1.0 / 3.0),
    (2, 0, -1.0 / 24.0),
    (1, 1, 1.0 / 6.0),
    (0, 2, -1.0 / 12.0),
    (3, 0, -19.0 / 360.0),
    (2, 1, 17.0 / 60.0),
    (1, 2, -1.0 / 3.0),
    (0, 3, 1.0 / 90.0),
    (4, 0, -9.0 / 80.0),
    (3, 1, 23.0 / 30.0),
    (2, 2, -22.0 / 15.0),
    (1, 3, 2.0 / 3.0),
    (0, 4, 1.0 / 120.0),
];

/// The logarithm of a variance V and the inverse w of a number of trials, as functions of parameters, at a point: their
/// slopes by the parameters by which is differentiated, and the mixed ones.
#[derive(Clone, Copy, Debug, Default)]
struct Slopes {
    of_variance: [f64; 2],
    of_trials: [f64; 2],
    mixed: [f64; 2],
}

/// ln(2πe·V)/2 and the series in u = 1/V and w, or a derivative of so high an order.
fn of_large(order: u32, variance: f64, w: f64, slopes: Slopes) -> f64 {
    let u = 1.0 / variance;
    // A derivative of the series, times as many powers of u as it has been differentiated by u.
    let sum = |by_u: i32, by_w: i32| {
        let falling = |power: i32, by: i32| (0..by).map(|less| f64::from(power - less)).product::<f64>();
        let term = |&(i, j, c): &(i32, i32, f64)| {
            if j < by_w {
                0.0
            } else {
                c * falling(i, by_u) * falling(j, by_w) * u.powi(i) * w.powi(j - by_w)
            }
        };
        SERIES.iter().rev().map(term).sum::<f64>()
    };
    let Slopes { of_variance: [v, other_v], of_trials: [t, other_t], mixed: [of_v, of_t] } = slopes;
    match order {
        0 => 0.5 * (TAU * E * variance).ln() + sum(0, 0),
        1 => v * (0.5 - sum(1, 0)) + t * sum(0, 1),
        _ => {
            let by_variance = of_v * (0.5 - sum(1, 0)) + v * other_v * (sum(1, 0) + sum(2, 0));
            let by_trials = t * other_t * sum(0, 2) + of_t * sum(0, 1);
            by_variance - (v * other_t + t * other_v) * sum(1, 1) + by_trials
        }
    }
}

/// The n-th derivative of an entropy at a probability of 0, which falls off as -p·ln p.
fn at_zero(n: u32) -> f64 {
    [0.0, f64::INFINITY, f64::NEG_INFINITY][n.min(2) as usize]
}

/// The n-th derivative of the entropy of Poisson counts by the rate.
pub(crate) fn poisson_entropy(n: u32, rate: f64) -> f64 {
    if !(0.0..f64::INFINITY).contains(&rate) {
        return if rate == f64::INFINITY && n == 0 { rate } else { 0.0 * rate };
    }
    if rate == 0.0 {
        return at_zero(n);
    }
    if rate >= SERIES_FROM {
        let slopes =
            Slopes { of_variance: [1.0 / rate; 2], mixed: [-1.0 / rate / rate, 0.0], ..Slopes::default() };
        return of_large(n, rate, 0.0, slopes);
    }
    let ln_p = |k: f64| if k == 0.0 { -rate } else { gamma_log_density(k + 1.0, rate) };
    let counts = Counts {
        ln_p,
        ratio: |k: f64| rate / (k + 1.0),
        mean: rate,
        deviation: rate.sqrt(),
        most: f64::INFINITY,
    };
    let score = |k: f64| (k - rate) / rate;
    let scores: [&dyn Fn(f64) -> f64; 2] = [&score; 2];
    counts.entropy(&scores[..n.min(2) as usize], |k| -k / rate / rate)
}

/// The n-th derivative of the entropy of binomial counts by the probability.
pub(crate) fn binomial_entropy(n: u32, trials: f64, p: f64) -> f64 {
    if !((0.0..f64::INFINITY).contains(&trials) && (0.0..=1.0).contains(&p)) {
        return f64::NAN;
    }
    if trials == 0.0 {
        return 0.0;
    }
    if p > 0.5 {
        // Failures are counts, too.
        let of_failures = binomial_entropy(n, trials, 1.0 - p);
        return if n == 1 { -of_failures } else { of_failures };
    }
    if p == 0.0 {
        return at_zero(n);
    }
    let q = 1.0 - p;
    let variance = trials * p * q;
    if variance >= SERIES_FROM {
        let of_variance = [(q - p) / (p * q); 2];
        let mixed = [-1.0 / (p * p) - 1.0 / (q * q), 0.0];
        return of_large(n, variance, 1.0 / trials, Slopes { of_variance, mixed, ..Slopes::default() });
    }
    let ln_p = |k: f64| match k {
        0.0 => trials * (-p).ln_1p(),
        _ => beta_log_density(k + 1.0, trials - k + 1.0, p) - trials.ln_1p(),
    };
    let ratio = |k: f64| p / q * ((trials - k) / (k + 1.0));
    let counts = Counts { ln_p, ratio, mean: trials * p, deviation: variance.sqrt(), most: trials };
    let score = |k: f64| (k - trials * p) / (p * q);
    let scores: [&dyn Fn(f64) -> f64; 2] = [&score; 2];
    counts.entropy(&scores[..n.min(2) as usize], |k| -k / (p * p) - (trials - k) / (q * q))
}

/// A derivative of the entropy of negative binomial counts, so often by the number r of failures and by the probability p.
pub(crate) fn negative_binomial_entropy([i, j]: [u32; 2], r: f64, p: f64) -> f64 {
    if !(r > 0.0 && r < f64::INFINITY && (0.0..=1.0).contains(&p)) {
        return f64::NAN;
    }
    if p == 0.0 {
        return if j == 0 { 0.0 } else { at_zero(j) };
    }
    if p == 1.0 {
        return if i == 0 { f64::INFINITY } else { f64::NAN };
    }
    let q = 1.0 - p;
    let variance = r * p / q / q;
    if variance >= SERIES_FROM && r >= SERIES_FROM {
        let (by_r, by_p) = ((1.0 / r, 1.0 / r / r), (1.0 / p + 2.0 / q, 0.0));
        let pick = |order: usize| if order < i as usize { by_r } else { by_p };
        let [(v, t), (other_v, other_t)] = [pick(0), pick(1)];
        let mixed = match [i, j] {
            [2, _] => [-1.0 / r / r, -2.0 / r / r / r],
            [0, 2] => [2.0 / (q * q) - 1.0 / (p * p), 0.0],
            _ => [0.0; 2],
        };
        let slopes = Slopes { of_variance: [v, other_v], of_trials: [t, other_t], mixed };
        return of_large(i + j, variance, -1.0 / r, slopes);
    }
    let ln_q = (-p).ln_1p();
    let ln_p = |k: f64| match k {
        0.0 => r * ln_q,
        _ => beta_log_density(k + 1.0, r, p) + ln_q - (k + r).ln(),
    };
    let ratio = |k: f64| p * ((k + r) / (k + 1.0));
    let counts = Counts { ln_p, ratio, mean: r * p / q, deviation: variance.sqrt(), most: f64::INFINITY };
    let by_r = |k: f64| polygamma_rise(0, r, k) + ln_q;
    let by_p = |k: f64| (k * q - r * p) / (p * q);
    let mut scores: Vec<&dyn Fn(f64) -> f64> = vec![&by_r; i as usize];
    scores.extend(vec![&by_p as &dyn Fn(f64) -> f64; j as usize]);
    counts.entropy(&scores, |k| match [i, j] {
        [2, _] => polygamma_rise(1, r, k),
        [0, _] => -k / (p * p) - r / (q * q),
        _ => -1.0 / q,
    })
}
