//! What is fed and held: constants, placeholders, variables of both kinds, and assignments to them.

use ndarray::arr0;

use super::super::nodes::{Nodes, Port};
use super::super::restore::Begin;
use super::super::tensor;
use super::at::one;
use super::{At, Outputs, Refusal, Row, Val};
use crate::element::{DType, Element, with_element};
use crate::graph::op::{self, Update};
use crate::graph::{AnyTensor, Graph, Role};
use crate::io::import::budget::Budget;
use crate::io::import::known::Known;
use crate::io::tensorflow::Attr;

pub(super) const OPS: &[Row] = &[
    ("Assign", |at| changed(at, Update::Replace)),
    ("AssignAdd", |at| changed(at, Update::Add)),
    ("AssignAddVariableOp", |at| changed(at, Update::Add)),
    ("AssignSub", |at| changed(at, Update::Subtract)),
    ("AssignSubVariableOp", |at| changed(at, Update::Subtract)),
    ("AssignVariableOp", |at| changed(at, Update::Replace)),
    ("Const", constant),
    ("ControlTrigger", |_| Ok(vec![Val::Effect])),
    // Variables start from something in every session.
    ("IsVariableInitialized", |at| one(at.graph().constant(arr0(true)).any())),
    ("NoOp", |_| Ok(vec![Val::Effect])),
    ("Placeholder", placeholder),
    ("PlaceholderV2", placeholder),
    ("ReadVariableOp", |at| {
        let read = at.tensor(0)?;
        one(if at.graph().builds_in_order() { read.identity() } else { read })
    }),
    ("VarHandleOp", variable),
    ("VarIsInitializedOp", |at| one(at.graph().constant(arr0(true)).any())),
    ("Variable", variable),
    ("VariableShape", |at| {
        let lengths = Known::lengths_of(at.tensor(0)?);
        let to = if at.node.attr("out_type").is_some() { at.dtype("out_type")? } else { DType::I32 };
        Ok(vec![Val::Known(lengths, to)])
    }),
    ("VariableV2", variable),
];

fn constant<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let Some(Attr::Tensor(proto)) = at.node.attr("value") else {
        return Err("expected a tensor as attribute `value`, got something else".into());
    };
    let value = tensor::value(proto, at.importer.options.widen, &mut at.importer.budget.borrow_mut())?;
    let dtype = value.dtype();
    if let Some(known) = Known::of_value(&value) {
        return Ok(vec![Val::Known(known, dtype)]);
    }
    let dims = value.shape().to_vec();
    one(at.graph().apply(op::Constant::shared(value.into(), dims), &[]))
}

/// The number that a constant holds, if it is one whole number.
pub(in super::super) fn constant_number(nodes: &Nodes, port: Port) -> Option<i64> {
    let node = nodes.all.get(port.node).filter(|node| node.op == "Const")?;
    let Some(Attr::Tensor(proto)) = node.attr("value") else { return None };
    let value = tensor::value(proto, false, &mut Budget::of_bytes(size_of::<i64>())).ok()?;
    Known::of_value(&value)?.number()
}

fn placeholder<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    if !std::ptr::eq(at.nodes, at.importer.source.nodes) {
        return Err("expected placeholders of the graph, got one of a function, which nobody can feed".into());
    }
    let declared = at.shape("shape")?;
    let told = at.importer.options.shapes.get(at.name()).cloned();
    let shape = match (declared, told) {
        // Of version 1, a placeholder says that it is a number where it does not say what it is.
        (declared, Some(told)) => {
            let both = declared
                .as_ref()
                .filter(|declared| declared.rank() > 0)
                .map_or(Some(told.clone()), |declared| told.merged(declared));
            both.ok_or_else(|| {
                format!("expected a shape that agrees with that of the options, {told}, got another")
            })?
        }
        (Some(declared), None) => declared,
        (None, None) => {
            return Err(
                "expected a known number of axes, got an unknown one: give the placeholder a shape by the \
                        options"
                    .into(),
            );
        }
    };
    let dtype = at.dtype("dtype")?;
    let tensor = with_element!(dtype, T => at.graph().placeholder::<T>(at.name(), shape).any());
    at.importer.placeholders.borrow_mut().push((at.name().to_owned(), tensor));
    one(tensor)
}

/// A variable of the node's name, or the one that is there under the name that nodes share.
fn variable<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let shared = at.text("shared_name", "")?;
    let name = if shared.is_empty() { at.name() } else { &shared };
    let there = at.importer.variables.borrow().iter().position(|(known, _)| known == name);
    if let Some(place) = there {
        return Ok(vec![Val::Variable { place, after: None }]);
    }
    let dtype = at.dtype("dtype")?;
    let shape = at.shape("shape")?.and_then(|shape| shape.known());
    let lengths = shape.ok_or("expected a variable of a known shape, got an unknown one")?;
    let declared: Vec<i64> = lengths.iter().map(|&length| i64::try_from(length).unwrap_or(-1)).collect();
    let budget = at.importer.budget.borrow_mut().lengths(&declared, dtype);
    let lengths = budget.map_err(|over| over.to_string())?;
    let start = match at.importer.source.starts {
        Some(starts) => starts.value(name, dtype, &lengths)?,
        None => None,
    };
    let start = start.map_or(Begin::Zeros(lengths), Begin::Held);
    let is_trained = !at.importer.slots.contains(at.name()) && matches!(dtype, DType::F32 | DType::F64);
    let tensor = with_element!(dtype, T => started::<T>(at.graph(), name, start, is_trained));
    let mut variables = at.importer.variables.borrow_mut();
    variables.push((name.to_owned(), tensor));
    Ok(vec![Val::Variable { place: variables.len() - 1, after: None }])
}

fn started<'g, T: Element>(graph: &'g Graph, name: &str, start: Begin, is_trained: bool) -> AnyTensor<'g> {
    if is_trained {
        graph.variable::<T>(name, start).any()
    } else {
        graph.non_trainable_variable::<T>(name, start).any()
    }
}

/// The first input, changed by the second.
fn changed<'g>(at: &At<'_, 'g>, update: Update) -> Outputs<'g> {
    let value = at.tensor(1)?;
    let (place, after) = assigned(at, 0, update, value)?;
    Ok(vec![Val::Variable { place, after: Some(after) }])
}

/// A variable among the inputs, changed: its place, and its new value.
pub(super) fn assigned<'g>(
    at: &At<'_, 'g>,
    input: usize,
    update: Update,
    value: AnyTensor<'g>,
) -> Result<(usize, AnyTensor<'g>), Refusal> {
    let &Val::Variable { place, after } = at.value(input)? else {
        return Err(format!("expected a variable as input {input}, got something else").into());
    };
    let variable = at.importer.variables.borrow().get(place).map(|&(_, tensor)| tensor);
    let variable = variable.ok_or("expected a variable, got none")?;
    let Role::Reads(id) = variable.role() else {
        return Err("expected a variable that can be changed, got one that is invalid".into());
    };
    let assign = || at.graph().apply_as(op::Assign::new(update), Role::Writes(id), &[variable, value]);
    // What is changed again is changed behind the first change.
    let assigned = match after {
        Some(after) => at.graph().control_dependencies(&[after.op()], assign),
        None => assign(),
    };
    Ok((place, assigned))
}
