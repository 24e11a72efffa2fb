//! The functions of single elements: one definition each, which the kernels run over tiles and
//! constant folding runs once, so that both give the same bits.

use super::math::{self, MulAdd, Real, Separate, Standard, VectorMath};
use super::number::{Bits, Integer, Number};
use super::vector::Vector;
use crate::element::{DType, Element, Float, Numeric, with_element};
use crate::ir::{Scalar, ScalarValue, scalar_table};

/// A function of one element.
pub(crate) trait Unary<T>: 'static {
    /// Whether all machines give the same bits: none of it hangs on how products and sums are rounded.
    const IS_PORTABLE: bool;

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
    /// Whether all machines give the same bits.
    const IS_PORTABLE: bool;

    /// `None` where the function has no value: an integer divided by zero.
    fn apply<M: MulAdd>(a: T, b: T) -> Option<Self::Output>;
}

/// An associative function that makes one element of many.
pub(crate) trait Combine<T: Number>: 'static {
    const IDENTITY: T;
    /// Whether a NaN must be looked for, because vectors may pass over it.
    const PASSES_NAN: bool;

    fn combine(a: T, b: T) -> T;

    /// The same for the elements of two vectors; a NaN in the second may be passed over.
    fn combine_vectors<V: Vector<T>>(a: V, b: V) -> V;
}

/// Elements that have the elementary functions.
pub(crate) trait Elementary: Real + Standard + Element {}

impl Elementary for f32 {}
impl Elementary for f64 {}

/// Functions of one element: which elements there are, whether all machines give the same bits, and a row each.
macro_rules! unary_functions {
    ($x:ident: $bound:ident, $portable:literal; $($name:ident = $body:expr;)*) => {$(
        pub(crate) enum $name {}
        impl<T: $bound> Unary<T> for $name {
            const IS_PORTABLE: bool = $portable;
            #[inline(always)]
            fn apply<M: MulAdd>($x: T) -> T {
                $body
            }
        }
    )*};
}

/// Functions of [`VectorMath`]: a row each, some with what computes one element and a slice where an argument is too
/// large for the formula.
macro_rules! vector_functions {
    ($($name:ident = $function:ident $(, $far:ident beyond the limit, $slice:ident)?;)*) => {
        $(
            pub(crate) enum $name {}
            impl<T: Real> Unary<T> for $name {
                const IS_PORTABLE: bool = false;
                #[inline(always)]
                fn apply<M: MulAdd>(x: T) -> T {
                    $(
                        if T::beyond_trig(x) {
                            return T::$far(x);
                        }
                    )?
                    T::$function::<M>(x)
                }
                $(
                    #[inline(always)]
                    fn map<M: MulAdd>(x: &[T], dst: &mut [T]) {
                        math::$slice::<T, M>(x, dst);
                    }
                )?
            }
        )*

        /// A function of lanes by its formula; `None` where there is none. The sine and the cosine are right only up
        /// to [`Real::TRIG_LIMIT`].
        pub(crate) fn formula<L: VectorMath, M: MulAdd>(function: Scalar, operands: &[L]) -> Option<L> {
            match (function, operands) {
                $((Scalar::$name, &[x]) => Some(L::$function::<M>(x)),)*
                (Scalar::Pow, &[x, y]) => Some(L::pow::<M>(x, y)),
                _ => None,
            }
        }
    };
}

/// Functions of two elements: which elements there are, of which type the result is, whether all machines give the same
/// bits, and a row each.
macro_rules! binary_functions {
    ($a:ident, $b:ident: $bound:ident -> $output:ty, $portable:literal; $($name:ident = $body:expr;)*) => {$(
        pub(crate) enum $name {}
        impl<T: $bound> Binary<T> for $name {
            type Output = $output;
            const IS_PORTABLE: bool = $portable;
            #[inline(always)]
            fn apply<M: MulAdd>($a: T, $b: T) -> Option<$output> {
                $body
            }
        }
    )*};
}

