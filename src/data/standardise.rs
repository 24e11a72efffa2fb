//! [`Standardiser`]: columns shifted and scaled to mean 0 and standard deviation 1.

use ndarray::{ArrayBase, ArrayD, ArrayViewD, Axis, Data, Dimension, Zip};

use super::dataset::Dataset;
use super::error::DataError;
use super::row_type::RowType;
use crate::Float;
use crate::element::copied;
use crate::memory::OutOfMemory;

/// The mean and standard deviation of each column of some rows, to standardize these and others:
/// (x − mean) / deviation, with the division left out where the deviation is 0.
///
/// Fitted on the rows that are trained on and applied to all, so that nothing of the test leaks into the
/// training. The deviation is the root of the mean squared distance from the mean (over `rows`, not
/// `rows − 1`). A column that does not vary is centered, and so becomes 0 without a NaN.
///
/// ```
/// use flowgrad::data::{Dataset, Standardiser};
/// use flowgrad::ndarray::array;
///
/// # fn main() -> Result<(), flowgrad::data::DataError> {
/// let dataset = Dataset::new(array![[1.0, 5.0], [3.0, 5.0], [9.0, 6.0]], array![0_i64, 1, 1])?;
/// let (train, test) = dataset.split_last(1)?;
/// let standardiser = Standardiser::fit(train.inputs())?;
/// assert_eq!(train.standardise(&standardiser)?.inputs(), &array![[-1.0, 0.0], [1.0, 0.0]].into_dyn());
/// assert_eq!(test.standardise(&standardiser)?.inputs(), &array![[7.0, 1.0]].into_dyn());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Standardiser<A> {
    mean: ArrayD<A>,
    deviation: ArrayD<A>,
}

impl<A: Float> Standardiser<A> {
    /// The statistics of the columns of `rows`, an array of shape `[rows, ..]`, summed in `f64`, whatever their size. A
    /// column is one index into a row of whatever rank.
    ///
    /// # Errors
    ///
    /// [`DataError::NoRows`]; [`DataError::Statistics`], when a column holds a NaN or an infinity.
    pub fn fit<S: Data<Elem = A>, D: Dimension>(rows: &ArrayBase<S, D>) -> Result<Self, DataError> {
        let rows = rows.view().into_dyn();
        if matches!(rows.shape(), [] | [0, ..]) {
            return Err(DataError::NoRows { what: "rows", shape: rows.shape().to_vec() });
        }
        let scale = scale_of_columns(&rows);
        // Distances from the first row: of a column that does not vary they are exactly 0.
        let first = scaled(rows.index_axis(Axis(0), 0), &scale);
        let mean = mean_of_distances(&rows, &scale, &first, |distance| distance) + &first;
        let variance = mean_of_distances(&rows, &scale, &mean, |distance| distance * distance);
        Self::new((mean / &scale).mapv(A::from_f64), (variance.mapv(f64::sqrt) / &scale).mapv(A::from_f64))
    }

    /// Statistics that were fitted before, such as those of the model that is loaded.
    ///
    /// # Errors
    ///
    /// [`DataError::OtherRows`], when the shapes differ; [`DataError::Statistics`], when a number is not
    /// finite or a deviation is negative.
    pub fn new(mean: ArrayD<A>, deviation: ArrayD<A>) -> Result<Self, DataError> {
        if mean.shape() != deviation.shape() {
            let [expected, found] = [&mean, &deviation].map(|statistics| statistics.shape().to_vec());
            return Err(DataError::OtherRows { expected, found });
        }
        for ((column, mean), deviation) in mean.indexed_iter().zip(&deviation) {
            if !(mean.is_finite() && deviation.is_finite() && *deviation >= A::zero()) {
                let column = column.slice().to_vec();
                let [mean, deviation] = [mean, deviation].map(|number| number.as_f64());
                return Err(DataError::Statistics { column, mean, deviation });
            }
        }
        Ok(Standardiser { mean, deviation })
    }

