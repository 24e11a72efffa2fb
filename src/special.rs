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
//! | [`i0e`], [`i1e`] | to the eighth and the seventh order |
//! | [`log1mexp`], [`logaddexp`], [`softplus`], [`log_sigmoid`] | of any order |
//! | [`entr`], [`kl_div`], [`xlogy`], [`xlog1py`] | of any order |
//!
//! A derivative beyond the highest is a build error. Operands that are several broadcast; of `f32` all but the error function,
//! `ndtr` and the last two rows are computed in `f64` and rounded once.
//!
//! # How accurate they are
//!
//! ACCURACY
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
//! assert!((shape - 4.47).abs() < 0.5);
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
