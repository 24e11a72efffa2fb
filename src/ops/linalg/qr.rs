//! `qr`: matrices as products of an orthogonal one and an upper triangle.

use super::cholesky::pair;
use super::dense::{Real, SMALL, check_finite};
use super::each::{MatrixKernel, each};
use super::error::LinalgError;
use super::fit::{fit, if_square};
use super::shapes::{Matrices, lengths, part};
use super::{nt, orthogonal, tn, transposed};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{AttributeDef, Attributes, Elements, MultiOp, OpDef, OperandDef, Outputs};
use crate::graph::{AnyTensor, Float, Tensor};
use crate::ir::{Lowering, Val, Workers};
use crate::shape::TensorType;

/// Q and R: with as many columns and rows as the lesser of the lengths, or all.
#[derive(Clone, Copy, Debug)]
struct Qr {
    full: bool,
}

impl MultiOp for Qr {
    fn name(&self) -> &'static str {
        "qr"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<Outputs<TensorType>, Fault> {
        let matrices = Matrices::of(inputs[0])?;
        let count = if self.full { matrices.rows } else { matrices.least() };
        Ok([matrices.each([matrices.rows, count]), matrices.each([count, matrices.columns])].into())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Outputs<Val> {
        let (batch, m, n) = lengths(inputs[0], to);
        let count = if self.full { m } else { m.min(n) };
        let packed = each(QrKernel { m, n, count }, inputs, &batch, m * count + count * n, to);
        [part(packed, 0, &[m, count], to), part(packed, m * count, &[count, n], to)].into()
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let x = at.input(0);
        let [q, r] = [0, 1].map(|output| at.outputs()[output]);
        let [dq, dr] = [0, 1].map(|output| at.cotangents()[output]);
        if at.wants(0) {
            // All columns of Q are determined only where there are no more of them than of the matrix.
            let q = if self.full { if_square(q, x, true) } else { q };
            let share = of_factors(x, [q, r], [dq, dr]);
            at.add(0, share);
        }
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("full_matrices", self.full)
    }
}

/// The gradient, of any form of matrices: the first columns X of [X | Y] have the factors Q and U, with R = [U | V]. What
/// Y gets is Q·dV, and X gets the gradient of its own factors, with dQ + Y·dVᵀ in place of dQ.
fn of_factors<'g>(
    x: AnyTensor<'g>,
    [q, r]: [AnyTensor<'g>; 2],
    [dq, dr]: [Option<AnyTensor<'g>>; 2],
) -> AnyTensor<'g> {
    // With as many columns as R has rows.
    let square = |of: AnyTensor<'g>| fit(of, r, [-2, -2]);
    let u = square(r);
    let mut dq = dq;
    let mut beyond = None;
    if let Some(dr) = dr
        && !is_square(r)
    {
        let dv = dr - fit(square(dr), r, [-2, -1]);
        let through = nt(x, dv);
        dq = Some(dq.map_or(through, |dq| dq + through));
        beyond = Some(q.matmul(dv));
    }
    // M = U·dUᵀ - dQᵀ·Q; X gets (dQ + Q·(tril M + (tril(M, -1))ᵀ))·U⁻ᵀ.
    let of_r = dr.map(|dr| nt(u, square(dr)));
    let of_q = dq.map(|dq| -tn(dq, q));
    let Some(m) = of_r.into_iter().chain(of_q).reduce(|a, b| a + b) else { return x.zeros_like() };
    let mirrored = q.matmul(m.tril(0) + transposed(m.tril(-1)));
    let sum = dq.map_or(mirrored, |dq| dq + mirrored);
    // S·U⁻ᵀ = (U⁻¹·Sᵀ)ᵀ
    let first = transposed(u.triangular_solve_with(transposed(sum), false, false, false));
    let first = fit(first, x, [-2, -1]);
    beyond.map_or(first, |beyond| first + beyond)
}

/// Whether there are known to be as many rows as columns.
fn is_square(x: AnyTensor<'_>) -> bool {
    matches!(*x.shape().dims(), [.., Some(rows), Some(columns)] if rows == columns)
}

#[derive(Clone, Debug)]
struct QrKernel {
    m: usize,
    n: usize,
    count: usize,
}

impl MatrixKernel for QrKernel {
    const IS_SHARED: bool = true;

