//! Special functions, with gradients in all their parameters: the methods of [`Tensor`] as functions, under SciPy's names
//! and with its order of operands.
//!
//! | functions | gradients |
//! |---|---|
//! | [`lgamma`], [`digamma`], [`polygamma`] | of any order |
//! | [`beta`], [`lbeta`] | in both, of any order |
//! | [`gammainc`], [`gammaincc`] | in `x` of any order, in `a` to the third |
//! | [`betainc`] | in `x` of any order, in `a` and `b` together to the second |
//! | [`erf`], [`erfc`], [`ndtr`], [`log_ndtr`] | of any order |
//! | [`erfinv`], [`erfcinv`], [`ndtri`] | of any order |
//! | [`i0`], [`i1`] | to the order 64 and 63 |
//! | [`i0e`], [`i1e`] | to the eighth and the seventh order |
//! | [`log1mexp`], [`logaddexp`], [`softplus`], [`log_sigmoid`] | of any order |
//! | [`entr`], [`kl_div`], [`xlogy`], [`xlog1py`] | of any order |
//!
//! A derivative beyond the highest is a build error; where it says any order, that is beyond 64. Operands that are several broadcast; of `f32` all but the error function,
//! `ndtr` and the last two rows are computed in `f64` and rounded once.
//!
//! # How accurate they are
//!
//! The largest relative errors, in `f64`, at 59,000 points, a quarter of which `tests/special` holds to mpmath: from 1e-300 to
//! 1e300, about poles and zeros, where one method gives way to another, and with parameters up to 1e8. "First" is the
//! largest of the first derivatives, in all operands, "second" of the second ones.
//!
//! | functions | value | first | second |
//! |---|---|---|---|
//! | `lgamma` | 1.5e-14 | 5.0e-13 | 8.4e-16 |
//! | `digamma` | 2.2e-14 | 6.3e-16 | 2.7e-14 |
//! | `polygamma`, of orders 1 to 60 | 3.6e-14 | 6.1e-15 | |
//! | `beta` | 4.2e-15 | 4.3e-15 | |
//! | `lbeta` | 1.6e-14 | 1.2e-15 | 8.2e-16 |
//! | `gammainc`, `gammaincc` | 2.0e-15 | 2.8e-15 | 2.0e-10 |
//! | `betainc` | 1.6e-14 | 2.2e-14 | 4.6e-13 |
//! | `erfc`, `ndtr` | 2.2e-16 | 5.7e-14 | 5.7e-14 |
//! | `log_ndtr` | 6.1e-16 | 5.8e-16 | 1.2e-15 |
//! | `ndtri`, `erfinv`, `erfcinv` | 6.6e-16 | 9.1e-16 | 2.2e-15 |
//! | `i0e` | 5.8e-16 | 1.0e-15 | 1.1e-15 |
//! | `i1e` | 1.7e-15 | 3.8e-13 | 4.8e-12 |
//! | `log1mexp`, `entr`, `kl_div`, `xlog1py` | 4.9e-16 | 2.2e-16 | |
//! | `logaddexp`, `softplus`, `log_sigmoid` | 2.2e-16 | 5.7e-14 | |
//!
//! What is larger than 1e-13 is so beside a zero that depends on the inputs, where the last place of an input tells of more
//! than that: each error is at most 1e-13 and what 8 units in the last place of the inputs make of the true result. The same
//! holds of the zeros of lgamma and digamma at negative numbers. Where the true value or first derivative is finite, so is
//! what is computed, for parameters down to 5e-324 and up to 1e308.
//!
//! ```
//! use flowgrad::prelude::*;
//! use flowgrad::special;
//!
//! // The maximum of a gamma distribution's likelihood, of shape a and mean 1, by Newton's method.
//! let g = Graph::new();
//! let a = g.placeholder::<f64>("a", []);
//! let x = g.constant(ndarray::arr1(&[0.4, 0.7, 0.9, 1.2, 1.8]));
//! let density = a * a.ln() - special::lgamma(a) + (a - 1.0) * x.ln() - a * x;
//! let [slope] = density.reduce_sum(..).gradients([a]);
//! let [bend] = slope.gradients([a]);
//! let session = Session::new(&g)?;
//! let step = session.make_callable(a, a - slope / bend)?;
//! let mut shape = 3.0;
//! for _ in 0..8 {
//!     shape = step.call(shape)?.sum();
//! }
//! assert!((shape - 4.269_948_218_457_383).abs() < 1e-12);
//! # Ok::<(), flowgrad::Error>(())
//! ```

use crate::graph::{Float, Operand, Tensor};

/// Declares functions that forward to methods.
macro_rules! functions {
    ($($name:ident($first:ident $(, $operand:ident)*) $doc:literal;)*) => {$(
        #[doc = $doc]
        #[doc = concat!(" See [`Tensor::", stringify!($name), "`].")]
        #[track_caller]
        pub fn $name<'g, T: Float>(
            $first: impl Into<Tensor<'g, T>>,
            $($operand: impl Operand<'g, T>,)*
        ) -> Tensor<'g, T> {
            $first.into().$name($($operand),*)
        }
    )*};
}

functions! {
    lgamma(x) "ln |Γ(x)|.";
    digamma(x) "The derivative of ln |Γ(x)|.";
    beta(a, b) "B(a, b) = Γ(a)·Γ(b)/Γ(a + b).";
    lbeta(a, b) "ln B(a, b).";
    gammainc(a, x) "The share of the gamma distribution of shape `a` that is below `x`.";
    gammaincc(a, x) "The share of the gamma distribution of shape `a` that is above `x`.";
    betainc(a, b, x) "The share of the beta distribution of `a` and `b` that is below `x`.";
    erf(x) "2/√π·∫₀ˣ e^(-t²) dt.";
    erfc(x) "1 - erf x.";
    erfinv(x) "The inverse of erf.";
    erfcinv(x) "The inverse of erfc.";
    ndtr(x) "The share of the standard normal distribution that is below `x`.";
    log_ndtr(x) "The logarithm of that share.";
    ndtri(x) "The number below which the standard normal distribution has the share `x`.";
    i0(x) "The modified Bessel function of order 0.";
    i1(x) "The modified Bessel function of order 1.";
    i0e(x) "The modified Bessel function of order 0 times e^-|x|.";
    i1e(x) "The modified Bessel function of order 1 times e^-|x|.";
    log1mexp(x) "ln(1 - e⁻ˣ).";
    logaddexp(x, y) "ln(eˣ + eʸ).";
    softplus(x) "ln(1 + eˣ).";
    log_sigmoid(x) "-ln(1 + e⁻ˣ).";
    entr(x) "-x·ln x.";
    kl_div(x, y) "x·ln(x/y) - x + y.";
    xlogy(x, y) "x·ln y, and 0 where `x` is 0.";
    xlog1py(x, y) "x·ln(1 + y), and 0 where `x` is 0.";
}

/// The `n`-th derivative of [`digamma`]. See [`Tensor::polygamma`].
#[track_caller]
pub fn polygamma<'g, T: Float>(n: usize, x: impl Into<Tensor<'g, T>>) -> Tensor<'g, T> {
    x.into().polygamma(n)
}
