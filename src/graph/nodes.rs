//! [`Nodes`]: the nodes of a graph, in a list that grows without moving them.
//!
//! Nodes are large, and there may be millions. A single list would be copied each time that it has no room left, and its
//! last copies are so large that their memory comes fresh from the system, which clears it, and goes back at once.

use std::ops::{Index, IndexMut};

use super::{Node, NodeId};

/// Nodes of a block: small enough to be had from memory that is at hand.
const BLOCK: usize = 256;

/// Nodes in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nodes {
    /// All but the last are full.
    blocks: Vec<Vec<Node>>,
}

impl Nodes {
    pub(crate) fn len(&self) -> usize {
        self.blocks.last().map_or(0, |last| (self.blocks.len() - 1) * BLOCK + last.len())
    }

    pub(super) fn push(&mut self, node: Node) {
        if self.blocks.last().is_none_or(|last| last.len() == BLOCK) {
            // A graph of a few nodes takes no more than it needs.
            let room = if self.blocks.is_empty() { 0 } else { BLOCK };
            self.blocks.push(Vec::with_capacity(room));
        }
        if let Some(last) = self.blocks.last_mut() {
            last.push(node);
        }
    }

    pub(crate) fn iter(&self) -> Iter<'_> {
        self.blocks.iter().flatten()
    }
}

/// Nodes one by one.
pub(crate) type Iter<'a> = std::iter::Flatten<std::slice::Iter<'a, Vec<Node>>>;

impl Index<NodeId> for Nodes {
    type Output = Node;
    fn index(&self, id: NodeId) -> &Node {
        &self.blocks[id.index() / BLOCK][id.index() % BLOCK]
    }
}

impl IndexMut<NodeId> for Nodes {
    fn index_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.blocks[id.index() / BLOCK][id.index() % BLOCK]
    }
}
