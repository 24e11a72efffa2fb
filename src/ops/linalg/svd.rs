//! `svd` and `svdvals`: singular values and vectors.

use super::dense::{Real, check_finite};
use super::each::{MatrixKernel, each};
use super::eigh::inverse_of_apart;
use super::error::LinalgError;
use super::fit::if_square;
use super::orthogonal::{self, Vectors};
use super::shapes::{Matrices, lengths, part};
use super::small_svd::FASTEST;
use super::{nt, tn, transposed};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{AttributeDef, Attributes, Elements, MultiOp, Op, OpDef, OperandDef, Outputs};
use crate::graph::{AnyTensor, Float, Tensor};
use crate::ir::{Lowering, Val, Workers};
use crate::ops::methods::methods;
use crate::shape::TensorType;

/// U, the singular values, descending, and Vᵀ: as many vectors as values, or all.
#[derive(Clone, Copy, Debug)]
struct Svd {
    full: bool,
}

/// The singular values alone.
#[derive(Clone, Copy, Debug)]
struct SingularValues;

#[derive(Clone, Debug)]
struct SvdKernel {
    m: usize,
    n: usize,
    vectors: Vectors,
}

impl MatrixKernel for SvdKernel {
    const IS_SHARED: bool = true;

    fn fill<T: Real>(
        &self,
        inputs: &[&[T]],
        output: &mut [T],
        workers: Workers<'_>,
    ) -> Result<(), LinalgError> {
        check_finite(inputs[0], self.n)?;
        orthogonal::svd(inputs[0], [self.m, self.n], self.vectors, output, workers)
    }

    fn work(&self) -> f64 {
        let (m, n) = (self.m as f64, self.n as f64);
        let cube = m * n * m.min(n);
        match (self.m.max(self.n) <= FASTEST, self.vectors) {
            (true, _) => cube * 60.0,
            (false, Vectors::None) => cube * 4.0 + 200_000.0,
            (false, _) => cube * 9.0 + 200_000.0,
        }
    }
}

impl MultiOp for Svd {
    fn name(&self) -> &'static str {
        "svd"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<Outputs<TensorType>, Fault> {
        let matrices = Matrices::of(inputs[0])?;
        let (rows, columns, least) = (matrices.rows, matrices.columns, matrices.least());
        let (left, right) = if self.full { (rows, columns) } else { (least, least) };
        Ok([matrices.each([rows, left]), matrices.each([least]), matrices.each([right, columns])].into())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Outputs<Val> {
        let (batch, m, n) = lengths(inputs[0], to);
        let vectors = if self.full { Vectors::Full } else { Vectors::Thin };
        let ([left, right], least) = (vectors.counts([m, n]), m.min(n));
        let elements = least + m * left + right * n;
        let packed = each(SvdKernel { m, n, vectors }, inputs, &batch, elements, to);
        let u = part(packed, least, &[m, left], to);
        let vt = part(packed, least + m * left, &[right, n], to);
        [u, part(packed, 0, &[least], to), vt].into()
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let x = at.input(0);
        let [u, s, vt] = [0, 1, 2].map(|output| at.outputs()[output]);
        let [du, ds, dvt] = [0, 1, 2].map(|output| at.cotangents()[output]);
        if !at.wants(0) {
            return;
        }
        if du.is_none() && dvt.is_none() {
            return at.give_from(1, 0, |ds| of_values(x, ds));
        }
        // All vectors are determined only where there are as many of both.
        let u = if self.full { if_square(u, x, false) } else { u };
        let share = of_vectors([u, s, vt], [du, ds, dvt]);
        at.add(0, share);
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("full_matrices", self.full)
    }
}

/// The gradient of singular values: U·diag(ds)·Vᵀ.
fn of_values<'g>(x: AnyTensor<'g>, ds: AnyTensor<'g>) -> AnyTensor<'g> {
    let (u, _, vt) = x.svd();
    (u * ds.expand_dims(-2)).matmul(vt)
}

/// The gradient of singular vectors, and of values if they have a cotangent.
fn of_vectors<'g>(
    [u, s, vt]: [AnyTensor<'g>; 3],
    [du, ds, dvt]: [Option<AnyTensor<'g>>; 3],
) -> AnyTensor<'g> {
    let (row, column) = (s.expand_dims(-2), s.expand_dims(-1));
    // 1/(sⱼ² - sᵢ²), by factors that keep their digits; 0 where values are equal.
    let inverse = inverse_of_apart(row - column, s) * (row + column).ones_like().divide_no_nan(row + column);
    let skew = |x: AnyTensor<'g>| (x - transposed(x)) * inverse;
    let of_u = du.map(|du| skew(tn(u, du)) * row);
    let of_v = dvt.map(|dvt| column * skew(nt(vt, dvt)));
    let of_s = ds.map(AnyTensor::diag);
    let inner = of_u.into_iter().chain(of_v).chain(of_s).reduce(|a, b| a + b);
    let mut share = inner.map(|inner| u.matmul(inner).matmul(vt));
    let inverse_s = inverse_of_apart(s, s);
    // What leaves the spaces that the vectors span, which square matrices have no room for.
    let is_whole = |x: AnyTensor<'g>| matches!(*x.shape().dims(), [.., Some(a), Some(b)] if a == b);
    if let Some(du) = du
        && !is_whole(u)
    {
        let outside = (du - u.matmul(tn(u, du))) * inverse_s.expand_dims(-2);
        let outside = outside.matmul(vt);
        share = Some(share.map_or(outside, |share| share + outside));
    }
    if let Some(dvt) = dvt
        && !is_whole(vt)
    {
        let outside = inverse_s.expand_dims(-1) * (dvt - nt(dvt, vt).matmul(vt));
        let outside = u.matmul(outside);
        share = Some(share.map_or(outside, |share| share + outside));
    }
    // One cotangent at least has been there.
    share.unwrap_or(s)
}

impl Op for SingularValues {
    fn name(&self) -> &'static str {
        "svdvals"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let matrices = Matrices::of(inputs[0])?;
        Ok(matrices.each([matrices.least()]))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (batch, m, n) = lengths(inputs[0], to);
        let least = m.min(n);
        let packed = each(SvdKernel { m, n, vectors: Vectors::None }, inputs, &batch, least, to);
        part(packed, 0, &[least], to)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let x = at.input(0);
        at.give(0, |ds| of_values(x, ds));
    }
}

