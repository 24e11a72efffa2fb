//! `expect_rows`: a tensor as it is, whose last axis must be as long as another's: rows that a formula must not broadcast.

use crate::error::Fault;
use crate::graph::AnyTensor;
use crate::graph::op::{Expect, Expectation, OpDef};
use crate::ops::internal::internal;
use crate::shape::{Shape, ShapeError, TensorType};

/// What can be wrong with rows that stand for one thing each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowsFault {
    /// Rows of another length than those beside them.
    #[error("expected rows of length {expected}, got rows of length {found}, of shape {shape}")]
    Length {
        /// How long they must be.
        expected: usize,
        /// How long they are.
        found: usize,
        /// The shape that has them.
        shape: Shape,
    },
}

/// The first input, whose rows are as long as those of the second one.
#[derive(Clone, Copy, Debug)]
struct ExpectRows;

impl Expectation for ExpectRows {
    const NAME: &'static str = "expect_rows";

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let shape = &inputs[0].shape;
        let (Some((&found, rows)), Some(&expected)) =
            (shape.dims().split_last(), inputs[1].shape.dims().last())
        else {
            return Err(ShapeError::AxisOutOfRange { axis: -1, rank: 0 }.into());
        };
        match (expected, found) {
            (Some(expected), Some(found)) if expected != found => {
                Err(Fault::op(RowsFault::Length { expected, found, shape: shape.clone() }))
            }
            _ => Ok(TensorType::new(inputs[0].dtype, [rows, &[found.or(expected)]].concat())),
        }
    }
}

/// The tensor, of rows that are as long as those of another one.
#[track_caller]
pub(crate) fn expect_rows<'g>(x: AnyTensor<'g>, like: AnyTensor<'g>) -> AnyTensor<'g> {
    x.binary(Expect(ExpectRows), like)
}

/// It is a part of others.
pub(super) const METHODS: &[&[OpDef]] = &[];

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "expect_rows" (x: Element, like: Element) [] |given| Expect(ExpectRows);
};

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    use crate::graph::Tensor;
    vec![example!(
        "expect_rows",
        &[&[2, 3], &[3]],
        |_, x| Tensor::typed(expect_rows(x[0].any(), x[1].any())) * x[1],
        |x| &x[0] * &x[1]
    )]
}
