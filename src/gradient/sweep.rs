//! The reverse sweep, and why it may not reach a target.

use std::collections::HashMap;

use super::{PerInput, Pullback};
use crate::error::NoGradient;
use crate::graph::{AnyTensor, Arena, Graph, Node, NodeId, Role, Walk};
use crate::ops::Identity;

/// Whether a gradient can pass from a node to one of its inputs.
fn passes(arena: &Arena, node: &Node, input: usize) -> bool {
    let continuous = |node: &Node| node.output.dtype.is_float();
    continuous(node) && continuous(arena.node(node.inputs[input])) && node.op.differentiable(input)
}

/// One reverse sweep.
pub(super) struct Sweep<'a, 'g> {
    graph: &'g Graph,
    ys: &'a [AnyTensor<'g>],
    xs: &'a [AnyTensor<'g>],
    /// The nodes that lie between targets and results, ascending.
    between: Vec<NodeId>,
    /// By a node's index, whether it has a target at or above it that a gradient can reach.
    reaches: Vec<bool>,
    /// By a node's index, whether no gradient passes through it.
    stops: Vec<bool>,
    /// By a node's index, whether its cotangent may be 0 at elements that were not taken.
    masked: Vec<bool>,
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
        let marked = |tensors: &[AnyTensor<'g>]| {
            let mut marked = vec![false; arena.nodes.len()];
            for tensor in tensors {
                marked[tensor.id().index()] = true;
            }
            marked
        };
        let (targets, stops) = (marked(xs), marked(stops));
        let ancestors = Walk::data(&arena).ancestors(ys.iter().map(|y| y.id()));
        let mut reaches = vec![false; arena.nodes.len()];
        for &id in &ancestors {
            let node = arena.node(id);
            let mut inputs = 0..node.inputs.len();
            let through_input = !stops[id.index()]
                && inputs.any(|i| reaches[node.inputs[i].index()] && passes(&arena, node, i));
            reaches[id.index()] = through_input || targets[id.index()];
        }
        let writes = |id: NodeId| matches!(arena.node(id).role, Role::Writes(_) | Role::WritesAll);
        let change_before = || Walk::all(&arena).ancestors(ys.iter().map(|y| y.id())).into_iter().any(writes);
        let variables_change = !arena.variables.is_empty() && (is_ordered || change_before());
        let between: Vec<NodeId> = ancestors.into_iter().filter(|id| reaches[id.index()]).collect();
        let mut masked = vec![false; arena.nodes.len()];
        for &id in between.iter().rev() {
            let node = arena.node(id);
            for (position, input) in node.inputs.iter().enumerate() {
                masked[input.index()] |= masked[id.index()] || node.op.masks(position);
            }
        }
        Sweep { graph, ys, xs, between, reaches, stops, masked, variables_change }
    }

    pub(super) fn run(self, seeds: &[AnyTensor<'g>]) -> Vec<Option<AnyTensor<'g>>> {
        // By a node's index; the nodes that the sweep adds have none.
        let mut cotangents: Vec<Option<AnyTensor<'g>>> = vec![None; self.reaches.len()];
        let add = |cotangents: &mut [Option<AnyTensor<'g>>], id: NodeId, share: AnyTensor<'g>| {
            let sum = &mut cotangents[id.index()];
            *sum = Some(sum.map_or(share, |sum| sum + share));
        };
        for (y, &seed) in self.ys.iter().zip(seeds) {
            if self.reaches[y.id().index()] {
                add(&mut cotangents, y.id(), seed);
            }
        }
        self.graph.name_scope("gradients", || {
            for &id in self.between.iter().rev().filter(|id| !self.stops[id.index()]) {
                if let Some(cotangent) = cotangents[id.index()] {
                    for (source, share) in self.pull_back(id, cotangent) {
                        add(&mut cotangents, source, share);
                    }
                }
            }
        });
        self.xs.iter().map(|x| cotangents[x.id().index()]).collect()
    }

    /// Asks one node's op for its inputs' shares.
    fn pull_back(&self, id: NodeId, cotangent: AnyTensor<'g>) -> PerInput<(NodeId, AnyTensor<'g>)> {
        let (op, inputs, wanted) = {
            let arena = self.graph.shared().snapshot();
            let node = arena.node(id);
            let wants = |i: usize| self.reaches[node.inputs[i].index()] && passes(&arena, node, i);
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
        let (masked, given) = (self.masked[id.index()], PerInput::new());
        let mut at = Pullback { output, cotangent, inputs, sources, wanted, masked, given };
        op.pullback(&mut at);
        at.given
    }
}

/// Explains why no gradient flows from `y` to `x`.
pub(super) fn why_unconnected(graph: &Graph, y: NodeId, x: NodeId) -> NoGradient {
    let arena = graph.shared().snapshot();
    let ancestors = Walk::data(&arena).ancestors([y]);
    // Forward from x along every edge: the first node at which a gradient could not pass on is the cut.
    let mut descends: HashMap<NodeId, bool> = HashMap::new();
    let mut cut: Option<&Node> = None;
    for &id in &ancestors {
        let node = arena.node(id);
        let from = (0..node.inputs.len()).find(|&i| descends.get(&node.inputs[i]) == Some(&true));
        descends.insert(id, id == x || from.is_some());
        if let (Some(input), None) = (from, cut)
            && !passes(&arena, node, input)
        {
            cut = Some(node);
        }
    }
    match cut {
        Some(node) if descends.get(&y) == Some(&true) => {
            if node.output.dtype.is_float() {
                NoGradient::Stopped { node: node.name.clone(), op: node.op.name() }
            } else {
                NoGradient::NotContinuous { node: node.name.clone(), dtype: node.output.dtype }
            }
        }
        _ => NoGradient::NoPath,
    }
}
