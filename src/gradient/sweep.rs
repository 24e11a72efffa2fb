//! The reverse sweep, and why it may not reach a target.

use foldhash::HashMap;

use super::{PerInput, Pullback, Share, of_type, summed_to};
use crate::error::NoGradient;
use crate::graph::op::{Identity, Part};
use crate::graph::{AnyTensor, Arena, Graph, Node, NodeMap, Role, Walk};
use crate::ir::NodeId;

/// Whether a gradient can pass from a node to one of its inputs.
fn passes(arena: &Arena, node: &Node, input: usize) -> bool {
    let continuous = |node: &Node| node.output.dtype.is_float();
    continuous(node) && continuous(arena.node(node.inputs[input])) && node.op.differentiable(input)
}

/// What a sweep knows of a node.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    /// Whether it has a target at or above it that a gradient can reach.
    reaches: bool,
    /// Whether no gradient passes through it.
    stops: bool,
    /// Whether its cotangent may be 0 at elements that were not taken.
    masked: bool,
}

/// One reverse sweep.
pub(super) struct Sweep<'a, 'g> {
    graph: &'g Graph,
    ys: &'a [AnyTensor<'g>],
    xs: &'a [AnyTensor<'g>],
    /// The nodes that lie between targets and results, ascending.
    between: Vec<NodeId>,
    marks: NodeMap<Marks>,
    /// Whether a variable could have changed between a node and its gradient, so that the gradient must
    /// be told which value the node saw.
    variables_change: bool,
}

impl<'a, 'g> Sweep<'a, 'g> {
    pub(super) fn new(
        graph: &'g Graph,
        ys: &'a [AnyTensor<'g>],
        xs: &'a [AnyTensor<'g>],
        stops: &[AnyTensor<'g>],
    ) -> Self {
        let is_ordered = graph.builds_in_order();
        let arena = graph.shared().snapshot();
        let mut marks = NodeMap::new(Marks::default());
        for x in xs {
            marks.get_mut(x.id()).reaches = true;
        }
        for stop in stops {
            marks.get_mut(stop.id()).stops = true;
        }
        let ancestors = Walk::data(&arena).ancestors(ys.iter().map(|y| y.id()));
        for &id in &ancestors {
            let (node, of) = (arena.node(id), *marks.get(id));
            let mut inputs = 0..node.inputs.len();
            let through_input =
                !of.stops && inputs.any(|i| marks.get(node.inputs[i]).reaches && passes(&arena, node, i));
            marks.get_mut(id).reaches = of.reaches || through_input;
        }
        let writes = |id: NodeId| matches!(arena.node(id).role, Role::Writes(_) | Role::WritesAll);
        let change_before = || Walk::all(&arena).ancestors(ys.iter().map(|y| y.id())).into_iter().any(writes);
        let variables_change = !arena.variables.is_empty() && (is_ordered || change_before());
        let between: Vec<NodeId> = ancestors.into_iter().filter(|&id| marks.get(id).reaches).collect();
        for &id in between.iter().rev() {
            let (node, masked) = (arena.node(id), marks.get(id).masked);
            for (position, &input) in node.inputs.iter().enumerate() {
                if masked || node.op.masks(position) {
                    marks.get_mut(input).masked = true;
                }
            }
        }
        Sweep { graph, ys, xs, between, marks, variables_change }
    }

    pub(super) fn run(self, seeds: &[AnyTensor<'g>]) -> Vec<Option<AnyTensor<'g>>> {
        let mut cotangents = Cotangents::new(self.graph);
        for (y, &seed) in self.ys.iter().zip(seeds) {
            if self.marks.get(y.id()).reaches {
                cotangents.add(y.id(), Share::Whole(seed));
            }
        }
        self.graph.name_scope("gradients", || {
            for &id in self.between.iter().rev().filter(|&&id| !self.marks.get(id).stops) {
                if let Some(cotangent) = cotangents.total(id) {
                    for (source, share) in self.pull_back(id, cotangent) {
                        cotangents.add(source, share);
                    }
                }
            }
            self.xs.iter().map(|x| cotangents.total(x.id())).collect()
        })
    }

    /// Asks one node's op for its inputs' shares.
    fn pull_back(&self, id: NodeId, cotangent: AnyTensor<'g>) -> PerInput<(NodeId, Share<'g>)> {
        let (op, inputs, wanted) = {
            let arena = self.graph.shared().snapshot();
            let node = arena.node(id);
            let wants = |i: usize| self.marks.get(node.inputs[i]).reaches && passes(&arena, node, i);
            (node.op.clone(), node.inputs.clone(), (0..node.inputs.len()).map(wants).collect::<PerInput<_>>())
        };
        if !wanted.contains(&true) {
            return PerInput::new();
        }
        let output = self.graph.tie(id);
        let sources: PerInput<AnyTensor<'g>> =
            inputs.into_iter().map(|input| self.graph.tie(input)).collect();
        let as_seen = |input: &AnyTensor<'g>| match input.role() {
            Role::Reads(_) if self.variables_change => {
                self.graph.apply_as(Identity::Seen, Role::ReadsAsSeen, &[*input, output])
            }
            _ => *input,
        };
        let inputs = sources.iter().map(as_seen).collect();
        let (masked, given) = (self.marks.get(id).masked, PerInput::new());
        let mut at = Pullback { output, cotangent, inputs, sources, wanted, masked, given };
        op.pullback(&mut at);
        at.given
    }
}

