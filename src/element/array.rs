//! [`ArrayRef`] and [`ArrayMut`]: views of arrays of any element type.

use ndarray::{ArrayViewD, ArrayViewMutD};

use super::DType;

/// Declares an array of any element type: its variants, and how typed arrays come in and out.
macro_rules! any_array {
    ($(#[$doc:meta])* $name:ident of $view:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name<'a> {
            /// Elements of `f32`.
            F32($view<'a, f32>),
            /// Elements of `f64`.
            F64($view<'a, f64>),
            /// Elements of `i32`.
            I32($view<'a, i32>),
            /// Elements of `i64`.
            I64($view<'a, i64>),
            /// Elements of `bool`.
            Bool($view<'a, bool>),
        }

        impl $name<'_> {
            /// The element type.
            pub fn dtype(&self) -> DType {
                match self {
                    $name::F32(_) => DType::F32,
                    $name::F64(_) => DType::F64,
                    $name::I32(_) => DType::I32,
                    $name::I64(_) => DType::I64,
                    $name::Bool(_) => DType::Bool,
                }
            }

            /// The length of each axis.
            pub fn shape(&self) -> &[usize] {
                match self {
                    $name::F32(array) => array.shape(),
                    $name::F64(array) => array.shape(),
                    $name::I32(array) => array.shape(),
                    $name::I64(array) => array.shape(),
                    $name::Bool(array) => array.shape(),
                }
            }
        }
    };
}
any_array! {
    /// An input of a [`Kernel`](crate::op::Kernel).
    ArrayRef of ArrayViewD
}
any_array! {
    /// The output of a [`Kernel`](crate::op::Kernel).
    ArrayMut of ArrayViewMutD
}

/// Runs one expression with `$type` standing for the Rust type of a numeric [`DType`](crate::DType).
macro_rules! with_number {
    ($dtype:expr, $type:ident => $body:expr, else $other:expr) => {
        match $dtype {
            $crate::element::DType::F32 => {
                type $type = f32;
                $body
            }
            $crate::element::DType::F64 => {
                type $type = f64;
                $body
            }
            $crate::element::DType::I32 => {
                type $type = i32;
                $body
            }
            $crate::element::DType::I64 => {
                type $type = i64;
                $body
            }
            $crate::element::DType::Bool => $other,
        }
    };
}
pub(crate) use with_number;

/// Runs one expression with `$type` standing for the element type of a [`DType`], `bool` included.
macro_rules! with_element {
    ($dtype:expr, $type:ident => $body:expr) => {
        $crate::element::with_number!($dtype, $type => $body, else {
            type $type = bool;
            $body
        })
    };
}
pub(crate) use with_element;
