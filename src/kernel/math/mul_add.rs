//! How a multiply-add is carried out, as a type parameter.
//!
//! `f32::mul_add` is one instruction where the FMA extension is enabled and a library call, a hundred times
//! slower, where it is not. A function of [`math`](super) therefore takes a [`MulAdd`] and its caller, which
//! knows the instruction set it was compiled for, names [`Fused`] or [`Separate`]. The two differ in the last
//! bits: a formula that needs the error of a product asks for it by [`MulAdd::product`], which is exact under
//! both.

use super::lane::Lane;

/// The way to compute `a · b + c`.
pub(crate) trait MulAdd: Copy + 'static {
    /// Whether [`MulAdd::mul_add`] rounds once.
    const FUSED: bool;

    /// `a · b + c`, rounded once or twice.
    fn mul_add<L: Lane>(a: L, b: L, c: L) -> L;

    /// `a · b` as its rounded value and the error of that rounding.
    fn product<L: Lane>(a: L, b: L) -> (L, L);

    /// `c[0] + c[1]·x + c[2]·x² + …`, at least two coefficients.
    ///
    /// A short one by Horner's rule: the elements of a vectorized loop hide the latency of the chain. A long
    /// one by Horner's rule in `x²` on pairs `c[2i] + c[2i + 1]·x`: one multiplication more, half the chain,
    /// and measured faster from 7 coefficients. Loops over a constant array unroll fully.
    #[inline(always)]
    fn polynomial<L: Lane, const N: usize>(x: L, c: [L::Number; N]) -> L {
        let c = c.map(|coefficient| x.number(coefficient));
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
    fn mul_add<L: Lane>(a: L, b: L, c: L) -> L {
        a.fused_mul_add(b, c)
    }

    #[inline(always)]
    fn product<L: Lane>(a: L, b: L) -> (L, L) {
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
    fn mul_add<L: Lane>(a: L, b: L, c: L) -> L {
        a * b + c
    }

    /// Dekker's product: both factors in halves, the four partial products subtracted from the rounded whole.
    #[inline(always)]
    fn product<L: Lane>(a: L, b: L) -> (L, L) {
        let value = a * b;
        let (a1, b1) = (a.upper_half(), b.upper_half());
        let (a0, b0) = (a - a1, b - b1);
        (value, a0 * b0 - (((value - a1 * b1) - a0 * b1) - a1 * b0))
    }
}
