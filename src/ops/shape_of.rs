//! `shape_of`: the lengths of a tensor as a tensor.

use std::sync::Arc;

use ndarray::Array1;

use crate::element::{DType, Value};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::Op;
use crate::ir::{Lowering, Val};
use crate::ops::methods::methods;
use crate::shape::TensorType;

/// The lengths of the input, which is not computed for it.
#[derive(Debug)]
struct ShapeOf;

impl Op for ShapeOf {
    fn name(&self) -> &'static str {
        "shape_of"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(TensorType::new(DType::I64, [inputs[0].shape.rank()]))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let lengths: Array1<i64> = to.dims(inputs[0]).iter().map(|&length| length as i64).collect();
        to.constant(Arc::new(Value::from(lengths)))
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}

    fn differentiable(&self, _: usize) -> bool {
        false
    }
}

methods! {
    /// The length of each axis, also where it is known only when the tensor is fed.
    ///
    /// No gradient passes.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [None, Some(3)]);
    /// let rows = x.shape_of().slice(0);
    /// let session = Session::new(&g)?;
    /// assert_eq!(session.feed(x, &ndarray::Array2::zeros((5, 3))).run(rows)?.sum(), 5);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("size"))]
    fn shape_of<Element>(x) -> i64 {
        x.unary(ShapeOf)
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    let mut examples: Vec<Example> = Vec::new();
    for dims in [&[][..], &[3], &[2, 0, 1]] {
        examples.push(example!("shape_of", &[dims], |_, x| (x[0] * 2.0).shape_of().cast(), |x| x[0]
            .shape()
            .iter()
            .map(|&length| length as f64)
            .collect::<ndarray::Array1<f64>>()
            .into_dyn()));
    }
    examples
}
