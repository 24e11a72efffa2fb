//! The graph's invariant, checked between stages in debug builds and tests.

use super::Arena;
use crate::shape::TensorType;

impl Arena {
    /// Says which node breaks the invariant, if one does: inputs come before their users, and each
    /// valid node's type is what its op's shape rule gives.
    pub(crate) fn verify(&self) -> Result<(), String> {
        for (index, node) in self.nodes.iter().enumerate() {
            if let Some(later) = node.predecessors().find(|id| id.index() >= index) {
                return Err(format!("%{index} `{}` depends on the later node %{}", node.name, later.0));
            }
            if node.mistake.is_some() {
                continue;
            }
            let inputs: Vec<&TensorType> = node.inputs.iter().map(|&id| &self.node(id).output).collect();
            match node.op.infer(&inputs) {
                Ok(output) if output == node.output => {}
                inferred => {
                    return Err(format!("%{index} `{}` is {}, not {inferred:?}", node.name, node.output));
                }
            }
        }
        Ok(())
    }
}
