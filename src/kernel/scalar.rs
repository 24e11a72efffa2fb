//! The functions of single elements: one definition each, which the kernels run over tiles and
//! constant folding runs once, so that both give the same bits.

use super::math::{self, MulAdd, Separate, Standard, VectorMath};
use super::number::{Number, with_number};
use super::vector::Vector;
use crate::element::{DType, Element, Numeric};
use crate::ir::{Scalar, ScalarValue};

/// A function of one element.
pub(crate) trait Unary<T>: 'static {
    fn apply<M: MulAdd>(x: T) -> T;

    /// The function of each element of a slice.
    #[inline(always)]
    fn map<M: MulAdd>(x: &[T], dst: &mut [T])
    where
        T: Copy,
    {
        for (dst, &x) in dst.iter_mut().zip(x) {
            *dst = Self::apply::<M>(x);
        }
    }
}

/// A function of two elements.
pub(crate) trait Binary<T>: 'static {
    /// The element type of the result: `T`, or `bool` for comparisons.
    type Output: Element;

    /// `None` where the function has no value: an integer divided by zero.
    fn apply<M: MulAdd>(a: T, b: T) -> Option<Self::Output>;
}

/// An associative function by which many elements become one.
pub(crate) trait Combine<T: Number>: 'static {
    const IDENTITY: T;
    /// Whether a NaN must be looked for, because vectors may pass over it.
    const PASSES_NAN: bool;

    fn combine(a: T, b: T) -> T;

    /// The same for the elements of two vectors; a NaN in the second may be passed over.
    fn combine_vectors<V: Vector<T>>(a: V, b: V) -> V;
}

macro_rules! unary_functions {
    ($x:ident: $bound:ident; $($name:ident = $body:expr;)*) => {$(
        pub(crate) enum $name {}
        impl<T: $bound> Unary<T> for $name {
            #[inline(always)]
            fn apply<M: MulAdd>($x: T) -> T {
                $body
            }
        }
    )*};
}

unary_functions! { x: Number;
    Neg    = x.neg();
    Square = x.mul(x);
    Abs    = x.abs();
    Sign   = x.sign();
}
unary_functions! { x: Standard;
    Floor = x.floor();
    Ceil  = x.ceil();
    Round = x.round();
    Tan   = x.tan();
    Asin  = x.asin();
    Acos  = x.acos();
    Atan  = x.atan();
    Sinh  = x.sinh();
    Cosh  = x.cosh();
}

macro_rules! transcendental_functions {
    ($($name:ident = $function:ident;)*) => {$(
        pub(crate) enum $name {}
        impl<T: VectorMath> Unary<T> for $name {
            #[inline(always)]
            fn apply<M: MulAdd>(x: T) -> T {
                T::$function::<M>(x)
            }
        }
    )*};
}
transcendental_functions! {
    Exp     = exp;
    Expm1   = expm1;
    Ln      = ln;
    Log1p   = log1p;
    Tanh    = tanh;
    Sigmoid = sigmoid;
    Erf     = erf;
    Normal  = normal;
}

macro_rules! binary_functions {
    ($a:ident, $b:ident: $bound:ident -> $output:ty; $($name:ident = $body:expr;)*) => {$(
        pub(crate) enum $name {}
        impl<T: $bound> Binary<T> for $name {
            type Output = $output;
            #[inline(always)]
            fn apply<M: MulAdd>($a: T, $b: T) -> Option<$output> {
                $body
            }
        }
    )*};
}
binary_functions! { a, b: Number -> T;
    Add     = Some(a.add(b));
    Sub     = Some(a.sub(b));
    Mul     = Some(a.mul(b));
    Div     = a.div(b);
    Maximum = Some(a.maximum(b));
    Minimum = Some(a.minimum(b));
    FloorDiv = a.floor_div(b);
    Modulo  = a.modulo(b);
    Scaled  = Some(if a == T::ZERO { T::ZERO } else { a.mul(b) });
    // The index, where it lies below the bound.
    Checked = (a >= T::ZERO && a < b).then_some(a);
    // A comparison with NaN is false.
    Finite  = (a.abs() < b).then_some(a);
}
binary_functions! { a, b: Element -> bool;
    Equal     = Some(a == b);
    NotEqual  = Some(a != b);
}
binary_functions! { a, b: Number -> bool;
    Less      = Some(a < b);
    LessEqual = Some(a <= b);
}

macro_rules! truth_functions {
    ($a:ident, $b:ident; $($name:ident = $body:expr;)*) => {$(
        pub(crate) enum $name {}
        impl Binary<bool> for $name {
            type Output = bool;
            #[inline(always)]
            fn apply<M: MulAdd>($a: bool, $b: bool) -> Option<bool> {
                Some($body)
            }
        }
    )*};
}
truth_functions! { a, b;
    And = a & b;
    Or  = a | b;
}

