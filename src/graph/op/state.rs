//! Variables and what is run for its effect: `variable`, `assign`, `assign_add`, `assign_sub`,
//! `group` and the initializer.
//!
//! An assignment *is* its new value: lowering threads each variable's versions through the readers
//! (see [`lower`](crate::lower)), so these ops lower to plain arithmetic and nothing has a side effect.

use std::panic::Location;

use super::Op;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::ir::{Lowering, Scalar, Val, VariableId};
use crate::shape::{Shape, TensorType, broadcast};

/// A variable; which of its versions a reader sees is decided when a run is planned.
#[derive(Debug)]
pub(crate) struct VariableOp {
    id: VariableId,
    stored: TensorType,
}

impl VariableOp {
    pub(crate) fn new(id: VariableId, stored: TensorType) -> Self {
        VariableOp { id, stored }
    }
}

impl Op for VariableOp {
    fn name(&self) -> &'static str {
        "variable"
    }

    fn infer(&self, _: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(self.stored.clone())
    }

    fn lower(&self, _: &[Val], to: &mut Lowering<'_>) -> Val {
        // The lengths of a variable are known.
        let dims = self.stored.shape.known().unwrap_or_default();
        to.read(self.id, self.stored.dtype, dims.into())
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}
}

/// How an assignment makes the new value from the old one and its operand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Update {
    /// v ← x
    Replace,
    /// v ← v + x
    Add,
    /// v ← v − x
    Subtract,
}

/// An assignment: inputs are the variable and the operand, the output is the new value.
#[derive(Debug)]
pub(crate) struct Assign(Update);

impl Assign {
    pub(crate) fn new(update: Update) -> Self {
        Assign(update)
    }
}

/// What can be wrong with a variable or an assignment to one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VariableFault {
    /// The shape of its start is not fully known or too large.
    #[error("expected a variable whose lengths are known and addressable, got shape {shape}")]
    Shape {
        /// The shape asked for.
        shape: Shape,
    },
    /// Its name, which must be unique, is taken.
    #[error("expected a name that is not in use, got `{name}`, the name of {}", match taken_at {
        Some(location) => format!("a node built at {location}"),
        None => "a name scope".to_owned(),
    })]
    NameTaken {
        /// The name.
        name: String,
        /// Where the node that has it was built; `None` when a name scope has it.
        taken_at: Option<&'static Location<'static>>,
    },
    /// A value of another shape is assigned to it.
    #[error("variable `{variable}`: expected a value of shape {expected}, got {found}")]
    Assign {
        /// Name of the variable.
        variable: String,
        /// Its shape.
        expected: Shape,
        /// Shape of the value.
        found: Shape,
    },
}

impl Op for Assign {
    fn name(&self) -> &'static str {
        match self.0 {
            Update::Replace => "assign",
            Update::Add => "assign_add",
            Update::Subtract => "assign_sub",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let (stored, value) = (inputs[0], inputs[1]);
        let fits = match self.0 {
            Update::Replace => value.shape.agrees_with(&stored.shape),
            Update::Add | Update::Subtract => {
                broadcast(&stored.shape, &value.shape).is_ok_and(|shape| shape.agrees_with(&stored.shape))
            }
        };
        if fits {
            return Ok(stored.clone());
        }
        Err(Fault::op(VariableFault::Assign {
            // The report knows the name that the variable has by then.
            variable: String::new(),
            expected: stored.shape.clone(),
            found: value.shape.clone(),
        }))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (old, value) = (inputs[0], inputs[1]);
        match self.0 {
            Update::Replace => value,
            Update::Add => to.map(Scalar::Add, &[old, value]),
            Update::Subtract => to.map(Scalar::Sub, &[old, value]),
        }
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        match self.0 {
            Update::Replace => at.give(1, |dy| dy),
            Update::Add => {
                at.give(0, |dy| dy);
                at.give(1, |dy| dy);
            }
            Update::Subtract => {
                at.give(0, |dy| dy);
                at.give(1, |dy| -dy);
            }
        }
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 1 || !matches!(self.0, Update::Replace)
    }
}

/// Done when all its inputs are.
#[derive(Debug)]
pub(crate) struct Group;

impl Op for Group {
    fn name(&self) -> &'static str {
        "group"
    }

    fn infer(&self, _: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(TensorType::nothing())
    }

    fn lower(&self, _: &[Val], to: &mut Lowering<'_>) -> Val {
        to.nothing()
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}
}

/// Sets every variable of the graph to its start.
#[derive(Debug)]
pub(crate) struct Initializer;

impl Op for Initializer {
    fn name(&self) -> &'static str {
        "initializer"
    }

    fn infer(&self, _: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(TensorType::nothing())
    }

    fn lower(&self, _: &[Val], to: &mut Lowering<'_>) -> Val {
        to.nothing()
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}
}
