//! Minimizers of a whole objective: what [`Lbfgs`](super::Lbfgs) and [`NewtonCg`](super::NewtonCg) have in common.
//!
//! From a start, again and again: a direction down from where it is, which is the minimizer's own, and a step along it,
//! which is [`LineSearch`]'s.

use std::ops::ControlFlow;

use ndarray::{Array1, ArrayView1};

use super::line_search::{LineSearch, Point};
use super::minimum::{End, Limits, MinimizeError, Minimum, Progress};
use crate::{Float, Objective, Result};

/// What all minimizers have, declared once: the settings of their limits, and the three ways to run. Each says which
/// objectives it takes, by which method of parameters these are made, and what gives the directions for one.
macro_rules! minimizer {
    ($name:ident of $objective:ident by $make:ident, |$this:ident, $of:ident| $directions:expr) => {
        impl $name {
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

            /// Moves the parameters to where the loss is smallest, from where they are in the session: `&session`, or
            /// `session.feed(x, &data)` for a loss that depends on placeholders.
            ///
            /// The variables are set once, when it ends, for whatever reason it says; if it fails, they stay as they were.
            /// The derivatives become part of the graph with each call: to fit again and again, make one objective by
            #[doc = concat!("[`Parameters::", stringify!($make), "`](crate::Parameters::", stringify!($make), ") and")]
            /// [`minimize_from`](Self::minimize_from) it.
            ///
            /// # Errors
            /// Those of making the objective, and [`MinimizeError`](super::MinimizeError) for settings out of their ranges
            /// and for a start whose value or gradient is not finite.
            #[track_caller]
            pub fn minimize<'s, 'g, 'v, T: $crate::Float>(
                &self,
                run: impl Into<$crate::Feeding<'s, 'g, 'v>>,
                loss: impl Into<$crate::Tensor<'g, T>>,
                parameters: &$crate::Parameters<'g, T>,
            ) -> $crate::Result<$crate::optimizer::Minimum<T>> {
                let run = run.into();
                let session = run.session().clone();
                let objective = parameters.$make(run, loss)?;
                let minimum = self.minimize_from(&objective, parameters.pack(&session)?.view())?;
                parameters.unpack(&session, minimum.at.view())?;
                Ok(minimum)
            }

            /// Finds where an objective is smallest, from a start; no variable changes.
            ///
            /// # Errors
            /// As for [`minimize`](Self::minimize).
            pub fn minimize_from<T: $crate::Float>(
                &self,
                objective: &$crate::$objective<'_, T>,
                start: $crate::ndarray::ArrayView1<'_, T>,
            ) -> $crate::Result<$crate::optimizer::Minimum<T>> {
                self.minimize_observed(objective, start, |_| std::ops::ControlFlow::Continue(()))
            }

            /// The same, and tells after each step how far it is; what observes it may end it there.
            ///
            /// # Errors
            /// As for [`minimize`](Self::minimize).
            pub fn minimize_observed<T: $crate::Float>(
                &self,
                objective: &$crate::$objective<'_, T>,
                start: $crate::ndarray::ArrayView1<'_, T>,
                observe: impl FnMut(&$crate::optimizer::Progress<'_, T>) -> std::ops::ControlFlow<()>,
            ) -> $crate::Result<$crate::optimizer::Minimum<T>> {
                let ($this, $of) = (self, objective);
                $crate::optimizer::minimizer::minimize(objective, start, &self.limits, $directions, observe)
            }
        }
    };
}
pub(super) use minimizer;

/// The direction against a gradient, and the step along it to try where nothing is known of the scale: as long as 1 at
/// most, in the sum of magnitudes.
pub(super) fn against<T: Float>(gradient: &Array1<T>) -> (Array1<T>, f64) {
    let length: f64 = gradient.iter().map(|element| element.as_f64().abs()).sum();
    (gradient.mapv(|element| -element), length.recip().min(1.0))
}

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
