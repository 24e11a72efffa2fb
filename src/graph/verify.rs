//! The graph's invariant, checked between stages in debug builds and tests.

use super::Arena;

impl Arena {
    /// Says which node breaks the invariant, if one does: what a node depends on comes before it.
    ///
    /// Types are not asked for again: the shape rule may be a custom op's, which may answer otherwise than when the
    /// node was built. What it gives is compared when a run is planned.
    pub(crate) fn verify(&self) -> Result<(), String> {
        for (index, node) in self.nodes.iter().enumerate() {
            if let Some(later) = node.predecessors().find(|id| id.index() >= index) {
                return Err(format!("%{index} `{}` depends on the later node %{}", node.name, later.0));
            }
        }
        Ok(())
    }
}
