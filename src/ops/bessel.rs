//! Modified Bessel functions, by themselves, `i0` and `i1`, and times e^-|x|: `i0e`, `i1e`.
//!
//! The derivatives of the former are all those of the first one; those of the latter are made of those of the first one, each of which is an op: differences of the functions would lose
//! the digits where x is large.

use crate::graph::AnyTensor;
use crate::graph::op::OpDef;
use crate::kernel::special;
use crate::ops::internal::internal;
use crate::ops::methods::methods;
use crate::ops::special::{INTEGRAL, Row, orders};

static I0E: Row<1> = Row::plain("i0e", |_, [x]| special::i0e(x), |_, _, [x], _| -(x.sign() * decay(1, x)));

// Of an odd function the slope is even.
static I1E: Row<1> = Row::plain("i1e", |_, [x]| special::i1e(x), |_, _, [x], _| decay(2, x) - decay(1, x));

static DECAY: Row<1> = Row {
    name: "i0e_decay",
    orders: &["n"],
    most: ([special::MOST_OF_BESSEL, 0], special::MOST_OF_BESSEL),
    of: "i0e",
    function: |[n, _], [x]| special::i0e_decay(n, x),
    slope: |_, [n, _], [x], _| -(x.sign() * decay(n + 1, x)),
    nanoseconds: INTEGRAL,
};

static I0: Row<1> = Row::plain("i0", |_, [x]| special::i0_derivative(0, x), |_, _, [x], _| derivative(1, x));

static I1: Row<1> = Row::plain("i1", |_, [x]| special::i0_derivative(1, x), |_, _, [x], _| derivative(2, x));

static DERIVATIVE: Row<1> = Row {
    name: "i0_derivative",
    orders: &["n"],
    most: ([special::MOST_OF_I0, 0], special::MOST_OF_I0),
    of: "i0",
    function: |[n, _], [x]| special::i0_derivative(n, x),
    slope: |_, [n, _], [x], _| derivative(n + 1, x),
    nanoseconds: INTEGRAL,
};

