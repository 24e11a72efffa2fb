//! What variables start from where there is a checkpoint.
//!
//! A graph that has a `Saver`, and each `SavedModel`, says by its own ops for restoring under which name of a checkpoint
//! each variable lies, and which part of a partitioned one it is. These ops are read and not built. In a graph that has
//! none, each variable lies under its own name.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};

use super::frames::source;
use super::nodes::{Nodes, Port};
use super::ops::Refusal;
use crate::element::{DType, Element, Value, with_element};
use crate::error::Fault;
use crate::initializer::{Start, StartingValue};
use crate::io::tensor_bundle::{Bundle, PartOf};
use crate::io::tensorflow::Attr;
use crate::memory::OutOfMemory;
use crate::quote::quoted;

/// Where the value of a variable lies in a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    key: String,
    /// None for all of it.
    part: Option<PartOf>,
}

/// Where the graph restores each variable from, by its name.
#[derive(Clone, Debug, Default)]
pub(super) struct Restores(HashMap<String, Vec<Stored>>);

impl Restores {
    /// What the nodes of a graph restore, and the functions that these call.
    pub(super) fn of(nodes: &Nodes, functions: &HashMap<String, Nodes>) -> Self {
        let mut all = HashMap::new();
        let variable = |port: Port| Some(variable_name(nodes, source(nodes, port).node)?.to_owned());
        collect(nodes, &variable, &mut all);
        let mut seen = HashSet::new();
        for call in nodes.all.iter().filter(|node| node.op.ends_with("PartitionedCall")) {
            let Some(Attr::Func(function)) = call.attr("f") else { continue };
            // A model calls the one that restores once.
            if !seen.insert(function.name.as_str()) {
                continue;
            }
            let Some(inside) = functions.get(&function.name) else { continue };
            let argument = |port: Port| {
                let place = source(inside, port).node;
                let own = variable_name(inside, place).map(str::to_owned);
                own.or_else(|| variable(*call.inputs.get(place).filter(|_| place < inside.parameters)?))
            };
            collect(inside, &argument, &mut all);
        }
        Restores(all)
    }

    /// Where a variable may lie: the first place that a checkpoint has is the one. None if others are restored alone.
    fn places(&self, variable: &str) -> Option<Vec<Stored>> {
        match self.0.get(variable) {
            Some(places) => Some(places.clone()),
            None if self.0.is_empty() => Some(vec![Stored { key: variable.to_owned(), part: None }]),
            None => None,
        }
    }

    /// Where a variable is written to.
    fn place(&self, variable: &str) -> Stored {
        let first = self.places(variable).and_then(|places| places.into_iter().next());
        first.unwrap_or_else(|| Stored { key: variable.to_owned(), part: None })
    }

    /// Values of variables by the names of the checkpoint, those of partitioned ones as a whole.
    pub(super) fn to_keys(
        &self,
        values: impl IntoIterator<Item = (String, Value)>,
    ) -> Result<BTreeMap<String, Value>, String> {
        let mut all: BTreeMap<String, Value> = BTreeMap::new();
        for (variable, value) in values {
            let Stored { key, part } = self.place(&variable);
            let Some(part) = part else {
                all.insert(key, value);
                continue;
            };
            let wrong = || format!("variable `{}`: expected the part {part:?} of others", quoted(&variable));
            let blank = || with_element!(value.dtype(), T => blank::<T>(part.whole()));
            let whole = match all.remove(&key) {
                Some(whole) => whole,
                None => blank().ok_or_else(wrong)?,
            };
            all.insert(key, part.put(whole, &value).ok_or_else(wrong)?);
        }
        Ok(all)
    }
}

/// Zeros; none where there is no memory for them.
fn blank<T: Element>(shape: &[usize]) -> Option<Value> {
    let count = shape.iter().try_fold(1_usize, |count, &length| count.checked_mul(length))?;
    let mut elements: Vec<T> = Vec::new();
    elements.try_reserve_exact(count).ok()?;
    elements.resize(count, T::default());
    ArrayD::from_shape_vec(IxDyn(shape), elements).ok().map(Value::from)
}

/// The name of a variable, as it is shared among nodes, if the node is one.
fn variable_name(nodes: &Nodes, place: usize) -> Option<&str> {
    let node = nodes.all.get(place)?;
    if !matches!(node.op.as_str(), "VarHandleOp" | "Variable" | "VariableV2") {
        return None;
    }
    match node.attr("shared_name") {
        Some(Attr::Bytes(shared)) if !shared.is_empty() => std::str::from_utf8(shared).ok(),
        _ => Some(&node.name),
    }
}

/// Adds what assignments among the nodes restore to the variables that they assign to.
fn collect(nodes: &Nodes, variable: &dyn Fn(Port) -> Option<String>, all: &mut HashMap<String, Vec<Stored>>) {
    let assigns = nodes.all.iter().filter(|node| matches!(node.op.as_str(), "Assign" | "AssignVariableOp"));
    for assign in assigns {
        let &[to, value, ..] = &assign.inputs[..] else { continue };
        let Some(stored) = stored(nodes, source(nodes, value)) else { continue };
        let Some(variable) = variable(to) else { continue };
        let places = all.entry(variable).or_default();
        if !places.contains(&stored) {
            places.push(stored);
        }
    }
}

