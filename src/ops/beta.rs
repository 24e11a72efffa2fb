//! The beta function and its logarithm: `beta`, `lbeta`.

use crate::kernel::special;
use crate::ops::gamma::rise;
use crate::ops::methods::methods;
use crate::ops::special::Row;

static LBETA: Row<2> = Row::plain(
    "lbeta",
    |_, [a, b]| special::lbeta(a, b),
    |input, _, [a, b], _| match input {
        0 => -rise(0, a, b),
        _ => -rise(0, b, a),
    },
);

static BETA: Row<2> = Row::plain(
    "beta",
    |_, [a, b]| special::beta(a, b),
    |input, _, [a, b], y| match input {
        0 => -(y * rise(0, a, b)),
        _ => -(y * rise(0, b, a)),
    },
);

methods! {
    /// B(a, b) = Γ(a)·Γ(b)/Γ(a + b), elementwise, where `self` is a; shapes broadcast.
    ///
    /// For parameters from 0 on; of a negative one it is NaN. Gradient: the cotangent times B·(ψ(a) - ψ(a + b)) to `self` and
    /// B·(ψ(b) - ψ(a + b)) to `b`, where ψ is [`digamma`](crate::Tensor::digamma) and the differences keep all digits. Shapes
    /// that do not broadcast are a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = Session::new(&g)?.run(g.constant(2.0_f64).beta(3.0))?.sum();
    /// assert!((y - 1.0 / 12.0).abs() < 1e-15);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn beta<Float>(a, b: (Self)) -> Self {
        BETA.of([0; 2], [a, b])
    }

    /// ln B(a, b) of [`beta`](crate::Tensor::beta), elementwise, where `self` is a; shapes broadcast.
    ///
    /// However large one parameter is beside the other, no digit is lost. For parameters from 0 on; of a negative one it is NaN.
    /// Gradient: the cotangent times ψ(a) - ψ(a + b) to `self` and ψ(b) - ψ(a + b) to `b`, where ψ is
    /// [`digamma`](crate::Tensor::digamma). Shapes that do not broadcast are a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = Session::new(&g)?.run(g.constant(1e15_f64).lbeta(1.0))?.sum();
    /// assert!((y + 1e15_f64.ln()).abs() < 1e-13);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("betaln"))]
    fn lbeta<Float>(a, b: (Self)) -> Self {
        LBETA.of([0; 2], [a, b])
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::compare::zipped;
    use super::laws::example;

    /// The integral over t = sin²θ, by the rule of trapezoids with both ends flat.
    fn beta(a: f64, b: f64) -> f64 {
        // With θ = π/2·(1 + tanh(sinh u·π/2))/2, all that there is lies between -4 and 4.
        let half_pi = std::f64::consts::FRAC_PI_2;
        let term = |u: f64| {
            let logistic = 1.0 / (1.0 + (-2.0 * half_pi * u.sinh()).exp());
            let rest = 1.0 / (1.0 + (2.0 * half_pi * u.sinh()).exp());
            let slope = 2.0 * half_pi * u.cosh() * logistic * rest;
            logistic.powf(a - 1.0) * rest.powf(b - 1.0) * slope
        };
        (-250..=250).map(|k| 0.02 * term(0.02 * f64::from(k))).sum()
    }

    vec![
        example!("beta", &[&[2, 3], &[3]], |_, x| x[0].beta(x[1]), |x| zipped(x, beta)).within(0.6, 3.0),
        example!("beta of a number", &[&[2, 1]], |_, x| x[0].beta(2.0), |x| x[0]
            .mapv(|a| 1.0 / (a * (a + 1.0))))
        .within(0.6, 3.0),
        example!("lbeta", &[&[3], &[2, 1]], |_, x| x[0].lbeta(x[1]), |x| zipped(x, |a, b| beta(a, b).ln()))
            .within(0.6, 3.0),
        example!("lbeta of nothing", &[&[0, 2], &[2]], |_, x| x[0].lbeta(x[1]), |x| x[0].clone()),
    ]
}
