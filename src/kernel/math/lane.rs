//! What a formula of vector math is computed on: a number, or a value of a program that is being recorded.
//!
//! A formula is written once, over [`Lane`]. With `f32` or `f64` for it, it computes; with a value of a program, whose
//! operators append instructions, it writes down what would be computed, and a code generator takes it from there.
//! So both give the same bits, provided that the generator rounds each operation on its own, as numbers do.
//!
//! **Invariant.** A formula asks nothing of a lane that would have to be known to go on: it compares to
//! [`select`](Lane::select), and does not branch. What it branches on are constants of its type parameters.

use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Shl, Shr, Sub};

use super::Formulas;

/// A number, or a value that stands for one.
pub(crate) trait Lane:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
{
    /// The type of constants.
    type Number: Real + Formulas;
    /// The bits of such a number.
    type Bits: LaneBits<Word = <Self::Number as Real>::Word, Mask = Self::Mask>;
    /// What a comparison gives.
    type Mask: Copy
        + BitAnd<Output = Self::Mask>
        + BitOr<Output = Self::Mask>
        + BitXor<Output = Self::Mask>
        + Not<Output = Self::Mask>;
    /// The same as an `f64`.
    type Wide: Lane<Number = f64>;

    /// A constant. The lane is asked for it because a value of a program knows to which program it belongs, and gives
    /// nothing else to the constant.
    fn number(self, number: Self::Number) -> Self;

    /// `self · b + c`, rounded once.
    fn fused_mul_add(self, b: Self, c: Self) -> Self;
    fn abs(self) -> Self;
    /// The magnitude with the sign of another.
    fn copysign(self, sign: Self) -> Self;

    /// Whether this is below the other; false if either is a NaN, as for the two that follow.
    fn less(self, other: Self) -> Self::Mask;
    fn less_equal(self, other: Self) -> Self::Mask;
    fn equal(self, other: Self) -> Self::Mask;
    /// One of two, both of which have been computed.
    fn select(mask: Self::Mask, then: Self, otherwise: Self) -> Self;

    fn to_bits(self) -> Self::Bits;
    fn from_bits(bits: Self::Bits) -> Self;

    /// Exact.
    fn widened(self) -> Self::Wide;
    /// The nearest number.
    fn narrowed(wide: Self::Wide) -> Self;

    /// `self`, or `bound` where that is below it; a NaN stays. (`f32::min` would lose it, at two instructions more.)
    #[inline(always)]
    fn at_most(self, bound: Self::Number) -> Self {
        let bound = self.number(bound);
        Self::select(bound.less(self), bound, self)
    }

    /// `self`, or `bound` where that is above it; a NaN stays.
    #[inline(always)]
    fn at_least(self, bound: Self::Number) -> Self {
        let bound = self.number(bound);
        Self::select(self.less(bound), bound, self)
    }

    /// The number with the lower half of its significand cleared: what is left, and what was taken away, have
    /// products with other halves that are exact (up to the last bit of the smallest of the four).
    #[inline(always)]
    fn upper_half(self) -> Self {
        let bits = self.to_bits();
        Self::from_bits(bits & bits.word(Self::Number::UPPER_HALF))
    }
}

/// The bits of a lane, as an integer without sign; sums and products wrap around.
pub(crate) trait LaneBits:
    Copy
    + BitAnd<Output = Self>
    + BitOr<Output = Self>
    + BitXor<Output = Self>
    + Shl<u32, Output = Self>
    + Shr<u32, Output = Self>
{
    /// The type of constants.
    type Word;
    /// What a comparison gives.
    type Mask;

    /// A constant.
    fn word(self, word: Self::Word) -> Self;
    fn wrapping_add(self, other: Self) -> Self;
    fn wrapping_sub(self, other: Self) -> Self;
    fn wrapping_mul(self, other: Self) -> Self;
    fn is_zero(self) -> Self::Mask;
}

/// `f32` and `f64`.
pub(crate) trait Real: Lane<Number = Self, Mask = bool> + PartialOrd {
    /// An integer of as many bits.
    type Word;

    /// All bits but those of the lower half of the significand.
    const UPPER_HALF: Self::Word;
    /// The largest `|x|` for which [`sin`](super::VectorMath::sin) and [`cos`](super::VectorMath::cos) are right.
    const TRIG_LIMIT: Self;

    /// Whether `|x|` is above [`TRIG_LIMIT`](Self::TRIG_LIMIT).
    #[inline(always)]
    fn beyond_trig(x: Self) -> bool {
        x.abs() > Self::TRIG_LIMIT
    }
    /// `sin x` for any `x`, by the standard library.
    fn sin_far(x: Self) -> Self;
    /// `cos x` for any `x`, by the standard library.
    fn cos_far(x: Self) -> Self;
}

macro_rules! numbers {
    ($($type:ident $word:ident: upper half $upper_half:expr, limit $limit:path;)*) => {$(
        impl Lane for $type {
            type Number = Self;
            type Bits = $word;
            type Mask = bool;
            type Wide = f64;

            #[inline(always)]
            fn number(self, number: Self) -> Self {
                number
            }
            #[inline(always)]
            fn fused_mul_add(self, b: Self, c: Self) -> Self {
                self.mul_add(b, c)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $type::abs(self)
            }
            #[inline(always)]
            fn copysign(self, sign: Self) -> Self {
                $type::copysign(self, sign)
            }
            #[inline(always)]
            fn less(self, other: Self) -> bool {
                self < other
            }
            #[inline(always)]
            fn less_equal(self, other: Self) -> bool {
                self <= other
            }
            #[inline(always)]
            fn equal(self, other: Self) -> bool {
                self == other
            }
            #[inline(always)]
            fn select(mask: bool, then: Self, otherwise: Self) -> Self {
                if mask { then } else { otherwise }
            }
            #[inline(always)]
            fn to_bits(self) -> $word {
                $type::to_bits(self)
            }
            #[inline(always)]
            fn from_bits(bits: $word) -> Self {
                $type::from_bits(bits)
            }
            #[inline(always)]
            fn widened(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn narrowed(wide: f64) -> Self {
                wide as Self
            }
        }

        impl LaneBits for $word {
            type Word = Self;
            type Mask = bool;

            #[inline(always)]
            fn word(self, word: Self) -> Self {
                word
            }
            #[inline(always)]
            fn wrapping_add(self, other: Self) -> Self {
                $word::wrapping_add(self, other)
            }
            #[inline(always)]
            fn wrapping_sub(self, other: Self) -> Self {
                $word::wrapping_sub(self, other)
            }
            #[inline(always)]
            fn wrapping_mul(self, other: Self) -> Self {
                $word::wrapping_mul(self, other)
            }
            #[inline(always)]
            fn is_zero(self) -> bool {
                self == 0
            }
        }

        impl Real for $type {
            type Word = $word;
            const UPPER_HALF: $word = $upper_half;
            const TRIG_LIMIT: Self = $limit;
            #[cold]
            fn sin_far(x: Self) -> Self {
                f64::from(x).sin() as Self
            }
            #[cold]
            fn cos_far(x: Self) -> Self {
                f64::from(x).cos() as Self
            }
        }
    )*};
}
numbers! {
    f32 u32: upper half u32::MAX << 12, limit super::trig::LIMIT_F32;
    f64 u64: upper half u64::MAX << 27, limit super::trig::LIMIT_F64;
}
