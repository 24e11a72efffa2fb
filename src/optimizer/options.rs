//! [`Optimizer`]: a rule, and the options that all optimizers have.

use super::clip::Clip;
use super::{Parameter, Schedule, UpdateRule};
use crate::Graph;
use crate::op::Fault;

/// An optimizer: the formula of `R`, and the options that all have.
///
/// [`Sgd`](super::Sgd), [`Momentum`](super::Momentum), [`RmsProp`](super::RmsProp), [`Adagrad`](super::Adagrad),
/// [`Adam`](super::Adam) and [`AdamW`](super::AdamW) are this with their rules, and have further options. It is a plain
/// value: each `minimize` builds anew, with variables of its own.
#[derive(Clone, Debug)]
#[must_use = "an optimizer changes nothing before `minimize` or `apply_gradients` build what does"]
pub struct Optimizer<R> {
    pub(super) rule: R,
    pub(super) rate: Schedule,
    pub(super) clips: Vec<Clip>,
    pub(super) weight_decay: Schedule,
    pub(super) counts: bool,
    /// The runs of a step.
    pub(super) accumulates: usize,
}

impl<R: UpdateRule> Optimizer<R> {
    /// An optimizer of any rule; those of this crate have a `new` each. [`UpdateRule`] has an example.
    pub fn of(rule: R, rate: impl Into<Schedule>) -> Self {
        Optimizer {
            rule,
            rate: rate.into(),
            clips: Vec::new(),
            weight_decay: 0.0.into(),
            counts: true,
            accumulates: 1,
        }
    }

    /// Holds every element of every gradient between -`limit` and `limit`.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let w = g.variable("w", ndarray::arr1(&[3.0, -0.25]));
    /// let train = Sgd::new(1.0).clip_by_value(1.0).minimize(w.square().reduce_sum(..));
    /// let session = Session::new(&g)?;
    /// session.run(train)?; // The gradient is [6, -0.5].
    /// assert_eq!(session.run(w)?, ndarray::arr1(&[2.0, 0.25]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn clip_by_value(self, limit: impl Into<Schedule>) -> Self {
        self.clipped(Clip::Value(limit.into()))
    }

    /// Scales each gradient for itself down to the norm `limit`, if it is longer:
    /// [`clip_by_norm`](super::clip_by_norm).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let w = g.variable("w", ndarray::arr1(&[1.5, 2.0]));
    /// let train = Sgd::new(0.5).clip_by_norm(2.5).minimize(w.square().reduce_sum(..));
    /// let session = Session::new(&g)?;
    /// session.run(train)?; // The gradient is [3, 4].
    /// assert_eq!(session.run(w)?, ndarray::arr1(&[0.75, 1.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn clip_by_norm(self, limit: impl Into<Schedule>) -> Self {
        self.clipped(Clip::Norm(limit.into()))
    }

    /// Scales all gradients together down to the norm `limit`, if they are longer:
    /// [`clip_by_global_norm`](super::clip_by_global_norm).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let [a, b] = [("a", 1.5), ("b", 2.0)].map(|(name, start)| g.variable(name, start));
    /// let train = Sgd::new(0.5).clip_by_global_norm(2.5).minimize(a.square() + b.square());
    /// let session = Session::new(&g)?;
    /// session.run(train)?; // The gradients are 3 and 4.
    /// let [a, b] = session.run([a, b])?;
    /// assert_eq!((a.sum(), b.sum()), (0.75, 1.0));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn clip_by_global_norm(self, limit: impl Into<Schedule>) -> Self {
        self.clipped(Clip::GlobalNorm(limit.into()))
    }

    fn clipped(mut self, clip: Clip) -> Self {
        self.clips.push(clip);
        self
    }

    /// Draws the variables to 0: adds λ·w to the gradient of w, which is the gradient of λ/2·‖w‖², or in
    /// [`AdamW`](super::AdamW) shrinks w itself by η·λ·w.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let w = g.variable("w", 2.0_f64);
    /// let train = Sgd::new(0.5).weight_decay(0.25).minimize(w * 3.0);
    /// let session = Session::new(&g)?;
    /// session.run(train)?; // 2 - 0.5·(3 + 0.25·2)
    /// assert_eq!(session.run(w)?.sum(), 0.25);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn weight_decay(mut self, lambda: impl Into<Schedule>) -> Self {
        self.weight_decay = lambda.into();
        self
    }

    /// Leaves the [`global_step`](super::global_step) as it is, and only reads it: for all but one of several optimizers
    /// that change parts of a model in the same run, which is one step.
    ///
    /// Without this, running them together fails, for two operations would count the step with no order between them.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let [a, b] = ["a", "b"].map(|name| g.variable(name, 1.0_f64));
    /// let loss = (a * b).square();
    /// let slow = Sgd::new(0.01).minimize_over(loss, &[a]);
    /// let fast = Adam::new(0.1).uncounted().minimize_over(loss, &[b]);
    /// let session = Session::new(&g)?;
    /// session.run(g.group([slow, fast]))?;
    /// assert_eq!(session.run(global_step(&g))?.sum(), 1);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn uncounted(mut self) -> Self {
        self.counts = false;
        self
    }

    /// Steps at every `runs`-th run, by the mean of the gradients of these runs: a batch too large for the memory is fed
    /// as so many micro-batches.
    ///
    /// For micro-batches of equal size and a loss that is a mean over rows, the step is that of the large batch but for
    /// rounding. Between two steps nothing else changes: neither the variables, nor what is kept of them, nor the
    /// [`global_step`](super::global_step), which counts steps. Gradients are clipped and decayed when they are applied.
    /// The sums are kept in variables that are not trainable, as `dense/kernel/adam_accumulator/sum`, so a checkpoint
    /// between two steps has them. Statistics of batch normalization are of each micro-batch.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let w = g.variable("w", 1.0_f64);
    /// let x = g.placeholder::<f64>("x", ());
    /// let train = Sgd::new(0.5).accumulate(2).minimize(w * x);
    /// let session = Session::new(&g)?;
    /// session.feed(x, 3.0).run(train)?;
    /// assert_eq!(session.run(w)?.sum(), 1.0);
    /// session.feed(x, 5.0).run(train)?;
    /// assert_eq!(session.run(w)?.sum(), 1.0 - 0.5 * 4.0);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn accumulate(mut self, runs: usize) -> Self {
        self.accumulates = runs;
        self
    }

    /// What is wrong with the options for variables of a graph, if anything is.
    pub(super) fn fault(&self, g: &Graph) -> Option<Fault> {
        let mut parameters = vec![Parameter::not_negative("the rate", self.rate.clone())];
        parameters.extend(self.rule.parameters());
        parameters.extend(self.clips.iter().map(Clip::parameter));
        parameters.push(Parameter::not_negative("weight_decay", self.weight_decay.clone()));
        parameters.push(Parameter::positive("accumulate", self.accumulates as f64));
        parameters.iter().find_map(|parameter| parameter.fault_in(g))
    }
}
