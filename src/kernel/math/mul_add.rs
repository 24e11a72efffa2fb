//! How a multiply-add is carried out, as a type parameter.
//!
//! `f32::mul_add` is one instruction where the FMA extension is enabled and a library call, a hundred times
//! slower, where it is not. A function of [`math`](super) therefore takes a [`MulAdd`] and its caller, which
//! knows the instruction set it was compiled for, names [`Fused`] or [`Separate`]. The two differ in the last
//! bits: a formula that needs the error of a product asks for it by [`MulAdd::product`], which is exact under
//! both.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// `f32` and `f64` as the polynomials see them.
pub(crate) trait Real:
    Copy
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// `self · b + c`, rounded once.
    fn fused_mul_add(self, b: Self, c: Self) -> Self;

    /// The number with the lower half of its significand cleared: what is left, and what was taken away, have
    /// products with other halves that are exact (up to the last bit of the smallest of the four).
    fn upper_half(self) -> Self;
}

impl Real for f32 {
    #[inline(always)]
    fn fused_mul_add(self, b: Self, c: Self) -> Self {
        self.mul_add(b, c)
    }

    #[inline(always)]
    fn upper_half(self) -> Self {
        Self::from_bits(self.to_bits() & (u32::MAX << 12))
    }
}

impl Real for f64 {
    #[inline(always)]
    fn fused_mul_add(self, b: Self, c: Self) -> Self {
        self.mul_add(b, c)
    }

    #[inline(always)]
    fn upper_half(self) -> Self {
        Self::from_bits(self.to_bits() & (u64::MAX << 27))
    }
}

/// The way to compute `a · b + c`.
pub(crate) trait MulAdd: Copy + 'static {
    /// Whether [`MulAdd::mul_add`] rounds once.
    const FUSED: bool;

    /// `a · b + c`, rounded once or twice.
    fn mul_add<T: Real>(a: T, b: T, c: T) -> T;

    /// `a · b` as its rounded value and the error of that rounding.
    fn product<T: Real>(a: T, b: T) -> (T, T);

    /// `c[0] + c[1]·x + c[2]·x² + …`, at least two coefficients.
    ///
    /// A short one by Horner's rule: the elements of a vectorized loop hide the latency of the chain. A long
    /// one by Horner's rule in `x²` on pairs `c[2i] + c[2i + 1]·x`: one multiplication more, half the chain,
    /// and measured faster from 7 coefficients. Loops over a constant array unroll fully.
    #[inline(always)]
    fn polynomial<T: Real, const N: usize>(x: T, c: [T; N]) -> T {
        if N < 7 {
            let mut sum = c[N - 1];
            let mut i = N - 1;
            while i > 0 {
                i -= 1;
                sum = Self::mul_add(sum, x, c[i]);
            }
            return sum;
        }
        let z = x * x;
        let mut i = (N - 1) / 2 * 2;
        let mut sum = if i + 1 < N { Self::mul_add(c[i + 1], x, c[i]) } else { c[i] };
        while i > 0 {
            i -= 2;
            sum = Self::mul_add(sum, z, Self::mul_add(c[i + 1], x, c[i]));
        }
        sum
    }
}

/// The hardware's fused multiply-add: only for code compiled with the `fma` (or `avx512f`, or NEON) feature.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fused;

impl MulAdd for Fused {
    const FUSED: bool = true;

    #[inline(always)]
    fn mul_add<T: Real>(a: T, b: T, c: T) -> T {
        a.fused_mul_add(b, c)
    }

    #[inline(always)]
    fn product<T: Real>(a: T, b: T) -> (T, T) {
        let value = a * b;
        (value, a.fused_mul_add(b, -value))
    }
}

/// A multiplication, then an addition: for any machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Separate;

impl MulAdd for Separate {
    const FUSED: bool = false;

    #[inline(always)]
    fn mul_add<T: Real>(a: T, b: T, c: T) -> T {
        a * b + c
    }

    /// Dekker's product: both factors in halves, the four partial products subtracted from the rounded whole.
    #[inline(always)]
    fn product<T: Real>(a: T, b: T) -> (T, T) {
        let value = a * b;
        let (a1, b1) = (a.upper_half(), b.upper_half());
        let (a0, b0) = (a - a1, b - b1);
        (value, a0 * b0 - (((value - a1 * b1) - a0 * b1) - a1 * b0))
    }
}
