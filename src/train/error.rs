//! Why a training cannot begin, go on, or be resumed.

use std::path::PathBuf;
use std::sync::Arc;

use crate::Shape;
use crate::data::DataError;
use crate::io::checkpoint::CheckpointError;
use crate::quote::quoted;

/// What went wrong in a training.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A run that is no step of the training failed, or the graph was built wrongly.
    #[error(transparent)]
    Run(#[from] crate::Error),

    /// A step failed, on a loss that is not finite for one. It changed no variable.
    #[error("step {step} (epoch {epoch}) failed and changed no variable: {source}")]
    Step {
        /// The epoch, counted from 1.
        epoch: usize,
        /// The step, counted from 1 over all epochs.
        step: usize,
        /// Why it failed.
        source: Box<crate::Error>,
    },

    /// There are no batches of that size, or no thread to prepare them.
    #[error(transparent)]
    Data(#[from] DataError),

    /// All rows are left out: they make no whole batch, and the last one is dropped where it is smaller.
    #[error("expected at least {batch_size} rows, as smaller batches are dropped, got {rows}")]
    NoBatches {
        /// Rows of the training data.
        rows: usize,
        /// Rows of a batch.
        batch_size: usize,
    },

    /// A tensor cannot be fed the batches that there are.
    #[error(
        "`{node}`: expected {what} of shape {expected}, got a batch of the {data} data of shape {found:?}"
    )]
    BatchShape {
        /// Name of the tensor.
        node: String,
        /// Its static shape.
        expected: Shape,
        /// `"training"`, `"validation"` or `"evaluated"`.
        data: &'static str,
        /// `"inputs"` or `"targets"`.
        what: &'static str,
        /// The shape of a batch.
        found: Box<[usize]>,
    },

    /// The loss or a metric is no single number.
    #[error(
        "{}: expected a single number, got `{node}` of shape {shape}",
        if what == "loss" { what.clone() } else { format!("metric `{what}`") }
    )]
    NotScalar {
        /// What it is called: `loss`, or as the metric was named.
        what: String,
        /// Name of the tensor.
        node: String,
        /// Its static shape.
        shape: Shape,
    },

    /// Two metrics have one name, or one is named `loss`.
    #[error("expected one metric named `{name}`, got two")]
    MetricTwice {
        /// The name.
        name: String,
    },

    /// Early stopping watches a metric that is not there.
    #[error("early stopping: expected one of the metrics {known}, got `{name}`")]
    NotWatched {
        /// The name.
        name: String,
        /// The metrics that there are.
        known: String,
    },

    /// The least improvement that early stopping asks for is negative or not a number.
    #[error("early stopping: expected a least improvement of at least 0, got {min_delta}")]
    MinDelta {
        /// The number as given.
        min_delta: f64,
    },

    /// The best checkpoints are to be kept by a metric that is not there.
    #[error("checkpoints to keep: expected one of the metrics {known}, got `{name}`")]
    NotKept {
        /// The name.
        name: String,
        /// The metrics that there are.
        known: String,
    },

    /// Checkpoints are to be kept without a file to save them to.
    #[error("expected a file for the checkpoints that are to be kept, got none")]
    KeepsNothing,

    /// There are no validation data for a score.
    #[error("score `{name}`: expected validation data, got none")]
    NoValidation {
        /// The name of the score.
        name: String,
    },

    /// Predictions that are not one for each row.
    #[error("score `{name}`: expected predictions of shape {expected}, got `{node}` of shape {found}")]
    ScoreShape {
        /// The name of the score.
        name: String,
        /// Name of the tensor.
        node: String,
        /// The shape that it should have.
        expected: String,
        /// Its shape.
        found: String,
    },

    /// The function that scores predictions failed.
    #[error("score `{name}` failed: {source}")]
    Score {
        /// The name of the score.
        name: String,
        /// Why it failed.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },

    /// The directory of the checkpoints cannot be listed.
    #[error(
        "checkpoints `{}`: expected a directory that can be listed, got `{}`: {source}",
        path.file_name().unwrap_or(path.as_os_str()).display(),
        directory.display()
    )]
    Listing {
        /// The directory.
        directory: PathBuf,
        /// The checkpoint without a number.
        path: PathBuf,
        /// What the system says.
        source: Arc<std::io::Error>,
    },

    /// A training is to be resumed without a checkpoint to resume from.
    #[error("expected a file for checkpoints to resume from, got none")]
    NoCheckpoint,

    /// A checkpoint cannot be written, read or restored.
    #[error(transparent)]
    Checkpoint(Box<CheckpointError>),

    /// A checkpoint does not say where a training stood, as one that no trainer has saved.
    #[error("checkpoint `{}`: expected the position of a training as `{key}`, got {}", path.display(),
        value.as_ref().map_or("none".to_owned(), |value| format!("`{}`", quoted(value))))]
    NoPosition {
        /// The file.
        path: PathBuf,
        /// The entry or array.
        key: String,
        /// What it says, if it is there.
        value: Option<String>,
    },

    /// A checkpoint is of a training on other batches or of other metrics, in which its position means nothing.
    #[error("checkpoint `{}` of another training: expected `{key}` {expected}, got {}", path.display(), quoted(found))]
    OtherTraining {
        /// The file.
        path: PathBuf,
        /// What differs.
        key: &'static str,
        /// How it is here.
        expected: String,
        /// How it is in the checkpoint.
        found: String,
    },

    /// What was called after an epoch failed. The epoch is over and saved.
    #[error("what is called after epoch {epoch} failed: {source}")]
    Callback {
        /// The epoch, counted from 1.
        epoch: usize,
        /// Why it failed.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },

    /// Ctrl-c cannot be caught, because the program has a handler of its own or the system refuses.
    #[error("ctrl-c cannot be caught: {0}")]
    CtrlC(#[source] Arc<ctrlc::Error>),
}

impl From<CheckpointError> for TrainError {
    fn from(error: CheckpointError) -> Self {
        TrainError::Checkpoint(Box::new(error))
    }
}

crate::io::error_of_its_own!(TrainError);
