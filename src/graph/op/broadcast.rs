//! The ops that gradients use to match shapes: `broadcast_like`, its transpose `sum_like`, and
//! `expect_shape`.
//! Of the second input of either only the shape counts, which may be known only at run time.

use super::{Attributes, Expectation, Form, Op};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::ir::{Lowering, Val};
use crate::shape::{Shape, ShapeError, TensorType, broadcast};

impl TensorType {
    /// The type of what this and another operand of its element type give elementwise.
    ///
    /// # Errors
    /// [`ShapeError::Broadcast`] if the shapes do not broadcast, [`Fault::ElementType`] if the other is of another
    /// element type.
    pub fn together(&self, other: &TensorType) -> Result<TensorType, Fault> {
        if self.dtype != other.dtype {
            return Err(Fault::ElementType { expected: self.dtype, found: other.dtype });
        }
        Ok(TensorType { dtype: self.dtype, shape: broadcast(&self.shape, &other.shape)? })
    }
}

/// Fails unless `small` broadcasts to `large`.
pub(crate) fn check_broadcasts_to(small: &TensorType, large: &TensorType) -> Result<(), ShapeError> {
    match broadcast(&small.shape, &large.shape) {
        Ok(shape) if shape.agrees_with(&large.shape) => Ok(()),
        _ => Err(ShapeError::BroadcastTo { from: small.shape.clone(), to: large.shape.clone() }),
    }
}

/// Repeats the first input to the shape of the second.
#[derive(Debug)]
pub(crate) struct BroadcastLike;

impl Op for BroadcastLike {
    fn name(&self) -> &'static str {
        "broadcast_like"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        check_broadcasts_to(inputs[0], inputs[1])?;
        Ok(TensorType::new(inputs[0].dtype, &inputs[1].shape))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dims = to.dims(inputs[1]).to_vec();
        to.broadcast(inputs[0], dims)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        // The sweep sums the cotangent back to the input's shape.
        at.give(0, |dy| dy);
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn form(&self) -> Form {
        Form::Repeated
    }
}

impl AnyTensor<'_> {
    /// A number in the tensor's own shape, which may be known only at run time.
    #[track_caller]
    pub(crate) fn filled(self, number: f64) -> Self {
        self.scalar_like(number).binary(BroadcastLike, self)
    }
}

/// Sums the first input over the axes along which the second would be repeated to its shape.
#[derive(Debug)]
pub(crate) struct SumLike;

impl Op for SumLike {
    fn name(&self) -> &'static str {
        "sum_like"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        check_broadcasts_to(inputs[1], inputs[0])?;
        Ok(TensorType::new(inputs[0].dtype, &inputs[1].shape))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (from, like) = (to.dims(inputs[0]).to_vec(), to.dims(inputs[1]).to_vec());
        let added = from.len() - like.len();
        let axes: Vec<usize> = (0..from.len())
            .filter(|&axis| axis < added || (like[axis - added] == 1 && from[axis] != 1))
            .collect();
        let sum = to.sum(inputs[0], &axes);
        to.reshape(sum, like)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let from = at.input(0);
        at.give(0, |dy| dy.binary(BroadcastLike, from));
    }

    fn form(&self) -> Form {
        Form::Total
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }
}

/// Gives the first input, whose shape must be the one given, or else that of the second input.
#[derive(Debug)]
pub(crate) struct ExpectShape(pub(crate) Option<Shape>);

impl Expectation for ExpectShape {
    const NAME: &'static str = "expect_shape";

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let found = inputs[0];
        let expected = self.0.as_ref().unwrap_or_else(|| &inputs[inputs.len() - 1].shape);
        // Each may know lengths that the other leaves open.
        match found.shape.merged(expected) {
            Some(shape) => Ok(TensorType::new(found.dtype, shape)),
            None => Err(Fault::OtherShape { expected: expected.clone(), found: found.shape.clone() }),
        }
    }

    fn attributes(&self) -> Attributes {
        match &self.0 {
            Some(shape) => Attributes::new().with("shape", shape.clone()),
            None => Attributes::new(),
        }
    }
}
