//! Products of matrices, and what is computed along the last axis.

use super::at::one;
use super::{At, Outputs, Row, Val};
use crate::graph::AnyTensor;

pub(super) const OPS: &[Row] = &[
    ("BatchMatMul", |at| product(at, "adj_x", "adj_y")),
    ("BatchMatMulV2", |at| product(at, "adj_x", "adj_y")),
    ("BatchMatMulV3", |at| product(at, "adj_x", "adj_y")),
    ("Einsum", |at| {
        let equation = at.text("equation", "")?;
        one(at.graph().einsum_any(&equation, &at.tensors(0)?))
    }),
    ("LogSoftmax", |at| at.unary(|x| x.log_softmax(-1))),
    ("MatMul", |at| product(at, "transpose_a", "transpose_b")),
    ("SoftmaxCrossEntropyWithLogits", |at| cross_entropy(at, at.tensor(1)?)),
    ("Softmax", |at| at.unary(|x| x.softmax(-1))),
    ("SparseSoftmaxCrossEntropyWithLogits", |at| {
        let (logits, labels) = (at.tensor(0)?, at.tensor(1)?);
        let classes = logits.shape().dims().last().copied().flatten();
        let classes = classes.ok_or("expected a known number of classes, got an unknown one")?;
        let loss = logits.sparse_softmax_cross_entropy(labels);
        let back = logits.softmax(-1) - labels.one_hot(classes, logits.dtype());
        Ok(vec![Val::Tensor(loss), Val::Tensor(back)])
    }),
];

/// A product of matrices, either of which may be transposed.
fn product<'g>(at: &At<'_, 'g>, first: &str, second: &str) -> Outputs<'g> {
    let (first, second) = (at.flag(first)?, at.flag(second)?);
    at.binary(|a, b| a.matmul_transposed(b, first, second))
}

/// The loss of each row, and what TensorFlow takes for its gradient.
fn cross_entropy<'g>(at: &At<'_, 'g>, labels: AnyTensor<'g>) -> Outputs<'g> {
    let logits = at.tensor(0)?;
    let is_same = logits.shape() == labels.shape();
    // One row may stand for all.
    let (logits, labels) =
        if is_same { (logits, labels) } else { (logits + labels.zeros_like(), labels + logits.zeros_like()) };
    let loss = logits.softmax_cross_entropy(labels);
    let back = logits.softmax(-1) - labels;
    Ok(vec![Val::Tensor(loss), Val::Tensor(back)])
}
