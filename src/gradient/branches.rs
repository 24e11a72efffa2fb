//! The gradient of a conditional: a conditional again, by the same condition, whose branches are the gradients of the
//! first one's.

use foldhash::HashMap;

use super::Pullback;
use super::function::build;
use crate::graph::{AnyTensor, BranchBody, BranchId, BranchRecord, GradientKey, GradientOf, Positions};
use crate::ir::TensorId;

/// Gives the inputs of a conditional their shares of the cotangents of its outputs. An input that a branch does not use
/// gets zeros where that branch is taken.
pub(crate) fn pull_back_branches(id: BranchId, at: &mut Pullback<'_>) {
    let graph = at.output().graph();
    let record = graph.shared().read().branch(id).clone();
    let reached: Vec<usize> =
        (0..record.outputs.len()).filter(|&output| at.cotangents()[output].is_some()).collect();
    let bound: Vec<Vec<TensorId>> = {
        let arena = graph.shared().read();
        record.branches.iter().map(|branch| arena.body(branch.body).bound().collect()).collect()
    };

    let gradients = gradients_of(&record, &bound, &reached, at);

    // What a gradient captures of its branch is an input or an output of the conditional, or comes out of the same run.
    let known: Vec<HashMap<TensorId, AnyTensor<'_>>> = (0..record.branches.len())
        .map(|index| {
            let outputs = record.outputs.iter().zip(at.outputs());
            let outputs = outputs.filter_map(|(given, &output)| Some((given[index]?, output)));
            let inputs = bound[index].iter().zip(&record.branches[index].inputs);
            outputs.chain(inputs.map(|(&bound, &input)| (bound, at.inputs()[input]))).collect()
        })
        .collect();
    let mut inner: Vec<(usize, TensorId)> = Vec::new();
    let captures: Vec<Vec<TensorId>> = {
        let arena = graph.shared().read();
        let captures = gradients.iter().map(|gradient| arena.body(gradient.body).captures.clone());
        let captures: Vec<Vec<TensorId>> = captures.collect();
        for (index, captures) in captures.iter().enumerate() {
            let body = record.branches[index].body;
            let is_inner = |id: &TensorId| arena.body_of(*id) == Some(body) && !known[index].contains_key(id);
            inner.extend(captures.iter().copied().filter(is_inner).map(|id| (index, id)));
        }
        captures
    };
    let origin = record.origin.unwrap_or(at.output().node());
    let more = BranchRecord {
        outputs: inner
            .iter()
            .map(|&(of, id)| (0..record.branches.len()).map(|index| (index == of).then_some(id)).collect())
            .collect(),
        origin: Some(origin),
        branches: record.branches.clone(),
        draws_as: record.draws_as,
        writes: Vec::new(),
    };
    let kept = graph.beside(origin, || graph.branch_node("kept", more, at.sources()));
    let kept: HashMap<(usize, TensorId), AnyTensor<'_>> = inner.into_iter().zip(kept).collect();

    let mut inputs = Positions::default();
    inputs.of(at.inputs()[0]);
    let branches = gradients.iter().zip(&captures).enumerate().map(|(index, (gradient, captures))| {
        let given = reached.iter().filter(|&&output| record.outputs[output][index].is_some());
        let mut positions: Vec<usize> =
            given.filter_map(|&output| Some(inputs.of(at.cotangents()[output]?))).collect();
        positions.extend(captures.iter().map(|&id| {
            let captured = known[index].get(&id).or_else(|| kept.get(&(index, id)));
            inputs.of(captured.copied().unwrap_or_else(|| graph.tie(id)))
        }));
        BranchBody { body: gradient.body, inputs: positions }
    });
    let branches: Vec<BranchBody> = branches.collect();
    let shared: Vec<usize> = {
        let given = gradients
            .iter()
            .enumerate()
            .flat_map(|(index, gradient)| gradient.inputs.iter().map(move |&input| (index, input)));
        let mut shared: Vec<usize> =
            given.map(|(index, input)| record.branches[index].inputs[input]).collect();
        shared.sort_unstable();
        shared.dedup();
        shared
    };
    let outputs = {
        let arena = graph.shared().read();
        let share = |index: usize, input: usize| {
            let GradientOf { body, inputs } = &gradients[index];
            let of = inputs.iter().position(|&bound| record.branches[index].inputs[bound] == input)?;
            Some(arena.body(*body).results[of])
        };
        let of = |&input: &usize| (0..gradients.len()).map(|index| share(index, input)).collect();
        shared.iter().map(of).collect()
    };
    let gradient = BranchRecord {
        branches,
        outputs,
        origin: None,
        draws_as: Some(record.draws_as.unwrap_or(origin)),
        writes: Vec::new(),
    };
    let name = graph.shared().read().node(at.output().node()).op.name();
    let shares = graph.branch_node(name, gradient, &inputs.tensors);
    for (input, share) in shared.into_iter().zip(shares) {
        at.add(input, share);
    }
}

/// The gradient of each branch, by what the branch gives and what of it has an input.
fn gradients_of(
    record: &BranchRecord,
    bound: &[Vec<TensorId>],
    reached: &[usize],
    at: &Pullback<'_>,
) -> Vec<GradientOf> {
    let graph = at.output().graph();
    let gradients = record.branches.iter().zip(bound).enumerate().map(|(index, (branch, bound))| {
        let key = GradientKey {
            body: branch.body,
            ys: reached.iter().filter_map(|&output| record.outputs[output][index]).collect(),
            inputs: (0..bound.len()).filter(|&input| at.wants(branch.inputs[input])).collect(),
            zero_where_untaken: at.is_zero_where_untaken(),
        };
        graph.gradient_of(&key).unwrap_or_else(|| {
            let gradient = build(graph, &key, bound);
            graph.keep_gradient(key, gradient.clone());
            gradient
        })
    });
    gradients.collect()
}
