//! [`Minimum`]: what a minimizer of a whole objective ends with, and [`Progress`], what it tells on the way.

use ndarray::{Array1, ArrayView1};

use super::line_search::{Point, ROUNDINGS};
use crate::Float;

/// Where a minimizer has ended, and why there.
#[derive(Clone, Debug)]
#[must_use = "a minimizer also ends where it could not go on: ask `has_converged`"]
pub struct Minimum<T> {
    /// The flat vector.
    pub at: Array1<T>,
    /// The value there.
    pub value: T,
    /// The gradient there.
    pub gradient: Array1<T>,
    /// How many steps were taken.
    pub iterations: usize,
    /// How often the value and the gradient were computed, or a product of the Hessian.
    pub evaluations: usize,
    /// Why it ended.
    pub end: End,
}

impl<T> Minimum<T> {
    /// Whether it ended where the gradient, or what a step gains, is as small as was asked for.
    pub fn has_converged(&self) -> bool {
        matches!(self.end, End::Gradient | End::Value)
    }
}

/// Why a minimizer has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// No element of the gradient is larger than the tolerance.
    Gradient,
    /// The last step has gained no more than the tolerance.
    Value,
    /// It has taken as many steps as it may.
    Iterations,
    /// What observes it has asked it to.
    Stopped,
    /// No step along the direction makes the value smaller: rounding hides what there is to gain, the gradient is not
    /// that of the value, or the value is not smooth.
    LineSearch,
}

/// Where a minimizer is after a step.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress<'a, T> {
    /// How many steps were taken.
    pub iteration: usize,
    /// The flat vector.
    pub at: ArrayView1<'a, T>,
    /// The value there.
    pub value: T,
    /// The largest magnitude of an element of the gradient there.
    pub gradient_norm: f64,
}

/// What is not there to minimize.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MinimizeError {
    /// A setting out of its range.
    #[error("{name}: expected {expected}, got {found}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// The range that suits it.
        expected: &'static str,
        /// What it was set to.
        found: f64,
    },
    /// The minimizer cannot start where the value, or an element of the gradient, is no finite number.
    #[error("expected a finite value and gradient at the start, got a value of {value}{}", match element {
        Some((index, found)) => format!(" and {found} as element {index} of the gradient"),
        None => String::new(),
    })]
    NotFinite {
        /// The value.
        value: f64,
        /// The first element of the gradient that is not finite, and its place.
        element: Option<(usize, f64)>,
    },
}

impl From<MinimizeError> for crate::Error {
    fn from(error: MinimizeError) -> Self {
        crate::Error::Other(std::sync::Arc::new(error))
    }
}

/// When minimizers end; the defaults are those of SciPy, but for the gain, which may be as small as rounding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) iterations: usize,
    pub(super) gradient: f64,
    /// Relative to the value; the default depends on the element type.
    pub(super) gain: Option<f64>,
}

impl Limits {
    pub(super) const DEFAULT: Limits = Limits { iterations: 15_000, gradient: 1e-5, gain: None };

    pub(super) fn check(&self) -> Result<(), MinimizeError> {
        not_negative("gradient_tolerance", self.gradient)?;
        self.gain.map_or(Ok(()), |gain| not_negative("value_tolerance", gain))
    }

    /// Why to end at a point, if a step from another value has led there.
    pub(super) fn reached<T: Float>(&self, point: &Point<T>, before: Option<f64>) -> Option<End> {
        if point.norm() <= self.gradient {
            return Some(End::Gradient);
        }
        let before = before?;
        let gain = self.gain.unwrap_or(ROUNDINGS * T::epsilon().as_f64());
        let scale = before.abs().max(point.value.abs());
        (before - point.value <= gain * scale).then_some(End::Value)
    }
}

fn not_negative(name: &'static str, found: f64) -> Result<(), MinimizeError> {
    if found >= 0.0 {
        Ok(())
    } else {
        Err(MinimizeError::Setting { name, expected: "a number from 0 on", found })
    }
}

pub(super) fn at_least_1(name: &'static str, found: usize) -> Result<(), MinimizeError> {
    if found > 0 {
        return Ok(());
    }
    Err(MinimizeError::Setting { name, expected: "a whole number from 1 on", found: 0.0 })
}
