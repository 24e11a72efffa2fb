//! What an [`Optimizer`] builds.
//!
//! Takes a loss, or gradients with their variables; gives the operation that changes the variables. Mistakes in
//! what is asked become invalid nodes, as everywhere in building, and no variables are made.

use std::collections::BTreeSet;
use std::ptr;

use super::rule::number;
use super::{Optimizer, Slots, Steps, UpdateRule, global_step};
use crate::op::Mistake;
use crate::{Float, Gradients, Graph, Operation, Shape, Tensor, Variable};

impl<R: UpdateRule> Optimizer<R> {
    /// The operation that is one step down the loss, over all trainable variables of its element type that it depends
    /// on. A loss of several elements stands for their sum, as in TensorFlow 1.
    ///
    /// # Errors
    /// A loss that depends on no such variable, and unsuited options, are building errors.
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
    /// A variable on which the loss does not depend is a building error that says why; no variables, a variable that
    /// is given twice and unsuited options are building errors.
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
            // Asked for alone, a gradient that there is not is a mistake with its reason.
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
    /// A loss that depends on no trainable variable of its element type is a building error.
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
    /// another graph and unsuited options are building errors.
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
        if let Some(mistake) = self.fault().or_else(|| misfit(g, gradients)) {
            return self.mistaken::<T>(g, mistake);
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
        let steps = Steps::of(g);
        let (rate, clipped, direction) = g.name_scope(name, || {
            let unclipped = gradients.iter().map(|&(gradient, _)| gradient).collect();
            let clipped = self.clips.iter().fold(unclipped, |gradients, clip| clip.apply(gradients));
            (self.rate.rate(step), clipped, self.rule.direction::<T>(&steps))
        });
        let mut changes = Vec::new();
        for (gradient, &(_, variable)) in clipped.into_iter().zip(gradients) {
            g.name_scope(&format!("{}/{name}", variable.name()), || {
                let mut slots = Slots::of(variable);
                let (kept, gradient) = self.decayed(variable, gradient, rate);
                let change = direction(gradient, &mut slots) * rate;
                changes.push(variable.assign(kept - change).op());
                changes.extend(slots.into_changes());
            });
        }
        changes.extend(steps.change());
        changes.extend(self.counts.then(|| step.assign_add(1).op()));
        g.group(changes).named(&format!("apply_{name}"))
    }

    /// What weight decay leaves of a variable, and what it makes of the gradient.
    fn decayed<'g, T: Float>(
        &self,
        variable: Variable<'g, T>,
        gradient: Tensor<'g, T>,
        rate: Tensor<'g, T>,
    ) -> (Tensor<'g, T>, Tensor<'g, T>) {
        let lambda: T = number(self.weight_decay);
        if self.weight_decay == 0.0 {
            (variable.tensor(), gradient)
        } else if self.rule.decouples_weight_decay() {
            (variable * (-rate * lambda + number::<T>(1.0)), gradient)
        } else {
            (variable.tensor(), gradient + variable * lambda)
        }
    }

    /// The mistake of a loss that depends on no variable.
    #[track_caller]
    fn unconnected<'g, T: Float>(&self, loss: Tensor<'g, T>) -> Operation<'g> {
        let reason = format!("the loss `{}` depends on no trainable variable of {}", loss.name(), T::DTYPE);
        self.mistaken::<T>(loss.graph(), Mistake::Custom { reason })
    }

    #[track_caller]
    fn mistaken<'g, T: Float>(&self, g: &'g Graph, mistake: Mistake) -> Operation<'g> {
        g.mistaken::<T>(self.rule.name(), mistake).op()
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
fn misfit<T: Float>(g: &Graph, gradients: &[(Tensor<'_, T>, Variable<'_, T>)]) -> Option<Mistake> {
    if gradients.is_empty() {
        return Some(Mistake::Custom { reason: "there are no gradients to apply".to_owned() });
    }
    let mut names = BTreeSet::new();
    gradients.iter().enumerate().find_map(|(operand, (gradient, variable))| {
        if !ptr::eq(gradient.graph(), g) || !ptr::eq(variable.graph(), g) {
            return Some(Mistake::OtherGraph { operand });
        }
        let (name, expected, found) = (variable.name(), variable.shape(), gradient.shape());
        // An invalid gradient has the shape [0], and its mistake is made already.
        let reason = if found != expected && found != Shape::from([0]) {
            format!("the gradient of `{name}` must have its shape {expected}, but has {found}")
        } else if !names.insert(name.clone()) {
            format!("the variable `{name}` is given twice")
        } else {
            return None;
        };
        Some(Mistake::Custom { reason })
    })
}
