//! [`Stored`]: an array of a fixture.

use flowgrad::ndarray::ArrayD;
use serde::Deserialize;

/// An array as the file spells it.
#[derive(Deserialize)]
pub(crate) struct Stored {
    pub(crate) dtype: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) data: String,
}

impl Stored {
    /// The elements, all of which are exact in `f64`.
    pub(crate) fn numbers(&self) -> ArrayD<f64> {
        let numbers = self.data.split_whitespace().map(|number| number.parse().unwrap()).collect();
        ArrayD::from_shape_vec(self.shape.as_slice(), numbers).unwrap()
    }
}
