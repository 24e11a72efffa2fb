//! [`Lacking`]: a lack of memory, with what the memory was for.

use super::Plan;
use crate::ir::{NodeId, VariableId};
use crate::memory::OutOfMemory;

/// The machine has no memory for so many bytes, which something of a run needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lacking {
    pub(crate) bytes: usize,
    pub(crate) owner: Owner,
}

/// What memory is for, as far as it is known where it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// All that a run computes, or what the caller knows better.
    Whole,
    Variable(VariableId),
    /// What a run gives, by its place among the values that are fetched.
    Fetch(usize),
    /// The value of a node, or that and smaller ones.
    Node(NodeId),
}

impl OutOfMemory {
    /// The same, with what the memory is for.
    pub(crate) fn owned_by(self, owner: Owner) -> Lacking {
        Lacking { bytes: self.bytes, owner }
    }
}

impl Plan {
    /// What a step needs memory for.
    pub(crate) fn owner(&self, step: usize) -> Owner {
        let origins = &self.steps[step].origins;
        let node = self.origins[origins.start as usize..origins.end as usize].last();
        node.map_or(Owner::Whole, |&node| Owner::Node(node))
    }
}

impl From<OutOfMemory> for Lacking {
    fn from(lacking: OutOfMemory) -> Self {
        lacking.owned_by(Owner::Whole)
    }
}
