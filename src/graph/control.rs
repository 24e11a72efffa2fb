//! What the arena holds of conditionals and loops beside their nodes: which bodies they run, and on what.
//!
//! A conditional is a node whose inputs are what says which branch is taken, and what the branches capture. A loop is a
//! node whose inputs are the first state, the arrays whose rows its body is given, and what the body captures. Both
//! give tensors of their bodies, and further nodes give more out of the same run, as for calls.

use super::body::{BodyId, Path};
use super::{Arena, NodeId, Role, TensorId, VariableId};
use crate::element::DType;
use crate::shape::TensorType;

/// Index of a conditional in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct BranchId(pub(super) u32);

/// Index of a loop in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LoopId(pub(super) u32);

/// What can be wrong with a conditional or a loop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlFault {
    /// What decides is no boolean scalar.
    #[error("condition: expected a boolean scalar, got {found}")]
    Condition {
        /// Its type.
        found: TensorType,
    },
    /// What says which branch is taken is no integer scalar.
    #[error("branch index: expected an integer scalar, got {found}")]
    Index {
        /// Its type.
        found: TensorType,
    },
    /// How often something is to be done is no integer scalar.
    #[error("iterations: expected an integer scalar, got {found}")]
    Times {
        /// The type of what says so.
        found: TensorType,
    },
    /// Two branches give results of other types, or structures of another number of tensors.
    #[error("result {result} of `{branch}`: expected {expected} as of `{first}`, got {found}")]
    Branch {
        /// The name of the branch.
        branch: String,
        /// The name of the branch that it is compared with.
        first: String,
        /// Which of its results, counted from 0.
        result: usize,
        /// The type that the other branch gives.
        expected: TensorType,
        /// The type that this branch gives.
        found: TensorType,
    },
    /// Two branches, or two iterations, give structures of another number of tensors.
    #[error("expected {expected} results, as {of}, got {found}")]
    Structure {
        /// How many there must be.
        expected: usize,
        /// How many there are.
        found: usize,
        /// What the number is taken from.
        of: &'static str,
    },
    /// Two branches, or two iterations, give lists of other lengths.
    #[error("expected lists of the lengths {expected:?}, got {found:?}")]
    Lists {
        /// The lengths of the lists in the structure, in order.
        expected: Vec<usize>,
        /// Those that there are.
        found: Vec<usize>,
    },
    /// An iteration changes the type of the state.
    #[error(
        "component {component} of the state: expected {expected} in each iteration, got {found} behind one"
    )]
    State {
        /// Which of the state's tensors, counted from 0.
        component: usize,
        /// The type that it has at first.
        expected: TensorType,
        /// The type that an iteration makes of it.
        found: TensorType,
    },
    /// Something that is to be gone through row by row has no rows.
    #[error("array {array}: expected an axis to go along, got a scalar of {dtype}")]
    NoRows {
        /// Which of the arrays, counted from 0.
        array: usize,
        /// Its element type.
        dtype: DType,
    },
    /// A branch assigns, and the conditional gives nothing by which it could be run.
    #[error(
        "expected a result beside the assignments of a branch, such as what one of them assigns, got none"
    )]
    NoResult,
    /// A variable that a branch assigns is fed.
    #[error("expected no feed of `{variable}`, which a branch assigns, got one")]
    Fed {
        /// The variable.
        variable: String,
    },
    /// There is no array to go through.
    #[error("expected one array at least to go through row by row, got none")]
    NoArrays,
    /// Arrays that are gone through together are not of the same length.
    #[error("array {array}: expected {expected} rows as of the first array, got {found}")]
    Rows {
        /// Which of the arrays, counted from 0.
        array: usize,
        /// The rows of the first one.
        expected: usize,
        /// Its rows.
        found: usize,
    },
}

/// One of the bodies of a conditional.
#[derive(Clone, Debug)]
pub(crate) struct BranchBody {
    pub(crate) body: BodyId,
    /// Of each tensor that the body is given, which of the node's inputs it is.
    pub(crate) inputs: Vec<usize>,
}

