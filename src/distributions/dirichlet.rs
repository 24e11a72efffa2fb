//! [`Dirichlet`].

use super::{Distribution, gamma_entropy, gamma_log_density, is_not_negative, of_events, repeated, within};
use crate::{Float, Graph, Operand, Tensor};

/// The Dirichlet distribution of rows of shares, of the density Πᵢ xᵢ^(αᵢ - 1) / B(α). A row is what lies along the last
/// axis.
///
/// ```
/// use flowgrad::prelude::*;
/// use flowgrad::distributions::{Dirichlet, Distribution};
/// use flowgrad::ndarray::arr1;
/// let g = Graph::new();
/// let even = Dirichlet::new(&g, g.constant(arr1(&[1.0_f64, 1.0, 1.0])));
/// let density = even.prob(g.constant(arr1(&[0.2, 0.3, 0.5])));
/// assert!((Session::new(&g)?.run(density)?.item()? - 2.0).abs() < 1e-14);
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Dirichlet<'g, T = f32> {
    concentration: Tensor<'g, T>,
}

impl<'g, T: Float> Dirichlet<'g, T> {
    /// Of a row of concentrations α, all above 0. One without axes is a build error where it is used.
    #[track_caller]
    pub fn new(g: &'g Graph, concentration: impl Operand<'g, T>) -> Self {
        Dirichlet { concentration: concentration.into_tensor(g) }
    }

    /// The sum of each row of concentrations.
    #[track_caller]
    fn total(&self) -> Tensor<'g, T> {
        self.concentration.reduce_sum(-1)
    }

    /// How many shares a row has.
    #[track_caller]
    fn classes(&self) -> Tensor<'g, T> {
        self.concentration.ones_like().reduce_sum(-1)
    }

    /// The mean, αᵢ/Σⱼ αⱼ.
    #[track_caller]
    pub fn mean(&self) -> Tensor<'g, T> {
        self.concentration / self.total().expand_dims(-1)
    }

    /// The variance of each share, m·(1 - m)/(Σⱼ αⱼ + 1) with its mean m.
    #[track_caller]
    pub fn variance(&self) -> Tensor<'g, T> {
        let mean = self.mean();
        mean * (T::one() - mean) / (self.total().expand_dims(-1) + T::one())
    }

    /// The entropy, ln B(α) + (Σᵢ αᵢ - n)·ψ(Σᵢ αᵢ) - Σᵢ (αᵢ - 1)·ψ(αᵢ).
    #[track_caller]
    pub fn entropy(&self) -> Tensor<'g, T> {
        // By those of gamma distributions, whose sums are of logarithms, and not of what is larger by far.
        let total = self.total();
        let shares = gamma_entropy(self.concentration).reduce_sum(-1);
        shares - gamma_entropy(total) - (self.classes() - T::one()) * total.digamma()
    }
}

impl<'g, T: Float> Distribution<'g, T> for Dirichlet<'g, T> {
    type Value = T;

    /// Shares that are not all from 0 on have -∞; that they sum to 1 is not checked. Rows of another length than that of the
    /// concentrations are a build error, or fail the run that feeds them.
    #[track_caller]
    fn log_prob(&self, x: impl Operand<'g, T>) -> Tensor<'g, T> {
        let x = x.into_tensor(self.concentration.graph());
        let x = of_events(x, self.concentration);
        let total = self.total();
        // The density of gamma distributions at their shares of a total that is the sum of the concentrations, given that
        // the total is that.
        let scaled = x * total.expand_dims(-1);
        let of_shares = gamma_log_density(self.concentration, scaled).reduce_sum(-1);
        let of_total = (self.classes() - T::one()) * total.ln() - gamma_log_density(total, total);
        let beside_1 = total * (x.reduce_sum(-1) - T::one());
        within(is_not_negative(x).reduce_all(-1), of_shares + of_total + beside_1)
    }

    /// Gradients pass, by those of gammas.
    #[track_caller]
    fn sample<const N: usize>(&self, lengths: [usize; N]) -> Tensor<'g, T> {
        repeated(self.concentration, lengths).random_log_gamma().softmax(-1)
    }
}
