//! Ops that compute nothing, but hand an input on if the types of all are as they must be.
//!
//! Takes an [`Expectation`], which is the shape rule; gives the op. It is asked while building, and once more when lengths
//! that were unknown become known.

use std::fmt;

use super::{Attributes, Op};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::ir::{Lowering, Val};
use crate::shape::TensorType;

/// What is expected of an op's inputs.
pub(crate) trait Expectation: fmt::Debug + Send + Sync + 'static {
    /// The op's name.
    const NAME: &'static str;

    /// The input that is handed on. Of the others only the types count.
    const INPUT: usize = 0;

    /// The type of what is handed on, with the lengths that others tell.
    ///
    /// # Errors
    /// What is not as it is expected.
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault>;

    /// As the text form of the graph prints it.
    fn attributes(&self) -> Attributes {
        Attributes::new()
    }
}

/// An input as it is, if all are as they are expected.
#[derive(Debug)]
pub(crate) struct Expect<E>(pub(crate) E);

impl<E: Expectation> Op for Expect<E> {
    fn name(&self) -> &'static str {
        E::NAME
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        self.0.infer(inputs)
    }

    fn lower(&self, inputs: &[Val], _: &mut Lowering<'_>) -> Val {
        inputs[E::INPUT]
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.give(E::INPUT, |dy| dy);
    }

    fn differentiable(&self, input: usize) -> bool {
        input == E::INPUT
    }

    fn attributes(&self) -> Attributes {
        self.0.attributes()
    }
}
