//! [`At`]: an item while it is written, with what its op's function asks for.

use super::writer::{Val, Writer};
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
