//! Normalization of rows and of columns, the results and the gradients by all operands, against loops. One thread on both
//! sides.

use std::sync::Arc;

use flowgrad::ndarray::{Array1, Array2};
use flowgrad::nn::{batch_normalization, layer_norm as normalized};
use flowgrad::prelude::*;

use super::error::same;
use super::reference::isa::Isa;
use super::reference::normalization::{EPSILON, Form, Inputs, OF_COLUMNS, OF_ROWS, Outputs};
use super::side::{fastest, timed};
use super::{Case, CaseError, Side, Work};

/// Largest difference from the reference: a few roundings, and those of sums over thousands of rows.
const TOLERANCE: f64 = 2e-5;

/// What is fed, and the parameters.
struct Data {
    x: Array2<f32>,
    dy: Array2<f32>,
    scale: Array1<f32>,
    offset: Array1<f32>,
}

impl Data {
    fn new(rows: usize, width: usize) -> Arc<Self> {
        let spread =
            |i: usize, step: f64, from: f64, to: f64| (from + (to - from) * (i as f64 * step).fract()) as f32;
        let matrix = |step: f64, from, to| {
            Array2::from_shape_fn((rows, width), |(row, column)| spread(row * width + column, step, from, to))
        };
        let vector = |step: f64, from, to| Array1::from_shape_fn(width, |i| spread(i, step, from, to));
        Arc::new(Data {
            x: matrix(0.618_033_988_749_895, -1.0, 3.0),
            dy: matrix(0.414_213_562_373_095, -1.0, 1.5),
            scale: vector(0.732_050_807_568_877, 0.5, 1.5),
            offset: vector(0.236_067_977_499_79, -0.5, 0.5),
        })
    }

    fn inputs(&self) -> Inputs<'_> {
        let [x, dy] = [&self.x, &self.dy].map(|array| array.as_slice().unwrap_or_default());
        let [scale, offset] = [&self.scale, &self.offset].map(|array| array.as_slice().unwrap_or_default());
        Inputs { x, dy, scale, offset }
    }
}

/// What is normalized, its offset and its scale, to the result.
type Normalized = for<'g> fn(Tensor<'g, f32>, Variable<'g, f32>, Variable<'g, f32>) -> Tensor<'g, f32>;

/// Each row by its own mean and variance.
pub(crate) fn layer_norm(rows: usize, width: usize) -> Result<Case, CaseError> {
    case(rows, width, |x, offset, scale| normalized(x, -1, offset, scale, EPSILON.into()), &OF_ROWS)
}

/// Each column by the mean and the variance of all rows.
pub(crate) fn batch_norm(rows: usize, width: usize) -> Result<Case, CaseError> {
    case(
        rows,
        width,
        |x, offset, scale| {
            let [mean, variance] = [x.reduce_mean(0), x.reduce_variance(0)];
            batch_normalization(x, mean, variance, offset, scale, EPSILON.into())
        },
        &OF_COLUMNS,
    )
}

fn case(
    rows: usize,
    width: usize,
    normalized: Normalized,
    forms: &[(&str, Form)],
) -> Result<Case, CaseError> {
    let data = Data::new(rows, width);
    let graph = Graph::new();
    let [x, dy] = ["x", "dy"].map(|name| graph.placeholder::<f32>(name, [Some(rows), Some(width)]));
    let (scale, offset) =
        (graph.variable("scale", data.scale.clone()), graph.variable("offset", data.offset.clone()));
    let y = normalized(x, offset, scale);
    let [dx, dscale, doffset] = (y * dy).reduce_sum(..).gradients([x, scale.tensor(), offset.tensor()]);
    let matrices = ["y", "dx"].map(|name| graph.variable(name, Array2::<f32>::zeros((rows, width))));
    let vectors = ["dscale", "doffset"].map(|name| graph.variable(name, Array1::<f32>::zeros(width)));
    let session = Session::builder(&graph).threads(1).build()?;
    session.run(graph.initializer())?;
    let kept = [
        matrices[0].assign(y).op(),
        matrices[1].assign(dx).op(),
        vectors[0].assign(dscale).op(),
        vectors[1].assign(doffset).op(),
    ];
    let step = session.make_callable((x, dy), graph.group(kept))?;
    let run = {
        let data = Arc::clone(&data);
        move || step.call((data.x.view().into_dyn(), data.dy.view().into_dyn()))
    };
    run()?;
    let ours = session.run((matrices, vectors))?;
    let ours: Vec<_> = ours.0.into_iter().chain(ours.1).collect();

    let mut candidates: Vec<(String, Side)> = Vec::new();
    for isa in Isa::available() {
        for (form_name, form) in forms {
            let name = format!("{form_name}, {}", isa.name());
            let (data, mut outputs) = (Arc::clone(&data), Outputs::new(rows, width));
            let mut columns = [(); 4].map(|()| vec![0.0; width]);
            let form = *form;
            let mut run = move |outputs: &mut Outputs| form(isa, data.inputs(), outputs, &mut columns);
            run(&mut outputs);
            let theirs = [&outputs.y, &outputs.dx, &outputs.dscale, &outputs.doffset];
            for (ours, theirs) in ours.iter().zip(theirs) {
                same("normalization", &name, ours.iter().copied(), theirs.iter().copied(), TOLERANCE)?;
            }
            candidates.push((name, timed(move || run(&mut outputs))));
        }
    }
    let (chosen, reference) = fastest(candidates);
    // Two matrices are read, two are written.
    let work = Work::Bytes(4.0 * (rows * width) as f64 * 4.0);
    Ok(Case { ours: timed(run), reference, chosen, work, units: 1.0 })
}
