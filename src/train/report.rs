//! What a training tells: after each epoch ([`Epoch`]) and at its end ([`Report`]).

use std::fmt;

use super::Metrics;

/// How a model did in one epoch. It prints as the line that a [`Trainer`](super::Trainer) tells.
///
/// ```
/// use flowgrad::train::{Epoch, Metrics};
/// let train = Metrics { loss: 0.31, named: vec![("accuracy".to_owned(), 0.9)] };
/// let validation = Some(Metrics { loss: 0.42, named: Vec::new() });
/// let epoch = Epoch { epoch: 1, step: 45, train, validation };
/// assert_eq!(epoch.to_string(), "loss 0.3100, accuracy 0.9000; validation: loss 0.4200");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Epoch {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// The steps taken since the training began.
    pub step: usize,
    /// Means over the batches as they were trained on, each measured before its step.
    pub train: Metrics,
    /// Means over the validation data after the last step, if there is any.
    pub validation: Option<Metrics>,
}

impl Epoch {
    /// The metrics of the training, then those of the validation.
    pub(super) fn values(&self) -> impl Iterator<Item = f64> {
        self.train.values().chain(self.validation.iter().flat_map(Metrics::values))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.train)?;
        self.validation.iter().try_for_each(|metrics| write!(f, "; validation: {metrics}"))
    }
}

/// How a training ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// All epochs, those before the training was resumed among them.
    pub history: Vec<Epoch>,
    /// The steps taken since the training began.
    pub steps: usize,
    /// Why it ended.
    pub ended: Ended,
    /// With early stopping, the epoch that did best, counted from 1.
    pub best_epoch: Option<usize>,
}

impl Report {
    /// The last epoch that is over.
    pub fn last(&self) -> Option<&Epoch> {
        self.history.last()
    }

    /// The epoch that did best, with early stopping.
    pub fn best(&self) -> Option<&Epoch> {
        self.history.get(self.best_epoch?.checked_sub(1)?)
    }
}

/// Why a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// All epochs are over.
    Completed,
    /// What [`EarlyStopping`](super::EarlyStopping) watches no longer improved.
    EarlyStopped,
    /// What is called after each epoch said so.
    ByCallback,
    /// The user pressed ctrl-c. The last step is done, and saved where a checkpoint was asked for.
    Interrupted,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ended::Completed => "completed",
            Ended::EarlyStopped => "stopped early",
            Ended::ByCallback => "stopped by a callback",
            Ended::Interrupted => "interrupted",
        })
    }
}
