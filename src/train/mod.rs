//! [`Trainer`]: epochs over a dataset, with metrics, validation, early stopping and checkpoints.
//!
//! Takes a train operation, a loss and metrics built over placeholders, and a
//! [`Dataset`](crate::data::Dataset); gives a [`Report`] and leaves the trained variables in the session.
//!
//! Invariant: a training that is resumed from its checkpoint, wherever it was stopped or killed, ends with the same
//! bits as one that was not: variables, metrics, random draws, the order of rows, and when it stops. To that end all
//! that it depends on is in the checkpoint (`position`), and whatever else runs in the session between two steps,
//! validation or a callback, leaves the count of runs as it was.

mod batches;
mod callback;
mod console;
mod early_stopping;
mod error;
mod fed;
mod fit;
mod interrupt;
mod metrics;
mod position;
mod report;
mod trainer;

pub use callback::Verdict;
pub use early_stopping::EarlyStopping;
pub use error::TrainError;
pub use metrics::Metrics;
pub use report::{Ended, Epoch, Report};
pub use trainer::Trainer;
