//! Random numbers, which are drawn by the runtime: they have the distribution of ours, and not their values.

use crate::element::DType;
use crate::io::onnx::export::at::{At, Written};
use crate::io::onnx::export::writer::int;
use crate::io::onnx::types;

pub(in crate::io::onnx::export) fn bernoulli_like(at: &mut At<'_, '_, '_>) -> Written {
    let x = at.name(0)?;
    let probability: f64 = at.value("probability")?;
    let drawn = at.w.op("RandomUniformLike", &[&x], vec![int("dtype", types::number_of(DType::F32).into())]);
    let probability = at.w.number(probability, DType::F32);
    Ok(vec![at.w.op("Less", &[&drawn, &probability], Vec::new())])
}
