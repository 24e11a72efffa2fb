//! Numbers that tell how well a model does: means over the rows of a dataset.

use std::fmt;

use ndarray::ArrayD;

use super::TrainError;
use crate::{Float, Tensor};

/// The loss and the metrics, by name, of a model on a dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    /// The mean loss over all rows.
    pub loss: f64,
    /// The mean of each metric over all rows, in the order in which they were named. Of one that is 0 or 1 for each row
    /// it is the exact count of the ones over that of the rows, so it does not depend on how the rows lay in batches.
    pub named: Vec<(String, f64)>,
}

impl Metrics {
    /// The metric of that name; `loss` is the loss.
    ///
    /// ```
    /// use flowgrad::train::Metrics;
    /// let metrics = Metrics { loss: 0.25, named: vec![("accuracy".to_owned(), 0.875)] };
    /// assert_eq!((metrics.get("loss"), metrics.get("accuracy")), (Some(0.25), Some(0.875)));
    /// assert_eq!(metrics.get("recall"), None);
    /// assert_eq!(metrics.to_string(), "loss 0.2500, accuracy 0.8750");
    /// ```
    pub fn get(&self, name: &str) -> Option<f64> {
        if name == LOSS {
            return Some(self.loss);
        }
        self.named.iter().find_map(|(known, value)| (known == name).then_some(*value))
    }

    /// The metrics of these values, the loss first.
    pub(super) fn of(names: &[String], values: &[f64]) -> Self {
        let named = names.iter().cloned().zip(values.iter().copied()).skip(1).collect();
        Metrics { loss: values.first().copied().unwrap_or(f64::NAN), named }
    }

    /// The loss and the values of the metrics.
    pub(super) fn values(&self) -> impl Iterator<Item = f64> {
        [self.loss].into_iter().chain(self.named.iter().map(|&(_, value)| value))
    }
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{LOSS} {}", Rounded(self.loss))?;
        self.named.iter().try_for_each(|(name, value)| write!(f, ", {name} {}", Rounded(*value)))
    }
}

/// A number with four decimals, or four digits where these would not show it.
struct Rounded(f64);

impl fmt::Display for Rounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.abs() {
            0.0 | 1e-2..1e6 => write!(f, "{:.4}", self.0),
            _ => write!(f, "{:.3e}", self.0),
        }
    }
}

pub(super) const LOSS: &str = "loss";

/// The tensors whose means over a dataset are its metrics, each a single number.
#[derive(Clone, Debug)]
pub(super) struct Measured<'g, T> {
    pub(super) loss: Tensor<'g, T>,
    metrics: Vec<Tensor<'g, T>>,
    /// Of the loss and the metrics.
    pub(super) names: Vec<String>,
}

impl<'g, T: Float> Measured<'g, T> {
    pub(super) fn new(loss: Tensor<'g, T>) -> Self {
        Measured { loss, metrics: Vec::new(), names: vec![LOSS.to_owned()] }
    }

    pub(super) fn push(&mut self, name: &str, metric: Tensor<'g, T>) {
        self.names.push(name.to_owned());
        self.metrics.push(metric);
    }

    /// The loss, or what stands for it, and the metrics.
    pub(super) fn tensors(&self, loss: Tensor<'g, T>) -> Vec<Tensor<'g, T>> {
        [loss].into_iter().chain(self.metrics.iter().copied()).collect()
    }

    pub(super) fn check(&self) -> Result<(), TrainError> {
        for (index, (name, tensor)) in self.names.iter().zip(self.tensors(self.loss)).enumerate() {
            if self.names.iter().take(index).any(|earlier| earlier == name) {
                return Err(TrainError::MetricTwice { name: name.clone() });
            }
            if tensor.shape().rank() > 0 {
                let (what, node, shape) = (name.clone(), tensor.name(), tensor.shape());
                return Err(TrainError::NotScalar { what, node, shape });
            }
        }
        Ok(())
    }
}

/// What a mean over so many rows is the mean of, in sum: the whole number next to it if that is what it is within the
/// rounding of a mean of `T`. A mean of zeros and ones is a count again, whatever batches the rows came in.
fn batch_sum<T: Float>(mean: f64, rows: usize) -> f64 {
    let sum = mean * rows as f64;
    let whole = sum.round();
    // A sum and a division, or a product with the inverse, are rounded twice.
    let rounding = 2.0 * T::epsilon().as_f64() * sum.abs();
    if (sum - whole).abs() <= rounding { whole } else { sum }
}

/// Means of batches, summed up so that each row counts the same, however many rows its batch has.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sums {
    rows: f64,
    /// Of each metric, the sum over batches of its mean times the rows.
    weighted: Vec<f64>,
}

