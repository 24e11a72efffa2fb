//! The plain loop: scalars and vectors of numbers, one operation after the other, no array library.

use super::{Descent, Problem, Scalar, WayError};

/// The descent: the weights, and for every row the value of the line and its error.
#[derive(Debug)]
pub(super) struct PlainLoop<'p, T> {
    problem: &'p Problem<T>,
    w: [T; 2],
    y: Vec<T>,
    err: Vec<T>,
}

impl<'p, T: Scalar> PlainLoop<'p, T> {
    /// The descent at its start, where the line is zero.
    pub(super) fn new(problem: &'p Problem<T>) -> Self {
        let zeros = vec![T::zero(); problem.x.len()];
        Self { problem, w: [T::zero(); 2], y: zeros.clone(), err: zeros }
    }
}

impl<T: Scalar> Descent<T> for PlainLoop<'_, T> {
    fn epoch(&mut self) -> Result<(), WayError> {
        let Problem { x, d, mu } = self.problem;
        let Self { w, y, err, .. } = self;
        let two_over_n = T::from_f64(2.0 / x.len() as f64);

        for ((err, d), y) in err.iter_mut().zip(d).zip(y.iter()) {
            *err = *d - *y;
        }
        let sum_err: T = err.iter().copied().sum();
        let sum_err_x: T = err.iter().zip(x).map(|(err, x)| *err * *x).sum();
        let grad = [two_over_n * sum_err, two_over_n * sum_err_x];
        w[0] += *mu * grad[0];
        w[1] += *mu * grad[1];
        for (y, x) in y.iter_mut().zip(x) {
            *y = w[0] + w[1] * *x;
        }
        Ok(())
    }

    fn weights(&self) -> Result<[T; 2], WayError> {
        Ok(self.w)
    }
}
