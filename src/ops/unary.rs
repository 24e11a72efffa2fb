//! Elementwise functions of one tensor: negation, magnitude, powers, roots, exponentials and logarithms.

use std::f64::consts::{FRAC_2_SQRT_PI, LN_2, LOG2_E, LOG10_E};

use crate::element::Numeric;
use crate::graph::{AnyTensor, Tensor, Variable};
use crate::ops::elementwise::{Elementwise, elementwise};
use std::ops::Neg as _;

elementwise! {
    [elementwise!(@definition Number neg [] "-x", [x])]
    Float "An infinite slope times a cotangent of 0 is NaN, except below a branch that \
        [`select`](crate::Tensor::select) did not take, where the gradient is 0. The error of the values is at most \
        2 units in the last place." {
        sqrt "√x" |x| x.sqrt(), ["1/(2·√x)" over |_, y| y * 2.0], (2.0 => |x| x.sqrt(), within 0.5, 3.0);
        rsqrt "1/√x" |x| 1.0 / x.sqrt(), ["-1/(2·x·√x)" times |x, y| y / x * -0.5], (4.0 => |x| x.powf(-0.5), within 0.5, 3.0);
        reciprocal "1/x" aka ["inv"] |x| 1.0 / x, ["-1/x²" times |_, y| -y.square()], (4.0 => |x| 1.0 / x);
        exp "eˣ" |x| x.exp(), ["eˣ" times |_, y| y], (0.5 => |x| x.exp());
        exp2 "2ˣ" |x| x.exp2(), ["2ˣ·ln 2" times |_, y| y * LN_2], (0.5 => |x| x.exp2());
        expm1 "eˣ - 1" |x| x.expm1(), ["eˣ" times |_, y| y + 1.0], (0.5 => |x| x.exp_m1());
        ln "The natural logarithm of x" aka ["log"] |x| x.ln(), ["1/x" over |x, _| x], (3.0 => |x| x.ln(), within 0.2, 3.0);
        log2 "The logarithm of x to the base 2" |x| x.log2(), ["1/(x·ln 2)" times |x, _| x.reciprocal() * LOG2_E],
            (3.0 => |x| x.log2(), within 0.2, 3.0);
        log10 "The logarithm of x to the base 10" |x| x.log10(), ["1/(x·ln 10)" times |x, _| x.reciprocal() * LOG10_E],
            (3.0 => |x| x.log10(), within 0.2, 3.0);
        // A cube root for its own slope: powers of it, where quotients would be 0/0.
        cbrt "∛x, negative where x is" |x| x.cbrt(), ["1/(3·∛x²)" times |_, y| y.reciprocal().square() * (1.0 / 3.0)],
            (3.0 => |x| x.cbrt());
        log1p "ln(1 + x)" |x| x.log1p(), ["1/(1 + x)" over |x, _| x + 1.0], (0.5 => |x| x.ln_1p(), within -0.5, 3.0);
    }
    Float "The error of the values is at most 2 units in the last place." {
        sigmoid "1/(1 + e⁻ˣ)" aka ["expit", "logistic"] |x| x.sigmoid(), ["y·(1 - y)" times |_, y| y * (1.0 - y)], (0.0 => |x| 1.0 / (1.0 + (-x).exp()));
        erf "2/√π·∫₀ˣ e^(-t²) dt" |x| x.erf(), ["2/√π·e^(-x²)" times |x, _| x.bell(1.0, 0) * FRAC_2_SQRT_PI], ([0.0] => [0.0]);
        erfc "1 - erf x, of which no digit is lost where it is nearly 0" |x| x.erfc(),
            ["-2/√π·e^(-x²)" times |x, _| x.bell(1.0, 0) * -FRAC_2_SQRT_PI], ([0.0] => [1.0]);
    }
    Number "The least integer, which has no magnitude of its type, stays; integers wrap around." {
        abs "|x|" aka ["absolute"] |x| x.abs(), ["the sign of x, which is 0 at 0" times |x, _| x.sign()], ([-3.0, 2.0] => [3.0, 2.0]);
        square "x²" |x| x.square(), ["2·x" times |x, _| x * 2.0], ([-3.0, 2.0] => [9.0, 4.0]);
    }
}

/// -x.
fn neg() -> Elementwise<1> {
    elementwise!(@static Number neg [] [x] -x, [], ["-1" gives |dy, _, _| -dy], [Negative]);
    Elementwise { row: &ROW, number: None }
}

/// `-x`, elementwise. Gradient: minus the cotangent.
impl<T: Numeric> std::ops::Neg for Tensor<'_, T> {
    type Output = Self;
    #[track_caller]
    fn neg(self) -> Self {
        Tensor::typed(-self.any())
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

/// `-x`, as for the tensor itself.
impl<'g, T: Numeric> std::ops::Neg for &Tensor<'g, T> {
    type Output = Tensor<'g, T>;
    #[track_caller]
    fn neg(self) -> Tensor<'g, T> {
        -*self
    }
}

/// `-x`, as for the variable's [`Tensor`].
impl<'g, T: Numeric> std::ops::Neg for &Variable<'g, T> {
    type Output = Tensor<'g, T>;
    #[track_caller]
    fn neg(self) -> Tensor<'g, T> {
        -self.tensor()
    }
}

/// `-x`, as for the tensor itself.
impl<'g> std::ops::Neg for &AnyTensor<'g> {
    type Output = AnyTensor<'g>;
    #[track_caller]
    fn neg(self) -> AnyTensor<'g> {
        -*self
    }
}

impl std::ops::Neg for AnyTensor<'_> {
    type Output = Self;
    #[track_caller]
    fn neg(self) -> Self {
        self.unary(neg())
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    let mut examples = rows();
    examples.extend([
        example!("neg", &[&[2, 3]], |_, x| -x[0], |x| x[0].mapv(|x| -x)),
        example!("abs", &[&[2, 3]], |_, x| x[0].abs(), |x| x[0].mapv(f64::abs)),
        example!("square", &[&[2, 3]], |_, x| x[0].square(), |x| x[0].mapv(|x| x * x)),
        example!("square of nothing", &[&[0, 2]], |_, x| x[0].square(), |x| x[0].clone()),
        example!("square of a number", &[&[]], |_, x| x[0].square(), |x| x[0].mapv(|x| x * x)),
        example!("sqrt", &[&[2, 3]], |_, x| (x[0] * x[0]).sqrt(), |x| x[0].mapv(f64::abs)),
        example!("ln", &[&[2, 3]], |_, x| x[0].square().ln(), |x| x[0].mapv(|x| (x * x).ln())),
        example!("log1p", &[&[2, 3]], |_, x| x[0].square().log1p(), |x| x[0].mapv(|x| (x * x).ln_1p())),
        example!("erf of 0", &[&[2, 3]], |_, x| (x[0] * 0.0).erf() + x[0], |x| x[0].clone()),
        example!("erfc lacks erf of 1", &[&[2, 3]], |_, x| x[0].erfc() + x[0].erf() + x[0], |x| &x[0] + 1.0),
        example!("erf is odd", &[&[2, 3]], |_, x| x[0].erf() + (-x[0]).erf() + x[0], |x| x[0].clone()),
    ]);
    examples
}
