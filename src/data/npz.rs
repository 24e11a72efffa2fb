//! A dataset of two arrays of an npz file.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::ArrayD;

use super::dataset::Dataset;
use super::error::DataError;
use crate::io::npz::{NpzError, NpzFault, read_npz};
use crate::{Element, Value};

impl<A: Element, B: Element> Dataset<A, B> {
    /// The arrays named `inputs` and `targets` in an npz file, which must be of the dataset's element types.
    ///
    /// As for [`read_npz`], small integers are `i32`; [`map_inputs`](Dataset::map_inputs) makes them floats.
    ///
    /// ```
    /// use flowgrad::data::Dataset;
    /// use flowgrad::io::npz::write_npz;
    /// use flowgrad::{Value, ndarray::array};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("images.npz");
    /// let arrays = [("x", Value::from(array![[0_i32, 255], [51, 102]])), ("y", Value::from(array![1_i64, 0]))];
    /// write_npz(&path, arrays)?;
    /// let images = Dataset::<i32, i64>::from_npz(&path, "x", "y")?.map_inputs(|pixel| pixel as f32 / 255.0);
    /// assert_eq!(images.inputs(), &array![[0.0_f32, 1.0], [0.2, 0.4]].into_dyn());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`DataError::Npz`], when the file cannot be read, lacks one of the arrays or has it in another type;
    /// [`DataError::NoRows`] and [`DataError::RowsDiffer`], when the arrays do not pair up.
    pub fn from_npz(path: impl AsRef<Path>, inputs: &str, targets: &str) -> Result<Self, DataError> {
        let path = path.as_ref();
        let arrays = read_npz(path)?;
        let mistake =
            |name: &str, fault| NpzError { path: path.to_owned(), array: Some(name.to_owned()), fault };
        Dataset::new(
            array::<A>(&arrays, inputs).map_err(|fault| mistake(inputs, fault))?,
            array::<B>(&arrays, targets).map_err(|fault| mistake(targets, fault))?,
        )
    }
}

/// The array of that name, when its elements are of type `T`.
fn array<T: Element>(arrays: &BTreeMap<String, Value>, name: &str) -> Result<ArrayD<T>, NpzFault> {
    let missing = || NpzFault::Missing { names: arrays.keys().cloned().collect() };
    let value = arrays.get(name).ok_or_else(missing)?;
    let other_type = NpzFault::OtherType { expected: T::DTYPE, found: value.dtype() };
    value.clone().into_array().ok_or(other_type)
}
