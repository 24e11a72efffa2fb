//! Where a training stands, as a checkpoint has it beside the variables and the run count.
//!
//! | entry | is |
//! |---|---|
//! | `train.epochs` | the epochs that are over |
//! | `train.batches` | the batches of the next one that are done |
//! | `train.rows`, `train.batch_size`, `train.order`, `train.last_batch`, `train.metrics` | what these mean; must be the same when the training is resumed |
//! | `train.stopped` | there if a callback has ended the training |
//! | `train.best_epoch` | the epoch whose variables are to be restored in the end |
//! | `train.other` | whose values the variables have a second time: of the `best` epoch, or of the `last` when the tensors of their own names are those of the best |
//!
//! Numbers are arrays, so that they keep their bits: `train/history`, a row of metrics for each epoch that is over,
//! `train/sums`, rows and sums of metrics of the epoch that is not, and `train/other/<variable>`.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::{Array1, Array2, ArrayD};

use super::metrics::Sums;
use super::{Epoch, Metrics, TrainError, Trainer};
use crate::data::RowType;
use crate::io::checkpoint::Checkpoint;
use crate::{Float, Value};

const EPOCHS: &str = "train.epochs";
const BATCHES: &str = "train.batches";
const STOPPED: &str = "train.stopped";
pub(super) const BEST_EPOCH: &str = "train.best_epoch";
const OTHER: &str = "train.other";
const BEST: &str = "best";
const LAST: &str = "last";
const HISTORY: &str = "train/history";
const SUMS: &str = "train/sums";

/// The values of all variables, by name.
pub(super) type Variables = BTreeMap<String, Value>;

/// What makes a position mean what it does.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) rows: usize,
    pub(super) batch_size: usize,
    /// The batches of an epoch.
    pub(super) batches: usize,
    /// The seed of the order of rows; `None` is the order in which they are.
    pub(super) seed: Option<u64>,
    pub(super) drops_last: bool,
    /// The names of what is measured in training, and in validation if there is one.
    pub(super) trained: Vec<String>,
    pub(super) validated: Option<Vec<String>>,
}

impl Setting {
    pub(super) fn of<A: RowType, B: RowType, T: Float>(
        trainer: &Trainer<'_, A, B, T>,
        rows: usize,
        batches: usize,
    ) -> Self {
        Setting {
            rows,
            batch_size: trainer.batch_size,
            batches,
            seed: trainer.seed,
            drops_last: trainer.drops_last,
            trained: trainer.measured.names.clone(),
            validated: trainer.validation.as_ref().map(|_| trainer.evaluated_names()),
        }
    }

    fn texts(&self) -> [(&'static str, String); 5] {
        let validated = self.validated.iter().map(|names| format!("; of validation: {}", names.join(", ")));
        [
            ("train.rows", self.rows.to_string()),
            ("train.batch_size", self.batch_size.to_string()),
            (
                "train.order",
                self.seed.map_or("as given".to_owned(), |seed| format!("shuffled by seed {seed}")),
            ),
            ("train.last_batch", if self.drops_last { "dropped if smaller" } else { "kept" }.to_owned()),
            ("train.metrics", self.trained.join(", ") + &validated.collect::<String>()),
        ]
    }

    /// How many columns the history has.
    fn columns(&self) -> usize {
        self.trained.len() + self.validated.as_ref().map_or(0, Vec::len)
    }

    /// The epoch of that place in the history, of these metrics.
    pub(super) fn epoch(&self, place: usize, trained: &[f64], validated: &[f64]) -> Epoch {
        Epoch {
            epoch: place + 1,
            step: (place + 1) * self.batches,
            train: Metrics::of(&self.trained, trained),
            validation: self.validated.as_ref().map(|names| Metrics::of(names, validated)),
        }
    }
}

/// Where a training stands, while the session has its last variables.
#[derive(Clone, Debug)]
pub(super) struct Position {
    /// The epochs that are over.
    pub(super) history: Vec<Epoch>,
    /// The batches of the next epoch that are done, and their metrics.
    pub(super) batches: usize,
    pub(super) sums: Sums,
    /// Whether a callback has ended the training.
    pub(super) is_stopped: bool,
    /// What is to be restored in the end.
    pub(super) best: Option<Best>,
}

/// The best epoch, counted from 1, and the variables after it.
#[derive(Clone, Debug)]
pub(super) struct Best {
    pub(super) epoch: usize,
    pub(super) variables: Variables,
}

impl Position {
    /// The beginning.
    pub(super) fn new(setting: &Setting) -> Self {
        Position {
            history: Vec::new(),
            batches: 0,
            sums: Sums::none(setting.trained.len()),
            is_stopped: false,
            best: None,
        }
    }

