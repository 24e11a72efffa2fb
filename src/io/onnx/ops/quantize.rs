//! Numbers as integers of 8 and 16 bits and back.
//!
//! The integers are of a wider type here, and stay within the range of the file's.

use crate::element::DType;
use crate::graph::AnyTensor;
use crate::io::onnx::error::{NodeFault, invalid, unsupported};
use crate::io::onnx::item::Item;
use crate::io::onnx::node::{At, Built, one};
use crate::io::onnx::table::{Row, op};
use crate::io::onnx::types::{self, ElementType, UINT8};

pub(super) const ROWS: &[Row] = &[
    op("DequantizeLinear", 10, dequantize),
    op("DynamicQuantizeLinear", 11, quantize_by_range),
    op("QuantizeLinear", 10, quantize),
];

/// A scale or zero point beside a tensor: one number, or one for each index of an axis.
fn beside<'g>(at: &At<'_, 'g>, input: usize) -> Result<Option<AnyTensor<'g>>, NodeFault> {
    let Some(numbers) = at.optional(input) else { return Ok(None) };
    let rank = at.rank(0)?;
    let axis = at.int("axis", 1)?;
    match numbers.shape().rank() {
        0 => Ok(Some(numbers)),
        1 if numbers.shape()[0] == Some(1) => Ok(Some(numbers.reshape([]))),
        1 => {
            let behind = rank - 1 - At::axis_of(axis, rank)?;
            Ok(Some((0..behind).fold(numbers, |numbers, _| numbers.expand_dims(-1))))
        }
        _ => unsupported("scales of blocks"),
    }
}

fn dequantize<'g>(at: &At<'_, 'g>) -> Built<'g> {
    at.int("axis", 1)?;
    if at.int("block_size", 0)? != 0 {
        return unsupported("scales of blocks");
    }
    let Some(scale) = beside(at, 1)? else { return invalid("expected a scale, got none") };
    let dtype = match at.int("output_dtype", 0)? {
        0 => scale.dtype(),
        number => At::element(number)?.dtype,
    };
    let x = at.tensor(0)?;
    let x = beside(at, 2)?.map_or(x, |zero| x - zero);
    one((x.cast(scale.dtype()) * scale).cast(dtype))
}

/// Integers within the range of a type of the file.
fn within<'g>(x: AnyTensor<'g>, element: &'static ElementType) -> Built<'g> {
    let Some((low, high)) = element.range else {
        return unsupported(format!("quantization to {}", element.name));
    };
    let integers = x.maximum(low as f64).minimum(high as f64).cast(element.dtype);
    Ok(vec![Item::run(integers).with_element(Some(element))])
}

fn quantize<'g>(at: &At<'_, 'g>) -> Built<'g> {
    at.int("axis", 1)?;
    at.int("saturate", 1)?;
    at.int("precision", 0)?;
    if at.int("block_size", 0)? != 0 {
        return unsupported("scales of blocks");
    }
    let Some(scale) = beside(at, 1)? else { return invalid("expected a scale, got none") };
    let told = at.int("output_dtype", 0)?;
    let number = if told == 0 { UINT8.into() } else { told };
    let element = match at.optional_item(2) {
        Some(zero) => {
            zero.element().map_or_else(|| At::element(types::number_of(zero.dtype(at.graph)).into()), Ok)?
        }
        None => At::element(number)?,
    };
    let x = at.tensor(0)?.cast(scale.dtype());
    let rounded = (x / scale).round();
    within(beside(at, 2)?.map_or(rounded, |zero| rounded + zero.cast(scale.dtype())), element)
}

/// By the range of the numbers themselves, which 0 is made part of.
fn quantize_by_range<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let x = at.tensor(0)?;
    let element = At::element(UINT8.into())?;
    let (low, high) = (x.reduce_min(..).minimum(0.0), x.reduce_max(..).maximum(0.0));
    let scale = (high - low) / 255.0;
    let zero = (-low / scale).round().maximum(0.0).minimum(255.0);
    let mut items = within((x / scale).round() + zero, element)?;
    items.push(Item::run(scale));
    items.push(Item::run(zero.cast(DType::I32)).with_element(Some(element)));
    Ok(items)
}
