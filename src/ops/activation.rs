//! Activations with a kink or a bend at 0: `relu`, `relu6`, `leaky_relu`, `elu`, `selu`, `softplus`. Each is one
//! node of a few instructions.

use crate::element::Float;
use crate::error::Mistake;
use crate::gradient::Pullback;
use crate::graph::op::{Attributes, Op};
use crate::graph::{AnyTensor, Tensor};
use crate::ir::{Lowering, Scalar, Val};
use crate::ops::compare::{Compare, Extreme};
use crate::ops::logical::Logical;
use crate::ops::unary::{Unary, unary_methods};
use crate::shape::TensorType;

pub(super) const METHODS: &[&[crate::graph::op::OpDef]] = &[];

/// The scale and, with it, what `selu` tends to at -∞: activations of mean 0 and variance 1 keep these
/// (Klambauer et al., 2017, "Self-Normalizing Neural Networks").
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
const SELU_FLOOR: f64 = SELU_SCALE * 1.673_263_242_354_377_2;

/// An activation.
#[derive(Clone, Copy, Debug)]
enum Activation {
    Relu,
    Relu6,
    /// With the slope below 0.
    LeakyRelu(f64),
    Elu,
    Selu,
    Softplus,
}

impl Op for Activation {
    fn name(&self) -> &'static str {
        match self {
            Activation::Relu => "relu",
            Activation::Relu6 => "relu6",
            Activation::LeakyRelu(_) => "leaky_relu",
            Activation::Elu => "elu",
            Activation::Selu => "selu",
            Activation::Softplus => "softplus",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let x = inputs[0];
        let dtype = to.dtype(x);
        let zero = to.scalar(0.0, dtype);
        match *self {
            Activation::Relu => to.map(Scalar::Maximum, &[x, zero]),
            Activation::Relu6 => {
                let (above, six) = (to.map(Scalar::Maximum, &[x, zero]), to.scalar(6.0, dtype));
                to.map(Scalar::Minimum, &[above, six])
            }
            Activation::LeakyRelu(alpha) => {
                let below = scaled(to, x, alpha);
                if_positive(to, x, x, below)
            }
            Activation::Elu => {
                let below = to.map(Scalar::Expm1, &[x]);
                if_positive(to, x, x, below)
            }
            Activation::Selu => {
                let below = to.map(Scalar::Expm1, &[x]);
                let (above, below) = (scaled(to, x, SELU_SCALE), scaled(to, below, SELU_FLOOR));
                if_positive(to, x, above, below)
            }
            // max(x, 0) + ln(1 + e^-|x|): no exponential overflows, and no digit is lost.
            Activation::Softplus => {
                let above = to.map(Scalar::Maximum, &[x, zero]);
                let magnitude = to.map(Scalar::Abs, &[x]);
                let negative = to.map(Scalar::Neg, &[magnitude]);
                let decay = to.map(Scalar::Exp, &[negative]);
                let rest = to.map(Scalar::Log1p, &[decay]);
                to.map(Scalar::Add, &[above, rest])
            }
        }
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (x, y) = (at.input(0), at.output());
        let number = |value: f64| x.scalar_like(value);
        // What the exponential is below 0, and 1 above, where it could overflow.
        let decay = || x.binary(Extreme::Minimum, number(0.0)).unary(Unary::Exp);
        match *self {
            // Outputs that are not positive are those of such inputs; at the kinks the derivative is taken to be 0.
            // A NaN, which is neither, lets the cotangent pass.
            Activation::Relu => at.give(0, |dy| is_at_most_0(y).select(number(0.0), dy)),
            Activation::Relu6 => at.give(0, |dy| {
                let is_above = number(6.0).binary(Compare::LessEqual, y);
                is_at_most_0(y).binary(Logical::Or, is_above).select(number(0.0), dy)
            }),
            Activation::LeakyRelu(alpha) => {
                at.scale(0, || is_at_most_0(x).select(number(alpha), number(1.0)));
            }
            Activation::Elu => at.scale(0, decay),
            Activation::Selu => {
                let is_positive = || number(0.0).binary(Compare::Less, x);
                at.scale(0, || is_positive().select(number(SELU_SCALE), decay() * number(SELU_FLOOR)));
            }
            Activation::Softplus => at.scale(0, || x.unary(Unary::Sigmoid)),
        }
    }

