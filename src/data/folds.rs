//! [`Folds`]: a dataset in k parts, each of which is tested on once.

use std::iter::FusedIterator;
use std::ops::Range;

use ndarray::{ArrayRef, Dimension};

use super::dataset::Dataset;
use super::error::DataError;
use super::order::{Purpose, permutation};
use super::row_type::RowType;
use crate::metrics::{Label, classes};

impl<A: RowType, B: RowType> Dataset<A, B> {
    /// The rows in `k` random parts of equal size, or of sizes that differ by 1, for cross-validation: gives, for each
    /// part, the rows of all other parts to train on and its own to test on.
    ///
    /// Which rows depends on their number, `k` and `seed` alone, on every machine and in every release. As many parts
    /// as rows leave one out each time. Within each dataset the rows are in the order in which they are here.
    ///
    /// ```
    /// # use flowgrad::{data::Dataset, ndarray::Array};
    /// # fn main() -> Result<(), flowgrad::data::DataError> {
    /// let dataset = Dataset::new(Array::range(0.0_f32, 11.0, 1.0), Array::range(0.0_f32, 11.0, 1.0))?;
    /// let sizes: Vec<_> = dataset.folds(3, 7)?.map(|(train, test)| (train.len(), test.len())).collect();
    /// assert_eq!(sizes, [(7, 4), (7, 4), (8, 3)]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`DataError::Folds`], when `k` is less than 2 or more than the rows.
    pub fn folds(&self, k: usize, seed: u64) -> Result<Folds<A, B>, DataError> {
        let rows = self.check_folds(k)?;
        let mut fold_of = vec![0; rows];
        for (place, row) in permutation(rows, seed, Purpose::Folds).into_iter().enumerate() {
            // The first rows % k parts have one row more.
            fold_of[row] = fold_at(place, rows, k);
        }
        Ok(Folds { dataset: self.clone(), fold_of, left: 0..k })
    }

    /// [`folds`](Self::folds) in each of which every class has its share of the rows, to within one row.
    ///
    /// The labels are the class of each row, often the targets. A class of fewer rows than `k`
    /// is missing in some parts.
    ///
    /// ```
    /// # use flowgrad::{data::Dataset, ndarray::{Array1, Array2}};
    /// # fn main() -> Result<(), flowgrad::data::DataError> {
    /// // One row in four is of class 1.
    /// let labels: Array1<i64> = (0..40).map(|row| i64::from(row % 4 == 0)).collect();
    /// let dataset = Dataset::new(Array2::<f32>::zeros((40, 3)), labels)?;
    /// for (train, test) in dataset.stratified_folds(5, dataset.targets(), 7)? {
    ///     assert_eq!((train.targets().sum(), test.targets().sum()), (8, 2));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`DataError::Folds`], when `k` is less than 2 or more than the rows; [`DataError::Labels`], when there is not
    /// one label for each row; [`DataError::Metric`], when a label is no class.
    pub fn stratified_folds<L: Label, D: Dimension>(
        &self,
        k: usize,
        labels: &ArrayRef<L, D>,
        seed: u64,
    ) -> Result<Folds<A, B>, DataError> {
        let rows = self.check_folds(k)?;
        if labels.shape() != [rows] {
            return Err(DataError::Labels { rows, found: labels.shape().to_vec() });
        }
        // The rows of one class after those of another, each in a random order.
        let mut order = permutation(rows, seed, Purpose::Folds);
        let classes = classes("labels", labels)?;
        order.sort_by_key(|&row| classes[row]);
        let mut fold_of = vec![0; rows];
        for (place, row) in order.into_iter().enumerate() {
            // Every k-th row: of a class that takes n places in line, each part has ⌊n/k⌋ or one more, and the parts
            // differ by 1 in all.
            fold_of[row] = place % k;
        }
        Ok(Folds { dataset: self.clone(), fold_of, left: 0..k })
    }

    /// The number of rows, if they can be put into `k` parts.
    fn check_folds(&self, k: usize) -> Result<usize, DataError> {
        let rows = self.len();
        if (2..=rows).contains(&k) { Ok(rows) } else { Err(DataError::Folds { k, rows }) }
    }
}

/// The part of a place in line, where the first rows % k parts have one row more than the others.
fn fold_at(place: usize, rows: usize, k: usize) -> usize {
    let (size, larger) = (rows / k, rows % k);
    let in_larger = larger * (size + 1);
    if place < in_larger { place / (size + 1) } else { larger + (place - in_larger) / size }
}

/// What [`Dataset::folds`] gives: a pair of datasets for each part, made when it is asked for.
#[derive(Clone, Debug)]
pub struct Folds<A: RowType, B: RowType> {
    dataset: Dataset<A, B>,
    /// The part of each row.
    fold_of: Vec<usize>,
    /// The parts that are to come.
    left: Range<usize>,
}

impl<A: RowType, B: RowType> Iterator for Folds<A, B> {
    /// Rows to train on, and rows to test on.
    type Item = (Dataset<A, B>, Dataset<A, B>);

    fn next(&mut self) -> Option<Self::Item> {
        let fold = self.left.next()?;
        let (test, train): (Vec<usize>, Vec<usize>) =
            (0..self.fold_of.len()).partition(|&row| self.fold_of[row] == fold);
        Some((Dataset::of(self.dataset.gather(&train)), Dataset::of(self.dataset.gather(&test))))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }
}

impl<A: RowType, B: RowType> ExactSizeIterator for Folds<A, B> {}
impl<A: RowType, B: RowType> FusedIterator for Folds<A, B> {}
