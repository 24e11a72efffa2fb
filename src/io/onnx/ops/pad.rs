//! Padding and cropping.

use crate::element::DType;
use crate::graph::AnyTensor;
use crate::io::onnx::error::{NodeFault, invalid, unsupported};
use crate::io::onnx::node::{At, Built, count, counts, one};
use crate::io::onnx::table::{Row, op};
use crate::ops::{AxisRange, Pad};

pub(super) const ROWS: &[Row] = &[
    op("CenterCropPad", 18, center_crop_pad),
    op("Pad", 2, |at| {
        let pads = at.opt_ints("pads")?.unwrap_or_default().to_vec();
        let value = at.float("value", 0.0)?;
        let number = at.scalar(value, at.dtype(0)?);
        padded(at, &pads, None, Some(number))
    })
    .until(10),
    op("Pad", 11, |at| {
        let axes = if at.has(3) { Some(at.ints(3)?) } else { None };
        padded(at, &at.ints(1)?, axes.as_deref(), at.optional(2))
    }),
];

/// Elements before and behind along each axis; fewer, where there are less than 0.
fn padded<'g>(
    at: &At<'_, 'g>,
    pads: &[i64],
    axes: Option<&[i64]>,
    number: Option<AnyTensor<'g>>,
) -> Built<'g> {
    let x = at.tensor(0)?;
    let rank = x.shape().rank();
    let axes = match axes {
        Some(axes) => At::axes_of(axes, rank)?,
        None => (0..rank).collect(),
    };
    if pads.len() != 2 * axes.len() {
        return invalid(format!("expected {} numbers to pad by, got {}", 2 * axes.len(), pads.len()));
    }
    let mut each = vec![(0, 0); rank];
    for (&axis, (&before, &behind)) in axes.iter().zip(pads.iter().zip(&pads[axes.len()..])) {
        each[axis] = (before, behind);
    }
    match at.text("mode", "constant")?.as_str() {
        "constant" => one(with_number(x, &each, number)?),
        "edge" => indexed(x, &each, edge),
        "reflect" => indexed(x, &each, reflect),
        "wrap" => indexed(x, &each, wrap),
        other => unsupported(format!("mode `{other}`")),
    }
}

/// Without as many elements as numbers less than 0 say.
fn cropped<'g>(x: AnyTensor<'g>, each: &[(i64, i64)]) -> AnyTensor<'g> {
    if each.iter().all(|&(before, behind)| before >= 0 && behind >= 0) {
        return x;
    }
    let range = |&(before, behind): &(i64, i64)| {
        let start = before.min(0).unsigned_abs() as isize;
        if behind < 0 { AxisRange::of(start, behind as isize) } else { AxisRange::from(start..) }
    };
    x.slice(each.iter().map(range).collect::<Vec<_>>())
}

/// With one number about it, 0 if none is given.
pub(super) fn with_number<'g>(
    x: AnyTensor<'g>,
    each: &[(i64, i64)],
    number: Option<AnyTensor<'g>>,
) -> Result<AnyTensor<'g>, NodeFault> {
    let x = cropped(x, each);
    let numbers: Vec<i64> =
        each.iter().flat_map(|&(before, behind)| [before.max(0), behind.max(0)]).collect();
    let paddings: Vec<(usize, usize)> =
        counts(&numbers, "pads")?.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    if paddings.iter().all(|&padding| padding == (0, 0)) {
        return Ok(x);
    }
    let dtype = x.dtype();
    let as_numbers = if dtype == DType::Bool { x.cast(DType::I32) } else { x };
    let zeros = as_numbers.pad(paddings.clone(), Pad::Constant(0.0)).cast(dtype);
    Ok(match number {
        None => zeros,
        Some(number) => {
            let inside = x.ones_like().cast(DType::I32).pad(paddings, Pad::Constant(0.0)).not_equal(0_i32);
            inside.select(zeros, number.reshape([]))
        }
    })
}

/// Which element of an axis stands for an index beyond it, given the index and the axis' length.
type Inside = for<'g> fn(AnyTensor<'g>, AnyTensor<'g>) -> AnyTensor<'g>;

fn edge<'g>(index: AnyTensor<'g>, length: AnyTensor<'g>) -> AnyTensor<'g> {
    index.maximum(0_i64).minimum(length - 1.0)
}

/// There and back again, without the ends twice.
fn reflect<'g>(index: AnyTensor<'g>, length: AnyTensor<'g>) -> AnyTensor<'g> {
    let period = ((length - 1.0) * 2.0).maximum(1_i64);
    let within = index.modulo(period);
    within.minimum(period - within)
}

fn wrap<'g>(index: AnyTensor<'g>, length: AnyTensor<'g>) -> AnyTensor<'g> {
    index.modulo(length)
}

/// With elements of the tensor itself about it.
fn indexed<'g>(x: AnyTensor<'g>, each: &[(i64, i64)], inside: Inside) -> Built<'g> {
    let mut y = cropped(x, each);
    let graph = x.graph();
    for (axis, &(before, behind)) in each.iter().enumerate() {
        let (before, behind) = (before.max(0), behind.max(0));
        if before == 0 && behind == 0 {
            continue;
        }
        let (length, around) = (y.dim(axis as isize), count(before.saturating_add(behind), "pads")?);
        if length.known() == Some(0) {
            return invalid(format!("expected elements to pad with, got {}", y.shape()));
        }
        let index = graph.ones::<i64>([length + around]).any().cumsum_with(0, true, false) - before as f64;
        y = y.gather(inside(index, length.tensor(graph).any()), axis as isize);
    }
    one(y)
}

fn center_crop_pad<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let x = at.tensor(0)?;
    let lengths = at.known_shape(0)?;
    let axes = match at.opt_ints("axes")? {
        Some(axes) => At::axes_of(axes, lengths.len())?,
        None => (0..lengths.len()).collect(),
    };
    let wanted = counts(&at.ints(1)?, "shape")?;
    if wanted.len() != axes.len() {
        return invalid(format!("expected {} lengths, got {}", axes.len(), wanted.len()));
    }
    let mut each = vec![(0, 0); lengths.len()];
    for (&axis, &wanted) in axes.iter().zip(&wanted) {
        let (length, wanted) = (lengths[axis] as i64, wanted as i64);
        // The odd element is at the end when padding, and at the start kept when cropping.
        let before = if wanted >= length { (wanted - length) / 2 } else { -((length - wanted) / 2) };
        each[axis] = (before, wanted - length - before);
    }
    one(with_number(x, &each, None)?)
}