/// The n-th derivative of I₀.
fn derivative(n: u32, x: AnyTensor<'_>) -> AnyTensor<'_> {
    match n {
        1 => I1.of([0; 2], [x]),
        _ => DERIVATIVE.of([n, 0], [x]),
    }
}

/// (-1)ⁿ times the n-th derivative of i0e at |x|.
fn decay(n: u32, x: AnyTensor<'_>) -> AnyTensor<'_> {
    DECAY.of([n, 0], [x])
}

/// What e^-x·I₁(x) lacks of e^-x·I₀(x), for x from 0 on: no difference.
#[track_caller]
pub(crate) fn i0e_fall(x: AnyTensor<'_>) -> AnyTensor<'_> {
    decay(1, x)
}

methods! {
    /// I₀(x), elementwise: the modified Bessel function of order 0. It is ∞ from 714 on, where
    /// [`i0e`](crate::Tensor::i0e) is not.
    ///
    /// Gradient: the cotangent times I₁(x), and so on: there are derivatives to the 64th order, and the next is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = Session::new(&g)?.run(g.constant(ndarray::arr1(&[0.0, 1.0])).i0())?;
    /// assert!(y[0] == 1.0 && (y[1] - 1.266_065_877_752_008_4_f64).abs() < 1e-15);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("bessel_i0"))]
    fn i0<Float>(x) -> Self {
        I0.of([0; 2], [x])
    }

    /// I₁(x), elementwise: the modified Bessel function of order 1. It is ±∞ from ±714 on, where
    /// [`i1e`](crate::Tensor::i1e) is not.
    ///
    /// Gradient: the cotangent times (I₀(x) + I₂(x))/2, which is I₀(x) - I₁(x)/x without the digits that this would lose where
    /// x is small. There are derivatives to the 63rd order, and the next is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = Session::new(&g)?.run(g.constant(ndarray::arr1(&[0.0, 1.0])).i1())?;
    /// assert!(y[0] == 0.0 && (y[1] - 0.565_159_103_992_485_03_f64).abs() < 1e-15);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("bessel_i1"))]
    fn i1<Float>(x) -> Self {
        I1.of([0; 2], [x])
    }

    /// e^-|x|·I₀(x), elementwise: the modified Bessel function of order 0, scaled so that it stays in the range.
    ///
    /// Gradient: the cotangent times e^-|x|·(I₁(x) - sign x·I₀(x)), of which no digit is lost where x is large; at 0, where
    /// there is a kink, it is 0. There are derivatives to the eighth order; the ninth is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = Session::new(&g)?.run(g.constant(ndarray::arr1(&[0.0, 1.0])).i0e())?;
    /// assert!(y[0] == 1.0 && (y[1] - 0.465_759_607_593_640_43_f64).abs() < 1e-15);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("bessel_i0e"))]
    fn i0e<Float>(x) -> Self {
        I0E.of([0; 2], [x])
    }

    /// e^-|x|·I₁(x), elementwise: the modified Bessel function of order 1, scaled so that it stays in the range.
    ///
    /// Gradient: the cotangent times e^-|x|·(I₀(x) - I₁(x)·(1/x + sign x)), of which no digit is lost where x is large.
    /// There are derivatives to the seventh order; the eighth is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = Session::new(&g)?.run(g.constant(ndarray::arr1(&[0.0, 1.0])).i1e())?;
    /// assert!(y[0] == 0.0 && (y[1] - 0.207_910_415_349_708_44_f64).abs() < 1e-15);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("bessel_i1e"))]
    fn i1e<Float>(x) -> Self {
        I1E.of([0; 2], [x])
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "i0_derivative" (x: Float) [n: usize] |given| DERIVATIVE.op(orders([n, 0]))?;
    "i0e_decay" (x: Float) [n: usize] |given| DECAY.op(orders([n, 0]))?;
};

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    use crate::graph::Tensor;

    /// e^-|x|·Σ (x/2)²ᵏ⁺ⁿ/(k!·(k + n)!).
    fn scaled(n: i32, x: f64) -> f64 {
        let factorial: f64 = (1..=n).map(f64::from).product();
        let (mut term, mut sum) = ((x / 2.0).powi(n) / factorial, 0.0);
        for k in 1..80 {
            sum += term;
            term *= x * x / 4.0 / (f64::from(k) * f64::from(k + n));
        }
        sum * (-x.abs()).exp()
    }

    vec![
        example!("i0e", &[&[2, 3]], |_, x| x[0].i0e(), |x| x[0].mapv(|x| scaled(0, x))),
        example!("i1e", &[&[2, 3]], |_, x| x[0].i1e(), |x| x[0].mapv(|x| scaled(1, x))),
        example!("i0", &[&[2, 3]], |_, x| x[0].i0(), |x| x[0].mapv(|x| scaled(0, x) * x.abs().exp())),
        example!("i1", &[&[2, 3]], |_, x| x[0].i1(), |x| x[0].mapv(|x| scaled(1, x) * x.abs().exp())),
        example!("i0_derivative", &[&[2, 3]], |_, x| Tensor::typed(derivative(2, x[0].any())), |x| x[0]
            .mapv(|x| 0.5 * (scaled(0, x) + scaled(2, x)) * x.abs().exp())),
        example!("i0e of nothing", &[&[0, 2]], |_, x| x[0].i0e(), |x| x[0].clone()),
        example!("large i0e", &[&[2, 3]], |_, x| x[0].i0e(), |x| x[0].mapv(|x| scaled(0, x)))
            .within(7.0, 12.0),
        example!("large i1e", &[&[2, 3]], |_, x| x[0].i1e(), |x| x[0].mapv(|x| scaled(1, x)))
            .within(-12.0, -7.0),
        example!("i0e_decay", &[&[2, 3]], |_, x| Tensor::typed(decay(1, x[0].any())), |x| x[0]
            .mapv(|x| scaled(0, x) - scaled(1, x.abs()))),
    ]
}
