//! The arithmetic of the element types: IEEE for floats, wrapping for integers.

use std::cmp::Ordering;

use super::math::MulAdd;
use super::vector::{Machine, Plain, Vector};
use crate::element::{Element, Numeric};

/// A number that kernels compute with.
pub(crate) trait Number: Numeric + PartialOrd {
    /// The machine's vector of such numbers.
    type Vector<M: Machine>: Vector<Self>;
    /// As many of the machine's vectors as have the lanes of folds, which are as many on every machine.
    type Lanes<M: Machine>: Vector<Self>;
    /// What long sums are kept in where there is no other way to keep their digits: the longer float, or the type
    /// itself.
    type Wide: Number;

    const ZERO: Self;
    const ONE: Self;
    /// What a maximum over nothing is.
    const LOWEST: Self;
    /// What a minimum over nothing is.
    const HIGHEST: Self;

    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// The quotient; `None` for an integer divided by zero.
    fn div(self, other: Self) -> Option<Self>;
    fn neg(self) -> Self;
    /// The magnitude; the least integer, which has none, is left.
    fn abs(self) -> Self;
    /// -1, 0 or 1, as the number is negative, zero or positive; NaN of NaN.
    fn sign(self) -> Self;
    /// The quotient rounded down; `None` for an integer divided by zero.
    fn floor_div(self, other: Self) -> Option<Self>;
    /// What the quotient rounded down leaves, with the divisor's sign; `None` for an integer divided by zero.
    fn modulo(self, other: Self) -> Option<Self>;
    /// The larger; NaN if either is.
    fn maximum(self, other: Self) -> Self;
    /// The smaller; NaN if either is.
    fn minimum(self, other: Self) -> Self;
    fn mul_add<M: MulAdd>(self, factor: Self, addend: Self) -> Self;
    fn widened(self) -> Self::Wide;
    /// The nearest number.
    fn narrowed(wide: Self::Wide) -> Self;
}

/// The order of numbers by size, in which all NaNs are equal and come behind all numbers, and zeros of both signs are equal.
pub(crate) fn ascending<T: Number>(a: &T, b: &T) -> Ordering {
    let is_nan = |x: &T| x.partial_cmp(x).is_none();
    a.partial_cmp(b).unwrap_or_else(|| is_nan(a).cmp(&is_nan(b)))
}

/// Elements that are bits: integers and booleans.
pub(crate) trait Bits:
    Element
    + std::ops::BitAnd<Output = Self>
    + std::ops::BitOr<Output = Self>
    + std::ops::BitXor<Output = Self>
    + std::ops::Not<Output = Self>
{
}

impl Bits for i32 {}
impl Bits for i64 {}
impl Bits for bool {}

/// Numbers whose bits can be shifted, by so many as another one says. Where that is less than 0, or not less than there are
/// bits, all of them are shifted out, as in `NumPy`.
pub(crate) trait Integer: Number {
    fn shift_left(self, by: Self) -> Self;
    /// What comes in are copies of the sign.
    fn shift_right(self, by: Self) -> Self;
}

macro_rules! integers {
    ($($type:ident of $bits:literal),*) => {$(
        impl Integer for $type {
            #[inline(always)]
            fn shift_left(self, by: Self) -> Self {
                let is_in_range = (0..$bits).contains(&by);
                if is_in_range { self.wrapping_shl(by as u32) } else { 0 }
            }
            #[inline(always)]
            fn shift_right(self, by: Self) -> Self {
                let is_in_range = (0..$bits).contains(&by);
                self.wrapping_shr(if is_in_range { by as u32 } else { $bits - 1 })
            }
        }
    )*};
}
integers!(i32 of 32, i64 of 64);

