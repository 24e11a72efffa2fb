//! Products of matrices.

use crate::graph::AnyTensor;
use crate::io::onnx::error::invalid;
use crate::io::onnx::item::Item;
use crate::io::onnx::node::{At, Built, one};
use crate::io::onnx::table::{Row, op};

pub(super) const ROWS: &[Row] = &[
    op("Det", 11, det),
    op("Einsum", 12, |at| {
        let spec = at.text("equation", "")?.replace(' ', "");
        one(at.graph.einsum_any(&spec, &at.tensors()))
    }),
    op("Gemm", 7, gemm),
    op("MatMul", 1, |at| at.binary(product)),
    op("MatMulInteger", 10, matmul_integer),
];

/// A product as NumPy's `matmul` has it: vectors are rows on the left and columns on the right.
pub(super) fn product<'g>(a: AnyTensor<'g>, b: AnyTensor<'g>) -> AnyTensor<'g> {
    let [left, right] = [a, b].map(|it| it.shape().rank() == 1);
    let a = if left { a.expand_dims(0) } else { a };
    let b = if right { b.expand_dims(1) } else { b };
    match (left, right, a.matmul(b)) {
        (true, true, y) => y.squeeze([-2_isize, -1]),
        (true, false, y) => y.squeeze(-2_isize),
        (false, true, y) => y.squeeze(-1_isize),
        (false, false, y) => y,
    }
}

/// α·A·B + β·C.
fn gemm<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (a, b) = (at.tensor(0)?, at.tensor(1)?);
    let (alpha, beta) = (at.float("alpha", 1.0)?, at.float("beta", 1.0)?);
    let mut y = a.matmul_transposed(b, at.flag("transA", false)?, at.flag("transB", false)?);
    if alpha != 1.0 {
        y = if y.dtype().is_float() {
            y * alpha
        } else {
            return invalid("expected an `alpha` of 1 for integers");
        };
    }
    match at.optional(2) {
        Some(c) if beta == 1.0 => one(y + c),
        Some(_) if beta == 0.0 => one(y),
        Some(c) => one(y + c * beta),
        None => one(y),
    }
}

/// Of integers less their zero points.
fn matmul_integer<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (mut a, mut b) = (at.tensor(0)?, at.tensor(1)?);
    if let Some(zero) = at.optional(2) {
        a = a - if zero.shape().rank() == 1 && zero.shape().size() != Some(1) {
            zero.expand_dims(1)
        } else {
            zero
        };
    }
    if let Some(zero) = at.optional(3) {
        b = b - zero;
    }
    Ok(vec![Item::run(product(a, b))])
}

#[cfg(feature = "linalg")]
fn det<'g>(at: &At<'_, 'g>) -> Built<'g> {
    at.unary(AnyTensor::det)
}

#[cfg(not(feature = "linalg"))]
fn det<'g>(_: &At<'_, 'g>) -> Built<'g> {
    crate::io::onnx::error::unsupported("determinants without the feature `linalg`")
}
