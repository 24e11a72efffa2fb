//! What networks end with: `softmax` and `log_softmax`. They are composed of other ops; fusion runs them row by
//! row.

use crate::ops::methods::methods;
use crate::shape::Axes;

methods! {
    /// eˣ over its sum along the axis, which is 1 then. Computed from x minus its maximum, so no
    /// exponential overflows.
    ///
    /// Gradient: y·(dy - Σ dy·y). Of -∞ alone, or with ∞ or NaN among them, all are NaN. An axis out of range is a
    /// build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr2(&[[1000.0, 1000.0], [0.0, 0.0]])).softmax(-1);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr2(&[[0.5, 0.5], [0.5, 0.5]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn softmax<Float>(x, axis: isize) -> Self {
        let along = || Axes::of([axis]).keep_dims();
        if let Some(invalid) = x.invalid_axes("softmax", &along()) {
            return invalid;
        }
        let exponentials = (x - x.reduce_max(along()).stop_gradient()).exp();
        let sum = exponentials.reduce_sum(along());
        // One quotient a row and products are several times faster than quotients, at one rounding more; the
        // sum is at least 1, so its reciprocal cannot overflow.
        let reciprocal = 1.0 / sum;
        (exponentials * reciprocal).named("softmax")
    }

    /// The logarithm of [`softmax`](crate::Tensor::softmax), without its rounding to 0:
    /// x - max - ln Σ e^(x - max).
    ///
    /// Gradient: dy - softmax·Σ dy. Of -∞ alone, or with ∞ or NaN among them, all are NaN. An axis out of range is a
    /// build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr1(&[0.0_f64, 1000.0])).log_softmax(0);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[-1000.0, 0.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn log_softmax<Float>(x, axis: isize) -> Self {
        let along = || Axes::of([axis]).keep_dims();
        if let Some(invalid) = x.invalid_axes("log_softmax", &along()) {
            return invalid;
        }
        let centred = x - x.reduce_max(along()).stop_gradient();
        (centred - centred.exp().reduce_sum(along()).ln()).named("log_softmax")
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, Axis};

    fn softmax(x: &ArrayD<f64>, axis: usize) -> ArrayD<f64> {
        let exponentials = x.mapv(f64::exp);
        let sum = exponentials.sum_axis(Axis(axis)).insert_axis(Axis(axis));
        exponentials / sum
    }

    let mut examples: Vec<Example> = Vec::new();
    for dims in [[3, 4], [2, 40], [40, 2], [1, 3]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("softmax", &[dims], |_, x| x[0].softmax(-1), |x| softmax(&x[0], 1)),
            example!("softmax of columns", &[dims], |_, x| x[0].softmax(0), |x| softmax(&x[0], 0)),
            example!("log_softmax", &[dims], |_, x| x[0].log_softmax(-1), |x| softmax(&x[0], 1)
                .mapv(f64::ln)),
        ]);
    }
    examples
}
