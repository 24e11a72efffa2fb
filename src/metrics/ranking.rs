//! [`roc_auc`]: how well scores rank.

use ndarray::{ArrayRef, Dimension};

use super::MetricError;
use super::label::{Label, check_pairs, classes};
use crate::Float;

/// The area under the receiver operating characteristic: the probability that a row of class 1, drawn at random, has a
/// higher score than one of class 0, where equal scores count half.
///
/// 1 for scores that tell the classes apart, 0.5 for scores that know nothing. It is an exact ratio of counts of pairs
/// (Mann and Whitney's U), rounded once, so it depends neither on the order of rows nor on that of equal scores.
/// Scores may be logits or probabilities: their order counts alone.
///
/// ```
/// use flowgrad::metrics::roc_auc;
/// use flowgrad::ndarray::array;
/// # fn main() -> Result<(), flowgrad::metrics::MetricError> {
/// assert_eq!(roc_auc(&array![false, true, true], &array![-1.0, 0.0, 2.5])?, 1.0);
/// assert_eq!(roc_auc(&array![0, 1, 0, 1], &array![0.5, 0.5, 0.5, 0.5])?, 0.5);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`MetricError`], when labels and scores do not pair up, a label is neither 0 nor 1, all are of one class, or a score
/// is NaN.
pub fn roc_auc<L: Label, S: Float, D: Dimension, E: Dimension>(
    labels: &ArrayRef<L, D>,
    scores: &ArrayRef<S, E>,
) -> Result<f64, MetricError> {
    check_pairs(labels, "scores", scores)?;
    let classes = classes("labels", labels)?;
    if let Some((row, &found)) = classes.iter().enumerate().find(|&(_, &class)| class > 1) {
        return Err(MetricError::ClassOutOfRange { what: "labels", row, found, classes: 2 });
    }
    if let Some(row) = scores.iter().position(|score| score.is_nan()) {
        return Err(MetricError::NanScore { row });
    }
    let mut rows: Vec<(S, u64)> = scores.iter().copied().zip(classes).collect();
    // No score is NaN; -0 and 0 are equal.
    rows.sort_by(|(a, _), (b, _)| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    // Of the rows with lower scores, and of all; class 0 first.
    let mut below = [0_u128; 2];
    let mut twice_won = 0;
    for equal in rows.chunk_by(|(a, _), (b, _)| a == b) {
        let ones = equal.iter().filter(|&&(_, class)| class == 1).count() as u128;
        let zeros = equal.len() as u128 - ones;
        twice_won += ones * (2 * below[0] + zeros);
        below = [below[0] + zeros, below[1] + ones];
    }
    match below {
        [0, _] => Err(MetricError::OneClass { class: 1 }),
        [_, 0] => Err(MetricError::OneClass { class: 0 }),
        [zeros, ones] => Ok(twice_won as f64 / (2 * zeros * ones) as f64),
    }
}
