//! What text forms call what a program takes from its graph: the names of fed tensors, variables and nodes.

use crate::graph::{Arena, NodeId, VariableId};

/// The names that a text form prints, or numbers where no graph is at hand.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Names<'a> {
    graph: Option<&'a Arena>,
    feeds: &'a [NodeId],
}

impl<'a> Names<'a> {
    /// Those of a graph whose programs are fed these nodes.
    pub(crate) fn of(graph: &'a Arena, feeds: &'a [NodeId]) -> Self {
        Names { graph: Some(graph), feeds }
    }

    pub(crate) fn node(self, id: NodeId) -> String {
        match self.graph {
            Some(graph) => format!("\"{}\"", graph.node(id).name),
            None => format!("node {}", id.0),
        }
    }

    /// What is fed at a position.
    pub(crate) fn feed(self, position: usize) -> String {
        match self.feeds.get(position) {
            Some(&id) => self.node(id),
            None => position.to_string(),
        }
    }

    pub(crate) fn variable(self, id: VariableId) -> String {
        match self.graph {
            Some(graph) => format!("\"{}\"", graph.variables[id.index()].name),
            None => id.0.to_string(),
        }
    }
}
