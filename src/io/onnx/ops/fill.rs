//! Constants, ranges, and elements by place.

use std::f64::consts::PI;

use ndarray::{Array1, ArrayD, IxDyn};

use crate::element::{DType, Numeric, Value, with_number};
use crate::graph::AnyTensor;
use crate::io::import::known::Entry;
use crate::io::onnx::error::{invalid, unsupported};
use crate::io::onnx::item::Item;
use crate::io::onnx::node::{At, Built, count, counts, one};
use crate::io::onnx::table::{Row, op};
use crate::io::onnx::types;

pub(super) const ROWS: &[Row] = &[
    op("BlackmanWindow", 17, |at| window(at, &[0.42, -0.5, 0.08])),
    op("Constant", 1, constant).unfolded(),
    op("ConstantOfShape", 9, constant_of_shape),
    op("EyeLike", 9, eye_like).unfolded(),
    op("HammingWindow", 17, |at| window(at, &[25.0 / 46.0, -21.0 / 46.0])),
    op("HannWindow", 17, |at| window(at, &[0.5, -0.5])),
    op("Range", 11, range).unfolded(),
    op("Trilu", 14, trilu),
    op("Bernoulli", 15, bernoulli).unfolded(),
    op("RandomNormal", 1, |at| random(at, false)).unfolded(),
    op("RandomNormalLike", 1, |at| random_like(at, false)).unfolded(),
    op("RandomUniform", 1, |at| random(at, true)).unfolded(),
    op("RandomUniformLike", 1, |at| random_like(at, true)).unfolded(),
];

/// The value of whichever attribute there is.
fn constant<'g>(at: &At<'_, 'g>) -> Built<'g> {
    for other in ["value_string", "value_strings", "sparse_value"] {
        if at.node.attribute.iter().any(|attribute| attribute.name == other) {
            return unsupported(format!("attribute `{other}`"));
        }
    }
    let value = if let Some(tensor) = at.opt_tensor("value")? {
        let Some(scope) = at.scope else { return unsupported("a constant outside of a graph") };
        let array = scope.importer.reader.borrow_mut().read(tensor, "constant");
        let array = array.map_err(|error| crate::io::onnx::error::NodeFault::Invalid(error.to_string()))?;
        return Ok(vec![Item::value(array.value).with_element(Some(array.element))]);
    } else if let Some(number) = at.opt_int("value_int")? {
        Value::scalar(number)
    } else if let Some(number) = at.opt_float("value_float")? {
        Value::scalar(number as f32)
    } else if let Some(numbers) = at.opt_ints("value_ints")? {
        Value::from(Array1::from(numbers.to_vec()))
    } else if let Some(numbers) = at.opt_floats("value_floats")? {
        Value::from(Array1::from(numbers.to_vec()))
    } else {
        return invalid("expected an attribute with a value, got none");
    };
    Ok(vec![Item::value(value)])
}

fn constant_of_shape<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let number = match at.opt_tensor("value")? {
        None => at.scalar(0.0, DType::F32),
        Some(tensor) => {
            let mut reader = crate::io::onnx::tensor::Reader::of_attribute();
            let array = reader
                .read(tensor, "attribute")
                .map_err(|error| crate::io::onnx::error::NodeFault::Invalid(error.to_string()))?;
            let number = Item::value(array.value).tensor(at.graph);
            if number.shape().size() != Some(1) {
                return invalid(format!(
                    "attribute `value`: expected one element, got shape {}",
                    number.shape()
                ));
            }
            number.reshape([])
        }
    };
    one(number.broadcast_to(at.lengths(0)?))
}

fn eye_like<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let x = at.tensor(0)?;
    let dtype = At::element(at.int("dtype", types::number_of(x.dtype()).into())?)?;
    let diagonal = at.int("k", 0)?;
    let lengths = x.lengths();
    let [rows, columns] = lengths[..] else {
        return invalid(format!("expected a matrix, got shape {}", x.shape()));
    };
    let ones = at.graph.ones::<i64>([rows, columns]).any();
    let [row, column] = [0, 1].map(|axis| ones.cumsum_with(axis, true, false));
    one((column - row).equal(diagonal as f64).cast(dtype.dtype))
}

