//! A training step of a multi-layer perceptron, against the time of its matrix products alone.

use std::time::Duration;

use flowgrad::ndarray::{Array1, Array2};
use flowgrad::prelude::*;

use super::error::same;
use super::matmul::by_matrixmultiply;
use super::reference::mlp::{Layer, products, step as by_hand};
use super::side::{fastest, timed};
use super::{Case, CaseError, Side, Work, on_two_threads};

/// Widths of the layers, the input's first.
const WIDTHS: [usize; 4] = [784, 256, 128, 10];
/// Rows of a batch.
const BATCH: usize = 128;
/// Step size: small, as the same batch is trained on thousands of times.
const RATE: f32 = 0.01;
/// Steps after which both sides are compared.
const CHECKED_STEPS: usize = 3;
/// Largest difference of parameters and loss after these.
const TOLERANCE: f64 = 1e-4;

/// The step on two threads, its batch fed and its loss fetched, against the eight products of a step, each as fast as
/// matrixmultiply computes it here on two threads.
pub(crate) fn mlp_step() -> Result<Case, CaseError> {
    let ours = training()?;
    let elements = spread(WIDTHS[0] * WIDTHS[1], 0.618_033_988_749_895, 1.0);
    let mut flops = 0.0;
    let mut best: Vec<Side> = Vec::new();
    let mut chosen = Vec::new();
    for (what, a, b) in products(&WIDTHS, BATCH, &elements) {
        flops += 2.0 * (a.nrows() * a.ncols() * b.ncols()) as f64;
        let (how, side) = fastest(by_matrixmultiply(a, b)?);
        chosen.push(format!("{what}: {how}"));
        best.push(side);
    }
    Ok(Case {
        ours,
        reference: Box::new(move |times| best.iter_mut().map(|side| side(times)).sum::<Duration>()),
        chosen: format!("its products alone ({})", chosen.join("; ")),
        work: Work::Flops(flops),
        units: 1.0,
    })
}

/// The library's step, checked against the same on eager arrays.
fn training() -> Result<Side, CaseError> {
    let x = Array2::from_shape_vec((BATCH, WIDTHS[0]), spread(BATCH * WIDTHS[0], 0.732_050_807_568_877, 1.0))
        .expect("the lengths fit");
    let labels = Array1::from_shape_fn(BATCH, |row| (row * 7 % WIDTHS[3]) as i64);
    let mut layers: Vec<Layer> = WIDTHS
        .windows(2)
        .map(|pair| {
            let scale = (6.0 / (pair[0] + pair[1]) as f64).sqrt();
            let kernel = spread(pair[0] * pair[1], 0.414_213_562_373_095, scale);
            Layer {
                kernel: Array2::from_shape_vec((pair[0], pair[1]), kernel).expect("the lengths fit"),
                bias: Array1::zeros(pair[1]),
            }
        })
        .collect();

    let graph = Graph::new();
    let images = graph.placeholder::<f32>("images", [None, Some(WIDTHS[0])]);
    let classes = graph.placeholder::<i64>("classes", [None]);
    let (parameters, loss, train) = build(&graph, &layers, images, classes);
    let session = on_two_threads(&graph)?;
    session.run(graph.initializer())?;
    let step = session.make_callable((images, classes), (loss, train))?;
    for _ in 0..CHECKED_STEPS {
        let (ours, ()) = step.call((x.view().into_dyn(), labels.view().into_dyn()))?;
        let reference = by_hand(&mut layers, &x, &labels, RATE);
        same("mlp_step, loss", "eager arrays", ours, [reference], TOLERANCE)?;
    }
    let expected =
        layers.iter().flat_map(|layer| [layer.kernel.view().into_dyn(), layer.bias.view().into_dyn()]);
    for (ours, reference) in session.run(parameters)?.into_iter().zip(expected) {
        same("mlp_step, parameters", "eager arrays", ours, reference.iter().copied(), TOLERANCE)?;
    }
    Ok(timed(move || step.call((x.view().into_dyn(), labels.view().into_dyn()))))
}

/// Kernels and biases, the mean loss, and the operation that descends its gradient.
fn build<'g>(
    graph: &'g Graph,
    layers: &[Layer],
    images: Tensor<'g>,
    classes: Tensor<'g, i64>,
) -> (Vec<Variable<'g>>, Tensor<'g>, Operation<'g>) {
    let mut parameters = Vec::new();
    let mut value = images;
    for (index, layer) in layers.iter().enumerate() {
        let kernel = graph.variable(&format!("kernel_{index}"), layer.kernel.view());
        let bias = graph.variable(&format!("bias_{index}"), layer.bias.view());
        parameters.extend([kernel, bias]);
        value = value.matmul(kernel) + bias;
        if index + 1 < layers.len() {
            value = value.relu();
        }
    }
    let loss = value.sparse_softmax_cross_entropy(classes).reduce_mean(..);
    let train = super::descend(graph, loss, &parameters, RATE);
    (parameters, loss, train)
}

/// Numbers spread evenly over ±`scale`, in no order.
fn spread(count: usize, step: f64, scale: f64) -> Vec<f32> {
    (0..count).map(|i| (scale * (2.0 * (i as f64 * step).fract() - 1.0)) as f32).collect()
}
