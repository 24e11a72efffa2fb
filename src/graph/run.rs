//! [`BodyRun`]: the nodes of a function's body as one call runs them, for passes that go through calls.

use std::borrow::Cow;

use super::body::CallRecord;
use super::{Arena, BodyId, Node, TensorMap};
use crate::ir::{NodeId, TensorId};

/// A run of a function's body, by a call, or of what belongs to no function, with what a pass makes of each tensor in it.
#[derive(Debug)]
pub(crate) struct BodyRun<T> {
    made: TensorMap<T>,
    /// What is there of a tensor of which nothing has been made.
    nothing: T,
    /// The names of the calls, one inside the other.
    name: String,
}

impl<T: Copy + PartialEq> BodyRun<T> {
    /// What belongs to no function.
    pub(crate) fn top(nothing: T) -> Self {
        BodyRun { made: TensorMap::new(nothing), nothing, name: String::new() }
    }

    /// The run that a call begins in this one. What the body takes is there: what has been made of the call's inputs.
    pub(crate) fn begin(&self, arena: &Arena, call: NodeId, body: BodyId, inputs: &[T]) -> Self {
        let name = [&*self.name, &*arena.node(call).name, "/"].concat();
        let mut run = BodyRun { made: TensorMap::new(self.nothing), nothing: self.nothing, name };
        for (bound, &input) in arena.body(body).bound().zip(inputs) {
            run.made.set(bound, input);
        }
        run
    }

    /// What has been made of a tensor.
    pub(crate) fn get(&self, tensor: TensorId) -> T {
        *self.made.get(tensor)
    }

    pub(crate) fn set(&mut self, tensor: TensorId, made: T) {
        self.made.set(tensor, made);
    }

    /// Notes what has been made of a node's outputs. What is there already stays: it is fed, or bound, although the node
    /// runs for another output.
    pub(crate) fn set_outputs(&mut self, node: NodeId, made: impl ExactSizeIterator<Item = T>) {
        for (output, made) in node.outputs(made.len()).zip(made).filter(|&(_, made)| made != self.nothing) {
            let there = self.made.get_mut(output);
            if *there == self.nothing {
                *there = made;
            }
        }
    }

    /// The name of a node in this run.
    pub(crate) fn name_of<'a>(&self, node: &'a Node) -> Cow<'a, str> {
        if self.name.is_empty() {
            Cow::Borrowed(&*node.name)
        } else {
            Cow::Owned([&*self.name, &*node.name].concat())
        }
    }
}

impl CallRecord {
    /// The call that begins the run of which a node that makes this call gives tensors.
    pub(crate) fn begun_by(&self, node: NodeId) -> NodeId {
        self.origin.unwrap_or(node)
    }
}
