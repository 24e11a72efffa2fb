//! The arithmetic of the element types: IEEE for floats, wrapping for integers.

use crate::dtype::Numeric;

/// How a product and a sum are taken together. Which one a loop uses depends on the instruction set
/// for which it is compiled, so results differ between machines in the last bit but never on one.
pub(crate) trait MulAdd: 'static {
    /// Whether the product is rounded once, with the sum.
    const FUSED: bool;
}

/// One instruction, one rounding: for instruction sets that have it.
pub(crate) enum Fused {}

/// Two instructions: calling the C library's `fma` where the hardware has none is 20 times slower.
pub(crate) enum Separate {}

impl MulAdd for Fused {
    const FUSED: bool = true;
}

impl MulAdd for Separate {
    const FUSED: bool = false;
}

/// A number that kernels compute with.
pub(crate) trait Number: Numeric {
    /// Partial sums that a reduction carries side by side: four 512-bit registers full, so that four
    /// additions are under way at once. Fewer leave the adders idle, more spill on AVX2.
    type Lanes: Copy + AsRef<[Self]> + AsMut<[Self]>;

    const ZERO: Self;
    const ZERO_LANES: Self::Lanes;

    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// The quotient; `None` for an integer divided by zero.
    fn div(self, other: Self) -> Option<Self>;
    fn neg(self) -> Self;
    fn mul_add<M: MulAdd>(self, factor: Self, addend: Self) -> Self;
}

macro_rules! float_numbers {
    ($($type:ident $lanes:literal),*) => {$(
        impl Number for $type {
            type Lanes = [$type; $lanes];
            const ZERO: Self = 0.0;
            const ZERO_LANES: Self::Lanes = [0.0; $lanes];
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
            fn mul_add<M: MulAdd>(self, factor: Self, addend: Self) -> Self {
                if M::FUSED { $type::mul_add(self, factor, addend) } else { self * factor + addend }
            }
        }
    )*};
}
float_numbers!(f32 64, f64 32);

macro_rules! integer_numbers {
    ($($type:ident $lanes:literal),*) => {$(
        impl Number for $type {
            type Lanes = [$type; $lanes];
            const ZERO: Self = 0;
            const ZERO_LANES: Self::Lanes = [0; $lanes];
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
            fn mul_add<M: MulAdd>(self, factor: Self, addend: Self) -> Self {
                self.wrapping_mul(factor).wrapping_add(addend)
            }
        }
    )*};
}
integer_numbers!(i32 64, i64 32);

/// Runs one expression with `$type` standing for the Rust type of a numeric [`DType`](crate::DType).
macro_rules! with_number {
    ($dtype:expr, $type:ident => $body:expr, else $other:expr) => {
        match $dtype {
            $crate::dtype::DType::F32 => {
                type $type = f32;
                $body
            }
            $crate::dtype::DType::F64 => {
                type $type = f64;
                $body
            }
            $crate::dtype::DType::I32 => {
                type $type = i32;
                $body
            }
            $crate::dtype::DType::I64 => {
                type $type = i64;
                $body
            }
            $crate::dtype::DType::Bool => $other,
        }
    };
}
pub(crate) use with_number;
