//! `triangular_solve`: solutions of equations by a triangle.

use super::dense::Real;
use super::each::{MatrixKernel, each};
use super::error::LinalgError;
use super::shapes::{Matrices, lengths, part, together};
use super::triangular::{Triangle, check_diagonal, solve_triangular};
use super::{nt, on_columns};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Attributes, Op};
use crate::ir::{Lowering, Val, Workers};
use crate::ops::methods::methods;
use crate::shape::TensorType;

/// Solves a·x = b for x, or aᵀ·x = b, where a is a triangle of the first input.
#[derive(Clone, Copy, Debug)]
struct TriangularSolve(Triangle);

impl Op for TriangularSolve {
    fn name(&self) -> &'static str {
        "triangular_solve"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Matrices::solutions(inputs[0], inputs[1])
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (left, n, _) = lengths(inputs[0], to);
        let (right, _, k) = lengths(inputs[1], to);
        let batch = together(&left, &right);
        let packed = each(TriangularSolveKernel { triangle: self.0, n, k }, inputs, &batch, n * k, to);
        part(packed, 0, &[n, k], to)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let Triangle { lower, adjoint, unit } = self.0;
        let (a, x) = (at.input(0), at.output());
        let back = TriangularSolve(Triangle { adjoint: !adjoint, ..self.0 });
        let dy = at.cotangent();
        let db = a.binary(back, dy);
        at.give(0, |_| {
            let outer = if adjoint { nt(x, db) } else { nt(db, x) };
            let off = isize::from(unit);
            if lower { -outer.tril(-off) } else { -outer.triu(off) }
        });
        at.give(1, |_| db);
    }

    fn attributes(&self) -> Attributes {
        let Triangle { lower, adjoint, unit } = self.0;
        Attributes::new().with("lower", lower).with("adjoint", adjoint).with("unit_diagonal", unit)
    }
}

#[derive(Clone, Debug)]
struct TriangularSolveKernel {
    triangle: Triangle,
    n: usize,
    k: usize,
}

impl MatrixKernel for TriangularSolveKernel {
    const IS_SHARED: bool = true;

    fn fill<T: Real>(
        &self,
        inputs: &[&[T]],
        output: &mut [T],
        workers: Workers<'_>,
    ) -> Result<(), LinalgError> {
        if !self.triangle.unit {
            check_diagonal(inputs[0], self.n)?;
        }
        output.copy_from_slice(inputs[1]);
        solve_triangular(inputs[0], self.n, self.triangle, (output, self.k), workers);
        Ok(())
    }

    fn work(&self) -> f64 {
        self.n as f64 * self.n as f64 * self.k as f64 / 2.0
    }
}

methods! {
    /// Solves a·x = b for x, where a is this tensor, a batch of lower triangular matrices. The upper triangles are not read.
    /// The columns of b are right sides; a b of one axis is a single right side. Batches broadcast.
    ///
    /// Gradient: b gets a⁻ᵀ·dy and a gets the lower triangle of -(a⁻ᵀ·dy)·xᵀ.
    ///
    /// Matrices that are not square, and right sides of another number of rows, are build errors. A 0 on a diagonal fails the
    /// run with an [`Error::Kernel`](crate::Error::Kernel) that names the node and the place in the batch. Other elements may
    /// be any numbers; NaN propagates.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[2.0, 0.0], [1.0, 4.0]]));
    /// let b = g.constant(ndarray::arr1(&[2.0, 9.0]));
    /// assert_eq!(Session::new(&g)?.run(a.triangular_solve(b))?, ndarray::arr1(&[1.0, 2.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("solve_triangular", "trsm"))]
    fn triangular_solve<Float>(x, b: (Self)) -> Self as _ {
        x.triangular_solve_with(b, true, false, false)
    }

    /// Like [`triangular_solve`](crate::Tensor::triangular_solve), with the triangle to read. `lower` says which one, before
    /// any transposition. If `adjoint` is true, the transposed matrices are solved with. If `unit_diagonal` is true, the
    /// diagonals are not read and count as ones.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[2.0, 0.0], [1.0, 4.0]]));
    /// let b = g.constant(ndarray::arr1(&[4.0, 8.0]));
    /// let x = a.triangular_solve_with(b, true, true, false);
    /// assert_eq!(Session::new(&g)?.run(x)?, ndarray::arr1(&[1.0, 2.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn triangular_solve_with<Float>(x, b: (Self), lower: bool, adjoint: bool, unit_diagonal: bool) -> Self as triangular_solve {
        let triangle = Triangle { lower, adjoint, unit: unit_diagonal };
        on_columns(b, |b| x.binary(TriangularSolve(triangle), b))
    }
}
