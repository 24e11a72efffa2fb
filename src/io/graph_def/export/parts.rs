//! Tensors side by side, parts of them, and parts put back among zeros, of which lengths may be fed.

use super::at::{At, Ports, Row, one};
use super::block::{I64, Named, Port, number, of_type};
use crate::element::DType;
use crate::graph::op::Attribute;
use crate::io::tensorflow::Attr;
use crate::ops::{Cut, Parts, Ranges, Taken};
use crate::shape::TensorType;

/// What is written in one way, whatever is known.
pub(super) const OPS: &[Row] = &[
    ("concat", |at| {
        let axis = at.axis("axis", 0)?;
        one(at.block.concat(at.inputs, axis as i64))
    }),
    ("concat_extent", concat_extent),
    ("concat_part", concat_part),
    ("concat_part_transposed", concat_part_transposed),
    ("pad", pad),
    ("pad_transposed", pad_transposed),
    ("slice", slice),
];

/// Parts put back, where what an op computes is no formula of lengths.
pub(super) const PUT_BACK: &[Row] = &[
    ("parts_transposed", parts_transposed),
    ("reverse_transposed", reverse_transposed),
    ("slice_transposed", slice_transposed),
    ("split_transposed", split_transposed),
];

/// Numbers that are 0 but along one axis.
fn along_one(at: &mut At<'_, '_>, rank: usize, axis: usize, length: Port, other: i64) -> Port {
    let other = at.block.long(other);
    let all: Vec<Port> = (0..rank).map(|at| if at == axis { length } else { other }).collect();
    at.block.pack(&all, 0)
}

/// Of a whole, what begins where another tensor ends.
fn concat_part(at: &mut At<'_, '_>) -> Ports {
    let (axis, rank, x) = (at.attribute("axis")?, at.rank(0), at.inputs[0]);
    let (start, length) = (at.block.length(at.inputs[2], 0), at.block.length(at.inputs[1], axis));
    let begin = along_one(at, rank, axis, start, 0);
    let size = along_one(at, rank, axis, length, -1);
    let attributes = vec![of_type("T", x.dtype), of_type("Index", number(I64))];
    one(at.block.node("Slice", &[x, begin, size], attributes, x.dtype))
}

/// A tensor among zeros along an axis, in a whole of such a length.
fn among_zeros(at: &mut At<'_, '_>, x: Port, axis: usize, (start, whole): (Port, Port)) -> Port {
    let (length, rank) = (at.block.length(x, axis), at.rank(1));
    let rest = at.block.same("Sub", &[whole, start]);
    let rest = at.block.same("Sub", &[rest, length]);
    let before = along_one(at, rank, axis, start, 0);
    let behind = along_one(at, rank, axis, rest, 0);
    let around = at.block.pack(&[before, behind], 1);
    let zero = at.block.scalar(0.0, x.dtype);
    let attributes = vec![of_type("T", x.dtype), of_type("Tpaddings", number(I64))];
    at.block.node("PadV2", &[x, around, zero], attributes, x.dtype)
}

/// A part of a concatenation, where it stands in the whole.
fn concat_part_transposed(at: &mut At<'_, '_>) -> Ports {
    let axis = at.attribute("axis")?;
    let (start, whole) = (at.block.length(at.inputs[2], 0), at.block.length(at.inputs[1], axis));
    one(among_zeros(at, at.inputs[0], axis, (start, whole)))
}

/// One of the parts into which an axis is cut.
fn split_transposed(at: &mut At<'_, '_>) -> Ports {
    let (axis, cut, mut x): (usize, Cut, Port) = (at.attribute("axis")?, at.attribute("cut")?, at.inputs[0]);
    let start = match cut {
        Cut::Element(index) => {
            x = at.with_axis(x, axis as i64);
            at.block.long(index as i64)
        }
        Cut::Sized { start, .. } => at.block.long(start as i64),
        Cut::Equal { part, .. } => {
            let (size, part) = (at.block.length(x, axis), at.block.long(part as i64));
            at.block.same("Mul", &[size, part])
        }
    };
    let whole = at.block.length(at.inputs[1], axis);
    one(among_zeros(at, x, axis, (start, whole)))
}

/// What stands for where a part ends: a tensor without elements that is as long.
fn concat_extent(at: &mut At<'_, '_>) -> Ports {
    let axis = at.attribute("axis")?;
    let reached = match *at.inputs {
        [before, part] => {
            let lengths = [at.block.length(before, 0), at.block.length(part, axis)];
            at.block.same("AddV2", &lengths)
        }
        _ => at.block.long(0),
    };
    let zero = at.block.long(0);
    let lengths = at.block.pack(&[reached, zero], 0);
    let element = at.block.scalar(0.0, number(DType::Bool));
    one(at.block.broadcast(element, lengths))
}

fn reverse_transposed(at: &mut At<'_, '_>) -> Ports {
    let (dy, axes) = (at.inputs[0], at.axes("axes", 1)?);
    one(at.block.reverse(dy, &axes))
}

/// How many elements come before and behind along each axis, a row for each.
fn around(at: &mut At<'_, '_>, pairs: &[(usize, usize)]) -> Port {
    let around: Vec<i64> =
        pairs.iter().flat_map(|&(before, behind)| [before as i64, behind as i64]).collect();
    let lengths = at.block.longs(&[pairs.len() as i64, 2]);
    let around = at.block.longs(&around);
    at.block.reshape(around, lengths)
}

/// What reflections are, of a tensor and of what is put back.
fn reflected(at: &mut At<'_, '_>, op: &str, x: Port, around: Port) -> Ports {
    let mode = Attr::Bytes(b"REFLECT".to_vec());
    let attributes = vec![of_type("T", x.dtype), of_type("Tpaddings", number(I64)), ("mode", mode)];
    one(at.block.node(op, &[x, around], attributes, x.dtype))
}

