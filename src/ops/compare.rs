//! Comparisons, and what chooses by them: `equal`, `not_equal`, `less`, `less_equal`, `greater`,
//! `greater_equal`, `select`, `maximum`, `minimum`.

use crate::element::{DType, Element, Numeric};
use crate::error::Mistake;
use crate::gradient::Pullback;
use crate::graph::op::Op;
use crate::graph::{AnyTensor, Modes, Operand, Tensor};
use crate::ir::{Lowering, Scalar, Val};
use crate::shape::{TensorType, broadcast};

pub(super) const METHODS: &[&[crate::graph::op::OpDef]] = &[];

/// A truth value for each pair of elements.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Compare {
    Equal,
    NotEqual,
    Less,
    LessEqual,
}

impl Compare {
    fn scalar(self) -> Scalar {
        match self {
            Compare::Equal => Scalar::Equal,
            Compare::NotEqual => Scalar::NotEqual,
            Compare::Less => Scalar::Less,
            Compare::LessEqual => Scalar::LessEqual,
        }
    }
}

impl Op for Compare {
    fn name(&self) -> &'static str {
        self.scalar().name()
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        Ok(TensorType { dtype: DType::Bool, ..inputs[0].together(inputs[1])? })
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        to.compare(self.scalar(), inputs)
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}
}

/// The second input where the first is true, else the third.
#[derive(Debug)]
pub(crate) struct Select;

impl Op for Select {
    fn name(&self) -> &'static str {
        "select"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        let TensorType { dtype, shape } = inputs[1].together(inputs[2])?;
        Ok(TensorType::new(dtype, broadcast(&inputs[0].shape, &shape)?))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        to.map(Scalar::Select, inputs)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let condition = at.input(0);
        at.give(1, |dy| condition.select(dy, dy.scalar_like(0.0)));
        at.give(2, |dy| condition.select(dy.scalar_like(0.0), dy));
    }

    fn masks(&self, input: usize) -> bool {
        input > 0
    }
}

impl<'g> AnyTensor<'g> {
    #[track_caller]
    pub(crate) fn select(self, accepted: AnyTensor<'g>, rejected: AnyTensor<'g>) -> Self {
        self.graph().apply(Select, &[self, accepted, rejected])
    }
}

/// Whether one condition is to choose between what layers give to train by and what they give to predict by. Where it
/// depends on either itself, or chooses element by element, both are wanted.
fn chooses_mode(condition: AnyTensor<'_>, sides: [AnyTensor<'_>; 2]) -> bool {
    let is_one = condition.shape().dims().iter().all(|&length| length == Some(1));
    let sides = sides.map(AnyTensor::modes);
    is_one
        && condition.modes() == Modes::NONE
        && (sides == [Modes::TRAIN, Modes::PREDICT] || sides == [Modes::PREDICT, Modes::TRAIN])
}

/// The larger or the smaller of each pair of elements.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Extreme {
    Maximum,
    Minimum,
}

impl Op for Extreme {
    fn name(&self) -> &'static str {
        match self {
            Extreme::Maximum => "maximum",
            Extreme::Minimum => "minimum",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        inputs[0].together(inputs[1])
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let scalar = match self {
            Extreme::Maximum => Scalar::Maximum,
            Extreme::Minimum => Scalar::Minimum,
        };
        to.map(scalar, inputs)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (a, b) = (at.input(0), at.input(1));
        let (larger, smaller) = match self {
            Extreme::Maximum => (a, b),
            Extreme::Minimum => (b, a),
        };
        // A tie goes to the first. Nothing is less than a NaN nor as large, so its cotangent goes to both.
        at.give(0, |dy| larger.binary(Compare::Less, smaller).select(dy.scalar_like(0.0), dy));
        at.give(1, |dy| smaller.binary(Compare::LessEqual, larger).select(dy.scalar_like(0.0), dy));
    }
}

impl<'g, T: Element> Tensor<'g, T> {
    #[track_caller]
    fn compared(self, comparison: Compare, other: impl Operand<'g, T>, swap: bool) -> Tensor<'g, bool> {
        let a = self.any();
        let b = other.into_tensor(a.graph()).any();
        Tensor::typed(if swap { b.binary(comparison, a) } else { a.binary(comparison, b) })
    }
}

impl<'g, T: Numeric> Tensor<'g, T> {
    /// The larger of each pair of elements; NaN if either is. Shapes broadcast.
    ///
    /// Gradient: the cotangent, to the operand whose element was taken; a tie goes to `self`, and to both where one
    /// is NaN.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr1(&[-1.0, 2.0])).maximum(0.5);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[0.5, 2.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn maximum(self, other: impl Operand<'g, T>) -> Self {
        let any = self.any();
        Tensor::typed(any.binary(Extreme::Maximum, other.into_tensor(any.graph()).any()))
    }

    /// The smaller of each pair of elements; NaN if either is. Shapes broadcast.
    ///
    /// Gradient: the cotangent, to the operand whose element was taken; a tie goes to `self`, and to both where one
    /// is NaN.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr1(&[-1.0, 2.0])).minimum(0.5);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[-1.0, 0.5]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn minimum(self, other: impl Operand<'g, T>) -> Self {
        let any = self.any();
        Tensor::typed(any.binary(Extreme::Minimum, other.into_tensor(any.graph()).any()))
    }
}