    fn attributes(&self) -> Attributes {
        match self {
            Activation::LeakyRelu(alpha) => Attributes::new().with("alpha", *alpha),
            _ => Attributes::new(),
        }
    }
}

/// Whether each element is 0 or negative.
fn is_at_most_0(value: AnyTensor<'_>) -> AnyTensor<'_> {
    value.binary(Compare::LessEqual, value.scalar_like(0.0))
}

/// A value times a number.
fn scaled(to: &mut Lowering<'_>, value: Val, factor: f64) -> Val {
    let factor = to.scalar(factor, to.dtype(value));
    to.map(Scalar::Mul, &[value, factor])
}

/// The one value where x is positive, else the other: also where x is NaN, or a zero, whose sign it keeps.
fn if_positive(to: &mut Lowering<'_>, x: Val, then: Val, otherwise: Val) -> Val {
    let zero = to.scalar(0.0, to.dtype(x));
    let is_positive = to.compare(Scalar::Less, &[zero, x]);
    to.map(Scalar::Select, &[is_positive, then, otherwise])
}

unary_methods! { "NaN stays NaN, and the cotangent passes.";
    relu     Activation::Relu,     "max(x, 0)", "0 where x ≤ 0, else 1", 3.0 => 3.0;
    relu6    Activation::Relu6,    "min(max(x, 0), 6)", "0 where x ≤ 0 or x ≥ 6, else 1", 7.0 => 6.0;
    elu      Activation::Elu,      "x where x > 0, else eˣ - 1", "1 where x > 0, else eˣ", -0.5 => (-0.5_f64).exp_m1();
    selu     Activation::Selu,     "1.0507·x where x > 0, else 1.7581·(eˣ - 1), with the constants to full precision", "1.0507 where x > 0, else 1.7581·eˣ", 1.0 => 1.0507009873554805;
    softplus Activation::Softplus, "ln(1 + eˣ), which neither overflows nor loses digits", "1/(1 + e⁻ˣ)", 0.0 => 2.0_f64.ln();
}

impl<T: Float> Tensor<'_, T> {
    /// x where x > 0, else `alpha`·x, elementwise; NaN stays NaN.
    ///
    /// Gradient: `alpha` times the cotangent where x ≤ 0, else the cotangent.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr1(&[-2.0, 3.0])).leaky_relu(0.25);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[-0.5, 3.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn leaky_relu(self, alpha: f64) -> Self {
        Tensor::typed(self.any().unary(Activation::LeakyRelu(alpha)))
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    vec![
        example!("relu", &[&[3, 4]], |_, x| x[0].relu(), |x| x[0].mapv(|x| x.max(0.0))),
        example!("relu of nothing", &[&[0, 4]], |_, x| x[0].relu(), |x| x[0].clone()),
        example!("relu6", &[&[3, 4]], |_, x| (x[0] * 5.0).relu6(), |x| x[0]
            .mapv(|x| (5.0 * x).clamp(0.0, 6.0))),
        example!("leaky_relu", &[&[3, 4]], |_, x| x[0].leaky_relu(0.2), |x| x[0].mapv(|x| x.max(0.2 * x))),
        example!("steep leaky_relu", &[&[5]], |_, x| x[0].leaky_relu(1.5), |x| x[0].mapv(|x| x.min(1.5 * x))),
        example!("elu", &[&[3, 4]], |_, x| x[0].elu(), |x| x[0].mapv(|x| x.max(x.min(0.0).exp() - 1.0))),
        example!("selu", &[&[3, 4]], |_, x| x[0].selu(), |x| x[0].mapv(|x| {
            let alpha = 1.673_263_242_354_377_2;
            1.050_700_987_355_480_5 * if x > 0.0 { x } else { alpha * (x.exp() - 1.0) }
        })),
        example!("softplus", &[&[3, 4]], |_, x| x[0].softplus(), |x| x[0].mapv(|x| (1.0 + x.exp()).ln())),
        example!("softplus of a number", &[&[]], |_, x| x[0].softplus(), |x| x[0]
            .mapv(|x| (1.0 + x.exp()).ln())),
    ]
}
