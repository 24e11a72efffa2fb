//! What is added up or put at indices, segments, and what lies at indices of each element.

use super::at::{At, Ports, Row, one};
use super::block::{I64, Port, number, of_type};
use crate::element::DType;
use crate::graph::op::Attribute;

pub(super) const OPS: &[Row] = &[
    ("gather_last", gather_last),
    ("gather_nd", |at| one(at.gather_nd(at.inputs[0], at.inputs[1]))),
    ("scatter_add", scatter_add),
    ("scatter_along_axis_add", |at| {
        let indices = along(at)?;
        one(at.scatter("TensorScatterAdd", at.inputs[0], indices, at.inputs[2]))
    }),
    ("scatter_nd_add", |at| one(at.scatter("TensorScatterAdd", at.inputs[0], at.inputs[1], at.inputs[2]))),
    ("scatter_set", scatter_set),
    ("segment_taken", segment_taken),
    ("take_along_axis", |at| {
        let indices = along(at)?;
        one(at.gather_nd(at.inputs[0], indices))
    }),
    ("unsorted_segment_max", |at| segments(at, "UnsortedSegmentMax")),
    ("unsorted_segment_min", |at| segments(at, "UnsortedSegmentMin")),
    ("unsorted_segment_prod", |at| segments(at, "UnsortedSegmentProd")),
    ("unsorted_segment_sum", |at| segments(at, "UnsortedSegmentSum")),
];

/// Of indices along an axis, all indices of each element.
fn along(at: &mut At<'_, '_>) -> Result<Port, String> {
    let (axis, rank) = (at.axis("axis", 0)?, at.rank(0));
    let indices = at.block.cast(at.inputs[1], number(I64));
    let each: Vec<Port> = (0..rank)
        .map(|other| if other == axis { indices } else { at.counted(indices, rank, other) })
        .collect();
    Ok(at.block.pack(&each, -1))
}

/// The updates of each row of the axis, added up. The axes of the indices come first, in the place of the axis.
fn scatter_add(at: &mut At<'_, '_>) -> Ports {
    let (axis, rank, of_indices) = (at.axis("axis", 0)?, at.rank(0), at.rank(1));
    let updates = at.front(at.inputs[2], rank - 1 + of_indices, axis..axis + of_indices);
    let count = at.block.length(at.inputs[0], axis);
    let sums = segmented(at, "UnsortedSegmentSum", updates, at.inputs[1], count);
    let sums = at.back(sums, rank, axis);
    one(at.block.same("AddV2", &[at.inputs[0], sums]))
}

/// Of indices in one row, the place of each among them, and of each of so many rows that of the last index that names it,
/// which is negative where none does.
fn last_of_each(at: &mut At<'_, '_>, indices: Port, rows: Port) -> [Port; 2] {
    let count = at.block.length(indices, 0);
    let places = at.range(count);
    [places, segmented(at, "UnsortedSegmentMax", places, indices, rows)]
}

/// Indices in one row, and how many there are.
fn in_one_row(at: &mut At<'_, '_>) -> [Port; 2] {
    let (indices, of_indices) = (at.inputs[1], at.rank(1));
    if of_indices == 1 {
        return [indices, at.block.length(indices, 0)];
    }
    let one_row = at.block.longs(&[-1]);
    let flat = at.block.reshape(indices, one_row);
    [flat, at.block.length(flat, 0)]
}

/// Updates in the place of rows of the axis, of several for one the last: rows are taken of the tensor with the updates behind
/// it. TensorFlow's own op does not say which of several stays, and takes no updates without elements.
fn scatter_set(at: &mut At<'_, '_>) -> Ports {
    let (axis, rank, of_indices) = (at.axis("axis", 0)?, at.rank(0), at.rank(1));
    let [indices, count] = in_one_row(at);
    let mut updates = at.front(at.inputs[2], rank - 1 + of_indices, axis..axis + of_indices);
    if of_indices != 1 {
        updates = at.flat(updates, 0..of_indices, count);
    }
    let (rows, zero) = (at.block.length(at.inputs[0], axis), at.block.long(0));
    let [_, last] = last_of_each(at, indices, rows);
    let is_named = at.block.compare("LessEqual", &[zero, last]);
    let behind = at.block.same("AddV2", &[last, rows]);
    let own = at.range(rows);
    let taken = at.block.select(is_named, behind, own);
    let x = at.front(at.inputs[0], rank, axis..axis + 1);
    let all = at.block.concat(&[x, updates], 0);
    let put = at.gather(all, taken, 0, 0);
    one(at.back(put, rank, axis))
}

/// Rows of the axis at indices, and zeros for an index that comes again.
fn gather_last(at: &mut At<'_, '_>) -> Ports {
    let (axis, rank, of_indices) = (at.axis("axis", 0)?, at.rank(0), at.rank(1));
    let (x, indices) = (at.inputs[0], at.inputs[1]);
    let [flat, _] = in_one_row(at);
    let rows = at.block.length(x, axis);
    let [places, last] = last_of_each(at, flat, rows);
    let last = at.gather(last, flat, 0, 0);
    let mut is_last = at.block.compare("Equal", &[places, last]);
    if of_indices != 1 {
        let shape = at.block.shape(indices);
        is_last = at.block.reshape(is_last, shape);
    }
    for _ in axis + 1..rank {
        is_last = at.with_last_axis(is_last);
    }
    let taken = at.gather(x, indices, axis, 0);
    let zero = at.block.scalar(0.0, x.dtype);
    one(at.block.select(is_last, taken, zero))
}

/// Segments, so many as a number or the length of a tensor says.
fn segments(at: &mut At<'_, '_>, op: &str) -> Ports {
    let count = if let Attribute::Int(count) = at.attribute("num_segments")? {
        at.block.int(count)
    } else {
        let tensor =
            *at.inputs.get(2).ok_or("expected a tensor that tells the number of segments, got none")?;
        let count = at.block.length(tensor, 0);
        at.block.cast(count, number(DType::I32))
    };
    one(segmented(at, op, at.inputs[0], at.inputs[1], count))
}

pub(super) fn segmented(at: &mut At<'_, '_>, op: &str, x: Port, ids: Port, count: Port) -> Port {
    let attributes =
        vec![of_type("T", x.dtype), of_type("Tindices", ids.dtype), of_type("Tnumsegments", count.dtype)];
    at.block.node(op, &[x, ids, count], attributes, x.dtype)
}

/// Rows at the ids, and zeros for ids of no segment.
fn segment_taken(at: &mut At<'_, '_>) -> Ports {
    let rows = at.inputs[0];
    let ids = at.block.cast(at.inputs[1], number(I64));
    let (count, zero) = (at.block.length(rows, 0), at.block.long(0));
    let [from, below] =
        [at.block.compare("LessEqual", &[zero, ids]), at.block.compare("Less", &[ids, count])];
    let mut is_there = at.block.logical("LogicalAnd", &[from, below]);
    let there = at.block.select(is_there, ids, zero);
    let taken = at.gather(rows, there, 0, 0);
    for _ in 1..at.rank(0) {
        is_there = at.with_last_axis(is_there);
    }
    let zero = at.block.scalar(0.0, rows.dtype);
    one(at.block.select(is_there, taken, zero))
}
