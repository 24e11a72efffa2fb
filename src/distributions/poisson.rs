//! [`Poisson`].

use super::{Distribution, gamma_log_density, is_count, repeated, within};
use crate::ops;
use crate::{Float, Graph, Operand, Tensor};

/// The Poisson distribution of counts, of the probabilities λᵏ·e^(-λ)/k!. Counts are floats.
///
/// ```
/// use flowgrad::prelude::*;
/// use flowgrad::distributions::{Distribution, Poisson};
/// let g = Graph::new();
/// let rare = Poisson::new(&g, 0.5_f64);
/// let none = Session::new(&g)?.run(rare.prob(0.0))?.item()?;
/// assert!((none - (-0.5_f64).exp()).abs() < 1e-15);
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Poisson<'g, T = f32> {
    rate: Tensor<'g, T>,
}

impl<'g, T: Float> Poisson<'g, T> {
    /// Of the rate λ, from 0 on.
    #[track_caller]
    pub fn new(g: &'g Graph, rate: impl Operand<'g, T>) -> Self {
        Poisson { rate: rate.into_tensor(g) }
    }

    /// The mean, λ.
    pub fn mean(&self) -> Tensor<'g, T> {
        self.rate
    }

    /// The variance, λ.
    pub fn variance(&self) -> Tensor<'g, T> {
        self.rate
    }

    /// The entropy, -Σₖ pₖ·ln pₖ: summed where λ is below 1,000, else by a series in 1/λ. Gradients pass, to the second order.
    #[track_caller]
    pub fn entropy(&self) -> Tensor<'g, T> {
        Tensor::typed(ops::poisson_entropy(self.rate.any()))
    }
}

impl<'g, T: Float> Distribution<'g, T> for Poisson<'g, T> {
    type Value = T;

    #[track_caller]
    fn log_prob(&self, x: impl Operand<'g, T>) -> Tensor<'g, T> {
        let x = x.into_tensor(self.rate.graph());
        // The density of a gamma distribution of the shape x + 1 at the rate.
        within(is_count(x), gamma_log_density(x + T::one(), self.rate))
    }

    /// No gradient passes.
    #[track_caller]
    fn sample<const N: usize>(&self, lengths: [usize; N]) -> Tensor<'g, T> {
        repeated(self.rate, lengths).random_poisson()
    }
}
