//! [`Gamma`].

use super::{Distribution, gamma_entropy, gamma_log_density, is_not_negative, repeated, together, within};
use crate::{Float, Graph, Operand, Tensor};

/// The gamma distribution, of the density βᵅ·xᵅ⁻¹·e^(-β·x) / Γ(α).
///
/// ```
/// use flowgrad::prelude::*;
/// use flowgrad::distributions::{Distribution, Gamma};
/// let g = Graph::new();
/// let waiting = Gamma::new(&g, 1.0, 0.5);
/// let density = Session::new(&g)?.run(waiting.prob(2.0))?.item()?;
/// assert!((density - 0.5 * (-1.0_f64).exp()).abs() < 1e-15);
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Gamma<'g, T = f32> {
    concentration: Tensor<'g, T>,
    rate: Tensor<'g, T>,
}

impl<'g, T: Float> Gamma<'g, T> {
    /// Of the concentration α and the rate β, both above 0.
    #[track_caller]
    pub fn new(g: &'g Graph, concentration: impl Operand<'g, T>, rate: impl Operand<'g, T>) -> Self {
        let [concentration, rate] = together([concentration.into_tensor(g), rate.into_tensor(g)]);
        Gamma { concentration, rate }
    }

    /// The mean, α/β.
    #[track_caller]
    pub fn mean(&self) -> Tensor<'g, T> {
        self.concentration / self.rate
    }

    /// The variance, α/β².
    #[track_caller]
    pub fn variance(&self) -> Tensor<'g, T> {
        self.mean() / self.rate
    }

    /// The entropy, α - ln β + ln Γ(α) + (1 - α)·ψ(α).
    #[track_caller]
    pub fn entropy(&self) -> Tensor<'g, T> {
        gamma_entropy(self.concentration) - self.rate.ln()
    }
}

impl<'g, T: Float> Distribution<'g, T> for Gamma<'g, T> {
    type Value = T;

    #[track_caller]
    fn log_prob(&self, x: impl Operand<'g, T>) -> Tensor<'g, T> {
        let x = x.into_tensor(self.rate.graph());
        let log_density = gamma_log_density(self.concentration, self.rate * x) + self.rate.ln();
        within(is_not_negative(x), log_density)
    }

    /// Gradients pass to both parameters, to α by that of the quantile.
    #[track_caller]
    fn sample<const N: usize>(&self, lengths: [usize; N]) -> Tensor<'g, T> {
        repeated(self.concentration, lengths).random_gamma() / self.rate
    }
}
