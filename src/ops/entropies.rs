//! Entropies that are functions of their own: that of the gamma distribution, and those of counts, by sums and series
//! (`kernel/special/entropy.rs`). Their derivatives are ops of the order.

use crate::graph::AnyTensor;
use crate::graph::op::OpDef;
use crate::kernel::special;
use crate::ops::internal::internal;
use crate::ops::special::{Row, orders};

/// The highest derivative of those of counts.
const MOST: u32 = special::MOST_OF_COUNTS;

/// What a sum over counts takes, of some 60 terms.
const SUM: f64 = 5_000.0;

static GAMMA: Row<1> = Row {
    name: "gamma_entropy",
    orders: &["n"],
    most: ([special::MOST_OF_GAMMA_ENTROPY, 0], special::MOST_OF_GAMMA_ENTROPY),
    of: "gamma_entropy",
    function: |[n, _], [a]| special::gamma_entropy(n, a),
    slope: |_, [n, _], [a], _| GAMMA.of([n + 1, 0], [a]),
    nanoseconds: 100.0,
};

static POISSON: Row<1> = Row {
    name: "poisson_entropy",
    orders: &["n"],
    most: ([MOST, 0], MOST),
    of: "poisson_entropy",
    function: |[n, _], [rate]| special::poisson_entropy(n, rate),
    slope: |_, [n, _], [rate], _| POISSON.of([n + 1, 0], [rate]),
    nanoseconds: SUM,
};

/// Of the number of trials, which no gradient reaches, and the probability.
static BINOMIAL: Row<2> = Row {
    name: "binomial_entropy",
    orders: &["n"],
    most: ([MOST, 0], MOST),
    of: "binomial_entropy",
    function: |[n, _], [trials, p]| special::binomial_entropy(n, trials, p),
    slope: |input, [n, _], [trials, p], _| match input {
        0 => trials.filled(0.0),
        _ => BINOMIAL.of([n + 1, 0], [trials, p]),
    },
    nanoseconds: SUM,
};

static NEGATIVE_BINOMIAL: Row<2> = Row {
    name: "negative_binomial_entropy",
    orders: &["i", "j"],
    most: ([MOST; 2], MOST),
    of: "negative_binomial_entropy",
    function: |orders, [r, p]| special::negative_binomial_entropy(orders, r, p),
    slope: |input, [i, j], operands, _| match input {
        0 => NEGATIVE_BINOMIAL.of([i + 1, j], operands),
        _ => NEGATIVE_BINOMIAL.of([i, j + 1], operands),
    },
    nanoseconds: SUM,
};

/// a + ln Γ(a) + (1 - a)·ψ(a), of which no digit is lost where a is large.
#[track_caller]
pub(crate) fn gamma_entropy(a: AnyTensor<'_>) -> AnyTensor<'_> {
    GAMMA.of([0; 2], [a])
}

/// The entropy of Poisson counts.
#[track_caller]
pub(crate) fn poisson_entropy(rate: AnyTensor<'_>) -> AnyTensor<'_> {
    POISSON.of([0; 2], [rate])
}

/// The entropy of binomial counts. No gradient passes to the number of trials, which is whole.
#[track_caller]
pub(crate) fn binomial_entropy<'g>(trials: AnyTensor<'g>, p: AnyTensor<'g>) -> AnyTensor<'g> {
    BINOMIAL.of([0; 2], [trials.stop_gradient(), p])
}

/// The entropy of negative binomial counts, of the number of failures and the probability to succeed.
#[track_caller]
pub(crate) fn negative_binomial_entropy<'g>(r: AnyTensor<'g>, p: AnyTensor<'g>) -> AnyTensor<'g> {
    NEGATIVE_BINOMIAL.of([0; 2], [r, p])
}

/// All are parts of others.
pub(super) const METHODS: &[&[OpDef]] = &[];

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "gamma_entropy" (a: Float) [n: usize] |given| GAMMA.op(orders([n, 0]))?;
    "poisson_entropy" (rate: Float) [n: usize] |given| POISSON.op(orders([n, 0]))?;
    "binomial_entropy" (trials: Float, p: Same) [n: usize] |given| BINOMIAL.op(orders([n, 0]))?;
    "negative_binomial_entropy" (r: Float, p: Same) [i: usize, j: usize] |given|
        NEGATIVE_BINOMIAL.op(orders([i, j]))?;
};

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::compare::zipped;
    use super::laws::example;
    use crate::graph::Tensor;

    /// -Σ p·ln p, given the first probability and what each is of the one before.
    fn summed(first: f64, count: usize, ratio: impl Fn(f64) -> f64) -> f64 {
        let (mut p, mut sum) = (first, 0.0);
        for k in 0..count {
            if p > 0.0 {
                sum -= p * p.ln();
            }
            p *= ratio(k as f64);
        }
        sum
    }
    /// Of the rate 1, by the rule of trapezoids along ln x.
    fn of_gamma(a: f64) -> f64 {
        let values = |of: &dyn Fn(f64, f64) -> f64| -> f64 {
            (-10_000..=1000)
                .map(|k| 0.01 * f64::from(k))
                .map(|t: f64| of(t, (a * t - t.exp()).exp()) * 0.01)
                .sum()
        };
        // With the weight xᵃ·e⁻ˣ of ln x.
        let gamma = values(&|_, weight| weight);
        let mean = values(&|t, weight| weight * ((a - 1.0) * t - t.exp())) / gamma;
        gamma.ln() - mean
    }
    fn of_negative_binomial(r: f64, p: f64) -> f64 {
        summed((1.0 - p).powf(r), 400, |k| p * (k + r) / (k + 1.0))
    }

    vec![
        example!("gamma_entropy", &[&[2, 3]], |_, x| Tensor::typed(gamma_entropy(x[0].any())), |x| x[0]
            .mapv(of_gamma))
        .within(0.5, 4.0),
        example!("poisson_entropy", &[&[2, 3]], |_, x| Tensor::typed(poisson_entropy(x[0].any())), |x| x[0]
            .mapv(|rate| summed((-rate).exp(), 60, |k| rate / (k + 1.0))))
        .within(0.4, 4.0),
        example!(
            "binomial_entropy",
            &[&[2, 3]],
            |g, x| Tensor::typed(binomial_entropy(
                g.constant(6.0_f64).any().cast(x[0].any().dtype()),
                x[0].any()
            )),
            |x| x[0].mapv(|p| summed((1.0 - p).powi(6), 7, |k| p / (1.0 - p) * (6.0 - k) / (k + 1.0)))
        )
        .within(0.2, 0.8),
        example!(
            "negative_binomial_entropy",
            &[&[2, 3], &[3]],
            |_, x| Tensor::typed(negative_binomial_entropy((x[0] * 4.0).any(), x[1].any())),
            |x| zipped(x, |r, p| of_negative_binomial(4.0 * r, p))
        )
        .within(0.3, 0.7),
    ]
}
