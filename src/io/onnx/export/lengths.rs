//! How lengths of outputs that are not known follow from those of the inputs, so that nodes need not ask for them.
//!
//! A rule is asked for one axis of a result of so many axes. What it gives holds in every run; it need not find all.

use super::at::At;
use super::writer::{Dim, Val};
use crate::graph::op::Attribute;

/// The length of an axis of a result of so many, if it is that of an input.
pub(super) type Rule = fn(&At<'_, '_, '_>, usize, usize) -> Option<Dim>;

/// The lengths of an output of this shape.
pub(super) fn of(rule: Rule, at: &At<'_, '_, '_>, shape: &[Option<usize>]) -> Vec<Dim> {
    let length = |(axis, length): (usize, &Option<usize>)| match length {
        Some(length) => Dim::Known(*length),
        None => rule(at, axis, shape.len()).unwrap_or(Dim::Unknown),
    };
    shape.iter().enumerate().map(length).collect()
}

pub(super) fn new(_: &At<'_, '_, '_>, _: usize, _: usize) -> Option<Dim> {
    None
}

/// The axis of an input, counted from the first.
fn axis_of(at: &At<'_, '_, '_>, input: usize, axis: usize) -> Option<Dim> {
    at.inputs.get(input)?.dims.get(axis).cloned()
}

pub(super) fn first(at: &At<'_, '_, '_>, axis: usize, _: usize) -> Option<Dim> {
    axis_of(at, 0, axis)
}

pub(super) fn second(at: &At<'_, '_, '_>, axis: usize, _: usize) -> Option<Dim> {
    axis_of(at, 1, axis)
}

/// Of what stands for the length of an axis.
pub(super) fn of_axis(at: &At<'_, '_, '_>, _: usize, _: usize) -> Option<Dim> {
    let x = at.inputs.first()?;
    axis_of(at, 0, at.axis("axis", x.rank()).ok()?)
}

/// Of what is told lengths: those that are computed.
pub(super) fn told(at: &At<'_, '_, '_>, axis: usize, _: usize) -> Option<Dim> {
    let Attribute::List(entries) = at.attributes.get("lengths")? else { return None };
    let is_computed = |entry: &&Attribute| matches!(entry, Attribute::Text(_));
    entries.get(axis).filter(is_computed)?;
    axis_of(at, 1 + entries.iter().take(axis).filter(is_computed).count(), 0)
}

/// Of images, whose batch stays.
pub(super) fn batch(at: &At<'_, '_, '_>, axis: usize, _: usize) -> Option<Dim> {
    if axis == 0 { axis_of(at, 0, 0) } else { None }
}

/// That of all inputs that are not of length 1 there, counted from the last axis.
pub(super) fn broadcast(at: &At<'_, '_, '_>, axis: usize, rank: usize) -> Option<Dim> {
    together(&at.inputs, rank - axis)
}

fn together(inputs: &[Val], from_end: usize) -> Option<Dim> {
    let there = inputs.iter().filter_map(|val| val.rank().checked_sub(from_end).map(|axis| &val.dims[axis]));
    let mut long = there.filter(|dim| **dim != Dim::Known(1));
    let first = long.next()?;
    long.all(|other| other.is(first)).then(|| first.clone())
}

/// Of a reduction: those of the axes that are left.
pub(super) fn reduced(at: &At<'_, '_, '_>, axis: usize, _: usize) -> Option<Dim> {
    let rank = at.inputs.first()?.rank();
    let (axes, keeps) = at.axes(rank).ok()?;
    if keeps {
        return axis_of(at, 0, axis);
    }
    axis_of(at, 0, (0..rank).filter(|&axis| !axes.contains(&(axis as i64))).nth(axis)?)
}

/// Of one axis less, or, of a result of as many axes, but that one.
pub(super) fn without(at: &At<'_, '_, '_>, axis: usize, rank: usize) -> Option<Dim> {
    let of = at.inputs.first()?.rank();
    let left_out = at.axis("axis", of).ok()?;
    match of.checked_sub(rank)? {
        0 if axis == left_out => None,
        0 => axis_of(at, 0, axis),
        _ => axis_of(at, 0, axis + usize::from(axis >= left_out)),
    }
}

/// Of one axis more.
pub(super) fn inserted(at: &At<'_, '_, '_>, axis: usize, rank: usize) -> Option<Dim> {
    let added = at.axis("axis", rank).ok()?;
    if axis == added { None } else { axis_of(at, 0, axis - usize::from(axis > added)) }
}

pub(super) fn squeezed(at: &At<'_, '_, '_>, axis: usize, rank: usize) -> Option<Dim> {
    let x = at.inputs.first()?;
    let axes: crate::shape::Axes = at.value("axes").ok()?;
    let dropped: Vec<i64> = if axes.are_listed() {
        at.axes(x.rank()).ok()?.0
    } else {
        let ones = x.dims.iter().enumerate().filter(|(_, dim)| **dim == Dim::Known(1));
        ones.map(|(axis, _)| axis as i64).collect()
    };
    let left: Vec<usize> = (0..x.rank()).filter(|&axis| !dropped.contains(&(axis as i64))).collect();
    (left.len() == rank).then(|| axis_of(at, 0, left[axis])).flatten()
}

pub(super) fn permuted(at: &At<'_, '_, '_>, axis: usize, rank: usize) -> Option<Dim> {
    if at.attributes.get("permutation").is_none() {
        return axis_of(at, 0, (rank - 1).checked_sub(axis)?);
    }
    let order: Vec<isize> = at.value("permutation").ok()?;
    let of = *order.get(axis)?;
    axis_of(at, 0, usize::try_from(if of < 0 { of.checked_add_unsigned(rank)? } else { of }).ok()?)
}

/// Of tensors side by side: those of all axes but one, from whichever knows.
pub(super) fn beside(at: &At<'_, '_, '_>, axis: usize, rank: usize) -> Option<Dim> {
    if axis == at.axis("axis", rank).ok()? {
        return None;
    }
    let mut there = at.inputs.iter().filter_map(|val| val.dims.get(axis));
    there.find(|dim| **dim != Dim::Unknown).cloned()
}

/// Of a product of matrices.
pub(super) fn product(at: &At<'_, '_, '_>, axis: usize, rank: usize) -> Option<Dim> {
    let [a, b] = [at.inputs.first()?, at.inputs.get(1)?];
    if a.rank() < 2 || b.rank() < 2 {
        // A vector adds no axis, and stands last or, on the left, alone.
        return if b.rank() == 1 && a.rank() > 1 { axis_of(at, 0, axis) } else { None };
    }
    let is_turned = |name: &'static str| at.value::<bool>(name).unwrap_or(false);
    match rank - axis {
        1 => axis_of(at, 1, b.rank() - if is_turned("transpose_other") { 2 } else { 1 }),
        2 => axis_of(at, 0, a.rank() - if is_turned("transpose_self") { 1 } else { 2 }),
        from_end => together(&at.inputs, from_end),
    }
}

/// Of a sum of products: those that its letters stand for.
pub(super) fn letters(at: &At<'_, '_, '_>, axis: usize, _: usize) -> Option<Dim> {
    let spec: String = at.value("spec").ok()?;
    let (operands, result) = spec.split_once("->").filter(|_| !spec.contains('.'))?;
    let letter = result.chars().nth(axis)?;
    let mut found = operands
        .split(',')
        .zip(&at.inputs)
        .filter_map(|(operand, val)| val.dims.get(operand.chars().position(|other| other == letter)?));
    found.find(|dim| **dim != Dim::Unknown).cloned()
}

/// Of slices that indices name along an axis.
pub(super) fn gathered(at: &At<'_, '_, '_>, axis: usize, _: usize) -> Option<Dim> {
    let [x, indices] = [at.inputs.first()?, at.inputs.get(1)?];
    let along = at.axis("axis", x.rank()).ok()?;
    if axis < along {
        return axis_of(at, 0, axis);
    }
    match axis.checked_sub(along + indices.rank()) {
        None => axis_of(at, 1, axis - along),
        Some(behind) => axis_of(at, 0, along + 1 + behind),
    }
}

/// Of the axes before the last ones, which get other lengths.
pub(super) fn leading(at: &At<'_, '_, '_>, axis: usize, _: usize) -> Option<Dim> {
    let changed: usize = at.value("axes").ok()?;
    let kept = at.inputs.first()?.rank().checked_sub(changed)?;
    if axis < kept { axis_of(at, 0, axis) } else { None }
}

/// Of what is padded: where there is no padding.
pub(super) fn padded(at: &At<'_, '_, '_>, axis: usize, _: usize) -> Option<Dim> {
    let Attribute::List(pairs) = at.attributes.get("paddings")? else { return None };
    match pairs.get(axis)? {
        Attribute::Ints(pair) if pair.iter().all(|&count| count == 0) => axis_of(at, 0, axis),
        _ => None,
    }
}

/// Of a slice: where it takes all, and its indices, which drop axes, come behind.
pub(super) fn sliced(at: &At<'_, '_, '_>, axis: usize, _: usize) -> Option<Dim> {
    let Attribute::List(ranges) = at.attributes.get("ranges")? else { return None };
    let is_dropped = |axis: &usize| matches!(ranges.get(*axis), Some(Attribute::Int(_)));
    let rank = at.inputs.first()?.rank();
    let from = (0..rank).filter(|axis| !is_dropped(axis)).nth(axis)?;
    match ranges.get(from) {
        None => axis_of(at, 0, from),
        Some(Attribute::Text(range)) if range == ":" => axis_of(at, 0, from),
        Some(_) => None,
    }
}
