//! [`NodeMap`] and [`TensorMap`]: something for some of a graph's nodes or tensors, at a cost that depends on those and
//! not on the graph.
//!
//! A pass over a few nodes of a large graph must not pay for the rest, and one over all of them must not pay for a
//! hash of each. So the nodes are kept by pages of neighbors, which is what passes visit, and only pages are hashed.

use foldhash::HashMap;

use super::{NodeId, TensorId};

/// Nodes of a page. The table of the pages of a hundred thousand nodes then fits the first-level cache, and a page
/// for a single node costs little more than the node.
const PAGE: usize = 64;

/// A value for each node, which is the same one for all that have not been given another.
#[derive(Clone, Debug)]
pub(crate) struct NodeMap<T> {
    /// Where the page of each run of [`PAGE`] ids begins in `values`.
    pages: HashMap<u32, usize>,
    values: Vec<T>,
    initial: T,
}

impl<T: Clone> NodeMap<T> {
    pub(crate) fn new(initial: T) -> Self {
        NodeMap { pages: HashMap::default(), values: Vec::new(), initial }
    }

    pub(crate) fn get(&self, NodeId(id): NodeId) -> &T {
        let page = self.pages.get(&(id / PAGE as u32));
        page.map_or(&self.initial, |start| &self.values[start + id as usize % PAGE])
    }

    pub(crate) fn get_mut(&mut self, NodeId(id): NodeId) -> &mut T {
        let values = &mut self.values;
        let start = *self.pages.entry(id / PAGE as u32).or_insert_with(|| {
            let start = values.len();
            values.resize(start + PAGE, self.initial.clone());
            start
        });
        &mut values[start + id as usize % PAGE]
    }

    pub(crate) fn set(&mut self, id: NodeId, value: T) {
        *self.get_mut(id) = value;
    }

    /// Gives all nodes the initial value again.
    pub(crate) fn clear(&mut self) {
        self.pages.clear();
        self.values.clear();
    }
}

/// A value for each tensor, which is the same one for all that have not been given another.
#[derive(Clone, Debug)]
pub(crate) struct TensorMap<T> {
    /// Of first outputs; few nodes have others.
    first: NodeMap<T>,
    others: HashMap<TensorId, T>,
}

impl<T: Clone> TensorMap<T> {
    pub(crate) fn new(initial: T) -> Self {
        TensorMap { first: NodeMap::new(initial), others: HashMap::default() }
    }

    pub(crate) fn get(&self, id: TensorId) -> &T {
        if id.output == 0 {
            return self.first.get(id.node);
        }
        self.others.get(&id).unwrap_or(&self.first.initial)
    }

    pub(crate) fn get_mut(&mut self, id: TensorId) -> &mut T {
        if id.output == 0 {
            return self.first.get_mut(id.node);
        }
        self.others.entry(id).or_insert_with(|| self.first.initial.clone())
    }

    pub(crate) fn set(&mut self, id: TensorId, value: T) {
        *self.get_mut(id) = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_have_what_they_were_given_and_the_others_the_initial_value() {
        let ids = [0, 63, 64, 1_000_000, u32::MAX].map(NodeId);
        let mut map = NodeMap::new(7);
        for (value, &id) in ids.iter().enumerate() {
            assert_eq!(*map.get(id), 7);
            map.set(id, value);
        }
        assert!(ids.iter().enumerate().all(|(value, &id)| *map.get(id) == value));
        assert_eq!([1, 62, 999_999].map(|id| *map.get(NodeId(id))), [7; 3]);
        assert_eq!(map.values.len(), 4 * PAGE, "pages are made for the nodes alone");
        map.clear();
        assert_eq!(*map.get(ids[1]), 7);
    }
}
