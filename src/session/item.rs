//! [`Item`]: the one element of what a run gives.

use ndarray::{ArrayBase, Data, Dimension};

use crate::element::{Element, Value};
use crate::error::{Error, Result};

/// The element of an array that has just one, as a run gives it for a single number. Arrays are ndarray's, so this is a
/// trait; the prelude has it.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let loss = g.constant(ndarray::arr1(&[3.0, 4.0])).square().reduce_sum(..);
/// let loss: f64 = Session::new(&g)?.run(loss)?.item()?;
/// assert_eq!(loss, 25.0);
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no one element",
    label = "expected an array",
    note = "a tensor has elements in a run only: `session.run(x)?.item()?`"
)]
pub trait Item {
    /// The type of the element.
    type Elem;

    /// The one element, whatever the number of axes is.
    ///
    /// # Errors
    /// [`Error::NotOneElement`] where there are more, or none.
    fn item(&self) -> Result<Self::Elem>;
}

impl<T: Copy, S: Data<Elem = T>, D: Dimension> Item for ArrayBase<S, D> {
    type Elem = T;

    fn item(&self) -> Result<T> {
        match self.first() {
            Some(&element) if self.len() == 1 => Ok(element),
            _ => Err(Error::NotOneElement { shape: self.shape().to_vec() }),
        }
    }
}

impl Value {
    /// The one element, whatever the number of axes is.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// assert_eq!(Value::from(ndarray::arr0(2.5)).item::<f64>()?, 2.5);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotOneElement`] where there are more, or none; [`Error::ElementType`] where it is of another type.
    pub fn item<T: Element>(&self) -> Result<T> {
        let found = self.dtype();
        if self.shape().iter().product::<usize>() != 1 {
            return Err(Error::NotOneElement { shape: self.shape().to_vec() });
        }
        if found != T::DTYPE {
            return Err(Error::ElementType { expected: T::DTYPE, found });
        }
        // It is one element that is copied.
        self.clone().into_array::<T>().unwrap_or_default().item()
    }
}
