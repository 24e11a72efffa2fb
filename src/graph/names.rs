//! The names in use, each once: a name taken becomes `n_1`, `n_2`, ...

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::NodeId;

/// Who has a name.
pub(super) enum Holder {
    Nobody,
    Scope,
    Node(NodeId),
}

/// The names of nodes and scopes.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Whose name it is; a scope belongs to no node.
    taken: HashMap<String, Option<NodeId>>,
    /// The last number tried behind a name, so that a thousand nodes of one op take linear time.
    numbered: HashMap<String, u32>,
}

impl Names {
    /// Whether the name is free, and if not, who has it.
    pub(super) fn holder(&self, name: &str) -> Holder {
        match self.taken.get(name) {
            None => Holder::Nobody,
            Some(None) => Holder::Scope,
            Some(&Some(node)) => Holder::Node(node),
        }
    }

    /// Takes the name, or the next free numbered one, for a scope.
    pub(super) fn unique(&mut self, name: &str) -> String {
        self.take(name, None)
    }

    /// Takes the name, or the next free numbered one, for a node.
    pub(super) fn claim(&mut self, name: &str, node: NodeId) -> String {
        self.take(name, Some(node))
    }

    /// Frees a node's name.
    pub(super) fn release(&mut self, name: &str) {
        self.taken.remove(name);
    }

    fn take(&mut self, name: &str, owner: Option<NodeId>) -> String {
        if let Entry::Vacant(free) = self.taken.entry(name.to_owned()) {
            free.insert(owner);
            return name.to_owned();
        }
        let number = self.numbered.entry(name.to_owned()).or_insert(0);
        loop {
            *number += 1;
            if let Entry::Vacant(free) = self.taken.entry(format!("{name}_{number}")) {
                let name = free.key().clone();
                free.insert(owner);
                return name;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_name_is_numbered_around_others() {
        let mut names = Names::default();
        let id = NodeId(0);
        assert_eq!(names.claim("a_1", id), "a_1");
        assert_eq!(names.claim("a", id), "a");
        assert_eq!(names.claim("a", id), "a_2");
        names.release("a");
        assert_eq!(names.claim("a", id), "a");
        assert_eq!(names.claim("a", id), "a_3");
    }
}
