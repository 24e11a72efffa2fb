//! Addition, subtraction, multiplication and division, elementwise and broadcasting, with the
//! operators `+ - * /` between tensors, variables and scalars; and `squared_difference`.

use crate::element::Numeric;
use crate::graph::{AnyTensor, Operand, Tensor, Variable};
use crate::ops::elementwise::{Elementwise, elementwise};
use std::ops::{Add as _, Div as _, Mul as _, Sub as _};

elementwise! {
    [
        elementwise!(@definition Number add [] "self + other", [a, b]),
        elementwise!(@definition Number sub [] "self - other", [a, b]),
        elementwise!(@definition Number mul [] "self·other", [a, b]),
        elementwise!(@definition Number div [] "self/other", [a, b]),
    ]
    Number "" {
        squared_difference "`(self - other)²`" |a, b| (a - b).square(),
            ["2·(self - other)" times |a, b, _| (a - b) * 2.0, "2·(other - self)" times |a, b, _| (b - a) * 2.0],
            ([1.0, 5.0], [2.0, 2.0] => [1.0, 9.0]);
    }
}

/// The operator forms of one operation: tensors, variables and numbers on either side. A row: the operator's trait and
/// method, the formula, how its sums are looked through, and as in a row of [`elementwise`] the shares of the cotangent.
macro_rules! operators {
    ($($trait:ident $method:ident $formula:literal |$a:ident, $b:ident| $lower:expr, $form:ident,
        [$da:literal $how_a:ident |$($sa:tt),+| $slope_a:expr, $db:literal $how_b:ident |$($sb:tt),+| $slope_b:expr];)*) => {$(
        impl<'g> std::ops::$trait for AnyTensor<'g> {
            type Output = AnyTensor<'g>;
            #[track_caller]
            fn $method(self, other: AnyTensor<'g>) -> AnyTensor<'g> {
                elementwise!(@static Number $method [] [$a, $b] $lower, [],
                    [$da $how_a |$($sa),+| $slope_a, $db $how_b |$($sb),+| $slope_b], [$form]);
                self.binary(Elementwise { row: &ROW, number: None }, other)
            }
        }

        #[doc = concat!("`", $formula, "` with a number as an element of the tensor's type.")]
        impl<'g> std::ops::$trait<f64> for AnyTensor<'g> {
            type Output = AnyTensor<'g>;
            #[track_caller]
            fn $method(self, other: f64) -> AnyTensor<'g> {
                std::ops::$trait::$method(self, self.scalar_like(other))
            }
        }

        #[doc = concat!("`", $formula, "` with a number as an element of the tensor's type.")]
        impl<'g> std::ops::$trait<AnyTensor<'g>> for f64 {
            type Output = AnyTensor<'g>;
            #[track_caller]
            fn $method(self, other: AnyTensor<'g>) -> AnyTensor<'g> {
                std::ops::$trait::$method(other.scalar_like(self), other)
            }
        }

        #[doc = concat!("`", $formula, "`, elementwise; shapes broadcast as in NumPy.")]
        #[doc = ""]
        #[doc = concat!("Gradient: ", $da, " to `a` and ", $db, " to `b`, each summed back to its operand's shape.")]
        impl<'g, T: Numeric, B: Operand<'g, T>> std::ops::$trait<B> for Tensor<'g, T> {
            type Output = Tensor<'g, T>;
            #[track_caller]
            fn $method(self, other: B) -> Tensor<'g, T> {
                let any = self.any();
                Tensor::typed(std::ops::$trait::$method(any, other.into_tensor(any.graph()).any()))
            }
        }

        #[doc = concat!("`", $formula, "`, as for the variable's [`Tensor`].")]
        impl<'g, T: Numeric, B: Operand<'g, T>> std::ops::$trait<B> for Variable<'g, T> {
            type Output = Tensor<'g, T>;
            #[track_caller]
            fn $method(self, other: B) -> Tensor<'g, T> {
                std::ops::$trait::$method(self.tensor(), other)
            }
        }

        operators!(@number $trait $method $formula, f32);
        operators!(@number $trait $method $formula, f64);
        operators!(@number $trait $method $formula, i32);
        operators!(@number $trait $method $formula, i64);
    )*};
    (@number $trait:ident $method:ident $formula:literal, $number:ident) => {
        #[doc = concat!("`", $formula, "` with a scalar on the left.")]
        impl<'g> std::ops::$trait<Tensor<'g, $number>> for $number {
            type Output = Tensor<'g, $number>;
            #[track_caller]
            fn $method(self, other: Tensor<'g, $number>) -> Tensor<'g, $number> {
                std::ops::$trait::$method(self.into_tensor(other.graph()), other)
            }
        }

        #[doc = concat!("`", $formula, "` with a scalar on the left.")]
        impl<'g> std::ops::$trait<Variable<'g, $number>> for $number {
            type Output = Tensor<'g, $number>;
            #[track_caller]
            fn $method(self, other: Variable<'g, $number>) -> Tensor<'g, $number> {
                std::ops::$trait::$method(self, other.tensor())
            }
        }
    };
}
operators! {
    Add add "a + b" |a, b| a + b, Sum, ["the cotangent dy" gives |dy, _, _, _| dy, "dy" gives |dy, _, _, _| dy];
    Sub sub "a - b" |a, b| a - b, Difference, ["the cotangent dy" gives |dy, _, _, _| dy, "-dy" gives |dy, _, _, _| -dy];
    Mul mul "a * b" |a, b| a * b, Product, ["the cotangent dy times b" times |_, b, _| b, "dy·a" times |a, _, _| a];
    Div div "a / b" |a, b| a / b, Quotient, ["the cotangent dy over b" over |_, b, _| b, "-dy·((a / b) / b)" times |_, b, y| -(y / b)];
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    let mut examples = rows();
    // Equal shapes, either side broadcast, both sides broadcast, nothing, and single elements.
    let shapes: [[&[usize]; 2]; 7] = [
        [&[2, 3], &[2, 3]],
        [&[3], &[2, 3]],
        [&[2, 3], &[]],
        [&[2, 1], &[3]],
        [&[0, 3], &[1, 3]],
        [&[], &[]],
        [&[1, 1], &[1]],
    ];
    for shapes in shapes {
        examples.push(example!("add", &shapes, |_, x| x[0] + x[1], |x| &x[0] + &x[1]));
        examples.push(example!("sub", &shapes, |_, x| x[0] - x[1], |x| &x[0] - &x[1]));
        examples.push(example!("mul", &shapes, |_, x| x[0] * x[1], |x| &x[0] * &x[1]));
        examples.push(example!("div", &shapes, |_, x| x[0] / x[1], |x| &x[0] / &x[1]));
        examples.push(example!("squared_difference", &shapes, |_, x| x[0].squared_difference(x[1]), |x| {
            (&x[0] - &x[1]).mapv(|difference| difference * difference)
        }));
    }
    examples.push(example!("scalars", &[&[5]], |_, x| 2.0 - 3.0 / (x[0] * 0.5 + 4.0), |x| x[0]
        .mapv(|x| 2.0 - 3.0 / (x * 0.5 + 4.0)),));
    examples.push(example!("twice the same", &[&[4]], |_, x| x[0] * x[0] / x[0], |x| x[0].clone()));
    examples
}