/// What an output of an op for restoring reads.
fn stored(nodes: &Nodes, port: Port) -> Option<Stored> {
    let node = nodes.all.get(port.node)?;
    if !matches!(node.op.as_str(), "Restore" | "RestoreSlice" | "RestoreV2") {
        return None;
    }
    let text = |input: usize| text(nodes, *node.inputs.get(input)?, port.output);
    let key = text(1)?;
    let part = if node.op == "Restore" { String::new() } else { text(2)? };
    let part = if part.is_empty() { None } else { Some(PartOf::parse(&part)?) };
    Some(Stored { key, part })
}

/// One of the texts that a constant holds, of which the last is repeated.
fn text(nodes: &Nodes, port: Port, place: usize) -> Option<String> {
    let node = nodes.all.get(source(nodes, port).node).filter(|node| node.op == "Const")?;
    let Some(Attr::Tensor(proto)) = node.attr("value") else { return None };
    let text = proto.string_val.get(place).or_else(|| proto.string_val.last());
    String::from_utf8(text.cloned().unwrap_or_default()).ok()
}

/// What a variable starts from.
pub(super) enum Begin {
    /// Zeros, or what is not true, of these lengths.
    Zeros(Vec<usize>),
    /// A value, shared with whoever else has it.
    Held(Arc<Value>),
}

impl<T: Element> Start<T> for Begin {
    fn into_starting_value(self) -> Result<StartingValue, Fault> {
        Ok(match self {
            Begin::Held(value) => StartingValue::Fixed(value),
            Begin::Zeros(dims) => {
                let shape = dims.clone();
                let lacking = |shape: &[usize]| OutOfMemory::elements::<T>(shape.iter().product());
                let draw = move |_| blank::<T>(&shape).ok_or_else(|| lacking(&shape));
                StartingValue::Drawn { dims, draw: Arc::new(draw) }
            }
        })
    }
}

/// A checkpoint that variables start from. What is read once is kept, so that nothing fails when it is read again.
#[derive(Debug)]
pub(super) struct Starts<'a> {
    bundle: &'a Bundle,
    restores: &'a Restores,
    values: RefCell<HashMap<String, Arc<Value>>>,
}

impl<'a> Starts<'a> {
    pub(super) fn new(bundle: &'a Bundle, restores: &'a Restores) -> Self {
        Starts { bundle, restores, values: RefCell::default() }
    }

    /// What a variable starts from; none if the graph does not restore it. It is read again when it is asked for again.
    pub(super) fn taken(
        &self,
        variable: &str,
        dtype: DType,
        shape: &[usize],
    ) -> Result<Option<Value>, Refusal> {
        let value = self.value(variable, dtype, shape)?;
        self.values.borrow_mut().remove(variable);
        Ok(value.map(Arc::unwrap_or_clone))
    }

    /// What a variable starts from; none if the graph does not restore it.
    pub(super) fn value(
        &self,
        variable: &str,
        dtype: DType,
        shape: &[usize],
    ) -> Result<Option<Arc<Value>>, Refusal> {
        if let Some(value) = self.values.borrow().get(variable) {
            return Ok(Some(Arc::clone(value)));
        }
        let Some(places) = self.restores.places(variable) else { return Ok(None) };
        let is_there = |place: &&Stored| self.bundle.info(&place.key).is_ok();
        let Some(place) = places.iter().find(is_there) else {
            let keys: Vec<&str> = places.iter().map(|place| place.key.as_str()).collect();
            let keys = crate::quote::listed(keys.iter().copied(), keys.len());
            return Err(format!("expected its value in the checkpoint as {keys}, got none").into());
        };
        let fault = |error| Refusal::from(super::GraphDefError::Checkpoint(error));
        let info = self.bundle.info(&place.key).map_err(fault)?;
        let found = place.part.as_ref().map_or(&info.shape[..], |part| part.lengths());
        let is_part = place.part.as_ref().is_none_or(|part| part.whole() == info.shape);
        if info.dtype != Some(dtype) || found != shape || !is_part {
            let of = quoted(&info.type_name);
            let detail = format!(
                "expected {dtype}{shape:?} in the checkpoint as `{}`, got {of}{:?}",
                quoted(&place.key),
                info.shape
            );
            return Err(detail.into());
        }
        let whole = self.bundle.read(&place.key).map_err(fault)?;
        let value = match &place.part {
            None => Some(whole),
            Some(part) => part.of(&whole),
        };
        let value = Arc::new(value.ok_or("expected a part of what is in the checkpoint, got another")?);
        self.values.borrow_mut().insert(variable.to_owned(), Arc::clone(&value));
        Ok(Some(value))
    }
}
