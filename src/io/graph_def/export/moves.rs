//! What moves elements by indices, windows and order, and what matches shapes that are fed.

use super::at::{At, Ports, Row, one};
use super::block::{I64, Port, number, of_type};
use super::lengths;
use super::scattered::segmented;
use crate::element::DType;
use crate::io::tensorflow::Attr;
use crate::ops::Window;
use crate::shape::Axes;

pub(super) const OPS: &[Row] = &[
    ("argmax", |at| arg(at, "ArgMax")),
    ("argmin", |at| arg(at, "ArgMin")),
    ("argsort", argsort),
    ("broadcast_along", broadcast_along),
    ("broadcast_like", broadcast_like),
    ("cumprod", |at| cumulative(at, "Cumprod")),
    ("cumsum", |at| cumulative(at, "Cumsum")),
    ("extract_patches", patches),
    ("extract_patches_transposed", patches_transposed),
    ("gather", gather),
    ("gather_with", gather),
    ("identity", |at| one(at.block.identity(at.inputs[0]))),
    ("length", length),
    ("logcumsumexp", |at| cumulative(at, "CumulativeLogsumexp")),
    ("reshape_like", |at| {
        let shape = at.block.shape(at.inputs[1]);
        one(at.block.reshape(at.inputs[0], shape))
    }),
    ("roll", |at| lengths::roll(at, false)),
    ("roll_back", |at| lengths::roll(at, true)),
    ("shape_of", |at| one(at.block.shape(at.inputs[0]))),
    ("stop_gradient", |at| one(at.block.same("StopGradient", &at.inputs[..1]))),
    ("sum_like", sum_like),
    ("top_k", top_k),
    ("unless_all_equal", unless_all_equal),
];

fn arg(at: &mut At<'_, '_>, op: &str) -> Ports {
    let (axis, x) = (at.axis("axis", 0)?, at.inputs[0]);
    let axis = at.block.int(axis as i64);
    let attributes =
        vec![of_type("T", x.dtype), of_type("Tidx", axis.dtype), of_type("output_type", number(I64))];
    one(at.block.node(op, &[x, axis], attributes, number(I64)))
}

fn cumulative(at: &mut At<'_, '_>, op: &str) -> Ports {
    let (axis, x) = (at.axis("axis", 0)?, at.inputs[0]);
    let (exclusive, reverse): (bool, bool) = (at.attribute("exclusive")?, at.attribute("reverse")?);
    let axis = at.block.int(axis as i64);
    let attributes = vec![
        of_type("T", x.dtype),
        of_type("Tidx", axis.dtype),
        ("exclusive", Attr::Bool(exclusive)),
        ("reverse", Attr::Bool(reverse)),
    ];
    one(at.block.node(op, &[x, axis], attributes, x.dtype))
}

/// The largest elements of each row, and their places, of 64 bits.
fn largest(at: &mut At<'_, '_>, x: Port, count: Port) -> [Port; 2] {
    let attributes = vec![of_type("T", x.dtype), ("sorted", Attr::Bool(true))];
    let values = at.block.node("TopKV2", &[x, count], attributes, x.dtype);
    let places = Port { output: 1, dtype: number(DType::I32), ..values };
    [values, at.block.cast(places, number(I64))]
}

fn top_k(at: &mut At<'_, '_>) -> Ports {
    let count: usize = at.attribute("k")?;
    let count = at.block.int(count as i64);
    Ok(largest(at, at.inputs[0], count).to_vec())
}

/// Ties go by their places either way.
fn argsort(at: &mut At<'_, '_>) -> Ports {
    let (axis, descending, rank) = (at.axis("axis", 0)?, at.attribute("descending")?, at.rank(0));
    // The bits of integers the other way round: the least one has no negative.
    let turned = if at.types[0].dtype.is_float() { "Neg" } else { "Invert" };
    let x = if descending { at.inputs[0] } else { at.block.same(turned, &at.inputs[..1]) };
    let length = at.block.length(at.inputs[0], axis);
    let length = at.block.cast(length, number(DType::I32));
    let x = at.last(x, rank, axis);
    let [_, places] = largest(at, x, length);
    one(at.last(places, rank, axis))
}

