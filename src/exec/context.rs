//! [`Context`]: what the steps of a run share beside the plan and its memory.

use std::time::Instant;

use super::Cause;
use super::nesting::Level;
use super::tapes::Tapes;
use crate::ir::{Iterations, NodeId, within_iterations};

/// What the steps of a run share.
#[derive(Debug)]
pub(super) struct Context<'r> {
    /// The run as a level that its kernels are inside of.
    pub(super) level: &'r Level,
    pub(super) tapes: &'r Tapes,
    /// When the run is to be given up.
    pub(super) deadline: Option<Instant>,
    /// The iteration of a loop that the steps are in.
    pub(super) iteration: Option<&'r Iteration<'r>>,
}

/// An iteration of a loop.
#[derive(Debug)]
pub(super) struct Iteration<'r> {
    pub(super) index: usize,
    /// That of the loop around.
    pub(super) outer: Option<&'r Iteration<'r>>,
}

impl<'r> Context<'r> {
    /// That of the steps of an iteration.
    pub(super) fn within<'i>(&self, iteration: &'i Iteration<'r>) -> Context<'i>
    where
        'r: 'i,
    {
        let &Context { level, tapes, deadline, .. } = self;
        Context { level, tapes, deadline, iteration: Some(iteration) }
    }

    /// Runs the kernel of a node.
    pub(super) fn run_kernel<R>(&self, node: NodeId, run: impl FnOnce() -> R) -> R {
        let mut iterations = Iterations::new();
        let mut next = self.iteration;
        while let Some(&Iteration { index, outer }) = next {
            iterations.push(index);
            next = outer;
        }
        iterations.reverse();
        self.level.within_kernel(node, || within_iterations(iterations, run))
    }

    /// An error if the run has taken too long.
    #[inline]
    pub(super) fn check_deadline(&self) -> Result<(), Box<Cause>> {
        match self.deadline {
            None => Ok(()),
            Some(deadline) if Instant::now() < deadline => Ok(()),
            Some(_) => Err(Box::new(Cause::Deadline)),
        }
    }
}
