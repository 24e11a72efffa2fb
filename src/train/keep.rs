//! [`Keep`]: which of a training's checkpoints stay.

use std::collections::BTreeSet;

use super::metrics::LOSS;
use super::{Epoch, TrainError};

/// Which checkpoints of a training are kept: a number for the last so many, or the best.
///
/// ```
/// use flowgrad::train::Keep;
/// assert_eq!(Keep::from(3), Keep::last(3));
/// let keep = Keep::best(3).maximize("accuracy");
/// # let _ = keep;
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "it takes effect when it is handed to a trainer"]
pub struct Keep {
    count: usize,
    /// What the best are the best by, and 1 if more of it is better, -1 if less is.
    best: Option<(String, f64)>,
}

impl From<usize> for Keep {
    fn from(count: usize) -> Self {
        Keep::last(count)
    }
}

impl Keep {
    /// The last so many; 0 counts as 1.
    pub fn last(count: usize) -> Self {
        Keep { count, best: None }
    }

    /// Those after the best so many epochs, by the least loss until told otherwise, and the last, from which the
    /// training goes on. Values are those of the validation if there is one, NaN is the worst, and of equals the earlier
    /// is better.
    pub fn best(count: usize) -> Self {
        Keep { count, best: Some((LOSS.to_owned(), -1.0)) }
    }

    /// Of the best, less of this metric is better.
    pub fn minimize(self, metric: &str) -> Self {
        Keep { best: Some((metric.to_owned(), -1.0)), ..self }
    }

    /// Of the best, more of this metric is better.
    pub fn maximize(self, metric: &str) -> Self {
        Keep { best: Some((metric.to_owned(), 1.0)), ..self }
    }

    /// Whether it makes sense where there are metrics of these names.
    pub(super) fn check(&self, names: &[String]) -> Result<(), TrainError> {
        match &self.best {
            Some((name, _)) if !names.contains(name) => {
                Err(TrainError::NotKept { name: name.clone(), known: names.join(", ") })
            }
            _ => Ok(()),
        }
    }

    /// Of the checkpoints after these steps, those that stay when the last has just been saved.
    pub(super) fn staying(&self, saved: &BTreeSet<usize>, history: &[Epoch]) -> BTreeSet<usize> {
        let count = self.count.max(1);
        let Some((metric, sign)) = &self.best else {
            return saved.iter().rev().take(count).copied().collect();
        };
        let value = |epoch: &Epoch| {
            let value =
                sign * epoch.validation.as_ref().unwrap_or(&epoch.train).get(metric).unwrap_or(f64::NAN);
            if value.is_nan() { f64::NEG_INFINITY } else { value }
        };
        let mut epochs: Vec<&Epoch> = history.iter().filter(|epoch| saved.contains(&epoch.step)).collect();
        epochs.sort_by(|a, b| value(b).total_cmp(&value(a)));
        epochs.into_iter().take(count).map(|epoch| epoch.step).chain(saved.last().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Metrics;

    #[test]
    fn the_last_and_the_best_stay() {
        let losses = [3.0, 1.0, f64::NAN, 1.0, 0.5, 2.0];
        let history: Vec<Epoch> = (1..)
            .zip(losses)
            .map(|(epoch, loss)| {
                let named = vec![("accuracy".to_owned(), loss / 10.0)];
                Epoch { epoch, step: epoch * 10, train: Metrics { loss, named }, validation: None }
            })
            .collect();
        let staying = |keep: Keep, saved: &[usize]| {
            let staying = keep.staying(&saved.iter().copied().collect(), &history);
            staying.into_iter().collect::<Vec<_>>()
        };
        let all = [10, 20, 30, 40, 50, 60, 65];
        assert_eq!(staying(Keep::last(3), &all), [50, 60, 65]);
        assert_eq!(staying(Keep::last(0), &all), [65]);
        assert_eq!(staying(Keep::best(2), &all), [20, 50, 65]);
        assert_eq!(staying(Keep::best(3), &all), [20, 40, 50, 65]);
        assert_eq!(staying(Keep::best(2).maximize("accuracy"), &all), [10, 60, 65]);
        assert_eq!(staying(Keep::best(9), &all), all);
        // Only of what is there.
        assert_eq!(staying(Keep::best(2), &[10, 30, 60]), [10, 60]);
        assert_eq!(staying(Keep::best(1), &[7]), [7]);
    }
}
