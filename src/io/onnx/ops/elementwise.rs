//! Arithmetic, comparisons, logic and other functions of single elements.

use crate::element::DType;
use crate::graph::AnyTensor;
use crate::io::import::hyperbolic;
use crate::io::onnx::error::{invalid, unsupported};
use crate::io::onnx::item::Item;
use crate::io::onnx::node::{At, Built, one};
use crate::io::onnx::table::{Moves, Row, op};
use crate::io::onnx::types::{self, ElementType};

pub(super) const ROWS: &[Row] = &[
    op("Abs", 6, |at| at.unary(AnyTensor::abs)),
    op("Acos", 7, |at| at.unary(AnyTensor::acos)),
    op("Acosh", 9, |at| at.unary(hyperbolic::acosh)),
    op("Add", 7, |at| at.binary(|a, b| a + b)),
    op("And", 7, |at| at.binary(|a, b| a.logical_and(b))),
    op("Asin", 7, |at| at.unary(AnyTensor::asin)),
    op("Asinh", 9, |at| at.unary(hyperbolic::asinh)),
    op("Atan", 7, |at| at.unary(AnyTensor::atan)),
    op("Atanh", 9, |at| at.unary(hyperbolic::atanh)),
    op("BitShift", 11, bit_shift),
    op("BitwiseAnd", 18, |at| at.binary(|a, b| a.bitwise_and(b))),
    op("BitwiseNot", 18, |at| at.unary(AnyTensor::bitwise_not)),
    op("BitwiseOr", 18, |at| at.binary(|a, b| a.bitwise_or(b))),
    op("BitwiseXor", 18, |at| at.binary(|a, b| a.bitwise_xor(b))),
    op("Cast", 6, cast),
    op("CastLike", 15, cast_like),
    op("Ceil", 6, |at| at.unary(AnyTensor::ceil)),
    op("Clip", 6, clip_attributes).until(10),
    op("Clip", 11, clip),
    op("Cos", 7, |at| at.unary(AnyTensor::cos)),
    op("Cosh", 9, |at| at.unary(AnyTensor::cosh)),
    op("Div", 7, |at| at.binary(|a, b| a / b)),
    op("Equal", 7, |at| at.binary(|a, b| a.equal(b))),
    op("Erf", 9, |at| at.unary(AnyTensor::erf)),
    op("Exp", 6, |at| at.unary(AnyTensor::exp)),
    op("Floor", 6, |at| at.unary(AnyTensor::floor)),
    op("Greater", 7, |at| at.binary(|a, b| a.greater(b))),
    op("GreaterOrEqual", 12, |at| at.binary(|a, b| a.greater_equal(b))),
    op("IsInf", 10, is_inf),
    op("IsNaN", 9, |at| at.unary(AnyTensor::is_nan)),
    op("Less", 7, |at| at.binary(|a, b| a.less(b))),
    op("LessOrEqual", 12, |at| at.binary(|a, b| a.less_equal(b))),
    op("Log", 6, |at| at.unary(AnyTensor::ln)),
    op("Max", 6, |at| among(at, |a, b| a.maximum(b))),
    op("Mean", 6, mean),
    op("Min", 6, |at| among(at, |a, b| a.minimum(b))),
    op("Mod", 10, modulo),
    op("Mul", 7, |at| at.binary(|a, b| a * b)),
    op("Neg", 6, |at| at.unary(|x| -x)),
    op("Not", 1, |at| at.unary(AnyTensor::logical_not)),
    op("Or", 7, |at| at.binary(|a, b| a.logical_or(b))),
    op("Pow", 7, pow),
    op("Reciprocal", 6, |at| at.unary(AnyTensor::reciprocal)),
    op("Round", 11, |at| at.unary(AnyTensor::round)),
    op("Sign", 9, |at| at.unary(AnyTensor::sign)),
    op("Sin", 7, |at| at.unary(AnyTensor::sin)),
    op("Sinh", 9, |at| at.unary(AnyTensor::sinh)),
    op("Sqrt", 6, |at| at.unary(AnyTensor::sqrt)),
    op("Sub", 7, |at| at.binary(|a, b| a - b)),
    op("Sum", 6, |at| among(at, |a, b| a + b)),
    op("Tan", 7, |at| at.unary(AnyTensor::tan)),
    op("Where", 9, |at| one(at.tensor(0)?.select(at.tensor(1)?, at.tensor(2)?))).moving(Moves::Of(&[1, 2])),
    op("Xor", 7, |at| at.binary(|a, b| a.logical_xor(b))),
];

/// One of any number of tensors.
fn among<'g>(at: &At<'_, 'g>, both: impl Fn(AnyTensor<'g>, AnyTensor<'g>) -> AnyTensor<'g>) -> Built<'g> {
    let all = at.tensors().into_iter().reduce(both);
    all.map_or_else(|| invalid("expected at least one input, got none"), one)
}

