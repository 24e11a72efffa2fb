//! Eager arrays: the same epoch as the plain loop's in whole-array operations, one after the other.
//!
//! The line is `w0 + w1·x` on a vector rather than `X·w` on the N×2 matrix: so skinny a matrix product takes
//! ndarray three times as long, and this is the form to beat.

use ndarray::{Array1, ArrayView1, Zip, array};

use super::{Descent, Problem, Scalar, WayError};

/// The descent: the weights, and for every row the value of the line and its error.
#[derive(Debug)]
pub(super) struct EagerNdarray<'p, T> {
    x: ArrayView1<'p, T>,
    d: ArrayView1<'p, T>,
    mu: T,
    w: Array1<T>,
    y: Array1<T>,
    /// One buffer for all epochs.
    err: Array1<T>,
}

impl<'p, T: Scalar> EagerNdarray<'p, T> {
    /// The descent at its start, where the line is zero.
    pub(super) fn new(problem: &'p Problem<T>) -> Self {
        let zeros = Array1::from_elem(problem.x.len(), T::zero());
        Self {
            x: ArrayView1::from(&problem.x),
            d: ArrayView1::from(&problem.d),
            mu: problem.mu,
            w: array![T::zero(), T::zero()],
            y: zeros.clone(),
            err: zeros,
        }
    }
}

impl<T: Scalar> Descent<T> for EagerNdarray<'_, T> {
    fn epoch(&mut self) -> Result<(), WayError> {
        let two_over_n = T::from_f64(2.0 / self.x.len() as f64);
        Zip::from(&mut self.err).and(&self.d).and(&self.y).for_each(|err, &d, &y| *err = d - y);
        let grad = array![self.err.sum(), self.err.dot(&self.x)] * two_over_n;
        self.w.scaled_add(self.mu, &grad);
        self.y = &self.x * self.w[1] + self.w[0];
        Ok(())
    }

    fn weights(&self) -> Result<[T; 2], WayError> {
        Ok([self.w[0], self.w[1]])
    }
}
