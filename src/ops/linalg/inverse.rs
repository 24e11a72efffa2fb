//! `inv` and `try_inv`: the inverses of matrices.

use super::cholesky::{accepted, flagged, pair};
use super::dense::{Real, check_finite};
use super::each::{MatrixKernel, each};
use super::error::LinalgError;
use super::shapes::{Matrices, lengths, part};
use super::{nt, tn, triangular};
use crate::element::DType;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Elements, MultiOp, OpDef, OperandDef, Outputs};
use crate::graph::{AnyTensor, Float, Tensor};
use crate::ir::{Lowering, Val, Workers};
use crate::ops::methods::methods;
use crate::shape::TensorType;

/// The inverses, and whether there is one, if that is asked for.
#[derive(Clone, Copy, Debug)]
struct Inverse {
    is_try: bool,
}

impl MultiOp for Inverse {
    fn name(&self) -> &'static str {
        if self.is_try { "try_inv" } else { "inv" }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<Outputs<TensorType>, Fault> {
        let matrices = Matrices::square(inputs[0])?;
        let inverse = matrices.each([matrices.rows, matrices.columns]);
        let accepted = TensorType::new(DType::Bool, matrices.batch);
        Ok(if self.is_try { [inverse, accepted].into() } else { inverse.into() })
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Outputs<Val> {
        let (batch, n, _) = lengths(inputs[0], to);
        let elements = n * n + usize::from(self.is_try);
        let packed = each(InverseKernel { n, is_try: self.is_try }, inputs, &batch, elements, to);
        let inverse = part(packed, 0, &[n, n], to);
        if self.is_try { [inverse, accepted(packed, n * n, to)].into() } else { inverse.into() }
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let y = at.output();
        at.give(0, |dy| -tn(y, nt(dy, y)));
    }
}

#[derive(Clone, Debug)]
struct InverseKernel {
    n: usize,
    is_try: bool,
}

impl MatrixKernel for InverseKernel {
    const IS_SHARED: bool = true;

    fn fill<T: Real>(
        &self,
        inputs: &[&[T]],
        output: &mut [T],
        workers: Workers<'_>,
    ) -> Result<(), LinalgError> {
        let invert = |inverse: &mut [T]| {
            if inverse.is_empty() {
                return Ok(());
            }
            check_finite(inputs[0], self.n)?;
            triangular::inverse(inputs[0], self.n, inverse, workers)
        };
        if self.is_try { flagged(output, invert) } else { invert(output) }
    }

    fn work(&self) -> f64 {
        1.4 * (self.n as f64).powi(3)
    }

    fn may_fail(&self) -> bool {
        !self.is_try
    }
}

methods! {
    /// Returns the inverses of square matrices. To solve equations, use [`solve`](crate::Tensor::solve), which is faster and
    /// more accurate.
    ///
    /// Gradient: -yᵀ·dy·yᵀ.
    ///
    /// Matrices that are not square are a build error. A matrix that is singular or has an element that is not finite fails
    /// the run with an [`Error::Kernel`](crate::Error::Kernel) that names the node and the place in the batch;
    /// [`try_inv`](crate::Tensor::try_inv) returns a flag instead.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[1.0, 2.0], [4.0, 4.0]]));
    /// let y = Session::new(&g)?.run(a.inv())?;
    /// assert_eq!(y, ndarray::arr2(&[[-1.0, 0.5], [1.0, -0.25]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("inverse", "matrix_inverse"))]
    fn inv<Float>(x) -> Self {
        x.unary(Inverse { is_try: false })
    }

    also [OpDef {
        name: "try_inv",
        doc: "The inverses of square matrices, and which matrices have one.",
        operands: &[OperandDef::one("x", Elements::Float)],
        attributes: &[],
        build: |_, operands, _| {
            let (inverse, is_accepted) = operands[0].try_inv();
            Ok(vec![inverse, is_accepted])
        },
    }]
}

impl AnyTensor<'_> {
    /// The same as [`Tensor::try_inv`]; element types are checked when the node is built.
    #[track_caller]
    pub fn try_inv(self) -> (Self, Self) {
        if let Some(invalid) = Elements::Float.refuse("try_inv", self, self.dtype()) {
            return (invalid, invalid);
        }
        pair(self.graph().apply_all(Inverse { is_try: true }, &[self]), self)
    }
}

impl<'g, T: Float> Tensor<'g, T> {
    /// Like [`inv`](Tensor::inv), but returns the inverses and, for each matrix, whether it has one. A matrix with an element
    /// that is not finite counts as one without. The inverse is NaN where there is none, and the run goes on.
    ///
    /// Gradient: that of `inv`, NaN where there is no inverse.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr3(&[[[4.0]], [[0.0]]]));
    /// let (y, is_regular) = Session::new(&g)?.run(a.try_inv())?;
    /// assert_eq!((y[[0, 0, 0]], is_regular), (0.25, ndarray::arr1(&[true, false]).into_dyn()));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn try_inv(self) -> (Tensor<'g, T>, Tensor<'g, bool>) {
        let (inverse, is_accepted) = self.any().try_inv();
        (Tensor::typed(inverse), Tensor::typed(is_accepted))
    }
}
