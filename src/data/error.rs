//! What can be wrong with data, and with what is asked of it.

use std::io;
use std::sync::Arc;

/// Why there is no dataset, no split of it, or no batches.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The arrays of inputs and targets pair up row by row, but have different numbers of rows.
    #[error("expected a target for each of {inputs} rows of inputs, got {targets}")]
    RowsDiffer {
        /// Rows of the inputs.
        inputs: usize,
        /// Rows of the targets.
        targets: usize,
    },

    /// The arrays of one side have different numbers of rows.
    #[error("{what}: expected {expected} rows in array {index} as in array 0, got {found}")]
    ArraysDiffer {
        /// `"inputs"` or `"targets"`.
        what: &'static str,
        /// The place of the array in the tuple, counted from 0.
        index: usize,
        /// Rows of the first array.
        expected: usize,
        /// Rows of this one.
        found: usize,
    },

    /// An array of shape `[]` or `[0, ..]`.
    #[error("expected {what} with at least one row, which the first axis counts, got shape {shape:?}")]
    NoRows {
        /// `"inputs"`, `"targets"` or `"rows"`.
        what: &'static str,
        /// The shape that came.
        shape: Vec<usize>,
    },

    /// There is no memory for a copy of an array.
    #[error("no memory for the {bytes} bytes of a copy of the {what}")]
    OutOfMemory {
        /// `"inputs"`, `"targets"` or `"rows"`.
        what: &'static str,
        /// How many bytes were asked for at once.
        bytes: usize,
    },

    /// Rows of one number of elements are to take the shape of another.
    #[error("expected a shape for the elements of a row of shape {from:?}, got {to:?}")]
    RowShape {
        /// The shape of a row.
        from: Vec<usize>,
        /// The shape it should take.
        to: Vec<usize>,
    },

    /// A share of the rows that is none.
    #[error("expected a fraction between 0 and 1, both excluded, got {fraction}")]
    Fraction {
        /// The fraction as given.
        fraction: f64,
    },

    /// A split that leaves one part without rows.
    #[error("expected rows in both parts, got {second} of {rows} rows in the second")]
    EmptyPart {
        /// Rows of the dataset.
        rows: usize,
        /// Rows of the second part.
        second: usize,
    },

    /// Parts of a dataset of which some would have no rows, or that leave none to train on.
    #[error("expected from 2 to {rows} parts of {rows} rows, got {k}")]
    Folds {
        /// The number of parts as given.
        k: usize,
        /// Rows of the dataset.
        rows: usize,
    },

    /// Labels that are not one for each row.
    #[error("expected a label for each of {rows} rows, got labels of shape {found:?}")]
    Labels {
        /// Rows of the dataset.
        rows: usize,
        /// The shape of the labels.
        found: Vec<usize>,
    },

    /// A label that is no class.
    #[error(transparent)]
    Metric(#[from] crate::metrics::MetricError),

    /// Batches of no rows.
    #[error("expected a batch size of at least 1, got 0")]
    BatchSize,

    /// A column whose mean or standard deviation is infinite or not a number, or whose deviation is negative.
    #[error(
        "column {column:?}: expected a finite mean and a finite standard deviation of at least 0, got {mean} and {deviation}"
    )]
    Statistics {
        /// The index of the column in a row.
        column: Vec<usize>,
        /// Its mean.
        mean: f64,
        /// Its standard deviation.
        deviation: f64,
    },

    /// Rows of another shape than the ones whose statistics are applied.
    #[error("expected rows of shape {expected:?}, as the statistics were taken of, got {found:?}")]
    OtherRows {
        /// The shape of the rows the statistics were taken of.
        expected: Vec<usize>,
        /// The shape of the rows that came.
        found: Vec<usize>,
    },

    /// The thread that prepares batches could not be started.
    #[error("the thread that prepares batches could not be started: {0}")]
    Thread(#[source] Arc<io::Error>),

    /// A text file does not hold rows of numbers.
    #[cfg(feature = "csv")]
    #[error(transparent)]
    Csv(#[from] super::csv::CsvError),

    /// An npz file cannot be read.
    #[cfg(feature = "npz")]
    #[error(transparent)]
    Npz(#[from] crate::io::npz::NpzError),
}

crate::io::error_of_its_own!(DataError);
