//! `concat`: tensors one behind the other along an axis.

use std::sync::Arc;

use crate::element::{DType, Element};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::pick::{Along, Run, picked, put_back};
use crate::graph::op::{AttributeDef, Attributes, Elements, MultiOp, Op, OpDef, OperandDef, PutBack};
use crate::graph::{AnyTensor, Graph, Tensor};
use crate::ir::{Dims, Lowering, Val};
use crate::ops::internal::internal;
use crate::ops::methods::{methods, refuse_among};
use crate::ops::parts::{PutBackDef, put_back};
use crate::shape::{Shape, ShapeError, TensorType, resolve_axis};

/// The inputs one behind the other along an axis; their other lengths are the same.
#[derive(Clone, Copy, Debug)]
struct Concat {
    axis: isize,
}

impl Op for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        joined(self.axis, inputs)
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let mut dims = Dims::from(to.dims(inputs[0]));
        // The shape rule has accepted the axis.
        let axis = resolve_axis(self.axis, dims.len()).unwrap_or(0);
        dims[axis] = inputs.iter().map(|&input| to.dims(input)[axis]).sum();
        to.join(inputs, dims)
    }

    /// Where each part begins is handed on from one to the next, so that the gradients of many parts are as many
    /// nodes and edges, and lengths may be unknown.
    fn pullback(&self, at: &mut Pullback<'_>) {
        let (inputs, graph) = (at.inputs().to_vec(), at.output().graph());
        let axis = resolve_axis(self.axis, at.output().shape().rank()).unwrap_or(0);
        let wanted =
            inputs.iter().enumerate().rposition(|(part, _)| at.wants(part)).map_or(0, |last| last + 1);
        let mut before = graph.apply(Extent { axis }, &[]);
        for (part, &input) in inputs[..wanted].iter().enumerate() {
            at.give(part, |whole| graph.apply(PartOf { axis }, &[whole, input, before]));
            if part + 1 < wanted {
                before = graph.apply(Extent { axis }, &[before, input]);
            }
        }
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("axis", self.axis)
    }
}

/// What can be wrong with joining tensors along an axis.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinFault {
    /// An empty list of tensors.
    #[error("expected at least one tensor to join, got none")]
    Nothing,
    /// Tensors that differ in more than the axis along which they are joined.
    #[error("operand {operand}: expected a shape that joins {first} along axis {axis}, got {other}")]
    Shapes {
        /// Shape of the first tensor.
        first: Shape,
        /// Shape of the operand.
        other: Shape,
        /// Position of the operand, counted from 0.
        operand: usize,
        /// The axis, counted from the first.
        axis: usize,
    },
}

/// The type of the concatenation of these.
fn joined(axis: isize, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
    let Some((&first, rest)) = inputs.split_first() else {
        return Err(Fault::op(JoinFault::Nothing));
    };
    let axis = resolve_axis(axis, first.shape.rank())?;
    let mut lengths = first.shape.dims().to_vec();
    for (operand, other) in (1..).zip(rest) {
        let fits = other.shape.rank() == lengths.len()
            && (0..lengths.len()).filter(|&other| other != axis).all(|index| {
                match (lengths[index], other.shape.dims()[index]) {
                    (Some(a), Some(b)) => a == b,
                    _ => true,
                }
            });
        if !fits {
            let (first, other) = (first.shape.clone(), other.shape.clone());
            return Err(Fault::op(JoinFault::Shapes { first, other, operand, axis }));
        }
        for (index, length) in lengths.iter_mut().enumerate() {
            let added = other.shape.dims()[index];
            *length = if index == axis {
                length.zip(added).and_then(|(length, added)| length.checked_add(added))
            } else {
                length.or(added)
            };
        }
    }
    let known = inputs.iter().all(|input| input.shape.is_known());
    Ok(TensorType::new(first.dtype, Shape::from(lengths).counted(known)?))
}

/// How far the tensors before a part of a concatenation reach along the axis: the length of the result's first
/// axis. It has no elements, so that nothing is computed for it. Inputs are that of the tensor before and that
/// tensor, or none for the first.
#[derive(Clone, Copy, Debug)]
struct Extent {
    axis: usize,
}