unary_functions! { x: Number, true;
    Neg    = x.neg();
    Square = x.mul(x);
    Abs    = x.abs();
    Sign   = x.sign();
}
unary_functions! { x: Float, true;
    Sqrt = x.sqrt();
}
unary_functions! { x: Standard, true;
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
vector_functions! {
    Exp     = exp;
    Expm1   = expm1;
    Exp2    = exp2;
    Ln      = ln;
    Log1p   = log1p;
    Log2    = log2;
    Log10   = log10;
    Cbrt    = cbrt;
    Tanh    = tanh;
    Sigmoid = sigmoid;
    Erf     = erf;
    Erfc    = erfc;
    Normal  = normal;
    Sin     = sin, sin_far beyond the limit, sin_slice;
    Cos     = cos, cos_far beyond the limit, cos_slice;
}
unary_functions! { x: Bits, true;
    Not = !x;
}

binary_functions! { a, b: Number -> T, true;
    Add      = Some(a.add(b));
    Sub      = Some(a.sub(b));
    Mul      = Some(a.mul(b));
    Div      = a.div(b);
    Maximum  = Some(a.maximum(b));
    Minimum  = Some(a.minimum(b));
    FloorDiv = a.floor_div(b);
    Modulo   = a.modulo(b);
    Scaled   = Some(if a == T::ZERO { T::ZERO } else { a.mul(b) });
    // The index, where it lies below the bound.
    Checked  = (a >= T::ZERO && a < b).then_some(a);
    // A comparison with NaN is false.
    Finite   = (a.abs() < b).then_some(a);
}
binary_functions! { a, b: Number -> bool, true;
    Less      = Some(a < b);
    LessEqual = Some(a <= b);
}
binary_functions! { a, b: Element -> bool, true;
    Equal    = Some(a == b);
    NotEqual = Some(a != b);
}
binary_functions! { a, b: Bits -> T, true;
    And = Some(a & b);
    Or  = Some(a | b);
    Xor = Some(a ^ b);
}
binary_functions! { a, b: Integer -> T, true;
    ShiftLeft  = Some(a.shift_left(b));
    ShiftRight = Some(a.shift_right(b));
}
binary_functions! { a, b: Elementary -> T, true;
    Atan2 = Some(a.atan2(b));
    Hypot = Some(a.hypot(b));
}
binary_functions! { a, b: Elementary -> T, false;
    Pow = Some(T::pow::<M>(a, b));
}

macro_rules! reductions {
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
reductions! {
    Sum  = ZERO,    add,     (a, b) => a.add(b),     false;
    Prod = ONE,     mul,     (a, b) => a.mul(b),     false;
    Max  = LOWEST,  maximum, (a, b) => b.larger(a),  true;
    Min  = HIGHEST, minimum, (a, b) => b.smaller(a), true;
}

/// Runs one expression with `$name` standing for the type of a reduction.
macro_rules! with_reduce {
    ($reduce:expr, $name:ident => $body:expr) => {
        match $reduce {
            $crate::ir::Reduce::Sum => {
                type $name = $crate::kernel::scalar::Sum;
                $body
            }
            $crate::ir::Reduce::Prod => {
                type $name = $crate::kernel::scalar::Prod;
                $body
            }
            $crate::ir::Reduce::Max => {
                type $name = $crate::kernel::scalar::Max;
                $body
            }
            $crate::ir::Reduce::Min => {
                type $name = $crate::kernel::scalar::Min;
                $body
            }
        }
    };
}
pub(crate) use with_reduce;

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

macro_rules! boolean {
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
boolean!(f32 f64 i32 i64);

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
                    ScalarValue::Bool(boolean) => boolean.cast(),
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

/// Runs one expression, an `Option`, with `$type` standing for an element type of a kind; `None` for a type of another
/// kind.
macro_rules! with_kind {
    (Any, $dtype:expr, $type:ident => $body:expr) => {
        $crate::element::with_element!($dtype, $type => $body)
    };
    (Number, $dtype:expr, $type:ident => $body:expr) => {
        $crate::element::with_number!($dtype, $type => $body, else None)
    };
    (Float, $dtype:expr, $type:ident => $body:expr) => {
        $crate::kernel::scalar::with_kind!(@of $dtype, $type => $body, [F32 f32, F64 f64])
    };
    (Integer, $dtype:expr, $type:ident => $body:expr) => {
        $crate::kernel::scalar::with_kind!(@of $dtype, $type => $body, [I32 i32, I64 i64])
    };
    (Bits, $dtype:expr, $type:ident => $body:expr) => {
        $crate::kernel::scalar::with_kind!(@of $dtype, $type => $body, [I32 i32, I64 i64, Bool bool])
    };
    (@of $dtype:expr, $type:ident => $body:expr, [$($variant:ident $of:ident),+]) => {
        match $dtype {
            $($crate::element::DType::$variant => {
                type $type = $of;
                $body
            })+
            _ => None,
        }
    };
}
pub(crate) use with_kind;

/// Declares [`evaluate`] for the table of functions.
macro_rules! evaluation {
    ($($(#[$doc:meta])* $name:ident $text:ident $operands:tt -> $gives:ident, $fails:ident, $cost:ident;)*) => {
        /// The function of these numbers, giving an element of type `dtype`; `None` where it has no value, or other
        /// bits on other machines.
        pub(crate) fn evaluate(function: Scalar, dtype: DType, args: &[ScalarValue]) -> Option<ScalarValue> {
            let from = args.last()?.dtype();
            match function {
                $(Scalar::$name => evaluation!(@of $operands $name, args, from, dtype),)*
            }
        }
    };
    (@of (Bool, Any, Any) $name:ident, $args:ident, $from:ident, $dtype:ident) => {
        $args.get(if bool::from_scalar($args[0]) { 1 } else { 2 }).copied()
    };
    (@of (Any) $name:ident, $args:ident, $from:ident, $dtype:ident) => {
        with_element!($dtype, T => Some(T::from_scalar($args[0]).into_scalar()))
    };
    (@of ($kind:ident) $name:ident, $args:ident, $from:ident, $dtype:ident) => {
        with_kind!($kind, $from, T => {
            let x = T::from_scalar($args[0]);
            <$name as Unary<T>>::IS_PORTABLE.then(|| $name::apply::<Separate>(x).into_scalar())
        })
    };
    (@of ($kind:ident, $same:ident) $name:ident, $args:ident, $from:ident, $dtype:ident) => {
        with_kind!($kind, $from, T => {
            let (a, b) = (T::from_scalar($args[0]), T::from_scalar(*$args.get(1)?));
            let is_portable = <$name as Binary<T>>::IS_PORTABLE;
            is_portable.then(|| $name::apply::<Separate>(a, b)).flatten().map(FromScalar::into_scalar)
        })
    };
}
scalar_table!(evaluation);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Cost;

    /// There is a formula for just what costs that of a polynomial, and for the power.
    #[test]
    fn formulas() {
        for &function in Scalar::ALL {
            let unary = formula::<f32, Separate>(function, &[0.5]);
            let binary = formula::<f64, Separate>(function, &[0.5, 2.0]);
            assert_eq!(unary.is_some(), function.cost() == Cost::Vector, "{function:?}");
            assert_eq!(binary.is_some(), function == Scalar::Pow, "{function:?}");
        }
        assert_eq!(formula::<f32, Separate>(Scalar::Tanh, &[0.5]), Some(Tanh::apply::<Separate>(0.5)));
        assert_eq!(formula::<f64, Separate>(Scalar::Pow, &[0.5, 2.0]), Some(0.25));
    }
}
