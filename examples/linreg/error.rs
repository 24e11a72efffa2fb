//! What can be wrong with the input, in one line that names the place.

use std::io;
use std::path::PathBuf;

use flowgrad::DType;

use crate::ways::WayError;

/// Why the command ends without a result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A count is zero, or beyond what the machine is asked for.
    #[error("{option}: expected a number from 1 to {max}, got {value}")]
    Count { option: &'static str, value: usize, max: usize },

    /// A number is NaN, infinite, or out of the range of the element type.
    #[error("{option}: expected a finite number in {dtype}, got {value:?}")]
    NotFinite { option: &'static str, value: f64, dtype: DType },

    /// The standard deviation is less than zero.
    #[error("--sigma: expected a number of at least 0, got {value:?}")]
    NegativeSigma { value: f64 },

    /// The standard deviation is finite, but the noise made with it is not.
    #[error("--sigma: expected data within the range of {dtype}, got an overflow with {sigma:?}")]
    Noise { sigma: f64, dtype: DType },

    /// An output would be written over the data or over another output.
    #[error("expected two files for {first} and {second}, got {} for both", path.display())]
    SameFile { first: &'static str, second: &'static str, path: PathBuf },

    /// The data cannot be read.
    #[error("{}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },

    /// The data is not text.
    #[error("{}, line {line}: expected UTF-8, got other bytes", path.display())]
    NotText { path: PathBuf, line: usize },

    /// A line of the data, the header included, has not two columns.
    #[error("{}, line {line}: expected two columns, input and output, got {found}", path.display(), found = columns(*found))]
    Columns { path: PathBuf, line: usize, found: usize },

    /// A field of the data is no number.
    #[error("{}, line {line}, column {column}: expected a number, got {field:?}", path.display())]
    NotANumber { path: PathBuf, line: usize, column: usize, field: String },

    /// A number in the data is NaN, infinite, or out of the range of the element type.
    #[error("{}, line {line}, column {column}: expected a finite number in {dtype}, got {field}", path.display())]
    NotFiniteData { path: PathBuf, line: usize, column: usize, field: String, dtype: DType },

    /// The data has no header line and hence nothing else.
    #[error("{}: expected a header line and rows, got an empty file", path.display())]
    Empty { path: PathBuf },

    /// The data ends with its header.
    #[error("{}: expected rows after the header line, got none", path.display())]
    NoRows { path: PathBuf },

    /// An output cannot be written.
    #[error("{}: cannot be written: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },

    /// The picture cannot be drawn.
    #[error("--plot: {reason}")]
    Plot { reason: String },

    /// The JSON cannot be made.
    #[error("--json: {0}")]
    Json(#[from] serde_json::Error),

    /// A way could not do its work.
    #[error(transparent)]
    Way(#[from] WayError),
}

/// The number of columns in words.
fn columns(count: usize) -> String {
    format!("{count} {}", if count == 1 { "column" } else { "columns" })
}
