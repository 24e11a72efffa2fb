//! Elementwise functions of one tensor: negation, magnitude, powers, roots, exponentials and logarithms. One
//! row of [`unary_methods`] declares the method of one.

use crate::element::Numeric;
use crate::error::Mistake;
use crate::gradient::Pullback;
use crate::graph::op::{Form, Op};
use crate::graph::{AnyTensor, Tensor, Variable};
use crate::ir::{Lowering, Scalar, Val};
use crate::ops::steps::Step;
use crate::shape::TensorType;

pub(super) const METHODS: &[&[crate::graph::op::OpDef]] = &[];

/// An elementwise function of one tensor.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unary {
    Neg,
    Abs,
    Square,
    Sqrt,
    Exp,
    Expm1,
    Ln,
    Log1p,
    Sigmoid,
    Erf,
}

impl Unary {
    fn scalar(self) -> Scalar {
        match self {
            Unary::Neg => Scalar::Neg,
            Unary::Abs => Scalar::Abs,
            Unary::Square => Scalar::Square,
            Unary::Sqrt => Scalar::Sqrt,
            Unary::Exp => Scalar::Exp,
            Unary::Expm1 => Scalar::Expm1,
            Unary::Ln => Scalar::Ln,
            Unary::Log1p => Scalar::Log1p,
            Unary::Sigmoid => Scalar::Sigmoid,
            Unary::Erf => Scalar::Erf,
        }
    }
}

impl Op for Unary {
    fn name(&self) -> &'static str {
        self.scalar().name()
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        to.map(self.scalar(), inputs)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (x, y) = (at.input(0), at.output());
        let number = |value: f64| x.scalar_like(value);
        match self {
            Unary::Neg => at.give(0, |dy| -dy),
            Unary::Abs => at.scale(0, || x.unary(Step::Sign)),
            Unary::Square => at.scale(0, || x * number(2.0)),
            Unary::Sqrt => at.divide(0, || y * number(2.0)),
            Unary::Exp => at.scale(0, || y),
            Unary::Expm1 => at.scale(0, || y + number(1.0)),
            Unary::Ln => at.divide(0, || x),
            Unary::Log1p => at.divide(0, || x + number(1.0)),
            Unary::Sigmoid => at.scale(0, || y * (number(1.0) - y)),
            Unary::Erf => at.scale(0, || x.bell(1.0, 0) * number(std::f64::consts::FRAC_2_SQRT_PI)),
        }
    }

    fn form(&self) -> Form {
        if let Unary::Neg = self { Form::Negative } else { Form::Other }
    }
}

/// 1/x, or 1/√x.
#[derive(Clone, Copy, Debug)]
enum Reciprocal {
    Plain,
    OfRoot,
}

impl Op for Reciprocal {
    fn name(&self) -> &'static str {
        match self {
            Reciprocal::Plain => "reciprocal",
            Reciprocal::OfRoot => "rsqrt",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let one = to.scalar(1.0, to.dtype(inputs[0]));
        let divisor = match self {
            Reciprocal::Plain => inputs[0],
            Reciprocal::OfRoot => to.map(Scalar::Sqrt, inputs),
        };
        to.map(Scalar::Div, &[one, divisor])
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (x, y) = (at.input(0), at.output());
        match self {
            Reciprocal::Plain => at.scale(0, || -y.unary(Unary::Square)),
            Reciprocal::OfRoot => at.scale(0, || y / x * x.scalar_like(-0.5)),
        }
    }
}

/// Methods of float tensors that apply an op of one tensor. First what the docs of all say of the values, then
/// a row each: name, op, formula, gradient, and an example as argument and result.
macro_rules! unary_methods {
    ($values:literal; $($name:ident $op:expr, $formula:literal, $gradient:literal, $x:literal => $y:expr;)*) => {
        impl<T: $crate::element::Float> $crate::graph::Tensor<'_, T> {$(
            #[doc = concat!($formula, ", elementwise.")]
            #[doc = ""]
            #[doc = concat!("Gradient: the cotangent times ", $gradient, ". ", $values)]
            #[doc = ""]
            #[doc = "```"]
            #[doc = "use flowgrad::prelude::*;"]
            #[doc = "let g = Graph::new();"]
            #[doc = concat!("let y = Session::new(&g)?.run(g.constant(", stringify!($x), "_f64).", stringify!($name), "())?;")]
            #[doc = concat!("let expected: f64 = ", stringify!($y), ";")]
            #[doc = "assert!((y.sum() - expected).abs() < 1e-15);"]
            #[doc = "# Ok::<(), flowgrad::Error>(())"]
            #[doc = "```"]
            #[track_caller]
            pub fn $name(self) -> Self {
                $crate::graph::Tensor::typed(self.any().unary($op))
            }
        )*}
    };
}
pub(super) use unary_methods;

