//! A training step of a multi-layer perceptron on eager arrays: what the library's step is checked against.

use flowgrad::ndarray::{Array1, Array2, ArrayView2, Axis, Zip};

/// A dense layer.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) kernel: Array2<f32>,
    pub(crate) bias: Array1<f32>,
}

/// One step of gradient descent on the mean cross-entropy of the labels under the softmax of the last layer, with
/// relu between the layers; gives the loss before the step.
pub(crate) fn step(layers: &mut [Layer], x: &Array2<f32>, labels: &Array1<i64>, rate: f32) -> f32 {
    let mut inputs = vec![x.clone()];
    for (index, layer) in layers.iter().enumerate() {
        let mut y = inputs[index].dot(&layer.kernel) + &layer.bias;
        if index + 1 < layers.len() {
            y.mapv_inplace(|y| y.max(0.0));
        }
        inputs.push(y);
    }
    let logits = inputs.pop().unwrap_or_default();
    let (loss, mut dy) = cross_entropy(&logits, labels);

    for index in (0..layers.len()).rev() {
        let (input, layer) = (&inputs[index], &mut layers[index]);
        let (dkernel, dbias) = (input.t().dot(&dy), dy.sum_axis(Axis(0)));
        if index > 0 {
            let mut dinput = dy.dot(&layer.kernel.t());
            Zip::from(&mut dinput).and(input).for_each(|d, &y| *d = if y > 0.0 { *d } else { 0.0 });
            dy = dinput;
        }
        layer.kernel.scaled_add(-rate, &dkernel);
        layer.bias.scaled_add(-rate, &dbias);
    }
    loss
}

/// The mean cross-entropy, and its gradient to the logits.
fn cross_entropy(logits: &Array2<f32>, labels: &Array1<i64>) -> (f32, Array2<f32>) {
    let rows = logits.nrows() as f32;
    let mut gradient = logits.clone();
    let mut loss = 0.0;
    for (mut row, &label) in gradient.rows_mut().into_iter().zip(labels) {
        let largest = row.fold(f32::NEG_INFINITY, |a, &b| a.max(b));
        row.mapv_inplace(|x| (x - largest).exp());
        let sum = row.sum();
        loss -= (row[label as usize] / sum).ln();
        row /= sum;
        row[label as usize] -= 1.0;
    }
    (loss / rows, gradient / rows)
}

/// The operands of the matrix products of a step for layers of these widths: for each the shapes of both, as views of
/// the matrices that a step has in memory.
pub(crate) fn products<'a>(
    widths: &[usize],
    batch: usize,
    elements: &'a [f32],
) -> Vec<(String, ArrayView2<'a, f32>, ArrayView2<'a, f32>)> {
    let matrix = |rows: usize, columns: usize| {
        ArrayView2::from_shape((rows, columns), &elements[..rows * columns]).expect("the lengths fit")
    };
    let mut products = Vec::new();
    for (index, pair) in widths.windows(2).enumerate() {
        let (inner, outer) = (pair[0], pair[1]);
        let (x, kernel, dy) = (matrix(batch, inner), matrix(inner, outer), matrix(batch, outer));
        products.push((format!("layer {index} forward"), x, kernel));
        products.push((format!("layer {index} weight gradient"), x.reversed_axes(), dy));
        if index > 0 {
            products.push((format!("layer {index} input gradient"), dy, kernel.reversed_axes()));
        }
    }
    products
}
