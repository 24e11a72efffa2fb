//! [`Dropout`]: some elements left out while training.

use super::fitting::{fault, fitting};
use super::layer::calling;
use super::{Layer, Mode};
use crate::{Float, Numeric, Tensor};

/// In [`Mode::Train`] each element is 0 with probability `rate`, and else over 1 - `rate`, so that its expectation is
/// itself; in [`Mode::Predict`] nothing changes.
///
/// What is left out depends on the graph's seed, the layer's name and the number of the call (see
/// [the names](super)), and the [count of runs](crate::Session::run_count), as for
/// [`bernoulli_like`](Tensor::bernoulli_like). Gradient: the cotangent over 1 - `rate` where the element was kept, else 0.
///
/// A rate that is not at least 0 and below 1 is a build error.
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
#[derive(Clone, Debug, PartialEq)]
pub struct Dropout {
    /// The layer's name, a scope for the nodes of each call.
    pub name: String,
    /// The probability that an element is left out: at least 0 and below 1.
    pub rate: f64,
}

impl Dropout {
    /// A layer that leaves out elements with this probability.
    pub fn new(name: &str, rate: f64) -> Self {
        Dropout { name: name.to_owned(), rate }
    }
}

impl<'g, T: Float> Layer<'g, T> for Dropout {
    #[track_caller]
    fn call(&self, x: Tensor<'g, T>, mode: Mode) -> Tensor<'g, T> {
        calling(x.graph(), &self.name, || {
            let rate = self.rate;
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
