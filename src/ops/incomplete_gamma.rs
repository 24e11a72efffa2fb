//! The regularized incomplete gamma functions: `gammainc`, `gammaincc`.
//!
//! Their derivatives by the parameter are ops of the order, and so are those of the density, which is the slope by x.

use crate::graph::AnyTensor;
use crate::graph::op::{OpDef, Scaled};
use crate::kernel::special;
use crate::ops::internal::internal;
use crate::ops::methods::methods;
use crate::ops::special::{INTEGRAL, Row, orders};

static GAMMAINC: Row<2> = Row::plain(
    "gammainc",
    |_, [a, x]| special::gammainc(a, x),
    |input, _, [a, x], _| match input {
        0 => BY_PARAMETER.of([1, 0], [a, x]),
        _ => DENSITY.of([0, 0], [a, x]),
    },
)
.taking(INTEGRAL);

static GAMMAINCC: Row<2> = Row::plain(
    "gammaincc",
    |_, [a, x]| special::gammaincc(a, x),
    |input, _, [a, x], _| match input {
        0 => -BY_PARAMETER.of([1, 0], [a, x]),
        _ => -DENSITY.of([0, 0], [a, x]),
    },
)
.taking(INTEGRAL);

static BY_PARAMETER: Row<2> = Row {
    name: "gammainc_by_parameter",
    orders: &["n"],
    most: ([special::MOST_OF_GAMMAINC, 0], special::MOST_OF_GAMMAINC),
    of: "gammainc",
    function: |[n, _], [a, x]| special::gammainc_by_parameter(n, a, x),
    slope: |input, [n, _], [a, x], _| match input {
        0 => BY_PARAMETER.of([n + 1, 0], [a, x]),
        _ => DENSITY.of([0, n], [a, x]),
    },
    nanoseconds: INTEGRAL,
};

/// xᵃ⁻¹⁻ᵏ·e⁻ˣ/Γ(a), differentiated n times by a.
static DENSITY: Row<2> = Row {
    name: "gamma_density",
    orders: &["k", "n"],
    most: ([64, special::MOST_OF_GAMMAINC], 64 + special::MOST_OF_GAMMAINC),
    of: "gammainc",
    function: |orders, [a, x]| special::gamma_density(orders, a, x),
    slope: |input, [k, n], [a, x], y| match input {
        0 => DENSITY.of([k, n + 1], [a, x]),
        _ => by_x([k, n], a, x, y),
    },
    nanoseconds: 200.0,
};

/// The slope of the density by x: that of the power, whose exponent may be 0 where the power is ∞, less that of e⁻ˣ.
fn by_x<'g>([k, n]: [u32; 2], a: AnyTensor<'g>, x: AnyTensor<'g>, y: AnyTensor<'g>) -> AnyTensor<'g> {
    let of_power = (a - f64::from(k + 1)).binary(Scaled, DENSITY.of([k + 1, n], [a, x])) - y;
    match n {
        0 => of_power,
        _ => of_power + DENSITY.of([k + 1, n - 1], [a, x]) * f64::from(n),
    }
}

/// How the x with P(a, x) = p moves with a while p stays: -(∂P/∂a)/(∂P/∂x).
#[track_caller]
pub(super) fn quantile_slope<'g>(a: AnyTensor<'g>, x: AnyTensor<'g>) -> AnyTensor<'g> {
    -(BY_PARAMETER.of([1, 0], [a, x]) / DENSITY.of([0, 0], [a, x]))
}

methods! {
    /// P(a, x), elementwise, where `self` is a: the share of the gamma distribution of shape a that is below x, the
    /// integral of tᵃ⁻¹·e⁻ᵗ from 0 to x over Γ(a); shapes broadcast.
    ///
    /// For a and x from 0 on; else it is NaN. However small it is, no digit is lost. Gradient, in both operands: the cotangent
    /// times the derivative by a, an integral that is computed as accurately as P itself, to `self`, and times the density
    /// xᵃ⁻¹·e⁻ˣ/Γ(a) to `x`. By the parameter there are derivatives to the third order; the fourth is a build error. Shapes
    /// that do not broadcast are a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = Session::new(&g)?.run(g.constant(1.0_f64).gammainc(2.0))?.sum();
    /// assert!((y - (1.0 - (-2.0_f64).exp())).abs() < 1e-15);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("igamma"))]
    fn gammainc<Float>(a, x: (Self)) -> Self {
        GAMMAINC.of([0; 2], [a, x])
    }

    /// Q(a, x) = 1 - P(a, x), elementwise, where `self` is a: the share of the gamma distribution that is above x, of
    /// which no digit is lost where it is small; else as [`gammainc`](crate::Tensor::gammainc), with opposite gradients.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = Session::new(&g)?.run(g.constant(1.0_f64).gammaincc(100.0))?.sum();
    /// assert!((y / (-100.0_f64).exp() - 1.0).abs() < 1e-14);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("igammac"))]
    fn gammaincc<Float>(a, x: (Self)) -> Self {
        GAMMAINCC.of([0; 2], [a, x])
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "gammainc_by_parameter" (a: Float, x: Same) [n: usize] |given| BY_PARAMETER.op(orders([n, 0]))?;
    "gamma_density" (a: Float, x: Same) [k: usize, n: usize] |given| DENSITY.op(orders([k, n]))?;
};

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::compare::zipped;
    use super::laws::example;
    use crate::graph::Tensor;

    /// e⁻ˣ·Σ xᵃ⁺ᵏ/Γ(a + k + 1), with Γ by Euler's product.
    fn lower(a: f64, x: f64) -> f64 {
        let z = a + 30.0;
        let tail = [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0];
        let tail: f64 = tail.iter().zip([1, 3, 5, 7]).map(|(term, power)| term / z.powi(power)).sum();
        let far = (z - 0.5) * z.ln() - z + 0.5 * std::f64::consts::TAU.ln() + tail;
        let ln_gamma = far - (0..30).map(|k| (a + f64::from(k)).ln()).sum::<f64>();
        let (mut term, mut sum) = ((a * x.ln() - x - ln_gamma).exp() / a, 0.0);
        for k in 1..200 {
            sum += term;
            term *= x / (a + f64::from(k));
        }
        sum
    }

    vec![
        example!("gammainc", &[&[2, 3], &[3]], |_, x| x[0].gammainc(x[1]), |x| zipped(x, lower))
            .within(0.4, 4.0),
        example!("gammainc of a number", &[&[2, 3]], |_, x| x[0].gammainc(1.5), |x| x[0]
            .mapv(|a| lower(a, 1.5)))
        .within(0.4, 4.0),
        example!("large gammainc", &[&[2, 3], &[2, 3]], |_, x| x[0].gammainc(x[1]), |x| zipped(x, lower))
            .within(9.0, 13.0),
        example!("gammaincc", &[&[3], &[2, 1]], |_, x| x[0].gammaincc(x[1]), |x| zipped(x, |a, x| 1.0
            - lower(a, x)))
        .within(0.4, 4.0),
        example!("gammainc of nothing", &[&[0, 2], &[2]], |_, x| x[0].gammainc(x[1]), |x| x[0].clone()),
        example!(
            "gamma_density",
            &[&[2, 3], &[3]],
            |_, x| Tensor::typed(DENSITY.of([0, 0], [x[0].any(), x[1].any()])),
            |x| zipped(x, |a, x| (lower(a, x) - lower(a + 1.0, x)) * a / x)
        )
        .within(0.7, 3.0),
    ]
}
