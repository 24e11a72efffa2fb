//! Softmax over the last axis, against three passes by rows. One thread on both sides.

use std::sync::Arc;

use flowgrad::ndarray::Array2;
use flowgrad::prelude::*;

use super::error::same;
use super::reference::isa::Isa;
use super::reference::softmax::FORMS;
use super::side::{fastest, timed};
use super::{Case, CaseError, Side, Work};

/// Largest difference from the reference: a few roundings, and those of a sum.
const TOLERANCE: f64 = 1e-5;

/// The softmax of each row of a matrix that is fed; the result is kept in a variable.
pub(crate) fn softmax_rows(rows: usize, width: usize) -> Result<Case, CaseError> {
    let data = Arc::new(Array2::from_shape_fn((rows, width), |(row, column)| {
        (8.0 * ((row * width + column) as f64 * 0.618_033_988_749_895).fract() - 4.0) as f32
    }));

    let graph = Graph::new();
    let x = graph.placeholder::<f32>("x", [Some(rows), Some(width)]);
    let kept = graph.variable("softmax", Array2::<f32>::zeros((rows, width)));
    let session = Session::builder(&graph).threads(1).build()?;
    session.run(graph.initializer())?;
    let step = session.make_callable(x, kept.assign(x.softmax(-1)).op())?;
    let run = {
        let data = Arc::clone(&data);
        move || step.call(data.view().into_dyn())
    };
    run()?;
    let ours = session.run(kept)?;

    let mut candidates: Vec<(String, Side)> = Vec::new();
    for isa in Isa::available() {
        for (form_name, form) in FORMS {
            let name = format!("{form_name}, {}", isa.name());
            let (data, mut y) = (Arc::clone(&data), vec![0.0; rows * width]);
            let run = move |y: &mut [f32]| form(isa, data.as_slice().unwrap_or_default(), y, width);
            run(&mut y);
            same("softmax_rows", &name, ours.iter().copied(), y.iter().copied(), TOLERANCE)?;
            candidates.push((name, timed(move || run(&mut y))));
        }
    }
    let (chosen, reference) = fastest(candidates);
    // One matrix is read, one is written.
    let work = Work::Bytes(2.0 * (rows * width) as f64 * 4.0);
    Ok(Case { ours: timed(run), reference, chosen, work, units: 1.0 })
}