/// What a conditional runs and gives. The node's first input says which branch: a boolean for two, or an index.
#[derive(Clone, Debug)]
pub(crate) struct BranchRecord {
    pub(crate) branches: Vec<BranchBody>,
    /// For each output, what each branch gives; nothing stands for zeros.
    pub(crate) outputs: Vec<Vec<Option<TensorId>>>,
    /// The node whose run it is: its own, or that of an earlier one of which it gives more.
    pub(crate) origin: Option<NodeId>,
    /// As for a loop.
    pub(crate) draws_as: Option<NodeId>,
    /// The variables that a branch assigns, and the inputs that these are before.
    pub(crate) writes: Vec<(VariableId, usize)>,
}

/// What a tensor that a loop's body is given is from iteration to iteration. The state comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    /// The value of the state at this position: the input at first, then the body's result at the same position.
    State,
    /// The iteration's row of the input.
    Row,
    /// The input as it is.
    Whole,
}

/// How often a loop runs.
#[derive(Clone, Debug)]
pub(crate) enum LoopTrips {
    /// So often.
    Fixed(usize),
    /// As often as this input of the node has rows.
    Rows(usize),
    /// As long as a body, which is given the state, says so, and no more often than this. What it captures are the
    /// inputs behind those of the loop's body.
    While { condition: BodyId, most: usize },
    /// As often as the longest of these inputs, which are tapes, has rows.
    Tapes(Vec<usize>),
}

/// One output of a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum LoopOutput {
    /// A value of the state behind the last iteration.
    Last(usize),
    /// What a tensor of the body was in each iteration: an array, or a tape if it is not known beforehand how often
    /// the loop runs.
    Stacked(TensorId),
    /// A tape whose rows have no elements: how often the loop has run.
    Ticks,
}

/// What the rows of a tape are.
#[derive(Clone, Debug)]
pub(crate) struct TapeRows {
    pub(crate) row: TensorType,
    /// If they are handles of tapes, what the rows of these are.
    pub(crate) inner: Option<Box<TapeRows>>,
}

/// What number an iteration has where it is named.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Numbering<T = usize> {
    /// That of its row.
    Rows,
    /// The same, where the rows are the last ones of this input's, of which only the length counts.
    Behind(T),
    /// None: each is a loop over a block of rows, whose iterations have numbers.
    Blocks,
    /// That of its row among those of all blocks.
    WithinBlock,
}

impl<T> Numbering<T> {
    pub(crate) fn map<U>(self, behind: impl FnOnce(T) -> U) -> Numbering<U> {
        match self {
            Numbering::Rows => Numbering::Rows,
            Numbering::Behind(of) => Numbering::Behind(behind(of)),
            Numbering::Blocks => Numbering::Blocks,
            Numbering::WithinBlock => Numbering::WithinBlock,
        }
    }
}

/// What a loop runs and gives. The node's inputs are those that the body is given, and then others.
#[derive(Clone, Debug)]
pub(crate) struct LoopRecord {
    pub(crate) body: BodyId,
    /// Of each tensor that the body is given.
    pub(crate) bindings: Vec<Binding>,
    pub(crate) trips: LoopTrips,
    pub(crate) reverse: bool,
    pub(crate) outputs: Vec<LoopOutput>,
    /// As for a conditional.
    pub(crate) origin: Option<NodeId>,
    /// Whether its gradient runs the loop once more, rather than to keep what each iteration has computed.
    pub(crate) recomputes: bool,
    /// The node of whose random numbers it draws the same: its own, or that of which it does again what it did.
    pub(crate) draws_as: Option<NodeId>,
    pub(crate) numbering: Numbering,
}

impl LoopRecord {
    /// Values of the state.
    pub(crate) fn states(&self) -> usize {
        self.bindings.iter().filter(|&&binding| binding == Binding::State).count()
    }

    /// Whether it is not known before it runs how often it does, so that stacks are tapes.
    pub(crate) fn stacks_tapes(&self) -> bool {
        matches!(self.trips, LoopTrips::While { .. } | LoopTrips::Tapes(_))
    }

    /// The node that begins the run.
    pub(crate) fn begun_by(&self, node: NodeId) -> NodeId {
        self.origin.unwrap_or(node)
    }
}

impl BranchRecord {
    /// The node that begins the run.
    pub(crate) fn begun_by(&self, node: NodeId) -> NodeId {
        self.origin.unwrap_or(node)
    }
}

impl Arena {
    pub(crate) fn branch(&self, BranchId(index): BranchId) -> &BranchRecord {
        &self.branches[index as usize]
    }

    pub(crate) fn looped(&self, LoopId(index): LoopId) -> &LoopRecord {
        &self.loops[index as usize]
    }