pub(crate) enum Not {}
impl Unary<bool> for Not {
    #[inline(always)]
    fn apply<M: MulAdd>(x: bool) -> bool {
        !x
    }
}

pub(crate) enum Pow {}
impl<T: VectorMath + Element> Binary<T> for Pow {
    type Output = T;
    #[inline(always)]
    fn apply<M: MulAdd>(a: T, b: T) -> Option<T> {
        Some(T::pow::<M>(a, b))
    }
}

pub(crate) enum Sqrt {}
impl<T: crate::element::Float> Unary<T> for Sqrt {
    #[inline(always)]
    fn apply<M: MulAdd>(x: T) -> T {
        x.sqrt()
    }
}

/// Sine and cosine are mended element by element where an argument is too large for the vector form.
macro_rules! circular {
    ($($name:ident = $near:ident, $far:ident, $slice:path;)*) => {$(
        pub(crate) enum $name {}
        impl<T: VectorMath> Unary<T> for $name {
            #[inline(always)]
            fn apply<M: MulAdd>(x: T) -> T {
                if T::beyond_trig(x) { T::$far(x) } else { T::$near::<M>(x) }
            }
            #[inline(always)]
            fn map<M: MulAdd>(x: &[T], dst: &mut [T]) {
                $slice(x, dst);
            }
        }
    )*};
}
circular! {
    Sin = sin, sin_far, math::sin_slice::<T, M>;
    Cos = cos, cos_far, math::cos_slice::<T, M>;
}

macro_rules! folds {
    ($($name:ident = $identity:ident, $combine:ident, ($a:ident, $b:ident) => $vectors:expr, $passes_nan:literal;)*) => {$(
        pub(crate) enum $name {}
        impl<T: Number> Combine<T> for $name {
            const IDENTITY: T = T::$identity;
            const PASSES_NAN: bool = $passes_nan;
            #[inline(always)]
            fn combine(a: T, b: T) -> T {
                a.$combine(b)
            }
            #[inline(always)]
            fn combine_vectors<V: Vector<T>>($a: V, $b: V) -> V {
                $vectors
            }
        }
    )*};
}
folds! {
    Sum  = ZERO,    add,     (a, b) => a.add(b),     false;
    Prod = ONE,     mul,     (a, b) => a.mul(b),     false;
    Max  = LOWEST,  maximum, (a, b) => b.larger(a),  true;
    Min  = HIGHEST, minimum, (a, b) => b.smaller(a), true;
}

/// Runs one expression with `$name` standing for the type of a fold.
macro_rules! with_fold {
    ($fold:expr, $name:ident => $body:expr) => {
        match $fold {
            $crate::ir::Fold::Sum => {
                type $name = $crate::kernel::scalar::Sum;
                $body
            }
            $crate::ir::Fold::Prod => {
                type $name = $crate::kernel::scalar::Prod;
                $body
            }
            $crate::ir::Fold::Max => {
                type $name = $crate::kernel::scalar::Max;
                $body
            }
            $crate::ir::Fold::Min => {
                type $name = $crate::kernel::scalar::Min;
                $body
            }
        }
    };
}
pub(crate) use with_fold;

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

/// The function of these numbers, giving an element of type `dtype`; `None` where it has no value or
/// is none of arithmetic.
pub(crate) fn evaluate(function: Scalar, dtype: DType, args: &[ScalarValue]) -> Option<ScalarValue> {
    if function == Scalar::Cast && dtype == DType::Bool {
        return Some(bool::from_scalar(args[0]).into_scalar());
    }
    with_number!(dtype, T => {
        let arg = |position: usize| T::from_scalar(args[position]);
        let result = match function {
            Scalar::Neg => Neg::apply::<Separate>(arg(0)),
            Scalar::Square => Square::apply::<Separate>(arg(0)),
            Scalar::Abs => Abs::apply::<Separate>(arg(0)),
            Scalar::Sign => Sign::apply::<Separate>(arg(0)),
            Scalar::Cast => arg(0),
            Scalar::Add => Add::apply::<Separate>(arg(0), arg(1))?,
            Scalar::Sub => Sub::apply::<Separate>(arg(0), arg(1))?,
            Scalar::Mul => Mul::apply::<Separate>(arg(0), arg(1))?,
            Scalar::Div => Div::apply::<Separate>(arg(0), arg(1))?,
            Scalar::Maximum => Maximum::apply::<Separate>(arg(0), arg(1))?,
            Scalar::Minimum => Minimum::apply::<Separate>(arg(0), arg(1))?,
            Scalar::FloorDiv => FloorDiv::apply::<Separate>(arg(0), arg(1))?,
            Scalar::Modulo => Modulo::apply::<Separate>(arg(0), arg(1))?,
            _ => return None,
        };
        Some(result.into_scalar())
    }, else None)
}
