//! Twenty mixed additions, multiplications and maxima, against one fused loop. One thread on both sides.

use std::sync::Arc;

use flowgrad::ndarray::Array1;
use flowgrad::prelude::*;

use super::error::same;
use super::reference::chain::{FACTOR, REPEATS, TERM, chain as by_hand};
use super::reference::isa::Isa;
use super::side::{fastest, timed};
use super::{Case, CaseError, Side, Work};

/// Largest difference from the reference: a rounding or two for each operation.
const TOLERANCE: f64 = 1e-5;

/// The chain on vectors of `count` elements: two are fed, the result is kept in a variable.
pub(crate) fn chain(count: usize) -> Result<Case, CaseError> {
    let spread = |step: f64| Array1::from_shape_fn(count, |i| (2.0 * (i as f64 * step).fract() - 1.0) as f32);
    let data = Arc::new([spread(0.618_033_988_749_895), spread(0.414_213_562_373_095)]);

    let graph = Graph::new();
    let [x, y] = ["x", "y"].map(|name| graph.placeholder::<f32>(name, [Some(count)]));
    let z = (0..REPEATS).fold(x, |z, _| ((z + y) * FACTOR).maximum(x) * y + TERM);
    let kept = graph.variable("z", Array1::<f32>::zeros(count));
    let session = Session::builder(&graph).threads(1).build()?;
    session.run(graph.initializer())?;
    let step = session.make_callable((x, y), kept.assign(z).op())?;
    let run = {
        let data = Arc::clone(&data);
        move || {
            let [x, y] = data.each_ref().map(|array| array.view().into_dyn());
            step.call((x, y))
        }
    };
    run()?;
    let ours = session.run(kept)?;

    let mut candidates: Vec<(String, Side)> = Vec::new();
    for isa in Isa::available() {
        let data = Arc::clone(&data);
        let mut z = vec![0.0; count];
        // Both sides read the same memory, as it is far from the caches.
        let run = move |z: &mut [f32]| {
            let [x, y] = data.each_ref().map(|array| array.as_slice().unwrap_or_default());
            by_hand(isa, x, y, z);
        };
        run(&mut z);
        same("chain", isa.name(), ours.iter().copied(), z.iter().copied(), TOLERANCE)?;
        candidates.push((isa.name().to_owned(), timed(move || run(&mut z))));
    }
    let (chosen, reference) = fastest(candidates);
    // Two vectors are read, one is written.
    let work = Work::Bytes(3.0 * count as f64 * 4.0);
    Ok(Case { ours: timed(run), reference, chosen, work, units: 1.0 })
}
