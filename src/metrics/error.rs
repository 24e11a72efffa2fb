//! What can be wrong with what is measured.

/// Why a number cannot be told of these arrays.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// Predictions that do not pair up with the labels.
    #[error("expected {what} of shape {expected:?} as the labels have, got {found:?}")]
    Shape {
        /// `"predictions"` or `"scores"`.
        what: &'static str,
        /// The shape of the labels.
        expected: Vec<usize>,
        /// The shape of the others.
        found: Vec<usize>,
    },

    /// There are no rows.
    #[error("expected at least one label, got none")]
    Empty,

    /// A label or prediction that is no class.
    #[error("{what}: expected a class, counted from 0, got {found} in row {row}")]
    NoClass {
        /// `"labels"` or `"predictions"`.
        what: &'static str,
        /// The place among the elements, counted from 0.
        row: usize,
        /// The element, as it is printed.
        found: String,
    },

    /// A class beyond the number of classes.
    #[error("{what}: expected one of {classes} classes, counted from 0, got {found} in row {row}")]
    ClassOutOfRange {
        /// `"labels"` or `"predictions"`.
        what: &'static str,
        /// The place among the elements, counted from 0.
        row: usize,
        /// The class.
        found: u64,
        /// How many classes there are.
        classes: usize,
    },

    /// A score that cannot be ranked.
    #[error("expected scores that can be ranked, got NaN in row {row}")]
    NanScore {
        /// The place among the elements, counted from 0.
        row: usize,
    },

    /// Labels of one class, where scores are to tell two classes apart.
    #[error("expected labels of both classes, 0 and 1, got {class} alone")]
    OneClass {
        /// The class that all labels are of.
        class: u64,
    },
}

crate::io::error_of_its_own!(MetricError);