/// The shares of the cotangents that have reached nodes.
struct Cotangents<'g> {
    graph: &'g Graph,
    sums: NodeMap<Option<AnyTensor<'g>>>,
    /// The parts that are not in the sums yet.
    parts: HashMap<NodeId, Vec<Part<'g>>>,
}

impl<'g> Cotangents<'g> {
    fn new(graph: &'g Graph) -> Self {
        Cotangents { graph, sums: NodeMap::new(None), parts: HashMap::default() }
    }

    fn add(&mut self, id: NodeId, share: Share<'g>) {
        match share {
            Share::Whole(share) => {
                let sum = self.sums.get_mut(id);
                *sum = Some(sum.map_or(share, |sum| sum + share));
            }
            Share::Part(part) => self.parts.entry(id).or_default().push(*part),
        }
    }

    /// All shares of a node together, if there is one.
    fn total(&mut self, id: NodeId) -> Option<AnyTensor<'g>> {
        if let Some(together) = self.parts.remove(&id).and_then(Part::put_back) {
            let source = self.graph.tie(id);
            self.add(id, Share::Whole(summed_to(of_type(together, source), source)));
        }
        *self.sums.get(id)
    }
}

/// Explains why no gradient flows from `y` to `x`.
pub(super) fn why_unconnected(graph: &Graph, y: NodeId, x: NodeId) -> NoGradient {
    let arena = graph.shared().snapshot();
    let ancestors = Walk::data(&arena).ancestors([y]);
    // Forward from x along every edge: the first node at which a gradient could not pass on is the cut.
    let mut descends = NodeMap::new(false);
    let mut cut: Option<&Node> = None;
    for &id in &ancestors {
        let node = arena.node(id);
        let from = (0..node.inputs.len()).find(|&i| *descends.get(node.inputs[i]));
        descends.set(id, id == x || from.is_some());
        if let (Some(input), None) = (from, cut)
            && !passes(&arena, node, input)
        {
            cut = Some(node);
        }
    }
    match cut {
        Some(node) if *descends.get(y) => {
            if node.output.dtype.is_float() {
                NoGradient::Stopped { node: node.name.clone(), op: node.op.name() }
            } else {
                NoGradient::NotContinuous { node: node.name.clone(), dtype: node.output.dtype }
            }
        }
        _ => NoGradient::NoPath,
    }
}
