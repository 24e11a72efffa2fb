//! [`UpdateRule`]: what one optimizer does differently from another, and [`Slots`] and [`Steps`], what it may
//! remember.

use std::cell::OnceCell;

use super::accumulation::MicroSteps;
use super::{Parameter, Schedule};
use crate::prelude::{Float, Graph, Numeric, Operation, Tensor, Variable, full};

/// The formula of an optimizer: in which direction u a step w ← w - η·u changes a variable w.
///
/// An [`Optimizer`](super::Optimizer) adds what all have in common: the rate η, clipping, weight decay, the global
/// step.
///
/// ```
/// use flowgrad::optimizer::{Optimizer, Slots, Steps, UpdateRule};
/// use flowgrad::prelude::*;
///
/// /// u = sign(m), where m ← μ·m + (1 - μ)·d.
/// #[derive(Clone, Debug)]
/// struct Signum(f64);
///
/// impl UpdateRule for Signum {
///     fn name(&self) -> &'static str {
///         "signum"
///     }
///
///     fn direction<'g, T: Float>(
///         &self,
///         _: &Steps<'g>,
///     ) -> impl Fn(Tensor<'g, T>, &mut Slots<'g, T>) -> Tensor<'g, T> {
///         |gradient, slots| slots.average("m", self.0, gradient).sign()
///     }
/// }
///
/// let g = Graph::new();
/// let w = g.variable("w", ndarray::arr1(&[1.0, -1.0]));
/// let train = Optimizer::of(Signum(0.9), 0.5).minimize(w.square().reduce_sum(..));
/// let session = Session::new(&g)?;
/// session.run(train)?;
/// assert_eq!(session.run(w)?, ndarray::arr1(&[0.5, -0.5]).into_dyn());
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no rule of an optimizer",
    label = "expected a type that implements `UpdateRule`",
    note = "the optimizers of the crate are made directly: `Adam::new(1e-3).minimize(loss)`"
)]
pub trait UpdateRule {
    /// The optimizer's name in the names of what it keeps, and in errors.
    fn name(&self) -> &'static str;

    /// The numbers that were chosen for it, each with the range that suits it.
    fn parameters(&self) -> Vec<Parameter> {
        Vec::new()
    }

    /// Whether weight decay shrinks the variable itself, w ← (1 - η·λ)·w - η·u, instead of adding λ·w to the gradient.
    fn decouples_weight_decay(&self) -> bool {
        false
    }

    /// The function from the gradient d of a variable to the direction u. It is called once for each variable, with
    /// the variable's slots; what is built before it is given is shared by all of them.
    fn direction<'g, T: Float>(
        &self,
        steps: &Steps<'g>,
    ) -> impl Fn(Tensor<'g, T>, &mut Slots<'g, T>) -> Tensor<'g, T>;
}

/// What an optimizer keeps for one variable: further variables of its shape, which are not trainable.
#[derive(Debug)]
pub struct Slots<'g, T> {
    variable: Variable<'g, T>,
    micro: MicroSteps<'g>,
    changes: Vec<Operation<'g>>,
}

impl<'g, T: Float> Slots<'g, T> {
    pub(super) fn of(variable: Variable<'g, T>, micro: MicroSteps<'g>) -> Self {
        Slots { variable, micro, changes: Vec::new() }
    }

    /// What sets the slots to their new values.
    pub(super) fn into_changes(self) -> Vec<Operation<'g>> {
        self.changes
    }

    /// Keeps a number for each element, which is `start` at first and which a step replaces by `next` of it; gives
    /// the new numbers. The name must not be that of a node that the rule built before.
    ///
    /// ```
    /// use flowgrad::optimizer::Slots;
    /// use flowgrad::prelude::*;
    /// /// The largest gradient so far.
    /// fn largest<'g>(gradient: Tensor<'g, f64>, slots: &mut Slots<'g, f64>) -> Tensor<'g, f64> {
    ///     slots.keep("largest", 0.0, |largest| largest.maximum(gradient.abs()))
    /// }
    /// ```
    pub fn keep(
        &mut self,
        name: &str,
        start: f64,
        next: impl FnOnce(Tensor<'g, T>) -> Tensor<'g, T>,
    ) -> Tensor<'g, T> {
        // The lengths of a variable are known.
        let dims = self.variable.shape().known().unwrap_or_default();
        let slot = self.variable.graph().non_trainable_variable(name, full(dims, start));
        let (change, next) = self.micro.put(slot, next(slot.tensor()));
        self.changes.push(change);
        next
    }

    /// Keeps a moving average of x, which starts from 0: a ← decay·a + (1 - decay)·x; gives the new one. The example
    /// of [`UpdateRule`] keeps one.
    pub fn average(&mut self, name: &str, decay: impl Into<Schedule>, x: Tensor<'g, T>) -> Tensor<'g, T> {
        let [old, new] = decay.into().shares(self.variable.graph());
        self.keep(name, 0.0, |average| average * old + x * new)
    }
}

/// The steps that one optimizer has done, which are fewer than the global step where others have done some.
#[derive(Debug)]
pub struct Steps<'g> {
    graph: &'g Graph,
    micro: MicroSteps<'g>,
    /// The number of this step, and what keeps it.
    number: OnceCell<(Operation<'g>, Tensor<'g, i64>)>,
}

impl<'g> Steps<'g> {
    pub(super) fn of(graph: &'g Graph, micro: MicroSteps<'g>) -> Self {
        Steps { graph, micro, number: OnceCell::new() }
    }

    /// What counts the steps, if anybody wants to know their number.
    pub(super) fn change(&self) -> Option<Operation<'g>> {
        self.number.get().map(|&(change, _)| change)
    }

    /// What a schedule gives for the step that is being done.
    ///
    /// ```
    /// use flowgrad::optimizer::Steps;
    /// use flowgrad::prelude::*;
    /// /// A gradient that counts half as much every 100 steps.
    /// fn waning<'g>(steps: &Steps<'g>, gradient: Tensor<'g, f64>) -> Tensor<'g, f64> {
    ///     gradient * steps.value(&Schedule::exponential(1.0, 0.5, 100))
    /// }
    /// ```
    pub fn value<T: Float>(&self, schedule: &Schedule) -> Tensor<'g, T> {
        schedule.now(self.graph)
    }

    /// The number of the step that is being done, counted from 1. It is kept in a variable of its own, `step`.
    ///
    /// ```
    /// use flowgrad::optimizer::Steps;
    /// use flowgrad::prelude::*;
    /// /// What the weights of an average that started from 0 add up to.
    /// fn weights<'g>(steps: &Steps<'g>, decay: f64) -> Tensor<'g, f64> {
    ///     let number = steps.number();
    ///     -number.graph().constant(decay).pow(number) + 1.0
    /// }
    /// ```
    pub fn number(&self) -> Tensor<'g, f64> {
        let count = || {
            let step = self.graph.non_trainable_variable("step", 0_i64);
            self.micro.put(step, step + 1)
        };
        self.number.get_or_init(count).1.cast()
    }
}

/// The number nearest to `value` that a tensor can hold.
pub(super) fn number<T: Float>(value: f64) -> T {
    <T as Numeric>::from_f64(value)
}
