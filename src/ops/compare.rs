//! Comparisons, and what chooses by them: `equal`, `not_equal`, `less`, `less_equal`, `greater`,
//! `greater_equal`, `select`, `maximum`, `minimum`.

use crate::element::{DType, Element};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Elements, Op, OpDef, OperandDef};
use crate::graph::{AnyOperand, AnyTensor, Modes, Operand, Tensor};
use crate::ir::{Lowering, Scalar, Val};
use crate::ops::elementwise::{elementwise, unless};
use crate::shape::{TensorType, broadcast};

elementwise! {
    [OpDef {
        name: "select",
        doc: "The element of `accepted` where the condition is true, else that of `rejected`; shapes broadcast.",
        operands: &[
            OperandDef::one("condition", Elements::Only(DType::Bool)),
            OperandDef::one("accepted", Elements::Element),
            OperandDef::one("rejected", Elements::Element),
        ],
        attributes: &[],
        build: |_, operands, _| Ok(vec![operands[0].select(operands[1], operands[2])]),
    }]
    Any "NaN equals nothing." {
        equal "Whether `self == other`" aka ["eq"] |a, b| a.equal(b) => bool, [], ([1, 2, 3], [2, 2, 2] => [false, true, false]);
        not_equal "Whether `self != other`" aka ["ne", "neq"] |a, b| a.not_equal(b) => bool, [], ([1, 2, 3], [2, 2, 2] => [true, false, true]);
    }
    Number "A comparison with NaN is false." {
        less "Whether `self < other`" aka ["lt"] |a, b| a.less(b) => bool, [], ([1, 2, 3], [2, 2, 2] => [true, false, false]);
        less_equal "Whether `self <= other`" aka ["le"] |a, b| a.less_equal(b) => bool, [], ([1, 2, 3], [2, 2, 2] => [true, true, false]);
        greater "Whether `self > other`" aka ["gt"] |a, b| b.less(a) => bool, [], ([1, 2, 3], [2, 2, 2] => [false, false, true]);
        greater_equal "Whether `self >= other`" aka ["ge"] |a, b| b.less_equal(a) => bool, [], ([1, 2, 3], [2, 2, 2] => [false, true, true]);
    }
    // A tie goes to the first. Nothing is less than a NaN nor as large, so its cotangent goes to both.
    Number "A tie goes to `self`, and to both where one is NaN." {
        maximum "The larger of each pair of elements, NaN if either is" aka ["fmax"] |a, b| a.maximum(b),
            ["1 where its element was taken, else 0," gives |dy, a, b, _| unless(a.less(b), dy),
            "the same" gives |dy, a, b, _| unless(b.less_equal(a), dy)], ([-1.0, 2.0], [0.5, 0.5] => [0.5, 2.0]);
        minimum "The smaller of each pair of elements, NaN if either is" aka ["fmin"] |a, b| a.minimum(b),
            ["1 where its element was taken, else 0," gives |dy, a, b, _| unless(b.less(a), dy),
            "the same" gives |dy, a, b, _| unless(a.less_equal(b), dy)], ([-1.0, 2.0], [0.5, 0.5] => [-1.0, 0.5]);
    }
}

/// The second input where the first is true, else the third.
#[derive(Debug)]
pub(crate) struct Select;

/// What can be wrong with choosing elements by a condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectFault {
    /// One condition is to choose between what layers give to train by and what they give to predict by. Both sides of
    /// a `select` run.
    #[error(
        "both sides of a select run, so moving statistics (BatchNorm) would be updated by predictions as \
         well; call the model twice, once per mode, and fetch the output you need"
    )]
    Modes,
}

impl Op for Select {
    fn name(&self) -> &'static str {
        "select"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        if inputs[0].dtype != DType::Bool {
            return Err(Fault::ElementType { expected: DType::Bool, found: inputs[0].dtype });
        }
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

    fn zero_where_untaken(&self, input: usize) -> bool {
        input > 0
    }
}

impl<'g> AnyTensor<'g> {
    /// The same as [`Tensor::select`]; element types are checked when the node is built. A number becomes an element of
    /// the type of the other operand.
    #[track_caller]
    pub fn select(self, accepted: impl AnyOperand<'g>, rejected: impl AnyOperand<'g>) -> Self {
        #[cfg(test)]
        super::laws::called("select");
        let graph = self.graph();
        let tensor = accepted.tensor().or(rejected.tensor());
        let dtype = tensor.map_or_else(|| accepted.number_type(), AnyTensor::dtype);
        let (accepted, rejected) = (accepted.into_any(graph, dtype), rejected.into_any(graph, dtype));
        if chooses_mode(self, [accepted, rejected]) {
            return graph.invalid_any("select", Fault::op(SelectFault::Modes));
        }
        graph.apply(Select, &[self, accepted, rejected])
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

impl<'g> Tensor<'g, bool> {
    /// The element of `accepted` where this is true, else that of `rejected`. Shapes broadcast.
    ///
    /// Gradient: the cotangent, to the operand whose element was taken. What was computed for the other one
    /// does not matter to derivatives of any order, be it infinite or NaN, as long as elementwise functions,
    /// reductions and moves of elements computed it; sums of products, such as [`matmul`](Tensor::matmul), carry it on.
    ///
    /// Both are computed, whatever the condition is, and all that they depend on is done, assignments among it. One
    /// condition for all elements must not choose between what [`BatchNorm`](crate::nn::BatchNorm) gives to train by
    /// and to predict by, which is a build error: the statistics would move at every prediction.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[-2.0, 3.0]));
    /// let y = x.less(0.0).select(-x, x);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[2.0, 3.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("where"))]
    #[track_caller]
    pub fn select<T: Element>(
        self,
        accepted: impl Operand<'g, T>,
        rejected: impl Operand<'g, T>,
    ) -> Tensor<'g, T> {
        Tensor::typed(self.any().select(accepted, rejected))
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    let mut examples: Vec<Example> = rows();
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
    let booleans = pairs.into_iter().chain(alone).map(|boolean| boolean.cast::<T>());
    booleans.reduce(|a, b| a + b).unwrap_or(a)
}

#[cfg(test)]
pub(super) fn zipped(x: &[ndarray::ArrayD<f64>], f: fn(f64, f64) -> f64) -> ndarray::ArrayD<f64> {
    let shape = (&x[0] + &x[1]).raw_dim();
    let (a, b) = (x[0].broadcast(shape.clone()).unwrap(), x[1].broadcast(shape).unwrap());
    ndarray::Zip::from(a).and(b).map_collect(|&a, &b| f(a, b))
}
