//! Histograms: the buckets that `TensorBoard` makes itself, in the message that all its readers know.
//!
//! Source of the buckets: `histogram_pb` of `tensorboard/plugins/histogram/summary_v2.py` in
//! <https://github.com/tensorflow/tensorboard>.

use super::proto::HistogramProto;

/// As many as `TensorBoard` makes when nobody says how many.
const BUCKETS: usize = 30;

impl HistogramProto {
    /// Of those values that are finite in single precision, to which a reader of `TensorBoard` rounds the edges.
    pub(super) fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let values = values.filter(|&value| (value as f32).is_finite());
        let mut histogram = HistogramProto { min: f64::INFINITY, max: f64::NEG_INFINITY, ..Self::default() };
        for value in values.clone() {
            histogram.min = histogram.min.min(value);
            histogram.max = histogram.max.max(value);
            histogram.num += 1.0;
            histogram.sum += value;
            histogram.sum_squares += value * value;
        }
        if histogram.num > 0.0 {
            histogram.count(values);
            histogram
        } else {
            Self::default()
        }
    }

    /// Counts the values, at least one, in buckets of equal width from the least to the largest.
    fn count(&mut self, values: impl Iterator<Item = f64>) {
        let width = (self.max - self.min) / BUCKETS as f64;
        self.bucket_limit = (1..BUCKETS).map(|edge| edge as f64 * width + self.min).collect();
        self.bucket_limit.push(self.max);
        self.bucket = vec![0.0; BUCKETS];
        for value in values {
            // The largest belongs to the last bucket. So do all where they are equal: `min` passes over 0 / 0.
            let bucket = ((value - self.min) / width).min((BUCKETS - 1) as f64);
            self.bucket[bucket as usize] += 1.0;
        }
    }
}
