//! A gated recurrent unit over time, with the gradients by all that it has learned, against the same written by hand. The
//! library has two threads, of which it uses what helps; the reference has one.

use std::sync::Arc;

use flowgrad::ndarray::{Array1, Array2, Array3};
use flowgrad::prelude::*;

use super::error::same;
use super::reference::gru::{BATCH, INPUTS, Model, Outcome, Product, UNITS, gru as by_hand};
use super::reference::isa::Isa;
use super::side::{fastest, timed};
use super::{Case, CaseError, Side, Work, on_two_threads};

/// Largest difference from the reference: roundings of 200 steps.
const TOLERANCE: f64 = 1e-4;

/// The mean square of what the unit gives in so many steps, times for one of them.
pub(crate) fn gru(steps: usize) -> Result<Case, CaseError> {
    let scale = |fan: usize| 1.0 / (fan as f64).sqrt();
    let model = Arc::new(Model {
        steps,
        xs: spread(BATCH * steps * INPUTS, 0.732_050_807_568_877, 1.0),
        kernel: spread(INPUTS * 3 * UNITS, 0.414_213_562_373_095, scale(INPUTS)),
        recurrent_kernel: spread(UNITS * 3 * UNITS, 0.618_033_988_749_895, scale(UNITS)),
        bias: [0.236, 0.645, 0.316].map(row),
        recurrent_bias: row(0.605),
    });

    let graph = Graph::new();
    let matrix = |elements: &[f32], rows: usize| {
        Array2::from_shape_vec((rows, elements.len() / rows), elements.to_vec()).expect("whole rows")
    };
    let cell = GruCell {
        name: "gru".to_owned(),
        kernel: graph.variable("gru/kernel", matrix(&model.kernel, INPUTS)),
        recurrent_kernel: graph.variable("gru/recurrent_kernel", matrix(&model.recurrent_kernel, UNITS)),
        bias: Some(graph.variable("gru/bias", Array1::from(model.bias.as_flattened().to_vec()))),
        recurrent_bias: Some(
            graph.variable("gru/recurrent_bias", Array1::from(model.recurrent_bias.to_vec())),
        ),
    };
    let xs = graph.placeholder::<f32>("xs", [BATCH, steps, INPUTS]);
    let loss = Rnn::new(cell).call(xs, Mode::Train).square().reduce_mean(..);
    let variables = graph.trainable_variables::<f32>();
    let mut fetches = vec![loss];
    fetches.extend(Gradients::of([loss]).wrt(&variables).into_iter().flatten());
    let session = on_two_threads(&graph)?;
    session.run(graph.initializer())?;
    let run = session.make_callable(xs, fetches)?;
    let fed = Array3::from_shape_vec((BATCH, steps, INPUTS), model.xs.clone()).expect("the lengths fit");
    let run = move || run.call(fed.view().into_dyn());
    let ours = run()?;

    let mut candidates: Vec<(String, Side)> = Vec::new();
    for isa in Isa::available() {
        for (name, product) in Product::ALL {
            let mut outcome = Outcome::of(steps);
            by_hand(isa, product, &model, &mut outcome);
            let name = format!("{name}, {}", isa.name());
            let Outcome { loss, by_kernel, by_recurrent_kernel, by_bias, by_recurrent_bias, .. } = &outcome;
            let by_bias = by_bias.as_flattened();
            let expected = [&[*loss][..], by_kernel, by_recurrent_kernel, by_bias, by_recurrent_bias];
            for (ours, expected) in ours.iter().zip(expected) {
                same("gru", &name, ours.iter().copied(), expected.iter().copied(), TOLERANCE)?;
            }
            let model = Arc::clone(&model);
            candidates.push((name, timed(move || by_hand(isa, product, &model, &mut outcome))));
        }
    }
    let (chosen, reference) = fastest(candidates);
    // Both products with a kernel, and the two gradients of each but that by the inputs.
    let work = Work::Flops(2.0 * (BATCH * 3 * UNITS) as f64 * (2 * INPUTS + 3 * UNITS) as f64);
    Ok(Case { ours: timed(run), reference, chosen, work, units: steps as f64 })
}

/// Numbers spread evenly over ±`scale`, in no order.
fn spread(count: usize, step: f64, scale: f64) -> Vec<f32> {
    (0..count).map(|i| (scale * (2.0 * (i as f64 * step).fract() - 1.0)) as f32).collect()
}

/// The same for each unit, between ±0.1.
fn row(step: f64) -> [f32; UNITS] {
    std::array::from_fn(|unit| (0.2 * (unit as f64 * step).fract() - 0.1) as f32)
}
