//! [`Poisson`].

use super::{Distribution, is_count, repeated, within};
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
}

impl<'g, T: Float> Distribution<'g, T> for Poisson<'g, T> {
    type Value = T;

    #[track_caller]
    fn log_prob(&self, x: impl Operand<'g, T>) -> Tensor<'g, T> {
        let x = x.into_tensor(self.rate.graph());
        within(is_count(x), x.xlogy(self.rate) - self.rate - (x + T::one()).lgamma())
    }

    /// No gradient passes.
    #[track_caller]
    fn sample<const N: usize>(&self, lengths: [usize; N]) -> Tensor<'g, T> {
        repeated(self.rate, lengths).random_poisson()
    }
}
