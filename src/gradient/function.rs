//! The gradient of a call: a function again, which takes the cotangents of the results and gives those of the inputs.
//!
//! The sweep passes through the body's nodes as through any others, and builds what it needs inside a body of its own,
//! once for all calls of a function. What that uses of the first body is an input of the call, an output, or is asked of
//! the call: a second node gives it, out of the same run of the body.

use foldhash::HashMap;

use super::Pullback;
use super::sweep::Sweep;
use crate::graph::{AnyTensor, CallId, GradientKey, GradientOf, Graph, Run};
use crate::ir::TensorId;

/// Gives the inputs of a call their shares of the cotangents of its outputs.
pub(crate) fn pull_back_call(call: CallId, at: &mut Pullback<'_>) {
    let graph = at.output().graph();
    let (record, bound) = {
        let arena = graph.shared().read();
        let record = arena.call(call).clone();
        let bound: Vec<TensorId> = arena.body(record.body).bound().collect();
        (record, bound)
    };
    let reached: Vec<usize> =
        (0..record.results.len()).filter(|&output| at.cotangents()[output].is_some()).collect();
    let key = GradientKey {
        body: record.body,
        ys: reached.iter().map(|&output| record.results[output]).collect(),
        inputs: (0..bound.len()).filter(|&input| at.wants(input)).collect(),
        zero_where_untaken: at.is_zero_where_untaken(),
    };
    let gradient = graph.gradient_of(&key).unwrap_or_else(|| {
        let gradient = build(graph, &key, &bound);
        graph.keep_gradient(key, gradient.clone());
        gradient
    });

    // What it captures of the body is an input or an output of the call, or comes out of the call's own run of it.
    let inputs = bound.iter().copied().zip(at.inputs().iter().copied());
    let outputs = record.results.iter().copied().zip(at.outputs().iter().copied());
    let mut known: HashMap<TensorId, AnyTensor<'_>> = outputs.chain(inputs).collect();
    let (captures, results, inner) = {
        let arena = graph.shared().read();
        let body = arena.body(gradient.body);
        let is_inner = |id: &TensorId| arena.body_of(*id) == Some(record.body) && !known.contains_key(id);
        let inner: Vec<TensorId> = body.captures.iter().copied().filter(is_inner).collect();
        (body.captures.clone(), body.results.clone(), inner)
    };
    let origin = record.origin.unwrap_or(at.output().node());
    let more = Run { origin: Some(origin), draws_as: record.draws_as };
    // What a loop inside computes again draws the same numbers.
    let again = Run { origin: None, draws_as: Some(record.draws_as.unwrap_or(origin)) };
    let kept = graph.beside(origin, || graph.call_body(record.body, &inner, at.sources(), more, |call| call));
    known.extend(inner.into_iter().zip(kept));
    let cotangents = reached.iter().filter_map(|&output| at.cotangents()[output]);
    let captured = captures.iter().map(|&id| known.get(&id).copied().unwrap_or_else(|| graph.tie(id)));
    let arguments: Vec<AnyTensor<'_>> = cotangents.chain(captured).collect();
    let shares = graph.call_body(gradient.body, &results, &arguments, again, |call| call);
    for (input, share) in gradient.inputs.into_iter().zip(shares) {
        at.add(input, share);
    }
}

/// Builds the gradient of a body whose parameters and captures are `bound`.
pub(super) fn build(graph: &Graph, key: &GradientKey, bound: &[TensorId]) -> GradientOf {
    let tie = |ids: &[TensorId]| ids.iter().map(|&id| graph.tie(id)).collect::<Vec<AnyTensor<'_>>>();
    let (ys, xs) = (tie(&key.ys), tie(&key.inputs.iter().map(|&input| bound[input]).collect::<Vec<_>>()));
    let gradient = graph.open_body(Some(key.body), "gradient");
    let shares = graph.inside(gradient, || {
        let seeds: Vec<AnyTensor<'_>> = ys.iter().map(|&y| graph.parameter_like(gradient, y)).collect();
        // The sweep ends at the body's edge: beyond a captured tensor it goes on outside.
        let assigns = !graph.shared().read().body(key.body).writers.is_empty();
        let sweep = Sweep::of_body(graph, &ys, &xs, &tie(bound)).of_changing_variables(assigns);
        sweep.zero_where_untaken(key.zero_where_untaken).run(&seeds)
    });
    let shares = key.inputs.iter().zip(shares).filter_map(|(&input, share)| Some((input, share?)));
    let (inputs, results): (Vec<usize>, Vec<AnyTensor<'_>>) = shares.unzip();
    graph.close_body(gradient, results);
    GradientOf { body: gradient, inputs }
}
