//! What an [`Optimizer`] builds.
//!
//! Takes a loss, or gradients with their variables; gives the operation that changes the variables. Invalid
//! requests become invalid nodes, as everywhere in building, and no variables are made.

use std::collections::BTreeSet;
use std::ptr;

use super::accumulation::MicroSteps;
use super::rule::number;
use super::{Optimizer, OptimizerFault, Slots, Steps, UpdateRule, global_step};
use crate::op::Fault;
use crate::{Float, Gradients, Graph, Operation, Shape, Tensor, Variable};

impl<R: UpdateRule> Optimizer<R> {
    /// The operation that is one step down the loss, over all trainable variables of its element type that it depends
    /// on. A loss of several elements stands for their sum, as in TensorFlow 1.
    ///
    /// # Errors
    /// A loss that depends on no such variable, and unsuited options, are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let w = g.variable("w", ndarray::arr1(&[2.0_f32, 4.0]));
    /// let train = Sgd::new(0.25).minimize(w.square().reduce_sum(..));
    /// let session = Session::new(&g)?;
    /// session.run(train)?;
    /// assert_eq!(session.run(w)?, ndarray::arr1(&[1.0, 2.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn minimize<'g, T: Float>(&self, loss: Tensor<'g, T>) -> Operation<'g> {
        let gradients = gradients(loss);
        if gradients.is_empty() {
            self.unconnected(loss)
        } else {
            self.apply_gradients(loss.graph(), &gradients)
        }
    }

    /// The same over the given variables only, which need not be trainable.
    ///
    /// # Errors
    /// A variable on which the loss does not depend is a build error that says why; no variables, a variable that
    /// is given twice and unsuited options are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let [a, b] = ["a", "b"].map(|name| g.variable(name, 1.0_f64));
    /// let train = Sgd::new(0.25).minimize_over(a * b, &[a]);
    /// let session = Session::new(&g)?;
    /// session.run(train)?;
    /// let [a, b] = session.run([a, b])?;
    /// assert_eq!((a.sum(), b.sum()), (0.75, 1.0));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn minimize_over<'g, T: Float>(
        &self,
        loss: Tensor<'g, T>,
        variables: &[Variable<'g, T>],
    ) -> Operation<'g> {
        let found = Gradients::of([loss]).wrt(variables);
        let mut gradients = Vec::new();
        for (&variable, gradient) in variables.iter().zip(found) {
            // Asked for alone, a gradient that there is not is a build error with its reason.
            let [gradient] = match gradient {
                Some(gradient) => [gradient],
                None => loss.gradients([variable]),
            };
            gradients.push((gradient, variable));
        }
        self.apply_gradients(loss.graph(), &gradients)
    }

    /// The gradients that [`minimize`](Self::minimize) applies, before any option, each with its variable: to look at,
    /// or to change before they are applied.
    ///
    /// # Errors
    /// A loss that depends on no trainable variable of its element type is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let w = g.variable("w", 1.0_f64);
    /// let sgd = Sgd::new(0.25);
    /// let mut gradients = sgd.compute_gradients(w.square());
    /// for (gradient, _) in &mut gradients {
    ///     *gradient = gradient.sign();
    /// }
    /// let train = sgd.apply_gradients(&g, &gradients);
    /// let session = Session::new(&g)?;
    /// session.run(train)?;
    /// assert_eq!(session.run(w)?.sum(), 0.75);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn compute_gradients<'g, T: Float>(
        &self,
        loss: Tensor<'g, T>,
    ) -> Vec<(Tensor<'g, T>, Variable<'g, T>)> {
        let gradients = gradients(loss);
        if gradients.is_empty() {
            self.unconnected(loss);
        }
        gradients
    }

    /// The operation that changes each variable by its gradient, by whatever way that was computed, and counts the
    /// step.
    ///
    /// # Errors
    /// No gradients, a gradient of another shape than its variable's, a variable that is given twice, a variable of
    /// another graph and unsuited options are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let w = g.variable("w", 1.0_f64);
    /// let train = Momentum::new(0.5, 0.9).apply_gradients(&g, &[(g.constant(3.0), w)]);
    /// let session = Session::new(&g)?;
    /// session.run(train)?;
    /// assert_eq!(session.run(w)?.sum(), -0.5);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn apply_gradients<'g, T: Float>(
        &self,
        g: &'g Graph,
        gradients: &[(Tensor<'g, T>, Variable<'g, T>)],
    ) -> Operation<'g> {
        if let Some(fault) = self.fault(g).or_else(|| gradients_fault(g, gradients)) {
            return self.invalid::<T>(g, fault);
        }
        g.attributed_to_caller(|| self.build(g, gradients))
    }

    /// The operation for gradients that fit.
    fn build<'g, T: Float>(
        &self,
        g: &'g Graph,
        gradients: &[(Tensor<'g, T>, Variable<'g, T>)],
    ) -> Operation<'g> {
        let name = self.rule.name();
        let step = global_step(g);
        let (micro, count) = MicroSteps::of(g, self.accumulates, name);
        let steps = Steps::of(g, micro);
        let mut changes: Vec<Operation<'g>> = count.into_iter().collect();
        let mut means = Vec::with_capacity(gradients.len());
        for &(gradient, variable) in gradients {
            let (mean, kept) = micro.mean(variable, gradient, name);
            means.push(mean);
            changes.extend(kept);
        }
        let (rate, clipped, direction) = g.name_scope(name, || {
            let clipped = self.clips.iter().fold(means, |gradients, clip| clip.apply(gradients, g));
            (self.rate.rate(step), clipped, self.rule.direction::<T>(&steps))
        });
        for (gradient, &(_, variable)) in clipped.into_iter().zip(gradients) {
            g.name_scope(&format!("{}/{name}", variable.name()), || {
                let mut slots = Slots::of(variable, micro);
                let (kept, gradient) = self.decayed(variable, gradient, rate);
                let change = direction(gradient, &mut slots) * rate;
                changes.push(micro.put(variable, kept - change).0);
                changes.extend(slots.into_changes());
            });
        }
        changes.extend(steps.change());
        changes.extend(self.counts.then(|| micro.put(step, step + 1).0));
        g.group(changes).named(&format!("apply_{name}"))
    }

    /// What weight decay leaves of a variable, and what it makes of the gradient.
    fn decayed<'g, T: Float>(
        &self,
        variable: Variable<'g, T>,
        gradient: Tensor<'g, T>,
        rate: Tensor<'g, T>,
    ) -> (Tensor<'g, T>, Tensor<'g, T>) {
        if self.weight_decay.is_zero() {
            return (variable.tensor(), gradient);
        }
        let lambda: Tensor<'g, T> = self.weight_decay.now(variable.graph());
        if self.rule.decouples_weight_decay() {
            (variable * (-rate * lambda + number::<T>(1.0)), gradient)
        } else {
            (variable.tensor(), gradient + variable * lambda)
        }
    }

    /// The invalid operation for a loss that depends on no variable.
    #[track_caller]
    fn unconnected<'g, T: Float>(&self, loss: Tensor<'g, T>) -> Operation<'g> {
        let fault = OptimizerFault::NoVariable { loss: loss.name(), dtype: T::DTYPE };
        self.invalid::<T>(loss.graph(), Fault::op(fault))
    }

    #[track_caller]
    fn invalid<'g, T: Float>(&self, g: &'g Graph, fault: Fault) -> Operation<'g> {
        g.invalid::<T>(self.rule.name(), fault).op()
    }
}

