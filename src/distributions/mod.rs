//! Distributions of random numbers: densities, draws, means, variances and entropies, as tensors of a graph.
//!
//! ```
//! use flowgrad::prelude::*;
//! use flowgrad::distributions::{Distribution, Normal};
//! use flowgrad::ndarray::arr1;
//! use flowgrad::optimizer::Lbfgs;
//! let g = Graph::new();
//! let (mu, sigma) = (g.variable("mu", 0.0_f64), g.variable("sigma", 1.0_f64));
//! let x = g.constant(arr1(&[1.5, 2.5, 2.0]));
//! // The most likely parameters are the mean and the deviation of the data.
//! let loss = -Normal::new(&g, mu, sigma.exp()).log_prob(x).reduce_mean(..);
//! let session = Session::new(&g)?;
//! Lbfgs::new().minimize(&session, loss, &Parameters::trainable(&g))?;
//! let (mu, sigma) = session.run((mu, sigma.exp()))?;
//! assert!((mu.item()? - 2.0).abs() < 1e-4 && (sigma.item()? - (1.0_f64 / 6.0).sqrt()).abs() < 1e-4);
//! # Ok::<(), flowgrad::Error>(())
//! ```
//!
//! Parameters are tensors, variables or numbers of one float type, and broadcast: a distribution of parameters of shape
//! `[3]` is three distributions, and a density has an element for each. `sample` takes the lengths that stand in front:
//! `normal.sample([100])` is of shape `[100, 3]`. The parameters of a multivariate distribution, and what it is about,
//! have one more axis at the end, or two.
//!
//! | distribution | support | gradients pass through draws | entropy |
//! |---|---|---|---|
//! | [`Normal`] | real | yes | closed |
//! | [`StudentT`] | real | yes, also to the degrees of freedom | closed |
//! | [`Gamma`] | above 0 | yes, by the implicit gradient | closed |
//! | [`Beta`] | 0 to 1 | yes, by those of two gammas | closed |
//! | [`Dirichlet`] | rows above 0 that sum to 1 | yes, by those of gammas | closed |
//! | [`VonMises`] | angles | no | closed |
//! | [`Categorical`] | 0, 1, .., n - 1 | no | closed |
//! | [`Poisson`] | 0, 1, .. | no | a sum or a series |
//! | [`Binomial`] | 0, 1, .., n | no | a sum or a series |
//! | [`NegativeBinomial`] | 0, 1, .. | no | a sum or a series |
//! | `MultivariateNormal`, with the feature `linalg` | rows of reals | yes | closed |
//!
//! Logarithms of densities are -∞ outside of the support. Parameters are not checked when a density is computed: out of
//! their range it is NaN, or meaningless. Draws by such parameters fail the run.
//!
//! The parameters are those of TensorFlow Probability and PyTorch. Entropies are in nats.

mod beta;
mod binomial;
mod categorical;
mod dirichlet;
mod gamma;
#[cfg(feature = "linalg")]
mod multivariate_normal;
mod negative_binomial;
mod normal;
mod poisson;
mod student_t;
mod von_mises;

pub use beta::Beta;
pub use binomial::Binomial;
pub use categorical::Categorical;
pub use dirichlet::Dirichlet;
pub use gamma::Gamma;
#[cfg(feature = "linalg")]
pub use multivariate_normal::MultivariateNormal;
pub use negative_binomial::NegativeBinomial;
pub use normal::Normal;
pub use poisson::Poisson;
pub use student_t::StudentT;
pub use von_mises::VonMises;

use crate::ops;
use crate::{Element, Float, Length, Operand, Tensor};

/// A distribution whose densities are of `T`.
pub trait Distribution<'g, T: Float> {
    /// What it is about: numbers of the same type, or for classes integers.
    type Value: Element;

    /// The natural logarithm of the density at x, or of the probability of x where it is a count or a class; -∞ outside
    /// of the support.
    fn log_prob(&self, x: impl Operand<'g, Self::Value>) -> Tensor<'g, T>;

    /// The density at x, or the probability of x.
    #[track_caller]
    fn prob(&self, x: impl Operand<'g, Self::Value>) -> Tensor<'g, T> {
        self.log_prob(x).exp()
    }

    /// Draws, anew in each run, with these lengths in front of those of the parameters. What is drawn depends on what
    /// [`Graph::random_uniform`](crate::Graph::random_uniform) says.
    fn sample<const N: usize>(&self, lengths: [usize; N]) -> Tensor<'g, Self::Value>;
}

/// A parameter, repeated for these lengths in front.
#[track_caller]
fn repeated<T: Element, const N: usize>(parameter: Tensor<'_, T>, lengths: [usize; N]) -> Tensor<'_, T> {
    if N == 0 {
        return parameter;
    }
    let front = lengths.into_iter().map(Length::from);
    parameter.broadcast_to(front.chain(parameter.lengths()).collect::<Vec<_>>())
}

/// Parameters as tensors, each of the shape that they have together.
#[track_caller]
fn together<T: Float, const N: usize>(parameters: [Tensor<'_, T>; N]) -> [Tensor<'_, T>; N] {
    // Of the sum, only the shape is looked at.
    let sum = parameters[1..].iter().fold(parameters[0], |sum, &parameter| sum + parameter);
    parameters.map(|parameter| sum.full_like(parameter))
}

/// What is given where a condition holds, else -∞.
#[track_caller]
fn within<'g, T: Float>(supported: Tensor<'g, bool>, log_density: Tensor<'g, T>) -> Tensor<'g, T> {
    supported.select(log_density, T::neg_infinity())
}

/// Whether each is from 0 on and finite, or NaN, which stays NaN.
#[track_caller]
fn is_not_negative<T: Float>(x: Tensor<'_, T>) -> Tensor<'_, bool> {
    x.less(T::zero()).logical_or(x.equal(T::infinity())).logical_not()
}

/// Whether each is a whole number from 0 on, or NaN.
#[track_caller]
fn is_count<T: Float>(x: Tensor<'_, T>) -> Tensor<'_, bool> {
    is_not_negative(x).logical_and(x.floor().not_equal(x).logical_and(x.equal(x)).logical_not())
}

/// Rows that a density is asked of, each as long as a row of a parameter: they are not repeated.
#[track_caller]
fn of_events<'g, T: Float>(x: Tensor<'g, T>, parameter: Tensor<'g, T>) -> Tensor<'g, T> {
    Tensor::typed(ops::expect_rows(x.any(), parameter.any()))
}

/// (a - 1)·ln x - x - ln Γ(a).
#[track_caller]
fn gamma_log_density<'g, T: Float>(a: Tensor<'g, T>, x: Tensor<'g, T>) -> Tensor<'g, T> {
    Tensor::typed(ops::gamma_log_density(a.any(), x.any()))
}

/// (a - 1)·ln x + (b - 1)·ln(1 - x) - ln B(a, b).
#[track_caller]
fn beta_log_density<'g, T: Float>(a: Tensor<'g, T>, b: Tensor<'g, T>, x: Tensor<'g, T>) -> Tensor<'g, T> {
    Tensor::typed(ops::beta_log_density(a.any(), b.any(), x.any()))
}

/// The entropy of a gamma distribution of the rate 1.
#[track_caller]
fn gamma_entropy<T: Float>(a: Tensor<'_, T>) -> Tensor<'_, T> {
    Tensor::typed(ops::gamma_entropy(a.any()))
}

/// A number of a generic type.
fn number<T: Float>(value: f64) -> T {
    T::from_f64(value)
}
