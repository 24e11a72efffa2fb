//! From the items of a part to nodes: each by its kind, and by its op.

use std::collections::BTreeMap;

use foldhash::HashMap;

use super::at::At;
use super::writer::{Dim, Made, Val, Writer, tensor};
use super::{control, expanded, lengths, table};
use crate::element::{DType, Value};
use crate::error::Site;
use crate::graph::op::Form;
use crate::io::export::built_in::BuiltIn;
use crate::io::export::{Item, Kind, Output, Part, Place};
use crate::io::missing::Missing;
use crate::ir::VariableId;
use crate::ops::definition;
use crate::shape::TensorType;

/// Ops whose nodes may be one of ONNX's together with the next one.
const MAKERS: [&str; 2] = ["extract_patches", "einsum"];

/// Ops whose results are lengths.
const LENGTHS: [&str; 3] = ["dim", "length", "concat_extent"];

/// What is written so far, and what could not be.
pub(super) struct Graphs<'v> {
    pub(super) w: Writer,
    /// What the variables hold.
    pub(super) values: &'v BTreeMap<String, Value>,
    pub(super) missing: Missing,
    pub(super) not_fed: Vec<Site>,
    pub(super) built_in: BuiltIn,
    /// The variables that are read, by their ids.
    pub(super) variables: HashMap<VariableId, Val>,
    /// Those that are assigned, in the order in which they are, with their new values.
    pub(super) assigned: Vec<(VariableId, Val)>,
}

/// A value of a type, of whose lengths nothing more is known: those that are no numbers get names of their own.
pub(super) fn val(name: String, of: &TensorType) -> Val {
    let dim = |(axis, length): (usize, &Option<usize>)| match length {
        Some(length) => Dim::Known(*length),
        None => own(&name, axis),
    };
    let dims = of.shape.dims().iter().enumerate().map(dim).collect();
    Val { name, dtype: of.dtype, dims, is_length: false }
}

/// The length of an axis that no other value is known to have.
fn own(name: &str, axis: usize) -> Dim {
    if name.is_empty() { Dim::Unknown } else { Dim::Named(format!("{name}:{axis}").into()) }
}