unary_methods! { "An infinite slope times a cotangent of 0 is NaN, except below a branch that \
[`select`](crate::Tensor::select) did not take, where the gradient is 0. The error of the values is at most \
2 units in the last place.";
    sqrt       Unary::Sqrt,    "√x",              "1/(2·√x)",       2.0  => 2.0_f64.sqrt();
    rsqrt      Reciprocal::OfRoot, "1/√x",        "-1/(2·x·√x)",    4.0  => 0.5;
    reciprocal Reciprocal::Plain,  "1/x",         "-1/x²",          4.0  => 0.25;
    exp        Unary::Exp,     "eˣ",              "eˣ",             0.5  => 0.5_f64.exp();
    expm1      Unary::Expm1,   "eˣ - 1",          "eˣ",             0.5  => 0.5_f64.exp_m1();
    ln         Unary::Ln,      "The natural logarithm of x", "1/x", 3.0  => 3.0_f64.ln();
    log1p      Unary::Log1p,   "ln(1 + x)",       "1/(1 + x)",      0.5  => 0.5_f64.ln_1p();
}

unary_methods! { "The error of the values is at most 2 units in the last place.";
    sigmoid    Unary::Sigmoid, "1/(1 + e⁻ˣ)",     "y·(1 - y)",      0.0  => 0.5;
    erf        Unary::Erf,     "2/√π·∫₀ˣ e^(-t²) dt", "2/√π·e^(-x²)", 0.0 => 0.0;
}

impl<T: Numeric> Tensor<'_, T> {
    /// |x|, elementwise. The least integer, which has no magnitude of its type, stays.
    ///
    /// Gradient: the cotangent times the sign of x, which is 0 at 0.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr1(&[-3.0, 2.0])).abs();
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[3.0, 2.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn abs(self) -> Self {
        Tensor::typed(self.any().unary(Unary::Abs))
    }

    /// x², elementwise.
    ///
    /// Gradient: 2·x times the cotangent.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr1(&[-3.0, 2.0])).square();
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[9.0, 4.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn square(self) -> Self {
        Tensor::typed(self.any().unary(Unary::Square))
    }
}

/// `-x`, elementwise. Gradient: minus the cotangent.
impl<T: Numeric> std::ops::Neg for Tensor<'_, T> {
    type Output = Self;
    #[track_caller]
    fn neg(self) -> Self {
        Tensor::typed(self.any().unary(Unary::Neg))
    }
}

/// `-x`, as for the variable's [`Tensor`].
impl<'g, T: Numeric> std::ops::Neg for Variable<'g, T> {
    type Output = Tensor<'g, T>;
    #[track_caller]
    fn neg(self) -> Tensor<'g, T> {
        -self.tensor()
    }
}

impl std::ops::Neg for AnyTensor<'_> {
    type Output = Self;
    #[track_caller]
    fn neg(self) -> Self {
        self.unary(Unary::Neg)
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    vec![
        example!("neg", &[&[2, 3]], |_, x| -x[0], |x| x[0].mapv(|x| -x)),
        example!("abs", &[&[2, 3]], |_, x| x[0].abs(), |x| x[0].mapv(f64::abs)),
        example!("square", &[&[2, 3]], |_, x| x[0].square(), |x| x[0].mapv(|x| x * x)),
        example!("square of nothing", &[&[0, 2]], |_, x| x[0].square(), |x| x[0].clone()),
        example!("square of a number", &[&[]], |_, x| x[0].square(), |x| x[0].mapv(|x| x * x)),
        example!("sqrt", &[&[2, 3]], |_, x| (x[0] * x[0]).sqrt(), |x| x[0].mapv(f64::abs)),
        example!("rsqrt", &[&[2, 3]], |_, x| x[0].rsqrt(), |x| x[0].mapv(|x| x.powf(-0.5))).within(0.5, 3.0),
        example!("reciprocal", &[&[2, 3]], |_, x| x[0].reciprocal(), |x| x[0].mapv(f64::recip)),
        example!("exp", &[&[2, 3]], |_, x| x[0].exp(), |x| x[0].mapv(f64::exp)),
        example!("expm1", &[&[2, 3]], |_, x| x[0].expm1(), |x| x[0].mapv(f64::exp_m1)),
        example!("ln", &[&[2, 3]], |_, x| x[0].square().ln(), |x| x[0].mapv(|x| (x * x).ln())),
        example!("log1p", &[&[2, 3]], |_, x| x[0].square().log1p(), |x| x[0].mapv(|x| (x * x).ln_1p())),
        example!("sigmoid", &[&[2, 3]], |_, x| x[0].sigmoid(), |x| x[0].mapv(|x| 1.0 / (1.0 + (-x).exp()))),
        example!("erf of 0", &[&[2, 3]], |_, x| (x[0] * 0.0).erf() + x[0], |x| x[0].clone()),
        example!("erf is odd", &[&[2, 3]], |_, x| x[0].erf() + (-x[0]).erf() + x[0], |x| x[0].clone()),
    ]
}
