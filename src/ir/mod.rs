//! The program that a run comes down to: a straight line of instructions in a small vocabulary, all lengths known.
//!
//! - [`scalar`]: the table of scalar functions, and what reduces elements.
//! - [`number`]: one number of any element type.
//! - [`iota`]: numbers counted up.
//! - [`join`]: where the operands of a join lie in its result.
//! - [`kernel`]: computations that the vocabulary does not have, as plain code on arrays; [`workers`]: the threads that
//!   they may use.
//! - [`callee`]: programs that instructions run; [`control`]: one of several, or one again and again.
//! - [`view`]: elements seen in another way.
//! - [`program`]: instructions, the program, and its verifier.
//! - [`lowering`]: what ops emit instructions through, and [`term`] formulas with.
//! - [`fault`]: what can be wrong with a lowering.
//! - [`expression`]: what a program of constants computes, to find it again.
//! - [`names`]: what text forms call the nodes and variables that a program comes from.
//!
//! Knows no graph: of that, a program has only the ids of nodes and variables.

mod callee;
mod control;
mod expression;
mod fault;
mod iota;
mod iterations;
mod join;
mod kernel;
mod lowering;
mod names;
mod number;
mod program;
mod scalar;
mod term;
mod view;
mod workers;

pub(crate) use callee::Callee;
pub(crate) use control::{Branch, Branches, HANDLE, Loop, LoopOperand, Numbering, Trips};
pub(crate) use expression::{ConstantId, Expression};
pub use fault::{BadLabel, LoweringError};
pub(crate) use iota::counted;
pub use iterations::iterations;
pub(crate) use iterations::{Iterations, within_iterations};
pub(crate) use join::places;
pub use kernel::{Kernel, KernelError};
pub use lowering::Lowering;
pub(crate) use lowering::{Emitted, Identity, is_reduced_apart};
pub(crate) use names::{Named, Names};
pub(crate) use number::ScalarValue;
pub use program::Val;
pub(crate) use program::{
    Args, Computation, Dims, Inst, Prim, Program, Source, broadcast_dims, dot_dims, size, unraveled,
};
pub(crate) use scalar::{Cost, Kind, scalar_table};
pub use scalar::{Reduce, Scalar};
pub(crate) use term::Term;
pub(crate) use view::{AxisSlice, View, is_one_piece, is_piece_at};
pub(crate) use workers::Share;
pub use workers::Workers;

/// Index of a node in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NodeId(pub(crate) u32);

/// One output of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TensorId {
    pub(crate) node: NodeId,
    /// Which of the node's outputs, counted from 0.
    pub(crate) output: u32,
}

impl From<NodeId> for TensorId {
    /// The first output, for most nodes the only one.
    fn from(node: NodeId) -> Self {
        TensorId { node, output: 0 }
    }
}

/// Index of a variable in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct VariableId(pub(crate) u32);

impl NodeId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }

    /// The node's outputs, of which it has `count`.
    pub(crate) fn outputs(self, count: usize) -> impl Iterator<Item = TensorId> {
        (0..count as u32).map(move |output| TensorId { node: self, output })
    }
}

impl VariableId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}