impl Op for Extent {
    fn name(&self) -> &'static str {
        "concat_extent"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let (known, reached) = match inputs {
            [before, part] => {
                let lengths = length_of(before, 0)?.zip(length_of(part, self.axis)?);
                (lengths.is_some(), lengths.and_then(|(before, length)| before.checked_add(length)))
            }
            _ => (true, Some(0)),
        };
        Ok(TensorType::new(DType::Bool, Shape::from([reached, Some(0)]).counted(known)?))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let reached = match *inputs {
            // The shape rule has accepted the axis, and the sum.
            [before, part] => to.dims(before)[0] + to.dims(part)[self.axis],
            _ => 0,
        };
        let nothing = to.scalar(0.0, DType::Bool);
        to.broadcast(nothing, [reached, 0])
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}

    fn differentiable(&self, _: usize) -> bool {
        false
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("axis", self.axis)
    }
}

/// The length of an axis.
fn length_of(of: &TensorType, axis: usize) -> Result<Option<usize>, Fault> {
    let rank = of.shape.rank();
    of.shape
        .dims()
        .get(axis)
        .copied()
        .ok_or(Fault::Shape(ShapeError::AxisOutOfRange { axis: axis as isize, rank }))
}

/// Whether a part may lie in a concatenation behind what reaches so far.
fn check_part(axis: usize, whole: &TensorType, part: &TensorType, before: &TensorType) -> Result<(), Fault> {
    let [whole_length, length] = [length_of(whole, axis)?, length_of(part, axis)?];
    let end = length_of(before, 0)?.zip(length).map(|(before, length)| before.checked_add(length));
    let reaches_out =
        end.is_some_and(|end| end.is_none_or(|end| whole_length.is_some_and(|whole| whole < end)));
    let mut expected = whole.shape.dims().to_vec();
    expected[axis] = length;
    let expected = Shape::from(expected);
    if reaches_out || !part.shape.agrees_with(&expected) {
        return Err(Fault::OtherShape { expected, found: part.shape.clone() });
    }
    Ok(())
}

/// What becomes of the axes of a concatenation of these lengths for one of its parts.
fn part_axes(axis: usize, whole: &[usize], start: usize, length: usize) -> Vec<Along> {
    let mut axes: Vec<Along> = whole.iter().map(|&length| Along::whole(Some(length))).collect();
    axes[axis] = Along::of([Run::of(start, length, 1)]);
    axes
}

/// The gradient of a concatenation: of the first input, the part of the shape of the second one, behind what the
/// third one says.
#[derive(Clone, Copy, Debug)]
struct PartOf {
    axis: usize,
}

impl Op for PartOf {
    fn name(&self) -> &'static str {
        "concat_part"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        check_part(self.axis, inputs[0], inputs[1], inputs[2])?;
        Ok(TensorType::new(inputs[0].dtype, &inputs[1].shape))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (start, length) = (to.dims(inputs[2])[0], to.dims(inputs[1])[self.axis]);
        let axes = part_axes(self.axis, to.dims(inputs[0]), start, length);
        picked(inputs[0], &axes, None, to)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let before = at.input(2);
        at.put_back(0, || PartInto { axis: self.axis }, &[before]);
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("axis", self.axis)
    }
}

/// The gradient of [`PartOf`]: zeros of the shape of the second input with the first one in the place of its part.
#[derive(Clone, Copy, Debug)]
struct PartInto {
    axis: usize,
}

impl Op for PartInto {
    fn name(&self) -> &'static str {
        "concat_part_transposed"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        check_part(self.axis, inputs[1], inputs[0], inputs[2])?;
        Ok(TensorType::new(inputs[0].dtype, &inputs[1].shape))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let whole = to.dims(inputs[1]).to_vec();
        let axes = PutBack::axes(self, &[to.dims(inputs[0]), &whole, to.dims(inputs[2])]);
        put_back(&[(inputs[0], axes)], &whole, to)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (part, before, op) = (at.input(0), at.input(2), PartOf { axis: self.axis });
        at.give(0, |dy| dy.graph().apply(op, &[dy, part, before]));
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("axis", self.axis)
    }
}

impl PutBack for PartInto {
    fn into_op(self: Arc<Self>) -> Arc<dyn MultiOp> {
        self
    }

