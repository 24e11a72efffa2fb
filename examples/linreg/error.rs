//! What can be wrong with the input, in one line that names the place.

use std::io;
use std::path::PathBuf;

use flowgrad::DType;

use crate::ways::WayError;

/// Why the command ends without a result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A count is zero, or beyond what the machine is asked for.
    #[error("{option} {value}: must be from 1 to {max}")]
    Count { option: &'static str, value: usize, max: usize },

    /// A number is NaN, infinite, or out of the range of the element type.
    #[error("{option} {value:?}: must be a finite number in {dtype}")]
    NotFinite { option: &'static str, value: f64, dtype: DType },

    /// The standard deviation is less than zero.
    #[error("--sigma {value:?}: must not be negative")]
    NegativeSigma { value: f64 },

    /// The standard deviation is finite, but the noise made with it is not.
    #[error("--sigma {sigma:?}: the data made with it overflows {dtype}")]
    Noise { sigma: f64, dtype: DType },

    /// An output would be written over the data or over another output.
    #[error("{first} and {second} name the same file, {}", path.display())]
    SameFile { first: &'static str, second: &'static str, path: PathBuf },

    /// The data cannot be read.
    #[error("{}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },

    /// The data is not text.
    #[error("{}, line {line}: not valid UTF-8", path.display())]
    NotText { path: PathBuf, line: usize },

    /// A line of the data, the header included, has not two columns.
    #[error("{}, line {line}: has {found}, but two are needed, input and output", path.display(), found = columns(*found))]
    Columns { path: PathBuf, line: usize, found: usize },

    /// A field of the data is no number.
    #[error("{}, line {line}, column {column}: {field:?} is not a number", path.display())]
    NotANumber { path: PathBuf, line: usize, column: usize, field: String },

    /// A number in the data is NaN, infinite, or out of the range of the element type.
    #[error("{}, line {line}, column {column}: {field} is not a finite number in {dtype}", path.display())]
    NotFiniteData { path: PathBuf, line: usize, column: usize, field: String, dtype: DType },

    /// The data has no header line and hence nothing else.
    #[error("{}: the file is empty, but a header line and rows are needed", path.display())]
    Empty { path: PathBuf },

    /// The data ends with its header.
    #[error("{}: there are no rows after the header line", path.display())]
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
