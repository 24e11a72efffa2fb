//! [`MultivariateNormal`].

use std::f64::consts::{E, PI};

use super::{Distribution, number, of_events, repeated};
use crate::{Float, Graph, Operand, Tensor};

/// The normal distribution of rows of n numbers, of the density exp(-½·(x - μ)ᵀ·Σ⁻¹·(x - μ)) / √((2π)ⁿ·det Σ).
///
/// ```
/// use flowgrad::prelude::*;
/// use flowgrad::distributions::{Distribution, MultivariateNormal};
/// use flowgrad::ndarray::{arr1, arr2};
/// let g = Graph::new();
/// let covariance = g.constant(arr2(&[[2.0_f64, 0.5], [0.5, 1.0]]));
/// let both = MultivariateNormal::new(&g, 0.0, covariance);
/// let at_0 = Session::new(&g)?.run(both.prob(g.constant(arr1(&[0.0, 0.0]))))?.item()?;
/// assert!((at_0 - 0.5 / std::f64::consts::PI / 1.75_f64.sqrt()).abs() < 1e-15);
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MultivariateNormal<'g, T = f32> {
    loc: Tensor<'g, T>,
    scale_tril: Tensor<'g, T>,
}

impl<'g, T: Float> MultivariateNormal<'g, T> {
    /// Of the mean μ, a row, and the covariance matrix Σ. A covariance that is not positive definite fails the run.
    #[track_caller]
    pub fn new(g: &'g Graph, loc: impl Operand<'g, T>, covariance: impl Operand<'g, T>) -> Self {
        MultivariateNormal::with_scale_tril(g, loc, covariance.into_tensor(g).cholesky())
    }

    /// Of the mean, and a matrix whose lower triangle is L with Σ = L·Lᵀ, and whose diagonal is above 0.
    #[track_caller]
    pub fn with_scale_tril(g: &'g Graph, loc: impl Operand<'g, T>, scale_tril: impl Operand<'g, T>) -> Self {
        let scale_tril = scale_tril.into_tensor(g).tril(0);
        let loc = loc.into_tensor(g);
        let loc = (loc + scale_tril.diag_part()).full_like(loc);
        MultivariateNormal { loc, scale_tril }
    }

    /// The mean, μ.
    pub fn mean(&self) -> Tensor<'g, T> {
        self.loc
    }

    /// The covariance matrix, Σ.
    #[track_caller]
    pub fn covariance(&self) -> Tensor<'g, T> {
        self.scale_tril.matmul_transposed(self.scale_tril, false, true)
    }

    /// The entropy, n/2·ln(2πe) + ½·ln det Σ.
    #[track_caller]
    pub fn entropy(&self) -> Tensor<'g, T> {
        let each = self.scale_tril.diag_part().ln() + number::<T>(0.5 * (2.0 * PI * E).ln());
        (each + self.loc.zeros_like()).reduce_sum(-1)
    }
}

impl<'g, T: Float> Distribution<'g, T> for MultivariateNormal<'g, T> {
    type Value = T;

    /// Rows of another length than that of the mean are a build error, or fail the run that feeds them.
    #[track_caller]
    fn log_prob(&self, x: impl Operand<'g, T>) -> Tensor<'g, T> {
        let x = of_events(x.into_tensor(self.loc.graph()), self.loc);
        let from_mean = (x - self.loc).expand_dims(-1);
        let z = self.scale_tril.triangular_solve(from_mean).squeeze(-1);
        let each = z.square() * number::<T>(-0.5)
            - self.scale_tril.diag_part().ln()
            - number::<T>(0.5 * (2.0 * PI).ln());
        each.reduce_sum(-1)
    }

    /// Gradients pass to both parameters.
    #[track_caller]
    fn sample<const N: usize>(&self, lengths: [usize; N]) -> Tensor<'g, T> {
        let noise = repeated(self.loc, lengths).random_normal_like(T::zero(), T::one());
        self.loc + self.scale_tril.matmul(noise.expand_dims(-1)).squeeze(-1)
    }
}
