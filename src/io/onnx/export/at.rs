//! [`At`]: an item while it is written, with what its op's function asks for.

use super::writer::{Dim, Val, Writer};
use crate::element::DType;
use crate::error::Fault;
use crate::graph::op::{AttributeValue, Attributes};
use crate::io::export::Item;
use crate::shape::{Axes, TensorType};

/// What of an item ONNX has nothing for, in words.
pub(super) type Written<T = Vec<String>> = Result<T, String>;

pub(super) struct At<'w, 'i, 'a> {
    pub(super) w: &'w mut Writer,
    pub(super) item: &'i Item<'a>,
    pub(super) attributes: Attributes,
    pub(super) inputs: Vec<Val>,
}

impl At<'_, '_, '_> {
    /// An input.
    pub(super) fn input(&self, index: usize) -> Written<Val> {
        let count = self.inputs.len();
        self.inputs
            .get(index)
            .cloned()
            .ok_or_else(|| format!("expected an input {index}, got {count} inputs"))
    }

    /// The name of an input's value.
    pub(super) fn name(&self, index: usize) -> Written<String> {
        self.input(index).map(|val| val.name)
    }

    /// The names of all inputs' values from one on.
    pub(super) fn names(&self, from: usize) -> Vec<&str> {
        self.inputs.iter().skip(from).map(|val| &*val.name).collect()
    }

    /// An attribute.
    pub(super) fn value<T: AttributeValue>(&self, name: &'static str) -> Written<T> {
        self.attributes.value(name).map_err(|fault: Fault| fault.to_string())
    }

    /// An axis of an input, or of a result of so many axes, counted from the first.
    pub(super) fn axis(&self, name: &'static str, rank: usize) -> Written<usize> {
        let axis: isize = self.value(name)?;
        let counted = if axis < 0 { axis.checked_add_unsigned(rank) } else { Some(axis) };
        counted
            .and_then(|axis| usize::try_from(axis).ok())
            .filter(|&axis| axis < rank)
            .ok_or_else(|| format!("expected an axis below {rank}, got {axis}"))
    }

    /// Axes among so many, and whether they are kept.
    pub(super) fn axes(&self, rank: usize) -> Written<(Vec<i64>, bool)> {
        let axes: Axes = self.value("axes")?;
        let listed = axes.resolve(rank).map_err(|error| error.to_string())?;
        Ok((listed.into_iter().map(|axis| axis as i64).collect(), axes.keeps_dims()))
    }

    /// The type of the first output.
    pub(super) fn gives(&self) -> Written<&TensorType> {
        self.item.types.first().ok_or_else(|| "expected an output, got none".to_owned())
    }

    /// The element type of the first output.
    pub(super) fn dtype(&self) -> Written<DType> {
        self.gives().map(|of| of.dtype)
    }

    /// Lengths that an op is told, as an array: numbers, and computed ones, which are the inputs from one on.
    pub(super) fn lengths(&mut self, name: &'static str, from: usize) -> Written<String> {
        use crate::graph::op::Attribute;
        let entries: Vec<Option<i64>> = match self.attributes.get(name) {
            Some(Attribute::Ints(ints)) => ints.iter().copied().map(Some).collect(),
            Some(Attribute::List(entries)) => {
                let entry =
                    |entry: &Attribute| if let Attribute::Int(int) = entry { Some(*int) } else { None };
                entries.iter().map(entry).collect()
            }
            other => return Err(format!("expected lengths, got {other:?}")),
        };
        if let Some(numbers) = entries.iter().copied().collect::<Option<Vec<i64>>>() {
            return Ok(self.w.ints(&numbers));
        }
        let mut computed = self.inputs.iter().skip(from).map(|val| val.name.clone());
        let mut parts = Vec::with_capacity(entries.len());
        for entry in entries {
            parts.push(match entry {
                Some(number) => self.w.ints(&[number]),
                None => computed.next().ok_or("expected as many computed lengths as are told, got fewer")?,
            });
        }
        Ok(self.concatenated(&parts.iter().map(String::as_str).collect::<Vec<_>>(), 0))
    }

    pub(super) fn concatenated(&mut self, parts: &[&str], axis: usize) -> String {
        match parts {
            [one] => (*one).to_owned(),
            _ => self.w.op("Concat", parts, vec![super::writer::int("axis", axis as i64)]),
        }
    }
}

