//! Products of matrices, and sums of products.

use crate::element::DType;
use crate::io::onnx::export::at::{At, Written};
use crate::io::onnx::export::ops::images;
use crate::io::onnx::export::writer::{Val, Writer, int, text};

pub(in crate::io::onnx::export) fn matmul(at: &mut At<'_, '_, '_>) -> Written {
    let (a, b) = (at.input(0)?, at.input(1)?);
    let [turns_a, turns_b] = ["transpose_self", "transpose_other"].map(|name| at.value::<bool>(name));
    let (turns_a, turns_b) = (turns_a? && a.rank() > 1, turns_b? && b.rank() > 1);
    if a.rank() == 2 && b.rank() == 2 && a.dtype.is_float() && (turns_a || turns_b) {
        let attributes = vec![int("transA", turns_a.into()), int("transB", turns_b.into())];
        return Ok(vec![at.w.op("Gemm", &[&a.name, &b.name], attributes)]);
    }
    let a = if turns_a { turned(at.w, &a) } else { a.name };
    let b = if turns_b { turned(at.w, &b) } else { b.name };
    Ok(vec![at.w.op("MatMul", &[&a, &b], Vec::new())])
}

/// A matrix, or a batch of them, transposed.
fn turned(w: &mut Writer, x: &Val) -> String {
    let rank = x.rank() as i64;
    let order: Vec<i64> = (0..rank - 2).chain([rank - 1, rank - 2]).collect();
    w.transpose(&x.name, &order)
}

pub(in crate::io::onnx::export) fn einsum(at: &mut At<'_, '_, '_>) -> Written {
    if let Some(images) = images::convolution(at)? {
        return Ok(vec![images]);
    }
    if at.dtype()? == DType::Bool {
        return Err("sums of products of booleans".to_owned());
    }
    let spec: String = at.value("spec")?;
    let operands: Vec<String> = at.inputs.iter().map(|val| val.name.clone()).collect();
    let operands: Vec<&str> = operands.iter().map(String::as_str).collect();
    Ok(vec![at.w.op("Einsum", &operands, vec![text("equation", &spec)])])
}
