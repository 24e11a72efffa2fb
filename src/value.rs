//! [`Value`]: an array whose element type is known only at run time.

use ndarray::{ArrayBase, ArrayD, Data, Dimension, IxDyn};

use crate::dtype::{DType, Element};

/// An array of any element type: what a variable holds, as
/// [`Session::variable_values`](crate::Session::variable_values) gives it and
/// [`Session::load`](crate::Session::load) takes it.
///
/// ```
/// use flowgrad::prelude::*;
/// let value = Value::from(ndarray::arr1(&[1.0_f32, 2.0]));
/// assert_eq!(value.dtype(), DType::F32);
/// assert_eq!(value.into_array::<f32>().unwrap().sum(), 3.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Elements of `f32`.
    F32(ArrayD<f32>),
    /// Elements of `f64`.
    F64(ArrayD<f64>),
    /// Elements of `i32`.
    I32(ArrayD<i32>),
    /// Elements of `i64`.
    I64(ArrayD<i64>),
    /// Elements of `bool`.
    Bool(ArrayD<bool>),
}

/// Runs one expression for whichever array a [`Value`] holds.
macro_rules! with_array {
    ($value:expr, $array:ident => $body:expr) => {
        match $value {
            $crate::value::Value::F32($array) => $body,
            $crate::value::Value::F64($array) => $body,
            $crate::value::Value::I32($array) => $body,
            $crate::value::Value::I64($array) => $body,
            $crate::value::Value::Bool($array) => $body,
        }
    };
}
pub(crate) use with_array;

impl Value {
    /// A value in row-major order, whatever the order of the array it comes from.
    pub(crate) fn row_major<T: Element, S: Data<Elem = T>, D: Dimension>(array: ArrayBase<S, D>) -> Self {
        let array = array.into_owned().into_dyn();
        T::wrap(if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned() })
    }

    /// Whether the elements lie in row-major order.
    pub(crate) fn is_row_major(&self) -> bool {
        with_array!(self, array => array.is_standard_layout())
    }

    /// The same value in row-major order.
    pub(crate) fn into_row_major(self) -> Self {
        with_array!(self, array => Value::row_major(array))
    }

    /// The elements with the axes in the opposite order.
    pub(crate) fn transposed(&self) -> Self {
        with_array!(self, array => Value::row_major(array.t()))
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        match self {
            Value::F32(_) => DType::F32,
            Value::F64(_) => DType::F64,
            Value::I32(_) => DType::I32,
            Value::I64(_) => DType::I64,
            Value::Bool(_) => DType::Bool,
        }
    }

    /// The length of each axis.
    pub fn shape(&self) -> &[usize] {
        with_array!(self, array => array.shape())
    }

    /// The bytes of all elements.
    pub(crate) fn bytes(&self) -> usize {
        with_array!(self, array => array.len()) * self.dtype().size()
    }

    /// The array, when the elements are of type `T`.
    pub fn into_array<T: Element>(self) -> Option<ArrayD<T>> {
        T::unwrap(self)
    }

    /// Where the first element lies.
    pub(crate) fn as_ptr(&self) -> *const u8 {
        with_array!(self, array => array.as_ptr().cast())
    }
}

impl<T: Element, S: Data<Elem = T>, D: Dimension> From<ArrayBase<S, D>> for Value {
    fn from(array: ArrayBase<S, D>) -> Self {
        Value::row_major(array)
    }
}

/// What a constant or the start of a variable can be made of: an ndarray array or view of any
/// dimension, a reference to one, or a scalar.
///
/// Sealed: what it gives is taken to be of the type and order that it says.
pub trait IntoValue: sealed::Sealed {
    /// The element type.
    type Elem: Element;

    /// The elements, owned, in row-major order.
    fn into_value(self) -> Value;
}

mod sealed {
    pub trait Sealed {}
    impl<T: crate::Element, S: ndarray::Data<Elem = T>, D: ndarray::Dimension> Sealed
        for ndarray::ArrayBase<S, D>
    {
    }
    impl<T: crate::Element, S: ndarray::Data<Elem = T>, D: ndarray::Dimension> Sealed
        for &ndarray::ArrayBase<S, D>
    {
    }
    impl<T: crate::Element> Sealed for T {}
}

impl<T: Element, S: Data<Elem = T>, D: Dimension> IntoValue for ArrayBase<S, D> {
    type Elem = T;
    fn into_value(self) -> Value {
        Value::row_major(self)
    }
}

impl<T: Element, S: Data<Elem = T>, D: Dimension> IntoValue for &ArrayBase<S, D> {
    type Elem = T;
    fn into_value(self) -> Value {
        Value::row_major(self.view())
    }
}

impl<T: Element> IntoValue for T {
    type Elem = T;
    fn into_value(self) -> Value {
        T::wrap(ArrayD::from_elem(IxDyn(&[]), self))
    }
}
