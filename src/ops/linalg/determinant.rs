//! `det` and `slogdet`, and `cofactor` for the gradient of the first.
//!
//! A determinant is a polynomial, so it has derivatives at singular matrices too: the first are the cofactors, which are
//! computed without division by the determinant, and the derivatives of these are sums over products of singular values.

use super::cholesky::pair;
use super::dense::{Real, check_finite, largest, whole, zeros};
use super::each::{MatrixKernel, each};
use super::error::LinalgError;
use super::orthogonal::{Vectors, svd};
use super::shapes::{Matrices, lengths, part};
use super::{beside_matrices, nt, tn, transposed, triangular};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Elements, MultiOp, Op, OpDef, OperandDef, Outputs};
use crate::graph::{AnyTensor, Float, Tensor};
use crate::ir::{Lowering, Val, Workers};
use crate::ops::internal::internal;
use crate::ops::methods::methods;
use crate::shape::TensorType;

/// What is made of each square matrix: a number, or another matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Determinant,
    SignAndLogarithm,
    Cofactors,
}

#[derive(Clone, Debug)]
struct DeterminantKernel {
    n: usize,
    wanted: Wanted,
}

impl MatrixKernel for DeterminantKernel {
    const IS_SHARED: bool = true;

    fn fill<T: Real>(
        &self,
        inputs: &[&[T]],
        output: &mut [T],
        workers: Workers<'_>,
    ) -> Result<(), LinalgError> {
        let (a, n) = (inputs[0], self.n);
        check_finite(a, n)?;
        match self.wanted {
            Wanted::Determinant => output[0] = ScaledNumber::of_determinant(a, n, workers)?.value(),
            Wanted::SignAndLogarithm => {
                let product = ScaledNumber::of_determinant(a, n, workers)?;
                output[0] =
                    T::from_f64(if product.fraction == 0.0 { 0.0 } else { product.fraction.signum() });
                output[1] =
                    T::from_f64(product.fraction.abs().ln() + product.exponent * std::f64::consts::LN_2);
            }
            Wanted::Cofactors => cofactors(a, n, output, workers)?,
        }
        Ok(())
    }

    fn work(&self) -> f64 {
        (self.n as f64).powi(3) * if self.wanted == Wanted::Cofactors { 2.0 } else { 0.35 }
    }
}

/// A product that does not leave the range: a fraction times a power of 2.
#[derive(Clone, Copy, Debug)]
struct ScaledNumber {
    fraction: f64,
    exponent: f64,
}

impl ScaledNumber {
    const ONE: ScaledNumber = ScaledNumber { fraction: 1.0, exponent: 0.0 };

    fn times(self, factor: f64) -> Self {
        let ((fraction, first), (factor, second)) = (parted(self.fraction), parted(factor));
        ScaledNumber { fraction: fraction * factor, exponent: self.exponent + first + second }
    }

    fn value<T: Real>(self) -> T {
        // In two steps, as one power may be out of range where the value is not.
        let half = (self.exponent / 2.0).trunc();
        let power = |exponent: f64| exponent.clamp(-1500.0, 1500.0).exp2();
        T::from_f64(self.fraction * power(half) * power(self.exponent - half))
    }

    /// The determinant, by elimination.
    fn of_determinant<T: Real>(a: &[T], n: usize, workers: Workers<'_>) -> Result<Self, LinalgError> {
        let mut packed = zeros::<T>(n * n + n)?;
        triangular::lu(a, [n, n], &mut packed, workers)?;
        let (lu, order) = packed.split_at(n * n);
        let diagonal =
            lu.iter().step_by(n + 1).fold(ScaledNumber::ONE, |product, x| product.times(x.as_f64()));
        Ok(diagonal.times(if is_odd(order) { -1.0 } else { 1.0 }))
    }
}

/// A number far from 1 without a power of 2, so that the product of two is in range; and the exponent of that.
fn parted(x: f64) -> (f64, f64) {
    const NEAR: f64 = 500.0;
    let exponent = x.abs().log2().floor();
    if x == 0.0 || !exponent.is_finite() || exponent.abs() <= NEAR {
        return (x, 0.0);
    }
    // In two steps, as one power may be out of range.
    let half = (exponent / 2.0).trunc();
    (x * (-half).exp2() * (half - exponent).exp2(), exponent)
}

