//! Elementary functions that vectorize: `exp`, `expm1`, `exp2`, `ln`, `log1p`, `log2`, `log10`, `cbrt`, `tanh`,
//! `sigmoid`, `erf`, `erfc`, `normal`, `sin`, `cos`, `pow`.
//!
//! Each is a plain function of one number (two for `pow`), [`VectorMath`], without a branch, a table or a
//! call, and always inlined: a loop over a slice that calls it compiles to vector instructions of whatever
//! instruction set the surrounding function is compiled for. That function, which enabled the set, also says
//! by [`MulAdd`] whether there is a fused multiply-add.
//!
//! **Invariant.** Over its whole domain a function is within 2 units in the last place of the true value; an
//! infinity, a NaN, a signed zero, a denormal, an overflow and an underflow give what IEEE 754 recommends for
//! it. One exception: `sin` and `cos` are so only up to [`VectorMath::TRIG_LIMIT`], and [`sin_slice`] and
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
mod bound;
mod erf;
mod exp;
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
pub(crate) use mul_add::{Fused, MulAdd, Real, Separate};
pub(crate) use standard::Standard;

/// Elementary functions of `f32` and `f64`.
///
/// Functions, not methods: `f32` has methods by these names, and they would be found first.
pub(crate) trait VectorMath: Copy + PartialOrd {
    /// The largest `|x|` for which [`sin`](Self::sin) and [`cos`](Self::cos) are right.
    const TRIG_LIMIT: Self;

    /// `eˣ`.
    fn exp<M: MulAdd>(x: Self) -> Self;
    /// `eˣ − 1`.
    fn expm1<M: MulAdd>(x: Self) -> Self;
    /// `2ˣ`.
    fn exp2<M: MulAdd>(x: Self) -> Self;
    /// The natural logarithm.
    fn ln<M: MulAdd>(x: Self) -> Self;
    /// `ln(1 + x)`.
    fn log1p<M: MulAdd>(x: Self) -> Self;
    /// The logarithm to the base 2.
    fn log2<M: MulAdd>(x: Self) -> Self;
    /// The logarithm to the base 10.
    fn log10<M: MulAdd>(x: Self) -> Self;
    /// The cube root.
    fn cbrt<M: MulAdd>(x: Self) -> Self;
    /// The hyperbolic tangent.
    fn tanh<M: MulAdd>(x: Self) -> Self;
    /// `1 / (1 + e⁻ˣ)`.
    fn sigmoid<M: MulAdd>(x: Self) -> Self;
    /// The error function, `2/√π · ∫₀ˣ e^−t² dt`.
    fn erf<M: MulAdd>(x: Self) -> Self;
    /// What the error function lacks of 1.
    fn erfc<M: MulAdd>(x: Self) -> Self;
    /// The standard normal distribution's share below `x`, `½·erfc(−x/√2)`.
    fn normal<M: MulAdd>(x: Self) -> Self;
    /// `sin x`, for `|x|` up to [`TRIG_LIMIT`](Self::TRIG_LIMIT) and for a NaN; some other number beyond.
    fn sin<M: MulAdd>(x: Self) -> Self;
    /// `cos x`, for `|x|` up to [`TRIG_LIMIT`](Self::TRIG_LIMIT) and for a NaN; some other number beyond.
    fn cos<M: MulAdd>(x: Self) -> Self;
    /// `xʸ`, with C's special cases.
    fn pow<M: MulAdd>(x: Self, y: Self) -> Self;

    /// Whether `|x|` is above [`TRIG_LIMIT`](Self::TRIG_LIMIT).
    fn beyond_trig(x: Self) -> bool;
    /// `sin x` for any `x`, by the standard library.
    fn sin_far(x: Self) -> Self;
    /// `cos x` for any `x`, by the standard library.
    fn cos_far(x: Self) -> Self;
}

/// Hands each function on to its implementation for the type.
macro_rules! implement {
    ($type:ident, $limit:path, $($name:ident($($x:ident),+) = $module:ident::$function:ident;)+) => {
        impl VectorMath for $type {
            const TRIG_LIMIT: Self = $limit;
            $(
                #[inline(always)]
                fn $name<M: MulAdd>($($x: Self),+) -> Self {
                    $module::$function::<M>($($x),+)
                }
            )+
            #[inline(always)]
            fn beyond_trig(x: Self) -> bool {
                x.abs() > Self::TRIG_LIMIT
            }
            #[cold]
            fn sin_far(x: Self) -> Self {
                f64::from(x).sin() as Self
            }
            #[cold]
            fn cos_far(x: Self) -> Self {
                f64::from(x).cos() as Self
            }
        }
    };
}

implement! { f32, trig::LIMIT_F32,
    exp(x) = exp::exp_f32;
    expm1(x) = exp::expm1_f32;
    exp2(x) = bases::exp2_f32;
    ln(x) = ln::ln_f32;
    log1p(x) = ln::log1p_f32;
    log2(x) = bases::log2_f32;
    log10(x) = bases::log10_f32;
    cbrt(x) = root::cbrt_f32;
    tanh(x) = logistic::tanh_f32;
    sigmoid(x) = logistic::sigmoid_f32;
    erf(x) = erf::erf_f32;
    erfc(x) = normal::erfc_f32;
    normal(x) = normal::normal_f32;
    sin(x) = trig::sin_f32;
    cos(x) = trig::cos_f32;
    pow(x, y) = pow::pow_f32;
}

implement! { f64, trig::LIMIT_F64,
    exp(x) = exp::exp_f64;
    expm1(x) = exp::expm1_f64;
    exp2(x) = bases::exp2_f64;
    ln(x) = ln::ln_f64;
    log1p(x) = ln::log1p_f64;
    log2(x) = bases::log2_f64;
    log10(x) = bases::log10_f64;
    cbrt(x) = root::cbrt_f64;
    tanh(x) = logistic::tanh_f64;
    sigmoid(x) = logistic::sigmoid_f64;
    erf(x) = erf::erf_f64;
    erfc(x) = normal::erfc_f64;
    normal(x) = normal::normal_f64;
    sin(x) = trig::sin_f64;
    cos(x) = trig::cos_f64;
    pow(x, y) = pow::pow_f64;
}
