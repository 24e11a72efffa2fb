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
    pub trait Sealed {}
}

/// A type that tensors hold: `f32`, `f64`, `i32`, `i64` or `bool`. Sealed.
pub trait Element: sealed::Sealed + Copy + Default + PartialEq + fmt::Debug + Send + Sync + 'static {
    /// The same type as a value.
    const DTYPE: DType;

    /// Wraps an array of this type as a [`Value`].
    fn wrap(array: ArrayD<Self>) -> Value;

    /// The array in a [`Value`], when the value holds this type.
    fn unwrap(value: Value) -> Option<ArrayD<Self>>;

    /// The element as a number, unless it is a boolean.
    #[doc(hidden)]
    fn number(self) -> Option<f64>;

    /// The input of a kernel, when its elements are of this type.
    #[doc(hidden)]
    fn view<'a>(array: &'a ArrayRef<'_>) -> Option<ArrayViewD<'a, Self>>;

    /// The output of a kernel, when its elements are of this type.
    #[doc(hidden)]
    fn view_mut(array: ArrayMut<'_>) -> Option<ArrayViewMutD<'_, Self>>;

    /// An array as the input of a kernel.
    #[doc(hidden)]
    fn array_ref(view: ArrayViewD<'_, Self>) -> ArrayRef<'_>;

    /// An array as the output of a kernel.
    #[doc(hidden)]
    fn array_mut(view: ArrayViewMutD<'_, Self>) -> ArrayMut<'_>;
}

/// An element with arithmetic: everything but `bool`.
pub trait Numeric: Element + fmt::Display {
    /// The number nearest to `value` in this type (integers truncate and saturate).
    fn from_f64(value: f64) -> Self;

    /// This number as an `f64` (an `i64` beyond 2⁵³ is rounded).
    fn as_f64(self) -> f64;
}

/// An element through which gradients pass: `f32` or `f64`.
pub trait Float: Numeric + NdFloat {}

/// An element that is a whole number of so many bits: `i32` or `i64`.
pub trait Integer: Numeric {}

macro_rules! elements {
    ($($type:ident $variant:ident $element:ident => $number:expr;)*) => {$(
        impl sealed::Sealed for $type {}
        impl Element for $type {
            const DTYPE: DType = DType::$variant;
            fn wrap(array: ArrayD<Self>) -> Value {
                Value::$variant(array)
            }
            fn unwrap(value: Value) -> Option<ArrayD<Self>> {
                match value {
                    Value::$variant(array) => Some(array),
                    _ => None,
                }
            }
            fn number(self) -> Option<f64> {
                let $element = self;
                $number
            }
            fn view<'a>(array: &'a ArrayRef<'_>) -> Option<ArrayViewD<'a, Self>> {
                match array {
                    ArrayRef::$variant(array) => Some(array.view()),
                    _ => None,
                }
            }
            fn view_mut(array: ArrayMut<'_>) -> Option<ArrayViewMutD<'_, Self>> {
                match array {
                    ArrayMut::$variant(array) => Some(array),
                    _ => None,
                }
            }
            fn array_ref(view: ArrayViewD<'_, Self>) -> ArrayRef<'_> {
                ArrayRef::$variant(view)
            }
            fn array_mut(view: ArrayViewMutD<'_, Self>) -> ArrayMut<'_> {
                ArrayMut::$variant(view)
            }
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
