//! What is composed of other ops: `trace`, `matrix_power` and `matrix_band_part`.

use super::shapes::Matrices;
use crate::ops::methods::methods;
use crate::shape::TensorType;

methods! {
    /// Returns the sums of the diagonals of matrices.
    ///
    /// Gradient: the cotangent on the diagonals, 0 elsewhere. A tensor of fewer than two axes is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
    /// assert_eq!(Session::new(&g)?.run(a.trace())?.item()?, 6.0);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn trace<Numeric>(x) -> Self {
        match *x.shape().dims() {
            [.., Some(rows), Some(columns)] if rows == columns => x.diag_part().reduce_sum(-1),
            _ => x.tril(0).triu(0).reduce_sum([-2, -1]),
        }
    }

    /// Raises square matrices to a power by squaring. A negative power is that of the inverse.
    ///
    /// Gradient: that of the products. Matrices that are not square are a build error. A negative power has the errors of
    /// [`inv`](crate::Tensor::inv).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[1.0, 1.0], [0.0, 1.0]]));
    /// assert_eq!(Session::new(&g)?.run(a.matrix_power(5))?, ndarray::arr2(&[[1.0, 5.0], [0.0, 1.0]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn matrix_power<Float>(x, n: isize) -> Self {
        if let (false, Err(fault)) = (x.is_invalid(), Matrices::square(&TensorType::of(x))) {
            return x.graph().invalid_any("matrix_power", fault);
        }
        let mut square = if n < 0 { x.inv() } else { x };
        let mut exponent = n.unsigned_abs();
        let mut power = None;
        while exponent > 0 {
            if exponent % 2 == 1 {
                power = Some(power.map_or(square, |power: crate::graph::AnyTensor<'_>| power.matmul(square)));
            }
            exponent /= 2;
            if exponent > 0 {
                square = square.matmul(square);
            }
        }
        power.unwrap_or_else(|| x.diag_part().ones_like().diag())
    }

    /// Returns the matrices with zeros outside a band. The band has the main diagonal, `lower` diagonals below it and `upper`
    /// above it; a negative number keeps all of that side, as in TensorFlow.
    ///
    /// Gradient: the same band of the cotangent. A tensor of fewer than two axes is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[1, 2, 3], [4, 5, 6], [7, 8, 9]]));
    /// let banded = Session::new(&g)?.run(a.matrix_band_part(1, 0))?;
    /// assert_eq!(banded, ndarray::arr2(&[[1, 0, 0], [4, 5, 0], [0, 8, 9]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn matrix_band_part<Numeric>(x, lower: isize, upper: isize) -> Self {
        let above = if upper < 0 { isize::MAX } else { upper };
        let below = if lower < 0 { isize::MIN + 1 } else { -lower };
        x.tril(above).triu(below)
    }
}
