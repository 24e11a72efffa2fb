//! Elements by their indices: gathered, scattered, and in order.

use ndarray::Array1;

use crate::element::{DType, Value};
use crate::graph::AnyTensor;
use crate::io::onnx::error::{NodeFault, invalid, unsupported};
use crate::io::onnx::item::Item;
use crate::io::onnx::node::{At, Built, count, one};
use crate::io::onnx::ops::signal::swapped;
use crate::io::onnx::table::{Moves, Row, op};
use crate::ops::{AxisRange, Length};

pub(super) const ROWS: &[Row] = &[
    op("ArrayFeatureExtractor", 1, |at| {
        let (x, indices) = (at.tensor(0)?, at.tensor(1)?);
        one(x.gather(indices.reshape([-1]), -1))
    })
    .of("ai.onnx.ml"),
    op("Compress", 9, compress),
    op("Gather", 1, |at| {
        let (x, axis) = (at.tensor(0)?, at.axis("axis", 0)?);
        let indices = from_first(at, at.tensor(1)?, 1, x.dim(axis as isize));
        one(x.gather(indices, axis as isize))
    })
    .moving(Moves::Of(&[0])),
    op("GatherElements", 11, gather_elements),
    op("GatherND", 11, gather_nd),
    op("NonZero", 9, nonzero),
    op("OneHot", 9, one_hot),
    op("ReverseSequence", 10, reverse_sequence),
    op("Scatter", 9, scatter_elements),
    op("ScatterElements", 11, scatter_elements),
    op("ScatterND", 11, scatter_nd),
    op("TopK", 1, |at| top_k(at, at.required_int("k")?)).until(9),
    op("TopK", 10, |at| top_k(at, at.one_int(1)?)),
];

/// Indices, of which those below 0 count from the end.
fn from_first<'g>(
    at: &At<'_, 'g>,
    indices: AnyTensor<'g>,
    input: usize,
    length: Length<'g>,
) -> AnyTensor<'g> {
    let is_known = at.ints(input).is_ok_and(|indices| indices.iter().all(|&index| index >= 0));
    if is_known {
        return indices;
    }
    let indices = indices.cast(DType::I64);
    indices.less(0_i64).select(indices + length.tensor(at.graph).any(), indices)
}

fn gather_elements<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (x, axis) = (at.tensor(0)?, at.axis("axis", 0)?);
    let indices = from_first(at, at.tensor(1)?, 1, x.dim(axis as isize));
    one(fitted(x, indices, axis)?.take_along_axis(indices, axis as isize))
}

/// A tensor as long as another along all axes but one.
fn fitted<'g>(x: AnyTensor<'g>, like: AnyTensor<'g>, axis: usize) -> Result<AnyTensor<'g>, NodeFault> {
    let (own, other) = (x.shape(), like.shape());
    if own.rank() != other.rank() {
        return invalid(format!("expected as many axes of indices as of elements, got {other} and {own}"));
    }
    let range = |place: usize| match other[place] {
        Some(length) if place != axis && own[place] != Some(length) => AxisRange::of(0, length as isize),
        _ => AxisRange::from(..),
    };
    let ranges: Vec<AxisRange> = (0..own.rank()).map(range).collect();
    Ok(if ranges.iter().all(|range| *range == AxisRange::from(..)) { x } else { x.slice(ranges) })
}

fn gather_nd<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (x, indices) = (at.tensor(0)?, at.tensor(1)?.cast(DType::I64));
    let batch = count(at.int("batch_dims", 0)?, "batch_dims")?;
    let lengths = x.lengths();
    let depth = indices.shape().dims().last().copied().flatten();
    let Some(depth) = depth.filter(|depth| batch + depth <= lengths.len()) else {
        return invalid(format!("expected indices of axes of {}, got shape {}", x.shape(), indices.shape()));
    };
    let ends: Vec<AnyTensor<'g>> =
        lengths.iter().skip(batch).take(depth).map(|length| length.tensor(at.graph).any()).collect();
    let indices = if ends.is_empty() {
        indices
    } else {
        indices.less(0_i64).select(indices + at.graph.stack_any(&ends, 0), indices)
    };
    one(x.gather_nd_with(indices, batch))
}

