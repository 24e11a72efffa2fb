//! Element types: what a tensor may hold, as Rust types ([`Element`]) and as values ([`DType`]).

mod array;
mod value;

use std::fmt;

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, NdFloat};

pub use array::{ArrayMut, ArrayRef};
pub(crate) use array::{with_element, with_number};
pub use value::{IntoValue, Value};
pub(crate) use value::{Repeated, copied, with_array};

/// The element type of a tensor, as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DType {
    /// 32-bit IEEE 754 floating point.
    F32,
    /// 64-bit IEEE 754 floating point.
    F64,
    /// 32-bit signed integer; arithmetic wraps.
    I32,
    /// 64-bit signed integer; arithmetic wraps.
    I64,
    /// Boolean, one byte.
    Bool,
}

impl DType {
    /// Bytes of one element.
    ///
    /// ```
    /// assert_eq!(flowgrad::DType::F64.size(), 8);
    /// ```
    pub const fn size(self) -> usize {
        match self {
            DType::Bool => 1,
            DType::F32 | DType::I32 => 4,
            DType::F64 | DType::I64 => 8,
        }
    }

    /// Whether gradients can pass through tensors of this type.
    ///
    /// ```
    /// assert!(flowgrad::DType::F32.is_float() && !flowgrad::DType::I64.is_float());
    /// ```
    pub const fn is_float(self) -> bool {
        matches!(self, DType::F32 | DType::F64)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DType::F32 => "f32",
            DType::F64 => "f64",
            DType::I32 => "i32",
            DType::I64 => "i64",
            DType::Bool => "bool",
        })
    }
}

mod sealed {
    /// Seals [`Element`](super::Element), and has what the crate does with elements as a table of functions: methods of
    /// a trait that is a bound of a caller's code could have the names of the caller's own.
    pub trait Sealed: Sized {
        const ACCESS: super::Access<Self>;
    }
}

/// What the crate does with elements of a type; [`Value`], [`ArrayRef`] and [`ArrayMut`] have it for generic code.
#[doc(hidden)]
#[derive(Debug)]
pub struct Access<T> {
    wrap: fn(ArrayD<T>) -> Value,
    unwrap: fn(Value) -> Option<ArrayD<T>>,
    number: fn(T) -> Option<f64>,
    view: for<'a> fn(&'a ArrayRef<'_>) -> Option<ArrayViewD<'a, T>>,
    view_mut: fn(ArrayMut<'_>) -> Option<ArrayViewMutD<'_, T>>,
    array_ref: fn(ArrayViewD<'_, T>) -> ArrayRef<'_>,
    array_mut: fn(ArrayViewMutD<'_, T>) -> ArrayMut<'_>,
}

/// A type that tensors hold: `f32`, `f64`, `i32`, `i64` or `bool`. Sealed.
#[diagnostic::on_unimplemented(
    message = "tensors do not hold elements of `{Self}`",
    label = "expected elements of `f32`, `f64`, `i32`, `i64` or `bool`",
    note = "convert others first: `array.mapv(f32::from)`, or `x as f32`"
)]
pub trait Element: sealed::Sealed + Copy + Default + PartialEq + fmt::Debug + Send + Sync + 'static {
    /// The same type as a value.
    const DTYPE: DType;
}

/// The element as a number, unless it is a boolean.
pub(crate) fn number<T: Element>(element: T) -> Option<f64> {
    (T::ACCESS.number)(element)
}

impl<'a> ArrayRef<'a> {
    /// An array as the input of a kernel.
    pub(crate) fn of<T: Element>(view: ArrayViewD<'a, T>) -> Self {
        (T::ACCESS.array_ref)(view)
    }

    /// The array, if its elements are of this type.
    pub(crate) fn typed<T: Element>(&self) -> Option<ArrayViewD<'_, T>> {
        (T::ACCESS.view)(self)
    }
}

impl<'a> ArrayMut<'a> {
    /// An array as the output of a kernel.
    pub(crate) fn of<T: Element>(view: ArrayViewMutD<'a, T>) -> Self {
        (T::ACCESS.array_mut)(view)
    }

    /// The array, if its elements are of this type.
    pub(crate) fn typed<T: Element>(self) -> Option<ArrayViewMutD<'a, T>> {
        (T::ACCESS.view_mut)(self)
    }
}

/// An element with arithmetic: everything but `bool`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no number type",
    label = "expected elements of `f32`, `f64`, `i32` or `i64`",
    note = "`cast` makes numbers of booleans: `x.cast::<f32>()`"
)]
pub trait Numeric: Element + fmt::Display {
    /// The number nearest to `value` in this type (integers truncate and saturate).
    fn from_f64(value: f64) -> Self;

    /// This number as an `f64` (an `i64` beyond 2⁵³ is rounded).
    fn as_f64(self) -> f64;
}

/// An element that is a float: `f32` or `f64`. What users name is [`Float`](crate::Float), which has operators with tensors.
pub trait Float: Numeric + NdFloat {}

/// An element that is a whole number of so many bits: `i32` or `i64`. Labels and indices are of either.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no integer type",
    label = "expected elements of `i32` or `i64`",
    note = "labels and indices are integers; `cast` makes integers of other elements: `x.cast::<i64>()`"
)]
pub trait Integer: Numeric {}

macro_rules! elements {
    ($($type:ident $variant:ident $element:ident => $number:expr;)*) => {$(
        impl sealed::Sealed for $type {
            const ACCESS: Access<Self> = Access {
                wrap: Value::$variant,
                unwrap: |value| match value {
                    Value::$variant(array) => Some(array),
                    _ => None,
                },
                number: |$element| $number,
                view: |array| match array {
                    ArrayRef::$variant(array) => Some(array.view()),
                    _ => None,
                },
                view_mut: |array| match array {
                    ArrayMut::$variant(array) => Some(array),
                    _ => None,
                },
                array_ref: |view| ArrayRef::$variant(view),
                array_mut: |view| ArrayMut::$variant(view),
            };
        }

        impl Element for $type {
            const DTYPE: DType = DType::$variant;
        }
    )*};
}
elements! {
    f32  F32  element => Some(element.as_f64());
    f64  F64  element => Some(element);
    i32  I32  element => Some(element.as_f64());
    i64  I64  element => Some(element.as_f64());
    bool Bool _element => None;
}

macro_rules! numbers {
    ($($type:ident),*) => {$(
        impl Numeric for $type {
            fn from_f64(value: f64) -> Self {
                value as $type
            }
            // `as` is the identity for one of the four.
            #[allow(clippy::cast_lossless)]
            fn as_f64(self) -> f64 {
                self as f64
            }
        }
    )*};
}
numbers!(f32, f64, i32, i64);

impl Float for f32 {}
impl Float for f64 {}

impl Integer for i32 {}
impl Integer for i64 {}
