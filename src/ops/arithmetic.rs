//! Addition, subtraction, multiplication and division, elementwise and broadcasting, with the
//! operators `+ - * /` between tensors, variables and scalars, and sums of iterators; and `squared_difference`.

use crate::element::Numeric;
use crate::graph::{AnyTensor, Operand, Tensor, Variable, sum_of_nothing};
use crate::ops::elementwise::{Elementwise, elementwise};
use std::iter::Sum;
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

/// The operator forms of one operation: tensors, variables, references to either, and numbers on either side. A row: the operator's trait and
/// method, the formula, how its sums are looked through, and as in a row of [`elementwise`] the shares of the cotangent.
macro_rules! operators {
    ($($trait:ident $method:ident $assign:ident $assigned:ident $formula:literal |$a:ident, $b:ident| $lower:expr, $form:ident,
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

        operators!(@reference $trait $method $formula, Tensor);
        operators!(@reference $trait $method $formula, Variable);

        #[doc = concat!("`", $formula, "`, as for the tensors themselves.")]
        impl<'g, B> std::ops::$trait<B> for &AnyTensor<'g>
        where
            AnyTensor<'g>: std::ops::$trait<B, Output = AnyTensor<'g>>,
        {
            type Output = AnyTensor<'g>;
            #[track_caller]
            fn $method(self, other: B) -> AnyTensor<'g> {
                std::ops::$trait::$method(*self, other)
            }
        }

        #[doc = concat!("`", $formula, "`, as for the tensors themselves.")]
        impl<'g> std::ops::$trait<&AnyTensor<'g>> for AnyTensor<'g> {
            type Output = AnyTensor<'g>;
            #[track_caller]
            fn $method(self, other: &AnyTensor<'g>) -> AnyTensor<'g> {
                std::ops::$trait::$method(self, *other)
            }
        }

        #[doc = concat!("Makes `a` the handle to `", $formula, "`; what `a` was stays as it is.")]
        impl<'g, T: Numeric, B: Operand<'g, T>> std::ops::$assign<B> for Tensor<'g, T> {
            #[track_caller]
            fn $assigned(&mut self, other: B) {
                *self = std::ops::$trait::$method(*self, other);
            }
        }

        operators!(@number $trait $method $formula, f32);
        operators!(@number $trait $method $formula, f64);
        operators!(@number $trait $method $formula, i32);
        operators!(@number $trait $method $formula, i64);
    )*};
    (@reference $trait:ident $method:ident $formula:literal, $handle:ident) => {
        #[doc = concat!("`", $formula, "`, as for the operands themselves.")]
        impl<'g, T: Numeric, B: Operand<'g, T>> std::ops::$trait<B> for &$handle<'g, T> {
            type Output = Tensor<'g, T>;
            #[track_caller]
            fn $method(self, other: B) -> Tensor<'g, T> {
                std::ops::$trait::$method(*self, other)
            }
        }
    };
    (@number $trait:ident $method:ident $formula:literal, $number:ident) => {
        operators!(@left $trait $method $formula, $number, Tensor<'g, $number>);
        operators!(@left $trait $method $formula, $number, &Tensor<'g, $number>);
        operators!(@left $trait $method $formula, $number, Variable<'g, $number>);
        operators!(@left $trait $method $formula, $number, &Variable<'g, $number>);
    };
    (@left $trait:ident $method:ident $formula:literal, $number:ident, $handle:ty) => {
        #[doc = concat!("`", $formula, "` with a scalar on the left.")]
        impl<'g> std::ops::$trait<$handle> for $number {
            type Output = Tensor<'g, $number>;
            #[track_caller]
            fn $method(self, other: $handle) -> Tensor<'g, $number> {
                let graph = other.graph();
                std::ops::$trait::$method(self.into_tensor(graph), other)
            }
        }
    };
}
operators! {
    Add add AddAssign add_assign "a + b" |a, b| a + b, Sum, ["the cotangent dy" gives |dy, _, _, _| dy, "dy" gives |dy, _, _, _| dy];
    Sub sub SubAssign sub_assign "a - b" |a, b| a - b, Difference, ["the cotangent dy" gives |dy, _, _, _| dy, "-dy" gives |dy, _, _, _| -dy];
    Mul mul MulAssign mul_assign "a * b" |a, b| a * b, Product, ["the cotangent dy times b" times |_, b, _| b, "dy·a" times |a, _, _| a];
    Div div DivAssign div_assign "a / b" |a, b| a / b, Quotient, ["the cotangent dy over b" over |_, b, _| b, "-dy·((a / b) / b)" times |_, b, y| -(y / b)];
}

/// The sum of all, in pairs: as many roundings lie between a term and the sum as the number of terms has bits.
fn total(mut terms: Vec<AnyTensor<'_>>) -> AnyTensor<'_> {
    while terms.len() > 1 {
        let pairs = terms.chunks(2).map(|pair| match *pair {
            // An iterator does not say who asked for its sum, so faults name the line that built the second term.
            [a, b] => a.graph().attributed(b.location(), || a + b),
            _ => pair[0],
        });
        terms = pairs.collect();
    }
    terms.pop().unwrap_or_else(|| sum_of_nothing())
}

/// The sum of all tensors, which broadcast. Of none, which belong to no graph, it is invalid, and so is what is built on
/// it. It is added in pairs, so that it keeps its digits.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let layers = [1.0, 2.0, 4.0].map(|x| g.constant(x));
/// let penalty: Tensor<f64> = layers.iter().map(|w| w.square()).sum();
/// assert_eq!(Session::new(&g)?.run(penalty)?.sum(), 21.0);
/// # Ok::<(), flowgrad::Error>(())
/// ```
impl<T: Numeric> Sum for Tensor<'_, T> {
    fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
        Tensor::typed(total(terms.map(Tensor::any).collect()))
    }
}

/// The sum of all tensors, as of the tensors themselves.
impl<'a, 'g, T: Numeric> Sum<&'a Tensor<'g, T>> for Tensor<'g, T> {
    fn sum<I: Iterator<Item = &'a Self>>(terms: I) -> Self {
        terms.copied().sum()
    }
}

/// The sum of all tensors, whose element types are checked when nodes are built.
impl Sum for AnyTensor<'_> {
    fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
        total(terms.collect())
    }
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