/// A mean, or the number itself where all that it is of are equal.
fn unless_all_equal(at: &mut At<'_, '_>) -> Ports {
    let (mean, x, axes) = (at.inputs[0], at.inputs[1], at.axes("axes", 1)?);
    if axes.is_empty() {
        return one(at.block.identity(mean));
    }
    let keeps: Axes = at.attribute("axes")?;
    let [least, largest] = ["Min", "Max"].map(|op| at.block.reduce(op, x, &axes, keeps.keeps_dims()));
    let are_equal = at.block.compare("Equal", &[least, largest]);
    one(at.block.select(are_equal, least, mean))
}

fn gather(at: &mut At<'_, '_>) -> Ports {
    let (axis, batch_dims) = (at.axis("axis", 0)?, at.attribute_or("batch_dims", 0_usize)?);
    one(at.gather(at.inputs[0], at.inputs[1], axis, batch_dims))
}

/// A reduced tensor with axes of length 1 where it has none, repeated.
fn broadcast_along(at: &mut At<'_, '_>) -> Ports {
    let axes: Axes = at.attribute("axes")?;
    let mut x = at.inputs[0];
    if !axes.keeps_dims() {
        for axis in axes.resolve(at.rank(1)).map_err(|error| error.to_string())? {
            x = at.with_axis(x, axis as i64);
        }
    }
    let shape = at.block.shape(at.inputs[1]);
    one(at.block.broadcast(x, shape))
}

fn broadcast_like(at: &mut At<'_, '_>) -> Ports {
    let shape = at.block.shape(at.inputs[1]);
    one(at.block.broadcast(at.inputs[0], shape))
}

/// Along which axes a tensor was repeated may depend on lengths that are fed.
fn sum_like(at: &mut At<'_, '_>) -> Ports {
    let (x, like) = (at.inputs[0], at.inputs[1]);
    let [of_like, of_x] = [at.block.shape(like), at.block.shape(x)];
    let attributes = vec![of_type("T", number(I64))];
    let axes = at.block.node("BroadcastGradientArgs", &[of_like, of_x], attributes, number(I64));
    let attributes =
        vec![of_type("T", x.dtype), of_type("Tidx", number(I64)), ("keep_dims", Attr::Bool(false))];
    let sum = at.block.node("Sum", &[x, axes], attributes, x.dtype);
    one(at.block.reshape(sum, of_like))
}

/// What stands for a length is a tensor that is as long.
fn length(at: &mut At<'_, '_>) -> Ports {
    let operation: String = at.attribute("operation")?;
    let op = match operation.as_str() {
        "+" => "AddV2",
        "-" => "Sub",
        "*" => "Mul",
        "/" => "FloorDiv",
        "maximum" => "Maximum",
        "minimum" => "Minimum",
        other => return Err(format!("expected lengths by +, -, *, /, maximum and minimum, got {other}")),
    };
    let lengths = [0, 1].map(|input| at.block.length(at.inputs[input], 0));
    let length = at.block.same(op, &lengths);
    let lengths = at.block.pack(&[length], 0);
    let element = at.block.scalar(0.0, number(DType::Bool));
    one(at.block.broadcast(element, lengths))
}

/// How a window lies along an axis.
struct Along {
    /// Of each element of the window at each place, where it lies in the padded image.
    indices: Vec<i64>,
    places: usize,
    size: usize,
    before: usize,
    behind: usize,
    padded: usize,
}

/// How the window of an item lies over images of such lengths.
fn windows(at: &At<'_, '_>, image: usize) -> Result<[Along; 2], String> {
    let window: Window = at.attribute("window")?;
    let dims = at.types[image].shape.dims();
    let along = |axis: usize| {
        let length =
            dims[axis + 1].ok_or("expected images of known height and width, got lengths that are fed")?;
        let places = window.places(axis, length).map_err(|fault| fault.to_string())?;
        let (size, stride, dilation) = (window.size[axis], window.strides[axis], window.dilations[axis]);
        let reached =
            if places.count == 0 { 0 } else { (places.count - 1) * stride + (size - 1) * dilation + 1 };
        let each = (0..places.count)
            .flat_map(|place| (0..size).map(move |element| (place * stride + element * dilation) as i64));
        let padded = reached.max(places.before + length);
        Ok::<Along, String>(Along {
            indices: each.collect(),
            places: places.count,
            size,
            before: places.before,
            behind: padded - places.before - length,
            padded,
        })
    };
    Ok([along(0)?, along(1)?])
}

