//! `solve` and `try_solve`: solutions of equations by the factors of the matrices.

use super::cholesky::pair;
use super::lu::{Lu, LuSolve};
use crate::graph::op::{Elements, OpDef, OperandDef};
use crate::graph::{AnyOperand, AnyTensor, Float, Operand, Tensor};
use crate::ops::methods::methods;

/// The factors of matrices with these beside them, as what solves equations takes them.
fn factored<'g>(a: AnyTensor<'g>, b: AnyTensor<'g>, is_try: bool) -> Vec<AnyTensor<'g>> {
    let (lu, order) = pair(a.graph().apply_all(Lu { is_try }, &[a]), a);
    a.graph().apply_all(LuSolve { adjoint: false, is_try }, &[lu, order, a, b])
}

methods! {
    /// Solves a·x = b for x, where a is this tensor, a batch of square matrices. It factors a by [`lu`](crate::Tensor::lu).
    /// The columns of b are right sides; a b of one axis is a single right side, as in NumPy 2. Batches broadcast.
    ///
    /// Gradient: b gets a⁻ᵀ·dy and a gets -(a⁻ᵀ·dy)·xᵀ, from the same factors.
    ///
    /// Matrices that are not square, and right sides of another number of rows, are build errors. A matrix that is singular
    /// or has an element that is not finite fails the run with an [`Error::Kernel`](crate::Error::Kernel) that names the node
    /// and the place in the batch; [`try_solve`](crate::Tensor::try_solve) returns a flag instead. Right sides may hold any
    /// numbers.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[1.0, 2.0], [4.0, 4.0]]));
    /// let b = g.constant(ndarray::arr1(&[5.0, 12.0]));
    /// assert_eq!(Session::new(&g)?.run(a.solve(b))?, ndarray::arr1(&[1.0, 2.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn solve<Float>(x, b: (Self)) -> Self {
        super::on_columns(b, |b| factored(x, b, false).first().copied().unwrap_or(x))
    }

    also [OpDef {
        name: "try_solve",
        doc: "Solutions of equations, and which matrices have an inverse.",
        operands: &[OperandDef::one("x", Elements::Float), OperandDef::one("b", Elements::Same)],
        attributes: &[],
        build: |_, operands, _| {
            let (solutions, is_accepted) = operands[0].try_solve(operands[1]);
            Ok(vec![solutions, is_accepted])
        },
    }]
}

impl<'g> AnyTensor<'g> {
    /// The same as [`Tensor::try_solve`]; element types are checked when the node is built.
    #[track_caller]
    pub fn try_solve(self, b: impl AnyOperand<'g>) -> (Self, Self) {
        #[cfg(test)]
        crate::ops::laws::called("try_solve");
        let dtype = self.dtype();
        let b = b.into_any(self.graph(), dtype);
        let refused = Elements::Float.refuse("try_solve", self, dtype);
        let same = || if b.is_of(self.graph()) { Elements::Same.refuse("try_solve", b, dtype) } else { None };
        if let Some(invalid) = refused.or_else(same) {
            return (invalid, invalid);
        }
        let mut is_accepted = None;
        let x = super::on_columns(b, |b| {
            let (x, accepted) = pair(factored(self, b, true), self);
            is_accepted = Some(accepted);
            x
        });
        (x, is_accepted.unwrap_or(x))
    }
}

impl<'g, T: Float> Tensor<'g, T> {
    /// Like [`solve`](Tensor::solve), but returns the solutions and, for each matrix, whether it has an inverse. A matrix
    /// with an element that is not finite counts as one without. The solution is NaN where there is no inverse, and the run
    /// goes on. The flag is about the matrix alone, so it is the same for a right side of no columns.
    ///
    /// Gradient: that of `solve`, NaN where there is no inverse.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr3(&[[[4.0]], [[0.0]]]));
    /// let b = g.constant(ndarray::arr1(&[2.0]));
    /// let (x, is_regular) = Session::new(&g)?.run(a.try_solve(b))?;
    /// assert_eq!((x[[0, 0]], is_regular), (0.5, ndarray::arr1(&[true, false]).into_dyn()));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn try_solve(self, b: impl Operand<'g, T>) -> (Tensor<'g, T>, Tensor<'g, bool>) {
        let (solutions, is_accepted) = self.any().try_solve(b);
        (Tensor::typed(solutions), Tensor::typed(is_accepted))
    }
}
