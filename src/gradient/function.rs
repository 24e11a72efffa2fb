//! The gradient of a call: a function again, which takes the cotangents of the results and gives those of the inputs.
//!
//! The sweep passes through the body's nodes as through any others, and builds what it needs inside a body of its own.
//! What that uses of the first body is asked of the call: a second node gives it, out of the same run of the body.

use super::Pullback;
use super::sweep::Sweep;
use crate::graph::{AnyTensor, BodyId, CallId};
use crate::ir::{NodeId, TensorId};
use crate::shape::TensorType;

/// Gives the inputs of a call their shares of the cotangents of its outputs.
pub(crate) fn pull_back_call(call: CallId, at: &mut Pullback<'_>) {
    let graph = at.output().graph();
    let (node, arena) = (at.output().node(), graph.shared().snapshot());
    let record = arena.call(call).clone();
    let body = arena.body(record.body).clone();
    let origin = record.origin.unwrap_or(node);
    drop(arena);

    // What is differentiated, and by what: of the body's own tensors.
    let reached: Vec<usize> =
        (0..record.results.len()).filter(|&output| at.cotangents()[output].is_some()).collect();
    let bound: Vec<TensorId> = body.parameters.iter().chain(&body.captures).copied().collect();
    let wanted: Vec<usize> = (0..bound.len()).filter(|&input| at.wants(input)).collect();
    let ys: Vec<AnyTensor<'_>> = reached.iter().map(|&output| graph.tie(record.results[output])).collect();
    let xs: Vec<AnyTensor<'_>> = wanted.iter().map(|&input| graph.tie(bound[input])).collect();
    // The sweep ends at the body's edge: beyond a captured tensor it goes on outside.
    let edge: Vec<AnyTensor<'_>> = bound.iter().map(|&id| graph.tie(id)).collect();

    let gradient = graph.open_body(Some(record.body), "gradient");
    let shares = graph.inside(gradient, || {
        let seeds: Vec<AnyTensor<'_>> =
            ys.iter().map(|&y| graph.parameter(gradient, &TensorType::of(y))).collect();
        Sweep::of_body(graph, &ys, &xs, &edge).masked(at.is_masked()).run(&seeds)
    });
    let (inputs, results): (Vec<usize>, Vec<AnyTensor<'_>>) =
        wanted.into_iter().zip(shares).filter_map(|(input, share)| Some((input, share?))).unzip();
    graph.close_body(gradient, results.clone());

    // What it captures of the body comes out of the call's own run of it.
    let captures = graph.shared().read().body(gradient).captures.clone();
    let is_inside =
        |id: &TensorId| graph.shared().read().body_of(*id) == Some(record.body) || bound.contains(id);
    let inner: Vec<TensorId> = captures.iter().copied().filter(is_inside).collect();
    let kept = kept(at, record.body, origin, &inner);
    let mut kept = kept.into_iter();
    let cotangents = reached.iter().filter_map(|&output| at.cotangents()[output]);
    let captured = captures.iter().map(|id| if is_inside(id) { kept.next() } else { Some(graph.tie(*id)) });
    let arguments: Vec<AnyTensor<'_>> = cotangents.map(Some).chain(captured).flatten().collect();
    let results: Vec<TensorId> = graph.shared().read().body(gradient).results.clone();
    let shares = graph.call_body(gradient, &results, &arguments, None, |call| call);
    for (input, share) in inputs.into_iter().zip(shares) {
        at.add(input, share);
    }
}

/// Tensors of the body that an earlier call has run.
fn kept<'g>(at: &Pullback<'g>, body: BodyId, origin: NodeId, tensors: &[TensorId]) -> Vec<AnyTensor<'g>> {
    let graph = at.output().graph();
    graph.beside(origin, || graph.call_body(body, tensors, at.sources(), Some(origin), |call| call))
}
