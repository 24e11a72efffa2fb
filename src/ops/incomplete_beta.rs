//! The regularized incomplete beta function: `betainc`.
//!
//! Its derivatives by the parameters are ops of the orders; the slope by x is the density.

use crate::graph::AnyTensor;
use crate::graph::op::{OpDef, Scaled};
use crate::kernel::special;
use crate::ops::gamma::{polygamma, rise};
use crate::ops::internal::internal;
use crate::ops::methods::methods;
use crate::ops::special::{INTEGRAL, Orders, Row, orders};

static BETAINC: Row<3> = Row::plain(
    "betainc",
    |_, [a, b, x]| special::betainc(a, b, x),
    |input, _, operands, _| match input {
        0 => BY_PARAMETERS.of([1, 0], operands),
        1 => BY_PARAMETERS.of([0, 1], operands),
        _ => DENSITY.of([0, 0], operands),
    },
)
.taking(INTEGRAL);

static BY_PARAMETERS: Row<3> = Row {
    name: "betainc_by_parameters",
    orders: &["by_a", "by_b"],
    most: ([special::MOST_OF_BETAINC; 2], special::MOST_OF_BETAINC),
    of: "betainc",
    function: |orders, [a, b, x]| special::betainc_by_parameters(orders, a, b, x),
    slope: |input, [i, j], operands, _| match input {
        0 => BY_PARAMETERS.of([i + 1, j], operands),
        1 => BY_PARAMETERS.of([i, j + 1], operands),
        _ => density([i, j], operands),
    },
    nanoseconds: INTEGRAL,
};

/// xᵃ⁻¹⁻ⁱ·(1 - x)ᵇ⁻¹⁻ʲ/B(a, b).
static DENSITY: Row<3> = Row {
    name: "beta_density",
    orders: &["i", "j"],
    most: ([64; 2], 128),
    of: "betainc",
    function: |orders, [a, b, x]| special::beta_density(orders, a, b, x),
    slope: |input, [i, j], [a, b, x], y| match input {
        0 => y.binary(Scaled, by_a(a, b, x)),
        1 => y.binary(Scaled, by_b(a, b, x)),
        // Exponents may be 0 where the powers are ∞.
        _ => {
            let of_x = (a - f64::from(i + 1)).binary(Scaled, DENSITY.of([i + 1, j], [a, b, x]));
            of_x - (b - f64::from(j + 1)).binary(Scaled, DENSITY.of([i, j + 1], [a, b, x]))
        }
    },
    nanoseconds: 200.0,
};

/// ln x - ψ(a) + ψ(a + b): the slope of the density by a, relative to it.
fn by_a<'g>(a: AnyTensor<'g>, b: AnyTensor<'g>, x: AnyTensor<'g>) -> AnyTensor<'g> {
    x.ln() + rise(0, a, b)
}

/// ln(1 - x) - ψ(b) + ψ(a + b).
fn by_b<'g>(a: AnyTensor<'g>, b: AnyTensor<'g>, x: AnyTensor<'g>) -> AnyTensor<'g> {
    (-x).log1p() + rise(0, b, a)
}

/// A derivative of the density by the parameters.
fn density(orders: Orders, [a, b, x]: [AnyTensor<'_>; 3]) -> AnyTensor<'_> {
    let relative = match orders {
        [0, 0] => return DENSITY.of([0; 2], [a, b, x]),
        [1, 0] => by_a(a, b, x),
        [0, 1] => by_b(a, b, x),
        [1, 1] => by_a(a, b, x) * by_b(a, b, x) + polygamma(1, a + b),
        [0, _] => by_b(a, b, x).square() + rise(1, b, a),
        _ => by_a(a, b, x).square() + rise(1, a, b),
    };
    DENSITY.of([0; 2], [a, b, x]).binary(Scaled, relative)
}

methods! {
    /// I(a, b, x), elementwise, where `self` is a: the share of the beta distribution that is below x, the integral of
    /// tᵃ⁻¹·(1 - t)ᵇ⁻¹ from 0 to x over B(a, b); shapes broadcast.
    ///
    /// For a and b from 0 on and x between 0 and 1; else it is NaN. However small it is, no digit is lost; where it is nearly
    /// 1, what it lacks is `b.betainc(a, 1 - x)`. Gradient, in all three operands: the cotangent times the derivatives by
    /// a and b, integrals that are computed as accurately as I itself, to `self` and `b`, and times the density
    /// xᵃ⁻¹·(1 - x)ᵇ⁻¹/B(a, b) to `x`. By the parameters there are derivatives to the second order; the third is a build
    /// error. Shapes that do not broadcast are a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let (a, b) = (g.constant(2.0_f64), g.constant(1.0));
    /// let y = Session::new(&g)?.run(a.betainc(b, 0.5))?.sum();
    /// assert!((y - 0.25).abs() < 1e-15);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn betainc<Float>(a, b: (Self), x: (Self)) -> Self {
        BETAINC.of([0; 2], [a, b, x])
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "betainc_by_parameters" (a: Float, b: Same, x: Same) [by_a: usize, by_b: usize] |given|
        BY_PARAMETERS.op(orders([by_a, by_b]))?;
    "beta_density" (a: Float, b: Same, x: Same) [i: usize, j: usize] |given| DENSITY.op(orders([i, j]))?;
};

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    use ndarray::{ArrayD, Zip};

    /// The integral up to x over the whole one; with t = 1/(1 + e^(-π·sinh u)) the rule of trapezoids has all digits, and
    /// up to x so has Simpson's rule in u.
    fn share(a: f64, b: f64, x: f64) -> f64 {
        let pi = std::f64::consts::PI;
        let term = |u: f64| {
            let (t, rest) = (1.0 / (1.0 + (-pi * u.sinh()).exp()), 1.0 / (1.0 + (pi * u.sinh()).exp()));
            t.powf(a) * rest.powf(b) * pi * u.cosh()
        };
        let integral = |from: f64, to: f64| {
            let parts = 16_000;
            let step = (to - from) / f64::from(parts);
            let inner =
                (1..parts).map(|k| if k % 2 == 1 { 4.0 } else { 2.0 } * term(from + step * f64::from(k)));
            (term(from) + inner.sum::<f64>() + term(to)) * step / 3.0
        };
        let end = ((x / (1.0 - x)).ln() / pi).asinh();
        integral(-4.5, end) / integral(-4.5, 4.5)
    }

    fn shares(x: &[ArrayD<f64>], scale: f64) -> ArrayD<f64> {
        let dims = x[0].raw_dim();
        let [b, x2] = [&x[1], &x[2]].map(|x| x.broadcast(dims.clone()).unwrap());
        Zip::from(&x[0]).and(b).and(x2).map_collect(|&a, &b, &x| share(scale * a, scale * b, 0.25 * x))
    }

    vec![
        example!("betainc", &[&[2, 3], &[3], &[2, 1]], |_, x| x[0].betainc(x[1], x[2] * 0.25), |x| shares(
            x, 1.0
        ))
        .within(0.7, 3.0),
        example!(
            "large betainc",
            &[&[2, 3], &[2, 3], &[2, 3]],
            |_, x| (x[0] * 9.0).betainc(x[1] * 9.0, x[2] * 0.25),
            |x| shares(x, 9.0)
        )
        .within(1.2, 2.5),
        example!("betainc of nothing", &[&[0, 2], &[2]], |_, x| x[0].betainc(x[1], 0.5), |x| x[0].clone()),
    ]
}
