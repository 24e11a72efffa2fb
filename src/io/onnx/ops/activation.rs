//! Activations, and softmax in the meaning of each version.

use crate::graph::AnyTensor;
use crate::io::onnx::error::invalid;
use crate::io::onnx::node::{At, Built, one};
use crate::io::onnx::table::{Row, op};

pub(super) const ROWS: &[Row] = &[
    op("Celu", 12, |at| one(at.tensor(0)?.celu(at.float("alpha", 1.0)?))),
    op("Elu", 6, |at| {
        let alpha = at.float("alpha", 1.0)?;
        at.unary(|x| elu(x, alpha))
    }),
    op("Gelu", 20, |at| match at.text("approximate", "none")?.as_str() {
        "none" => at.unary(AnyTensor::gelu),
        "tanh" => at.unary(AnyTensor::gelu_tanh),
        other => invalid(format!("attribute `approximate`: expected `none` or `tanh`, got `{other}`")),
    }),
    op("HardSigmoid", 6, |at| {
        let (alpha, beta) = (at.float("alpha", 0.2)?, at.float("beta", 0.5)?);
        at.unary(|x| hard_sigmoid(x, alpha, beta))
    }),
    op("HardSwish", 14, |at| at.unary(AnyTensor::hard_swish)),
    op("Hardmax", 1, |at| flattened(at, hardmax)).until(12),
    op("Hardmax", 13, |at| along(at, hardmax)),
    op("LeakyRelu", 6, |at| {
        let alpha = at.float("alpha", 0.01)?;
        at.unary(|x| leaky_relu(x, alpha))
    }),
    op("LogSoftmax", 1, |at| flattened(at, AnyTensor::log_softmax)).until(12),
    op("LogSoftmax", 13, |at| along(at, AnyTensor::log_softmax)),
    op("Mish", 18, |at| at.unary(AnyTensor::mish)),
    op("PRelu", 7, |at| at.binary(|x, slope| x.less(0.0).select(x * slope, x))),
    op("Relu", 6, |at| at.unary(|x| x.maximum(0.0))),
    op("Selu", 6, |at| {
        let x = at.tensor(0)?;
        let alpha = at.float("alpha", 1.673_263_192_176_818_8)?;
        let gamma = at.float("gamma", 1.050_700_902_938_842_8)?;
        one(elu(x, alpha) * gamma)
    }),
    op("Shrink", 9, |at| {
        let (x, bias, lambda) = (at.tensor(0)?, at.float("bias", 0.0)?, at.float("lambd", 0.5)?);
        let zero = x.zeros_like();
        one(x.less(-lambda).select(x + bias, x.greater(lambda).select(x - bias, zero)))
    }),
    op("Sigmoid", 6, |at| at.unary(AnyTensor::sigmoid)),
    op("Softmax", 1, |at| flattened(at, AnyTensor::softmax)).until(12),
    op("Softmax", 13, |at| along(at, AnyTensor::softmax)),
    op("Softplus", 1, |at| at.unary(AnyTensor::softplus)),
    op("Softsign", 1, |at| at.unary(AnyTensor::softsign)),
    op("SwiGLU", 28, |at| {
        let (gate, x, alpha) = (at.tensor(0)?, at.tensor(1)?, at.float("alpha", 1.0)?);
        one(swish(gate, alpha) * x)
    }),
    op("Swish", 24, |at| one(swish(at.tensor(0)?, at.float("alpha", 1.0)?))),
    op("Tanh", 6, |at| at.unary(AnyTensor::tanh)),
    op("ThresholdedRelu", 10, |at| {
        let alpha = at.float("alpha", 1.0)?;
        at.unary(|x| thresholded_relu(x, alpha))
    }),
];

fn elu(x: AnyTensor<'_>, alpha: f64) -> AnyTensor<'_> {
    x.greater(0.0).select(x, x.minimum(0.0).expm1() * alpha)
}

fn hard_sigmoid(x: AnyTensor<'_>, alpha: f64, beta: f64) -> AnyTensor<'_> {
    (x * alpha + beta).maximum(0.0).minimum(1.0)
}

fn leaky_relu(x: AnyTensor<'_>, alpha: f64) -> AnyTensor<'_> {
    x.less(0.0).select(x * alpha, x)
}

fn thresholded_relu(x: AnyTensor<'_>, alpha: f64) -> AnyTensor<'_> {
    x.greater(alpha).select(x, x.zeros_like())
}

fn swish(x: AnyTensor<'_>, alpha: f64) -> AnyTensor<'_> {
    if alpha == 1.0 { x.silu() } else { x * (x * alpha).sigmoid() }
}

/// Along one axis.
fn along<'g>(at: &At<'_, 'g>, f: impl Fn(AnyTensor<'g>, isize) -> AnyTensor<'g>) -> Built<'g> {
    one(f(at.tensor(0)?, at.axis("axis", -1)? as isize))
}

/// Along all axes from one on, as if they were one.
fn flattened<'g>(at: &At<'_, 'g>, f: impl Fn(AnyTensor<'g>, isize) -> AnyTensor<'g>) -> Built<'g> {
    let (x, axis) = (at.tensor(0)?, at.axis("axis", 1)?);
    let axes = x.shape().rank() - axis;
    if axes == 1 {
        return one(f(x, -1));
    }
    let lengths = x.lengths();
    let flat = x.reshape_last(axes, [-1]);
    one(f(flat, -1).reshape(lengths))
}

/// 1 at the first of the largest elements, else 0.
fn hardmax(x: AnyTensor<'_>, axis: isize) -> AnyTensor<'_> {
    let index = x.argmax(axis);
    let length = x.lengths();
    let rank = length.len();
    let axis = if axis < 0 { (axis + rank as isize) as usize } else { axis as usize };
    let Some(&length) = length.get(axis) else { return x };
    // How far along the axis each element stands.
    let mut lengths: Vec<crate::Length<'_>> = vec![1_usize.into(); rank];
    lengths[axis] = length;
    let ones = x.graph().ones::<i64>(lengths).any();
    let place = ones.cumsum_with(axis as isize, true, false);
    place.equal(index.expand_dims(axis as isize)).cast(x.dtype())
}

/// The function of that name, of recurrent ops, with its parameters.
pub(super) fn by_name<'g>(
    x: AnyTensor<'g>,
    name: &str,
    alpha: Option<f64>,
    beta: Option<f64>,
) -> Option<AnyTensor<'g>> {
    Some(match name.to_ascii_lowercase().as_str() {
        "relu" => x.maximum(0.0),
        "tanh" => x.tanh(),
        "sigmoid" => x.sigmoid(),
        "affine" => x * alpha.unwrap_or(1.0) + beta.unwrap_or(0.0),
        "leakyrelu" => leaky_relu(x, alpha.unwrap_or(0.01)),
        "thresholdedrelu" => thresholded_relu(x, alpha.unwrap_or(1.0)),
        "scaledtanh" => (x * beta.unwrap_or(1.0)).tanh() * alpha.unwrap_or(1.0),
        "hardsigmoid" => hard_sigmoid(x, alpha.unwrap_or(0.2), beta.unwrap_or(0.5)),
        "elu" => elu(x, alpha.unwrap_or(1.0)),
        "softsign" => x.softsign(),
        "softplus" => x.softplus(),
        _ => return None,
    })
}
