//! Reductions that are composed of others: `reduce_log_sum_exp` and `reduce_variance`. Fusion runs them row by row.

use crate::graph::AnyTensor;
use crate::ops::methods::methods;
use crate::shape::Axes;

methods! {
    /// ln Σ eˣ along the axes, computed from x minus its maximum, so that no exponential overflows. Axes as for
    /// [`reduce_sum`](crate::Tensor::reduce_sum).
    ///
    /// Gradient: the cotangent times eˣ over the sum, the softmax along the axes. Of nothing, or of -∞ alone, it
    /// is -∞, with a gradient of 0; of any ∞ it is ∞.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr1(&[1000.0, 1000.0])).reduce_log_sum_exp(..);
    /// assert_eq!(Session::new(&g)?.run(y)?.sum(), 1000.0 + 2.0_f64.ln());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("logsumexp"))]
    fn reduce_log_sum_exp<Float>(x, axes: [Axes]) -> Self {
        if let Some(invalid) = x.invalid_axes("reduce_log_sum_exp", &axes) {
            return invalid;
        }
        let along = || axes.clone().keep_dims();
        let largest = x.reduce_max(along()).stop_gradient();
        let is_finite = largest.is_finite();
        // Minus itself, what is infinite would be NaN.
        let shift = is_finite.select(largest, largest.scalar_like(0.0));
        let sum = (x - shift).exp().reduce_sum(along());
        // The largest contributes 1; only of -∞ alone, or of nothing, the sum is less, and must have no slope.
        let logarithm = sum.maximum(sum.scalar_like(1.0)).ln() + largest;
        without(logarithm, &axes).named("reduce_log_sum_exp")
    }

    /// The variance along the axes: the mean of the squares of what x differs from its mean, less the square of what
    /// rounding has put this mean aside. Axes as for [`reduce_sum`](crate::Tensor::reduce_sum). It is never negative, and 0 of
    /// equal numbers.
    ///
    /// Gradient: the cotangent times 2·(x - mean) over the number of elements. It is that of the elements
    /// themselves, not an estimate from a sample: their number is divided by, not one less. The variance of nothing
    /// is NaN.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr2(&[[1.0, 3.0], [2.0, 2.0]])).reduce_variance(-1);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[1.0, 0.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("var", "variance", "moments"))]
    fn reduce_variance<Float>(x, axes: [Axes]) -> Self {
        if let Some(invalid) = x.invalid_axes("reduce_variance", &axes) {
            return invalid;
        }
        let centered = x - x.reduce_mean(axes.clone().keep_dims());
        let squares = centered.square().sum_over_count(axes.clone());
        // Without rounding it would be 0, and so would its slopes.
        let aside = centered.sum_over_count(axes);
        (squares - aside.square().minimum(squares).stop_gradient()).named("reduce_variance")
    }
}

/// The tensor without the axes that a reduction has kept, unless it should.
#[track_caller]
fn without<'g>(reduced: AnyTensor<'g>, axes: &Axes) -> AnyTensor<'g> {
    if axes.keeps_dims() {
        return reduced;
    }
    // The caller has accepted the axes.
    let axes = axes.resolve(reduced.shape().rank()).unwrap_or_default();
    reduced.squeeze(Axes::of(axes.into_iter().map(|axis| axis as isize)))
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, ArrayView1, Axis};

    fn along(x: &ArrayD<f64>, axis: usize, of: fn(ArrayView1<'_, f64>) -> f64) -> ArrayD<f64> {
        x.map_axis(Axis(axis), of)
    }
    const LOG_SUM_EXP: fn(ArrayView1<'_, f64>) -> f64 = |x| x.mapv(f64::exp).sum().ln();
    const VARIANCE: fn(ArrayView1<'_, f64>) -> f64 = |x| {
        let mean = x.sum() / x.len() as f64;
        x.mapv(|x| (x - mean) * (x - mean)).sum() / x.len() as f64
    };
    fn all(x: &ArrayD<f64>, of: fn(ArrayView1<'_, f64>) -> f64) -> ArrayD<f64> {
        let flat: ndarray::Array1<f64> = x.iter().copied().collect();
        ndarray::arr0(of(flat.view())).into_dyn()
    }

    let mut examples: Vec<Example> = Vec::new();
    for dims in [[3, 4], [1, 3], [3, 1], [40, 2], [2, 70], [0, 3]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("log_sum_exp of rows", &[dims], |_, x| x[0].reduce_log_sum_exp(-1), |x| along(
                &x[0],
                1,
                LOG_SUM_EXP
            )),
            example!("variance of rows", &[dims], |_, x| x[0].reduce_variance(1), |x| along(
                &x[0], 1, VARIANCE
            )),
        ]);
    }
    for dims in [[3, 4], [40, 2], [1, 1]] {
        let dims = dims.as_slice();
        examples.extend([
            example!(
                "log_sum_exp of columns kept",
                &[dims],
                |_, x| x[0].reduce_log_sum_exp(Axes::of([0]).keep_dims()),
                |x| along(&x[0], 0, LOG_SUM_EXP).insert_axis(Axis(0)),
            ),
            example!("log_sum_exp of all", &[dims], |_, x| x[0].reduce_log_sum_exp(..), |x| all(
                &x[0],
                LOG_SUM_EXP
            )),
            example!("variance of all", &[dims], |_, x| x[0].reduce_variance(..), |x| all(&x[0], VARIANCE)),
            example!(
                "variance of columns kept",
                &[dims],
                |_, x| x[0].reduce_variance(Axes::of([-2]).keep_dims()),
                |x| along(&x[0], 0, VARIANCE).insert_axis(Axis(0)),
            ),
        ]);
    }
    examples.extend([example!("log_sum_exp of no axis", &[&[3]], |_, x| x[0].reduce_log_sum_exp([]), |x| x
        [0]
    .clone())]);
    examples
}
