//! Elementary functions that vectorize: `exp`, `expm1`, `exp2`, `ln`, `log1p`, `log2`, `log10`, `cbrt`, `tanh`,
//! `sigmoid`, `erf`, `erfc`, `normal`, `sin`, `cos`, `pow`.
//!
//! Each is a formula of one [`Lane`] (two for `pow`), a number or what stands for one in a program,
//! [`VectorMath`]. It has no branch, table or call, and is always inlined: a loop over a slice of numbers that
//! calls it compiles to vector instructions of whatever instruction set the surrounding function is compiled
//! for. That function, which enabled the set, also says by [`MulAdd`] whether there is a fused multiply-add.
//!
//! Most formulas of `f32` stay in `f32`. Some go by way of `f64` ([`Lane::widened`]): `log2`, `log10`, `cbrt`,
//! `pow` and, with a separate multiply-add, `sin` and `cos`.
//!
//! **Invariant.** Over its whole domain a function is within 2 units in the last place of the true value; an
//! infinity, a NaN, a signed zero, a denormal, an overflow and an underflow give what IEEE 754 recommends for
//! it. One exception: `sin` and `cos` are so only up to [`Real::TRIG_LIMIT`], and [`sin_slice`] and
//! [`cos_slice`] complete them.
//!
//! **How the errors in the modules' tables were measured.** `f32` functions of one argument: all 2³²
//! arguments, against `f64` functions of the C library (`erf` of it, too); `pow`: 2.7·10⁸ pairs. `f64`:
//! 1.6·10⁷ arguments or more for each, against MPFR with 128 bits: bit patterns at random, all exponents from
//! −60 to 10, the ranges in which a function bends or its parts meet, and 4·10⁷ more for `tanh` and `sigmoid`
//! where `f32` has its largest errors; for `sin` and `cos` also the five numbers about each multiple of π/2
//! within the limit. The tests here repeat this on samples. An error is the distance from the true value, in
//! units of the last place that the true value has.
//!
//! What is a single instruction, or rare enough to be left to the standard library, is in [`Standard`].
//!
//! **Speed.** On AVX-512 at 3 GHz, from the first-level cache, ns per element, `f32` / `f64`: exp 0.20 /
//! 0.55, tanh 0.30 / 0.72, sin 0.27 / 0.69, pow 1.7 / 3.8.
#![allow(
    clippy::inline_always,
    reason = "a call in a loop keeps it from vectorizing: inlining is what these are for"
)]

mod bases;
mod blocks;
mod erf;
mod exp;
pub(crate) mod lane;
mod ln;
mod logistic;
mod mul_add;
mod normal;
mod pow;
mod root;
mod standard;
mod trig;

#[cfg(test)]
mod tests;

pub(crate) use blocks::{cos_slice, sin_slice};
pub(crate) use lane::{Lane, Real};
pub(crate) use mul_add::{Fused, MulAdd, Separate};
pub(crate) use standard::Standard;

/// Declares the functions and hands each on to its formulas, for `f32` and for `f64`.
macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident($($x:ident),+) = $module:ident: $single:ident, $double:ident;)+) => {
        /// Elementary functions of lanes: of `f32`, of `f64`, and of what stands for one.
        ///
        /// Functions, not methods: `f32` has methods by these names, and they would be found first.
        pub(crate) trait VectorMath: Lane {
            $($(#[$doc])* fn $name<M: MulAdd>($($x: Self),+) -> Self;)+
        }

        impl<L: Lane> VectorMath for L {
            $(
                #[inline(always)]
                fn $name<M: MulAdd>($($x: Self),+) -> Self {
                    <L::Number as Formulas>::$name::<L, M>($($x),+)
                }
            )+
        }

        /// The functions of [`VectorMath`] for the lanes that stand for this type of numbers.
        pub(crate) trait Formulas: Sized {
            $(fn $name<L: Lane<Number = Self>, M: MulAdd>($($x: L),+) -> L;)+
        }

        impl Formulas for f32 {
            $(
                #[inline(always)]
                fn $name<L: Lane<Number = Self>, M: MulAdd>($($x: L),+) -> L {
                    $module::$single::<L, M>($($x),+)
                }
            )+
        }

        impl Formulas for f64 {
            $(
                #[inline(always)]
                fn $name<L: Lane<Number = Self>, M: MulAdd>($($x: L),+) -> L {
                    $module::$double::<L, M>($($x),+)
                }
            )+
        }
    };
}

functions! {
    /// `eˣ`.
    exp(x) = exp: exp_f32, exp_f64;
    /// `eˣ − 1`.
    expm1(x) = exp: expm1_f32, expm1_f64;
    /// `2ˣ`.
    exp2(x) = bases: exp2_f32, exp2_f64;
    /// The natural logarithm.
    ln(x) = ln: ln_f32, ln_f64;
    /// `ln(1 + x)`.
    log1p(x) = ln: log1p_f32, log1p_f64;
    /// The logarithm to the base 2.
    log2(x) = bases: log2_f32, log2_f64;
    /// The logarithm to the base 10.
    log10(x) = bases: log10_f32, log10_f64;
    /// The cube root.
    cbrt(x) = root: cbrt_f32, cbrt_f64;
    /// The hyperbolic tangent.
    tanh(x) = logistic: tanh_f32, tanh_f64;
    /// `1 / (1 + e⁻ˣ)`.
    sigmoid(x) = logistic: sigmoid_f32, sigmoid_f64;
    /// The error function, `2/√π · ∫₀ˣ e^−t² dt`.
    erf(x) = erf: erf_f32, erf_f64;
    /// What the error function lacks of 1.
    erfc(x) = normal: erfc_f32, erfc_f64;
    /// The standard normal distribution's share below `x`, `½·erfc(−x/√2)`.
    normal(x) = normal: normal_f32, normal_f64;
    /// `sin x`, for `|x|` up to [`TRIG_LIMIT`](Real::TRIG_LIMIT) and for a NaN; some other number beyond.
    sin(x) = trig: sin_f32, sin_f64;
    /// `cos x`, for `|x|` up to [`TRIG_LIMIT`](Real::TRIG_LIMIT) and for a NaN; some other number beyond.
    cos(x) = trig: cos_f32, cos_f64;
    /// `xʸ`, with C's special cases.
    pow(x, y) = pow: pow_f32, pow_f64;
}
