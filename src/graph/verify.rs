//! The graph's invariant, checked between stages in debug builds and tests.

use super::{Arena, Node, Role};

impl Arena {
    /// Says which node breaks the invariant, if one does: what a node depends on comes before it.
    ///
    /// Types are not asked for again: the shape rule may be a custom op's, which may answer otherwise than when the
    /// node was built. What it gives is compared when a run is planned.
    pub(crate) fn verify(&self) -> Result<(), String> {
        for (index, node) in self.nodes.iter().enumerate() {
            self.verify_body(index, node)?;
            if let Some(later) = node.predecessors().find(|id| id.index() >= index) {
                return Err(format!("%{index} `{}` depends on the later node %{}", node.name, later.0));
            }
        }
        Ok(())
    }

    /// Says how a node does not keep to its function's body, if it does not.
    fn verify_body(&self, index: usize, node: &Node) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("%{index} `{}` {what}", node.name));
        if node.inputs.iter().any(|&input| !self.is_in_reach(self.body_of(input), node.body)) {
            return wrong("uses a tensor of a body that is closed to it");
        }
        if node.control.iter().any(|&before| self.node(before).body != node.body) {
            return wrong("runs after a node of another body");
        }
        match node.role {
            Role::Calls(call) if node.inputs.len() != self.body(self.call(call).body).bound().count() => {
                wrong("has not an input for each parameter and each captured tensor")
            }
            Role::Branches(id)
                if self.branch(id).branches.iter().any(|branch| {
                    let taken = branch.inputs.iter().all(|&input| input < node.inputs.len());
                    !taken || branch.inputs.len() != self.body(branch.body).bound().count()
                }) =>
            {
                wrong("has not an input for each tensor that a branch captures")
            }
            Role::Loops(id) => {
                let of = self.looped(id);
                let count = self.body(of.body).bound().count();
                if of.bindings.len() != count || node.inputs.len() < count {
                    return wrong("has not an input for each tensor that its body is given");
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
