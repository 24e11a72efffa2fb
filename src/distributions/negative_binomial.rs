//! [`NegativeBinomial`].

use super::{Distribution, beta_log_density, is_count, number, repeated, together, within};
use crate::ops;
use crate::{Float, Graph, Operand, Tensor};

/// The negative binomial distribution: how many trials succeed before so many have failed, of the probabilities
/// Γ(k + r)/(k!·Γ(r))·pᵏ·(1 - p)ʳ. Counts are floats; SciPy's p is 1 - p here.
///
/// ```
/// use flowgrad::prelude::*;
/// use flowgrad::distributions::{Distribution, NegativeBinomial};
/// let g = Graph::new();
/// let before_one = NegativeBinomial::new(&g, 1.0_f64, 0.5);
/// assert!((Session::new(&g)?.run(before_one.prob(2.0))?.item()? - 0.125).abs() < 1e-15);
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct NegativeBinomial<'g, T = f32> {
    total_count: Tensor<'g, T>,
    probability: Tensor<'g, T>,
}

impl<'g, T: Float> NegativeBinomial<'g, T> {
    /// Of the number of failures r above 0, which need not be whole, and the probability p of a trial to succeed, from 0
    /// to below 1.
    #[track_caller]
    pub fn new(g: &'g Graph, total_count: impl Operand<'g, T>, probability: impl Operand<'g, T>) -> Self {
        let [total_count, probability] = together([total_count.into_tensor(g), probability.into_tensor(g)]);
        NegativeBinomial { total_count, probability }
    }

    /// The odds, p/(1 - p).
    #[track_caller]
    fn odds(&self) -> Tensor<'g, T> {
        self.probability / (T::one() - self.probability)
    }

    /// The mean, r·p/(1 - p).
    #[track_caller]
    pub fn mean(&self) -> Tensor<'g, T> {
        self.total_count * self.odds()
    }

    /// The variance, r·p/(1 - p)².
    #[track_caller]
    pub fn variance(&self) -> Tensor<'g, T> {
        self.mean() / (T::one() - self.probability)
    }

    /// The entropy, -Σₖ pₖ·ln pₖ: summed, or where r and the variance are above 1,000 by a series in their inverses. Gradients
    /// pass to both parameters, to the second order. The second derivative by one parameter and the other is r² times smaller
    /// than what it is a sum of, and has 7 digits where the rest has 12.
    #[track_caller]
    pub fn entropy(&self) -> Tensor<'g, T> {
        Tensor::typed(ops::negative_binomial_entropy(self.total_count.any(), self.probability.any()))
    }
}

impl<'g, T: Float> Distribution<'g, T> for NegativeBinomial<'g, T> {
    type Value = T;

    #[track_caller]
    fn log_prob(&self, x: impl Operand<'g, T>) -> Tensor<'g, T> {
        let (r, p) = (self.total_count, self.probability);
        let x = x.into_tensor(r.graph());
        // Γ(k + r)/(k!·Γ(r)) = 1/((k + r)·B(k + 1, r)); without a success, a product that may be small.
        let density = beta_log_density(x + T::one(), r, p) + (-p).log1p() - (x + r).ln();
        within(is_count(x), x.equal(T::zero()).select(r.xlog1py(-p), density))
    }

    /// Counts of a Poisson distribution whose rate is drawn of a gamma distribution; beyond 2⁵³, which only a p near 1 comes
    /// to, the rate itself, of whose own spread that of the counts is no part. No gradient passes.
    #[track_caller]
    fn sample<const N: usize>(&self, lengths: [usize; N]) -> Tensor<'g, T> {
        let rate = repeated(self.total_count, lengths).random_gamma() * self.odds();
        let most = number::<T>(9_007_199_254_740_992.0);
        let is_beyond = rate.greater(most).logical_and(rate.less(T::infinity()));
        is_beyond.select(rate.floor(), is_beyond.select(most, rate).random_poisson())
    }
}
