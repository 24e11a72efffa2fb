//! What a session must know of a node beyond its value.

use super::{BranchId, CallId, LoopId, VariableId};

/// How a node takes part in a run beyond computing a value from its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Not at all.
    Pure,
    /// Its value comes from outside.
    Placeholder,
    /// Its value comes from outside, or else is that of its input.
    Defaults,
    /// It stands for a variable's value; which value is decided for each reader.
    Reads(VariableId),
    /// It stands for the value that its second input sees in the variable that is its first.
    ReadsAsSeen,
    /// Its value becomes the variable's.
    Writes(VariableId),
    /// Every variable of the graph takes its starting value.
    WritesAll,
    /// It stands for what its function is given.
    Parameter,
    /// It stands for tensors of a function's body.
    Calls(CallId),
    /// It stands for tensors of the branch that is taken.
    Branches(BranchId),
    /// It stands for what a loop leaves.
    Loops(LoopId),
}