    /// Adds the position to a checkpoint of the session, which has the last variables, or else these are given.
    pub(super) fn write(
        &self,
        mut checkpoint: Checkpoint,
        setting: &Setting,
        last: Option<&Variables>,
    ) -> Checkpoint {
        let history: Vec<f64> = self.history.iter().flat_map(Epoch::values).collect();
        let history = Array2::from_shape_vec((self.history.len(), setting.columns()), history);
        let sums: Array1<f64> = self.sums.numbers().collect();
        checkpoint = checkpoint
            .with(EPOCHS, self.history.len().to_string())
            .with(BATCHES, self.batches.to_string())
            // Each epoch has all columns.
            .with_array(HISTORY, history.unwrap_or_default())
            .with_array(SUMS, sums);
        for (key, text) in setting.texts() {
            checkpoint = checkpoint.with(key, text);
        }
        if self.is_stopped {
            checkpoint = checkpoint.with(STOPPED, "by a callback");
        }
        let Some(best) = &self.best else { return checkpoint };
        let (which, other) = last.map_or((BEST, &best.variables), |last| (LAST, last));
        checkpoint = checkpoint.with(BEST_EPOCH, best.epoch.to_string()).with(OTHER, which);
        other.iter().fold(checkpoint, |checkpoint, (name, value)| {
            checkpoint.with_array(other_name(name), value.clone())
        })
    }

    /// The position in a checkpoint, and the checkpoint of the last variables.
    pub(super) fn read(
        checkpoint: Checkpoint,
        setting: &Setting,
        path: &Path,
    ) -> Result<(Self, Checkpoint), TrainError> {
        let entries = Entries { checkpoint: &checkpoint, path };
        for (key, expected) in setting.texts() {
            let found = entries.text(key)?;
            if found != expected {
                let (path, found) = (path.to_owned(), found.to_owned());
                return Err(TrainError::OtherTraining { path, key, expected, found });
            }
        }
        let (epochs, batches) =
            (entries.count(EPOCHS, usize::MAX)?, entries.count(BATCHES, setting.batches)?);
        let trained = setting.trained.len();
        let history = entries.numbers(HISTORY, &[epochs, setting.columns()])?;
        let rows = history.outer_iter().enumerate().map(|(place, row)| {
            let row: Vec<f64> = row.iter().copied().collect();
            let (of_training, of_validation) = row.split_at(trained.min(row.len()));
            setting.epoch(place, of_training, of_validation)
        });
        let mut position = Position {
            history: rows.collect(),
            batches,
            sums: Sums::of_numbers(entries.numbers(SUMS, &[1 + trained])?),
            is_stopped: checkpoint.get(STOPPED).is_some(),
            best: None,
        };
        let holds_best = match checkpoint.get(OTHER) {
            None => return Ok((position, checkpoint)),
            Some(BEST) => false,
            Some(LAST) => true,
            Some(_) => return Err(entries.invalid(OTHER)),
        };
        let (epoch, other) = (entries.count(BEST_EPOCH, epochs)?, entries.other()?);
        let (variables, checkpoint) = if holds_best {
            (checkpoint.variables().clone(), checkpoint.with_variables(other))
        } else {
            (other, checkpoint)
        };
        position.best = Some(Best { epoch, variables });
        Ok((position, checkpoint))
    }
}

/// The entries of a checkpoint that may be missing or make no sense.
struct Entries<'c> {
    checkpoint: &'c Checkpoint,
    path: &'c Path,
}

impl Entries<'_> {
    fn text(&self, key: &str) -> Result<&str, TrainError> {
        self.checkpoint.get(key).ok_or_else(|| self.invalid(key))
    }

    fn count(&self, key: &str, most: usize) -> Result<usize, TrainError> {
        let count = self.text(key)?.parse().ok().filter(|&count| count <= most);
        count.ok_or_else(|| self.invalid(key))
    }

    fn numbers(&self, name: &str, shape: &[usize]) -> Result<ArrayD<f64>, TrainError> {
        let numbers = self.checkpoint.array(name).cloned().and_then(Value::into_array);
        numbers.filter(|numbers| numbers.shape() == shape).ok_or_else(|| self.invalid(name))
    }

    /// The other values of the variables.
    fn other(&self) -> Result<Variables, TrainError> {
        let other = |name: &String| {
            let key = other_name(name);
            let value = self.checkpoint.array(&key).cloned();
            Ok((name.clone(), value.ok_or_else(|| self.invalid(&key))?))
        };
        self.checkpoint.variables().keys().map(other).collect()
    }

    fn invalid(&self, key: &str) -> TrainError {
        let value = self.checkpoint.get(key).map(str::to_owned);
        TrainError::NoPosition { path: self.path.to_owned(), key: key.to_owned(), value }
    }
}

fn other_name(variable: &str) -> String {
    format!("train/other/{variable}")
}