/// Whether an odd number of exchanges leads to an order.
fn is_odd<T: Real>(order: &[T]) -> bool {
    let mut rows: Vec<usize> = order.iter().map(|row| row.as_f64() as usize).collect();
    let mut odd = false;
    for i in 0..rows.len() {
        while rows[i] != i {
            let j = rows[i];
            rows.swap(i, j);
            odd = !odd;
        }
    }
    odd
}

/// The cofactors: the inverse, transposed, times the determinant where that keeps the digits; else, with the singular value
/// decomposition U·S·Vᵀ, of U·C·Vᵀ, where C has products of all singular values but one.
fn cofactors<T: Real>(a: &[T], n: usize, output: &mut [T], workers: Workers<'_>) -> Result<(), LinalgError> {
    if let Some(()) = by_inverse(a, n, output, workers)? {
        return Ok(());
    }
    let mut packed = zeros::<T>(n + 2 * n * n)?;
    svd(a, [n, n], Vectors::Thin, &mut packed, workers)?;
    let (values, bases) = packed.split_at(n);
    let (u, vt) = bases.split_at(n * n);
    let [of_u, of_vt] = [u, vt].map(|basis| ScaledNumber::of_determinant(basis, n, workers));
    let sign = of_u?.value::<T>() * of_vt?.value::<T>();
    let sign = if sign < T::ZERO { -1.0 } else { 1.0 };
    for k in 0..n {
        let others = values.iter().enumerate().filter(|&(other, _)| other != k);
        let product = others.fold(ScaledNumber::ONE, |product, (_, value)| product.times(value.as_f64()));
        let product: T = product.times(sign).value();
        for (row, left) in output.chunks_exact_mut(n).zip(u.chunks_exact(n)) {
            let factor = left[k] * product;
            for (to, &right) in row.iter_mut().zip(&vt[k * n..]) {
                *to = if k == 0 { factor * right } else { *to + factor * right };
            }
        }
    }
    Ok(())
}

/// The cofactors, if the matrix is far enough from singular ones.
fn by_inverse<T: Real>(
    a: &[T],
    n: usize,
    output: &mut [T],
    workers: Workers<'_>,
) -> Result<Option<()>, LinalgError> {
    let mut inverse = zeros::<T>(n * n)?;
    match triangular::inverse(a, n, &mut inverse, workers) {
        Ok(()) => {}
        Err(LinalgError::Singular { .. }) => return Ok(None),
        Err(error) => return Err(error),
    }
    let condition = largest(a) * largest(&inverse) * whole::<T>(n * n);
    let determinant: T = ScaledNumber::of_determinant(a, n, workers)?.value();
    // The fourth root of what can be told apart from 1: three quarters of the digits are kept.
    let is_far = condition * T::EPSILON.root().root() < T::ONE;
    if !is_far || !determinant.is_number() || determinant == T::ZERO {
        return Ok(None);
    }
    for i in 0..n {
        for j in 0..n {
            output[i * n + j] = determinant * inverse[j * n + i];
        }
    }
    Ok(Some(()))
}

#[derive(Debug)]
struct Det;

impl Op for Det {
    fn name(&self) -> &'static str {
        "det"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(Matrices::square(inputs[0])?.each([]))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (batch, n, _) = lengths(inputs[0], to);
        let packed = each(DeterminantKernel { n, wanted: Wanted::Determinant }, inputs, &batch, 1, to);
        part(packed, 0, &[], to)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let x = at.input(0);
        at.give(0, |dy| beside_matrices(dy) * x.unary(Cofactor));
    }
}

#[derive(Debug)]
struct Cofactor;

impl Op for Cofactor {
    fn name(&self) -> &'static str {
        "cofactor"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let matrices = Matrices::square(inputs[0])?;
        Ok(matrices.each([matrices.rows, matrices.columns]))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (batch, n, _) = lengths(inputs[0], to);
        let packed = each(DeterminantKernel { n, wanted: Wanted::Cofactors }, inputs, &batch, n * n, to);
        part(packed, 0, &[n, n], to)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let x = at.input(0);
        at.give(0, |dy| {
            let (u, s, vt) = x.svd();
            // In the bases of singular vectors, with P the products of all singular values but two: the share of element ij
            // is -Pᵢⱼ·dyⱼᵢ, and that of ii the sum of Pᵢⱼ·dyⱼⱼ over all others.
            let inside = tn(u, nt(dy, vt));
            let others = products_but_two(s);
            let diagonal = others.matmul(inside.diag_part().expand_dims(-1)).squeeze(-1);
            let share = diagonal.diag() - others * transposed(inside);
            let sign = (u.det() * vt.det()).sign();
            beside_matrices(sign) * u.matmul(share).matmul(vt)
        });
    }
}