methods! {
    /// Returns the singular values of matrices in descending order.
    ///
    /// Gradient: U·diag(dy)·Vᵀ, with the singular vectors of [`svd`](crate::Tensor::svd). Errors are those of `svd`.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[0.0, 2.0, 0.0], [1.0, 0.0, 0.0]]));
    /// assert_eq!(Session::new(&g)?.run(a.svdvals())?, ndarray::arr1(&[2.0, 1.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn svdvals<Float>(x) -> Self {
        x.unary(SingularValues)
    }

    also [OpDef {
        name: "svd",
        doc: "Singular vectors in columns, singular values, descending, and the other singular vectors in rows.",
        operands: &[OperandDef::one("x", Elements::Float)],
        attributes: &[AttributeDef::of::<bool>("full_matrices")],
        build: |_, operands, attributes| {
            let (u, s, vt) = operands[0].svd_with(attributes.value("full_matrices")?);
            Ok(vec![u, s, vt])
        },
    }]
}

impl AnyTensor<'_> {
    /// The same as [`Tensor::svd`]; element types are checked when the node is built.
    #[track_caller]
    pub fn svd(self) -> (Self, Self, Self) {
        self.svd_with(false)
    }

    /// The same as [`Tensor::svd_with`]; element types are checked when the node is built.
    #[track_caller]
    pub fn svd_with(self, full_matrices: bool) -> (Self, Self, Self) {
        if let Some(invalid) = Elements::Float.refuse("svd", self, self.dtype()) {
            return (invalid, invalid, invalid);
        }
        match self.graph().apply_all(Svd { full: full_matrices }, &[self])[..] {
            [u, s, vt] => (u, s, vt),
            // One invalid tensor stands for all.
            [invalid, ..] => (invalid, invalid, invalid),
            [] => (self, self, self),
        }
    }
}

impl<'g, T: Float> Tensor<'g, T> {
    /// Returns the singular value decompositions of matrices `[m, n]`, in the order of NumPy: U `[m, k]` with orthonormal
    /// columns, the singular values s `[k]` in descending order, and Vᵀ `[k, n]` with orthonormal rows, where k = min(m, n).
    /// The matrix is U·diag(s)·Vᵀ. A matrix does not determine the signs of its singular vectors, nor those of equal values
    /// beyond the space that they span.
    ///
    /// Gradient: U·(E∘skew(Uᵀ·dU)·S + S·E∘skew(Vᵀ·dV) + diag(ds))·Vᵀ, where skew(X) = X - Xᵀ, and, for values that are not 0,
    /// what leaves the spaces of the vectors: (I - U·Uᵀ)·dU·S⁻¹·Vᵀ and U·S⁻¹·dVᵀ·(I - V·Vᵀ). E has 1/(sⱼ² - sᵢ²), and 0 where
    /// values are equal within rounding, as in TensorFlow, so gradients are finite there. The gradient of a function that
    /// treats equal values alike is the true one. A gradient through vectors, and a second derivative, lacks what passes
    /// between equal values.
    ///
    /// A tensor of fewer than two axes is a build error. An element that is not finite fails the run with an
    /// [`Error::Kernel`](crate::Error::Kernel) that names the node and the place of the matrix in the batch.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[3.0, 1.0], [4.0, 2.0], [0.0, 2.0]]));
    /// let (u, s, vt) = a.svd();
    /// let apart = Session::new(&g)?.run(((u * s).matmul(vt) - a).abs().reduce_max(..))?.item()?;
    /// assert!(apart < 1e-14);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn svd(self) -> (Tensor<'g, T>, Tensor<'g, T>, Tensor<'g, T>) {
        self.svd_with(false)
    }

    /// Like [`svd`](Tensor::svd), but returns all m columns of U and all n rows of Vᵀ if `full_matrices` is true.
    ///
    /// Gradient: that of `svd`, through the values of any matrices and through the vectors of square ones. A matrix that is
    /// not square does not determine its last vectors, and asking for a gradient through vectors is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let (u, s, vt) = g.placeholder::<f64>("a", [5, 2]).svd_with(true);
    /// let shapes = [u, s, vt].map(|x| x.shape().to_string());
    /// assert_eq!(shapes, ["[5, 5]", "[2]", "[2, 2]"]);
    /// ```
    #[track_caller]
    pub fn svd_with(self, full_matrices: bool) -> (Tensor<'g, T>, Tensor<'g, T>, Tensor<'g, T>) {
        let (u, s, vt) = self.any().svd_with(full_matrices);
        (Tensor::typed(u), Tensor::typed(s), Tensor::typed(vt))
    }
}
