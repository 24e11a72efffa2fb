//! [`Adagrad`]: steps in units of all of a gradient's past.

use super::{Optimizer, Parameter, Schedule, Slots, Steps, UpdateRule};
use crate::{Float, Tensor};

/// Adagrad: s ← s + d², then w ← w - η·d/(√s + ε), where s, the slot `sum`, starts from 0 and ε is 10⁻¹⁰, unless
/// given.
///
/// As in PyTorch; TensorFlow starts s from 0.1.
///
/// A gradient whose square overflows, from 1.9·10¹⁹ on in single precision, makes s infinite forever, and its weight no
/// longer changes, as in PyTorch and TensorFlow. Clipping gradients prevents it; a session with
/// [`check_numerics`](crate::SessionBuilder::check_numerics) refuses the step and says where.
///
/// Source: Duchi, Hazan and Singer, *Adaptive subgradient methods for online learning and stochastic optimization*,
/// 2011.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let w = g.variable("w", 4.0_f64);
/// let train = Adagrad::new(0.5).initial_sum(36.0).minimize(w.square());
/// let session = Session::new(&g)?;
/// session.run(train)?; // s = 36 + 8², w = 4 - 0.5·8/10
/// assert!((session.run(w)?.sum() - 3.6).abs() < 1e-9);
/// # Ok::<(), flowgrad::Error>(())
/// ```
pub type Adagrad = Optimizer<AdagradRule>;

/// The rule of [`Adagrad`]: u = d/(√s + ε), where s ← s + d².
#[derive(Clone, Debug)]
pub struct AdagradRule {
    initial_sum: f64,
    epsilon: Schedule,
}

impl Adagrad {
    /// With the rate η.
    pub fn new(rate: impl Into<Schedule>) -> Self {
        Optimizer::of(AdagradRule { initial_sum: 0.0, epsilon: 1e-10.into() }, rate)
    }

    /// What s starts from: 0 unless given. The example of [`Adagrad`] gives it.
    pub fn initial_sum(mut self, initial_sum: f64) -> Self {
        self.rule.initial_sum = initial_sum;
        self
    }

    /// ε, which keeps the divisor from 0: 10⁻¹⁰ unless given.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let w = g.variable("w", 4.0_f64);
    /// let train = Adagrad::new(0.5).epsilon(2.0).minimize(w.square()); // u = 8/(8 + 2)
    /// let session = Session::new(&g)?;
    /// session.run(train)?;
    /// assert!((session.run(w)?.sum() - 3.6).abs() < 1e-15);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn epsilon(mut self, epsilon: impl Into<Schedule>) -> Self {
        self.rule.epsilon = epsilon.into();
        self
    }
}

impl UpdateRule for AdagradRule {
    fn name(&self) -> &'static str {
        "adagrad"
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            Parameter::not_negative("initial_sum", self.initial_sum),
            Parameter::not_negative("epsilon", self.epsilon.clone()),
        ]
    }

    fn direction<'g, T: Float>(
        &self,
        steps: &Steps<'g>,
    ) -> impl Fn(Tensor<'g, T>, &mut Slots<'g, T>) -> Tensor<'g, T> {
        let epsilon: Tensor<'g, T> = steps.value(&self.epsilon);
        move |gradient, slots| {
            let sum = slots.keep("sum", self.initial_sum, |sum| sum + gradient.square());
            gradient / (sum.sqrt() + epsilon)
        }
    }
}