/// The products of all numbers of a row but two, as symmetric matrices with zeros on the diagonals.
fn products_but_two(s: AnyTensor<'_>) -> AnyTensor<'_> {
    let eye = s.ones_like().diag();
    let apart = eye.equal(0.0);
    // Along the last axis those that are left out are 1.
    let is_kept = apart.expand_dims(-2).logical_and(apart.expand_dims(-3));
    let rows = s.expand_dims(-2).expand_dims(-2);
    let products = is_kept.select(rows, s.scalar_like(1.0)).reduce_prod(-1);
    apart.select(products, s.scalar_like(0.0))
}

/// The signs of determinants, and the logarithms of their absolute values.
#[derive(Debug)]
struct SlogDet;

impl MultiOp for SlogDet {
    fn name(&self) -> &'static str {
        "slogdet"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<Outputs<TensorType>, Fault> {
        let each = Matrices::square(inputs[0])?.each([]);
        Ok([each.clone(), each].into())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Outputs<Val> {
        let (batch, n, _) = lengths(inputs[0], to);
        let packed = each(DeterminantKernel { n, wanted: Wanted::SignAndLogarithm }, inputs, &batch, 2, to);
        [part(packed, 0, &[], to), part(packed, 1, &[], to)].into()
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let x = at.input(0);
        at.give_from(1, 0, |dy| beside_matrices(dy) * transposed(x.inv()));
    }
}

methods! {
    /// Returns the determinants of square matrices, by elimination. No step leaves the range of the type unless the result
    /// does.
    ///
    /// Gradient: the cotangent times the cofactors, at singular matrices as well, as in JAX. (PyTorch gives 0 there, and
    /// TensorFlow fails.) Second derivatives hold at singular matrices too; third and higher ones only where all singular
    /// values differ.
    ///
    /// Matrices that are not square are a build error. An element that is not finite fails the run with an
    /// [`Error::Kernel`](crate::Error::Kernel) that names the node and the place of the matrix in the batch.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[1.0, 2.0], [2.0, 4.0]]));
    /// let y = a.det();
    /// let [da] = y.gradients([a]);
    /// let (y, da) = Session::new(&g)?.run((y, da))?;
    /// assert_eq!(y.item()?, 0.0);
    /// let cofactors = ndarray::arr2(&[[4.0, -2.0], [-2.0, 1.0]]);
    /// assert!(da.iter().zip(&cofactors).all(|(found, cofactor): (&f64, &f64)| (found - cofactor).abs() < 1e-14));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn det<Float>(x) -> Self {
        x.unary(Det)
    }

    also [OpDef {
        name: "slogdet",
        doc: "The signs of determinants, and the logarithms of their absolute values.",
        operands: &[OperandDef::one("x", Elements::Float)],
        attributes: &[],
        build: |_, operands, _| {
            let (sign, logarithm) = operands[0].slogdet();
            Ok(vec![sign, logarithm])
        },
    }]
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "cofactor" (x: Float) [] |given| Cofactor;
};

impl AnyTensor<'_> {
    /// The same as [`Tensor::slogdet`]; element types are checked when the node is built.
    #[track_caller]
    pub fn slogdet(self) -> (Self, Self) {
        if let Some(invalid) = Elements::Float.refuse("slogdet", self, self.dtype()) {
            return (invalid, invalid);
        }
        pair(self.graph().apply_all(SlogDet, &[self]), self)
    }
}

impl<'g, T: Float> Tensor<'g, T> {
    /// Returns the signs of the determinants of square matrices, and the logarithms of their absolute values. A singular
    /// matrix gives 0 and -∞, as in NumPy.
    ///
    /// Gradient: the transposed inverse times the cotangent of the logarithm. The sign has no gradient. At a singular matrix
    /// there is none, and a run that asks for it fails as that of [`inv`](Tensor::inv) does. Errors are those of
    /// [`det`](Tensor::det).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[0.0, 2.0], [3.0, 4.0]]));
    /// let (sign, logarithm) = Session::new(&g)?.run(a.slogdet())?;
    /// assert_eq!(sign.item()?, -1.0);
    /// assert!((logarithm.item()? - f64::ln(6.0)).abs() < 1e-15);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn slogdet(self) -> (Tensor<'g, T>, Tensor<'g, T>) {
        let (sign, logarithm) = self.any().slogdet();
        (Tensor::typed(sign), Tensor::typed(logarithm))
    }
}
