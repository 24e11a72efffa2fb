//! Special functions of single numbers, to some 14 digits, and their derivatives.
//!
//! They are plain code in `f64`, one file a family, which names its methods; `tests/special` holds them to mpmath. What all
//! have in common: where a result is small because parts of it cancel, it is computed as something that does not, and what
//! leaves the range on the way is carried in one exponent of twice the digits ([`twofold`]). Of the crates that have such
//! functions `libm` alone is as accurate, for lgamma and erfc; `special` 0.11 and `puruspe` 0.4 lose digits, or all of them, at up
//! to two thirds of the points of the fixture.

mod bessel;
mod beta;
mod digamma;
mod elementary;
mod entropy;
mod gamma;
mod incomplete_beta;
mod incomplete_gamma;
mod log_density;
mod normal;
mod quadrature;
mod tables;
mod twofold;

pub(crate) use bessel::{MOST_DERIVATIVES as MOST_OF_BESSEL, MOST_OF_I0, i0_derivative, i0e, i0e_decay, i1e};
pub(crate) use beta::{beta, lbeta};
pub(crate) use digamma::{digamma, polygamma, polygamma_rise};
pub(crate) use elementary::{kl_div, ln_ratio};
pub(crate) use entropy::{
    MOST_OF_COUNTS, MOST_OF_GAMMA as MOST_OF_GAMMA_ENTROPY, binomial_entropy, gamma_entropy,
    negative_binomial_entropy, poisson_entropy,
};
pub(crate) use gamma::lgamma;
pub(crate) use incomplete_beta::{
    MOST_DERIVATIVES as MOST_OF_BETAINC, beta_density, betainc, betainc_by_parameters,
};
pub(crate) use incomplete_gamma::{
    MOST_DERIVATIVES as MOST_OF_GAMMAINC, gamma_density, gammainc, gammainc_by_parameter, gammaincc,
};
pub(crate) use log_density::{
    beta_log_density, beta_log_density_by_parameter, beta_log_density_by_x, gamma_log_density,
    gamma_log_density_by_shape, gamma_log_density_by_x,
};
pub(crate) use normal::{
    erfcinv, erfcinv_slope, erfinv, erfinv_slope, log_ndtr, ndtri, ndtri_slope, normal_excess, normal_hazard,
};
