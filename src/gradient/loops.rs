//! The gradient of a loop: a loop again, over the same rows the other way round.
//!
//! Its state is the cotangent of the first loop's state, and of each tensor that the body captures the share so far. It
//! goes through the cotangents of what the first loop stacked, and through what the body had computed, which the first
//! loop stacks as well.

use foldhash::HashMap;

use super::Pullback;
use super::sweep::Sweep;
use crate::graph::{AnyTensor, Binding, BodyId, Graph, LoopId, LoopOutput, LoopRecord, LoopTrips};
use crate::ir::{NodeId, TensorId};

/// Gives the inputs of a loop their shares of the cotangents of its outputs.
pub(crate) fn pull_back_loop(id: LoopId, at: &mut Pullback<'_>) {
    let backward = Backward::of(id, at);
    let body = backward.body(at.is_zero_where_untaken());
    let (captures, ticks) = backward.captures(body, at);
    let (mut inputs, bindings, trips) = backward.inputs(captures, ticks, at);
    let numbering = backward.record.numbering.map(|input| {
        inputs.push(at.inputs()[input]);
        inputs.len() - 1
    });
    let (outputs, shared) = backward.outputs(body, at);
    let origin = backward.record.begun_by(backward.node);
    let record = LoopRecord {
        body,
        bindings,
        trips,
        reverse: !backward.record.reverse,
        outputs,
        origin: None,
        recomputes: false,
        // What is computed again inside of it is at the same row of the same loop.
        draws_as: Some(backward.record.draws_as.unwrap_or(origin)),
        numbering,
    };
    let graph = backward.graph;
    let name = graph.shared().read().node(backward.node).op.name();
    for (input, share) in shared.into_iter().zip(graph.loop_node(name, record, &inputs)) {
        at.add(input, share);
    }
}

/// What the gradient of a loop is made of.
struct Backward<'g> {
    graph: &'g Graph,
    node: NodeId,
    record: LoopRecord,
    /// What the loop's body is given, and the next state.
    bound: Vec<TensorId>,
    next: Vec<TensorId>,
    /// The cotangents of the last state, and of what is stacked, each with the tensor of the body that it is of.
    last: HashMap<usize, AnyTensor<'g>>,
    rows: Vec<(TensorId, AnyTensor<'g>)>,
    /// The values of the state whose cotangents are handed on.
    states: Vec<usize>,
    /// What the body is given as it is, and by rows, that gets shares.
    whole: Vec<usize>,
    sliced: Vec<usize>,
}

/// An input of the backward loop, and what its body makes of it.
type Given<'g> = (AnyTensor<'g>, Binding);

impl<'g> Backward<'g> {
    fn of(id: LoopId, at: &Pullback<'g>) -> Self {
        let graph = at.output().graph();
        let arena = graph.shared().read();
        let record = arena.looped(id).clone();
        let body = arena.body(record.body);
        let bound: Vec<TensorId> = body.bound().collect();
        let next: Vec<TensorId> = body.results[..record.states()].to_vec();
        let mut last = HashMap::default();
        let mut rows = Vec::new();
        for (output, &cotangent) in record.outputs.iter().zip(at.cotangents()) {
            match (output, cotangent) {
                (&LoopOutput::Last(state), Some(cotangent)) => drop(last.insert(state, cotangent)),
                (&LoopOutput::Stacked(row), Some(cotangent)) => rows.push((row, cotangent)),
                (LoopOutput::Ticks, _) | (_, None) => {}
            }
        }
        let ys = last.keys().map(|&state| next[state]).chain(rows.iter().map(|&(row, _)| row));
        let (mut states, paths) = arena.loop_paths(&record, ys.collect());
        // A state whose cotangent is there, although no iteration hands it on.
        let alone: Vec<usize> = last.keys().filter(|state| !states.contains(state)).copied().collect();
        states.extend(alone);
        states.sort_unstable();
        drop(arena);
        let shared = |binding: Binding| {
            let has_share =
                |&at_: &usize| record.bindings[at_] == binding && paths[at_].passes && at.wants(at_);
            (0..bound.len()).filter(has_share).collect()
        };
        let (whole, sliced) = (shared(Binding::Whole), shared(Binding::Row));
        let node = at.output().node();
        Backward { graph, node, record, bound, next, last, rows, states, whole, sliced }
    }

