//! Elementwise functions of one tensor: `neg` and `square`.

use crate::dtype::Numeric;
use crate::error::Mistake;
use crate::gradient::Pullback;
use crate::graph::{AnyTensor, Tensor, Variable};
use crate::lower::{Lowering, Scalar, Val};
use crate::op::Op;
use crate::shape::TensorType;

/// An elementwise function of one tensor.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unary {
    Neg,
    Square,
}

impl Op for Unary {
    fn name(&self) -> &'static str {
        match self {
            Unary::Neg => "neg",
            Unary::Square => "square",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let scalar = match self {
            Unary::Neg => Scalar::Neg,
            Unary::Square => Scalar::Square,
        };
        to.map(scalar, inputs)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let x = at.input(0);
        match self {
            Unary::Neg => at.give(0, |dy| -dy),
            Unary::Square => at.give(0, |dy| dy * (x * x.scalar_like(2.0))),
        }
    }
}

impl<T: Numeric> Tensor<'_, T> {
    /// x², elementwise.
    ///
    /// Gradient: 2·x times the cotangent.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr1(&[-3.0, 2.0])).square();
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[9.0, 4.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn square(self) -> Self {
        Tensor::typed(self.any().unary(Unary::Square))
    }
}

/// `-x`, elementwise. Gradient: minus the cotangent.
impl<T: Numeric> std::ops::Neg for Tensor<'_, T> {
    type Output = Self;
    #[track_caller]
    fn neg(self) -> Self {
        Tensor::typed(self.any().unary(Unary::Neg))
    }
}

/// `-x`, as for the variable's [`Tensor`].
impl<'g, T: Numeric> std::ops::Neg for Variable<'g, T> {
    type Output = Tensor<'g, T>;
    #[track_caller]
    fn neg(self) -> Tensor<'g, T> {
        -self.tensor()
    }
}

impl std::ops::Neg for AnyTensor<'_> {
    type Output = Self;
    #[track_caller]
    fn neg(self) -> Self {
        self.unary(Unary::Neg)
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    vec![
        example("neg", &[&[2, 3]], |_, x| -x[0], |x| x[0].mapv(|x| -x)),
        example("square", &[&[2, 3]], |_, x| x[0].square(), |x| x[0].mapv(|x| x * x)),
        example("square of nothing", &[&[0, 2]], |_, x| x[0].square(), |x| x[0].clone()),
        example("square of a number", &[&[]], |_, x| x[0].square(), |x| x[0].mapv(|x| x * x)),
    ]
}