/// How updates are put together with what is there.
fn put<'g>(
    how: &str,
    x: AnyTensor<'g>,
    places: AnyTensor<'g>,
    updates: AnyTensor<'g>,
    rows: Length<'g>,
) -> Result<AnyTensor<'g>, NodeFault> {
    Ok(match how {
        "none" => x.scatter_set(places, updates, 0),
        "add" => x.scatter_add(places, updates, 0),
        "mul" => x * updates.unsorted_segment_prod(places, rows),
        "max" => x.maximum(updates.unsorted_segment_max(places, rows)),
        "min" => x.minimum(updates.unsorted_segment_min(places, rows)),
        other => {
            return invalid(format!(
                "attribute `reduction`: expected none, add, mul, max or min, got `{other}`"
            ));
        }
    })
}

/// Elements whose places are worked out while importing.
const MOST_SCATTERED: usize = 1 << 26;

fn scatter_elements<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (x, updates, axis) = (at.tensor(0)?, at.tensor(2)?, at.axis("axis", 0)?);
    let how = at.text("reduction", "none")?;
    let indices = from_first(at, at.tensor(1)?, 1, x.dim(axis as isize)).cast(DType::I64);
    let (lengths, shape) = (at.known_shape(0)?, at.known_shape(1)?);
    if lengths.len() != shape.len() {
        return invalid(format!("expected indices of {} axes, got shape {shape:?}", lengths.len()));
    }
    // The place of each update in row-major order: what its other axes add is known.
    let strides: Vec<usize> =
        (0..lengths.len()).map(|axis| lengths.iter().skip(axis + 1).product()).collect();
    let size: usize = shape.iter().product();
    if size > MOST_SCATTERED {
        return unsupported(format!("more than 2²⁶ elements to scatter, of shape {shape:?}"));
    }
    let mut base = Vec::new();
    base.try_reserve_exact(size).map_err(|error| NodeFault::Invalid(error.to_string()))?;
    for mut flat in 0..size {
        let mut place = 0;
        for other in (0..shape.len()).rev() {
            let index = flat % shape[other];
            flat /= shape[other];
            if other != axis {
                place += index * strides[other];
            }
        }
        base.push(place as i64);
    }
    let base = Item::value(Value::from(Array1::from(base))).tensor(at.graph);
    let places = indices.reshape([-1]) * (strides[axis] as f64) + base;
    let rows: usize = lengths.iter().product();
    let flat = put(&how, x.reshape([-1]), places, updates.reshape([-1]), rows.into())?;
    one(flat.reshape(lengths))
}

fn scatter_nd<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (x, updates) = (at.tensor(0)?, at.tensor(2)?);
    let how = at.text("reduction", "none")?;
    let indices = at.tensor(1)?.cast(DType::I64);
    let lengths = x.lengths();
    let depth = indices.shape().dims().last().copied().flatten().filter(|depth| *depth <= lengths.len());
    let Some(depth) = depth else {
        return invalid(format!("expected indices of axes of {}, got shape {}", x.shape(), indices.shape()));
    };
    let rest = &lengths[depth..];
    let mut flat: Option<AnyTensor<'g>> = None;
    for (axis, &length) in lengths.iter().enumerate().take(depth) {
        let index = indices.slice(last_index(indices, axis));
        let length = length.tensor(at.graph).any();
        let index = index.less(0_i64).select(index + length, index);
        flat = Some(flat.map_or(index, |flat| flat * length + index));
    }
    let Some(places) = flat else { return unsupported("indices of no axes") };
    let total =
        |lengths: &[Length<'g>]| lengths.iter().fold(Length::from(1_usize), |all, &length| all * length);
    let rows = total(&lengths[..depth]);
    let with_rest = |first: Length<'g>| [&[first], rest].concat();
    let places = places.reshape([-1]);
    let count = total(&places.lengths());
    let put = put(&how, x.reshape(with_rest(rows)), places, updates.reshape(with_rest(count)), rows)?;
    one(put.reshape(lengths))
}

