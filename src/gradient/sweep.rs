//! The reverse sweep, and why it may not reach a target.

use foldhash::HashMap;

use super::NoGradient;
use super::{PerInput, Pullback, Share, fitted};
use crate::graph::op::{Identity, Outputs, Part};
use crate::graph::{AnyTensor, Arena, BodyId, Graph, Node, NodeMap, Role, TensorMap, Walk};
use crate::ir::{NodeId, TensorId};

/// Whether a gradient can pass from the continuous outputs of a node to one of its inputs.
fn passes(arena: &Arena, node: &Node, input: usize) -> bool {
    arena.tensor(node.inputs[input]).dtype.is_float() && node.op.differentiable(input)
}

/// What a sweep knows of a tensor.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    /// Whether it is a target, or depends on one in a way that a gradient can go.
    reaches: bool,
    /// Whether no gradient passes through it.
    stops: bool,
    /// Whether its cotangent may be 0 at elements that were not taken.
    zero_where_untaken: bool,
}

/// One reverse sweep.
pub(super) struct Sweep<'a, 'g> {
    graph: &'g Graph,
    ys: &'a [AnyTensor<'g>],
    xs: &'a [AnyTensor<'g>],
    /// The nodes that lie between targets and results, ascending.
    between: Vec<NodeId>,
    marks: TensorMap<Marks>,
    /// Whether a variable could have changed between a node and its gradient, so that the gradient must
    /// be told which value the node saw.
    variables_change: bool,
    /// Whether nodes may lie in other bodies than the one that is built in, where they have seen variables as they were.
    crosses_bodies: bool,
}

