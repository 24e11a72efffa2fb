//! [`Dataset`]: inputs and targets of the same number of rows, at least one.

use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};

use super::batches::Batches;
use super::error::DataError;
use super::rows;
use crate::element::Repeated;
use crate::memory::OutOfMemory;
use crate::{Element, IntoValue};

/// Inputs and their targets: two arrays whose first axes count the same rows.
///
/// The arrays may be of different ranks and element types: images `[rows, height, width, channels]` of
/// `f32` with labels `[rows]` of `i64`, say. They are never changed, and a clone shares them.
///
/// ```
/// use flowgrad::data::Dataset;
/// use flowgrad::ndarray::array;
///
/// # fn main() -> Result<(), flowgrad::data::DataError> {
/// let dataset = Dataset::new(array![[0.0_f32, 1.0], [2.0, 3.0], [4.0, 5.0]], array![0_i64, 1, 1])?;
/// for (x, labels) in dataset.batches(2)?.shuffled(7, 0) {
///     assert_eq!(x.shape(), [labels.len(), 2]);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset<A, B> {
    // Both in row-major order, of rank 1 or more, with the same length of the first axis, which is not 0.
    inputs: Arc<ArrayD<A>>,
    targets: Arc<ArrayD<B>>,
}

// A dataset has at least one row.
#[allow(clippy::len_without_is_empty)]
impl<A: Element, B: Element> Dataset<A, B> {
    /// A dataset of two ndarray arrays or views of any rank, or references to them. Owned arrays in
    /// row-major order are not copied.
    ///
    /// # Errors
    ///
    /// [`DataError::NoRows`] and [`DataError::RowsDiffer`], when the first axes do not pair up;
    /// [`DataError::OutOfMemory`], when there is none for a copy of a view.
    pub fn new(
        inputs: impl IntoValue<Elem = A>,
        targets: impl IntoValue<Elem = B>,
    ) -> Result<Self, DataError> {
        let inputs = with_rows("inputs", inputs)?;
        let targets = with_rows("targets", targets)?;
        if inputs.shape()[0] != targets.shape()[0] {
            return Err(DataError::RowsDiffer { inputs: inputs.shape()[0], targets: targets.shape()[0] });
        }
        Ok(Dataset::of((inputs, targets)))
    }

    /// The number of rows: at least 1.
    pub fn len(&self) -> usize {
        self.inputs.shape()[0]
    }

    /// All inputs, `[rows, ..]`.
    pub fn inputs(&self) -> &ArrayD<A> {
        &self.inputs
    }

    /// All targets, `[rows, ..]`.
    pub fn targets(&self) -> &ArrayD<B> {
        &self.targets
    }

    /// Batches of `size` rows in the order of the dataset; the last may have fewer.
    ///
    /// # Errors
    ///
    /// [`DataError::BatchSize`], when the size is 0.
    pub fn batches(&self, size: usize) -> Result<Batches<A, B>, DataError> {
        Batches::new(self.clone(), size)
    }

    /// The dataset with `f` of each element of the inputs.
    ///
    /// ```
    /// # use flowgrad::{data::Dataset, ndarray::array};
    /// # fn main() -> Result<(), flowgrad::data::DataError> {
    /// let pixels = Dataset::new(array![[0.0_f32, 16.0], [8.0, 4.0]], array![1_i64, 0])?;
    /// let scaled = pixels.map_inputs(|pixel| pixel / 16.0);
    /// assert_eq!(scaled.inputs(), &array![[0.0_f32, 1.0], [0.5, 0.25]].into_dyn());
    /// # Ok(())
    /// # }
    /// ```
    pub fn map_inputs<C: Element>(&self, f: impl FnMut(A) -> C) -> Dataset<C, B> {
        Dataset { inputs: Arc::new(self.inputs.mapv(f)), targets: Arc::clone(&self.targets) }
    }

    /// The dataset with `f` of each element of the targets.
    ///
    /// ```
    /// # use flowgrad::{data::Dataset, ndarray::array};
    /// # fn main() -> Result<(), flowgrad::data::DataError> {
    /// let labelled = Dataset::new(array![[0.5], [1.5]], array![0_i64, 1])?;
    /// let as_float = labelled.map_targets(|label| label as f32);
    /// assert_eq!(as_float.targets(), &array![0.0_f32, 1.0].into_dyn());
    /// # Ok(())
    /// # }
    /// ```
    pub fn map_targets<C: Element>(&self, f: impl FnMut(B) -> C) -> Dataset<A, C> {
        Dataset { inputs: Arc::clone(&self.inputs), targets: Arc::new(self.targets.mapv(f)) }
    }

    /// The dataset with each row of the inputs in another shape, its elements in the same order.
    ///
    /// ```
    /// # use flowgrad::{data::Dataset, ndarray::{Array1, Array2}};
    /// # fn main() -> Result<(), flowgrad::data::DataError> {
    /// let flat = Dataset::new(Array2::<f32>::zeros((5, 64)), Array1::<i64>::zeros(5))?;
    /// assert_eq!(flat.reshape_inputs(&[8, 8, 1])?.inputs().shape(), [5, 8, 8, 1]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`DataError::RowShape`], when the shape is of another number of elements.
    pub fn reshape_inputs(&self, row: &[usize]) -> Result<Self, DataError> {
        let shape: Vec<usize> = [self.len()].into_iter().chain(row.iter().copied()).collect();
        let inputs = ArrayD::clone(&self.inputs)
            .into_shape_with_order(IxDyn(&shape))
            .map_err(|_| DataError::RowShape { from: self.inputs.shape()[1..].to_vec(), to: row.to_vec() })?;
        Ok(Dataset { inputs: Arc::new(inputs), targets: Arc::clone(&self.targets) })
    }

    /// The inputs and targets of the rows at `indices`, which are all below the number of rows.
    pub(super) fn gather(&self, indices: &[usize]) -> (ArrayD<A>, ArrayD<B>) {
        (rows::gather(&self.inputs, indices), rows::gather(&self.targets, indices))
    }

    /// The inputs and targets of the rows from `start` up to `end`, without it.
    pub(super) fn range(&self, start: usize, end: usize) -> (ArrayD<A>, ArrayD<B>) {
        (rows::range(&self.inputs, start, end), rows::range(&self.targets, start, end))
    }

    /// A dataset of some rows of another.
    pub(super) fn of((inputs, targets): (ArrayD<A>, ArrayD<B>)) -> Self {
        Dataset { inputs: Arc::new(inputs), targets: Arc::new(targets) }
    }
}

/// The array in row-major order, when it has rows.
fn with_rows<T: Element>(
    what: &'static str,
    array: impl IntoValue<Elem = T>,
) -> Result<ArrayD<T>, DataError> {
    let lacking = |OutOfMemory { bytes, .. }| DataError::OutOfMemory { what, bytes };
    let value = array.into_repeated().and_then(Repeated::into_whole).map_err(lacking)?;
    let shape = value.shape().to_vec();
    match value.into_array() {
        Some(array) if shape.first().is_some_and(|&rows| rows > 0) => Ok(array),
        _ => Err(DataError::NoRows { what, shape }),
    }
}
