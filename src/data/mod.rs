//! Data to train on: a [`Dataset`] pairs inputs with targets row by row, and gives them out as
//! batches, whole or shuffled, prepared on this thread or on another.

mod batches;
#[cfg(feature = "csv")]
mod csv;
mod dataset;
mod error;
mod folds;
#[cfg(feature = "npz")]
mod npz;
mod order;
mod prefetch;
mod row_type;
mod rows;
mod split;
mod standardise;

#[cfg(feature = "csv")]
pub use self::csv::{Columns, Csv, CsvError, CsvFault, Encoding, Missing, read_csv};
pub use batches::Batches;
pub use dataset::Dataset;
pub use error::DataError;
pub use folds::Folds;
pub use prefetch::{Prefetch, Prefetched};
#[cfg(feature = "train")]
pub(crate) use row_type::row_count;
pub use row_type::{IntoRows, RowType};
pub use standardise::Standardiser;