    fn tie(&self, ids: impl IntoIterator<Item = TensorId>) -> Vec<AnyTensor<'g>> {
        ids.into_iter().map(|id| self.graph.tie(id)).collect()
    }

    /// The backward loop's body: takes the cotangents of the next state, the shares so far, and the cotangents of rows,
    /// and gives the cotangents of the state, the shares, and the rows of shares.
    fn body(&self, zero_where_untaken: bool) -> BodyId {
        let graph = self.graph;
        let body = graph.open_body(Some(self.record.body), "gradient");
        let results = graph.inside(body, || {
            let parameter = |id: TensorId| graph.parameter_like(body, graph.tie(id));
            let of_states = self.states.iter().map(|&state| parameter(self.bound[state]));
            let of_states: Vec<AnyTensor<'g>> = of_states.collect();
            let so_far = self.whole.iter().map(|&position| parameter(self.bound[position]));
            let so_far: Vec<AnyTensor<'g>> = so_far.collect();
            let of_rows = self.rows.iter().map(|&(row, _)| parameter(row));
            let seeds: Vec<AnyTensor<'g>> = of_states.into_iter().chain(of_rows).collect();
            let next = self.states.iter().map(|&state| self.next[state]);
            let ys = self.tie(next.chain(self.rows.iter().map(|&(row, _)| row)));
            let wanted = self.states.iter().chain(&self.whole).chain(&self.sliced);
            let xs = self.tie(wanted.map(|&position| self.bound[position]));
            let edge = self.tie(self.bound.iter().copied());
            let sweep = Sweep::of_body(graph, &ys, &xs, &edge).zero_where_untaken(zero_where_untaken);
            let shares = sweep.run(&seeds).into_iter().zip(&xs).enumerate();
            let shares = shares.map(|(index, (share, x))| {
                let share = share.unwrap_or_else(|| graph.no_share(*x));
                let so_far = index.checked_sub(self.states.len()).and_then(|index| so_far.get(index));
                so_far.map_or(share, |&so_far| graph.sum_of_shares(so_far, share, x.id()))
            });
            shares.collect()
        });
        graph.close_body(body, results);
        body
    }

    /// What the backward loop's body captures: of the first loop's body it is an input of the loop, or comes stacked out
    /// of the loop's own run of it. Beside it, a tape that says how often the loop ran, if nothing else does.
    fn captures(&self, body: BodyId, at: &Pullback<'g>) -> (Vec<Given<'g>>, Option<AnyTensor<'g>>) {
        let (graph, record) = (self.graph, &self.record);
        let inputs = self.bound.iter().zip(&record.bindings).zip(at.inputs());
        let mut known: HashMap<TensorId, Given<'g>> = inputs
            .filter(|((_, binding), _)| **binding != Binding::State)
            .map(|((&id, &binding), &input)| (id, (input, binding)))
            .collect();
        for (output, &stack) in record.outputs.iter().zip(at.outputs()) {
            if let &LoopOutput::Stacked(row) = output {
                known.entry(row).or_insert((stack, Binding::Row));
            }
        }
        let (captures, inner) = {
            let arena = graph.shared().read();
            let captures = arena.body(body).captures.clone();
            let is_inner = |id: &TensorId| arena.body_of(*id) == Some(record.body) && !known.contains_key(id);
            let inner: Vec<TensorId> = captures.iter().copied().filter(is_inner).collect();
            (captures, inner)
        };
        let ticks = matches!(record.trips, LoopTrips::While { .. }).then_some(LoopOutput::Ticks);
        let outputs: Vec<LoopOutput> = inner.iter().map(|&id| LoopOutput::Stacked(id)).chain(ticks).collect();
        let origin = record.begun_by(self.node);
        let kept = if record.recomputes {
            let draws_as = Some(record.draws_as.unwrap_or(origin));
            let again = LoopRecord { outputs, origin: None, recomputes: false, draws_as, ..record.clone() };
            graph.loop_node("again", again, at.inputs())
        } else {
            let more = LoopRecord { outputs, origin: Some(origin), ..record.clone() };
            graph.beside(origin, || graph.loop_node("kept", more, at.sources()))
        };
        let ticks = ticks.and_then(|_| kept.last().copied());
        known.extend(inner.into_iter().zip(kept).map(|(id, stack)| (id, (stack, Binding::Row))));
        let given = captures.into_iter().map(|id| {
            let known = known.get(&id).copied();
            known.unwrap_or_else(|| (graph.tie(id), Binding::Whole))
        });
        (given.collect(), ticks)
    }

    /// The inputs of the backward loop, what its body makes of each, and how often it runs.
    fn inputs(
        &self,
        captures: Vec<Given<'g>>,
        ticks: Option<AnyTensor<'g>>,
        at: &Pullback<'g>,
    ) -> (Vec<AnyTensor<'g>>, Vec<Binding>, LoopTrips) {
        let zeros = |position: usize| at.inputs()[position].filled(0.0);
        let states = self.states.iter().map(|&state| {
            let cotangent = self.last.get(&state).copied();
            (cotangent.unwrap_or_else(|| zeros(state)), Binding::State)
        });
        let so_far = self.whole.iter().map(|&position| (zeros(position), Binding::State));
        let rows = self.rows.iter().map(|&(_, cotangents)| (cotangents, Binding::Row));
        let given = states.chain(so_far).chain(rows).chain(captures);
        let (mut inputs, bindings): (Vec<AnyTensor<'g>>, Vec<Binding>) = given.unzip();
        let first = inputs.len();
        let trips = match &self.record.trips {
            LoopTrips::Fixed(count) => LoopTrips::Fixed(*count),
            LoopTrips::Rows(input) => {
                inputs.push(at.inputs()[*input]);
                LoopTrips::Rows(first)
            }
            LoopTrips::While { .. } => {
                inputs.extend(ticks);
                LoopTrips::Tapes(vec![first])
            }
            LoopTrips::Tapes(tapes) => {
                inputs.extend(tapes.iter().map(|&tape| at.inputs()[tape]));
                LoopTrips::Tapes((first..inputs.len()).collect())
            }
        };
        (inputs, bindings, trips)
    }

    /// What the backward loop gives, and the inputs to which these are the shares.
    fn outputs(&self, body: BodyId, at: &Pullback<'g>) -> (Vec<LoopOutput>, Vec<usize>) {
        let results = self.graph.shared().read().body(body).results.clone();
        let carried = self.states.len() + self.whole.len();
        let states = self.states.iter().enumerate().filter(|&(_, &state)| at.wants(state));
        let states = states.map(|(index, &state)| (LoopOutput::Last(index), state));
        let whole = (self.states.len()..carried).map(LoopOutput::Last).zip(self.whole.iter().copied());
        let rows = results[carried..].iter().map(|&row| LoopOutput::Stacked(row));
        states.chain(whole).chain(rows.zip(self.sliced.iter().copied())).unzip()
    }
}
