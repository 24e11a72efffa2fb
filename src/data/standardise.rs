//! [`Standardiser`]: columns shifted and scaled to mean 0 and standard deviation 1.

use ndarray::{ArrayBase, ArrayD, ArrayViewD, Axis, Data, Dimension, Zip};

use super::dataset::Dataset;
use super::error::DataError;
use crate::exec::OutOfMemory;
use crate::value::copied;
use crate::{Element, Float};

/// The mean and standard deviation of each column of some rows, to standardise these and others:
/// (x − mean) / deviation, with the division left out where the deviation is 0.
///
/// Fitted on the rows that are trained on and applied to all, so that nothing of the test leaks into the
/// training. The deviation is the root of the mean squared distance from the mean (over `rows`, not
/// `rows − 1`). A column that does not vary is centred, and so becomes 0 without a NaN.
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
    /// The statistics of the columns of `rows`, an array of shape `[rows, ..]`, summed in `f64`. A column is
    /// one index into a row of whatever rank.
    ///
    /// # Errors
    ///
    /// [`DataError::NoRows`]; [`DataError::Statistics`], when a column holds a NaN or an infinity, or
    /// numbers too far apart.
    pub fn fit<S: Data<Elem = A>, D: Dimension>(rows: &ArrayBase<S, D>) -> Result<Self, DataError> {
        let rows = rows.view().into_dyn();
        if matches!(rows.shape(), [] | [0, ..]) {
            return Err(DataError::NoRows { what: "rows", shape: rows.shape().to_vec() });
        }
        // Distances from the first row: of a column that does not vary they are exactly 0.
        let first = rows.index_axis(Axis(0), 0).mapv(A::as_f64);
        let mean = mean_of_distances(&rows, &first, |distance| distance) + &first;
        let variance = mean_of_distances(&rows, &mean, |distance| distance * distance);
        Self::new(mean.mapv(A::from_f64), variance.mapv(|variance| A::from_f64(variance.sqrt())))
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

    /// The standardised rows.
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
        let mut standardised = copied(rows.view().into_dyn()).map_err(lacking)?;
        for row in standardised.outer_iter_mut() {
            let columns = Zip::from(row).and(&self.mean).and(&divisor);
            columns.for_each(|x, &mean, &divisor| *x = (*x - mean) / divisor);
        }
        Ok(standardised)
    }
}

/// The mean of `f` of the distance from `origin`, by column.
fn mean_of_distances<A: Float>(
    rows: &ArrayViewD<'_, A>,
    origin: &ArrayD<f64>,
    f: impl Fn(f64) -> f64,
) -> ArrayD<f64> {
    let mut sum = ArrayD::<f64>::zeros(origin.raw_dim());
    for row in rows.outer_iter() {
        Zip::from(&mut sum).and(row).and(origin).for_each(|sum, &x, &origin| *sum += f(x.as_f64() - origin));
    }
    sum / rows.len_of(Axis(0)) as f64
}

impl<A: Float, B: Element> Dataset<A, B> {
    /// The dataset with standardised inputs.
    ///
    /// # Errors
    ///
    /// [`DataError::OtherRows`], when the inputs are of another shape than those the statistics are of.
    pub fn standardise(&self, standardiser: &Standardiser<A>) -> Result<Self, DataError> {
        Dataset::new(standardiser.apply(self.inputs())?, self.targets())
    }
}
