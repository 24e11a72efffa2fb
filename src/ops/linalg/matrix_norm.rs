//! `matrix_norm`: norms of matrices.

use super::error::LinalgFault;
use super::shapes::Matrices;
use crate::error::Fault;
use crate::graph::AnyTensor;
use crate::ops::methods::methods;
use crate::shape::TensorType;

/// What gives one number for each matrix.
type Norm = fn(AnyTensor<'_>) -> AnyTensor<'_>;

/// The norms, by the names that NumPy gives them.
const NORMS: [(&str, Norm); 5] = [
    ("1", |x| largest(x.abs().reduce_sum(-2))),
    ("2", |x| largest(x.svdvals())),
    ("inf", |x| largest(x.abs().reduce_sum(-1))),
    ("fro", |x| x.norm([-2, -1])),
    ("nuc", |x| x.svdvals().reduce_sum(-1)),
];

/// The largest of the numbers of each row, which are not negative; 0 where there are none.
fn largest(x: AnyTensor<'_>) -> AnyTensor<'_> {
    x.reduce_max(-1).maximum(0.0)
}

methods! {
    /// Returns the norms of matrices, by NumPy's names: `1`, the largest sum of the magnitudes in a column; `inf`, the same of
    /// a row; `2`, the largest singular value; `fro`, the root of the sum of squares; `nuc`, the sum of the singular values. A
    /// matrix without elements has norm 0. For norms of vectors, see [`norm`](crate::Tensor::norm).
    ///
    /// Gradient: that of the formula. Columns, rows or values that tie for the largest share equally.
    ///
    /// Other names, and a tensor of fewer than two axes, are build errors. Errors of `2` and `nuc` are those of
    /// [`svdvals`](crate::Tensor::svdvals).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[3.0, 0.0], [0.0, -4.0]]));
    /// let norms = ["1", "2", "inf", "fro", "nuc"].map(|order| a.matrix_norm(order));
    /// let norms = Session::new(&g)?.run(norms)?;
    /// let expected = [4.0_f64, 4.0, 4.0, 5.0, 7.0];
    /// assert!(norms.iter().zip(expected).all(|(found, norm)| (found.sum() - norm).abs() < 1e-14));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn matrix_norm<Float>(x, order: [String]) -> Self {
        if x.is_invalid() {
            return x;
        }
        let refused = |fault: Fault| x.graph().invalid_any("matrix_norm", fault);
        if let Err(fault) = Matrices::of(&TensorType::of(x)) {
            return refused(fault);
        }
        match NORMS.iter().find(|(name, _)| *name == order) {
            Some((_, norm)) => norm(x),
            None => refused(Fault::op(LinalgFault::Norm { found: order })),
        }
    }
}