/// Rows and then columns of padded images, taken by index.
fn patches(at: &mut At<'_, '_>) -> Ports {
    let [rows, columns] = windows(at, 0)?;
    let filling: String = at.attribute_or("filling", "zero".to_owned())?;
    let (mut x, dims) = (at.inputs[0], at.types[0].shape.dims().to_vec());
    if [&rows, &columns].iter().any(|along| along.before + along.behind > 0) {
        let around = [0, 0, rows.before, rows.behind, columns.before, columns.behind, 0, 0];
        let around = at.block.longs(&around.map(|length| length as i64));
        let pairs = at.block.longs(&[4, 2]);
        let around = at.block.reshape(around, pairs);
        let filling = match (filling.as_str(), at.types[0].dtype.is_float()) {
            ("lowest", true) => at.block.scalar(f64::NEG_INFINITY, x.dtype),
            ("lowest", false) => at.block.scalar(-1e30, x.dtype),
            _ => at.block.scalar(0.0, x.dtype),
        };
        let attributes = vec![of_type("T", x.dtype), of_type("Tpaddings", number(I64))];
        x = at.block.node("PadV2", &[x, around, filling], attributes, x.dtype);
    }
    for (axis, along) in [(1, &rows), (2, &columns)] {
        let indices = at.block.longs(&along.indices);
        x = at.gather(x, indices, axis, 0);
    }
    let known = [rows.places, rows.size, columns.places, columns.size].map(Some);
    let lengths: Vec<Option<usize>> = [&dims[..1], &known, &dims[3..]].concat();
    let x = at.reshaped(x, &lengths)?;
    one(at.block.transpose(x, &[0, 1, 3, 2, 4, 5]))
}

/// Columns and rows of patches, added up by index; the padding is cut off.
fn patches_transposed(at: &mut At<'_, '_>) -> Ports {
    let [rows, columns] = windows(at, 1)?;
    let dims = at.types[1].shape.dims().to_vec();
    let (batch, channels) = (dims[0], dims[3]);
    let x = at.block.transpose(at.inputs[0], &[1, 3, 2, 4, 0, 5]);
    let each = [rows.places * rows.size, columns.places, columns.size].map(Some);
    let x = at.reshaped(x, &[&each[..], &[batch, channels]].concat())?;
    let summed = |at: &mut At<'_, '_>, x: Port, along: &Along| {
        let (ids, count) = (at.block.longs(&along.indices), at.block.int(along.padded as i64));
        segmented(at, "UnsortedSegmentSum", x, ids, count)
    };
    let x = summed(at, x, &rows);
    let x = at.block.transpose(x, &[1, 2, 0, 3, 4]);
    let each = [columns.places * columns.size, rows.padded].map(Some);
    let x = at.reshaped(x, &[&each[..], &[batch, channels]].concat())?;
    let x = summed(at, x, &columns);
    let x = at.block.transpose(x, &[2, 1, 0, 3]);
    if [&rows, &columns].iter().all(|along| along.before + along.behind == 0) {
        return one(x);
    }
    let ends = [&rows, &columns].map(|along| (along.padded - along.behind) as i64);
    let begin = at.block.longs(&[0, rows.before as i64, columns.before as i64, 0]);
    let end = at.block.longs(&[0, ends[0], ends[1], 0]);
    let steps = at.block.longs(&[1; 4]);
    let masks = [("begin_mask", Attr::Int(0b1001)), ("end_mask", Attr::Int(0b1001))];
    let attributes =
        [of_type("T", x.dtype), of_type("Index", number(I64))].into_iter().chain(masks).collect();
    one(at.block.node("StridedSlice", &[x, begin, end, steps], attributes, x.dtype))
}
