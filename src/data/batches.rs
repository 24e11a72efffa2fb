//! [`Batches`]: the rows of a dataset, some at a time.

use std::iter::FusedIterator;

use super::dataset::Dataset;
use super::error::DataError;
use super::order::{Purpose, permutation};
use super::row_type::RowType;

/// An iterator over batches `(inputs, targets)` of a [`Dataset`], each array owned and of shape
/// `[rows of the batch, ..]`; where a side of the dataset has several arrays, so has that of a batch.
///
/// [`len`](ExactSizeIterator::len) is the number of batches to come, and [`skip`](Iterator::skip) costs
/// nothing, however many it skips: with [`shuffled`](Batches::shuffled) a run resumes in the middle of an
/// epoch.
///
/// ```
/// use flowgrad::data::Dataset;
/// use flowgrad::ndarray::{Array, Array1};
///
/// # fn main() -> Result<(), flowgrad::data::DataError> {
/// let dataset = Dataset::new(Array::range(0.0_f32, 10.0, 1.0), Array1::<i64>::zeros(10))?;
/// let sizes = |batches: flowgrad::data::Batches<f32, i64>| batches.map(|(x, _)| x.len()).collect::<Vec<_>>();
/// assert_eq!(sizes(dataset.batches(4)?), [4, 4, 2]);
/// assert_eq!(sizes(dataset.batches(4)?.drop_last()), [4, 4]);
///
/// let epoch = || Ok::<_, flowgrad::data::DataError>(dataset.batches(4)?.shuffled(7, 3));
/// assert!(epoch()?.skip(1).eq(epoch()?.collect::<Vec<_>>().split_off(1)));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Batches<A: RowType, B: RowType> {
    dataset: Dataset<A, B>,
    /// The rows in the order in which they are given; `None` is the order of the dataset.
    order: Option<Vec<usize>>,
    size: usize,
    /// How many rows of the order have been given, and how many will have been at the end.
    given: usize,
    end: usize,
}

impl<A: RowType, B: RowType> Batches<A, B> {
    pub(super) fn new(dataset: Dataset<A, B>, size: usize) -> Result<Self, DataError> {
        if size == 0 {
            return Err(DataError::BatchSize);
        }
        let end = dataset.len();
        Ok(Batches { dataset, order: None, size, given: 0, end })
    }

    /// The rows in a random order that depends on the number of rows, `seed` and `epoch` alone.
    ///
    /// It is the same on every machine and in every release: Durstenfeld's shuffle on the `ChaCha8` stream.
    pub fn shuffled(mut self, seed: u64, epoch: u64) -> Self {
        self.order = Some(permutation(self.dataset.len(), seed, Purpose::Batches { epoch }));
        self
    }

    /// Without a last batch of fewer rows than the others; none at all, when the dataset has fewer rows
    /// than a batch.
    pub fn drop_last(mut self) -> Self {
        self.end -= self.end % self.size;
        self
    }
}

impl<A: RowType, B: RowType> Iterator for Batches<A, B> {
    type Item = (A::Arrays, B::Arrays);

    fn next(&mut self) -> Option<Self::Item> {
        let (start, end) = (self.given, self.end.min(self.given.saturating_add(self.size)));
        if start >= end {
            return None;
        }
        self.given = end;
        Some(match &self.order {
            Some(order) => self.dataset.gather(&order[start..end]),
            None => self.dataset.range(start, end),
        })
    }

    fn nth(&mut self, skipped: usize) -> Option<Self::Item> {
        self.given = self.end.min(self.given.saturating_add(skipped.saturating_mul(self.size)));
        self.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let batches = self.end.saturating_sub(self.given).div_ceil(self.size);
        (batches, Some(batches))
    }
}

impl<A: RowType, B: RowType> ExactSizeIterator for Batches<A, B> {}
impl<A: RowType, B: RowType> FusedIterator for Batches<A, B> {}
