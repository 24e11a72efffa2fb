//! [`Sgd`]: gradient descent as it stands.

use super::{Optimizer, Schedule, Slots, Steps, UpdateRule};
use crate::{Float, Tensor};

/// Gradient descent: w ← w - η·d. It keeps nothing.
///
/// Source: Robbins and Monro, *A stochastic approximation method*, 1951.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let w = g.variable("w", 3.0_f64);
/// let train = Sgd::new(0.25).minimize(w.square());
/// let session = Session::new(&g)?;
/// session.run(train)?;
/// assert_eq!(session.run(w)?.sum(), 1.5);
/// # Ok::<(), flowgrad::Error>(())
/// ```
pub type Sgd = Optimizer<SgdRule>;

/// The rule of [`Sgd`]: u = d.
#[derive(Clone, Debug)]
pub struct SgdRule(());

impl Sgd {
    /// With the rate η.
    pub fn new(rate: impl Into<Schedule>) -> Self {
        Optimizer::of(SgdRule(()), rate)
    }
}

impl UpdateRule for SgdRule {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn direction<'g, T: Float>(
        &self,
        _: &Steps<'g>,
    ) -> impl Fn(Tensor<'g, T>, &mut Slots<'g, T>) -> Tensor<'g, T> {
        |gradient, _| gradient
    }
}
