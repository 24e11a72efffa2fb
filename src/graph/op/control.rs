//! The op of conditionals and loops: tensors of the bodies that they run.
//!
//! What they run is known to the graph, by the node's role.

use std::fmt;

use super::{Attributes, MultiOp, Outputs};
use crate::error::Fault;
use crate::gradient::{Pullback, pull_back_branches, pull_back_loop};
use crate::graph::{BranchId, LoopId, Path};
use crate::ir::{Lowering, Val};
use crate::shape::TensorType;

/// Which conditional or loop it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ControlOf {
    Branches(BranchId),
    Loops(LoopId),
}

/// A conditional or a loop, or more of the run of one.
pub(crate) struct Control {
    name: &'static str,
    of: ControlOf,
    outputs: Outputs<TensorType>,
    /// Of each input, what lies between it and the outputs.
    paths: Vec<Path>,
    /// The names of the bodies.
    functions: Vec<String>,
}

impl Control {
    pub(crate) fn new(
        name: &'static str,
        of: ControlOf,
        outputs: Vec<TensorType>,
        paths: Vec<Path>,
        functions: Vec<String>,
    ) -> Self {
        Control { name, of, outputs: outputs.into_iter().collect(), paths, functions }
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("of", &self.of)
            .field("functions", &self.functions)
            .finish_non_exhaustive()
    }
}

impl MultiOp for Control {
    fn name(&self) -> &'static str {
        self.name
    }

    fn infer(&self, _: &[&TensorType]) -> Result<Outputs<TensorType>, Fault> {
        Ok(self.outputs.clone())
    }

    fn lower(&self, _: &[Val], to: &mut Lowering<'_>) -> Outputs<Val> {
        // The bodies are lowered in its place.
        self.outputs.iter().map(|_| to.nothing()).collect()
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        match self.of {
            ControlOf::Branches(id) => pull_back_branches(id, at),
            ControlOf::Loops(id) => pull_back_loop(id, at),
        }
    }

    fn differentiable(&self, input: usize) -> bool {
        self.paths.get(input).is_some_and(|path| path.passes)
    }

    fn zero_where_untaken(&self, input: usize) -> bool {
        self.paths.get(input).is_some_and(|path| path.zero_where_untaken)
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("functions", self.functions.join(", "))
    }
}