fn pad(at: &mut At<'_, '_>) -> Ports {
    let x = at.inputs[0];
    let pairs: Vec<(usize, usize)> = at.attribute("paddings")?;
    let around = around(at, &pairs);
    let element = match at.attribute("with")? {
        Attribute::Text(_) => return reflected(at, "MirrorPad", x, around),
        Attribute::Float(element) => at.block.scalar(element, x.dtype),
        Attribute::Bool(element) => at.block.scalar(f64::from(element), x.dtype),
        Attribute::Int(element) => {
            let element = at.block.long(element);
            at.block.cast(element, x.dtype)
        }
        other => return Err(format!("expected an element, or `reflect`, got {other}")),
    };
    let attributes = vec![of_type("T", x.dtype), of_type("Tpaddings", number(I64))];
    one(at.block.node("PadV2", &[x, around, element], attributes, x.dtype))
}

/// The places of padding are left out, and what was reflected is added up.
fn pad_transposed(at: &mut At<'_, '_>) -> Ports {
    let dy = at.inputs[0];
    let pairs: Vec<(usize, usize)> = at.attribute("paddings")?;
    if at.attribute::<Attribute>("with")? == Attribute::Text("reflect".into()) {
        let around = around(at, &pairs);
        return reflected(at, "MirrorPadGrad", dy, around);
    }
    let before: Vec<i64> = pairs.iter().map(|&(before, _)| before as i64).collect();
    let (begin, size) = (at.block.longs(&before), at.block.shape(at.inputs[1]));
    let attributes = vec![of_type("T", dy.dtype), of_type("Index", number(I64))];
    one(at.block.node("Slice", &[dy, begin, size], attributes, dy.dtype))
}

/// Ranges of the first axes, as TensorFlow's strided slices have them.
struct Strided {
    /// The first places, those before which they end, and the steps.
    bounds: [Vec<i64>; 3],
    /// Bits of the axes without a first place, without an end, and of a single index.
    masks: [i64; 3],
}

/// Ranges or indices, one for each of the first axes. TensorFlow cuts them off as Python does.
fn strided(at: &At<'_, '_>) -> Result<Strided, String> {
    let ranges: Ranges = at.attribute("ranges")?;
    let mut strided = Strided { bounds: [const { Vec::new() }; 3], masks: [0; 3] };
    for (axis, taken) in ranges.taken().enumerate() {
        let (bounds, masks) = match taken {
            Taken::Index(index) => ([index, index.wrapping_add(1), 1], [false, false, true]),
            Taken::Range { start, end, step } => {
                ([start.unwrap_or(0), end.unwrap_or(0), step], [start.is_none(), end.is_none(), false])
            }
        };
        strided.bounds.iter_mut().zip(bounds).for_each(|(all, bound)| all.push(bound));
        strided.masks.iter_mut().zip(masks).for_each(|(all, mask)| *all |= i64::from(mask) << axis);
    }
    Ok(strided)
}

impl Strided {
    fn attributes(&self, x: Port) -> Vec<Named> {
        let names = ["begin_mask", "end_mask", "shrink_axis_mask"];
        let masks = names.into_iter().zip(self.masks).map(|(name, mask)| (name, Attr::Int(mask)));
        [of_type("T", x.dtype), of_type("Index", number(I64))].into_iter().chain(masks).collect()
    }
}

fn slice(at: &mut At<'_, '_>) -> Ports {
    let (x, strided) = (at.inputs[0], strided(at)?);
    let [begin, end, step] = strided.bounds.each_ref().map(|places| at.block.longs(places));
    one(at.block.node("StridedSlice", &[x, begin, end, step], strided.attributes(x), x.dtype))
}

fn slice_transposed(at: &mut At<'_, '_>) -> Ports {
    let (dy, strided) = (at.inputs[0], strided(at)?);
    let shape = at.block.shape(at.inputs[1]);
    let [begin, end, step] = strided.bounds.each_ref().map(|places| at.block.longs(places));
    let attributes = strided.attributes(dy);
    one(at.block.node("StridedSliceGrad", &[shape, begin, end, step, dy], attributes, dy.dtype))
}

/// Several parts of a whole, which is the first input, each put back by its own op, added up.
fn parts_transposed(at: &mut At<'_, '_>) -> Ports {
    let parts: Parts = at.attribute("parts")?;
    let (mut sum, mut next): (Option<Port>, usize) = (None, 1);
    for (op, attributes, operands) in parts.each() {
        let end = next + operands.saturating_sub(1);
        let (Some((&part, others)), Some((&of_part, of_others))) = (
            at.inputs.get(next..end).and_then(<[Port]>::split_first),
            at.types.get(next..end).and_then(<[&TensorType]>::split_first),
        ) else {
            return Err(format!("expected {end} inputs at least, got {}", at.inputs.len()));
        };
        next = end;
        let inputs = [&[part, at.inputs[0]], others].concat();
        let types = [&[of_part, at.types[0]], of_others].concat();
        let write = PUT_BACK.iter().chain(OPS).find(|row| row.0 == op).map(|row| row.1);
        let write = write
            .ok_or_else(|| format!("expected known lengths of what {op} puts back, got some that are fed"))?;
        let item = at.item;
        let back =
            write(&mut At { block: &mut *at.block, item, inputs: &inputs, types: &types, attributes })?;
        for back in back {
            sum = Some(sum.map_or(back, |sum| at.block.same("AddV2", &[sum, back])));
        }
    }
    one(sum.ok_or("expected parts, got none")?)
}
