//! [`Part`]: what lies between inputs and outputs of a graph, or of a body, as it is written for another program.
//!
//! Invariant: an item comes behind those that it uses.

use std::sync::Arc;

use crate::element::Value;
use crate::error::Error;
use crate::graph::{LoopOutput, LoopRecord, Node};
use crate::ir::VariableId;
use crate::shape::TensorType;

/// The place of an item among those of its part.
pub(crate) type Place = usize;

/// An item and one of its outputs.
pub(crate) type Output = (Place, u32);

/// Items in order, with what is given to them and wanted of them.
#[derive(Debug, Default)]
pub(crate) struct Part<'a> {
    pub(crate) items: Vec<Item<'a>>,
    /// Items of [`Kind::Given`], in the order in which they are given.
    pub(crate) inputs: Vec<Place>,
    pub(crate) outputs: Vec<Output>,
}

/// A node of a part.
#[derive(Debug)]
pub(crate) struct Item<'a> {
    /// The node that it comes from.
    pub(crate) node: &'a Node,
    pub(crate) kind: Kind<'a>,
    /// The node's name, with those of the calls around it; not unique.
    pub(crate) name: String,
    pub(crate) inputs: Vec<Output>,
    /// Items that run before it.
    pub(crate) control: Vec<Place>,
    /// Of its outputs.
    pub(crate) types: Vec<TensorType>,
}

/// What an item is.
#[derive(Debug)]
pub(crate) enum Kind<'a> {
    /// What the part is given: a tensor that is fed, or what a body is given.
    Given,
    /// A placeholder that is not given.
    Placeholder,
    /// Its input, unless it is fed.
    Default,
    /// The value that a variable has before the run.
    Variable(VariableId),
    /// The new value of a variable: of the value before, which is its first input, and its second one, as an op of this name
    /// makes it.
    Assign { variable: VariableId, op: &'static str },
    /// Every variable starts anew; has one output for each.
    Initialize,
    /// An array, repeated to these lengths.
    Constant(Arc<Value>, &'a [usize]),
    /// Its input, when all that it is behind has run.
    Behind,
    /// What the op of its node makes of the inputs.
    Op,
    /// The branch of these that the first input says.
    Branches(Vec<Branch<'a>>),
    /// What a loop leaves.
    Loop(Box<Loop<'a>>),
}

/// A branch of a conditional.
#[derive(Debug)]
pub(crate) struct Branch<'a> {
    pub(crate) part: Part<'a>,
    /// Of each input of the part, which one of the conditional's it is.
    pub(crate) inputs: Vec<usize>,
    /// Of each output of the conditional, which of the part's it is; nothing stands for zeros.
    pub(crate) outputs: Vec<Option<usize>>,
}

/// A loop. Its inputs are those of the body, as the record's bindings say, and behind them what the condition captures.
#[derive(Debug)]
pub(crate) struct Loop<'a> {
    pub(crate) record: &'a LoopRecord,
    /// Gives the next state, and behind it the rows of what is stacked, in the order of `outputs`.
    pub(crate) body: Part<'a>,
    /// Is given the state and what it captures.
    pub(crate) condition: Option<Part<'a>>,
    /// What the outputs are.
    pub(crate) outputs: Vec<LoopOutput>,
}

/// Why there is no part.
#[derive(Debug)]
pub(crate) enum WalkError {
    Error(Error),
    /// There are more items than this: functions call each other too often.
    TooLarge {
        most: usize,
    },
}

impl From<Error> for WalkError {
    fn from(error: Error) -> Self {
        WalkError::Error(error)
    }
}

/// The most items, those of bodies included: more than a file of 100 MB can tell of, and less than functions come to that
/// call each other over and over, or nodes that cut tensors into thousands of parts.
pub(crate) const MAX_ITEMS: usize = 1 << 20;

impl Part<'_> {
    /// The type of an output of an item.
    pub(crate) fn type_of(&self, (place, output): Output) -> Option<&TensorType> {
        self.items.get(place)?.types.get(output as usize)
    }

    /// Leaves out what neither the inputs nor the outputs need.
    pub(super) fn prune(&mut self) {
        let mut is_needed = vec![false; self.items.len()];
        let wanted = self.outputs.iter().map(|(place, _)| place);
        self.inputs.iter().chain(wanted).for_each(|&place| is_needed[place] = true);
        for (place, item) in self.items.iter().enumerate().rev() {
            if is_needed[place] {
                let before = item.inputs.iter().map(|(place, _)| place).chain(&item.control);
                before.for_each(|&before| is_needed[before] = true);
            }
        }
        let mut places = vec![Place::MAX; self.items.len()];
        let items = std::mem::take(&mut self.items);
        for (place, mut item) in items.into_iter().enumerate().filter(|&(place, _)| is_needed[place]) {
            item.inputs.iter_mut().for_each(|(before, _)| *before = places[*before]);
            item.control.iter_mut().for_each(|before| *before = places[*before]);
            places[place] = self.items.len();
            self.items.push(item);
        }
        self.inputs.iter_mut().for_each(|place| *place = places[*place]);
        self.outputs.iter_mut().for_each(|(place, _)| *place = places[*place]);
    }
}