    fn fill<T: Real>(
        &self,
        inputs: &[&[T]],
        output: &mut [T],
        workers: Workers<'_>,
    ) -> Result<(), LinalgError> {
        check_finite(inputs[0], self.n)?;
        orthogonal::qr(inputs[0], [self.m, self.n], self.count, output, workers)
    }

    fn work(&self) -> f64 {
        let (m, n) = (self.m as f64, self.n as f64);
        let blocked = if self.m.max(self.n) <= SMALL { 0.0 } else { 20_000.0 };
        blocked + 1.5 * m * (n * m.min(n) + self.count as f64 * m.min(n))
    }
}

pub(super) const METHODS: &[&[OpDef]] = &[&[OpDef {
    name: "qr",
    doc: "Matrices as products of one with orthonormal columns and an upper triangle.",
    operands: &[OperandDef::one("x", Elements::Float)],
    attributes: &[AttributeDef::of::<bool>("full_matrices")],
    build: |_, operands, attributes| {
        let (q, r) = operands[0].qr_with(attributes.value("full_matrices")?);
        Ok(vec![q, r])
    },
}]];

impl AnyTensor<'_> {
    /// The same as [`Tensor::qr`]; element types are checked when the node is built.
    #[track_caller]
    pub fn qr(self) -> (Self, Self) {
        self.qr_with(false)
    }

    /// The same as [`Tensor::qr_with`]; element types are checked when the node is built.
    #[track_caller]
    pub fn qr_with(self, full_matrices: bool) -> (Self, Self) {
        if let Some(invalid) = Elements::Float.refuse("qr", self, self.dtype()) {
            return (invalid, invalid);
        }
        pair(self.graph().apply_all(Qr { full: full_matrices }, &[self]), self)
    }
}

impl<'g, T: Float> Tensor<'g, T> {
    /// Factors matrices `[m, n]` into Q·R. Q, `[m, k]`, has orthonormal columns and R, `[k, n]`, is an upper triangle, where
    /// k = min(m, n). The factors come from Householder reflections, so the diagonal of R has the signs that LAPACK gives it.
    ///
    /// A matrix whose columns depend on each other has factors too: Q·R still is the matrix and Q is orthonormal, and R has
    /// a 0, or a number of the size of rounding, on its diagonal.
    ///
    /// Gradient: with M = R·dRᵀ - dQᵀ·Q, (dQ + Q·(tril(M) + tril(M, -1)ᵀ))·R⁻ᵀ; of matrices with more columns than rows,
    /// [X | Y], it is that for X and the first columns of R, with dQ + Y·dVᵀ in place of dQ, and Q·dV for Y, where V is the
    /// rest of R (D. Roberts and L. Roberts, [QR and LQ decomposition matrix backpropagation algorithms](https://arxiv.org/abs/2009.10071)).
    /// Where R has a 0 on its diagonal there is none, and a run that asks for it fails with an
    /// [`Error::Kernel`](crate::Error::Kernel); next to such matrices it grows without bound.
    ///
    /// A tensor of fewer than two axes is a build error. An element that is not finite fails the run with an
    /// [`Error::Kernel`](crate::Error::Kernel) that names the node and the place of the matrix in the batch.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[3.0, 1.0], [4.0, 2.0], [0.0, 2.0]]));
    /// let (q, r) = a.qr();
    /// let apart = Session::new(&g)?.run((q.matmul(r) - a).abs().reduce_max(..))?.item()?;
    /// assert!(apart < 1e-14 && q.shape().to_string() == "[3, 2]");
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn qr(self) -> (Tensor<'g, T>, Tensor<'g, T>) {
        self.qr_with(false)
    }

    /// Like [`qr`](Tensor::qr), but returns all m columns of Q and all m rows of R if `full_matrices` is true.
    ///
    /// Gradient: that of `qr` if the matrices have no more rows than columns. Otherwise the matrix does not determine the
    /// last columns of Q, and asking for a gradient is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let (q, r) = g.placeholder::<f64>("a", [None, Some(2)]).qr_with(true);
    /// assert_eq!((q.shape().to_string(), r.shape().to_string()), ("[?, ?]".to_owned(), "[?, 2]".to_owned()));
    /// ```
    #[track_caller]
    pub fn qr_with(self, full_matrices: bool) -> (Tensor<'g, T>, Tensor<'g, T>) {
        let (q, r) = self.any().qr_with(full_matrices);
        (Tensor::typed(q), Tensor::typed(r))
    }
}
