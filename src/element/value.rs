//! [`Value`]: an array whose element type is known only at run time.

use std::fmt;

use ndarray::{
    Array1, ArrayBase, ArrayD, ArrayView1, ArrayView2, ArrayViewD, ArrayViewMutD, Axis, Data, Dimension,
    IxDyn,
};

use super::{DType, Element};
use crate::memory::{Memory, OutOfMemory};

/// An array of any element type: what a variable holds, as
/// [`Session::variable_values`](crate::Session::variable_values) gives it and
/// [`Session::load`](crate::Session::load) takes it.
///
/// ```
/// use flowgrad::prelude::*;
/// let value = Value::from(ndarray::arr1(&[1.0_f32, 2.0]));
/// assert_eq!(value.dtype(), DType::F32);
/// assert_eq!(format!("{value:.1}"), "[1.0, 2.0]");
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
            $crate::element::Value::F32($array) => $body,
            $crate::element::Value::F64($array) => $body,
            $crate::element::Value::I32($array) => $body,
            $crate::element::Value::I64($array) => $body,
            $crate::element::Value::Bool($array) => $body,
        }
    };
}
pub(crate) use with_array;

/// The elements, as ndarray shows them.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        with_array!(self, array => fmt::Display::fmt(array, f))
    }
}

impl Value {
    /// An array as it is.
    pub(crate) fn wrap<T: Element>(array: ArrayD<T>) -> Self {
        (T::ACCESS.wrap)(array)
    }

    /// One number, without axes.
    pub(crate) fn scalar<T: Element>(number: T) -> Self {
        Value::wrap(ArrayD::from_elem(IxDyn(&[]), number))
    }

    /// A value in row-major order, whatever the order of the array it comes from.
    pub(crate) fn row_major<T: Element, S: Data<Elem = T>, D: Dimension>(
        array: ArrayBase<S, D>,
    ) -> Result<Self, OutOfMemory> {
        let copy = match array.try_into_owned_nocopy() {
            Ok(owned) if owned.is_standard_layout() => owned.into_dyn(),
            Ok(owned) => copied(owned.view().into_dyn())?,
            Err(borrowed) => copied(borrowed.view().into_dyn())?,
        };
        Ok(Value::wrap(copy))
    }

    /// Whether the elements lie in row-major order.
    pub(crate) fn is_row_major(&self) -> bool {
        with_array!(self, array => array.is_standard_layout())
    }

    /// The same value in row-major order.
    pub(crate) fn into_row_major(self) -> Result<Self, OutOfMemory> {
        with_array!(self, array => Value::row_major(array))
    }

    /// A copy in row-major order.
    pub(crate) fn row_major_copy(&self) -> Result<Self, OutOfMemory> {
        with_array!(self, array => Value::row_major(array.view()))
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
        (T::ACCESS.unwrap)(self)
    }

    /// A copy of the elements, in row-major order.
    pub(crate) fn to_memory(&self) -> Result<Memory, OutOfMemory> {
        with_array!(self, array => Memory::of_view(array.view()))
    }

    /// A copy of the elements with the axes in the opposite order.
    pub(crate) fn to_transposed_memory(&self) -> Result<Memory, OutOfMemory> {
        with_array!(self, array => Memory::of_view(array.t()))
    }

    /// Where the first element lies.
    pub(crate) fn as_ptr(&self) -> *const u8 {
        with_array!(self, array => array.as_ptr().cast())
    }
}

impl<T: Element, S: Data<Elem = T>, D: Dimension> From<ArrayBase<S, D>> for Value {
    /// As ndarray's `to_owned`, this aborts the process where there is no memory for a copy of a view; [`Value::of`]
    /// gives an error.
    fn from(array: ArrayBase<S, D>) -> Self {
        let array = array.into_owned().into_dyn();
        Value::wrap(if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned() })
    }
}

/// A copy of the elements of a view in row-major order.
pub(crate) fn copied<T: Element>(view: ArrayViewD<'_, T>) -> Result<ArrayD<T>, OutOfMemory> {
    let mut elements = Vec::new();
    elements.try_reserve_exact(view.len()).map_err(|_| OutOfMemory::elements::<T>(view.len()))?;
    if let Some(slice) = view.as_slice() {
        elements.extend_from_slice(slice);
    } else {
        elements.resize(view.len(), T::default());
        if let Ok(mut copy) = ArrayViewMutD::from_shape(view.raw_dim(), &mut elements) {
            copy.assign(&view);
        }
    }
    // There are as many elements as the lengths say, which an array has had before.
    Ok(ArrayD::from_shape_vec(view.raw_dim(), elements).unwrap_or_default())
}

