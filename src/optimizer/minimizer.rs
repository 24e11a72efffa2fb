//! Minimizers of a whole objective: what [`Lbfgs`](super::Lbfgs) and [`NewtonCg`](super::NewtonCg) have in common.
//!
//! From a start, again and again: a direction down from where it is, which is the minimizer's own, and a step along it,
//! which is [`LineSearch`]'s.

use std::ops::ControlFlow;

use ndarray::{Array1, ArrayView1};

use super::line_search::{LineSearch, Point};
use super::minimum::{End, Limits, MinimizeError, Minimum, Progress};
use crate::{Float, Objective, Result};

/// The settings of limits, which all minimizers have.
macro_rules! minimizer_options {
    () => {
        /// How many steps it may take; 15,000 by default.
        pub fn max_iterations(mut self, steps: usize) -> Self {
            self.limits.iterations = steps;
            self
        }

        /// Ends where no element of the gradient has a larger magnitude; 1e-5 by default.
        pub fn gradient_tolerance(mut self, tolerance: f64) -> Self {
            self.limits.gradient = tolerance;
            self
        }

        /// Ends where a step gains no more than this, relative to the value; by default 8 units in the last place.
        pub fn value_tolerance(mut self, tolerance: f64) -> Self {
            self.limits.gain = Some(tolerance);
            self
        }
    };
}
pub(super) use minimizer_options;

/// Where to look for a lower value.
pub(super) trait Directions<T> {
    /// A direction from a point, and the step along it to try first.
    fn direction(&mut self, from: &Point<T>) -> Result<(Array1<T>, f64)>;

    /// Learns from a step.
    fn learn(&mut self, from: &Point<T>, to: &Point<T>);

    /// Forgets what was learned, since it has led to a direction that is none. Whether there was anything.
    fn forget(&mut self) -> bool;

    /// Evaluations of the objective, or of what takes as long, that directions have taken.
    fn evaluations(&self) -> usize {
        0
    }
}

/// Goes down from a start, until one of the limits is reached.
pub(super) fn minimize<T: Float>(
    objective: &Objective<'_, T>,
    start: ArrayView1<'_, T>,
    limits: &Limits,
    mut directions: impl Directions<T>,
    mut observe: impl FnMut(&Progress<'_, T>) -> ControlFlow<()>,
) -> Result<Minimum<T>> {
    limits.check()?;
    let mut point = Point::new(objective, start.to_owned())?;
    if !point.is_finite() {
        return Err(not_finite(&point).into());
    }
    let (mut iterations, mut evaluations) = (0, 1);
    let mut reached = limits.reached(&point, None);
    let end = loop {
        if let Some(end) = reached {
            break end;
        }
        if iterations >= limits.iterations {
            break End::Iterations;
        }
        let (direction, first) = directions.direction(&point)?;
        let mut search = LineSearch::new(objective, &point, &direction);
        let found = search.run(first);
        evaluations += search.evaluations;
        let Some(next) = found? else {
            if directions.forget() {
                continue;
            }
            break End::LineSearch;
        };
        iterations += 1;
        directions.learn(&point, &next);
        reached = limits.reached(&next, Some(point.value));
        point = next;
        let progress = Progress {
            iteration: iterations,
            at: point.at.view(),
            value: T::from_f64(point.value),
            gradient_norm: point.norm(),
        };
        if observe(&progress).is_break() && reached.is_none() {
            break End::Stopped;
        }
    };
    let Point { at, value, gradient } = point;
    let evaluations = evaluations + directions.evaluations();
    Ok(Minimum { at, value: T::from_f64(value), gradient, iterations, evaluations, end })
}

/// What is not finite at the start.
fn not_finite<T: Float>(point: &Point<T>) -> MinimizeError {
    let elements = point.gradient.iter().map(|element| element.as_f64()).enumerate();
    let element = elements.into_iter().find(|(_, element)| !element.is_finite());
    MinimizeError::NotFinite { value: point.value, element }
}
