//! `pinv` and `lstsq`: pseudo-inverses, and solutions of least squares, in which small singular values count as 0.

use faer::{MatMut, MatRef};

use super::dense::{Real, by_columns, check_finite, product, transpose, zeros};
use super::each::{MatrixKernel, each};
use super::error::{LinalgError, LinalgFault};
use super::left_inverse::refine;
use super::orthogonal::{Vectors, qr, svd};
use super::shapes::{Matrices, lengths, part, together};
use super::triangular::{Triangle, check_diagonal, solve_triangular};
use super::{nt, on_columns, tn, transposed};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Attributes, Op};
use crate::ir::{Lowering, Val, Workers};
use crate::ops::methods::methods;
use crate::shape::{TensorType, broadcast};

/// Below which part of the largest singular value others count as 0: a number, or, if it is negative, so many times the
/// longer length of the matrix and the distance from 1 to the next number.
#[derive(Clone, Copy, Debug)]
struct Cut(f64);

impl Cut {
    fn check(self) -> Result<(), Fault> {
        if self.0.is_nan() {
            return Err(Fault::Attribute {
                name: "rcond",
                expected: "a number",
                found: Some("NaN".to_owned()),
            });
        }
        Ok(())
    }

    /// The part of the largest singular value.
    fn part<T: Real>(self, [m, n]: [usize; 2]) -> f64 {
        if self.0 < 0.0 { -self.0 * m.max(n) as f64 * T::EPSILON.as_f64() } else { self.0 }
    }
}

/// The pseudo-inverses, of matrices alone or times right sides.
#[derive(Clone, Debug)]
struct PseudoInverseKernel {
    m: usize,
    n: usize,
    cut: Cut,
}

impl MatrixKernel for PseudoInverseKernel {
    const IS_SHARED: bool = true;

    fn fill<T: Real>(
        &self,
        inputs: &[&[T]],
        output: &mut [T],
        workers: Workers<'_>,
    ) -> Result<(), LinalgError> {
        let (a, b) = (inputs[0], inputs.get(1).copied());
        check_finite(a, self.n)?;
        if self.m.min(self.n) == 0 {
            output.fill(T::ZERO);
            return Ok(());
        }
        if self.by_qr(a, b, output, workers)?.is_some() {
            return Ok(());
        }
        self.by_svd(a, b, output, workers)
    }

    fn work(&self) -> f64 {
        let (m, n) = (self.m as f64, self.n as f64);
        m * n * m.min(n) * 10.0 + 10_000.0
    }
}

impl PseudoInverseKernel {
    /// By the triangle of an orthogonal factorization, if no singular value is cut: it is faster than by singular vectors,
    /// and keeps more digits where columns differ much in size. A wide matrix is transposed first.
    fn by_qr<T: Real>(
        &self,
        a: &[T],
        b: Option<&[T]>,
        output: &mut [T],
        workers: Workers<'_>,
    ) -> Result<Option<()>, LinalgError> {
        let (rows, least) = (self.m.max(self.n), self.m.min(self.n));
        let is_wide = self.m < self.n;
        let turned = if is_wide { by_columns(a, self.m, self.n)? } else { Vec::new() };
        let mut packed = zeros::<T>(rows * least + least * least)?;
        qr(if is_wide { &turned } else { a }, [rows, least], least, &mut packed, workers)?;
        let (q, r) = packed.split_at(rows * least);
        let mut values = zeros::<T>(least)?;
        svd(r, [least, least], Vectors::None, &mut values, workers)?;
        let bound = self.cut.part::<T>([self.m, self.n]) * values[0].as_f64();
        let all_count = values.iter().all(|value| value.as_f64() > bound);
        if !all_count || check_diagonal(r, least).is_err() {
            return Ok(None);
        }
        let q = MatRef::from_row_major_slice(q, rows, least);
        let upper = Triangle { lower: false, adjoint: false, unit: false };
        match b {
            // R⁻¹·Qᵀ, and of a wide matrix its transpose. R is inverted first: solved for the columns of Qᵀ, each would
            // have errors of its own, and times the matrix they would not cancel.
            None => {
                let mut inverse = zeros::<T>(least * least)?;
                inverse.iter_mut().step_by(least + 1).for_each(|x| *x = T::ONE);
                solve_triangular(r, least, upper, (&mut inverse, least), workers);
                let inverse = MatRef::from_row_major_slice(&inverse, least, least);
                let mut scratch = zeros::<T>(if is_wide { least * rows } else { 0 })?;
                let p = if is_wide { &mut *scratch } else { &mut *output };
                product(MatMut::from_row_major_slice_mut(p, least, rows), inverse, q.transpose(), workers);
                refine(p, if is_wide { &turned } else { a }, [rows, least], workers)?;
                if is_wide {
                    transpose(&scratch, least, rows, output);
                }
            }
            // Q·R⁻ᵀ·b
            Some(b) if is_wide => {
                let k = b.len() / self.m;
                let mut inside = zeros::<T>(least * k)?;
                inside.copy_from_slice(b);
                solve_triangular(r, least, Triangle { adjoint: true, ..upper }, (&mut inside, k), workers);
                let inside = MatRef::from_row_major_slice(&inside, least, k);
                product(MatMut::from_row_major_slice_mut(output, rows, k), q, inside, workers);
            }
            // R⁻¹·Qᵀ·b
            Some(b) => {
                let k = b.len() / self.m;
                let b = MatRef::from_row_major_slice(b, rows, k);
                product(MatMut::from_row_major_slice_mut(output, least, k), q.transpose(), b, workers);
                solve_triangular(r, least, upper, (output, k), workers);
            }
        }
        Ok(Some(()))
    }