/// Elements, and the lengths to which they are repeated along axes of length 1: what an array or a view is of which
/// nothing is copied more than once.
#[derive(Debug)]
pub struct Repeated {
    /// In row-major order.
    pub(crate) value: Value,
    pub(crate) dims: Vec<usize>,
}

impl From<Value> for Repeated {
    /// Each element once, in the row-major order that the value is in.
    fn from(value: Value) -> Self {
        let dims = value.shape().to_vec();
        Repeated { value, dims }
    }
}

impl Repeated {
    fn of<T: Element, S: Data<Elem = T>, D: Dimension>(array: ArrayBase<S, D>) -> Result<Self, OutOfMemory> {
        let mut array = array.into_dyn();
        let dims = array.shape().to_vec();
        for (axis, &length) in dims.iter().enumerate() {
            if length > 1 && array.strides()[axis] == 0 && !array.is_empty() {
                array.collapse_axis(Axis(axis), 0);
            }
        }
        Ok(Repeated { value: Value::row_major(array)?, dims })
    }

    /// All elements, each as often as it is repeated.
    pub(crate) fn into_whole(self) -> Result<Value, OutOfMemory> {
        fn whole<T: Element>(array: ArrayD<T>, dims: &[usize]) -> Result<Value, OutOfMemory> {
            if array.shape() == dims {
                return Ok(Value::wrap(array));
            }
            let lacking = || {
                let count = dims.iter().fold(1, |count: usize, &length| count.saturating_mul(length));
                OutOfMemory::elements::<T>(count)
            };
            // ndarray has no view of so many elements that their number overflows.
            copied(array.broadcast(IxDyn(dims)).ok_or_else(lacking)?).map(Value::wrap)
        }
        with_array!(self.value, array => whole(array, &self.dims))
    }
}

/// What a constant or the start of a variable can be made of: an ndarray array or view of any dimension, a reference to
/// one, a scalar, or a list of elements: a `Vec`, a slice, an array, or an array of arrays of one length.
///
/// Sealed: what it gives is taken to be of the type and order that it says.
#[diagnostic::on_unimplemented(
    message = "no constant can be made of `{Self}`",
    label = "expected an ndarray array or view, a number, or a list of numbers",
    note = "elements are `f32`, `f64`, `i32`, `i64` or `bool`; convert others first: `array.mapv(f32::from)`, `x as f32`"
)]
pub trait IntoValue: sealed::Sealed {
    /// The element type.
    type Elem: Element;

    /// The elements, owned, each once however often a view repeats it.
    #[doc(hidden)]
    fn into_repeated(self) -> Result<Repeated, OutOfMemory>;
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
    impl<T: crate::Element> Sealed for Vec<T> {}
    impl<T: crate::Element> Sealed for &Vec<T> {}
    impl<T: crate::Element> Sealed for &[T] {}
    impl<T: crate::Element, const N: usize> Sealed for [T; N] {}
    impl<T: crate::Element, const N: usize> Sealed for &[T; N] {}
    impl<T: crate::Element, const N: usize, const M: usize> Sealed for [[T; M]; N] {}
}

impl<T: Element, S: Data<Elem = T>, D: Dimension> IntoValue for ArrayBase<S, D> {
    type Elem = T;
    fn into_repeated(self) -> Result<Repeated, OutOfMemory> {
        Repeated::of(self)
    }
}

impl<T: Element, S: Data<Elem = T>, D: Dimension> IntoValue for &ArrayBase<S, D> {
    type Elem = T;
    fn into_repeated(self) -> Result<Repeated, OutOfMemory> {
        Repeated::of(self.view())
    }
}

/// Declares lists of elements, and the array that each is.
macro_rules! lists {
    ($(($($generics:tt)*) $list:ty: $elements:ident => $array:expr;)*) => {$(
        impl<T: Element, $($generics)*> IntoValue for $list {
            type Elem = T;
            fn into_repeated(self) -> Result<Repeated, OutOfMemory> {
                let $elements = self;
                Repeated::of($array)
            }
        }
    )*};
}
lists! {
    ()                                 Vec<T>:      elements => Array1::from(elements);
    ()                                 &Vec<T>:     elements => ArrayView1::from(elements);
    ()                                 &[T]:        elements => ArrayView1::from(elements);
    (const N: usize)                   [T; N]:      elements => ArrayView1::from(&elements);
    (const N: usize)                   &[T; N]:     elements => ArrayView1::from(elements);
    (const N: usize, const M: usize)   [[T; M]; N]: elements => ArrayView2::from(&elements);
}

#[diagnostic::do_not_recommend]
impl<T: Element> IntoValue for T {
    type Elem = T;
    fn into_repeated(self) -> Result<Repeated, OutOfMemory> {
        Ok(Repeated { value: Value::scalar(self), dims: Vec::new() })
    }
}
