//! The arena as petgraph sees it, so that petgraph's algorithms and its DOT writer run on it in
//! place, without a second copy of the graph.

use petgraph::visit::{
    Data, Dfs, EdgeRef, GraphBase, GraphProp, GraphRef, IntoEdgeReferences, IntoNeighbors,
    IntoNodeIdentifiers, IntoNodeReferences, NodeIndexable, VisitMap, Visitable,
};

use smallvec::SmallVec;

use super::{Arena, Node, NodeId, NodeMap, TensorId, nodes};

/// The graph along its edges from a node to what it depends on.
#[derive(Clone, Copy)]
pub(crate) struct Walk<'a> {
    arena: &'a Arena,
    with_control: bool,
}

/// What an edge of the graph means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// The target uses the value of an output of the source.
    Value(u32),
    /// The target runs after the source.
    Order,
}

/// An edge with its ends.
#[derive(Clone, Copy)]
pub(crate) struct EdgeTo {
    source: u32,
    target: u32,
    edge: Edge,
}

impl EdgeRef for EdgeTo {
    type NodeId = u32;
    type EdgeId = (u32, u32);
    type Weight = Edge;

    fn source(&self) -> u32 {
        self.source
    }

    fn target(&self) -> u32 {
        self.target
    }

    fn weight(&self) -> &Edge {
        &self.edge
    }

    fn id(&self) -> (u32, u32) {
        (self.source, self.target)
    }
}

impl<'a> Walk<'a> {
    /// Along values only.
    pub(crate) fn data(arena: &'a Arena) -> Self {
        Walk { arena, with_control: false }
    }

    /// Along values and control dependencies.
    pub(crate) fn all(arena: &'a Arena) -> Self {
        Walk { arena, with_control: true }
    }

    /// The nodes of the given tensors and all that they depend on, in topological order.
    pub(crate) fn ancestors(self, tensors: impl IntoIterator<Item = TensorId>) -> Vec<NodeId> {
        self.ancestors_short_of(tensors, |_| false)
    }

    /// The same, without the nodes of tensors marked by `given` and what they depend on, unless something else needs
    /// them: another of their outputs.
    pub(crate) fn ancestors_short_of(
        self,
        tensors: impl IntoIterator<Item = TensorId>,
        given: impl Fn(TensorId) -> bool,
    ) -> Vec<NodeId> {
        let cut = Short { walk: self, given: &given };
        let mut search = Dfs::empty(cut);
        let mut found = Vec::new();
        for tensor in tensors.into_iter().filter(|&tensor| !given(tensor)) {
            search.move_to(tensor.node.0);
            while let Some(index) = search.next(cut) {
                found.push(NodeId(index));
            }
        }
        // Inputs exist before their users, so ascending ids are a topological order.
        found.sort_unstable();
        found
    }

    fn edges(self) -> impl Iterator<Item = EdgeTo> + 'a {
        self.arena.nodes.iter().zip(0_u32..).flat_map(move |(node, target)| {
            let to = move |source: NodeId, edge| EdgeTo { source: source.0, target, edge };
            let values = node.inputs.iter().map(move |input| to(input.node, Edge::Value(input.output)));
            let orders = node.control.iter().map(move |&source| to(source, Edge::Order));
            values.chain(orders.filter(move |_| self.with_control))
        })
    }
}

/// A walk that does not go to certain tensors.
struct Short<'a, 'f, F> {
    walk: Walk<'a>,
    given: &'f F,
}

impl<F> Clone for Short<'_, '_, F> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<F> Copy for Short<'_, '_, F> {}

impl<F> GraphBase for Short<'_, '_, F> {
    type NodeId = u32;
    type EdgeId = (u32, u32);
}

impl<F> GraphRef for Short<'_, '_, F> {}

impl<F: Fn(TensorId) -> bool> Short<'_, '_, F> {
    /// Whether all outputs of a node are given, so that it does not run.
    fn is_given(&self, id: NodeId) -> bool {
        id.outputs(self.walk.arena.node(id).outputs.len()).all(&self.given)
    }
}

impl<F: Fn(TensorId) -> bool> IntoNeighbors for Short<'_, '_, F> {
    type Neighbors = smallvec::IntoIter<[u32; 4]>;
    fn neighbors(self, index: u32) -> Self::Neighbors {
        let node = self.walk.arena.node(NodeId(index));
        let control: &[NodeId] = if self.walk.with_control { &node.control } else { &[] };
        let values = node.inputs.iter().filter(|&&input| !(self.given)(input)).map(|input| input.node.0);
        let orders = control.iter().filter(|&&id| !self.is_given(id)).map(|id| id.0);
        values.chain(orders).collect::<SmallVec<_>>().into_iter()
    }
}

impl<F> Visitable for Short<'_, '_, F> {
    type Map = Visited;
    fn visit_map(&self) -> Visited {
        Visited(NodeMap::new(false))
    }
    fn reset_map(&self, map: &mut Visited) {
        map.0.clear();
    }
}

/// Which nodes a search has seen.
pub(crate) struct Visited(NodeMap<bool>);

impl VisitMap<u32> for Visited {
    fn visit(&mut self, index: u32) -> bool {
        !std::mem::replace(self.0.get_mut(NodeId(index)), true)
    }
    fn is_visited(&self, index: &u32) -> bool {
        *self.0.get(NodeId(*index))
    }
    fn unvisit(&mut self, index: u32) -> bool {
        std::mem::replace(self.0.get_mut(NodeId(index)), false)
    }
}

impl GraphBase for Walk<'_> {
    type NodeId = u32;
    type EdgeId = (u32, u32);
}

impl GraphRef for Walk<'_> {}

impl Data for Walk<'_> {
    type NodeWeight = Node;
    type EdgeWeight = Edge;
}

impl GraphProp for Walk<'_> {
    type EdgeType = petgraph::Directed;
}

impl NodeIndexable for Walk<'_> {
    fn node_bound(&self) -> usize {
        self.arena.nodes.len()
    }
    fn to_index(&self, index: u32) -> usize {
        index as usize
    }
    fn from_index(&self, index: usize) -> u32 {
        index as u32
    }
}

impl IntoNodeIdentifiers for Walk<'_> {
    type NodeIdentifiers = std::ops::Range<u32>;
    fn node_identifiers(self) -> Self::NodeIdentifiers {
        0..self.arena.nodes.len() as u32
    }
}

impl<'a> IntoNodeReferences for Walk<'a> {
    type NodeRef = (u32, &'a Node);
    type NodeReferences = std::iter::Zip<std::ops::RangeFrom<u32>, nodes::Iter<'a>>;
    fn node_references(self) -> Self::NodeReferences {
        (0_u32..).zip(self.arena.nodes.iter())
    }
}

impl IntoEdgeReferences for Walk<'_> {
    type EdgeRef = EdgeTo;
    type EdgeReferences = std::vec::IntoIter<Self::EdgeRef>;
    fn edge_references(self) -> Self::EdgeReferences {
        self.edges().collect::<Vec<_>>().into_iter()
    }
}
