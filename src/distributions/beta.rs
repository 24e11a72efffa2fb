//! [`Beta`].

use super::{Distribution, beta_log_density, gamma_entropy, is_not_negative, repeated, together, within};
use crate::{Float, Graph, Operand, Tensor};

/// The beta distribution, of the density xᵅ⁻¹·(1 - x)ᵝ⁻¹ / B(α, β).
///
/// ```
/// use flowgrad::prelude::*;
/// use flowgrad::distributions::{Beta, Distribution};
/// let g = Graph::new();
/// let even = Beta::new(&g, 1.0_f64, 1.0);
/// assert_eq!(Session::new(&g)?.run(even.prob(0.3))?.item()?, 1.0);
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Beta<'g, T = f32> {
    concentration1: Tensor<'g, T>,
    concentration0: Tensor<'g, T>,
}

impl<'g, T: Float> Beta<'g, T> {
    /// Of the concentrations α, at 1, and β, at 0, both above 0.
    #[track_caller]
    pub fn new(
        g: &'g Graph,
        concentration1: impl Operand<'g, T>,
        concentration0: impl Operand<'g, T>,
    ) -> Self {
        let [concentration1, concentration0] =
            together([concentration1.into_tensor(g), concentration0.into_tensor(g)]);
        Beta { concentration1, concentration0 }
    }

    /// The mean, α/(α + β).
    #[track_caller]
    pub fn mean(&self) -> Tensor<'g, T> {
        self.concentration1 / (self.concentration1 + self.concentration0)
    }

    /// The variance, α·β/((α + β)²·(α + β + 1)).
    #[track_caller]
    pub fn variance(&self) -> Tensor<'g, T> {
        let sum = self.concentration1 + self.concentration0;
        self.mean() * (self.concentration0 / sum) / (sum + T::one())
    }

    /// The entropy, ln B(α, β) - (α - 1)·ψ(α) - (β - 1)·ψ(β) + (α + β - 2)·ψ(α + β).
    #[track_caller]
    pub fn entropy(&self) -> Tensor<'g, T> {
        let (alpha, beta) = (self.concentration1, self.concentration0);
        let sum = alpha + beta;
        // By those of gamma distributions, whose sums are of logarithms, and not of what is larger by far.
        gamma_entropy(alpha) + gamma_entropy(beta) - gamma_entropy(sum) - sum.digamma()
    }
}

impl<'g, T: Float> Distribution<'g, T> for Beta<'g, T> {
    type Value = T;

    #[track_caller]
    fn log_prob(&self, x: impl Operand<'g, T>) -> Tensor<'g, T> {
        let (alpha, beta) = (self.concentration1, self.concentration0);
        let x = x.into_tensor(alpha.graph());
        let is_inside = is_not_negative(x).logical_and(x.greater(T::one()).logical_not());
        within(is_inside, beta_log_density(alpha, beta, x))
    }

    /// Gradients pass to both parameters, by those of gammas.
    #[track_caller]
    fn sample<const N: usize>(&self, lengths: [usize; N]) -> Tensor<'g, T> {
        let [one, zero] = [self.concentration1, self.concentration0]
            .map(|concentration| repeated(concentration, lengths).random_log_gamma());
        (one - zero).sigmoid()
    }
}
