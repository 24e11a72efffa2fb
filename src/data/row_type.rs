//! [`RowType`]: what a row of a dataset is made of, elements of one array or of several.

use std::fmt;

use ndarray::ArrayD;

use super::error::DataError;
use super::rows;
use crate::element::Repeated;
use crate::memory::OutOfMemory;
use crate::{Arguments, Element, IntoValue};

/// What one side of a [`Dataset`](super::Dataset) holds for each row: an element type for one array, a tuple of such
/// for several, which may be nested, and `()` for none.
///
/// | the type | the arrays |
/// |---|---|
/// | `f32` | `ArrayD<f32>` |
/// | `(f32, i64)` | `(ArrayD<f32>, ArrayD<i64>)` |
/// | `()` | `()` |
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what a row of a dataset holds",
    note = "expected an element type (`f32`, `f64`, `i32`, `i64`, `bool`) for one array, a tuple of such for several, or `()` for none"
)]
pub trait RowType: Sized + Clone + PartialEq + fmt::Debug + Send + Sync + 'static {
    /// The arrays, whose first axes count the same rows.
    type Arrays: Clone + PartialEq + fmt::Debug + Send + Sync + 'static;

    /// What a [`Callable`](crate::Callable) is fed for tensors of these types.
    type Views<'v>: Arguments<'v, Self>;

    /// The arrays, to feed them; nothing is copied.
    fn views(arrays: &Self::Arrays) -> Self::Views<'_>;

    /// Adds the shape of each array.
    #[doc(hidden)]
    fn shapes<'a>(arrays: &'a Self::Arrays, shapes: &mut Vec<&'a [usize]>);

    /// The rows at these indices, which are all below the number of rows.
    #[doc(hidden)]
    fn gather(arrays: &Self::Arrays, indices: &[usize]) -> Self::Arrays;

    /// The rows from `start` up to `end`, without it.
    #[doc(hidden)]
    fn range(arrays: &Self::Arrays, start: usize, end: usize) -> Self::Arrays;

    /// The arrays end to end, in order; there is at least one.
    #[doc(hidden)]
    fn concatenated(parts: Vec<Self::Arrays>) -> Self::Arrays;
}

/// What a side of a dataset is made of: an ndarray array or view, a list, a reference to one, or a tuple of such.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a side of a dataset",
    note = "expected an ndarray array or view, a list of numbers, a reference to one, or a tuple of such"
)]
pub trait IntoRows {
    /// What a row holds.
    type Row: RowType;

    /// The arrays in row-major order, if each has rows.
    #[doc(hidden)]
    fn into_arrays(self, what: &'static str) -> Result<<Self::Row as RowType>::Arrays, DataError>;
}

impl<T: Element> RowType for T {
    type Arrays = ArrayD<T>;
    type Views<'v> = &'v ArrayD<T>;

    fn views(arrays: &ArrayD<T>) -> &ArrayD<T> {
        arrays
    }

    fn shapes<'a>(arrays: &'a ArrayD<T>, shapes: &mut Vec<&'a [usize]>) {
        shapes.push(arrays.shape());
    }

    fn gather(arrays: &ArrayD<T>, indices: &[usize]) -> ArrayD<T> {
        rows::gather(arrays, indices)
    }

    fn range(arrays: &ArrayD<T>, start: usize, end: usize) -> ArrayD<T> {
        rows::range(arrays, start, end)
    }

    fn concatenated(parts: Vec<ArrayD<T>>) -> ArrayD<T> {
        rows::concatenated(parts)
    }
}

impl<V: IntoValue> IntoRows for V {
    type Row = V::Elem;

    fn into_arrays(self, what: &'static str) -> Result<ArrayD<V::Elem>, DataError> {
        let lacking = |OutOfMemory { bytes, .. }| DataError::OutOfMemory { what, bytes };
        let value = self.into_repeated().and_then(Repeated::into_whole).map_err(lacking)?;
        let shape = value.shape().to_vec();
        match value.into_array() {
            Some(array) if shape.first().is_some_and(|&rows| rows > 0) => Ok(array),
            _ => Err(DataError::NoRows { what, shape }),
        }
    }
}

macro_rules! tuples {
    ($(($($name:ident $arrays:ident $parts:ident)*))*) => {$(
        // The empty tuple has nothing to look at.
        #[allow(non_snake_case, unused_variables, unused_mut, clippy::unused_unit)]
        impl<$($name: RowType),*> RowType for ($($name,)*) {
            type Arrays = ($($name::Arrays,)*);
            type Views<'v> = ($($name::Views<'v>,)*);

            fn views(($($arrays,)*): &Self::Arrays) -> Self::Views<'_> {
                ($($name::views($arrays),)*)
            }

            fn shapes<'a>(($($arrays,)*): &'a Self::Arrays, shapes: &mut Vec<&'a [usize]>) {
                $($name::shapes($arrays, shapes);)*
            }

            fn gather(($($arrays,)*): &Self::Arrays, indices: &[usize]) -> Self::Arrays {
                ($($name::gather($arrays, indices),)*)
            }

            fn range(($($arrays,)*): &Self::Arrays, start: usize, end: usize) -> Self::Arrays {
                ($($name::range($arrays, start, end),)*)
            }

            fn concatenated(parts: Vec<Self::Arrays>) -> Self::Arrays {
                $(let mut $parts = Vec::with_capacity(parts.len());)*
                for ($($arrays,)*) in parts {
                    $($parts.push($arrays);)*
                }
                ($($name::concatenated($parts),)*)
            }
        }

        #[allow(non_snake_case, unused_variables, clippy::unused_unit)]
        impl<$($name: IntoRows),*> IntoRows for ($($name,)*) {
            type Row = ($($name::Row,)*);

            fn into_arrays(self, what: &'static str) -> Result<<Self::Row as RowType>::Arrays, DataError> {
                let ($($arrays,)*) = self;
                Ok(($($arrays.into_arrays(what)?,)*))
            }
        }
    )*};
}
tuples! {
    ()
    (A a pa)
    (A a pa B b pb)
    (A a pa B b pb C c pc)
    (A a pa B b pb C c pc D d pd)
    (A a pa B b pb C c pc D d pd E e pe)
    (A a pa B b pb C c pc D d pd E e pe F f pf)
}

/// The rows of both sides, which are as many in each array; 0 if there is no array.
pub(crate) fn row_count<A: RowType, B: RowType>(inputs: &A::Arrays, targets: &B::Arrays) -> usize {
    let mut shapes = Vec::new();
    A::shapes(inputs, &mut shapes);
    B::shapes(targets, &mut shapes);
    shapes.first().map_or(0, |shape| shape[0])
}