/// The numbers from `start` to below `limit`; how many there are is counted in double precision.
fn range<'g>(at: &At<'_, 'g>) -> Built<'g> {
    at.int("stash_type", 1)?;
    let dtype = at.dtype(0)?;
    if let (Ok(Entry::Number(0)), Ok(length @ Entry::Length(_)), Ok(Entry::Number(1))) =
        (one_entry(at, 0), one_entry(at, 1), one_entry(at, 2))
    {
        let ones = at.graph.ones::<i64>(At::lengths_of(&[length])?).any();
        return one(ones.cumsum_with(0, true, false).cast(dtype));
    }
    let value = if dtype.is_float() {
        let [start, limit, step] = [at.one_number(0)?, at.one_number(1)?, at.one_number(2)?];
        let steps = ((limit - start) / step).ceil();
        if step == 0.0 || !steps.is_finite() || steps > MOST_IN_RANGE {
            return invalid(format!(
                "expected numbers that can be counted, got {start} to {limit} by {step}"
            ));
        }
        let numbers = 0..steps.max(0.0) as usize;
        with_number!(dtype, T => Value::from(Array1::from_iter(numbers.map(|index| {
            <T as Numeric>::from_f64(start + index as f64 * step)
        }))), else unreachable_type())
    } else {
        let [start, limit, step] = [at.one_int(0)?, at.one_int(1)?, at.one_int(2)?];
        let steps = i128::from(limit).checked_sub(start.into()).map_or(0, |distance| {
            let step = i128::from(step);
            if step == 0 { i128::MAX } else { (distance + step - step.signum()) / step }
        });
        if steps as f64 > MOST_IN_RANGE {
            return invalid(format!(
                "expected integers that can be counted, got {start} to {limit} by {step}"
            ));
        }
        let numbers = (0..steps.max(0) as i64).map(|index| start.wrapping_add(index.wrapping_mul(step)));
        match dtype {
            DType::I32 => Value::from(Array1::from_iter(numbers.map(|number| number as i32))),
            _ => Value::from(Array1::from_iter(numbers)),
        }
    };
    Ok(vec![Item::value(value)])
}

/// A range is held as a whole: 2²⁴ numbers take 128 megabytes.
const MOST_IN_RANGE: f64 = 16_777_216.0;

/// What stands for elements that are no numbers, which the callers have refused.
fn unreachable_type() -> Value {
    Value::from(ArrayD::<f32>::default(IxDyn(&[0])))
}

fn one_entry<'g>(at: &At<'_, 'g>, index: usize) -> Result<Entry<'g>, crate::io::onnx::error::NodeFault> {
    match at.entries(index)?[..] {
        [entry] => Ok(entry),
        ref several => invalid(format!("input {index}: expected one number, got {}", several.len())),
    }
}

fn trilu<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let x = at.tensor(0)?;
    let upper = at.flag("upper", true)?;
    let k = if at.has(1) { at.one_int(1)? } else { 0 };
    // No matrix is larger.
    let k = k.clamp(-(1 << 40), 1 << 40) as isize;
    let cut = |x: AnyTensor<'g>| if upper { x.triu(k) } else { x.tril(k) };
    one(if x.dtype() == DType::Bool { cut(x.cast(DType::I32)).cast(DType::Bool) } else { cut(x) })
}

/// Sums of cosines, which signals are cut out with.
fn window<'g>(at: &At<'_, 'g>, terms: &[f64]) -> Built<'g> {
    let size = count(at.one_int(0)?, "size")?;
    let dtype = At::element(at.int("output_datatype", 1)?)?.dtype;
    if size > 1 << 24 {
        return invalid(format!("size: expected at most 2²⁴, got {size}"));
    }
    let period = if at.flag("periodic", true)? { size } else { size.saturating_sub(1).max(1) };
    let number = |index: usize| -> f64 {
        let angle = 2.0 * PI * index as f64 / period as f64;
        terms.iter().enumerate().map(|(term, share)| share * (angle * term as f64).cos()).sum()
    };
    let numbers = Item::value(Value::from(Array1::from_iter((0..size).map(number)))).tensor(at.graph);
    one(numbers.cast(dtype))
}

fn bernoulli<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let x = at.tensor(0)?;
    let element = At::element(at.int("dtype", types::number_of(x.dtype()).into())?)?;
    seeded(at, |_| x.bernoulli().cast(element.dtype))
}

/// Random numbers with the seed of the node, if it has one.
fn seeded<'g>(at: &At<'_, 'g>, draw: impl FnOnce(&At<'_, 'g>) -> AnyTensor<'g>) -> Built<'g> {
    match at.opt_float("seed")? {
        Some(seed) => one(at.graph.seed_scope(seed.to_bits(), || draw(at))),
        None => one(draw(at)),
    }
}

fn drawn<'g>(at: &At<'_, 'g>, like: AnyTensor<'g>, is_uniform: bool) -> Built<'g> {
    if is_uniform {
        let (low, high) = (at.float("low", 0.0)?, at.float("high", 1.0)?);
        seeded(at, |_| like.random_uniform_like(low, high))
    } else {
        let (mean, scale) = (at.float("mean", 0.0)?, at.float("scale", 1.0)?);
        seeded(at, |_| like.random_normal_like(mean, scale))
    }
}

fn random<'g>(at: &At<'_, 'g>, is_uniform: bool) -> Built<'g> {
    let lengths = counts(at.opt_ints("shape")?.unwrap_or_default(), "shape")?;
    let dtype = At::element(at.int("dtype", 1)?)?.dtype;
    let like = at.scalar(0.0, dtype).broadcast_to(lengths);
    drawn(at, like, is_uniform)
}

fn random_like<'g>(at: &At<'_, 'g>, is_uniform: bool) -> Built<'g> {
    let x = at.tensor(0)?;
    let dtype = At::element(at.int("dtype", types::number_of(x.dtype()).into())?)?.dtype;
    drawn(at, x.cast(dtype), is_uniform)
}
