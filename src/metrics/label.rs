//! [`Label`]: a class as an element of an array.

use ndarray::{ArrayRef, Dimension};

use super::MetricError;
use crate::Element;

/// An element that names a class, counted from 0: an integer, a boolean for 0 and 1, or a float without a fraction.
/// Sealed, as [`Element`] is.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a label",
    note = "expected `i32`, `i64`, `bool`, `f32` or `f64`"
)]
pub trait Label: Element {
    /// The class; `None` of what is negative or has a fraction.
    ///
    /// ```
    /// use flowgrad::metrics::Label;
    /// assert_eq!((true.class(), 3_i64.class(), 1.0_f32.class()), (Some(1), Some(3), Some(1)));
    /// assert_eq!(((-1_i32).class(), 0.5_f64.class()), (None, None));
    /// ```
    fn class(self) -> Option<u64>;
}

impl Label for bool {
    fn class(self) -> Option<u64> {
        Some(self.into())
    }
}

macro_rules! labels {
    ($($integer:ident)*; $($float:ident)*) => {
        $(impl Label for $integer {
            fn class(self) -> Option<u64> {
                self.try_into().ok()
            }
        })*
        $(impl Label for $float {
            fn class(self) -> Option<u64> {
                // Below 2⁵³ every whole number is one of both types of floats, or rounds to one.
                let is_class = self >= 0.0 && self.fract() == 0.0 && f64::from(self) < 9.0e15;
                is_class.then_some(self as u64)
            }
        })*
    };
}
labels! { i32 i64; f32 f64 }

/// The class of each element.
pub(crate) fn classes<L: Label, D: Dimension>(
    what: &'static str,
    labels: &ArrayRef<L, D>,
) -> Result<Vec<u64>, MetricError> {
    let class = |(row, &label): (usize, &L)| {
        label.class().ok_or_else(|| MetricError::NoClass { what, row, found: format!("{label:?}") })
    };
    labels.iter().enumerate().map(class).collect()
}

/// Refuses what does not pair up with the labels.
pub(super) fn check_pairs<L, P, D: Dimension, E: Dimension>(
    labels: &ArrayRef<L, D>,
    what: &'static str,
    others: &ArrayRef<P, E>,
) -> Result<(), MetricError> {
    if labels.shape() != others.shape() {
        let (expected, found) = (labels.shape().to_vec(), others.shape().to_vec());
        return Err(MetricError::Shape { what, expected, found });
    }
    if labels.is_empty() { Err(MetricError::Empty) } else { Ok(()) }
}