/// The comparisons of elements of some kind: name, operator, which comparison serves it, and whether its operands are
/// swapped.
macro_rules! comparisons {
    ($bound:ident: $($name:ident $operator:literal $op:ident $swap:literal, $example:literal;)*) => {
        impl<'g, T: $bound> Tensor<'g, T> {$(
            #[doc = concat!("Whether `self ", $operator, " other`, elementwise; shapes broadcast. A comparison with NaN is false, but for `!=`.")]
            #[doc = ""]
            #[doc = "No gradient passes."]
            #[doc = ""]
            #[doc = "```"]
            #[doc = "use flowgrad::prelude::*;"]
            #[doc = "let g = Graph::new();"]
            #[doc = concat!("let y = g.constant(ndarray::arr1(&[1, 2, 3])).", stringify!($name), "(2);")]
            #[doc = concat!("assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&", $example, ").into_dyn());")]
            #[doc = "# Ok::<(), flowgrad::Error>(())"]
            #[doc = "```"]
            #[track_caller]
            pub fn $name(self, other: impl Operand<'g, T>) -> Tensor<'g, bool> {
                self.compared(Compare::$op, other, $swap)
            }
        )*}
    };
}
comparisons! { Element:
    equal         "==" Equal     false, "[false, true, false]";
    not_equal     "!=" NotEqual  false, "[true, false, true]";
}
comparisons! { Numeric:
    less          "<"  Less      false, "[true, false, false]";
    less_equal    "<=" LessEqual false, "[true, true, false]";
    greater       ">"  Less      true,  "[false, false, true]";
    greater_equal ">=" LessEqual true,  "[false, true, true]";
}

impl<'g> Tensor<'g, bool> {
    /// The element of `accepted` where this is true, else that of `rejected`. Shapes broadcast.
    ///
    /// Gradient: the cotangent, to the operand whose element was taken. What was computed for the other one
    /// does not matter to derivatives of any order, be it infinite or NaN, as long as elementwise functions,
    /// reductions and moves of elements computed it; sums of products, such as [`matmul`](Tensor::matmul), carry it on.
    ///
    /// Both are computed, whatever the condition is, and all that they depend on is done, assignments among it. One
    /// condition for all elements must not choose between what [`BatchNorm`](crate::nn::BatchNorm) gives to train by
    /// and to predict by, which is a building error: the statistics would move at every prediction.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[-2.0, 3.0]));
    /// let y = x.less(0.0).select(-x, x);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[2.0, 3.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn select<T: Element>(
        self,
        accepted: impl Operand<'g, T>,
        rejected: impl Operand<'g, T>,
    ) -> Tensor<'g, T> {
        let any = self.any();
        let (accepted, rejected) = (accepted.into_tensor(any.graph()), rejected.into_tensor(any.graph()));
        if chooses_mode(any, [accepted.any(), rejected.any()]) {
            return Tensor::typed(any.graph().invalid("select", Mistake::SelectedMode));
        }
        Tensor::typed(any.select(accepted.any(), rejected.any()))
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    let mut examples: Vec<Example> = Vec::new();
    let shapes: [[&[usize]; 2]; 4] = [[&[3, 4], &[3, 4]], [&[4], &[3, 1]], [&[3, 4], &[]], [&[0, 2], &[2]]];
    for shapes in shapes {
        examples.extend([
            example!("maximum", &shapes, |_, x| x[0].maximum(x[1]), |x| zipped(x, f64::max)),
            example!("minimum", &shapes, |_, x| x[0].minimum(x[1]), |x| zipped(x, f64::min)),
            example!("select", &shapes, |_, x| x[0].less(x[1]).select(x[0] * 2.0, x[1]), |x| zipped(
                x,
                |a, b| if a < b { 2.0 * a } else { b }
            ),),
            example!("comparisons", &shapes, |_, x| counted(x[0], x[1]) + x[0], |x| zipped(x, |a, _| a
                + 4.0)),
        ]);
    }
    examples
}

/// How many of eight comparisons hold, of which four do whatever the numbers.
#[cfg(test)]
fn counted<'g, T: crate::Float>(a: Tensor<'g, T>, b: Tensor<'g, T>) -> Tensor<'g, T> {
    let pairs = [a.greater(b), a.less_equal(b), a.greater_equal(b), a.less(b), a.equal(b), a.not_equal(b)];
    let alone = [a.equal(a), a.not_equal(a)];
    let truths = pairs.into_iter().chain(alone).map(|truth| truth.cast::<T>());
    truths.reduce(|a, b| a + b).unwrap_or(a)
}

#[cfg(test)]
pub(super) fn zipped(x: &[ndarray::ArrayD<f64>], f: fn(f64, f64) -> f64) -> ndarray::ArrayD<f64> {
    let shape = (&x[0] + &x[1]).raw_dim();
    let (a, b) = (x[0].broadcast(shape.clone()).unwrap(), x[1].broadcast(shape).unwrap());
    ndarray::Zip::from(a).and(b).map_collect(|&a, &b| f(a, b))
}
