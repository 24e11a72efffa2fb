//! `stack`: tensors of the same shape one behind the other along a new axis.

use super::concat::JoinFault;
use super::slice::AxisRange;
use crate::element::Element;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{AttributeDef, Attributes, Elements, Op, OpDef, OperandDef};
use crate::graph::{AnyTensor, Graph, Tensor};
use crate::ir::{Dims, Lowering, Val};
use crate::shape::{TensorType, resolve_axis};

/// The inputs, whose shapes are the same, along a new axis.
#[derive(Clone, Copy, Debug)]
struct Stack {
    axis: isize,
}

impl Op for Stack {
    fn name(&self) -> &'static str {
        "stack"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let Some((&first, rest)) = inputs.split_first() else {
            return Err(Fault::op(JoinFault::Nothing));
        };
        let axis = resolve_axis(self.axis, first.shape.rank() + 1)?;
        let mut lengths = first.shape.dims().to_vec();
        for (operand, other) in (1..).zip(rest) {
            if !other.shape.agrees_with(&lengths.as_slice().into()) {
                let (first, other) = (first.shape.clone(), other.shape.clone());
                return Err(Fault::op(JoinFault::Shapes { first, other, operand, axis }));
            }
            for (length, other) in lengths.iter_mut().zip(other.shape.dims()) {
                *length = length.or(*other);
            }
        }
        lengths.insert(axis, Some(inputs.len()));
        Ok(TensorType::new(first.dtype, lengths))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let mut dims = Dims::from(to.dims(inputs[0]));
        // The shape rule has accepted the axis.
        let axis = resolve_axis(self.axis, dims.len() + 1).unwrap_or(0);
        dims.insert(axis, 1);
        let layers: Vec<Val> = inputs.iter().map(|&input| to.reshape(input, dims.clone())).collect();
        dims[axis] = inputs.len();
        to.join(&layers, dims)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let axis = resolve_axis(self.axis, at.output().shape().rank()).unwrap_or(0);
        for index in 0..at.inputs().len() {
            let mut ranges = vec![AxisRange::from(..); axis];
            ranges.push((index as isize).into());
            at.give(index, |dy| dy.slice(ranges));
        }
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("axis", self.axis)
    }
}

impl Graph {
    /// Tensors of the same shape one behind the other along a new axis, which is axis `axis` of the result; -1 puts
    /// it last.
    ///
    /// Gradient: to each tensor its part of the cotangent. An empty list, an axis that the result does not have, and
    /// tensors of different shapes are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr1(&[1, 2]));
    /// let b = g.constant(ndarray::arr1(&[3, 4]));
    /// let columns = g.stack(&[a, b], -1);
    /// assert_eq!(Session::new(&g)?.run(columns)?, ndarray::arr2(&[[1, 3], [2, 4]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn stack<'g, T: Element, X: Copy + Into<Tensor<'g, T>>>(
        &'g self,
        tensors: &[X],
        axis: isize,
    ) -> Tensor<'g, T> {
        let inputs: Vec<AnyTensor<'g>> = tensors.iter().map(|&tensor| tensor.into().any()).collect();
        self.stack_any(&inputs, axis).typed()
    }

    /// The same as [`stack`](Graph::stack); element types are checked when the node is built.
    #[track_caller]
    pub fn stack_any<'g>(&'g self, tensors: &[AnyTensor<'g>], axis: isize) -> AnyTensor<'g> {
        // What is of another graph is refused as such, and what is invalid has no element type to compare with.
        if let Some((first, rest)) = tensors.split_first()
            && !first.is_invalid()
            && tensors.iter().all(|tensor| tensor.is_of(self))
        {
            for &other in rest {
                if let Some(invalid) = Elements::Same.refuse("stack", other, first.dtype()) {
                    return invalid;
                }
            }
        }
        self.apply(Stack { axis }, tensors)
    }
}

pub(super) const METHODS: &[&[OpDef]] = &[&[OpDef {
    name: "stack",
    doc: "Tensors of the same shape one behind the other along a new axis, which is axis `axis` of the result.",
    operands: &[OperandDef::list("tensors", Elements::Same)],
    attributes: &[AttributeDef::of::<isize>("axis")],
    build: |graph, operands, attributes| Ok(vec![graph.stack_any(operands, attributes.value("axis")?)]),
}]];

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{Axis, stack};

    let mut examples: Vec<Example> = vec![
        example!("stack of numbers", &[&[], &[]], |g, x| g.stack(&[x[0], x[1], x[0]], 0), |x| stack![
            Axis(0),
            x[0],
            x[1],
            x[0]
        ],),
        example!("stack of one", &[&[2, 3]], |g, x| g.stack(&[x[0]], 1), |x| x[0]
            .clone()
            .insert_axis(Axis(1)),),
    ];
    for dims in [[2, 3], [1, 3], [0, 2]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("stack in front", &[dims, dims], |g, x| g.stack(&[x[0], x[1]], 0), |x| stack![
                Axis(0),
                x[0],
                x[1]
            ],),
            example!(
                "stack between",
                &[dims, dims],
                |g, x| g.stack(&[x[0], x[1] * 2.0, x[0]], -2),
                |x| stack![Axis(1), x[0], &x[1] * 2.0, x[0]],
            ),
            example!("stack behind", &[dims, dims], |g, x| g.stack(&[x[0], x[1]], -1), |x| stack![
                Axis(2),
                x[0],
                x[1]
            ],),
        ]);
    }
    examples
}
