//! [`fitting`]: a layer's input, provided that the layer takes it.
//!
//! The check is the shape rule of an op that computes nothing, so it is made while building, and once more when lengths
//! that were unknown become known.

use std::fmt;

use crate::op::{AnyTensor, Fault, Form, Lowering, Op, Pullback, TensorType, Val};
use crate::{Element, Graph, Shape, Tensor};

/// The first input. A node of the layer's name is invalid by the fault that `check` finds in the shapes of the inputs.
#[track_caller]
pub(super) fn fitting<'g, T: Element, const N: usize>(
    g: &'g Graph,
    layer: &'static str,
    inputs: [AnyTensor<'g>; N],
    check: impl Fn([&Shape; N]) -> Result<(), Fault> + Send + Sync + 'static,
) -> Tensor<'g, T> {
    g.custom(Fitting::<_, N> { layer, check }, &inputs)
}

/// A fault that a layer words itself.
pub(super) fn fault(reason: String) -> Fault {
    Fault::Custom { reason }
}

/// Its first input, if the shapes of all pass the check.
struct Fitting<F, const N: usize> {
    layer: &'static str,
    check: F,
}

impl<F, const N: usize> fmt::Debug for Fitting<F, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.layer)
    }
}

impl<F, const N: usize> Op for Fitting<F, N>
where
    F: Fn([&Shape; N]) -> Result<(), Fault> + Send + Sync + 'static,
{
    fn name(&self) -> &'static str {
        self.layer
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        (self.check)(std::array::from_fn(|input| &inputs[input].shape))?;
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], _: &mut Lowering<'_>) -> Val {
        inputs[0]
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.give(0, |dy| dy);
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn form(&self) -> Form {
        Form::Same
    }
}
