//! `matrix_fit`, by which gradients cut matrices or fill them up, also where lengths are not known before.

use super::error::LinalgFault;
use super::shapes::{Matrices, lengths};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::graph::op::{Attributes, Expect, Expectation, Op, OpDef};
use crate::ir::{AxisSlice, Lowering, Val};
use crate::ops::internal::internal;
use crate::shape::{TensorType, resolve_axis};

/// The first rows and columns of matrices, as many as the second input has along two axes; zeros where there are none.
#[derive(Clone, Copy, Debug)]
struct Fit {
    rows: isize,
    columns: isize,
}

impl Op for Fit {
    fn name(&self) -> &'static str {
        "matrix_fit"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let like = &inputs[1].shape;
        let axis = |axis| Ok::<_, Fault>(like[resolve_axis(axis, like.rank())?]);
        Ok(Matrices::of(inputs[0])?.each([axis(self.rows)?, axis(self.columns)?]))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (batch, rows, columns) = lengths(inputs[0], to);
        let like = to.dims(inputs[1]).to_vec();
        // The shape rule has accepted the axes.
        let length = |axis| like[resolve_axis(axis, like.len()).unwrap_or(0)];
        let (new_rows, new_columns) = (length(self.rows), length(self.columns));
        let [r, c] = [rows.min(new_rows), columns.min(new_columns)];
        let mut x = inputs[0];
        if [r, c] != [rows, columns] {
            let axes = vec![AxisSlice::WHOLE; batch.len() + 2];
            x = to.slice(x, axes, [&batch[..], &[r, c]].concat());
        }
        let zero = to.scalar(0.0, to.dtype(x));
        for (axis, had, wanted) in [(0, r, new_rows), (1, c, new_columns)] {
            if had < wanted {
                let mut dims = to.dims(x).to_vec();
                let place = batch.len() + axis;
                dims[place] = wanted - had;
                let zeros = to.broadcast(zero, &dims);
                dims[place] = wanted;
                x = to.join(&[x, zeros], dims);
            }
        }
        x
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let x = at.input(0);
        at.give(0, |dy| fit(dy, x, [-2, -1]));
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("rows", self.rows).with("columns", self.columns)
    }
}

/// Matrices cut or filled up to as many rows and columns as another tensor has along two axes.
pub(super) fn fit<'g>(x: AnyTensor<'g>, like: AnyTensor<'g>, [rows, columns]: [isize; 2]) -> AnyTensor<'g> {
    let [from, to] = [x, like].map(AnyTensor::shape);
    let is_same = |axis: isize, other: isize| {
        let length = |shape: &crate::shape::Shape, axis| {
            resolve_axis(axis, shape.rank()).ok().and_then(|axis| shape[axis])
        };
        length(&from, axis).is_some_and(|own| length(&to, other) == Some(own))
    };
    if is_same(-2, rows) && is_same(-1, columns) { x } else { x.binary(Fit { rows, columns }, like) }
}

/// Gives its first input, if the matrices of the second have as many rows as columns, or no more rows: of others the
/// gradient is not determined.
#[derive(Clone, Copy, Debug)]
struct ExpectSquare {
    /// Whether more columns than rows are taken too.
    may_be_wide: bool,
}

impl Expectation for ExpectSquare {
    const NAME: &'static str = "expect_square";

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let matrices = Matrices::of(inputs[1])?;
        let is_refused = |rows, columns| if self.may_be_wide { rows > columns } else { rows != columns };
        if let (Some(rows), Some(columns)) = (matrices.rows, matrices.columns)
            && is_refused(rows, columns)
        {
            let expected = if self.may_be_wide {
                "a gradient by no more rows than columns"
            } else {
                "a gradient by as many rows as columns"
            };
            return Err(Fault::op(LinalgFault::NoDerivative { expected, shape: inputs[1].shape.clone() }));
        }
        Ok(inputs[0].clone())
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("may_be_wide", self.may_be_wide)
    }
}

/// The tensor, if the matrices are square, or wide where they may be.
pub(super) fn if_square<'g>(x: AnyTensor<'g>, of: AnyTensor<'g>, may_be_wide: bool) -> AnyTensor<'g> {
    x.binary(Expect(ExpectSquare { may_be_wide }), of)
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "matrix_fit" (x: Float, like: Element) [rows: isize, columns: isize] |given| Fit { rows, columns };
    "expect_square" (x: Float, of: Element) [may_be_wide: bool] |given| Expect(ExpectSquare { may_be_wide });
};
