//! The logarithm of the normal distribution, its quantiles, and the error function backwards: `log_ndtr`, `ndtri`, `erfinv`,
//! `erfcinv`.
//!
//! The slope of a quantile z is 1/φ(z), an op whose own slope is z times its square; that of `log_ndtr` is φ/Φ, whose own
//! slope is minus its product with x + φ/Φ: neither leaves the range before its result does.

use crate::graph::op::OpDef;
use crate::kernel::special;
use crate::ops::internal::internal;
use crate::ops::methods::methods;
use crate::ops::special::Row;

static LOG_NDTR: Row<1> =
    Row::plain("log_ndtr", |_, [x]| special::log_ndtr(x), |_, _, [x], _| HAZARD.of([0; 2], [x]));

/// φ/Φ.
static HAZARD: Row<1> = Row::plain(
    "normal_hazard",
    |_, [x]| special::normal_hazard(x),
    |_, _, [x], y| -(y * EXCESS.of([0; 2], [x])),
);

/// x + φ/Φ.
static EXCESS: Row<1> = Row::plain(
    "normal_excess",
    |_, [x]| special::normal_excess(x),
    |_, _, [x], y| 1.0 - y * HAZARD.of([0; 2], [x]),
);

static NDTRI: Row<1> =
    Row::plain("ndtri", |_, [x]| special::ndtri(x), |_, _, [x], _| NDTRI_SLOPE.of([0; 2], [x]));

static NDTRI_SLOPE: Row<1> =
    Row::plain("ndtri_slope", |_, [x]| special::ndtri_slope(x), |_, _, [x], y| x.ndtri() * y.square());

static ERFINV: Row<1> =
    Row::plain("erfinv", |_, [x]| special::erfinv(x), |_, _, [x], _| ERFINV_SLOPE.of([0; 2], [x]));

static ERFINV_SLOPE: Row<1> = Row::plain(
    "erfinv_slope",
    |_, [x]| special::erfinv_slope(x),
    |_, _, [x], y| x.erfinv() * y.square() * 2.0,
);

static ERFCINV: Row<1> =
    Row::plain("erfcinv", |_, [x]| special::erfcinv(x), |_, _, [x], _| ERFCINV_SLOPE.of([0; 2], [x]));

static ERFCINV_SLOPE: Row<1> = Row::plain(
    "erfcinv_slope",
    |_, [x]| special::erfcinv_slope(x),
    |_, _, [x], y| x.erfcinv() * y.square() * 2.0,
);

methods! {
    /// ln Φ(x), elementwise: the logarithm of [`ndtr`](crate::Tensor::ndtr), which does not leave the range before x² does.
    ///
    /// Gradient: the cotangent times φ(x)/Φ(x), where φ is the density of the normal distribution.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[0.0, -1000.0]));
    /// let y = Session::new(&g)?.run(x.log_ndtr())?;
    /// assert!((y[0] - 0.5_f64.ln()).abs() < 1e-15 && (y[1] + 500_007.826_694_812_2).abs() < 1e-9);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn log_ndtr<Float>(x) -> Self {
        LOG_NDTR.of([0; 2], [x])
    }

    /// Φ⁻¹(x), elementwise: the number below which the standard normal distribution has the share x.
    ///
    /// ±∞ at 0 and 1, and NaN beyond. Gradient: the cotangent times 1/φ(y), where φ is the density of the normal distribution.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = Session::new(&g)?.run(g.constant(ndarray::arr1(&[0.5, 0.975])).ndtri())?;
    /// assert!(y[0] == 0.0 && (y[1] - 1.959_963_984_540_054_f64).abs() < 1e-14);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("probit", "norm_ppf"))]
    fn ndtri<Float>(x) -> Self {
        NDTRI.of([0; 2], [x])
    }

    /// The inverse of [`erf`](crate::Tensor::erf), elementwise.
    ///
    /// ±∞ at ±1, and NaN beyond. Gradient: the cotangent times √π/2·e^(y²).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = Session::new(&g)?.run(g.constant(0.5_f64).erf().erfinv())?.sum();
    /// assert!((y - 0.5).abs() < 1e-15);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn erfinv<Float>(x) -> Self {
        ERFINV.of([0; 2], [x])
    }

    /// The inverse of [`erfc`](crate::Tensor::erfc), elementwise.
    ///
    /// ∞ at 0, -∞ at 2, and NaN beyond. Gradient: the cotangent times -√π/2·e^(y²).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = Session::new(&g)?.run(g.constant(20.0_f64).erfc().erfcinv())?.sum();
    /// assert!((y - 20.0).abs() < 1e-13);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn erfcinv<Float>(x) -> Self {
        ERFCINV.of([0; 2], [x])
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "normal_hazard" (x: Float) [] |given| HAZARD.op([0; 2])?;
    "normal_excess" (x: Float) [] |given| EXCESS.op([0; 2])?;
    "ndtri_slope" (x: Float) [] |given| NDTRI_SLOPE.op([0; 2])?;
    "erfinv_slope" (x: Float) [] |given| ERFINV_SLOPE.op([0; 2])?;
    "erfcinv_slope" (x: Float) [] |given| ERFCINV_SLOPE.op([0; 2])?;
};

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    use crate::graph::Tensor;
    use std::f64::consts::{SQRT_2, TAU};

    fn density(x: f64) -> f64 {
        (-0.5 * x * x).exp() / TAU.sqrt()
    }

    /// 1/2 + density·(x + x³/3 + x⁵/(3·5) + ..).
    fn share(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..120 {
            term *= x * x / f64::from(2 * n + 1);
            sum += term;
        }
        0.5 + density(x) * sum
    }

    /// By halving an interval.
    fn quantile(p: f64) -> f64 {
        let (mut low, mut high) = (-6.0, 6.0);
        for _ in 0..80 {
            let middle = f64::midpoint(low, high);
            if share(middle) < p { low = middle } else { high = middle }
        }
        f64::midpoint(low, high)
    }

    vec![
        example!("log_ndtr", &[&[2, 3]], |_, x| x[0].log_ndtr(), |x| x[0].mapv(|x| share(x).ln())),
        example!("log_ndtr of nothing", &[&[0, 2]], |_, x| x[0].log_ndtr(), |x| x[0].clone()),
        example!("normal_hazard", &[&[2, 3]], |_, x| Tensor::typed(HAZARD.of([0; 2], [x[0].any()])), |x| x
            [0]
        .mapv(|x| density(x) / share(x))),
        example!("normal_excess", &[&[2, 3]], |_, x| Tensor::typed(EXCESS.of([0; 2], [x[0].any()])), |x| x
            [0]
        .mapv(|x| x + density(x) / share(x))),
        example!("ndtri", &[&[2, 3]], |_, x| x[0].ndtri(), |x| x[0].mapv(quantile)).within(0.04, 0.93),
        example!(
            "ndtri_slope",
            &[&[2, 3]],
            |_, x| Tensor::typed(NDTRI_SLOPE.of([0; 2], [x[0].any()])),
            |x| x[0].mapv(|p| 1.0 / density(quantile(p)))
        )
        .within(0.04, 0.93),
        example!("erfinv", &[&[2, 3]], |_, x| x[0].erfinv(), |x| x[0]
            .mapv(|x| quantile(0.5 * (1.0 + x)) / SQRT_2))
        .within(-0.9, 0.8),
        example!("erfcinv", &[&[2, 3]], |_, x| x[0].erfcinv(), |x| x[0]
            .mapv(|x| -quantile(0.5 * x) / SQRT_2))
        .within(0.1, 1.8),
    ]
}