impl Sums {
    /// Of no batch yet.
    pub(super) fn none(metrics: usize) -> Self {
        Sums { rows: 0.0, weighted: vec![0.0; metrics] }
    }

    /// Adds the means over a batch of so many rows.
    pub(super) fn add<T: Float>(&mut self, rows: usize, means: &[ArrayD<T>]) {
        self.rows += rows as f64;
        for (sum, mean) in self.weighted.iter_mut().zip(means) {
            // An array of one number.
            *sum += batch_sum::<T>(mean.iter().map(|mean| mean.as_f64()).sum(), rows);
        }
    }

    /// A share of the rows is the exact count of those over the exact count of all.
    pub(super) fn means(&self) -> Vec<f64> {
        self.weighted.iter().map(|sum| sum / self.rows).collect()
    }

    pub(super) fn rows(&self) -> usize {
        self.rows as usize
    }

    /// The rows, which a float counts exactly up to 2⁵³, and the sums.
    pub(super) fn numbers(&self) -> impl Iterator<Item = f64> {
        [self.rows].into_iter().chain(self.weighted.iter().copied())
    }

    /// The sums of these [`numbers`](Sums::numbers).
    pub(super) fn of_numbers(numbers: impl IntoIterator<Item = f64>) -> Self {
        let mut numbers = numbers.into_iter();
        Sums { rows: numbers.next().unwrap_or_default(), weighted: numbers.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr0;

    fn mean_of<T: Float>(batches: &[(usize, usize)]) -> f64 {
        let mut sums = Sums::none(1);
        for &(hits, rows) in batches {
            let mean =
                <T as crate::Numeric>::from_f64(hits as f64) / <T as crate::Numeric>::from_f64(rows as f64);
            sums.add(rows, &[arr0(mean).into_dyn()]);
        }
        sums.means()[0]
    }

    #[test]
    fn a_share_of_the_rows_is_the_same_however_they_lie_in_batches() {
        let batches: [&[(usize, usize)]; 3] = [
            &[(353, 359)],
            &[(127, 128), (126, 128), (100, 103)],
            &[(50, 50), (49, 53), (127, 128), (127, 128)],
        ];
        for batches in batches {
            assert_eq!(mean_of::<f32>(batches), 353.0 / 359.0, "{batches:?}");
            assert_eq!(mean_of::<f64>(batches), 353.0 / 359.0, "{batches:?}");
        }
        for rows in 1..2000 {
            for hits in [0, 1, rows / 3, rows - 1, rows] {
                assert_eq!(mean_of::<f32>(&[(hits, rows)]), hits as f64 / rows as f64);
                // As kernels divide: by the inverse.
                let mean = hits as f32 * (1.0 / rows as f32);
                assert_eq!(batch_sum::<f32>(f64::from(mean), rows), hits as f64);
            }
        }
    }

    #[test]
    fn what_is_no_count_stays_as_it_is() {
        for mean in [0.5, 1e-30, -0.3, 1.0 / 3.0 + 1e-6, f64::INFINITY] {
            assert_eq!(batch_sum::<f64>(mean, 7), mean * 7.0);
        }
        assert!(batch_sum::<f32>(f64::NAN, 7).is_nan());
    }
}