    /// The mean of each column, of the shape of a row.
    pub fn mean(&self) -> ArrayViewD<'_, A> {
        self.mean.view()
    }

    /// The standard deviation of each column, of the shape of a row; 0 where it does not vary.
    pub fn deviation(&self) -> ArrayViewD<'_, A> {
        self.deviation.view()
    }

    /// The standardized rows.
    ///
    /// # Errors
    ///
    /// [`DataError::OtherRows`], when the rows are of another shape than those it was fitted on;
    /// [`DataError::OutOfMemory`].
    pub fn apply<S: Data<Elem = A>, D: Dimension>(
        &self,
        rows: &ArrayBase<S, D>,
    ) -> Result<ArrayD<A>, DataError> {
        let found = rows.shape().get(1..).unwrap_or_default();
        if rows.ndim() == 0 || found != self.mean.shape() {
            return Err(DataError::OtherRows { expected: self.mean.shape().to_vec(), found: found.to_vec() });
        }
        let divisor =
            self.deviation.mapv(|deviation| if deviation == A::zero() { A::one() } else { deviation });
        let lacking = |OutOfMemory { bytes, .. }| DataError::OutOfMemory { what: "rows", bytes };
        let mut standardized = copied(rows.view().into_dyn()).map_err(lacking)?;
        for row in standardized.outer_iter_mut() {
            let columns = Zip::from(row).and(&self.mean).and(&divisor);
            columns.for_each(|x, &mean, &divisor| *x = standardized_number(*x, mean, divisor));
        }
        Ok(standardized)
    }
}

/// (x − mean) / divisor, in `f64`, and at half the size where the difference itself is beyond the largest number.
fn standardized_number<A: Float>(x: A, mean: A, divisor: A) -> A {
    let [x, mean, divisor] = [x, mean, divisor].map(A::as_f64);
    let distance = x - mean;
    if distance.is_infinite() && x.is_finite() {
        return A::from_f64((x / 2.0 - mean / 2.0) / divisor * 2.0);
    }
    A::from_f64(distance / divisor)
}

/// For each column the power of two that brings its largest magnitude to about 1, so that no square of it overflows or
/// vanishes; 1 for a column of zeros, and for one that holds a NaN or an infinity.
fn scale_of_columns<A: Float>(rows: &ArrayViewD<'_, A>) -> ArrayD<f64> {
    let largest = rows.fold_axis(Axis(0), 0.0_f64, |largest, x| largest.max(x.as_f64().abs()));
    largest.mapv(|largest| {
        // 2^±1000 are normal numbers, and so are their inverses.
        let exponent = -largest.log2().round().clamp(-1000.0, 1000.0);
        if largest.is_finite() && largest > 0.0 { exponent.exp2() } else { 1.0 }
    })
}

/// A row in `f64`, scaled.
fn scaled<A: Float>(row: ArrayViewD<'_, A>, scale: &ArrayD<f64>) -> ArrayD<f64> {
    Zip::from(row).and(scale).map_collect(|&x, &scale| x.as_f64() * scale)
}

/// Rows that are summed at a time, so that long columns keep their digits.
const BLOCK: usize = 1024;

/// The mean of `f` of the scaled distance from `origin`, by column.
fn mean_of_distances<A: Float>(
    rows: &ArrayViewD<'_, A>,
    scale: &ArrayD<f64>,
    origin: &ArrayD<f64>,
    f: impl Fn(f64) -> f64,
) -> ArrayD<f64> {
    let mut total = ArrayD::<f64>::zeros(origin.raw_dim());
    for rows in rows.axis_chunks_iter(Axis(0), BLOCK) {
        let mut sum = ArrayD::<f64>::zeros(origin.raw_dim());
        for row in rows.outer_iter() {
            let columns = Zip::from(&mut sum).and(row).and(scale).and(origin);
            columns.for_each(|sum, &x, &scale, &origin| *sum += f(x.as_f64() * scale - origin));
        }
        total += &sum;
    }
    total / rows.len_of(Axis(0)) as f64
}

impl<A: Float, B: RowType> Dataset<A, B> {
    /// The dataset with standardized inputs.
    ///
    /// # Errors
    ///
    /// [`DataError::OtherRows`], when the inputs are of another shape than those the statistics are of.
    pub fn standardise(&self, standardiser: &Standardiser<A>) -> Result<Self, DataError> {
        Ok(Dataset::of((standardiser.apply(self.inputs())?, self.targets().clone())))
    }
}
