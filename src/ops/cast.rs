//! `cast`: the same numbers as another element type.

use crate::element::{DType, Element};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{AttributeDef, Attributes, Elements, Op, OpDef, OperandDef};
use crate::graph::{AnyTensor, Tensor};
use crate::ir::{Lowering, Val};
use crate::ops::methods::methods;
use crate::shape::TensorType;

/// Converts to the given element type.
#[derive(Debug)]
struct Cast(DType);

impl Op for Cast {
    fn name(&self) -> &'static str {
        "cast"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(TensorType::new(self.0, &inputs[0].shape))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        to.cast(inputs[0], self.0)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let from = at.input(0).dtype();
        at.give(0, |dy| dy.cast(from));
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("dtype", self.0)
    }
}

methods! {
    also [
        OpDef {
            name: "cast",
            doc: "Each element as another element type, converted as Rust's `as` does.",
            operands: &[OperandDef::one("x", Elements::Element)],
            attributes: &[AttributeDef::of::<DType>("dtype")],
            build: |_, operands, attributes| Ok(vec![operands[0].cast(attributes.value("dtype")?)]),
        },
    ]
}

impl AnyTensor<'_> {
    /// The same as [`Tensor::cast`](crate::Tensor::cast), to the given element type. A tensor that has it stays.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(1.5_f32).any();
    /// assert_eq!(x.cast(DType::I64).dtype(), DType::I64);
    /// ```
    #[track_caller]
    pub fn cast(self, dtype: DType) -> Self {
        if self.dtype() == dtype { self } else { self.unary(Cast(dtype)) }
    }
}

impl<'g, T: Element> Tensor<'g, T> {
    /// Converts each element to type `U`, as Rust's `as` does: a float becomes the integer towards
    /// zero, saturating at the type's ends, and NaN becomes 0. `true` is 1; a number is `true`
    /// unless it is 0.
    ///
    /// Gradient: the cotangent, cast back, between float types; none through integers and `bool`.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr1(&[-1.7_f32, 0.0, 1e20])).cast::<i32>();
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[-1, 0, i32::MAX]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("astype", "as_type", "to"))]
    #[track_caller]
    pub fn cast<U: Element>(self) -> Tensor<'g, U> {
        self.any().cast(U::DTYPE).typed()
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    vec![
        example!("cast to the same", &[&[2, 3]], |_, x| x[0].cast(), |x| x[0].clone()),
        example!("cast to i32", &[&[9]], |_, x| x[0].cast::<i32>().cast(), |x| x[0].mapv(f64::trunc)),
        example!("cast to i64", &[&[9]], |_, x| x[0].cast::<i64>().cast(), |x| x[0].mapv(f64::trunc)),
        example!("cast to bool", &[&[9]], |_, x| (x[0] * 0.0).cast::<bool>().cast(), |x| x[0].mapv(|_| 0.0)),
        example!("cast from bool", &[&[9]], |_, x| x[0].cast::<bool>().cast(), |x| x[0].mapv(|_| 1.0)),
    ]
}
