//! [`VonMises`].

use std::f64::consts::TAU;

use super::{Distribution, number, repeated, together};
use crate::ops;
use crate::{Float, Graph, Operand, Tensor};

/// The von Mises distribution of angles in radians, of the density exp(κ·cos(x - μ)) / (2π·I₀(κ)).
///
/// ```
/// use flowgrad::prelude::*;
/// use flowgrad::distributions::{Distribution, VonMises};
/// let g = Graph::new();
/// let even = VonMises::new(&g, 0.0, 0.0);
/// let density = Session::new(&g)?.run(even.prob(2.0))?.item()?;
/// assert!((density - 0.5 / std::f64::consts::PI).abs() < 1e-15);
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct VonMises<'g, T = f32> {
    loc: Tensor<'g, T>,
    concentration: Tensor<'g, T>,
}

impl<'g, T: Float> VonMises<'g, T> {
    /// Of the mean direction μ and the concentration κ, from 0 on.
    #[track_caller]
    pub fn new(g: &'g Graph, loc: impl Operand<'g, T>, concentration: impl Operand<'g, T>) -> Self {
        let [loc, concentration] = together([loc.into_tensor(g), concentration.into_tensor(g)]);
        VonMises { loc, concentration }
    }

    /// The mean direction, μ.
    pub fn mean(&self) -> Tensor<'g, T> {
        self.loc
    }

    /// The circular variance, 1 - I₁(κ)/I₀(κ).
    #[track_caller]
    pub fn variance(&self) -> Tensor<'g, T> {
        self.spread()
    }

    /// The entropy, ln(2π·I₀(κ)) - κ·I₁(κ)/I₀(κ).
    #[track_caller]
    pub fn entropy(&self) -> Tensor<'g, T> {
        self.log_normalizer() + self.concentration * self.spread()
    }

    /// 1 - I₁(κ)/I₀(κ), what the mean of the cosine lacks of 1.
    #[track_caller]
    fn spread(&self) -> Tensor<'g, T> {
        Tensor::<T>::typed(ops::i0e_fall(self.concentration.any())) / self.concentration.i0e()
    }

    /// ln(2π·I₀(κ)) - κ, which is small where I₀ is too large for a float.
    #[track_caller]
    fn log_normalizer(&self) -> Tensor<'g, T> {
        self.concentration.i0e().ln() + number::<T>(TAU.ln())
    }
}

impl<'g, T: Float> Distribution<'g, T> for VonMises<'g, T> {
    type Value = T;

    #[track_caller]
    fn log_prob(&self, x: impl Operand<'g, T>) -> Tensor<'g, T> {
        let half = (x.into_tensor(self.loc.graph()) - self.loc) * number::<T>(0.5);
        // cos(x) - 1 = -2·sin²(x/2), which keeps its digits where x is small.
        self.concentration * half.sin().square() * number::<T>(-2.0) - self.log_normalizer()
    }

    /// Angles between μ - π and μ + π. A gradient passes to μ, and none to κ.
    #[track_caller]
    fn sample<const N: usize>(&self, lengths: [usize; N]) -> Tensor<'g, T> {
        self.loc + repeated(self.concentration, lengths).random_von_mises()
    }
}
