//! [`Normal`].

use std::f64::consts::{E, PI};

use super::{Distribution, number, repeated, together};
use crate::{Float, Graph, Operand, Tensor};

/// The normal distribution, of the density exp(-(x - μ)²/(2·σ²)) / (σ·√(2π)).
///
/// ```
/// use flowgrad::prelude::*;
/// use flowgrad::distributions::{Distribution, Normal};
/// let g = Graph::new();
/// let standard = Normal::new(&g, 0.0, 1.0);
/// let at_0 = Session::new(&g)?.run(standard.log_prob(0.0))?.item()?;
/// assert!((at_0 + 0.918_938_533_204_672_7_f64).abs() < 1e-15);
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Normal<'g, T = f32> {
    loc: Tensor<'g, T>,
    scale: Tensor<'g, T>,
}

impl<'g, T: Float> Normal<'g, T> {
    /// Of the mean μ, and the standard deviation σ above 0.
    #[track_caller]
    pub fn new(g: &'g Graph, loc: impl Operand<'g, T>, scale: impl Operand<'g, T>) -> Self {
        let [loc, scale] = together([loc.into_tensor(g), scale.into_tensor(g)]);
        Normal { loc, scale }
    }

    /// The mean, μ.
    pub fn mean(&self) -> Tensor<'g, T> {
        self.loc
    }

    /// The variance, σ².
    #[track_caller]
    pub fn variance(&self) -> Tensor<'g, T> {
        self.scale.square()
    }

    /// The entropy, ln(σ·√(2πe)).
    #[track_caller]
    pub fn entropy(&self) -> Tensor<'g, T> {
        self.scale.ln() + number::<T>(0.5 * (2.0 * PI * E).ln())
    }
}

impl<'g, T: Float> Distribution<'g, T> for Normal<'g, T> {
    type Value = T;

    #[track_caller]
    fn log_prob(&self, x: impl Operand<'g, T>) -> Tensor<'g, T> {
        let z = (x.into_tensor(self.loc.graph()) - self.loc) / self.scale;
        z.square() * number::<T>(-0.5) - self.scale.ln() - number::<T>(0.5 * (2.0 * PI).ln())
    }

    /// Gradients pass to both parameters.
    #[track_caller]
    fn sample<const N: usize>(&self, lengths: [usize; N]) -> Tensor<'g, T> {
        let noise = repeated(self.loc, lengths).random_normal_like(T::zero(), T::one());
        self.loc + self.scale * noise
    }
}
