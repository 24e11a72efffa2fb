//! The logarithm of the gamma function and its derivatives: `lgamma`, `digamma`, `polygamma`.
//!
//! What polygamma functions rise by from a to a + b, of which differences would lose the digits, is an op of its own: the
//! slopes of `lbeta` and `betainc` are made of it.

use crate::graph::AnyTensor;
use crate::graph::op::OpDef;
use crate::kernel::special;
use crate::ops::internal::internal;
use crate::ops::methods::methods;
use crate::ops::special::{Row, orders};

/// The highest derivative of digamma.
const MOST: u32 = 1000;

static LGAMMA: Row<1> = Row::plain("lgamma", |_, [x]| special::lgamma(x), |_, _, [x], _| x.digamma());

static DIGAMMA: Row<1> =
    Row::plain("digamma", |_, [x]| special::digamma(x), |_, _, [x], _| POLYGAMMA.of([1, 0], [x]));

static POLYGAMMA: Row<1> = Row {
    name: "polygamma",
    orders: &["n"],
    most: ([MOST, 0], MOST),
    of: "polygamma",
    function: |[n, _], [x]| special::polygamma(n, x),
    slope: |_, [n, _], [x], _| POLYGAMMA.of([n + 1, 0], [x]),
    nanoseconds: 100.0,
};

static RISE: Row<2> = Row {
    name: "polygamma_rise",
    orders: &["n"],
    most: ([MOST, 0], MOST),
    of: "polygamma",
    function: |[n, _], [a, b]| special::polygamma_rise(n, a, b),
    slope: |input, [n, _], [a, b], _| match input {
        0 => rise(n + 1, a, b),
        _ => POLYGAMMA.of([n + 1, 0], [a + b]),
    },
    nanoseconds: 100.0,
};

/// What the n-th derivative of digamma is more at a + b than at a.
pub(super) fn rise<'g>(n: u32, a: AnyTensor<'g>, b: AnyTensor<'g>) -> AnyTensor<'g> {
    RISE.of([n, 0], [a, b])
}

/// ψ(a + b) - ψ(a), of which no digit is lost.
#[track_caller]
pub(crate) fn digamma_rise<'g>(a: AnyTensor<'g>, b: AnyTensor<'g>) -> AnyTensor<'g> {
    rise(0, a, b)
}