    /// By singular values and vectors: V·S⁻¹·Uᵀ, with 0 in place of the inverses of what is cut.
    fn by_svd<T: Real>(
        &self,
        a: &[T],
        b: Option<&[T]>,
        output: &mut [T],
        workers: Workers<'_>,
    ) -> Result<(), LinalgError> {
        let (m, n, least) = (self.m, self.n, self.m.min(self.n));
        let mut packed = zeros::<T>(least * (1 + m + n))?;
        svd(a, [m, n], Vectors::Thin, &mut packed, workers)?;
        let (values, bases) = packed.split_at_mut(least);
        let bound = self.cut.part::<T>([m, n]) * values[0].as_f64();
        for value in &mut *values {
            *value = if value.as_f64() > bound { T::ONE / *value } else { T::ZERO };
        }
        let (u, vt) = bases.split_at_mut(m * least);
        for row in vt.chunks_exact_mut(n).zip(&*values) {
            row.0.iter_mut().for_each(|x| *x *= *row.1);
        }
        let v = MatRef::from_row_major_slice(&*vt, least, n).transpose();
        let ut = MatRef::from_row_major_slice(&*u, m, least).transpose();
        let Some(b) = b else {
            product(MatMut::from_row_major_slice_mut(output, n, m), v, ut, workers);
            return Ok(());
        };
        let k = b.len() / m;
        let mut inside = zeros::<T>(least * k)?;
        let b = MatRef::from_row_major_slice(b, m, k);
        product(MatMut::from_row_major_slice_mut(&mut inside, least, k), ut, b, workers);
        let inside = MatRef::from_row_major_slice(&inside, least, k);
        product(MatMut::from_row_major_slice_mut(output, n, k), v, inside, workers);
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
struct Pinv {
    rcond: f64,
}

impl Op for Pinv {
    fn name(&self) -> &'static str {
        "pinv"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Cut(self.rcond).check()?;
        let matrices = Matrices::of(inputs[0])?;
        Ok(matrices.each([matrices.columns, matrices.rows]))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (batch, m, n) = lengths(inputs[0], to);
        let packed = each(PseudoInverseKernel { m, n, cut: Cut(self.rcond) }, inputs, &batch, n * m, to);
        part(packed, 0, &[n, m], to)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (a, p) = (at.input(0), at.output());
        at.give(0, |dp| {
            let dpt = transposed(dp);
            // (I - A·P)·dPᵀ·P·Pᵀ + Pᵀ·P·dPᵀ·(I - P·A) - Pᵀ·dP·Pᵀ
            let left = nt(dpt.matmul(p), p);
            let left = left - a.matmul(p.matmul(left));
            let right = tn(p, p.matmul(dpt));
            let right = right - right.matmul(p).matmul(a);
            left + right - nt(tn(p, dp), p)
        });
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("rcond", self.rcond)
    }
}

#[derive(Clone, Copy, Debug)]
struct LeastSquares {
    rcond: f64,
}

impl Op for LeastSquares {
    fn name(&self) -> &'static str {
        "lstsq"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Cut(self.rcond).check()?;
        let (a, b) = (Matrices::of(inputs[0])?, Matrices::of(inputs[1])?);
        if let (Some(rows), Some(found)) = (a.rows, b.rows)
            && rows != found
        {
            let (left, right) = (inputs[0].shape.clone(), inputs[1].shape.clone());
            return Err(Fault::op(LinalgFault::Rows { left, right }));
        }
        let batch = broadcast(&a.batch, &b.batch)?;
        Ok(Matrices { batch, ..a }.each([a.columns, b.columns]))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (left, m, n) = lengths(inputs[0], to);
        let (right, _, k) = lengths(inputs[1], to);
        let batch = together(&left, &right);
        let solved = PseudoInverseKernel { m, n, cut: Cut(self.rcond) };
        let packed = each(solved, inputs, &batch, n * k, to);
        part(packed, 0, &[n, k], to)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (a, b, x) = (at.input(0), at.input(1), at.output());
        let dx = at.cotangent();
        let p = a.unary(Pinv { rcond: self.rcond });
        let db = tn(p, dx);
        at.give(0, |_| {
            // (b - A·x)·(P·dB)ᵀ + (Pᵀ·x)·(dX - Aᵀ·dB)ᵀ - dB·xᵀ
            let residual = nt(b - a.matmul(x), p.matmul(db));
            let outside = nt(tn(p, x), dx - tn(a, db));
            residual + outside - nt(db, x)
        });
        at.give(1, |_| db);
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("rcond", self.rcond)
    }
}