impl<'a, 'g> Sweep<'a, 'g> {
    pub(super) fn new(
        graph: &'g Graph,
        ys: &'a [AnyTensor<'g>],
        xs: &'a [AnyTensor<'g>],
        stops: &[AnyTensor<'g>],
    ) -> Self {
        let mut sweep = Sweep::of_body(graph, ys, xs, stops);
        let arena = graph.shared().snapshot();
        let writes = |id: NodeId| arena.assigns(arena.node(id).role);
        let change_before = || Walk::all(&arena).ancestors(ys.iter().map(|y| y.id())).into_iter().any(writes);
        sweep.crosses_bodies = true;
        sweep.variables_change = !arena.variables.is_empty() && (graph.builds_in_order() || change_before());
        sweep
    }

    /// The same inside of a function's body, for which no variable changes.
    pub(super) fn of_body(
        graph: &'g Graph,
        ys: &'a [AnyTensor<'g>],
        xs: &'a [AnyTensor<'g>],
        stops: &[AnyTensor<'g>],
    ) -> Self {
        let arena = graph.shared().snapshot();
        let mut marks = TensorMap::new(Marks::default());
        for x in xs {
            marks.get_mut(x.id()).reaches = true;
        }
        for stop in stops {
            marks.get_mut(stop.id()).stops = true;
        }
        // Nothing passes what stops, so what lies beyond is of no interest.
        let stops = |id: TensorId| marks.get(id).stops;
        let ancestors = Walk::data(&arena).ancestors_short_of(ys.iter().map(|y| y.id()), stops);
        for &id in &ancestors {
            let node = arena.node(id);
            let mut inputs = 0..node.inputs.len();
            if inputs.any(|i| marks.get(node.inputs[i]).reaches && passes(&arena, node, i)) {
                for output in
                    id.outputs(node.outputs.len()).filter(|&output| arena.tensor(output).dtype.is_float())
                {
                    let of = marks.get_mut(output);
                    of.reaches |= !of.stops;
                }
            }
        }
        let reaches =
            |&id: &NodeId| id.outputs(arena.node(id).outputs.len()).any(|output| marks.get(output).reaches);
        let between: Vec<NodeId> = ancestors.into_iter().filter(reaches).collect();
        Sweep { graph, ys, xs, between, marks, variables_change: false, crosses_bodies: false }
    }

    /// The same in a body that assigns, so that nodes may have seen variables as they are no more.
    pub(super) fn of_changing_variables(self, variables_change: bool) -> Self {
        Sweep { variables_change, ..self }
    }

    /// The same where the cotangents of the results may be 0 at elements that were not taken.
    pub(super) fn zero_where_untaken(mut self, zero_where_untaken: bool) -> Self {
        self.ys.iter().for_each(|y| self.marks.get_mut(y.id()).zero_where_untaken |= zero_where_untaken);
        self
    }

    /// Marks what lies above tensors whose cotangents may be 0 at elements that were not taken.
    fn mark_untaken(&mut self) {
        let arena = self.graph.shared().snapshot();
        for &id in self.between.iter().rev() {
            let node = arena.node(id);
            let zero_where_untaken =
                id.outputs(node.outputs.len()).any(|output| self.marks.get(output).zero_where_untaken);
            for (position, &input) in node.inputs.iter().enumerate() {
                if zero_where_untaken || node.op.zero_where_untaken(position) {
                    self.marks.get_mut(input).zero_where_untaken = true;
                }
            }
        }
    }

    pub(super) fn run(mut self, seeds: &[AnyTensor<'g>]) -> Vec<Option<AnyTensor<'g>>> {
        self.mark_untaken();
        let mut cotangents = Cotangents::new(self.graph);
        for (y, &seed) in self.ys.iter().zip(seeds) {
            if self.marks.get(y.id()).reaches {
                cotangents.add(y.id(), Share::Whole(seed));
            }
        }
        self.graph.name_scope("gradients", || {
            for &id in self.between.iter().rev() {
                for (source, share) in self.pull_back(id, &mut cotangents) {
                    cotangents.add(source, share);
                }
            }
            self.xs.iter().map(|x| cotangents.total(x.id())).collect()
        })
    }

    /// Asks one node's op for its inputs' shares of the cotangents that have reached its outputs.
    fn pull_back(&self, id: NodeId, cotangents: &mut Cotangents<'g>) -> PerInput<(TensorId, Share<'g>)> {
        let (op, inputs, wanted, outputs, body) = {
            let arena = self.graph.shared().snapshot();
            let node = arena.node(id);
            let wants = |i: usize| self.marks.get(node.inputs[i]).reaches && passes(&arena, node, i);
            let wanted: PerInput<bool> = (0..node.inputs.len()).map(wants).collect();
            let outputs: Outputs<TensorId> = id.outputs(node.outputs.len()).collect();
            (node.op.clone(), node.inputs.clone(), wanted, outputs, node.body)
        };
        if !wanted.contains(&true) {
            return PerInput::new();
        }
        let passing = |&output: &TensorId| {
            // That of a node that is not continuous, such as an index, is of nobody's interest.
            let Marks { reaches, stops, .. } = *self.marks.get(output);
            if reaches && !stops { cotangents.total(output) } else { None }
        };
        let cotangents: Outputs<Option<AnyTensor<'g>>> = outputs.iter().map(passing).collect();
        if cotangents.iter().all(Option::is_none) {
            return PerInput::new();
        }
        let zero_where_untaken = outputs.iter().any(|&output| self.marks.get(output).zero_where_untaken);
        let outputs: Outputs<AnyTensor<'g>> = outputs.iter().map(|&output| self.graph.tie(output)).collect();
        let sources: PerInput<AnyTensor<'g>> =
            inputs.into_iter().map(|input| self.graph.tie(input)).collect();
        let as_seen = |input: &AnyTensor<'g>| match input.role() {
            Role::Reads(_)
                if self.variables_change || self.crosses_bodies && self.graph.body_here() != body =>
            {
                let seen = || self.graph.apply_as(Identity::Seen, Role::ReadsAsSeen, &[*input, outputs[0]]);
                if self.graph.body_here() == body { seen() } else { self.graph.beside(id, seen) }
            }
            _ => *input,
        };
        let inputs = sources.iter().map(as_seen).collect();
        let given = PerInput::new();
        let mut at = Pullback { outputs, cotangents, inputs, sources, wanted, zero_where_untaken, given };
        op.pullback(&mut at);
        at.given
    }
}

/// The shares of the cotangents that have reached tensors.
struct Cotangents<'g> {
    graph: &'g Graph,
    sums: TensorMap<Option<AnyTensor<'g>>>,
    /// The parts that are not in the sums yet.
    parts: HashMap<TensorId, Vec<Part<'g>>>,
}

impl<'g> Cotangents<'g> {
    fn new(graph: &'g Graph) -> Self {
        Cotangents { graph, sums: TensorMap::new(None), parts: HashMap::default() }
    }

    fn add(&mut self, id: TensorId, share: Share<'g>) {
        match share {
            Share::Whole(share) => {
                let sum = self.sums.get_mut(id);
                *sum = Some(sum.map_or(share, |sum| self.graph.sum_of_shares(sum, share, id)));
            }
            Share::Part(part) => self.parts.entry(id).or_default().push(*part),
        }
    }

