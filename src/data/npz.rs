//! A dataset of two arrays of an npz file.

use std::path::Path;

use super::dataset::Dataset;
use super::error::DataError;
use crate::Element;
use crate::io::npz::Npz;

impl<A: Element, B: Element> Dataset<A, B> {
    /// Reads the two arrays whose names are given as `inputs` and `targets`. Each must be of the dataset's element
    /// type, or of a type flowgrad lacks whose values that type can hold, as for [`Npz::read_as`]. Other arrays in the
    /// file are not read.
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
        let npz = Npz::open(path)?;
        Dataset::new(npz.read_as::<A>(inputs)?, npz.read_as::<B>(targets)?)
    }
}