    fn axes(&self, lengths: &[&[usize]]) -> Vec<Along> {
        let (start, length) = (lengths[2][0], lengths[0][self.axis]);
        part_axes(self.axis, lengths[1], start, length)
    }

    fn take<'g>(&self, from: AnyTensor<'g>, inputs: &[AnyTensor<'g>]) -> AnyTensor<'g> {
        from.graph().apply(PartOf { axis: self.axis }, &[from, inputs[0], inputs[2]])
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "concat_part" (x: Element, like: Element, before: Element) [axis: usize] |given| PartOf { axis };
};

pub(super) const PUT_BACK: &[PutBackDef] = put_back! {
    "concat_part_transposed" (x, like, before) [axis: usize] |_dtype| PartInto { axis };
};

pub(super) const EXTENT: &[OpDef] = &[OpDef {
    name: "concat_extent",
    doc: "",
    operands: &[OperandDef::some("before_and_part", Elements::Element)],
    attributes: &[AttributeDef::of::<usize>("axis")],
    build: |graph, operands, attributes| match operands.len() {
        0 | 2 => Ok(vec![graph.apply(Extent { axis: attributes.value("axis")? }, operands)]),
        found => Err(Fault::OperandCount { expected: 2, found }),
    },
}];

methods! {
    also [
        OpDef {
            name: "concat",
            doc: "The tensors one behind the other along an axis.",
            operands: &[OperandDef::list("tensors", Elements::Element)],
            attributes: &[AttributeDef::of::<isize>("axis")],
            build: |graph, operands, attributes| {
                Ok(vec![graph.concat_any(operands, attributes.value("axis")?)])
            },
        },
    ]
}

impl Graph {
    /// The tensors one behind the other along an axis; negative axes count from the end.
    ///
    /// Gradient: to each tensor its part of the cotangent. An empty list, an axis out of range, and tensors
    /// whose other lengths differ are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[1, 2]]));
    /// let b = g.constant(ndarray::arr2(&[[3, 4], [5, 6]]));
    /// let rows = g.concat(&[a, b], 0);
    /// assert_eq!(Session::new(&g)?.run(rows)?, ndarray::arr2(&[[1, 2], [3, 4], [5, 6]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("concatenate", "cat", "hstack", "vstack"))]
    #[track_caller]
    pub fn concat<'g, T: Element, X: Copy + Into<Tensor<'g, T>>>(
        &'g self,
        tensors: &[X],
        axis: isize,
    ) -> Tensor<'g, T> {
        let inputs: Vec<AnyTensor<'g>> = tensors.iter().map(|&tensor| tensor.into().any()).collect();
        self.concat_any(&inputs, axis).typed()
    }

    /// The same as [`concat`](Graph::concat); that all tensors have elements of one type is checked when the node is
    /// built.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [2, 3]).any();
    /// assert_eq!(g.concat_any(&[x, x], 0).shape().to_string(), "[4, 3]");
    /// ```
    #[track_caller]
    pub fn concat_any<'g>(&'g self, tensors: &[AnyTensor<'g>], axis: isize) -> AnyTensor<'g> {
        if let Some(invalid) = refuse_among(self, "concat", Elements::Element, tensors) {
            return invalid;
        }
        self.apply(Concat { axis }, tensors)
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    use crate::gradient::Gradients;
    use ndarray::{Axis, concatenate};
    vec![
        example!(
            "concat of rows",
            &[&[2, 3], &[1, 3], &[0, 3]],
            |g, x| g.concat(&[x[0], x[1], x[2]], 0).square(),
            |x| concatenate![Axis(0), x[0], x[1], x[2]].mapv(|x| x * x),
        ),
        example!(
            "concat of columns",
            &[&[2, 3], &[2, 2]],
            |g, x| g.concat(&[x[0], x[1] * 2.0, x[0]], -1),
            |x| concatenate![Axis(1), x[0], &x[1] * 2.0, x[0]],
        ),
        example!(
            "slope of a concat",
            &[&[2, 3], &[1, 3]],
            |g, x| Gradients::of([g.concat(&[x[0], x[1]], 0).square()]).wrt_or_zeros(&[x[1]])[0],
            |x| &x[1] * 2.0,
        ),
        example!("concat of one", &[&[3]], |g, x| g.concat(&[x[0]], 0), |x| x[0].clone()),
    ]
}
