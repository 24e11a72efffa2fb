//! The functions of single elements: one definition each, which the kernels run over tiles and
//! constant folding runs once, so that both give the same bits.

use super::number::{Number, with_number};
use crate::dtype::{DType, Element, Numeric};
use crate::lower::{Scalar, ScalarValue};

/// A function of one element.
pub(crate) trait Unary<T>: 'static {
    fn apply(x: T) -> T;
}

/// A function of two elements.
pub(crate) trait Binary<T>: 'static {
    /// `None` where the function has no value: an integer divided by zero.
    fn apply(a: T, b: T) -> Option<T>;
}

macro_rules! functions {
    ($trait:ident $args:tt -> $result:ty: $($name:ident = $body:expr;)*) => {$(
        pub(crate) enum $name {}
        impl<T: Number> $trait<T> for $name {
            #[inline(always)]
            fn apply $args -> $result {
                $body
            }
        }
    )*};
}

functions! { Unary (x: T) -> T:
    Neg    = x.neg();
    Square = x.mul(x);
}

functions! { Binary (a: T, b: T) -> Option<T>:
    Add = Some(a.add(b));
    Sub = Some(a.sub(b));
    Mul = Some(a.mul(b));
    Div = a.div(b);
}

/// Conversion of one element, as Rust's `as` does it.
pub(crate) trait CastTo<U>: Element {
    fn cast(self) -> U;
}

macro_rules! casts {
    ($($from:ident => $($to:ident)*;)*) => {$($(
        impl CastTo<$to> for $from {
            // Some of the pairs are lossless or the same type.
            #[allow(clippy::cast_lossless, clippy::unnecessary_cast)]
            #[inline(always)]
            fn cast(self) -> $to {
                self as $to
            }
        }
    )*)*};
}
casts! {
    f32 => f32 f64 i32 i64;
    f64 => f32 f64 i32 i64;
    i32 => f32 f64 i32 i64;
    i64 => f32 f64 i32 i64;
}

macro_rules! truth {
    ($($type:ident)*) => {$(
        impl CastTo<bool> for $type {
            #[inline(always)]
            fn cast(self) -> bool {
                self != <$type>::default()
            }
        }
        impl CastTo<$type> for bool {
            #[inline(always)]
            fn cast(self) -> $type {
                if self { <$type as Numeric>::from_f64(1.0) } else { <$type>::default() }
            }
        }
    )*};
}
truth!(f32 f64 i32 i64);

impl CastTo<bool> for bool {
    #[inline(always)]
    fn cast(self) -> bool {
        self
    }
}

/// An element type that scalar values of any type convert to.
trait FromScalar: Element {
    fn from_scalar(value: ScalarValue) -> Self;
    fn into_scalar(self) -> ScalarValue;
}

macro_rules! from_scalar {
    ($($type:ident $variant:ident ($x:ident => $into:expr);)*) => {$(
        impl FromScalar for $type {
            fn from_scalar(value: ScalarValue) -> Self {
                match value {
                    ScalarValue::F32(bits) => f32::from_bits(bits).cast(),
                    ScalarValue::F64(bits) => f64::from_bits(bits).cast(),
                    ScalarValue::I32(number) => number.cast(),
                    ScalarValue::I64(number) => number.cast(),
                    ScalarValue::Bool(truth) => truth.cast(),
                }
            }
            fn into_scalar(self) -> ScalarValue {
                let $x = self;
                ScalarValue::$variant($into)
            }
        }
    )*};
}
from_scalar! {
    f32  F32  (x => x.to_bits());
    f64  F64  (x => x.to_bits());
    i32  I32  (x => x);
    i64  I64  (x => x);
    bool Bool (x => x);
}

/// The function of these numbers, giving an element of type `dtype`; `None` where it has no value.
pub(crate) fn evaluate(function: Scalar, dtype: DType, args: &[ScalarValue]) -> Option<ScalarValue> {
    if function == Scalar::Cast && dtype == DType::Bool {
        return Some(bool::from_scalar(args[0]).into_scalar());
    }
    with_number!(dtype, T => {
        let arg = |position: usize| T::from_scalar(args[position]);
        let result = match function {
            Scalar::Neg => Neg::apply(arg(0)),
            Scalar::Square => Square::apply(arg(0)),
            Scalar::Cast => arg(0),
            Scalar::Add => Add::apply(arg(0), arg(1))?,
            Scalar::Sub => Sub::apply(arg(0), arg(1))?,
            Scalar::Mul => Mul::apply(arg(0), arg(1))?,
            Scalar::Div => Div::apply(arg(0), arg(1))?,
        };
        Some(result.into_scalar())
    }, else None)
}
