//! [`Binomial`].

use super::{Distribution, beta_log_density, is_count, repeated, together, within};
use crate::ops;
use crate::{Float, Graph, Operand, Tensor};

/// The binomial distribution of counts, of the probabilities C(n, k)·pᵏ·(1 - p)ⁿ⁻ᵏ. Counts are floats.
///
/// ```
/// use flowgrad::prelude::*;
/// use flowgrad::distributions::{Binomial, Distribution};
/// let g = Graph::new();
/// let coins = Binomial::new(&g, 3.0_f64, 0.5);
/// assert!((Session::new(&g)?.run(coins.prob(2.0))?.item()? - 0.375).abs() < 1e-15);
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Binomial<'g, T = f32> {
    total_count: Tensor<'g, T>,
    probability: Tensor<'g, T>,
}

impl<'g, T: Float> Binomial<'g, T> {
    /// Of the number of trials n, whole and from 0 on, and the probability p of one to succeed.
    #[track_caller]
    pub fn new(g: &'g Graph, total_count: impl Operand<'g, T>, probability: impl Operand<'g, T>) -> Self {
        let [total_count, probability] = together([total_count.into_tensor(g), probability.into_tensor(g)]);
        Binomial { total_count, probability }
    }

    /// The mean, n·p.
    #[track_caller]
    pub fn mean(&self) -> Tensor<'g, T> {
        self.total_count * self.probability
    }

    /// The variance, n·p·(1 - p).
    #[track_caller]
    pub fn variance(&self) -> Tensor<'g, T> {
        self.mean() * (T::one() - self.probability)
    }

    /// The entropy, -Σₖ pₖ·ln pₖ: summed where the variance is below 1,000, else by a series in its inverse and 1/n. Gradients
    /// pass to p, to the second order, and none to n, which is whole.
    #[track_caller]
    pub fn entropy(&self) -> Tensor<'g, T> {
        Tensor::typed(ops::binomial_entropy(self.total_count.any(), self.probability.any()))
    }
}

impl<'g, T: Float> Distribution<'g, T> for Binomial<'g, T> {
    type Value = T;

    #[track_caller]
    fn log_prob(&self, x: impl Operand<'g, T>) -> Tensor<'g, T> {
        let (n, p) = (self.total_count, self.probability);
        let x = x.into_tensor(n.graph());
        let rest = n - x;
        // C(n, k) = 1/((n + 1)·B(k + 1, n - k + 1)).
        let log_probability = beta_log_density(x + T::one(), rest + T::one(), p) - n.log1p();
        within(is_count(x).logical_and(rest.less(T::zero()).logical_not()), log_probability)
    }

    /// No gradient passes.
    #[track_caller]
    fn sample<const N: usize>(&self, lengths: [usize; N]) -> Tensor<'g, T> {
        repeated(self.total_count, lengths).random_binomial(self.probability)
    }
}
