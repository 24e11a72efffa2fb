//! `gelu` and its gradient, against one loop. One thread on both sides.

use std::sync::Arc;

use flowgrad::ndarray::Array1;
use flowgrad::prelude::*;

use super::error::same;
use super::reference::gelu::gelu as by_hand;
use super::reference::isa::Isa;
use super::side::{fastest, timed};
use super::{Case, CaseError, Side, Work};

/// Largest difference from the reference: a few roundings.
const TOLERANCE: f64 = 1e-5;

/// Of so many elements, which are fed with a cotangent; both results are kept in variables.
pub(crate) fn gelu(count: usize) -> Result<Case, CaseError> {
    let spread = |step: f64, reach: f64| {
        Array1::from_shape_fn(count, |i| (reach * (2.0 * (i as f64 * step).fract() - 1.0)) as f32)
    };
    let data = Arc::new([spread(0.618_033_988_749_895, 4.0), spread(0.414_213_562_373_095, 1.0)]);

    let graph = Graph::new();
    let [x, dy] = ["x", "dy"].map(|name| graph.placeholder::<f32>(name, [Some(count)]));
    let y = x.gelu();
    let [dx] = (y * dy).reduce_sum(..).gradients([x]);
    let kept = ["y", "dx"].map(|name| graph.variable(name, Array1::<f32>::zeros(count)));
    let session = Session::builder(&graph).threads(1).build()?;
    session.run(graph.initializer())?;
    let step =
        session.make_callable((x, dy), graph.group([kept[0].assign(y).op(), kept[1].assign(dx).op()]))?;
    let run = {
        let data = Arc::clone(&data);
        move || {
            let [x, dy] = data.each_ref().map(|array| array.view().into_dyn());
            step.call((x, dy))
        }
    };
    run()?;
    let ours = session.run(kept)?;

    let mut candidates: Vec<(String, Side)> = Vec::new();
    for isa in Isa::available() {
        let data = Arc::clone(&data);
        let mut results = [vec![0.0; count], vec![0.0; count]];
        let run = move |results: &mut [Vec<f32>; 2]| {
            let operands = data.each_ref().map(|array| array.as_slice().unwrap_or_default());
            by_hand(isa, operands, results.each_mut().map(|array| &mut array[..]));
        };
        run(&mut results);
        for (ours, theirs) in ours.iter().zip(&results) {
            same("gelu", isa.name(), ours.iter().copied(), theirs.iter().copied(), TOLERANCE)?;
        }
        candidates.push((isa.name().to_owned(), timed(move || run(&mut results))));
    }
    let (chosen, reference) = fastest(candidates);
    // Two vectors are read, two are written.
    let work = Work::Bytes(4.0 * count as f64 * 4.0);
    Ok(Case { ours: timed(run), reference, chosen, work, units: 1.0 })
}