impl Graphs<'_> {
    /// Writes the items of a part that is given values; gives the values of its outputs.
    pub(super) fn part(&mut self, part: &Part<'_>, given: &[Val]) -> Vec<Val> {
        let mut vals: Vec<Vec<Val>> = Vec::with_capacity(part.items.len());
        for (place, item) in part.items.iter().enumerate() {
            let inputs: Vec<Val> = item.inputs.iter().map(|&output| of(&vals, output, part)).collect();
            let made = match item.kind {
                Kind::Given => given_at(part, place, given).into_iter().collect(),
                _ => self.item(item, inputs),
            };
            vals.push(made);
        }
        part.outputs.iter().map(|&output| of(&vals, output, part)).collect()
    }

    /// Writes one item; gives the values of its outputs.
    fn item(&mut self, item: &Item<'_>, inputs: Vec<Val>) -> Vec<Val> {
        self.w.prefix.clone_from(&item.name);
        let first = |inputs: Vec<Val>| inputs.into_iter().take(1).collect();
        match &item.kind {
            // Where a part is given something is known to what goes through its items.
            Kind::Given => Vec::new(),
            Kind::Placeholder => {
                self.not_fed.push(item.node.site());
                item.types.iter().map(|of| val(String::new(), of)).collect()
            }
            Kind::Default | Kind::Behind => first(inputs),
            Kind::Variable(variable) => vec![self.variable(*variable, item)],
            Kind::Assign { variable, op } => {
                let new = self.assign(op, item, &inputs);
                self.assigned.retain(|(other, _)| other != variable);
                self.assigned.push((*variable, new.clone()));
                vec![new]
            }
            Kind::Initialize => {
                self.missing.op("initializer", &item.name);
                item.types.iter().map(|of| val(String::new(), of)).collect()
            }
            Kind::Constant(value, dims) => vec![self.constant(value, dims, item)],
            Kind::Branches(branches) => match control::branches(self, item, branches, &inputs) {
                Ok(vals) => vals,
                Err(detail) => self.refuse(item, &detail),
            },
            Kind::Loop(of) => match control::looped(self, item, of, &inputs) {
                Ok(vals) => vals,
                Err(detail) => self.refuse(item, &detail),
            },
            Kind::Op => self.op(item, inputs),
        }
    }

    pub(super) fn refuse(&mut self, item: &Item<'_>, detail: &str) -> Vec<Val> {
        self.missing.detail(item.node.op.name(), &item.name, detail);
        item.types.iter().map(|of| val(String::new(), of)).collect()
    }

    /// A variable, as an array that the file has.
    fn variable(&mut self, variable: VariableId, item: &Item<'_>) -> Val {
        if let Some(known) = self.variables.get(&variable) {
            return known.clone();
        }
        let name = self.w.fresh(&item.node.name);
        let of = item.types.first().cloned().unwrap_or_else(TensorType::nothing);
        let made = val(name.clone(), &of);
        if let Some(value) = self.values.get(&*item.node.name) {
            self.w.initializer(&name, tensor(value));
        }
        self.variables.insert(variable, made.clone());
        made
    }

    /// The new value of a variable.
    fn assign(&mut self, op: &str, item: &Item<'_>, inputs: &[Val]) -> Val {
        let names: Vec<&str> = inputs.iter().map(|val| &*val.name).collect();
        let made = match (op, &names[..]) {
            ("assign_add", [_, _]) => self.w.op("Add", &names, Vec::new()),
            ("assign_sub", [_, _]) => self.w.op("Sub", &names, Vec::new()),
            ("assign", [_, new]) => (*new).to_owned(),
            _ => {
                self.missing.op(op, &item.name);
                String::new()
            }
        };
        val(made, item.types.first().unwrap_or(&TensorType::nothing()))
    }

    fn constant(&mut self, value: &Value, dims: &[usize], item: &Item<'_>) -> Val {
        let is_whole = dims == value.shape();
        let mut name = self.w.array(value);
        if !is_whole {
            let lengths = self.w.ints(&dims.iter().map(|&length| length as i64).collect::<Vec<_>>());
            name = self.w.op("Expand", &[&name, &lengths], Vec::new());
        }
        let mut made = val(name, item.types.first().unwrap_or(&TensorType::nothing()));
        made.dims = dims.iter().copied().map(Dim::Known).collect();
        made
    }

    fn op(&mut self, item: &Item<'_>, inputs: Vec<Val>) -> Vec<Val> {
        let op = item.node.op.name();
        if inputs.iter().any(|input| input.name.is_empty()) {
            // What it is made of has been refused.
            return item.types.iter().map(|of| val(String::new(), of)).collect();
        }
        if op == "group" {
            return item.types.iter().map(|of| val(String::new(), of)).collect();
        }
        let inputs = if op == "length" { self.lengths(inputs) } else { inputs };
        let attributes = item.node.op.attributes();
        // A custom op may have a name of ours.
        let types: Vec<TensorType> = inputs.iter().map(Val::of_type).collect();
        let is_own = self.built_in.is(item.node, &types.iter().collect::<Vec<_>>());
        let row = table::find(op).filter(|_| is_own);
        let mut at = At { w: &mut self.w, item, attributes, inputs };
        let (written, rule) = match row {
            Some(row) => {
                let written = (row.write)(&mut at);
                let written =
                    written.or_else(|detail| expanded::write(&mut at).map(|it| it.names).map_err(|_| detail));
                (written, row.lengths)
            }
            // A check of its input, which a layer makes.
            None if item.node.op.form() == Form::Same && definition(op).is_none() => {
                (at.name(0).map(|name| vec![name]), lengths::first as lengths::Rule)
            }
            None => match expanded::write(&mut at) {
                Ok(it) if it.is_elementwise => (Ok(it.names), lengths::broadcast as lengths::Rule),
                Ok(it) => (Ok(it.names), lengths::new as lengths::Rule),
                Err(detail) => (Err(detail), lengths::new as lengths::Rule),
            },
        };
        let names = match written {
            Ok(names) => names,
            Err(detail) => return self.refuse(item, &detail),
        };
        let is_length = LENGTHS.contains(&op);
        let made: Vec<Val> = names
            .into_iter()
            .zip(&item.types)
            .map(|(name, of)| {
                let mut dims = lengths::of(rule, &at, of.shape.dims());
                let unknown = dims.iter_mut().enumerate().filter(|(_, dim)| **dim == Dim::Unknown);
                unknown.for_each(|(axis, dim)| *dim = own(&name, axis));
                Val { name, dtype: of.dtype, dims, is_length }
            })
            .collect();
        if let Some(&op) = MAKERS.iter().find(|&&maker| maker == op) {
            let (attributes, inputs) = (at.attributes.clone(), at.inputs.clone());
            for val in &made {
                let (attributes, inputs) = (attributes.clone(), inputs.clone());
                self.w.made.insert(val.name.clone(), Made { op, attributes, inputs });
            }
        }
        made
    }

    /// The operands of arithmetic of lengths: a tensor of so many elements is its length.
    fn lengths(&mut self, inputs: Vec<Val>) -> Vec<Val> {
        let length = |input: Val| match input.dims.as_slice() {
            [Dim::Known(length)] if !input.is_length && input.dtype == DType::Bool => {
                Val { name: self.w.ints(&[*length as i64]), is_length: true, ..input }
            }
            _ => input,
        };
        inputs.into_iter().map(length).collect()
    }
}

/// What a part is given at a place.
fn given_at(part: &Part<'_>, place: Place, given: &[Val]) -> Option<Val> {
    let position = part.inputs.iter().position(|&given| given == place)?;
    given.get(position).cloned()
}

/// A value that an item uses.
fn of(vals: &[Vec<Val>], (place, output): Output, part: &Part<'_>) -> Val {
    let found = vals.get(place).and_then(|made| made.get(output as usize)).cloned();
    found.unwrap_or_else(|| {
        val(String::new(), part.type_of((place, output)).unwrap_or(&TensorType::nothing()))
    })
}