macro_rules! float_numbers {
    ($($type:ident $vector:ident $lanes:ident),*) => {$(
        impl Number for $type {
            type Vector<M: Machine> = M::$vector;
            type Lanes<M: Machine> = M::$lanes;
            type Wide = f64;
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const LOWEST: Self = $type::NEG_INFINITY;
            const HIGHEST: Self = $type::INFINITY;
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self + other
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                self - other
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                self * other
            }
            #[inline(always)]
            fn div(self, other: Self) -> Option<Self> {
                Some(self / other)
            }
            #[inline(always)]
            fn neg(self) -> Self {
                -self
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $type::abs(self)
            }
            #[inline(always)]
            fn sign(self) -> Self {
                let sign = $type::copysign(1.0, self);
                let or_zero = if self == 0.0 { 0.0 } else { sign };
                if self.is_nan() { self } else { or_zero }
            }
            // Both as NumPy and Python do it. The remainder is exact, and so is the dividend without it a multiple
            // of the divisor, whose quotient is off by rounding alone.
            #[inline(always)]
            fn floor_div(self, other: Self) -> Option<Self> {
                if other == 0.0 {
                    return Some(self / other);
                }
                let rest = self % other;
                let is_above = rest != 0.0 && (rest < 0.0) != (other < 0.0);
                let whole = (self - rest) / other - if is_above { 1.0 } else { 0.0 };
                if whole == 0.0 {
                    return Some($type::copysign(0.0, self / other));
                }
                let floor = whole.floor();
                Some(if whole - floor > 0.5 { floor + 1.0 } else { floor })
            }
            #[inline(always)]
            fn modulo(self, other: Self) -> Option<Self> {
                let rest = self % other;
                let has_other_sign = (rest < 0.0) != (other < 0.0);
                let floored = if has_other_sign { rest + other } else { rest };
                Some(if rest == 0.0 { $type::copysign(0.0, other) } else { floored })
            }
            // A comparison with NaN is false, so a NaN on the right is taken; one on the left is asked for. The
            // inner choice alone is the instruction that machines have for it.
            #[inline(always)]
            fn maximum(self, other: Self) -> Self {
                let larger = if self > other { self } else { other };
                if self.is_nan() { self } else { larger }
            }
            #[inline(always)]
            fn minimum(self, other: Self) -> Self {
                let smaller = if self < other { self } else { other };
                if self.is_nan() { self } else { smaller }
            }
            #[inline(always)]
            fn mul_add<M: MulAdd>(self, factor: Self, addend: Self) -> Self {
                if M::FUSED { $type::mul_add(self, factor, addend) } else { self * factor + addend }
            }
            #[inline(always)]
            fn widened(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn narrowed(wide: f64) -> Self {
                wide as $type
            }
        }
    )*};
}
float_numbers!(f32 F32 LanesF32, f64 F64 LanesF64);

/// How many integers one vector has.
pub(super) const INTEGERS: usize = 16;

macro_rules! integer_numbers {
    ($($type:ident),*) => {$(
        impl Number for $type {
            type Vector<M: Machine> = Plain<$type, M, INTEGERS>;
            type Lanes<M: Machine> = Plain<$type, M, INTEGERS>;
            type Wide = $type;
            const ZERO: Self = 0;
            const ONE: Self = 1;
            const LOWEST: Self = $type::MIN;
            const HIGHEST: Self = $type::MAX;
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            #[inline(always)]
            fn div(self, other: Self) -> Option<Self> {
                (other != 0).then(|| self.wrapping_div(other))
            }
            #[inline(always)]
            fn neg(self) -> Self {
                self.wrapping_neg()
            }
            #[inline(always)]
            fn abs(self) -> Self {
                self.wrapping_abs()
            }
            #[inline(always)]
            fn sign(self) -> Self {
                self.signum()
            }
            #[inline(always)]
            fn floor_div(self, other: Self) -> Option<Self> {
                (other != 0).then(|| {
                    let is_above = self.wrapping_rem(other) != 0 && (self < 0) != (other < 0);
                    self.wrapping_div(other) - $type::from(is_above)
                })
            }
            #[inline(always)]
            fn modulo(self, other: Self) -> Option<Self> {
                (other != 0).then(|| {
                    let rest = self.wrapping_rem(other);
                    if rest != 0 && (rest < 0) != (other < 0) { rest + other } else { rest }
                })
            }
            #[inline(always)]
            fn maximum(self, other: Self) -> Self {
                self.max(other)
            }
            #[inline(always)]
            fn minimum(self, other: Self) -> Self {
                self.min(other)
            }
            #[inline(always)]
            fn mul_add<M: MulAdd>(self, factor: Self, addend: Self) -> Self {
                self.wrapping_mul(factor).wrapping_add(addend)
            }
            #[inline(always)]
            fn widened(self) -> Self {
                self
            }
            #[inline(always)]
            fn narrowed(wide: Self) -> Self {
                wide
            }
        }
    )*};
}
integer_numbers!(i32, i64);

pub(crate) use crate::element::with_number;
