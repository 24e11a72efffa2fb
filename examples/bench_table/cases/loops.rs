//! Loops of the graph: what an iteration costs beside its work, and what checkpoints save and cost.

use std::hint::black_box;

use flowgrad::ndarray::Array1;
use flowgrad::prelude::*;

use super::deep::{Memory, read_memory};
use super::error::same;
use super::side::timed;
use super::{Case, CaseError, Work};

/// A loop that counts as far as it is told when it runs, against one in Rust whose count the compiler may not foresee.
pub(crate) fn empty_loop(iterations: usize) -> Result<Case, CaseError> {
    let graph = Graph::new();
    let end = graph.placeholder::<i64>("end", []);
    let count = graph.while_loop(|i: Tensor<'_, i64>| i.less(end), |i| i + 1, graph.constant(0));
    let session = Session::builder(&graph).threads(1).build()?;
    let run = session.make_callable(end, count)?;
    let told = iterations as i64;
    same("empty_loop", "counting", [run.call(told)?.item()? as f64], [iterations as f64], 0.0)?;
    let by_hand = move || {
        let mut i = 0;
        while i < black_box(told) {
            i += 1;
        }
        black_box(i)
    };
    Ok(Case {
        ours: timed(move || run.call(told)),
        reference: timed(by_hand),
        chosen: "a loop in Rust".to_owned(),
        work: Work::Uncounted,
        units: iterations as f64,
    })
}

/// Numbers of the state of a long loop.
const WIDTH: usize = 64;

/// The gradient by what a long loop captures.
fn long_loop(
    graph: &Graph,
    steps: usize,
    options: Scan,
) -> Result<(Session, [Tensor<'_, f64>; 2]), CaseError> {
    let xs = graph.constant(Array1::from_iter((0..steps).map(|step| (step as f64 * 0.1).sin())));
    let [w, start] = [0.9, 0.1].map(|number| graph.fill([WIDTH], number));
    let (last, ()) = graph.scan_with(options, start, xs, |s, x| ((s * w + x).tanh(), ()));
    let loss = last.square().reduce_mean(..);
    let [gradient] = loss.gradients([w]);
    Ok((Session::builder(graph).threads(1).build()?, [loss, gradient]))
}

/// The bytes that the gradient of a loop needs with `checkpoint_sqrt`, against those of keeping every state.
pub(crate) fn checkpoint_memory(steps: usize) -> Result<Memory, CaseError> {
    let bytes = |options| -> Result<f64, CaseError> {
        let graph = Graph::new();
        let (session, fetches) = long_loop(&graph, steps, options)?;
        Ok(read_memory(&session.explain(fetches)?)?.planned)
    };
    Ok(Memory { planned: bytes(Scan::new().checkpoint_sqrt())?, without_reuse: bytes(Scan::new())? })
}

/// The time of the same.
pub(crate) fn checkpoint_time(steps: usize) -> Result<Case, CaseError> {
    let side = |options| -> Result<_, CaseError> {
        // A handle borrows its graph, and what is timed owns what it needs: this graph lives as long as the program.
        let graph: &'static Graph = Box::leak(Box::new(Graph::new()));
        let (session, fetches) = long_loop(graph, steps, options)?;
        let run = session.make_callable((), fetches)?;
        let given: Vec<f64> = run.call(())?.iter().flatten().copied().collect();
        Ok((timed(move || run.call(())), given))
    };
    let ((ours, found), (reference, expected)) = (side(Scan::new().checkpoint_sqrt())?, side(Scan::new())?);
    same("checkpoint_time", "every state kept", found, expected, 0.0)?;
    let chosen = "every state kept".to_owned();
    Ok(Case { ours, reference, chosen, work: Work::Uncounted, units: steps as f64 })
}
