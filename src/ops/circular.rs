//! Circular and hyperbolic functions of one tensor: sine, cosine and tangent, of either kind, and the inverses
//! of the circular ones.

use crate::error::Mistake;
use crate::gradient::Pullback;
use crate::graph::op::Op;
use crate::ir::{Lowering, Scalar, Val};
use crate::ops::bump::Cauchy;
use crate::ops::unary::{Unary, unary_methods};
use crate::shape::TensorType;

pub(super) const METHODS: &[&[crate::graph::op::OpDef]] = &[];

/// A circular or hyperbolic function.
#[derive(Clone, Copy, Debug)]
enum Circular {
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Tanh,
}

impl Circular {
    fn scalar(self) -> Scalar {
        match self {
            Circular::Sin => Scalar::Sin,
            Circular::Cos => Scalar::Cos,
            Circular::Tan => Scalar::Tan,
            Circular::Asin => Scalar::Asin,
            Circular::Acos => Scalar::Acos,
            Circular::Atan => Scalar::Atan,
            Circular::Sinh => Scalar::Sinh,
            Circular::Cosh => Scalar::Cosh,
            Circular::Tanh => Scalar::Tanh,
        }
    }
}

impl Op for Circular {
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
        let one = || x.scalar_like(1.0);
        // √(1 - x²), without the digits that the difference would lose where |x| is nearly 1.
        let leg = || ((one() - x) * (one() + x)).unary(Unary::Sqrt);
        match self {
            Circular::Sin => at.scale(0, || x.unary(Circular::Cos)),
            Circular::Cos => at.scale(0, || -x.unary(Circular::Sin)),
            Circular::Tan => at.scale(0, || one() + y.unary(Unary::Square)),
            Circular::Asin => at.divide(0, leg),
            Circular::Acos => at.divide(0, || -leg()),
            Circular::Atan => at.scale(0, || x.unary(Cauchy::Plain)),
            Circular::Sinh => at.scale(0, || x.unary(Circular::Cosh)),
            Circular::Cosh => at.scale(0, || x.unary(Circular::Sinh)),
            Circular::Tanh => at.scale(0, || one() - y * y),
        }
    }
}

unary_methods! { "An infinite slope times a cotangent of 0 is NaN, except below a branch that \
[`select`](crate::Tensor::select) did not take, where the gradient is 0. The error of the values is at most \
2 units in the last place.";
    asin Circular::Asin, "The angle between -π/2 and π/2 whose sine is x; NaN where |x| > 1", "1/√(1 - x²)",  0.5 => 0.5_f64.asin();
    acos Circular::Acos, "The angle between 0 and π whose cosine is x; NaN where |x| > 1",    "-1/√(1 - x²)", 0.5 => 0.5_f64.acos();
    sinh Circular::Sinh, "The hyperbolic sine of x",      "cosh x",      0.5 => 0.5_f64.sinh();
    cosh Circular::Cosh, "The hyperbolic cosine of x",    "sinh x",      0.5 => 0.5_f64.cosh();
}

unary_methods! { "The error of the values is at most 2 units in the last place.";
    sin  Circular::Sin,  "The sine of x, in radians",     "cos x",       0.5 => 0.5_f64.sin();
    cos  Circular::Cos,  "The cosine of x, in radians",   "-sin x",      0.5 => 0.5_f64.cos();
    tan  Circular::Tan,  "The tangent of x, in radians",  "1 + tan²x",   0.5 => 0.5_f64.tan();
    atan Circular::Atan, "The angle between -π/2 and π/2 whose tangent is x", "1/(1 + x²)",   0.5 => 0.5_f64.atan();
    tanh Circular::Tanh, "The hyperbolic tangent of x",   "1 - tanh²x",  0.5 => 0.5_f64.tanh();
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    vec![
        example!("sin", &[&[2, 3]], |_, x| x[0].sin(), |x| x[0].mapv(f64::sin)),
        example!("cos", &[&[2, 3]], |_, x| x[0].cos(), |x| x[0].mapv(f64::cos)),
        example!("tan", &[&[2, 3]], |_, x| x[0].tan(), |x| x[0].mapv(f64::tan)).within(-1.0, 1.1),
        example!("asin", &[&[2, 3]], |_, x| x[0].asin(), |x| x[0].mapv(f64::asin)).within(-0.9, 0.8),
        example!("acos", &[&[2, 3]], |_, x| x[0].acos(), |x| x[0].mapv(f64::acos)).within(-0.9, 0.8),
        example!("atan", &[&[2, 3]], |_, x| x[0].atan(), |x| x[0].mapv(f64::atan)),
        example!("sinh", &[&[2, 3]], |_, x| x[0].sinh(), |x| x[0].mapv(f64::sinh)),
        example!("cosh", &[&[2, 3]], |_, x| x[0].cosh(), |x| x[0].mapv(f64::cosh)),
        example!("tanh", &[&[2, 3]], |_, x| x[0].tanh(), |x| x[0].mapv(f64::tanh)),
        example!("tan of nothing", &[&[0, 2]], |_, x| x[0].tan(), |x| x[0].clone()),
        example!("atan of a number", &[&[1]], |_, x| x[0].atan(), |x| x[0].mapv(f64::atan)),
    ]
}
