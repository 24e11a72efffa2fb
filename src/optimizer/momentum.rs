//! [`Momentum`]: descent that keeps its velocity.

use super::{Optimizer, Parameter, Schedule, Slots, Steps, UpdateRule};
use crate::{Float, Tensor};

/// Gradient descent with momentum: v ← μ·v + d, then w ← w - η·v, where v, the slot `velocity`, starts from 0.
///
/// As in PyTorch and TensorFlow 1, η is applied to the velocity as it is now; where η changes, forms that take
/// η·d into v give other numbers. PyTorch's `dampening` is 0.
///
/// Source: Polyak, *Some methods of speeding up the convergence of iteration methods*, 1964.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let w = g.variable("w", 4.0_f64);
/// let train = Momentum::new(0.25, 0.5).minimize(w.square());
/// let session = Session::new(&g)?;
/// session.run(train)?; // v = 8, w = 4 - 0.25·8
/// session.run(train)?; // v = 0.5·8 + 4, w = 2 - 0.25·8
/// assert_eq!(session.run(w)?.sum(), 0.0);
/// # Ok::<(), flowgrad::Error>(())
/// ```
pub type Momentum = Optimizer<MomentumRule>;

/// The rule of [`Momentum`]: u = v, or u = d + μ·v, where v ← μ·v + d.
#[derive(Clone, Debug)]
pub struct MomentumRule {
    momentum: Schedule,
    nesterov: bool,
}

impl Momentum {
    /// With the rate η and the momentum μ, often 0.9.
    pub fn new(rate: impl Into<Schedule>, momentum: impl Into<Schedule>) -> Self {
        Optimizer::of(MomentumRule { momentum: momentum.into(), nesterov: false }, rate)
    }

    /// Steps by d + μ·v instead of v, which looks one step of the velocity ahead.
    ///
    /// Source: Sutskever, Martens, Dahl and Hinton, *On the importance of initialization and momentum in deep
    /// learning*, 2013, after Nesterov, 1983.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let w = g.variable("w", 4.0_f64);
    /// let train = Momentum::new(0.25, 0.5).nesterov().minimize(w.square());
    /// let session = Session::new(&g)?;
    /// session.run(train)?; // v = 8, w = 4 - 0.25·(8 + 0.5·8)
    /// assert_eq!(session.run(w)?.sum(), 1.0);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn nesterov(mut self) -> Self {
        self.rule.nesterov = true;
        self
    }
}

impl UpdateRule for MomentumRule {
    fn name(&self) -> &'static str {
        "momentum"
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::fraction("momentum", self.momentum.clone())]
    }

    fn direction<'g, T: Float>(
        &self,
        steps: &Steps<'g>,
    ) -> impl Fn(Tensor<'g, T>, &mut Slots<'g, T>) -> Tensor<'g, T> {
        let momentum: Tensor<'g, T> = steps.value(&self.momentum);
        move |gradient, slots| {
            let velocity = slots.keep("velocity", 0.0, |v| v * momentum + gradient);
            if self.nesterov { gradient + velocity * momentum } else { velocity }
        }
    }
}
