//! `kron`: the Kronecker products of matrices.

use super::shapes::Matrices;
use crate::ops::methods::methods;
use crate::shape::TensorType;

methods! {
    /// Returns the Kronecker products of matrices `[m, n]` and `[p, q]`, of shape `[m·p, n·q]`: the second matrix times each
    /// element of the first, as blocks. Axes in front are a batch and broadcast.
    ///
    /// Gradient: that of the products of elements. A tensor of fewer than two axes is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[1.0, 2.0]]));
    /// let b = g.constant(ndarray::arr2(&[[1.0], [3.0]]));
    /// assert_eq!(Session::new(&g)?.run(a.kron(b))?, ndarray::arr2(&[[1.0, 2.0], [3.0, 6.0]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("kronecker_product"))]
    fn kron<Numeric>(x, other: (Self)) -> Self {
        for operand in [x, other] {
            if operand.is_invalid() {
                return operand;
            }
            if let Err(fault) = Matrices::of(&TensorType::of(operand)) {
                return x.graph().invalid_any("kron", fault);
            }
        }
        // [.., m, 1, n, 1] and [.., 1, p, 1, q]
        let left = x.expand_dims(-1).expand_dims(-3);
        let right = other.expand_dims(-2).expand_dims(-4);
        (left * right).reshape_last(4, (x.dim(-2) * other.dim(-2), x.dim(-1) * other.dim(-1)))
    }
}
