//! Values of arrays that there may be no memory for.

use ndarray::{ArrayBase, Data, Dimension};

use crate::element::{Element, Value};
use crate::error::{Error, Result};

impl Value {
    /// The elements of an array or view of any dimension, whether or not there is memory for a copy of them. An owned
    /// array in row-major order is not copied; `Value::from` is the same for arrays that are sure to fit.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let view = ndarray::arr0(1.0_f32);
    /// assert!(Value::of(view.broadcast((3, 2)).unwrap()).is_ok());
    /// let error = Value::of(view.broadcast((1 << 30, 1 << 30)).unwrap()).unwrap_err();
    /// assert_eq!(error.to_string(), "no memory for 4611686018427387904 bytes of values");
    /// ```
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn of<T: Element, S: Data<Elem = T>, D: Dimension>(array: ArrayBase<S, D>) -> Result<Self> {
        Value::row_major(array).map_err(Error::from)
    }
}
