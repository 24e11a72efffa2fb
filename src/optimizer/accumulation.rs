//! Several micro-batches to a step: gradients are added up, and what a step changes it changes at the last of them.
//!
//! Takes the gradients of a run; gives their mean over the runs of a step, and puts new values into variables only
//! where the run is the last. The sums and the count are variables that are not trainable, so a checkpoint between two
//! micro-batches has them.

use super::rule::number;
use crate::prelude::{Element, Float, Graph, Operation, Tensor, Variable, zeros};

/// Which of the runs of a step this is.
#[derive(Clone, Copy, Debug)]
pub(super) struct MicroSteps<'g> {
    /// The runs of a step.
    every: usize,
    /// Whether this is the last of several; `None` where each run is a step.
    is_last: Option<Tensor<'g, bool>>,
}

impl<'g> MicroSteps<'g> {
    /// Counts the runs, and gives what changes the count where there is one.
    pub(super) fn of(g: &'g Graph, every: usize, name: &str) -> (Self, Option<Operation<'g>>) {
        if every <= 1 {
            return (MicroSteps { every: 1, is_last: None }, None);
        }
        g.name_scope(&format!("{name}_accumulator"), || {
            let count = g.non_trainable_variable("count", 0_i64);
            let next = count + 1;
            let is_last = next.equal(i64::try_from(every).unwrap_or(i64::MAX));
            let change = count.assign(is_last.select(0, next)).op();
            (MicroSteps { every, is_last: Some(is_last) }, Some(change))
        })
    }

    /// Gives a variable its new value, if this is the last run of a step; what does so, and the new value.
    #[track_caller]
    pub(super) fn put<T: Element>(
        &self,
        variable: Variable<'g, T>,
        next: Tensor<'g, T>,
    ) -> (Operation<'g>, Tensor<'g, T>) {
        if let Some(is_last) = self.is_last {
            return (variable.assign(is_last.select(next, variable)).op(), next);
        }
        let assigned = variable.assign(next);
        (assigned.op(), assigned)
    }

    /// The mean of the gradients of a variable over the runs of a step so far, and what keeps their sum.
    pub(super) fn mean<T: Float>(
        &self,
        variable: Variable<'g, T>,
        gradient: Tensor<'g, T>,
        name: &str,
    ) -> (Tensor<'g, T>, Option<Operation<'g>>) {
        let Some(is_last) = self.is_last else { return (gradient, None) };
        let g = variable.graph();
        g.name_scope(&format!("{}/{name}_accumulator", variable.name()), || {
            // The lengths of a variable are known.
            let dims = variable.shape().known().unwrap_or_default();
            let kept = g.non_trainable_variable("sum", zeros(dims));
            let sum = kept + gradient;
            let change = kept.assign(is_last.select(number::<T>(0.0), sum)).op();
            (sum / number::<T>(self.every as f64), Some(change))
        })
    }
}
