//! What is composed of other ops: `trace`, `matrix_power` and `matrix_band_part`.

use super::shapes::Matrices;
use crate::ops::methods::methods;
use crate::shape::TensorType;

methods! {
    /// The sums of the diagonals of matrices.
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

    /// The powers of square matrices, by squaring; negative ones are those of the inverses.
    ///
    /// Gradient: that of the products. Matrices that are not square are a build error; of a negative power errors are those
    /// of [`inv`](crate::Tensor::inv).
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

    /// The matrices with zeros outside of a band: `lower` diagonals below the main one, and `upper` above it, are kept, or
    /// all of a side where the number is negative, as TensorFlow has it.
    ///
    /// Gradient: the same of the cotangent. A tensor of fewer than two axes is a build error.
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
