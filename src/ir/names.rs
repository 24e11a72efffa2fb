//! What text forms call what a program takes from its graph: the names of fed tensors, variables and nodes.

use std::fmt;

use super::{NodeId, TensorId, VariableId};

/// Where the names of nodes and variables are.
pub(crate) trait Named: fmt::Debug {
    fn node_name(&self, id: NodeId) -> &str;
    fn variable_name(&self, id: VariableId) -> &str;
}

/// The names that a text form prints, or numbers where no graph is at hand.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Names<'a> {
    graph: Option<&'a dyn Named>,
    feeds: &'a [TensorId],
}

impl<'a> Names<'a> {
    /// Those of a graph whose programs are fed these tensors.
    pub(crate) fn of(graph: &'a dyn Named, feeds: &'a [TensorId]) -> Self {
        Names { graph: Some(graph), feeds }
    }

    /// Those of a program that is called: what it is fed are the operands of the call.
    pub(crate) fn inside(self) -> Self {
        Names { feeds: &[], ..self }
    }

    pub(crate) fn node(self, id: NodeId) -> String {
        match self.graph {
            Some(graph) => format!("\"{}\"", graph.node_name(id)),
            None => format!("node {}", id.0),
        }
    }

    /// What is fed at a position.
    pub(crate) fn feed(self, position: usize) -> String {
        match self.feeds.get(position) {
            Some(&TensorId { node, output: 0 }) => self.node(node),
            Some(&TensorId { node, output }) => format!("{}:{output}", self.node(node)),
            None => position.to_string(),
        }
    }

    pub(crate) fn variable(self, id: VariableId) -> String {
        match self.graph {
            Some(graph) => format!("\"{}\"", graph.variable_name(id)),
            None => id.0.to_string(),
        }
    }
}
