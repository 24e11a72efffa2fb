//! Batch normalization in one op, of three versions, and its gradient.

use super::at::gradients;
use super::convolutions::Layout;
use super::{At, Outputs, Refusal, Row, Val};
use crate::element::DType;
use crate::graph::AnyTensor;
use crate::shape::Axes;

pub(super) const OPS: &[Row] = &[
    ("FusedBatchNorm", |at| forward(at, 5)),
    ("FusedBatchNormV2", |at| forward(at, 5)),
    ("FusedBatchNormV3", |at| forward(at, 6)),
    ("FusedBatchNormGrad", backward),
    ("FusedBatchNormGradV2", backward),
    ("FusedBatchNormGradV3", backward),
];

/// Whether the statistics are those of the batch. As the op, it says so where the attribute lacks.
fn is_training(at: &At<'_, '_>) -> Result<bool, Refusal> {
    if at.node.attr("is_training").is_some() { at.flag("is_training") } else { Ok(true) }
}

/// Mean and variance of each channel.
fn moments(x: AnyTensor<'_>) -> (AnyTensor<'_>, AnyTensor<'_>) {
    let axes = || Axes::of([0, 1, 2]);
    (x.reduce_mean(axes()), x.reduce_variance(axes()))
}

fn normalized<'g>(
    x: AnyTensor<'g>,
    [mean, variance, scale, offset]: [AnyTensor<'g>; 4],
    epsilon: f64,
) -> AnyTensor<'g> {
    (x - mean) * ((variance + epsilon).rsqrt() * scale) + offset
}

fn forward<'g>(at: &At<'_, 'g>, outputs: usize) -> Outputs<'g> {
    let layout = Layout::of(at)?;
    let epsilon = at.float("epsilon", 0.0001)?;
    let x = layout.last(at.tensor(0)?);
    let (scale, offset) = (at.tensor(1)?, at.tensor(2)?);
    let mut given = if is_training(at)? {
        let (mean, variance) = moments(x);
        let y = layout.back(normalized(x, [mean, variance, scale, offset], epsilon));
        // What moving averages are made of is the variance of what the batch is a sample of.
        let elements = x.dim(0) * x.dim(1) * x.dim(2);
        let count = elements.tensor(at.graph()).any().cast(variance.dtype());
        let sample = variance * (count / (count - 1.0).maximum(1.0));
        let factor = at.float("exponential_avg_factor", 1.0)?;
        let (mut averages, moved) = ([mean, sample], factor != 1.0);
        if moved {
            for (average, input) in averages.iter_mut().zip([3, 4]) {
                let before = at.tensor(input)?;
                *average = before * (1.0 - factor) + *average * factor;
            }
        }
        vec![y, averages[0], averages[1], mean, variance]
    } else {
        let (mean, variance) = (at.tensor(3)?, at.tensor(4)?);
        let y = layout.back(normalized(x, [mean, variance, scale, offset], epsilon));
        vec![y, mean, variance, mean, variance]
    };
    if outputs > given.len() {
        given.push(scale.zeros_like());
    }
    Ok(given.into_iter().map(Val::Tensor).collect())
}

/// The gradients by the input, the scale and the offset.
fn backward<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let layout = Layout::of(at)?;
    let epsilon = at.float("epsilon", 0.0001)?;
    let (dy, x, scale) = (layout.last(at.tensor(0)?), layout.last(at.tensor(1)?), at.tensor(2)?);
    if x.dtype() != scale.dtype() {
        let (expected, found) = (DType::F32, x.dtype());
        return Err(format!("expected images of {expected}, got {found}").into());
    }
    let offset = scale.zeros_like();
    let (mean, variance) = if is_training(at)? { moments(x) } else { (at.tensor(3)?, at.tensor(4)?) };
    let y = normalized(x, [mean, variance, scale, offset], epsilon);
    let mut found = gradients(y, dy, &[x, scale, offset])?;
    if let Some(dx) = found.first_mut() {
        *dx = layout.back(*dx);
    }
    found.extend([scale.zeros_like(), scale.zeros_like()]);
    Ok(found.into_iter().map(Val::Tensor).collect())
}
