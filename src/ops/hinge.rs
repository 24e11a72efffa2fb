//! Losses of margins: `hinge` and `squared_hinge`.

use crate::ops::methods::methods;

methods! {
    /// The hinge loss of each element: max(0, 1 - self·targets), for targets of -1 and 1; 0 from a margin of 1 on.
    ///
    /// Gradient: -targets times the cotangent to `self`, -self to `targets`, where the loss is above 0, else 0. Targets of
    /// another shape are a build error, or fail the run that feeds them; they do not broadcast.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let scores = g.constant(ndarray::arr1(&[0.5, 3.0, 0.25]));
    /// let loss = scores.hinge(g.constant(ndarray::arr1(&[1.0, 1.0, -1.0])));
    /// assert_eq!(Session::new(&g)?.run(loss)?, ndarray::arr1(&[0.5, 0.0, 1.25]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn hinge<Float>(x, targets: (Self)) -> Self {
        x.loss("hinge", targets, |x, targets| (x.scalar_like(1.0) - x * targets).relu())
    }

    /// The square of the [`hinge`](crate::Tensor::hinge) loss: max(0, 1 - self·targets)², which has a slope everywhere.
    ///
    /// Gradient: -2·targets·max(0, 1 - self·targets) times the cotangent to `self`, and so with `self` to `targets`.
    /// Build errors as there.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let scores = g.constant(ndarray::arr1(&[0.5, 3.0]));
    /// let loss = scores.squared_hinge(g.constant(ndarray::arr1(&[1.0, 1.0])));
    /// assert_eq!(Session::new(&g)?.run(loss)?, ndarray::arr1(&[0.25, 0.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn squared_hinge<Float>(x, targets: (Self)) -> Self {
        x.loss("squared_hinge", targets, |x, targets| (x.scalar_like(1.0) - x * targets).relu().square())
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, Zip};

    fn margins(x: &[ArrayD<f64>], of: fn(f64) -> f64) -> ArrayD<f64> {
        Zip::from(&x[0]).and(&x[1]).map_collect(|&x, &z| of((1.0 - x * z).max(0.0)))
    }

    let mut examples: Vec<Example> = Vec::new();
    for dims in [&[][..], &[3, 4], &[1, 5], &[0, 3], &[70, 3]] {
        let both = [dims, dims];
        examples.extend([
            example!("hinge", &both, |_, x| x[0].hinge(x[1]), |x| margins(x, |margin| margin)),
            example!("squared hinge", &both, |_, x| x[0].squared_hinge(x[1]), |x| margins(
                x,
                |margin| margin * margin
            )),
        ]);
    }
    examples
}
