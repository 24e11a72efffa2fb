//! The update of one parameter by Adam, its gradient given, against one loop. One thread on both sides.

use std::sync::Arc;

use flowgrad::ndarray::Array1;
use flowgrad::prelude::*;

use super::error::same;
use super::reference::adam::{RATE, State, adam as by_hand};
use super::reference::isa::Isa;
use super::side::{fastest, timed};
use super::{Case, CaseError, Side, Work};

/// Largest difference from the reference: a few roundings.
const TOLERANCE: f64 = 1e-5;
/// Steps after which both sides are compared.
const CHECKED_STEPS: usize = 3;

/// The update of a parameter of so many elements.
pub(crate) fn adam(count: usize) -> Result<Case, CaseError> {
    let spread = |step: f64| Array1::from_shape_fn(count, |i| (2.0 * (i as f64 * step).fract() - 1.0) as f32);
    let (start, slope) = (spread(0.618_033_988_749_895), Arc::new(spread(0.414_213_562_373_095)));

    let graph = Graph::new();
    let gradient = graph.placeholder::<f32>("gradient", [Some(count)]);
    let w = graph.variable("w", start.clone());
    let train = Adam::new(f64::from(RATE)).minimize((w * gradient).reduce_sum(..));
    let session = Session::builder(&graph).threads(1).build()?;
    session.run(graph.initializer())?;
    let step = session.make_callable(gradient, train)?;
    let run = {
        let slope = Arc::clone(&slope);
        move || step.call(slope.view().into_dyn())
    };
    for _ in 0..CHECKED_STEPS {
        run()?;
    }
    let ours = session.run(w)?;

    let mut candidates: Vec<(String, Side)> = Vec::new();
    for isa in Isa::available() {
        let mut state = State { w: start.to_vec(), m: vec![0.0; count], v: vec![0.0; count], steps: 0 };
        let slope = Arc::clone(&slope);
        let run = move |state: &mut State| by_hand(isa, state, slope.as_slice().unwrap_or_default());
        for _ in 0..CHECKED_STEPS {
            run(&mut state);
        }
        same("adam", isa.name(), ours.iter().copied(), state.w.iter().copied(), TOLERANCE)?;
        candidates.push((isa.name().to_owned(), timed(move || run(&mut state))));
    }
    let (chosen, reference) = fastest(candidates);
    // The parameter and both averages are read and written, the gradient is read.
    let work = Work::Bytes(7.0 * count as f64 * 4.0);
    Ok(Case { ours: timed(run), reference, chosen, work, units: 1.0 })
}