methods! {
    /// The pseudo-inverses P of matrices `[m, n]`, of shape `[n, m]`. Singular values below 10·max(m, n)·ε times the largest
    /// count as 0, as TensorFlow and JAX have it; ε is the distance from 1 to the next number of the type. Where none
    /// does, P comes from an orthogonal factorization and is refined, else it comes from the singular vectors.
    ///
    /// Gradient: (I - A·P)·dPᵀ·P·Pᵀ + Pᵀ·P·dPᵀ·(I - P·A) - Pᵀ·dP·Pᵀ (G. Golub and V. Pereyra, The differentiation of
    /// pseudo-inverses and nonlinear least squares problems whose variables separate, 1973), which holds where the rank does
    /// not change.
    ///
    /// A tensor of fewer than two axes is a build error. An element that is not finite fails the run with an
    /// [`Error::Kernel`](crate::Error::Kernel) that names the node and the place of the matrix in the batch.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[2.0], [0.0]]));
    /// assert_eq!(Session::new(&g)?.run(a.pinv())?, ndarray::arr2(&[[0.5, 0.0]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("pseudo_inverse"))]
    fn pinv<Float>(x) -> Self as _ {
        x.pinv_with(-10.0)
    }

    /// Like [`pinv`](crate::Tensor::pinv), but singular values below `rcond` times the largest count as 0. A negative number
    /// -t stands for t·max(m, n)·ε. NaN is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[2.0, 0.0], [0.0, 0.001]]));
    /// assert_eq!(Session::new(&g)?.run(a.pinv_with(0.01))?, ndarray::arr2(&[[0.5, 0.0], [0.0, 0.0]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn pinv_with<Float>(x, rcond: f64) -> Self as pinv {
        x.unary(Pinv { rcond })
    }

    /// Returns the x with the least Σ (a·x - b)², where a is this tensor, a batch of matrices; of several such x, the one with
    /// the least Σ x². The columns of b are right sides; a b of one axis is a single right side. Batches broadcast. Singular
    /// values below max(m, n)·ε times the largest count as 0, as in NumPy. Where none does, x comes from an orthogonal
    /// factorization, else from the singular vectors.
    ///
    /// Gradient: with the pseudo-inverse P and dB = Pᵀ·dX, which b gets, a gets
    /// (b - A·x)·(P·dB)ᵀ + (Pᵀ·x)·(dX - Aᵀ·dB)ᵀ - dB·xᵀ, which holds where the rank does not change.
    ///
    /// Right sides of another number of rows are a build error. An element of a that is not finite fails the run with an
    /// [`Error::Kernel`](crate::Error::Kernel) that names the node and the place of the matrix in the batch.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]));
    /// let b = g.constant(ndarray::arr1(&[1.0, 3.0, 5.0]));
    /// let x = Session::new(&g)?.run(a.lstsq(b))?;
    /// assert!((x[0] - 1.0_f64).abs() < 1e-14 && (x[1] - 2.0_f64).abs() < 1e-14);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("least_squares"))]
    fn lstsq<Float>(x, b: (Self)) -> Self as _ {
        x.lstsq_with(b, -1.0)
    }

    /// Like [`lstsq`](crate::Tensor::lstsq), but singular values below `rcond` times the largest count as 0. A negative number
    /// -t stands for t·max(m, n)·ε. NaN is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[2.0, 0.0], [0.0, 0.001]]));
    /// let b = g.constant(ndarray::arr1(&[4.0, 1.0]));
    /// assert_eq!(Session::new(&g)?.run(a.lstsq_with(b, 0.01))?, ndarray::arr1(&[2.0, 0.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn lstsq_with<Float>(x, b: (Self), rcond: f64) -> Self as lstsq {
        on_columns(b, |b| x.binary(LeastSquares { rcond }, b))
    }
}