/// All axes but the last, of which one index is taken.
fn last_index(x: AnyTensor<'_>, index: usize) -> Vec<AxisRange> {
    let mut ranges = vec![AxisRange::from(..); x.shape().rank().saturating_sub(1)];
    ranges.push(AxisRange::from(index));
    ranges
}

fn one_hot<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (indices, values) = (at.tensor(0)?.cast(DType::I64), at.tensor(2)?);
    let depth = count(at.one_int(1)?, "depth")?;
    let rank = indices.shape().rank();
    let axis = At::axis_of(at.int("axis", -1)?, rank + 1)?;
    let indices = indices.less(0_i64).select(indices + depth as f64, indices);
    let hits = indices.one_hot(depth, DType::Bool);
    let mut permutation: Vec<isize> = (0..rank as isize).collect();
    permutation.insert(axis, rank as isize);
    let value = |index: usize| values.slice(AxisRange::from(index));
    one(hits.transpose_perm(permutation).select(value(1), value(0)))
}

fn top_k<'g>(at: &At<'_, 'g>, k: i64) -> Built<'g> {
    let (x, axis) = (at.tensor(0)?, at.axis("axis", -1)?);
    // Those that are not to be sorted may be.
    at.flag("sorted", true)?;
    let largest = at.flag("largest", true)?;
    let swap = |x: AnyTensor<'g>| swapped(x, axis);
    // The smallest are the largest in the opposite order.
    let opposite = |x: AnyTensor<'g>| match x.dtype() {
        _ if largest => x,
        dtype if dtype.is_float() => -x,
        _ => x.bitwise_not(),
    };
    let (values, indices) = opposite(swap(x)).top_k(count(k, "k")?);
    Ok(vec![Item::run(swap(opposite(values))), Item::run(swap(indices))])
}

/// The elements where a condition holds, which must be known.
fn compress<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let mut x = at.tensor(0)?;
    let axis = if let Some(axis) = at.opt_int("axis")? {
        At::axis_of(axis, x.shape().rank())?
    } else {
        x = x.reshape([-1]);
        0
    };
    let kept = at.ints(1)?.into_iter().zip(0_i64..).filter(|(holds, _)| *holds != 0).map(|(_, index)| index);
    let kept = Item::value(super::shape::list(kept.collect())).tensor(at.graph);
    one(x.gather(kept, axis as isize))
}

/// Where the elements of a known value are that are not 0.
fn nonzero<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let shape = at.value(0)?.shape().to_vec();
    let places: Vec<usize> = at
        .numbers(0)?
        .into_iter()
        .enumerate()
        .filter(|(_, number)| *number != 0.0)
        .map(|(place, _)| place)
        .collect();
    let mut indices = ndarray::Array2::zeros((shape.len(), places.len()));
    for (column, mut flat) in places.into_iter().enumerate() {
        for (row, &length) in shape.iter().enumerate().rev() {
            indices[[row, column]] = (flat % length.max(1)) as i64;
            flat /= length.max(1);
        }
    }
    Ok(vec![Item::value(Value::from(indices))])
}

fn reverse_sequence<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (x, ends) = (at.tensor(0)?, at.tensor(1)?.cast(DType::I64));
    let (batch, time) = (at.axis("batch_axis", 1)?, at.axis("time_axis", 0)?);
    let lengths = x.lengths();
    if batch == time {
        return invalid("expected two axes, got one twice");
    }
    // Which step stands where: up to the end of each sequence backwards, behind it as it is.
    let mut as_row: Vec<Length<'g>> = vec![1_usize.into(); lengths.len()];
    as_row[batch] = lengths[batch];
    let ends = ends.reshape(as_row);
    let step = at.graph.ones::<i64>(lengths).any().cumsum_with(time as isize, true, false);
    let source = step.less(ends).select(ends - 1.0 - step, step);
    one(x.take_along_axis(source, time as isize))
}
