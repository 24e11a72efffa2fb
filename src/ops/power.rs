//! `pow`: one tensor raised to another.

use crate::element::Float;
use crate::error::Mistake;
use crate::gradient::Pullback;
use crate::graph::op::Scaled;
use crate::graph::op::{Form, Op};
use crate::graph::{AnyTensor, Operand, Tensor};
use crate::ir::{Lowering, Scalar, Val};
use crate::ops::compare::Compare;
use crate::ops::unary::Unary;
use crate::shape::TensorType;

pub(super) const METHODS: &[&[crate::graph::op::OpDef]] = &[];

/// xʸ.
#[derive(Debug)]
struct Pow;

impl Op for Pow {
    fn name(&self) -> &'static str {
        "pow"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        inputs[0].together(inputs[1])
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        to.map(Scalar::Pow, inputs)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (x, exponent, power) = (at.input(0), at.input(1), at.output());
        let zero = x.scalar_like(0.0);
        // Where 0·x^-1 or x⁰·ln 0 would be 0·∞, the limit is 0; but 0·x^-1 has the slope x^-1 by the exponent.
        at.scale(0, || exponent.binary(Scaled, x.binary(Pow, exponent - x.scalar_like(1.0))));
        at.scale(1, || {
            let is_positive = zero.binary(Compare::Less, x);
            power * is_positive.select(x, x.scalar_like(1.0)).unary(Unary::Ln)
        });
    }

    fn form(&self) -> Form {
        Form::Power
    }
}

impl AnyTensor<'_> {
    /// The power of floats, elementwise.
    pub(crate) fn power(self, exponent: Self) -> Self {
        self.binary(Pow, exponent)
    }
}

impl<'g, T: Float> Tensor<'g, T> {
    /// `self` raised to `exponent`, elementwise, with the special cases of IEEE 754: x⁰ is 1 for every
    /// x, and a negative x has a power only for integers. Shapes broadcast.
    ///
    /// Gradient: y·xʸ⁻¹ times the cotangent to `self`, xʸ·ln x to `exponent`; at x = 0 the limit, and
    /// nothing to the exponent of a negative x.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr1(&[2.0, -3.0])).pow(3.0);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[8.0, -27.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn pow(self, exponent: impl Operand<'g, T>) -> Self {
        let any = self.any();
        Tensor::typed(any.binary(Pow, exponent.into_tensor(any.graph()).any()))
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    vec![
        example!("pow 3", &[&[2, 3]], |_, x| x[0].pow(3.0), |x| x[0].mapv(|x| x * x * x)),
        example!("pow 0", &[&[2, 3]], |_, x| x[0].pow(0.0) + x[0], |x| x[0].mapv(|x| x + 1.0)),
        example!("pow", &[&[2, 3], &[3]], |_, x| x[0].square().pow(x[1]), |x| {
            let exponents = x[1].broadcast(x[0].raw_dim()).unwrap();
            ndarray::Zip::from(&x[0]).and(exponents).map_collect(|&x, &y| (x * x).powf(y))
        },),
        // The slope by the base is 0 there, but that slope has one by the exponent.
        example!("pow of 0 that changes", &[&[3], &[3]], |_, x| (x[0].square() + x[1]).pow(x[1]), |x| x[0]
            .mapv(|_| 1.0),)
        .on(vec![ndarray::array![0.5, -1.5, 2.0].into_dyn(), ndarray::array![0.0, 0.0, 0.0].into_dyn()]),
    ]
}
