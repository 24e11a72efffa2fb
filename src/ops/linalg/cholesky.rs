//! `cholesky` and `try_cholesky`, `cholesky_solve` and `logdet` by it.

use super::dense::{Real, check_lower_finite};
use super::each::{MatrixKernel, each};
use super::error::LinalgError;
use super::shapes::{Matrices, lengths, part};
use super::{on_columns, symmetric, tn, transposed, triangular};
use crate::element::DType;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Elements, MultiOp, OpDef, OperandDef, Outputs};
use crate::graph::{AnyTensor, Float, Tensor};
use crate::ir::{Lowering, Scalar, Val, Workers};
use crate::ops::methods::methods;
use crate::shape::TensorType;

/// The lower triangles L with L·Lᵀ the symmetric matrices; and whether there is one, if that is asked for.
#[derive(Clone, Copy, Debug)]
struct Cholesky {
    is_try: bool,
}

impl MultiOp for Cholesky {
    fn name(&self) -> &'static str {
        if self.is_try { "try_cholesky" } else { "cholesky" }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<Outputs<TensorType>, Fault> {
        let matrices = Matrices::square(inputs[0])?;
        let factor = matrices.each([matrices.rows, matrices.columns]);
        let accepted = TensorType::new(DType::Bool, matrices.batch);
        Ok(if self.is_try { [factor, accepted].into() } else { factor.into() })
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Outputs<Val> {
        let (batch, n, _) = lengths(inputs[0], to);
        let elements = n * n + usize::from(self.is_try);
        let packed = each(CholeskyKernel { n, is_try: self.is_try }, inputs, &batch, elements, to);
        let factor = part(packed, 0, &[n, n], to);
        if !self.is_try {
            return factor.into();
        }
        [factor, accepted(packed, n * n, to)].into()
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let l = at.output();
        // S = L⁻ᵀ·Φ(Lᵀ·dL)·L⁻¹, where Φ takes the lower triangle and half of the diagonal.
        at.give(0, |dl| {
            let product = tn(l, dl);
            let phi = (product.tril(0) + product.tril(-1)) * 0.5;
            let left = l.triangular_solve_with(phi, true, true, false);
            symmetric(l.triangular_solve_with(transposed(left), true, true, false))
        });
    }
}

/// A flag behind a factorization: 1 where the matrix was accepted.
pub(super) fn accepted(packed: Val, place: usize, to: &mut Lowering<'_>) -> Val {
    let flag = part(packed, place, &[], to);
    let zero = to.scalar(0.0, to.dtype(packed));
    to.compare(Scalar::NotEqual, &[flag, zero])
}

/// What a factorization came to, as a flag behind what it filled: NaN where the matrix is not accepted.
pub(super) fn flagged<T: Real>(
    output: &mut [T],
    of: impl FnOnce(&mut [T]) -> Result<(), LinalgError>,
) -> Result<(), LinalgError> {
    let Some((flag, filled)) = output.split_last_mut() else { return Ok(()) };
    *flag = T::ONE;
    match of(filled) {
        Err(LinalgError::OutOfMemory) => Err(LinalgError::OutOfMemory),
        Err(_) => {
            filled.fill(T::NAN);
            *flag = T::ZERO;
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

#[derive(Clone, Debug)]
struct CholeskyKernel {
    n: usize,
    is_try: bool,
}

impl MatrixKernel for CholeskyKernel {
    const IS_SHARED: bool = true;

    fn fill<T: Real>(
        &self,
        inputs: &[&[T]],
        output: &mut [T],
        workers: Workers<'_>,
    ) -> Result<(), LinalgError> {
        let factor = |l: &mut [T]| {
            check_lower_finite(inputs[0], self.n)?;
            triangular::cholesky(inputs[0], self.n, l, workers)
        };
        if self.is_try { flagged(output, factor) } else { factor(output) }
    }

    fn work(&self) -> f64 {
        (self.n as f64).powi(3) / 3.0
    }

    fn may_fail(&self) -> bool {
        !self.is_try
    }
}

methods! {
    /// Returns the lower triangular factors L of symmetric positive definite matrices: L·Lᵀ is the matrix. Only the lower
    /// triangle of each matrix is read, as in NumPy and TensorFlow.
    ///
    /// Gradient: the symmetric part of L⁻ᵀ·Φ(Lᵀ·dy)·L⁻¹, where Φ takes the lower triangle and half of the diagonal
    /// (I. Murray, [Differentiation of the Cholesky decomposition](https://arxiv.org/abs/1602.07527)): the gradient of a
    /// function of symmetric matrices.
    ///
    /// Matrices that are not square are a build error. A matrix that is not positive definite, or has an element that is not
    /// finite, fails the run with an [`Error::Kernel`](crate::Error::Kernel) that names the node, the place in the batch, and
    /// the first leading minor that is not positive; [`try_cholesky`](crate::Tensor::try_cholesky) returns a flag instead.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[4.0, 2.0], [2.0, 10.0]]));
    /// let l = Session::new(&g)?.run(a.cholesky())?;
    /// assert_eq!(l, ndarray::arr2(&[[2.0, 0.0], [1.0, 3.0]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn cholesky<Float>(x) -> Self {
        x.unary(Cholesky { is_try: false })
    }

    /// Solves a·x = b for x, where this tensor is the Cholesky factor of a. The columns of b are right sides; a b of one axis
    /// is a single right side. Batches broadcast.
    ///
    /// Gradient and errors are those of two [`triangular_solve`](crate::Tensor::triangular_solve)s.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[4.0, 2.0], [2.0, 10.0]]));
    /// let b = g.constant(ndarray::arr1(&[8.0, 22.0]));
    /// let x = Session::new(&g)?.run(a.cholesky().cholesky_solve(b))?;
    /// assert_eq!(x, ndarray::arr1(&[1.0, 2.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn cholesky_solve<Float>(x, b: (Self)) -> Self {
        on_columns(b, |b| {
            let half = x.triangular_solve_with(b, true, false, false);
            x.triangular_solve_with(half, true, true, false)
        })
    }

    /// Returns the logarithms of the determinants of symmetric positive definite matrices, from their Cholesky factors. Only
    /// the lower triangles are read. For other matrices, see [`slogdet`](crate::Tensor::slogdet).
    ///
    /// Gradient: the inverse times the cotangent. Errors are those of [`cholesky`](crate::Tensor::cholesky).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[4.0, 2.0], [2.0, 10.0]]));
    /// let y = Session::new(&g)?.run(a.logdet())?.item()?;
    /// assert!((y - f64::ln(36.0)).abs() < 1e-15);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn logdet<Float>(x) -> Self {
        x.cholesky().diag_part().ln().reduce_sum(-1) * 2.0
    }

    also [OpDef {
        name: "try_cholesky",
        doc: "The lower triangular factors of symmetric positive definite matrices, and which matrices have one.",
        operands: &[OperandDef::one("x", Elements::Float)],
        attributes: &[],
        build: |_, operands, _| {
            let (factor, is_accepted) = operands[0].try_cholesky();
            Ok(vec![factor, is_accepted])
        },
    }]
}

/// Both outputs of a node, or one invalid tensor twice.
pub(super) fn pair<'g>(outputs: Vec<AnyTensor<'g>>, of: AnyTensor<'g>) -> (AnyTensor<'g>, AnyTensor<'g>) {
    match outputs[..] {
        [first, second] => (first, second),
        [invalid, ..] => (invalid, invalid),
        [] => (of, of),
    }
}

