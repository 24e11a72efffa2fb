//! Losses of rows: `kl_divergence` between distributions, `cosine_distance` between directions.

use crate::graph::AnyTensor;
use crate::ops::methods::methods;
use crate::shape::Axes;

impl AnyTensor<'_> {
    /// A loss along the last axis.
    #[track_caller]
    fn row_loss(self, name: &'static str, targets: Self, of: impl FnOnce(Self, Self) -> Self) -> Self {
        match self.invalid_axes(name, &Axes::of([-1])) {
            Some(invalid) => invalid,
            None => self.loss(name, targets, of),
        }
    }
}

methods! {
    /// The divergence of Kullback and Leibler of the distributions along the last axis from the targets' there:
    /// Σ targets·ln(targets/self), one number for each row. Both are probabilities, which need not sum to 1.
    ///
    /// A target of 0 counts for nothing; where the probability is 0 and the target is not, the loss is ∞. Keras holds both
    /// above 10⁻⁷ instead; PyTorch's `kl_div` takes the logarithm of the probabilities.
    ///
    /// Gradient: -targets/self to `self`, ln(targets/self) + 1 to `targets`, each times the row's cotangent. At a target of
    /// 0 the slope to `targets` is infinite, and -ln(self) is given in its place; where both are 0, all slopes are 0.
    /// Targets of another shape are a build error, or fail the run that feeds them.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let found = g.constant(ndarray::arr2(&[[0.5, 0.5], [0.25, 0.75]]));
    /// let targets = g.constant(ndarray::arr2(&[[1.0, 0.0], [0.25, 0.75]]));
    /// let loss = Session::new(&g)?.run(found.kl_divergence(targets))?;
    /// assert_eq!(loss, ndarray::arr1(&[2.0_f64.ln(), 0.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn kl_divergence<Float>(x, targets: (Self)) -> Self {
        x.row_loss("kl_divergence", targets, |x, targets| {
            (targets.xlogy(targets) - targets.xlogy(x)).reduce_sum(-1)
        })
    }

    /// 1 minus the cosine of the angle between the rows along the last axis and the targets' there: 0 for one direction, 2
    /// for opposite ones, and 1 where a row is all zeros. One number for each row.
    ///
    /// It is TensorFlow 1's `cosine_distance` of rows that it normalizes itself; Keras's `CosineSimilarity` is this minus
    /// 1.
    ///
    /// Gradient: what turns a row towards its target or away from it; 0 for a row of zeros. Targets of another shape are a
    /// build error, or fail the run that feeds them.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let found = g.constant(ndarray::arr2(&[[3.0, 4.0], [0.0, 2.0], [0.0, 0.0]]));
    /// let targets = g.constant(ndarray::arr2(&[[-3.0, -4.0], [1.0, 0.0], [1.0, 0.0]]));
    /// let loss = Session::new(&g)?.run(found.cosine_distance(targets))?;
    /// assert_eq!(loss, ndarray::arr1(&[2.0, 1.0, 1.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn cosine_distance<Float>(x, targets: (Self)) -> Self {
        x.row_loss("cosine_distance", targets, |x, targets| {
            let [x, targets] = [x, targets].map(|x| x.divide_no_nan(x.norm(Axes::of([-1]).keep_dims())));
            x.scalar_like(1.0) - (x * targets).reduce_sum(-1)
        })
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, Axis, Zip};

    fn divergence(x: &[ArrayD<f64>]) -> ArrayD<f64> {
        let terms = Zip::from(&x[0]).and(&x[1]).map_collect(|&q, &p| p * (p / q).ln());
        terms.sum_axis(Axis(terms.ndim() - 1))
    }

    fn distance(x: &[ArrayD<f64>]) -> ArrayD<f64> {
        let last = Axis(x[0].ndim() - 1);
        let dot = |a: &ArrayD<f64>, b: &ArrayD<f64>| (a * b).sum_axis(last);
        let norms = dot(&x[0], &x[0]).mapv(f64::sqrt) * dot(&x[1], &x[1]).mapv(f64::sqrt);
        1.0 - dot(&x[0], &x[1]) / norms
    }

    let mut examples: Vec<Example> = Vec::new();
    for dims in [&[4][..], &[3, 4], &[2, 3, 2], &[0, 3], &[70, 3]] {
        let both = [dims, dims];
        examples.extend([
            example!("kl_divergence", &both, |_, x| x[0].kl_divergence(x[1]), divergence).within(0.1, 0.9),
            example!("cosine_distance", &both, |_, x| x[0].cosine_distance(x[1]), distance),
        ]);
    }
    examples
}
