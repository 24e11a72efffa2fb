//! `eigh` and `eigvalsh`: eigenvalues and eigenvectors of symmetric matrices.

use super::cholesky::pair;
use super::dense::{Real, SMALL, check_lower_finite};
use super::each::{MatrixKernel, each};
use super::error::LinalgError;
use super::shapes::{Matrices, lengths, part};
use super::{nt, orthogonal, symmetric, tn};
use crate::element::DType;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Elements, MultiOp, Op, OpDef, OperandDef, Outputs};
use crate::graph::{AnyTensor, Float, Tensor};
use crate::ir::{Lowering, Val, Workers};
use crate::ops::methods::methods;
use crate::shape::{Axes, TensorType};

/// The eigenvalues, ascending, and eigenvectors in columns.
#[derive(Clone, Copy, Debug)]
struct Eigh;

/// The eigenvalues alone.
#[derive(Clone, Copy, Debug)]
struct Eigenvalues;

#[derive(Clone, Debug)]
struct EighKernel {
    n: usize,
    with_vectors: bool,
}

impl MatrixKernel for EighKernel {
    const IS_SHARED: bool = true;

    fn fill<T: Real>(
        &self,
        inputs: &[&[T]],
        output: &mut [T],
        workers: Workers<'_>,
    ) -> Result<(), LinalgError> {
        check_lower_finite(inputs[0], self.n)?;
        orthogonal::eigh(inputs[0], self.n, output, workers)
    }

    fn work(&self) -> f64 {
        let cube = (self.n as f64).powi(3);
        match (self.n <= SMALL, self.with_vectors) {
            (true, true) => cube * 30.0,
            (true, false) => cube * 25.0,
            (false, true) => cube * 5.0 + 130_000.0,
            (false, false) => cube * 3.0 + 130_000.0,
        }
    }
}

impl MultiOp for Eigh {
    fn name(&self) -> &'static str {
        "eigh"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<Outputs<TensorType>, Fault> {
        let matrices = Matrices::square(inputs[0])?;
        Ok([matrices.each([matrices.rows]), matrices.each([matrices.rows, matrices.columns])].into())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Outputs<Val> {
        let (batch, n, _) = lengths(inputs[0], to);
        let packed = each(EighKernel { n, with_vectors: true }, inputs, &batch, n + n * n, to);
        [part(packed, 0, &[n], to), part(packed, n, &[n, n], to)].into()
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        if !at.wants(0) {
            return;
        }
        let [w, v] = [0, 1].map(|output| at.outputs()[output]);
        let [dw, dv] = [0, 1].map(|output| at.cotangents()[output]);
        let Some(dv) = dv else { return at.give_from(0, 0, |dw| nt(v * dw.expand_dims(-2), v)) };
        let inverse = inverse_of_apart(w.expand_dims(-2) - w.expand_dims(-1), w);
        let of_vectors = inverse * tn(v, dv);
        let inner = dw.map_or(of_vectors, |dw| of_vectors + dw.diag());
        let share = symmetric(v.matmul(nt(inner, v)));
        at.add(0, share);
    }
}

/// 1/x for differences x of numbers, and 0 where they are no further apart than rounding puts equal ones.
pub(super) fn inverse_of_apart<'g>(x: AnyTensor<'g>, numbers: AnyTensor<'g>) -> AnyTensor<'g> {
    let last = || Axes::of([-1]).keep_dims();
    let epsilon = if x.dtype() == DType::F32 { f64::from(f32::EPSILON) } else { f64::EPSILON };
    let sizes = numbers.stop_gradient().abs();
    let tolerance = sizes.reduce_max(last()) * sizes.ones_like().reduce_sum(last()) * epsilon;
    let tolerance =
        if x.shape().rank() > numbers.shape().rank() { tolerance.expand_dims(-1) } else { tolerance };
    let apart = x.abs().greater(tolerance).select(x, x.scalar_like(0.0));
    apart.ones_like().divide_no_nan(apart)
}

impl Op for Eigenvalues {
    fn name(&self) -> &'static str {
        "eigvalsh"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let matrices = Matrices::square(inputs[0])?;
        Ok(matrices.each([matrices.rows]))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (batch, n, _) = lengths(inputs[0], to);
        let packed = each(EighKernel { n, with_vectors: false }, inputs, &batch, n, to);
        part(packed, 0, &[n], to)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let x = at.input(0);
        at.give(0, |dw| {
            let (_, v) = x.eigh();
            nt(v * dw.expand_dims(-2), v)
        });
    }
}

methods! {
    /// Returns the eigenvalues of symmetric matrices in ascending order. Only the lower triangle of each matrix is read.
    ///
    /// Gradient: V·diag(dy)·Vᵀ, with the eigenvectors of [`eigh`](crate::Tensor::eigh). Errors are those of `eigh`.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[2.0, 0.0], [0.0, 1.0]]));
    /// assert_eq!(Session::new(&g)?.run(a.eigvalsh())?, ndarray::arr1(&[1.0, 2.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn eigvalsh<Float>(x) -> Self {
        x.unary(Eigenvalues)
    }

    also [OpDef {
        name: "eigh",
        doc: "The eigenvalues of symmetric matrices, ascending, and eigenvectors in columns.",
        operands: &[OperandDef::one("x", Elements::Float)],
        attributes: &[],
        build: |_, operands, _| {
            let (values, vectors) = operands[0].eigh();
            Ok(vec![values, vectors])
        },
    }]
}

impl AnyTensor<'_> {
    /// The same as [`Tensor::eigh`]; element types are checked when the node is built.
    #[track_caller]
    pub fn eigh(self) -> (Self, Self) {
        if let Some(invalid) = Elements::Float.refuse("eigh", self, self.dtype()) {
            return (invalid, invalid);
        }
        pair(self.graph().apply_all(Eigh, &[self]), self)
    }
}

impl<'g, T: Float> Tensor<'g, T> {
    /// Returns the eigenvalues w of symmetric matrices in ascending order, and a matrix V with orthonormal eigenvectors in its
    /// columns. The matrix is V·diag(w)·Vᵀ. Only its lower triangle is read. A matrix does not determine the signs of its
    /// eigenvectors, nor those of equal eigenvalues beyond the space that they span.
    ///
    /// Gradient: the symmetric part of V·(diag(dw) + F∘(Vᵀ·dV))·Vᵀ. F has 1/(wⱼ - wᵢ), and 0 where eigenvalues are equal
    /// within rounding, as in TensorFlow, so gradients are finite there. The gradient of a function that treats equal
    /// eigenvalues alike is the true one. A gradient through eigenvectors, and a second derivative, lacks what passes between
    /// equal eigenvalues.
    ///
    /// Matrices that are not square are a build error. An element that is not finite fails the run with an
    /// [`Error::Kernel`](crate::Error::Kernel) that names the node and the place of the matrix in the batch.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[2.0, 1.0], [1.0, 2.0]]));
    /// let (w, v) = a.eigh();
    /// let (w, again) = Session::new(&g)?.run((w, (v * w).matmul_transposed(v, false, true)))?;
    /// assert!((w[0] - 1.0_f64).abs() < 1e-15 && (again[[0, 1]] - 1.0_f64).abs() < 1e-15);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias = "self_adjoint_eig")]
    #[track_caller]
    pub fn eigh(self) -> (Tensor<'g, T>, Tensor<'g, T>) {
        let (values, vectors) = self.any().eigh();
        (Tensor::typed(values), Tensor::typed(vectors))
    }
}