/// The gradients by all trainable variables that the loss depends on.
#[track_caller]
fn gradients<T: Float>(loss: Tensor<'_, T>) -> Vec<(Tensor<'_, T>, Variable<'_, T>)> {
    let variables = loss.graph().trainable_variables::<T>();
    let found = Gradients::of([loss]).wrt(&variables).into_iter().zip(variables);
    found.filter_map(|(gradient, variable)| Some((gradient?, variable))).collect()
}

/// What is wrong with the gradients, if anything is.
fn gradients_fault<T: Float>(g: &Graph, gradients: &[(Tensor<'_, T>, Variable<'_, T>)]) -> Option<Fault> {
    if gradients.is_empty() {
        return Some(Fault::op(OptimizerFault::NoGradients));
    }
    let mut names = BTreeSet::new();
    gradients.iter().enumerate().find_map(|(operand, (gradient, variable))| {
        if !ptr::eq(gradient.graph(), g) || !ptr::eq(variable.graph(), g) {
            return Some(Fault::OtherGraph { operand });
        }
        let (name, expected, found) = (variable.name(), variable.shape(), gradient.shape());
        // An invalid gradient has the shape [0], and its fault is reported already.
        if found != expected && found != Shape::from([0]) {
            Some(Fault::op(OptimizerFault::GradientShape { variable: name, expected, found }))
        } else if names.insert(name.clone()) {
            None
        } else {
            Some(Fault::op(OptimizerFault::VariableTwice { variable: name }))
        }
    })
}
