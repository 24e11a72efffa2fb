//! The names in use, each once: a name taken becomes `n_1`, `n_2`, ...

use std::collections::hash_map::Entry;
use std::fmt::Write;
use std::sync::Arc;

use foldhash::HashMap;

use super::NodeId;

/// What has a name.
pub(super) enum Holder {
    Nobody,
    Scope,
    Node(NodeId),
}

/// The names of nodes and scopes.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Whose name it is, of which its node has the text as well; a scope belongs to no node.
    taken: HashMap<Arc<str>, Option<NodeId>>,
    /// The last number tried behind a name, so that a thousand nodes of one op take linear time.
    numbered: HashMap<String, u32>,
}

impl Names {
    /// Whether the name is free, and if not, what has it.
    pub(super) fn holder(&self, name: &str) -> Holder {
        match self.taken.get(name) {
            None => Holder::Nobody,
            Some(None) => Holder::Scope,
            Some(&Some(node)) => Holder::Node(node),
        }
    }

    /// Takes the name, or the next free numbered one, for a scope.
    pub(super) fn unique(&mut self, name: String) -> String {
        self.take(name, None).to_string()
    }

    /// Takes the name, or the next free numbered one, for a node.
    pub(super) fn claim(&mut self, name: String, node: NodeId) -> Arc<str> {
        self.take(name, Some(node))
    }

    /// Frees a node's name.
    pub(super) fn release(&mut self, name: &str) {
        self.taken.remove(name);
    }

    fn take(&mut self, mut name: String, owner: Option<NodeId>) -> Arc<str> {
        if !self.taken.contains_key(&*name) {
            let name: Arc<str> = name.into();
            self.taken.insert(Arc::clone(&name), owner);
            return name;
        }
        // Most names have been numbered before, so the key is copied for the first only.
        let number = match self.numbered.get_mut(&name) {
            Some(number) => number,
            None => self.numbered.entry(name.clone()).or_insert(0),
        };
        name.push('_');
        let unnumbered = name.len();
        loop {
            *number += 1;
            name.truncate(unnumbered);
            // Writing to a string cannot fail.
            let _ = write!(name, "{number}");
            if let Entry::Vacant(free) = self.taken.entry(name.as_str().into()) {
                let name = Arc::clone(free.key());
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
        assert_eq!(*names.claim("a_1".to_owned(), id), *"a_1");
        assert_eq!(*names.claim("a".to_owned(), id), *"a");
        assert_eq!(*names.claim("a".to_owned(), id), *"a_2");
        names.release("a");
        assert_eq!(*names.claim("a".to_owned(), id), *"a");
        assert_eq!(*names.claim("a".to_owned(), id), *"a_3");
    }
}
