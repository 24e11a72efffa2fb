//! [`RmsProp`]: steps in units of a gradient's recent size.

use super::rule::number;
use super::{Optimizer, Parameter, Schedule, Slots, Steps, UpdateRule};
use crate::{Float, Tensor};

/// `RMSProp`: s ← α·s + (1 - α)·d², then w ← w - η·d/(√s + ε), where s, the slot `mean_square`, starts from 0;
/// α is 0.99 and ε is 10⁻⁸ unless given.
///
/// As in PyTorch, ε is added to the root; TensorFlow adds it inside the root, and its α is 0.9.
///
/// A gradient whose square overflows, from 1.9·10¹⁹ on in single precision, makes s infinite forever, and its weight no
/// longer changes, as in PyTorch and TensorFlow. Clipping gradients prevents it; a session with
/// [`check_numerics`](crate::SessionBuilder::check_numerics) refuses the step and says where.
///
/// Source: Tieleman and Hinton, *Lecture 6.5: rmsprop*, Coursera, 2012.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let w = g.variable("w", 4.0_f64);
/// let train = RmsProp::new(0.5).decay(0.75).minimize(w.square());
/// let session = Session::new(&g)?;
/// session.run(train)?; // s = 0.25·8², w = 4 - 0.5·8/4
/// assert!((session.run(w)?.sum() - 3.0).abs() < 1e-7);
/// # Ok::<(), flowgrad::Error>(())
/// ```
pub type RmsProp = Optimizer<RmsPropRule>;

/// The rule of [`RmsProp`]: u = d/(√s + ε), where s ← α·s + (1 - α)·d².
#[derive(Clone, Debug)]
pub struct RmsPropRule {
    decay: Schedule,
    epsilon: Schedule,
    momentum: Schedule,
    centered: bool,
}

impl RmsProp {
    /// With the rate η.
    pub fn new(rate: impl Into<Schedule>) -> Self {
        Optimizer::of(RmsPropRule::default(), rate)
    }

    /// α, the share of the old average in the new one: 0.99 unless given.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let w = g.variable("w", 4.0_f64);
    /// let train = RmsProp::new(0.5).decay(0.0).minimize(w.square()); // u = d/|d|
    /// let session = Session::new(&g)?;
    /// session.run(train)?;
    /// assert!((session.run(w)?.sum() - 3.5).abs() < 1e-8);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn decay(mut self, decay: impl Into<Schedule>) -> Self {
        self.rule.decay = decay.into();
        self
    }

    /// ε, which keeps the divisor from 0: 10⁻⁸ unless given.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let w = g.variable("w", 4.0_f64);
    /// let train = RmsProp::new(0.5).decay(0.75).epsilon(1.0).minimize(w.square()); // u = 8/(4 + 1)
    /// let session = Session::new(&g)?;
    /// session.run(train)?;
    /// assert!((session.run(w)?.sum() - 3.2).abs() < 1e-15);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn epsilon(mut self, epsilon: impl Into<Schedule>) -> Self {
        self.rule.epsilon = epsilon.into();
        self
    }

    /// Steps by the velocity v ← μ·v + u instead of u; v, the slot `velocity`, starts from 0.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let w = g.variable("w", 4.0_f64);
    /// RmsProp::new(0.1).momentum(0.9).minimize(w.square());
    /// assert!(g.find_variable::<f64>("w/rms_prop/velocity").is_some());
    /// ```
    pub fn momentum(mut self, momentum: impl Into<Schedule>) -> Self {
        self.rule.momentum = momentum.into();
        self
    }

    /// Divides by √(s - m²) + ε, the deviation from the average m ← α·m + (1 - α)·d instead of the size; m, the
    /// slot `mean_gradient`, starts from 0.
    ///
    /// Source: Graves, *Generating sequences with recurrent neural networks*, 2013, equations 38 to 41.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let w = g.variable("w", 4.0_f64);
    /// RmsProp::new(0.1).centered().minimize(w.square());
    /// assert!(g.find_variable::<f64>("w/rms_prop/mean_gradient").is_some());
    /// ```
    pub fn centered(mut self) -> Self {
        self.rule.centered = true;
        self
    }
}

impl Default for RmsPropRule {
    fn default() -> Self {
        RmsPropRule { decay: 0.99.into(), epsilon: 1e-8.into(), momentum: 0.0.into(), centered: false }
    }
}

impl UpdateRule for RmsPropRule {
    fn name(&self) -> &'static str {
        "rms_prop"
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            Parameter::fraction("decay", self.decay.clone()),
            Parameter::not_negative("epsilon", self.epsilon.clone()),
            Parameter::fraction("momentum", self.momentum.clone()),
        ]
    }

    fn direction<'g, T: Float>(
        &self,
        steps: &Steps<'g>,
    ) -> impl Fn(Tensor<'g, T>, &mut Slots<'g, T>) -> Tensor<'g, T> {
        let (epsilon, zero): (Tensor<'g, T>, T) = (steps.value(&self.epsilon), number(0.0));
        // Without momentum nothing is kept for it.
        let momentum = (!self.momentum.is_zero()).then(|| steps.value::<T>(&self.momentum));
        move |gradient, slots| {
            let mut square = slots.average("mean_square", self.decay.clone(), gradient.square());
            if self.centered {
                let mean = slots.average("mean_gradient", self.decay.clone(), gradient);
                // Rounding may leave a variance of nothing below 0.
                square = (square - mean.square()).maximum(zero);
            }
            let direction = gradient / (square.sqrt() + epsilon);
            match momentum {
                Some(momentum) => slots.keep("velocity", 0.0, |v| v * momentum + direction),
                None => direction,
            }
        }
    }
}
