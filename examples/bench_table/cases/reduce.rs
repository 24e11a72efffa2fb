//! Reductions of a matrix, against loops by hand. One thread on both sides.

use std::sync::Arc;

use flowgrad::ndarray::{Array2, ArrayD};
use flowgrad::prelude::*;

use super::error::same;
use super::reference::isa::Isa;
use super::reference::reduce::{Reduction, reduce as by_hand};
use super::side::{fastest, timed};
use super::{Case, CaseError, Side, Work};

/// Largest difference from the reference, which adds in another order.
const TOLERANCE: f64 = 1e-4;

/// The reductions by name.
pub(crate) const REDUCTIONS: [(&str, Reduction); 4] = [
    ("sum_all", Reduction::All),
    ("sum_over_rows", Reduction::OverRows),
    ("sum_within_rows", Reduction::WithinRows),
    ("max_within_rows", Reduction::LargestWithinRows),
];

/// The reduction of a matrix that is fed; the result is kept in a variable.
pub(crate) fn reduce(reduction: Reduction, rows: usize, width: usize) -> Result<Case, CaseError> {
    let data = Arc::new(Array2::from_shape_fn((rows, width), |(row, column)| {
        ((row * width + column) as f64 * 0.618_033_988_749_895).fract() as f32
    }));

    let graph = Graph::new();
    let x = graph.placeholder::<f32>("x", [Some(rows), Some(width)]);
    let (result, dims) = match reduction {
        Reduction::All => (x.reduce_sum(..), vec![]),
        Reduction::OverRows => (x.reduce_sum(0), vec![width]),
        Reduction::WithinRows => (x.reduce_sum(-1), vec![rows]),
        Reduction::LargestWithinRows => (x.reduce_max(-1), vec![rows]),
    };
    let kept = graph.variable("result", ArrayD::<f32>::zeros(dims));
    let session = Session::builder(&graph).threads(1).build()?;
    session.run(graph.initializer())?;
    let step = session.make_callable(x, kept.assign(result).op())?;
    let run = {
        let data = Arc::clone(&data);
        move || step.call(data.view().into_dyn())
    };
    run()?;
    let ours = session.run(kept)?;

    let mut candidates: Vec<(String, Side)> = Vec::new();
    for isa in Isa::available() {
        let (data, mut result) = (Arc::clone(&data), vec![0.0; ours.len()]);
        let run = move |result: &mut [f32]| {
            by_hand(isa, reduction, data.as_slice().unwrap_or_default(), width, result);
        };
        run(&mut result);
        same("reduce", isa.name(), ours.iter().copied(), result.iter().copied(), TOLERANCE)?;
        candidates.push((isa.name().to_owned(), timed(move || run(&mut result))));
    }
    let (chosen, reference) = fastest(candidates);
    let work = Work::Bytes((rows * width) as f64 * 4.0);
    Ok(Case { ours: timed(run), reference, chosen, work, units: 1.0 })
}
