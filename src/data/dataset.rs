//! [`Dataset`]: inputs and targets of the same number of rows, at least one.

use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};

use super::batches::Batches;
use super::error::DataError;
use super::row_type::{IntoRows, RowType, row_count};
use crate::Element;

/// Inputs and their targets: arrays whose first axes count the same rows.
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
///
/// Either side may be a tuple of arrays, for a model of several inputs or several targets, or `()` where there is
/// nothing to feed; `A` and `B` say so ([`RowType`]).
///
/// ```
/// # use flowgrad::data::Dataset;
/// # use flowgrad::ndarray::{Array1, Array2};
/// # fn main() -> Result<(), flowgrad::data::DataError> {
/// let (users, items) = (Array1::<i64>::zeros(5), Array1::<i64>::ones(5));
/// let (prices, stars) = (Array2::<f32>::zeros((5, 3)), Array1::<f32>::ones(5));
/// let rated: Dataset<(i64, i64, f32), f32> = Dataset::new((users, items, prices), stars)?;
/// let (_, _, prices) = rated.inputs();
/// assert_eq!((rated.len(), prices.shape()), (5, &[5, 3][..]));
/// for ((users, items, prices), stars) in rated.batches(2)? {
///     assert_eq!([users.len(), items.len(), prices.shape()[0]], [stars.len(); 3]);
/// }
/// let unlabeled: Dataset<f32, ()> = Dataset::new(Array2::<f32>::zeros((5, 3)), ())?;
/// assert_eq!(unlabeled.len(), 5);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset<A: RowType, B: RowType> {
    /// At least 1.
    rows: usize,
    // All in row-major order, of rank 1 or more, with the same length of the first axis.
    inputs: Arc<A::Arrays>,
    targets: Arc<B::Arrays>,
}

// A dataset has at least one row.
#[allow(clippy::len_without_is_empty)]
impl<A: RowType, B: RowType> Dataset<A, B> {
    /// A dataset of ndarray arrays or views of any rank, or references to them; of tuples of such, where there are
    /// several inputs or targets. Owned arrays in row-major order are not copied.
    ///
    /// # Errors
    ///
    /// [`DataError::NoRows`], [`DataError::RowsDiffer`] and [`DataError::ArraysDiffer`], when the first axes do not
    /// pair up; [`DataError::OutOfMemory`], when there is none for a copy of a view.
    pub fn new(inputs: impl IntoRows<Row = A>, targets: impl IntoRows<Row = B>) -> Result<Self, DataError> {
        let (inputs, targets) = (inputs.into_arrays("inputs")?, targets.into_arrays("targets")?);
        let in_inputs = row_count_of::<A>("inputs", &inputs)?;
        let in_targets = row_count_of::<B>("targets", &targets)?;
        match (in_inputs, in_targets) {
            (None, None) => Err(DataError::NoRows { what: "inputs", shape: Vec::new() }),
            (Some(inputs), Some(targets)) if inputs != targets => {
                Err(DataError::RowsDiffer { inputs, targets })
            }
            _ => Ok(Dataset::of((inputs, targets))),
        }
    }

    /// The number of rows: at least 1.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// All inputs, `[rows, ..]`: an array, or a tuple of such.
    pub fn inputs(&self) -> &A::Arrays {
        &self.inputs
    }

    /// All targets, `[rows, ..]`: an array, or a tuple of such.
    pub fn targets(&self) -> &B::Arrays {
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

    /// The inputs and targets of the rows at `indices`, which are all below the number of rows.
    pub(super) fn gather(&self, indices: &[usize]) -> (A::Arrays, B::Arrays) {
        (A::gather(&self.inputs, indices), B::gather(&self.targets, indices))
    }

    /// The inputs and targets of the rows from `start` up to `end`, without it.
    pub(super) fn range(&self, start: usize, end: usize) -> (A::Arrays, B::Arrays) {
        (A::range(&self.inputs, start, end), B::range(&self.targets, start, end))
    }

    /// A dataset of some rows of another.
    pub(super) fn of((inputs, targets): (A::Arrays, B::Arrays)) -> Self {
        let rows = row_count::<A, B>(&inputs, &targets);
        Dataset { rows, inputs: Arc::new(inputs), targets: Arc::new(targets) }
    }
}

impl<A: Element, B: RowType> Dataset<A, B> {
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
        Dataset { rows: self.rows, inputs: Arc::new(self.inputs.mapv(f)), targets: Arc::clone(&self.targets) }
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
        Ok(Dataset { rows: self.rows, inputs: Arc::new(inputs), targets: Arc::clone(&self.targets) })
    }
}

impl<A: RowType, B: Element> Dataset<A, B> {
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
        Dataset { rows: self.rows, inputs: Arc::clone(&self.inputs), targets: Arc::new(self.targets.mapv(f)) }
    }
}

/// The rows of the arrays of one side, if there is any array.
fn row_count_of<R: RowType>(what: &'static str, arrays: &R::Arrays) -> Result<Option<usize>, DataError> {
    let mut shapes = Vec::new();
    R::shapes(arrays, &mut shapes);
    let mut rows = shapes.iter().map(|shape| shape[0]).enumerate();
    let Some((_, expected)) = rows.next() else { return Ok(None) };
    match rows.find(|&(_, found)| found != expected) {
        Some((index, found)) => Err(DataError::ArraysDiffer { what, index, expected, found }),
        None => Ok(Some(expected)),
    }
}
