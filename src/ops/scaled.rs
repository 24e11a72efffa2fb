//! `scaled`: a cotangent times a slope, as gradients below a `select` take it.
//!
//! Where a branch was not taken its cotangent is 0, and whatever was computed there must not matter: also an
//! infinite or undefined slope. The sweep asks for this product instead of a plain one exactly there.

use crate::error::Mistake;
use crate::gradient::Pullback;
use crate::lower::{Lowering, Scalar, Val};
use crate::op::Op;
use crate::shape::TensorType;

pub(super) const OPS: &[&str] = &["scaled"];

/// The product of the inputs, and 0 where the first is 0.
#[derive(Debug)]
pub(crate) struct Scaled;

impl Op for Scaled {
    fn name(&self) -> &'static str {
        "scaled"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        inputs[0].together(inputs[1])
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        to.map(Scalar::Scaled, inputs)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        // That of a product, not of a choice: where the first is 0 by chance, it has the slope all the same.
        let (cotangent, slope) = (at.input(0), at.input(1));
        at.give(0, |dy| dy.binary(Scaled, slope));
        at.give(1, |dy| dy.binary(Scaled, cotangent));
    }

    fn masks(&self, _: usize) -> bool {
        true
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    use crate::graph::Tensor;
    vec![example!(
        "scaled",
        &[&[2, 3], &[3]],
        |_, x| Tensor::typed(x[0].any().binary(Scaled, x[1].any())),
        |x| &x[0] * &x[1],
    )]
}