impl AnyTensor<'_> {
    /// The same as [`Tensor::try_cholesky`]; element types are checked when the node is built.
    #[track_caller]
    pub fn try_cholesky(self) -> (Self, Self) {
        if let Some(invalid) = Elements::Float.refuse("try_cholesky", self, self.dtype()) {
            return (invalid, invalid);
        }
        pair(self.graph().apply_all(Cholesky { is_try: true }, &[self]), self)
    }
}

impl<'g, T: Float> Tensor<'g, T> {
    /// Like [`cholesky`](Tensor::cholesky), but returns the factors and, for each matrix, whether it has one. A matrix with an
    /// element that is not finite counts as one without. The factor is NaN where there is none, and the run goes on.
    ///
    /// Gradient: that of `cholesky`, NaN where there is no factor.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr3(&[[[4.0]], [[-1.0]]]));
    /// let (l, is_positive) = Session::new(&g)?.run(a.try_cholesky())?;
    /// assert_eq!((l[[0, 0, 0]], is_positive), (2.0, ndarray::arr1(&[true, false]).into_dyn()));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn try_cholesky(self) -> (Tensor<'g, T>, Tensor<'g, bool>) {
        let (factor, is_accepted) = self.any().try_cholesky();
        (Tensor::typed(factor), Tensor::typed(is_accepted))
    }
}
