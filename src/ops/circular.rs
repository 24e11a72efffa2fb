//! Circular and hyperbolic functions of one tensor: sine, cosine and tangent, of either kind, and the inverses
//! of the circular ones.

use crate::graph::AnyTensor;
use crate::ops::bump::Cauchy;
use crate::ops::elementwise::elementwise;

/// √(1 - x²), without the digits that the difference would lose where |x| is nearly 1.
fn leg(x: AnyTensor<'_>) -> AnyTensor<'_> {
    ((1.0 - x) * (1.0 + x)).sqrt()
}

elementwise! {
    Float "An infinite slope times a cotangent of 0 is NaN, except below a branch that \
        [`select`](crate::Tensor::select) did not take, where the gradient is 0. The error of the values is at most \
        2 units in the last place." {
        asin "The angle between -π/2 and π/2 whose sine is x; NaN where |x| > 1" aka ["arcsin"] |x| x.asin(),
            ["1/√(1 - x²)" over |x, _| leg(x)], (0.5 => |x| x.asin(), within -0.9, 0.8);
        acos "The angle between 0 and π whose cosine is x; NaN where |x| > 1" aka ["arccos"] |x| x.acos(),
            ["-1/√(1 - x²)" over |x, _| -leg(x)], (0.5 => |x| x.acos(), within -0.9, 0.8);
        sinh "The hyperbolic sine of x" |x| x.sinh(), ["cosh x" times |x, _| x.cosh()], (0.5 => |x| x.sinh());
        cosh "The hyperbolic cosine of x" |x| x.cosh(), ["sinh x" times |x, _| x.sinh()], (0.5 => |x| x.cosh());
    }
    Float "The error of the values is at most 2 units in the last place." {
        sin "The sine of x, in radians" |x| x.sin(), ["cos x" times |x, _| x.cos()], (0.5 => |x| x.sin());
        cos "The cosine of x, in radians" |x| x.cos(), ["-sin x" times |x, _| -x.sin()], (0.5 => |x| x.cos());
        tan "The tangent of x, in radians" |x| x.tan(), ["1 + tan²x" times |_, y| 1.0 + y.square()],
            (0.5 => |x| x.tan(), within -1.0, 1.1);
        atan "The angle between -π/2 and π/2 whose tangent is x" aka ["arctan"] |x| x.atan(),
            ["1/(1 + x²)" times |x, _| x.unary(Cauchy::Plain)], (0.5 => |x| x.atan());
        tanh "The hyperbolic tangent of x" |x| x.tanh(), ["1 - tanh²x" times |_, y| 1.0 - y * y], (0.5 => |x| x.tanh());
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    let mut examples = rows();
    examples.extend([
        example!("tan of nothing", &[&[0, 2]], |_, x| x[0].tan(), |x| x[0].clone()),
        example!("atan of a number", &[&[1]], |_, x| x[0].atan(), |x| x[0].mapv(f64::atan)),
    ]);
    examples
}