    /// All shares of a tensor together, if there is one.
    fn total(&mut self, id: TensorId) -> Option<AnyTensor<'g>> {
        if let Some(together) = self.parts.remove(&id).and_then(Part::put_back) {
            let source = self.graph.tie(id);
            self.add(id, Share::Whole(fitted(together, source)));
        }
        *self.sums.get(id)
    }
}

impl Graph {
    /// The sum of two shares of a tensor's cotangent.
    pub(super) fn sum_of_shares<'g>(
        &'g self,
        a: AnyTensor<'g>,
        b: AnyTensor<'g>,
        of: TensorId,
    ) -> AnyTensor<'g> {
        let rows = self.shared().read().tape_rows(of);
        match rows {
            Some(rows) => self.sum_of_tapes([a, b], &rows),
            None => a + b,
        }
    }

    /// The share of a tensor's cotangent that is 0.
    pub(super) fn no_share<'g>(&'g self, of: AnyTensor<'g>) -> AnyTensor<'g> {
        let rows = self.shared().read().tape_rows(of.id());
        match rows {
            Some(rows) => self.zeros_of_tape(of, &rows),
            None => of.filled(0.0),
        }
    }
}

/// Explains why no gradient flows from `y` to `x`.
pub(super) fn why_unconnected(graph: &Graph, y: TensorId, x: TensorId) -> NoGradient {
    why_cut(&graph.shared().snapshot(), y, x)
}

/// What ends the paths from `y` to `x`.
fn why_cut(arena: &Arena, y: TensorId, x: TensorId) -> NoGradient {
    let ancestors = Walk::data(arena).ancestors([y]);
    // Forward from x along every edge: the first node at which a gradient could not pass on is the cut.
    let mut descends = NodeMap::new(false);
    let mut cut: Option<NoGradient> = None;
    for &id in &ancestors {
        let node = arena.node(id);
        let reads = |input: TensorId| input == x || input.node != x.node && *descends.get(input.node);
        let from = (0..node.inputs.len()).find(|&i| reads(node.inputs[i]));
        descends.set(id, id == x.node || from.is_some());
        let (Some(input), None) = (from, &cut) else { continue };
        let not_continuous = |id: TensorId| NoGradient::NotContinuous {
            node: arena.tensor_name(id),
            dtype: arena.tensor(id).dtype,
        };
        if !node.outputs.iter().any(|output| output.dtype.is_float()) {
            cut = Some(not_continuous(id.into()));
        } else if !arena.tensor(node.inputs[input]).dtype.is_float() {
            cut = Some(not_continuous(node.inputs[input]));
        } else if !passes(arena, node, input) {
            let here = || NoGradient::Stopped { node: node.name.to_string(), op: node.op.name() };
            cut = Some(cut_inside(arena, node, input).unwrap_or_else(here));
        }
    }
    cut.filter(|_| *descends.get(y.node)).unwrap_or(NoGradient::NoPath)
}

/// What ends the paths through the bodies that a node runs, if it runs any.
fn cut_inside(arena: &Arena, node: &Node, input: usize) -> Option<NoGradient> {
    // Of each body, what the input is inside of it, and what leaves it.
    let through: Vec<(BodyId, usize, Vec<TensorId>)> = match node.role {
        Role::Calls(call) => {
            let call = arena.call(call);
            vec![(call.body, input, call.results.clone())]
        }
        Role::Branches(id) => {
            let record = arena.branch(id);
            let through = record.branches.iter().enumerate().flat_map(|(index, branch)| {
                let given: Vec<TensorId> = record.outputs.iter().filter_map(|given| given[index]).collect();
                let positions = branch.inputs.iter().enumerate().filter(|&(_, &fed)| fed == input);
                positions.map(move |(position, _)| (branch.body, position, given.clone()))
            });
            through.collect()
        }
        Role::Loops(id) => {
            let body = arena.looped(id).body;
            vec![(body, input, arena.body(body).results.clone())]
        }
        _ => Vec::new(),
    };
    let mut cuts = through.into_iter().flat_map(|(body, position, given)| {
        let x = arena.body(body).bound().nth(position);
        x.into_iter().flat_map(move |x| given.clone().into_iter().map(move |y| why_cut(arena, y, x)))
    });
    cuts.find(|cut| !matches!(cut, NoGradient::NoPath))
}
