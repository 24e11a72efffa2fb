//! Addition, subtraction, multiplication and division, elementwise and broadcasting, with the
//! operators `+ - * /` between tensors, variables and scalars; and `squared_difference`.

use crate::element::Numeric;
use crate::error::Mistake;
use crate::gradient::Pullback;
use crate::graph::op::{Form, Op};
use crate::graph::{AnyTensor, Operand, Tensor, Variable};
use crate::ir::{Lowering, Scalar, Val};
use crate::shape::TensorType;

pub(super) const METHODS: &[&[crate::graph::op::OpDef]] = &[];

/// One of the four operations.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
}

impl Op for Arithmetic {
    fn name(&self) -> &'static str {
        match self {
            Arithmetic::Add => "add",
            Arithmetic::Sub => "sub",
            Arithmetic::Mul => "mul",
            Arithmetic::Div => "div",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        inputs[0].together(inputs[1])
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let scalar = match self {
            Arithmetic::Add => Scalar::Add,
            Arithmetic::Sub => Scalar::Sub,
            Arithmetic::Mul => Scalar::Mul,
            Arithmetic::Div => Scalar::Div,
        };
        to.map(scalar, inputs)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (a, b) = (at.input(0), at.input(1));
        match self {
            Arithmetic::Add => {
                at.give(0, |dy| dy);
                at.give(1, |dy| dy);
            }
            Arithmetic::Sub => {
                at.give(0, |dy| dy);
                at.give(1, |dy| -dy);
            }
            Arithmetic::Mul => {
                at.scale(0, || b);
                at.scale(1, || a);
            }
            Arithmetic::Div => {
                let quotient = at.output();
                at.divide(0, || b);
                at.scale(1, || -(quotient / b));
            }
        }
    }

    fn form(&self) -> Form {
        match self {
            Arithmetic::Add => Form::Sum,
            Arithmetic::Sub => Form::Difference,
            Arithmetic::Mul => Form::Product,
            Arithmetic::Div => Form::Quotient,
        }
    }
}

/// (a - b)².
#[derive(Debug)]
struct SquaredDifference;

impl Op for SquaredDifference {
    fn name(&self) -> &'static str {
        "squared_difference"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        inputs[0].together(inputs[1])
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let difference = to.map(Scalar::Sub, inputs);
        to.map(Scalar::Square, &[difference])
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (a, b) = (at.input(0), at.input(1));
        at.scale(0, || (a - b) * a.scalar_like(2.0));
        at.scale(1, || (b - a) * a.scalar_like(2.0));
    }
}

impl<'g, T: Numeric> Tensor<'g, T> {
    /// (self - other)², elementwise; shapes broadcast.
    ///
    /// Gradient: 2·(self - other) times the cotangent to `self`, and minus that to `other`. Shapes that do not
    /// broadcast are a building error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr1(&[1.0, 5.0])).squared_difference(2.0);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[1.0, 9.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn squared_difference(self, other: impl Operand<'g, T>) -> Self {
        let any = self.any();
        Tensor::typed(any.binary(SquaredDifference, other.into_tensor(any.graph()).any()))
    }

    #[track_caller]
    fn arithmetic(self, op: Arithmetic, other: impl Operand<'g, T>) -> Self {
        let any = self.any();
        Tensor::typed(any.binary(op, other.into_tensor(any.graph()).any()))
    }
}

/// The operator forms of one operation: tensors, variables and scalars on either side.
macro_rules! operator {
    ($trait:ident $method:ident, $formula:literal, $da:literal, $db:literal, $scalars:tt) => {
        #[doc = concat!("`", $formula, "`, elementwise; shapes broadcast as in NumPy.")]
        #[doc = ""]
        #[doc = concat!("Gradient: ", $da, " to `a` and ", $db, " to `b`, each summed back to its operand's shape.")]
        impl<'g, T: Numeric, B: Operand<'g, T>> std::ops::$trait<B> for Tensor<'g, T> {
            type Output = Tensor<'g, T>;
            #[track_caller]
            fn $method(self, other: B) -> Tensor<'g, T> {
                self.arithmetic(Arithmetic::$trait, other)
            }
        }

        #[doc = concat!("`", $formula, "`, as for the variable's [`Tensor`].")]
        impl<'g, T: Numeric, B: Operand<'g, T>> std::ops::$trait<B> for Variable<'g, T> {
            type Output = Tensor<'g, T>;
            #[track_caller]
            fn $method(self, other: B) -> Tensor<'g, T> {
                self.tensor().arithmetic(Arithmetic::$trait, other)
            }
        }

        impl<'g> std::ops::$trait for AnyTensor<'g> {
            type Output = AnyTensor<'g>;
            #[track_caller]
            fn $method(self, other: AnyTensor<'g>) -> AnyTensor<'g> {
                self.binary(Arithmetic::$trait, other)
            }
        }

        operator!(@scalars $trait $method, $formula, $scalars);
    };
    (@scalars $trait:ident $method:ident, $formula:literal, [$($scalar:ident),*]) => {$(
        #[doc = concat!("`", $formula, "` with a scalar on the left.")]
        impl<'g> std::ops::$trait<Tensor<'g, $scalar>> for $scalar {
            type Output = Tensor<'g, $scalar>;
            #[track_caller]
            fn $method(self, other: Tensor<'g, $scalar>) -> Tensor<'g, $scalar> {
                self.into_tensor(other.any().graph()).arithmetic(Arithmetic::$trait, other)
            }
        }

        #[doc = concat!("`", $formula, "` with a scalar on the left.")]
        impl<'g> std::ops::$trait<Variable<'g, $scalar>> for $scalar {
            type Output = Tensor<'g, $scalar>;
            #[track_caller]
            fn $method(self, other: Variable<'g, $scalar>) -> Tensor<'g, $scalar> {
                std::ops::$trait::$method(self, other.tensor())
            }
        }
    )*};
}
operator!(Add add, "a + b", "the cotangent dy",      "dy",                [f32, f64, i32, i64]);
operator!(Sub sub, "a - b", "the cotangent dy",      "-dy",               [f32, f64, i32, i64]);
operator!(Mul mul, "a * b", "the cotangent dy times b", "dy·a",           [f32, f64, i32, i64]);
operator!(Div div, "a / b", "the cotangent dy over b",  "-dy·((a / b) / b)", [f32, f64, i32, i64]);

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    let mut examples = Vec::new();
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
