//! [`Dropout`]: some elements left out while training.

use super::fitting::{fault, fitting};
use super::layer::calling;
use super::{Layer, Mode};
use crate::optimizer::Schedule;
use crate::{Float, Numeric, Tensor};

/// In [`Mode::Train`] each element is 0 with probability `rate`, and else over 1 - `rate`, so that its expectation is
/// itself; in [`Mode::Predict`] nothing changes.
///
/// What is left out depends on the graph's seed, the layer's name and the number of the call (see
/// [the names](super)), and the [count of runs](crate::Session::run_count), as for
/// [`bernoulli_like`](Tensor::bernoulli_like). Gradient: the cotangent over 1 - `rate` where the element was kept, else 0.
///
/// The rate is a number, or a tensor, a variable or a [`Schedule`] of the step, to which no gradient passes. A number
/// that is not at least 0 and below 1 is a build error; what a tensor holds is not looked at, and one of 1 leaves out
/// everything.
///
/// Source: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, *Dropout: a simple way to prevent neural
/// networks from overfitting*, 2014, section 10, with the scaling done while training.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let x = g.constant(ndarray::Array1::<f32>::ones(8));
/// let layer = Dropout::new("drop1", 0.5);
/// let [train, predict] = [Mode::Train, Mode::Predict].map(|mode| layer.call(x, mode));
/// let [train, predict] = Session::new(&g)?.run([train, predict])?;
/// assert!(train.iter().all(|&x| x == 0.0 || x == 2.0));
/// assert!(predict.iter().all(|&x| x == 1.0));
/// # Ok::<(), flowgrad::Error>(())
/// ```
///
/// A rate that rises while training goes on:
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let x = g.constant(ndarray::Array1::<f32>::ones(8));
/// let later = Dropout::new("drop1", Schedule::piecewise(0.0, [(1000, 0.5)])).call(x, Mode::Train);
/// assert!(Session::new(&g)?.run(later)?.iter().all(|&x| x == 1.0));
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dropout<R = f64> {
    /// The layer's name, a scope for the nodes of each call.
    pub name: String,
    /// The probability that an element is left out: at least 0 and below 1.
    pub rate: R,
}

impl<R> Dropout<R> {
    /// A layer that leaves out elements with this probability: a number, a tensor, a variable, or a [`Schedule`].
    pub fn new(name: &str, rate: R) -> Self {
        Dropout { name: name.to_owned(), rate }
    }
}

impl<'g, T: Float, R: Clone + Into<Schedule>> Layer<'g, T> for Dropout<R> {
    #[track_caller]
    fn call(&self, x: Tensor<'g, T>, mode: Mode) -> Tensor<'g, T> {
        calling(x.graph(), &self.name, || {
            let schedule: Schedule = self.rate.clone().into();
            let Some(rate) = schedule.number() else {
                return if mode == Mode::Predict { x } else { dropped_at(x, &schedule) };
            };
            let x = fitting(x.graph(), "dropout", [x.any()], move |_| {
                let reason = || fault(format!("expected a rate of at least 0 and below 1, got {rate}"));
                if (0.0..1.0).contains(&rate) { Ok(()) } else { Err(reason()) }
            });
            if mode == Mode::Predict || rate == 0.0 {
                return x;
            }
            let [zero, scale] = [0.0, 1.0 / (1.0 - rate)].map(<T as Numeric>::from_f64);
            x.bernoulli_like(rate).select(zero, x * scale)
        })
    }
}

/// What is left of the elements at a rate that is computed.
#[track_caller]
fn dropped_at<'g, T: Float>(x: Tensor<'g, T>, rate: &Schedule) -> Tensor<'g, T> {
    let [zero, one] = [0.0, 1.0].map(<T as Numeric>::from_f64);
    let [rate, kept] = rate.shares::<T>(x.graph()).map(Tensor::stop_gradient);
    x.random_uniform_like(zero, one).less(rate).select(zero, x / kept)
}