/// How lengths of the first output that are not known follow from those of the inputs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lengths {
    /// Not at all.
    New,
    /// As inputs broadcast.
    Broadcast,
    /// They are those of the input at this position.
    Of(usize),
    /// Those of the first input, as far as there are as many axes and both are not known: the op changes known ones alone.
    Kept,
    /// Those of the first input but for the axes that are reduced.
    Reduced,
    /// Those of the first input in another order.
    Permuted,
    /// Those of a product of matrices.
    Product,
    /// That of the first axis, of the first input's first one.
    First,
}

impl Lengths {
    /// The lengths of the first output.
    pub(super) fn of(self, at: &At<'_, '_, '_>, shape: &[Option<usize>]) -> Vec<Dim> {
        let known = |length: &Option<usize>| length.map_or(Dim::Unknown, Dim::Known);
        let mut dims: Vec<Dim> = shape.iter().map(known).collect();
        if dims.iter().all(|dim| *dim != Dim::Unknown) {
            return dims;
        }
        let first: &[Dim] = at.inputs.first().map_or(&[], |val| &val.dims);
        for axis in 0..dims.len() {
            if dims[axis] != Dim::Unknown {
                continue;
            }
            let from_end = dims.len() - axis;
            let found = match self {
                Lengths::New => None,
                Lengths::Broadcast => broadcast(&at.inputs, from_end),
                Lengths::Of(input) => at.inputs.get(input).and_then(|val| val.dims.get(axis).cloned()),
                Lengths::Kept if first.len() == dims.len() => first.get(axis).cloned(),
                Lengths::Kept => None,
                Lengths::Reduced => reduced(at, axis, first.len()).and_then(|axis| first.get(axis).cloned()),
                Lengths::Permuted => {
                    permuted(at, axis, first.len()).and_then(|axis| first.get(axis).cloned())
                }
                Lengths::Product => product(at, axis, dims.len()),
                Lengths::First if axis == 0 => first.first().cloned(),
                Lengths::First => None,
            };
            dims[axis] = found.unwrap_or(Dim::Unknown);
        }
        dims
    }
}

/// The length so many axes before the end, where all that have one but those of length 1 have the same.
fn broadcast(inputs: &[Val], from_end: usize) -> Option<Dim> {
    let there = inputs.iter().filter_map(|val| val.rank().checked_sub(from_end).map(|axis| &val.dims[axis]));
    let mut long = there.filter(|dim| **dim != Dim::Known(1));
    let first = long.next()?;
    long.all(|other| other.is(first)).then(|| first.clone())
}

/// The axis of the input that an axis of a reduction's result is.
fn reduced(at: &At<'_, '_, '_>, axis: usize, rank: usize) -> Option<usize> {
    let (axes, keeps) = at.axes(rank).ok()?;
    if keeps {
        return Some(axis);
    }
    (0..rank).filter(|&axis| !axes.contains(&(axis as i64))).nth(axis)
}

fn permuted(at: &At<'_, '_, '_>, axis: usize, rank: usize) -> Option<usize> {
    if at.attributes.get("permutation").is_none() {
        return (rank - 1).checked_sub(axis);
    }
    let order: Vec<isize> = at.value("permutation").ok()?;
    let of = *order.get(axis)?;
    usize::try_from(if of < 0 { of.checked_add_unsigned(rank)? } else { of }).ok()
}

fn product(at: &At<'_, '_, '_>, axis: usize, rank: usize) -> Option<Dim> {
    let [a, b] = [at.inputs.first()?, at.inputs.get(1)?];
    if a.rank() < 2 || b.rank() < 2 {
        return None;
    }
    let is_turned = |name: &'static str| at.value::<bool>(name).unwrap_or(false);
    match rank - axis {
        1 => b.dims.get(b.rank() - if is_turned("transpose_other") { 2 } else { 1 }).cloned(),
        2 => a.dims.get(a.rank() - if is_turned("transpose_self") { 1 } else { 2 }).cloned(),
        from_end => broadcast(&at.inputs, from_end),
    }
}
