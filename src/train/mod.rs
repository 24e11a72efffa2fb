//! [`Trainer`]: epochs over a dataset, with metrics, validation, early stopping and checkpoints; and for custom
//! training loops [`Progress`] and [`CtrlC`].
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
mod display;
mod early_stopping;
mod error;
mod every;
mod fed;
mod fit;
mod interrupt;
mod keep;
mod metrics;
mod options;
mod position;
mod progress;
mod report;
mod score;
mod series;
mod trainer;

pub use callback::Verdict;
pub use early_stopping::EarlyStopping;
pub use error::TrainError;
pub use every::Every;
pub use interrupt::CtrlC;
pub use keep::Keep;
pub use metrics::Metrics;
pub use progress::Progress;
pub use report::{Ended, Epoch, Report};
pub use score::Figure;
pub use series::checkpoints;
pub use trainer::Trainer;
