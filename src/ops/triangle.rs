//! `tril` and `triu`: what lies on one side of a diagonal of matrices, zeros on the other.

use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Attributes, Op};
use crate::ir::{Lowering, Scalar, Val};
use crate::ops::methods::methods;
use crate::shape::{TensorType, resolve_axis};

/// The elements of the last two axes on one side of the diagonal that begins at column `first`.
#[derive(Clone, Copy, Debug)]
struct Triangle {
    side: Side,
    first: isize,
}

/// The side of a diagonal, with the diagonal itself.
#[derive(Clone, Copy, Debug)]
enum Side {
    Lower,
    Upper,
}

impl Op for Triangle {
    fn name(&self) -> &'static str {
        match self.side {
            Side::Lower => "tril",
            Side::Upper => "triu",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        resolve_axis(-2, inputs[0].shape.rank())?;
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let &[.., rows, columns] = to.dims(inputs[0]) else {
            // The shape rule has refused what is no matrix.
            return inputs[0];
        };
        // The column at which the diagonal meets each row.
        let diagonal = to.iota(self.first as i64, rows);
        let diagonal = to.reshape(diagonal, vec![rows, 1]);
        let columns = to.iota(0, columns);
        let inside = match self.side {
            Side::Lower => to.compare(Scalar::LessEqual, &[columns, diagonal]),
            Side::Upper => to.compare(Scalar::LessEqual, &[diagonal, columns]),
        };
        let zero = to.scalar(0.0, to.dtype(inputs[0]));
        to.map(Scalar::Select, &[inside, inputs[0], zero])
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.give(0, |dy| dy.unary(*self));
    }

    fn zero_where_untaken(&self, _: usize) -> bool {
        true
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("k", self.first)
    }
}

methods! {
    /// The lower triangles of matrices, or of batches of them: the elements on and below the diagonal that begins at
    /// column `k` of the first row, and 0 above. 0 is the main diagonal, a negative one lies below it.
    ///
    /// Gradient: the same of the cotangent; what was computed for the other elements does not matter, as
    /// for [`select`](crate::Tensor::select). A tensor of fewer than two axes is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr2(&[[1, 2], [3, 4]])).tril(0);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr2(&[[1, 0], [3, 4]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn tril<Element>(x, k: isize) -> Self {
        x.unary(Triangle { side: Side::Lower, first: k })
    }

    /// The upper triangles of matrices, or of batches of them: the elements on and above the diagonal that begins at
    /// column `k` of the first row, and 0 below. 0 is the main diagonal, a negative one lies below it.
    ///
    /// Gradient: the same of the cotangent; what was computed for the other elements does not matter, as
    /// for [`select`](crate::Tensor::select). A tensor of fewer than two axes is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr2(&[[1, 2], [3, 4]])).triu(1);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr2(&[[0, 2], [0, 0]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn triu<Element>(x, k: isize) -> Self {
        x.unary(Triangle { side: Side::Upper, first: k })
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::ArrayD;

    /// The matrices with 0 where a row and a column are not wanted.
    fn kept(x: &ArrayD<f64>, wanted: fn(isize, isize) -> bool) -> ArrayD<f64> {
        let mut kept = x.clone();
        for (index, x) in kept.indexed_iter_mut() {
            let rank = index.ndim();
            if !wanted(index[rank - 2] as isize, index[rank - 1] as isize) {
                *x = 0.0;
            }
        }
        kept
    }

    use ndarray::Dimension;
    let mut examples: Vec<Example> = vec![
        example!("tril far off", &[&[2, 3]], |_, x| x[0].tril(isize::MAX), |x| x[0].clone()),
        example!("triu far off", &[&[2, 3]], |_, x| x[0].triu(isize::MAX), |x| &x[0] * 0.0),
    ];
    for dims in [&[3, 4][..], &[4, 3], &[2, 3, 3], &[1, 1], &[0, 3], &[2, 0]] {
        examples.extend([
            example!("tril", &[dims], |_, x| x[0].tril(0), |x| kept(&x[0], |row, column| column <= row)),
            example!("tril below", &[dims], |_, x| x[0].tril(-1) * x[0], |x| {
                kept(&x[0], |row, column| column < row) * &x[0]
            }),
            example!("triu", &[dims], |_, x| x[0].triu(0), |x| kept(&x[0], |row, column| column >= row)),
            example!("triu above", &[dims], |_, x| x[0].triu(1) * 2.0, |x| {
                2.0 * kept(&x[0], |row, column| column > row)
            }),
            example!("triu below", &[dims], |_, x| x[0].triu(-1), |x| kept(&x[0], |row, column| column + 1
                >= row)),
        ]);
    }
    examples
}
