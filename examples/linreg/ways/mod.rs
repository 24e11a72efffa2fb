//! The ways to fit a line: each takes the same [`Problem`] and gives the weights `[w0, w1]` of `d ≈ w0 +
//! w1·x`.
//!
//! Some solve the problem at once; the others are a [`Descent`], which [`Way::fit`]
//! builds and lends to what drives it: the experiment, which times it whole, or the benchmark, which times
//! its epochs.

pub(crate) mod closed_form;
mod eager_ndarray;
mod plain_loop;
pub(crate) mod session;

use std::iter::Sum;

use clap::ValueEnum;

use eager_ndarray::EagerNdarray;
use plain_loop::PlainLoop;
use session::Gradient;

/// The element type of a run, `f32` or `f64`: a float of flowgrad's and ndarray's, of which iterators can be
/// summed.
pub(crate) trait Scalar: flowgrad::Float + Sum {}

impl<T: flowgrad::Float + Sum> Scalar for T {}

/// The ways, in the order of the table. Names on the command line and in the JSON are these in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Way {
    /// Least squares by the pseudo-inverse.
    ClosedForm,
    /// Gradient descent in scalars and vectors of numbers.
    PlainLoop,
    /// Gradient descent in whole arrays.
    EagerNdarray,
    /// Gradient descent as a graph run by a session, the gradient written by hand.
    SessionManual,
    /// The same with the gradient by automatic differentiation.
    SessionAutodiff,
    /// Least squares by the pseudo-inverse, as a graph run by a session.
    #[cfg(feature = "linalg")]
    SessionPinv,
}

impl Way {
    /// The name on the command line, in the table and in the JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Way::ClosedForm => "closed_form",
            Way::PlainLoop => "plain_loop",
            Way::EagerNdarray => "eager_ndarray",
            Way::SessionManual => "session_manual",
            Way::SessionAutodiff => "session_autodiff",
            #[cfg(feature = "linalg")]
            Way::SessionPinv => "session_pinv",
        }
    }

    /// Solves the problem at once, or builds the descent on it and lends it to `drive`. A session runs on `threads`
    /// threads.
    pub(crate) fn fit<T: Scalar, R>(
        self,
        problem: &Problem<T>,
        threads: usize,
        drive: impl FnOnce(&mut dyn Descent<T>) -> Result<R, WayError>,
    ) -> Result<Fit<T, R>, WayError> {
        match self {
            Way::ClosedForm => return Ok(Fit::Solved(closed_form::fit(problem))),
            #[cfg(feature = "linalg")]
            Way::SessionPinv => return session::pinv(problem, threads).map(Fit::Solved),
            Way::PlainLoop => drive(&mut PlainLoop::new(problem)),
            Way::EagerNdarray => drive(&mut EagerNdarray::new(problem)),
            Way::SessionManual => session::with_descent(problem, Gradient::ByHand, threads, drive),
            Way::SessionAutodiff => session::with_descent(problem, Gradient::ByAutodiff, threads, drive),
        }
        .map(Fit::Descended)
    }

    /// Builds the descent on `problem` and lends it to `drive`; `None` when this way does not descend.
    pub(crate) fn with_descent<T: Scalar, R>(
        self,
        problem: &Problem<T>,
        threads: usize,
        drive: impl FnOnce(&mut dyn Descent<T>) -> Result<R, WayError>,
    ) -> Result<Option<R>, WayError> {
        self.fit(problem, threads, drive).map(|fit| match fit {
            Fit::Descended(driven) => Some(driven),
            Fit::Solved(_) => None,
        })
    }
}

/// What a way has made of a problem.
#[derive(Debug)]
pub(crate) enum Fit<T, R> {
    /// The best weights.
    Solved([T; 2]),
    /// What drove the descent gave this.
    Descended(R),
}

/// What is to be fitted, and the step: one pair `x[i]`, `d[i]` a row.
#[derive(Debug)]
pub(crate) struct Problem<T> {
    /// The inputs.
    pub(crate) x: Vec<T>,
    /// The outputs, as many as inputs.
    pub(crate) d: Vec<T>,
    /// The step size of the descents.
    pub(crate) mu: T,
}

/// A gradient descent between two epochs.
pub(crate) trait Descent<T> {
    /// Makes one full-batch step.
    fn epoch(&mut self) -> Result<(), WayError>;
    /// The weights after the steps made so far; zeros at the start.
    fn weights(&self) -> Result<[T; 2], WayError>;
}

/// Why a way gave up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WayError {
    /// The graph or its session refused.
    #[error("session: {0}")]
    Session(#[from] flowgrad::Error),
}
