//! `diag` and `diag_part`: vectors as the diagonals of square matrices, and back.

use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::Op;
use crate::graph::op::pick::{Along, Run, picked};
use crate::ir::{Lowering, Scalar, Val};
use crate::ops::methods::methods;
use crate::shape::{Shape, TensorType, resolve_axis};

/// Square matrices with the rows of the input on their diagonals, and zeros elsewhere.
#[derive(Debug)]
struct Diag;

impl Op for Diag {
    fn name(&self) -> &'static str {
        "diag"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let mut lengths = inputs[0].shape.dims().to_vec();
        let last = resolve_axis(-1, lengths.len())?;
        lengths.push(lengths[last]);
        Ok(TensorType::new(inputs[0].dtype, lengths))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let mut dims = to.dims(inputs[0]).to_vec();
        // The shape rule has refused what has no axis.
        let length = dims.pop().unwrap_or(1);
        dims.extend([1, length]);
        let x = to.reshape(inputs[0], dims);
        let columns = to.iota(0, length);
        let rows = to.reshape(columns, vec![length, 1]);
        let inside = to.compare(Scalar::Equal, &[rows, columns]);
        let zero = to.scalar(0.0, to.dtype(x));
        to.map(Scalar::Select, &[inside, x, zero])
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.give(0, |dy| dy.unary(DiagPart));
    }
}

/// What can be wrong with taking diagonals.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiagonalFault {
    /// Matrices that do not have as many rows as columns.
    #[error("expected square matrices, got shape {shape}")]
    NotSquare {
        /// The shape of the operand.
        shape: Shape,
    },
}

/// The diagonals of square matrices.
#[derive(Debug)]
struct DiagPart;

impl Op for DiagPart {
    fn name(&self) -> &'static str {
        "diag_part"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let shape = &inputs[0].shape;
        let before = resolve_axis(-2, shape.rank())?;
        let (batch, matrix) = shape.dims().split_at(before);
        if !Shape::from(&matrix[..1]).agrees_with(&matrix[1..].into()) {
            return Err(Fault::op(DiagonalFault::NotSquare { shape: shape.clone() }));
        }
        Ok(TensorType::new(inputs[0].dtype, [batch, &[matrix[0].or(matrix[1])]].concat()))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let &[ref batch @ .., length, _] = to.dims(inputs[0]) else {
            // The shape rule has refused what is no matrix.
            return inputs[0];
        };
        let batch = batch.to_vec();
        // In a row of all elements, those of the diagonal are a row and a column apart.
        let x = to.reshape(inputs[0], [batch.as_slice(), &[length * length]].concat());
        let mut axes: Vec<Along> = batch.iter().map(|&length| Along::whole(Some(length))).collect();
        axes.push(Along::of([Run::of(0, length, length as isize + 1)]));
        picked(x, &axes, None, to)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.give(0, |dy| dy.unary(Diag));
    }
}

methods! {
    /// Square matrices with the elements along the last axis on their diagonals, and 0 elsewhere.
    ///
    /// Gradient: the diagonals of the cotangent. A tensor without axes is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr1(&[1, 2])).diag();
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr2(&[[1, 0], [0, 2]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn diag<Element>(x) -> Self {
        x.unary(Diag)
    }

    /// The diagonals of square matrices, which the last two axes hold.
    ///
    /// Gradient: the cotangent on the diagonals, 0 elsewhere. A tensor of fewer than two axes and matrices that are
    /// not square are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr2(&[[1, 2], [3, 4]])).diag_part();
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[1, 4]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("diagonal"))]
    fn diag_part<Element>(x) -> Self {
        x.unary(DiagPart)
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, Axis};

    fn diag(x: &ArrayD<f64>) -> ArrayD<f64> {
        let length = x.shape()[x.ndim() - 1];
        let mut lengths = x.shape().to_vec();
        lengths.push(length);
        let mut matrices = ArrayD::zeros(lengths);
        for i in 0..length {
            let elements = x.index_axis(Axis(x.ndim() - 1), i);
            let mut columns = matrices.index_axis_mut(Axis(x.ndim()), i);
            columns.index_axis_mut(Axis(x.ndim() - 1), i).assign(&elements);
        }
        matrices
    }

    fn diag_part(x: &ArrayD<f64>) -> ArrayD<f64> {
        let mut elements = x.index_axis(Axis(x.ndim() - 1), 0).to_owned();
        for i in 0..x.shape()[x.ndim() - 1] {
            let column = x.index_axis(Axis(x.ndim() - 1), i);
            elements.index_axis_mut(Axis(x.ndim() - 2), i).assign(&column.index_axis(Axis(x.ndim() - 2), i));
        }
        elements
    }

    let mut examples: Vec<Example> = vec![
        example!("diag_part of nothing", &[&[0, 0]], |_, x| x[0].diag_part(), |_| ArrayD::zeros(vec![0])),
        example!("diag_part of a transpose", &[&[3, 3, 2]], |_, x| x[0].transpose().diag_part(), |x| {
            diag_part(&x[0].t().to_owned())
        },),
    ];
    for dims in [&[3][..], &[2, 3], &[1], &[0], &[0, 2]] {
        examples.push(example!("diag", &[dims], |_, x| x[0].diag() * 2.0, |x| 2.0 * diag(&x[0])));
    }
    for dims in [&[3, 3][..], &[2, 3, 3], &[1, 1], &[0, 2, 2]] {
        examples.push(example!("diag_part", &[dims], |_, x| x[0].diag_part(), |x| diag_part(&x[0])));
    }
    examples
}