fn mean<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let count = at.tensors().len() as f64;
    let sum = at.tensors().into_iter().reduce(|a, b| a + b);
    sum.map_or_else(
        || invalid("expected at least one input, got none"),
        |sum| one(sum / sum.scalar_like(count)),
    )
}

fn bit_shift<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (x, bits) = (at.tensor(0)?, at.tensor(1)?);
    match at.text("direction", "")?.as_str() {
        "LEFT" => narrowed(at, x.left_shift(bits)),
        "RIGHT" => narrowed(at, x.right_shift(bits)),
        other => invalid(format!("attribute `direction`: expected `LEFT` or `RIGHT`, got `{other}`")),
    }
}

/// Integers that are to stay in the range of the first input's type in the file.
fn narrowed<'g>(at: &At<'_, 'g>, x: AnyTensor<'g>) -> Built<'g> {
    match at.item(0)?.element() {
        Some(element) => Ok(vec![Item::run(wrapped(x, element)).with_element(Some(element))]),
        None => one(x),
    }
}

/// Integers as a narrower type holds them, which drops the upper bits.
fn wrapped<'g>(x: AnyTensor<'g>, element: &ElementType) -> AnyTensor<'g> {
    let Some((low, high)) = element.range else { return x };
    let Some(width) = high.checked_sub(low).and_then(|width| width.checked_add(1)) else { return x };
    if x.dtype() == DType::I32 && width > i64::from(i32::MAX) {
        return x;
    }
    let [low, width] = [low as f64, width as f64].map(|number| x.scalar_like(number));
    (x - low).modulo(width) + low
}

fn cast<'g>(at: &At<'_, 'g>) -> Built<'g> {
    at.text("round_mode", "up")?;
    at.int("saturate", 1)?;
    let element = At::element(at.required_int("to")?)?;
    cast_to(at, element)
}

fn cast_like<'g>(at: &At<'_, 'g>) -> Built<'g> {
    at.text("round_mode", "up")?;
    at.int("saturate", 1)?;
    let like = at.item(1)?;
    let own = || At::element(types::number_of(like.dtype(at.graph)).into());
    cast_to(at, like.element().map_or_else(own, Ok)?)
}

fn cast_to<'g>(at: &At<'_, 'g>, element: &'static ElementType) -> Built<'g> {
    let x = at.tensor(0)?;
    if element.is_own {
        return one(x.cast(element.dtype));
    }
    if let Some(scope) = at.scope {
        scope.importer.note(format!(
            "node `{}`: {} is {} here",
            crate::quote::quoted(&at.node.name),
            element.name,
            element.dtype
        ));
    }
    let cast = x.cast(element.dtype);
    let cast =
        if x.dtype() == DType::Bool || element.dtype.is_float() { cast } else { wrapped(cast, element) };
    Ok(vec![Item::run(cast).with_element(Some(element))])
}

/// Within limits that are attributes.
fn clip_attributes<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let mut x = at.tensor(0)?;
    if let Some(low) = at.opt_float("min")? {
        x = x.maximum(low);
    }
    if let Some(high) = at.opt_float("max")? {
        x = x.minimum(high);
    }
    one(x)
}

/// Within limits that are inputs; the upper one counts where they cross.
fn clip<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let mut x = at.tensor(0)?;
    if let Some(low) = at.optional(1) {
        x = x.maximum(low);
    }
    if let Some(high) = at.optional(2) {
        x = x.minimum(high);
    }
    one(if at.has(1) || at.has(2) { x } else { x.identity() })
}

fn is_inf<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let x = at.tensor(0)?;
    let both = (at.flag("detect_negative", true)?, at.flag("detect_positive", true)?);
    one(match both {
        (true, true) => x.is_inf(),
        (true, false) => x.equal(f64::NEG_INFINITY),
        (false, true) => x.equal(f64::INFINITY),
        (false, false) => x.zeros_like().cast(DType::Bool),
    })
}

/// What a quotient rounded down leaves; with `fmod`, one rounded towards 0.
fn modulo<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (a, b) = (at.tensor(0)?, at.tensor(1)?);
    if at.flag("fmod", false)? {
        let rest = a.abs().modulo(b.abs());
        return one(a.less(0.0).select(-rest, rest));
    }
    if a.dtype().is_float() && at.version < 28 {
        return invalid("expected integers or `fmod`, got floats");
    }
    one(a.modulo(b))
}

/// In the type of the base.
fn pow<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (base, exponent) = (at.tensor(0)?, at.tensor(1)?);
    let dtype = base.dtype();
    if dtype.is_float() {
        return one(base.pow(exponent.cast(dtype)));
    }
    if dtype == DType::Bool {
        return unsupported("elements of bool");
    }
    // Integers below 2⁵³ are exact in double precision.
    one(base.cast(DType::F64).pow(exponent.cast(DType::F64)).cast(dtype))
}