/// The n-th derivative of digamma.
pub(super) fn polygamma(n: u32, x: AnyTensor<'_>) -> AnyTensor<'_> {
    POLYGAMMA.of([n, 0], [x])
}

methods! {
    /// ln |Γ(x)|, elementwise: the logarithm of the gamma function, which is that of (x - 1)! for whole x.
    ///
    /// Near 1 and 2, where it is 0, no digit is lost; at the poles, 0 and the negative whole numbers, it is ∞. Gradient: the
    /// cotangent times [`digamma`](crate::Tensor::digamma), and so on to any order.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = Session::new(&g)?.run(g.constant(ndarray::arr1(&[1.0, 5.0])).lgamma())?;
    /// assert_eq!(y, ndarray::arr1(&[0.0, 24.0_f64.ln()]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("gammaln", "loggamma"))]
    fn lgamma<Float>(x) -> Self {
        LGAMMA.of([0; 2], [x])
    }

    /// The derivative of ln |Γ(x)|, elementwise.
    ///
    /// Near its zeros at 1.46 and -0.50 no digit is lost. At 0 it is -∞ (at -0, ∞), and at the other poles NaN. Gradient: the
    /// cotangent times [`polygamma(1)`](crate::Tensor::polygamma).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let euler = Session::new(&g)?.run(-g.constant(1.0_f64).digamma())?.sum();
    /// assert!((euler - 0.577_215_664_901_532_9).abs() < 1e-15);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("psi"))]
    fn digamma<Float>(x) -> Self {
        DIGAMMA.of([0; 2], [x])
    }

    /// The `n`-th derivative of [`digamma`](crate::Tensor::digamma), elementwise; 0 gives digamma itself, 1 trigamma.
    ///
    /// Gradient: the cotangent times `polygamma(n + 1)`. An `n` above 1,000 is a build error, as are derivatives that come
    /// to one.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = Session::new(&g)?.run(g.constant(1.0_f64).polygamma(1))?.sum();
    /// assert!((y - std::f64::consts::PI.powi(2) / 6.0).abs() < 1e-15);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("trigamma"))]
    fn polygamma<Float>(x, n: usize) -> Self {
        POLYGAMMA.of(orders([n, 0]), [x])
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "polygamma_rise" (a: Float, b: Same) [n: usize] |given| RISE.op(orders([n, 0]))?;
};

/// ln Γ to compare with: Stirling's series far up, and the recurrence from there.
#[cfg(test)]
pub(super) fn lgamma(x: f64) -> f64 {
    let z = x + 30.0;
    let tail = [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0];
    let tail: f64 = tail.iter().zip([1, 3, 5, 7]).map(|(term, power)| term / z.powi(power)).sum();
    let far = (z - 0.5) * z.ln() - z + 0.5 * std::f64::consts::TAU.ln() + tail;
    far - (0..30).map(|k| (x + f64::from(k)).ln()).sum::<f64>()
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    use crate::graph::Tensor;

    /// (-1)ⁿ⁺¹·n!·Σ 1/(x + k)ⁿ⁺¹, the end of the sum by an integral.
    fn polygamma(n: i32, x: f64) -> f64 {
        let factorial: f64 = (1..=n).map(f64::from).product();
        let (z, sum) = (x + 2000.0, (0..2000).map(|k| (x + f64::from(k)).powi(-n - 1)).sum::<f64>());
        let end = z.powi(-n) / f64::from(n) + 0.5 * z.powi(-n - 1) + f64::from(n + 1) / 12.0 * z.powi(-n - 2);
        (-1_f64).powi(n + 1) * factorial * (sum + end)
    }

    /// ln z - 1/(2z) - 1/(12z²) + 1/(120z⁴) - .. far up, and the recurrence from there.
    fn digamma(x: f64) -> f64 {
        let z = x + 30.0;
        let tail = [1.0 / 12.0, -1.0 / 120.0, 1.0 / 252.0, -1.0 / 240.0];
        let tail: f64 = tail.iter().zip([2, 4, 6, 8]).map(|(term, power)| term / z.powi(power)).sum();
        z.ln() - 0.5 / z - tail - (0..30).map(|k| 1.0 / (x + f64::from(k))).sum::<f64>()
    }

    vec![
        example!("lgamma", &[&[2, 3]], |_, x| x[0].lgamma(), |x| x[0].mapv(lgamma)).within(0.3, 4.0),
        example!("lgamma of nothing", &[&[0, 2]], |_, x| x[0].lgamma(), |x| x[0].clone()),
        example!("lgamma of a number", &[&[]], |_, x| x[0].lgamma(), |x| x[0].mapv(lgamma)).within(0.3, 4.0),
        example!("digamma", &[&[2, 3]], |_, x| x[0].digamma(), |x| x[0].mapv(digamma)).within(0.3, 4.0),
        example!("polygamma 0", &[&[2, 3]], |_, x| x[0].polygamma(0), |x| x[0].mapv(digamma))
            .within(0.3, 4.0),
        example!("polygamma 1", &[&[2, 3]], |_, x| x[0].polygamma(1), |x| x[0].mapv(|x| polygamma(1, x)))
            .within(0.5, 4.0),
        example!("polygamma 4", &[&[3]], |_, x| x[0].polygamma(4), |x| x[0].mapv(|x| polygamma(4, x)))
            .within(0.9, 4.0),
        example!(
            "polygamma_rise 0",
            &[&[2, 3], &[3]],
            |_, x| Tensor::typed(rise(0, x[0].any(), x[1].any())),
            |x| { super::compare::zipped(x, |a, b| digamma(a + b) - digamma(a)) }
        )
        .within(0.5, 4.0),
        example!(
            "polygamma_rise 1",
            &[&[2, 3], &[3]],
            |_, x| Tensor::typed(rise(1, x[0].any(), x[1].any())),
            |x| { super::compare::zipped(x, |a, b| polygamma(1, a + b) - polygamma(1, a)) }
        )
        .within(0.7, 4.0),
    ]
}
