//! [`StudentT`].

use super::{Distribution, number, repeated, together};
use crate::ops;
use crate::{Float, Graph, Operand, Tensor};

/// Student's t distribution, of the density (1 + z²/ν)^(-(ν + 1)/2) / (σ·√ν·B(½, ν/2)) with z = (x - μ)/σ.
///
/// ```
/// use flowgrad::prelude::*;
/// use flowgrad::distributions::{Distribution, StudentT};
/// let g = Graph::new();
/// let cauchy = StudentT::new(&g, 1.0, 0.0, 1.0);
/// let at_1 = Session::new(&g)?.run(cauchy.prob(1.0))?.item()?;
/// assert!((at_1 - 0.5 / std::f64::consts::PI).abs() < 1e-15);
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct StudentT<'g, T = f32> {
    df: Tensor<'g, T>,
    loc: Tensor<'g, T>,
    scale: Tensor<'g, T>,
}

impl<'g, T: Float> StudentT<'g, T> {
    /// Of the degrees of freedom ν above 0, the location μ, and the scale σ above 0.
    #[track_caller]
    pub fn new(
        g: &'g Graph,
        df: impl Operand<'g, T>,
        loc: impl Operand<'g, T>,
        scale: impl Operand<'g, T>,
    ) -> Self {
        let [df, loc, scale] = together([df.into_tensor(g), loc.into_tensor(g), scale.into_tensor(g)]);
        StudentT { df, loc, scale }
    }

    /// The mean, μ; NaN where ν ≤ 1.
    #[track_caller]
    pub fn mean(&self) -> Tensor<'g, T> {
        self.df.greater(T::one()).select(self.loc, T::nan())
    }

    /// The variance, σ²·ν/(ν - 2); ∞ where ν ≤ 2, and NaN where ν ≤ 1.
    #[track_caller]
    pub fn variance(&self) -> Tensor<'g, T> {
        let two = number::<T>(2.0);
        let finite = self.scale.square() * self.df / (self.df - two);
        let infinite = self.df.greater(T::one()).select(T::infinity(), self.df.full_like(T::nan()));
        self.df.greater(two).select(finite, infinite)
    }

    /// The entropy, (ν + 1)/2·(ψ((ν + 1)/2) - ψ(ν/2)) + ln(σ·√ν·B(½, ν/2)).
    #[track_caller]
    pub fn entropy(&self) -> Tensor<'g, T> {
        let (half, above) = self.halves();
        let rise = ops::digamma_rise(half.any(), half.full_like(number::<T>(0.5)).any());
        above * Tensor::typed(rise) + self.log_normalizer()
    }

    /// ν/2 and (ν + 1)/2.
    #[track_caller]
    fn halves(&self) -> (Tensor<'g, T>, Tensor<'g, T>) {
        let half = number::<T>(0.5);
        (self.df * half, (self.df + T::one()) * half)
    }

    /// ln(σ·√ν·B(½, ν/2)), where B(½, ν/2) = √π·Γ(ν/2)/Γ((ν + 1)/2).
    #[track_caller]
    fn log_normalizer(&self) -> Tensor<'g, T> {
        let (half, _) = self.halves();
        self.scale.ln() + self.df.ln() * number::<T>(0.5) + half.lbeta(number::<T>(0.5))
    }
}

impl<'g, T: Float> Distribution<'g, T> for StudentT<'g, T> {
    type Value = T;

    #[track_caller]
    fn log_prob(&self, x: impl Operand<'g, T>) -> Tensor<'g, T> {
        let z = ((x.into_tensor(self.loc.graph()) - self.loc) / self.scale).abs() / self.df.sqrt();
        let (_, above) = self.halves();
        // ln(1 + z²), by ln z where the square may leave the range.
        let is_near = z.less(number::<T>(1e4));
        let far = z.ln() * number::<T>(2.0) + z.square().reciprocal().log1p();
        -above * is_near.select(z.square().log1p(), far) - self.log_normalizer()
    }

    /// Gradients pass to all parameters: a normal draw, over the root of a gamma draw.
    #[track_caller]
    fn sample<const N: usize>(&self, lengths: [usize; N]) -> Tensor<'g, T> {
        let (half, _) = self.halves();
        let half = repeated(half, lengths);
        let normal = half.random_normal_like(T::zero(), T::one());
        let root = (half.ln() - half.random_log_gamma()) * number::<T>(0.5);
        self.loc + self.scale * normal * root.exp()
    }
}
