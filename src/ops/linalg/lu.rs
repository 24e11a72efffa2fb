//! `lu`, and `lu_solve`, by which equations are solved and differentiated.

use super::cholesky::{accepted, flagged, pair};
use super::dense::{Real, check_finite, whole};
use super::each::{MatrixKernel, each};
use super::error::{LinalgError, LinalgFault};
use super::fit::fit;
use super::shapes::{Matrices, lengths, part, together};
use super::{nt, tn, triangular};
use crate::element::DType;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Attributes, Elements, MultiOp, OpDef, OperandDef, Outputs};
use crate::graph::{AnyTensor, Float, Tensor};
use crate::ir::{Lowering, Val, Workers};
use crate::ops::internal::internal;
use crate::shape::TensorType;

/// The largest whole number up to which all are of type `f32`.
const MOST_ROWS: usize = 1 << 24;

/// Both triangles in one matrix, and the order of the rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lu {
    /// Whether any elements are taken, for what gives a flag.
    pub(super) is_try: bool,
}

impl MultiOp for Lu {
    fn name(&self) -> &'static str {
        if self.is_try { "try_lu" } else { "lu" }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<Outputs<TensorType>, Fault> {
        let matrices = Matrices::of(inputs[0])?;
        if matrices.dtype == DType::F32 && matrices.rows.is_some_and(|rows| rows > MOST_ROWS) {
            let shape = inputs[0].shape.clone();
            return Err(Fault::op(LinalgFault::TooManyRows { most: MOST_ROWS, shape }));
        }
        let order = TensorType::new(DType::I64, matrices.each([matrices.rows]).shape);
        Ok([inputs[0].clone(), order].into())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Outputs<Val> {
        let (batch, m, n) = lengths(inputs[0], to);
        let packed = each(LuKernel { m, n, is_try: self.is_try }, inputs, &batch, m * n + m, to);
        let order = part(packed, m * n, &[m], to);
        [part(packed, 0, &[m, n], to), to.cast(order, DType::I64)].into()
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (x, lu, order) = (at.input(0), at.output(), at.outputs()[1]);
        // With L and U filled up to squares by an identity, d(L·U) = L·tril(M, -1) + triu(M)·U, where M = L⁻¹·dA·U⁻¹.
        at.give(0, |dy| {
            let lower = fit(lu.tril(-1), lu, [-2, -2]);
            let lower = lower + identity(lower);
            let upper = fit(lu.triu(0), lu, [-1, -1]);
            let ones = identity(upper);
            let beyond = ones - fit(fit(ones, lu, [-2, -1]), upper, [-2, -1]);
            let upper = upper + beyond;
            let m = tn(lower, dy).tril(-1) + nt(dy, upper).triu(0);
            let m = lower.triangular_solve_with(m, true, true, true);
            // m·U⁻ᵀ = (U⁻¹·mᵀ)ᵀ
            let m = upper.triangular_solve_with(super::transposed(m), false, false, false);
            // Row i of a, which L·U has in place j with order[j] = i, gets row j. A gather takes whole rows.
            let batch = x.shape().rank() - 2;
            super::transposed(m).gather_with(order.argsort(-1), -2, batch)
        });
    }
}

/// Ones on the diagonals of matrices of this shape, and zeros elsewhere.
fn identity(x: AnyTensor<'_>) -> AnyTensor<'_> {
    x.ones_like().tril(0).triu(0)
}

#[derive(Clone, Debug)]
struct LuKernel {
    m: usize,
    n: usize,
    is_try: bool,
}

impl MatrixKernel for LuKernel {
    const IS_SHARED: bool = true;

    fn fill<T: Real>(
        &self,
        inputs: &[&[T]],
        output: &mut [T],
        workers: Workers<'_>,
    ) -> Result<(), LinalgError> {
        match check_finite(inputs[0], self.n) {
            Err(_) if self.is_try => {
                output.fill(T::NAN);
                output[self.m * self.n..].iter_mut().enumerate().for_each(|(i, row)| *row = whole(i));
                Ok(())
            }
            Err(error) => Err(error),
            Ok(()) => triangular::lu(inputs[0], [self.m, self.n], output, workers),
        }
    }

    fn work(&self) -> f64 {
        let (m, n) = (self.m as f64, self.n as f64);
        m.min(n) * m * n * 0.5
    }

    fn may_fail(&self) -> bool {
        !self.is_try
    }
}

/// Solutions of a·x = b by the factors of a, or of aᵀ·x = b: of the factors, the order of rows, a and b. Gradients go to a
/// and b, and not through the factors.
#[derive(Clone, Copy, Debug)]
pub(super) struct LuSolve {
    pub(super) adjoint: bool,
    pub(super) is_try: bool,
}

impl MultiOp for LuSolve {
    fn name(&self) -> &'static str {
        if self.is_try { "try_lu_solve" } else { "lu_solve" }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<Outputs<TensorType>, Fault> {
        let (factors, b) = (inputs[0], inputs[3]);
        let matrices = Matrices::square(factors)?;
        let order = matrices.each([matrices.rows]).shape;
        for (found, expected) in [(&inputs[1].shape, &order), (&inputs[2].shape, &factors.shape)] {
            if !found.agrees_with(expected) {
                return Err(Fault::OtherShape { expected: expected.clone(), found: found.clone() });
            }
        }
        let x = Matrices::solutions(factors, b)?;
        let batch = Matrices::of(&x)?.batch;
        Ok(if self.is_try { [x, TensorType::new(DType::Bool, batch)].into() } else { x.into() })
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Outputs<Val> {
        let (left, n, _) = lengths(inputs[0], to);
        let (right, _, k) = lengths(inputs[3], to);
        let batch = together(&left, &right);
        // As one column beside matrices.
        let order = to.cast(inputs[1], to.dtype(inputs[0]));
        let order = to.reshape(order, [&left[..], &[n, 1]].concat());
        let elements = n * k + usize::from(self.is_try);
        let solved = LuSolveKernel { n, k, of: *self };
        let packed = each(solved, &[inputs[0], order, inputs[3]], &batch, elements, to);
        let x = part(packed, 0, &[n, k], to);
        if self.is_try { [x, accepted(packed, n * k, to)].into() } else { x.into() }
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (lu, order, a, x) = (at.input(0), at.input(1), at.input(2), at.output());
        let back = LuSolve { adjoint: !self.adjoint, is_try: self.is_try };
        let dy = at.cotangent();
        let db = dy.graph().apply(back, &[lu, order, a, dy]);
        at.give(2, |_| if self.adjoint { -nt(x, db) } else { -nt(db, x) });
        at.give(3, |_| db);
    }

    fn differentiable(&self, input: usize) -> bool {
        input > 1
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("adjoint", self.adjoint)
    }
}

#[derive(Clone, Debug)]
struct LuSolveKernel {
    n: usize,
    k: usize,
    of: LuSolve,
}

impl MatrixKernel for LuSolveKernel {
    const IS_SHARED: bool = true;

    fn fill<T: Real>(
        &self,
        inputs: &[&[T]],
        output: &mut [T],
        workers: Workers<'_>,
    ) -> Result<(), LinalgError> {
        let (lu, order, b) = (inputs[0], inputs[1], inputs[2]);
        // Files may give any numbers.
        if order.iter().any(|&row| !(row >= T::ZERO && row < whole(self.n.max(1)))) {
            return Err(LinalgError::NoOrder);
        }
        let solve = |x: &mut [T]| {
            // Of the matrix, also where there is no column to solve for.
            if self.of.is_try {
                check_finite(lu, self.n)?;
                triangular::check_diagonal(lu, self.n)?;
            }
            if x.is_empty() {
                return Ok(());
            }
            triangular::solve_lu(lu, order, self.of.adjoint, (b, self.k), x, workers)
        };
        if self.of.is_try { flagged(output, solve) } else { solve(output) }
    }

    fn work(&self) -> f64 {
        self.n as f64 * self.n as f64 * self.k as f64
    }

    fn may_fail(&self) -> bool {
        !self.of.is_try
    }
}

pub(super) const METHODS: &[&[OpDef]] = &[&[OpDef {
    name: "lu",
    doc: "The triangular factors L and U of matrices whose rows are in another order, in one matrix, and that order.",
    operands: &[OperandDef::one("x", Elements::Float)],
    attributes: &[],
    build: |_, operands, _| {
        let (lu, order) = operands[0].lu();
        Ok(vec![lu, order])
    },
}]];

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "try_lu" (x: Float) [] |given| Lu { is_try: true };
    "lu_solve" (lu: Float, order: Integer, a: Same, b: Same) [adjoint: bool] |given| LuSolve { adjoint, is_try: false };
    "try_lu_solve" (lu: Float, order: Integer, a: Same, b: Same) [adjoint: bool] |given| LuSolve { adjoint, is_try: true };
};

impl AnyTensor<'_> {
    /// The same as [`Tensor::lu`]; element types are checked when the node is built.
    #[track_caller]
    pub fn lu(self) -> (Self, Self) {
        if let Some(invalid) = Elements::Float.refuse("lu", self, self.dtype()) {
            return (invalid, invalid);
        }
        pair(self.graph().apply_all(Lu { is_try: false }, &[self]), self)
    }
}

impl<'g, T: Float> Tensor<'g, T> {
    /// Factors matrices `[m, n]` into triangles by Gaussian elimination with partial pivoting.
    ///
    /// Returns what TensorFlow returns. The first result, `[m, n]`, holds L below the diagonal, without L's own diagonal of
    /// ones, and U on and above it. The second, `[m]`, holds the order p of the rows: row i of L·U is row pᵢ of the matrix.
    /// L has min(m, n) columns and U has min(m, n) rows.
    ///
    /// A singular matrix has factors too: L·U still is the matrix, and U has a 0, or a number of the size of rounding, on
    /// its diagonal.
    ///
    /// Gradient: with M = tril(Lᵀ·dy, -1) + triu(dy·Uᵀ), the rows of L⁻ᵀ·M·U⁻ᵀ in the order of the matrix. The order of the
    /// rows has no gradient. Where U has a 0 on its diagonal there is none, and a run that asks for it fails with an
    /// [`Error::Kernel`](crate::Error::Kernel); next to such matrices it grows without bound.
    ///
    /// A tensor of fewer than two axes is a build error. An element that is not finite fails the run with an
    /// [`Error::Kernel`](crate::Error::Kernel) that names the node and the place of the matrix in the batch.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[1.0, 2.0], [4.0, 4.0]]));
    /// let (lu, order) = Session::new(&g)?.run(a.lu())?;
    /// assert_eq!(lu, ndarray::arr2(&[[4.0, 4.0], [0.25, 1.0]]).into_dyn());
    /// assert_eq!(order, ndarray::arr1(&[1, 0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn lu(self) -> (Tensor<'g, T>, Tensor<'g, i64>) {
        let (lu, order) = self.any().lu();
        (Tensor::typed(lu), Tensor::typed(order))
    }
}
