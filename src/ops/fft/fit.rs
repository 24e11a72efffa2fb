//! `fit_last`: the last axis cut off, or filled up by zeros, to a length. Its gradient is such a step back.

use super::Told;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Attributes, Op};
use crate::ir::{AxisSlice, Lowering, Val};
use crate::ops::lengths::types;
use crate::shape::{ShapeError, TensorType};

/// The rows cut off or filled up to the length told; a computed one by a second input.
#[derive(Debug)]
pub(super) struct Fit(pub(super) Told);

impl Op for Fit {
    fn name(&self) -> &'static str {
        "fit_last"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let Some((_, rows)) = inputs[0].shape.dims().split_last() else {
            return Err(ShapeError::AxisOutOfRange { axis: -1, rank: 0 }.into());
        };
        Ok(TensorType::new(inputs[0].dtype, [rows, &[self.0.filled(1, &inputs[1..])?]].concat()))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (mut dims, computed) = (to.dims(inputs[0]).to_vec(), types(&inputs[1..], to));
        let length = self.0.filled(1, &computed.iter().collect::<Vec<_>>()).ok().flatten();
        // The shape rule has accepted the length and the rows.
        let (length, last) = (length.unwrap_or(0), dims.len().saturating_sub(1));
        let kept = length.min(dims[last]);
        let lacking = length - kept;
        dims[last] = kept;
        let cut = to.slice(inputs[0], vec![AxisSlice::WHOLE; dims.len()], &dims);
        if lacking == 0 {
            return cut;
        }
        let zero = to.scalar(0.0, to.dtype(inputs[0]));
        dims[last] = lacking;
        let zeros = to.broadcast(zero, &dims);
        dims[last] = length;
        to.join(&[cut, zeros], dims)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let x = at.input(0);
        at.give(0, |dy| dy.fit(x.dim(-1)));
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("length", self.0)
    }
}
