//! `identity` and `stop_gradient`: the same elements, with and without a gradient; and `seen`, a variable's
//! as another node sees them.

use super::{Form, Op};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::ir::{Lowering, Val};
use crate::shape::TensorType;

/// Gives its first input.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Identity {
    Plain,
    StopGradient,
    /// Of a variable, the value that a second input sees: what a gradient needs when the variable may have
    /// changed since.
    Seen,
}

impl Op for Identity {
    fn name(&self) -> &'static str {
        match self {
            Identity::Plain => "identity",
            Identity::StopGradient => "stop_gradient",
            Identity::Seen => "seen",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], _: &mut Lowering<'_>) -> Val {
        inputs[0]
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.give(0, |dy| dy);
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0 && !matches!(self, Identity::StopGradient)
    }

    fn form(&self) -> Form {
        match self {
            Identity::Plain => Form::Same,
            Identity::StopGradient | Identity::Seen => Form::Other,
        }
    }
}
