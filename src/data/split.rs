//! A dataset in two: one part to train on, the other to test on.

use super::dataset::Dataset;
use super::error::DataError;
use super::order::{Purpose, permutation};
use super::row_type::RowType;

impl<A: RowType, B: RowType> Dataset<A, B> {
    /// A random share `fraction` of the rows, rounded to the nearest whole number, and the others.
    ///
    /// Which rows depends on their number, the fraction and `seed` alone, on every machine and in every
    /// release.
    ///
    /// ```
    /// # use flowgrad::{data::Dataset, ndarray::Array};
    /// # fn main() -> Result<(), flowgrad::data::DataError> {
    /// let dataset = Dataset::new(Array::range(0.0_f32, 10.0, 1.0), Array::range(0.0_f32, 10.0, 1.0))?;
    /// let (train, test) = dataset.split(0.8, 1)?;
    /// assert_eq!((train.len(), test.len()), (8, 2));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`DataError::Fraction`] when the fraction does not lie between 0 and 1; [`DataError::EmptyPart`]
    /// when it leaves one part without rows.
    pub fn split(&self, fraction: f64, seed: u64) -> Result<(Self, Self), DataError> {
        if !(fraction > 0.0 && fraction < 1.0) {
            return Err(DataError::Fraction { fraction });
        }
        let rows = self.len();
        let first = (fraction * rows as f64).round() as usize;
        self.check_split(rows - first)?;
        let order = permutation(rows, seed, Purpose::Split);
        let (first, second) = order.split_at(first);
        Ok((Dataset::of(self.gather(first)), Dataset::of(self.gather(second))))
    }

    /// All rows but the last `rows`, and these.
    ///
    /// ```
    /// # use flowgrad::{data::Dataset, ndarray::array};
    /// # fn main() -> Result<(), flowgrad::data::DataError> {
    /// let dataset = Dataset::new(array![1.0, 2.0, 3.0], array![0_i64, 1, 2])?;
    /// let (train, test) = dataset.split_last(1)?;
    /// assert_eq!((train.len(), test.targets()), (2, &array![2_i64].into_dyn()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`DataError::EmptyPart`], when one part would have no rows.
    pub fn split_last(&self, rows: usize) -> Result<(Self, Self), DataError> {
        self.check_split(rows)?;
        let first = self.len() - rows;
        Ok((Dataset::of(self.range(0, first)), Dataset::of(self.range(first, self.len()))))
    }

    fn check_split(&self, second: usize) -> Result<(), DataError> {
        let rows = self.len();
        if (1..rows).contains(&second) { Ok(()) } else { Err(DataError::EmptyPart { rows, second }) }
    }
}