    /// The node by whose name random numbers in a node's bodies are told apart.
    pub(crate) fn draws_as(&self, node: NodeId) -> NodeId {
        let of = match self.node(node).role {
            Role::Calls(id) => self.call(id).draws_as,
            Role::Branches(id) => self.branch(id).draws_as,
            Role::Loops(id) => self.looped(id).draws_as,
            _ => None,
        };
        of.unwrap_or(node)
    }

    /// The bodies that a node runs.
    pub(super) fn bodies_of(&self, role: Role) -> Vec<BodyId> {
        match role {
            Role::Calls(call) => vec![self.call(call).body],
            Role::Branches(id) => self.branch(id).branches.iter().map(|branch| branch.body).collect(),
            Role::Loops(id) => {
                let of = self.looped(id);
                let condition = match of.trips {
                    LoopTrips::While { condition, .. } => Some(condition),
                    LoopTrips::Fixed(_) | LoopTrips::Rows(_) | LoopTrips::Tapes(_) => None,
                };
                [of.body].into_iter().chain(condition).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether a node changes variables.
    pub(crate) fn assigns(&self, role: Role) -> bool {
        match role {
            Role::Writes(_) | Role::WritesAll => true,
            Role::Branches(id) => !self.branch(id).writes.is_empty(),
            _ => false,
        }
    }

    /// The variables that a body changes, each once.
    pub(crate) fn assigned_in(&self, body: BodyId) -> Vec<VariableId> {
        let variables = self.body(body).writers.iter().flat_map(|&writer| match self.node(writer).role {
            Role::Writes(variable) => vec![variable],
            Role::Branches(id) => self.branch(id).writes.iter().map(|&(variable, _)| variable).collect(),
            _ => Vec::new(),
        });
        let mut variables: Vec<VariableId> = variables.collect();
        variables.sort_unstable();
        variables.dedup();
        variables
    }

    /// Whether a node gives more of what an earlier one runs.
    pub(super) fn has_origin(&self, role: Role) -> bool {
        match role {
            Role::Calls(call) => self.call(call).origin.is_some(),
            Role::Branches(id) => self.branch(id).origin.is_some(),
            Role::Loops(id) => self.looped(id).origin.is_some(),
            _ => false,
        }
    }

    /// If a tensor is the handle of a tape, or an array of such, what the tape's rows are.
    pub(crate) fn tape_rows(&self, tensor: TensorId) -> Option<TapeRows> {
        let node = self.node(tensor.node);
        let output = tensor.output as usize;
        match node.role {
            Role::Loops(id) => match (self.looped(id), self.looped(id).outputs[output]) {
                (of, LoopOutput::Stacked(row)) if of.stacks_tapes() => {
                    let inner = self.tape_rows(row).map(Box::new);
                    Some(TapeRows { row: self.tensor(row).clone(), inner })
                }
                (_, LoopOutput::Stacked(row)) => self.tape_rows(row),
                (of, LoopOutput::Last(state)) => self.tape_rows(self.body(of.body).parameters[state]),
                (_, LoopOutput::Ticks) => Some(TapeRows { row: TensorType::nothing(), inner: None }),
            },
            Role::Calls(call) => self.tape_rows(self.call(call).results[output]),
            Role::Branches(id) => {
                let mut given = self.branch(id).outputs[output].iter().flatten();
                given.find_map(|&given| self.tape_rows(given))
            }
            Role::Parameter => self.parameter_rows.get(&tensor.node).cloned(),
            _ => None,
        }
    }

    /// What lies between each tensor that a loop's body is given and these tensors of the body, over any number of
    /// iterations; and which values of the state lie between.
    pub(crate) fn loop_paths(&self, of: &LoopRecord, mut ys: Vec<TensorId>) -> (Vec<usize>, Vec<Path>) {
        let (states, body) = (of.states(), self.body(of.body));
        let mut active: Vec<usize> = (0..states).filter(|&state| ys.contains(&body.results[state])).collect();
        loop {
            let paths = self.paths(of.body, &ys);
            let new = |&state: &usize| paths[state].passes && !active.contains(&state);
            let new: Vec<usize> = (0..states).filter(new).collect();
            if new.is_empty() {
                active.sort_unstable();
                return (active, paths);
            }
            ys.extend(new.iter().map(|&state| body.results[state]));
            active.extend(new);
        }
    }
}
