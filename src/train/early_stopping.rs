//! [`EarlyStopping`]: ends a training that no longer improves.

use super::metrics::LOSS;
use super::{Epoch, TrainError};

/// Ends a training when a metric has not improved for some epochs.
///
/// By default the metric is the loss. Its values are those of the validation data if there is any, and otherwise those of
/// the training data. NaN is not an improvement. Neither is a value that is better by no more than the rounding of a
/// mean: 4 units in the last place of the trainer's element type, 5·10⁻⁷ of the value for `f32`. Shares of the rows,
/// such as an accuracy, are exact ratios of counts ([`Metrics`](super::Metrics)), so one more correct row is an
/// improvement.
///
/// ```
/// use flowgrad::train::EarlyStopping;
/// let stopping = EarlyStopping::patience(5).maximize("accuracy").min_delta(0.001).restore_best();
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "it takes effect when it is handed to a trainer"]
pub struct EarlyStopping {
    patience: usize,
    watched: String,
    /// 1 if more of the metric is better, -1 if less is.
    sign: f64,
    min_delta: f64,
    pub(super) restores_best: bool,
}

/// Units in the last place that the means of the same rows may differ by when these lie in other batches: a sum and a
/// division for each of two.
const ROUNDING: f64 = 4.0;

impl EarlyStopping {
    /// Stops after so many epochs in a row without an improvement of the best value so far; 0 counts as 1.
    pub fn patience(epochs: usize) -> Self {
        EarlyStopping {
            patience: epochs,
            watched: LOSS.to_owned(),
            sign: -1.0,
            min_delta: 0.0,
            restores_best: false,
        }
    }

    /// Watches a metric of which less is better.
    pub fn minimize(self, metric: &str) -> Self {
        EarlyStopping { watched: metric.to_owned(), sign: -1.0, ..self }
    }

    /// Watches a metric of which more is better.
    pub fn maximize(self, metric: &str) -> Self {
        EarlyStopping { watched: metric.to_owned(), sign: 1.0, ..self }
    }

    /// Counts a value as an improvement only if it is better by more than this, which is 0 unless told otherwise, and
    /// by more than rounding.
    pub fn min_delta(self, min_delta: f64) -> Self {
        EarlyStopping { min_delta, ..self }
    }

    /// When the training ends, sets all variables, those of optimizers too, to their values after the best epoch,
    /// unless it ended by ctrl-c or an error. A second copy of them is kept in memory and in the checkpoint.
    pub fn restore_best(self) -> Self {
        EarlyStopping { restores_best: true, ..self }
    }

    /// Whether it makes sense where there are metrics of these names.
    pub(super) fn check(&self, names: &[String]) -> Result<(), TrainError> {
        if self.min_delta.is_nan() || self.min_delta < 0.0 {
            return Err(TrainError::MinDelta { min_delta: self.min_delta });
        }
        if !names.contains(&self.watched) {
            return Err(TrainError::NotWatched { name: self.watched.clone(), known: names.join(", ") });
        }
        Ok(())
    }

    /// What is watched in an epoch.
    pub(super) fn value(&self, epoch: &Epoch) -> f64 {
        epoch.validation.as_ref().unwrap_or(&epoch.train).get(&self.watched).unwrap_or(f64::NAN)
    }

    /// The epoch that did best, counted from 1, given the watched values of all epochs so far, which were computed
    /// with this distance from 1 to the next number; `None` while all are NaN.
    pub(super) fn best(&self, values: impl IntoIterator<Item = f64>, epsilon: f64) -> Option<usize> {
        let mut best: Option<(usize, f64)> = None;
        for (epoch, value) in (1..).zip(values) {
            let is_better = |(_, best): (usize, f64)| {
                // Of two values, so that an infinite one is beaten by any number.
                let rounding = ROUNDING * epsilon * value.abs().min(best.abs());
                self.sign * (value - best) > self.min_delta.max(rounding)
            };
            if !value.is_nan() && best.is_none_or(is_better) {
                best = Some((epoch, value));
            }
        }
        best.map(|(epoch, _)| epoch)
    }

    /// Whether so many epochs are enough, given the best of them.
    pub(super) fn is_enough(&self, epochs: usize, best: Option<usize>) -> bool {
        epochs - best.unwrap_or(0) >= self.patience.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_epoch_is_the_first_that_nothing_beats_by_more_than_the_least_improvement() {
        let nan = f64::NAN;
        for (stopping, values, best) in [
            (EarlyStopping::patience(1), &[3.0, 2.0, 2.0, 2.5][..], Some(2)),
            (EarlyStopping::patience(1).maximize("accuracy"), &[0.5, 0.75, 0.75, 0.25], Some(2)),
            (EarlyStopping::patience(1).min_delta(0.5), &[3.0, 2.5, 2.25], Some(3)),
            (EarlyStopping::patience(1).min_delta(0.5), &[3.0, 2.5, 2.5], Some(1)),
            (EarlyStopping::patience(1), &[nan, 3.0, nan], Some(2)),
            (EarlyStopping::patience(1), &[nan, nan], None),
            (EarlyStopping::patience(1), &[f64::INFINITY, f64::INFINITY, 1.0], Some(3)),
            (EarlyStopping::patience(1).maximize("accuracy"), &[f64::NEG_INFINITY, 1.0], Some(2)),
            (EarlyStopping::patience(1), &[], None),
            (EarlyStopping::patience(1), &[0.0, -1e-30], Some(2)),
        ] {
            assert_eq!(stopping.best(values.iter().copied(), f64::EPSILON), best, "{stopping:?} {values:?}");
        }
    }

    #[test]
    fn rounding_is_no_improvement() {
        let stopping = EarlyStopping::patience(1).maximize("accuracy");
        let mean = 353.0 / 359.0;
        let nearly = [mean, mean * (1.0 + 1e-10), mean * (1.0 + 2e-7)];
        assert_eq!(stopping.best(nearly, f32::EPSILON.into()), Some(1));
        assert_eq!(stopping.best(nearly, f64::EPSILON), Some(2 + 1));
        // One row in a million more.
        assert_eq!(stopping.best([0.5, 0.500_001], f32::EPSILON.into()), Some(2));
        let falling = EarlyStopping::patience(1);
        assert_eq!(falling.best([-1.0, -1.000_000_1, 2.0], f32::EPSILON.into()), Some(1));
    }

    #[test]
    fn patience_counts_the_epochs_behind_the_best() {
        let enough = |patience, epochs, best| EarlyStopping::patience(patience).is_enough(epochs, best);
        assert!(!enough(2, 4, Some(3)) && enough(2, 5, Some(3)));
        assert!(!enough(0, 3, Some(3)) && enough(0, 4, Some(3)));
        assert!(!enough(2, 1, None) && enough(2, 2, None));
        assert!(!enough(1, 0, None));
    }
}
