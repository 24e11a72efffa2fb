//! `concat`: tensors one behind the other along an axis.

use ndarray::{ArrayViewMutD, Axis, Slice};

use super::pick::{Along, Run, picked};
use crate::dtype::Element;
use crate::error::Mistake;
use crate::gradient::Pullback;
use crate::graph::{AnyTensor, Graph, Tensor};
use crate::lower::{Dims, Lowering, Val};
use crate::op::{ArrayMut, ArrayRef, Kernel, KernelError, Op, with_element};
use crate::shape::{Shape, TensorType, resolve_axis};

pub(super) const OPS: &[&str] = &["concat", "concat_part"];

/// The inputs one behind the other along an axis; their other lengths are the same.
#[derive(Clone, Copy, Debug)]
struct Concat {
    axis: isize,
}

impl Op for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        joined(self.axis, inputs)
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let mut dims = Dims::from(to.dims(inputs[0]));
        // The shape rule has accepted the axis.
        let axis = resolve_axis(self.axis, dims.len()).unwrap_or(0);
        dims[axis] = inputs.iter().map(|&input| to.dims(input)[axis]).sum();
        to.compute(Join { axis }, inputs, to.dtype(inputs[0]), dims)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let inputs = at.inputs().to_vec();
        for part in 0..inputs.len() {
            let axis = self.axis;
            at.give(part, |dy| {
                let operands: Vec<AnyTensor<'_>> =
                    std::iter::once(dy).chain(inputs.iter().copied()).collect();
                dy.graph().apply(ConcatPart { axis, part }, &operands)
            });
        }
    }

    fn attributes(&self) -> String {
        self.axis.to_string()
    }
}

/// The type of the concatenation of these.
fn joined(axis: isize, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
    let Some((&first, rest)) = inputs.split_first() else {
        return Err(Mistake::NothingToJoin);
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
            return Err(Mistake::JoinShapes { first, other, operand, axis });
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
    Ok(TensorType::new(first.dtype, Shape::from(lengths)))
}

/// Writes the inputs one behind the other.
#[derive(Debug)]
pub(super) struct Join {
    pub(super) axis: usize,
}

impl Kernel for Join {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        fn join<T: Element>(
            axis: Axis,
            inputs: &[ArrayRef<'_>],
            mut output: ArrayViewMutD<'_, T>,
        ) -> Result<(), KernelError> {
            let behind: usize = output.shape()[axis.index() + 1..].iter().product();
            let row = output.len_of(axis) * behind;
            let mut start = 0;
            for input in inputs {
                let input = input.view::<T>()?;
                let end = start + input.len_of(axis);
                // What one index of the axes before takes of the input, and where it goes.
                let (part, place) = (input.len_of(axis) * behind, start * behind..end * behind);
                match (input.as_slice(), output.as_slice_mut()) {
                    (Some(from), Some(to)) if part > 0 => {
                        for (from, to) in from.chunks_exact(part).zip(to.chunks_exact_mut(row)) {
                            to[place.clone()].copy_from_slice(from);
                        }
                    }
                    _ => output.slice_axis_mut(axis, Slice::from(start..end)).assign(&input),
                }
                start = end;
            }
            Ok(())
        }
        with_element!(output.dtype(), T => join::<T>(Axis(self.axis), inputs, output.into_view()?))
    }
}

/// The gradient of a concatenation: of the first input, the part that stands where one of the others, of which
/// only the shapes count, stands in the concatenation of these.
#[derive(Clone, Copy, Debug)]
struct ConcatPart {
    axis: isize,
    part: usize,
}

impl Op for ConcatPart {
    fn name(&self) -> &'static str {
        "concat_part"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        let whole = joined(self.axis, &inputs[1..])?;
        if !whole.shape.agrees_with(&inputs[0].shape) {
            return Err(Mistake::OtherShape { expected: whole.shape, found: inputs[0].shape.clone() });
        }
        Ok(TensorType::new(inputs[0].dtype, &inputs[1 + self.part].shape))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dims = Dims::from(to.dims(inputs[1 + self.part]));
        // The shape rule has accepted the axis.
        let axis = resolve_axis(self.axis, dims.len()).unwrap_or(0);
        let start = inputs[1..=self.part].iter().map(|&input| to.dims(input)[axis]).sum();
        let mut axes: Vec<Along> = dims.iter().map(|&length| Along::whole(Some(length))).collect();
        axes[axis] = Along::of([Run::of(start, dims[axis], 1)]);
        picked(inputs[0], &axes, None, to)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let parts = at.inputs()[1..].to_vec();
        let (axis, part) = (self.axis, self.part);
        at.give(0, |dy| {
            let zero = dy.scalar_like(0.0);
            let mut spread: Vec<AnyTensor<'_>> =
                parts.iter().map(|&part| zero.binary(super::BroadcastLike, part)).collect();
            spread[part] = dy;
            dy.graph().apply(Concat { axis }, &spread)
        });
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn attributes(&self) -> String {
        format!("{} of axis {}", self.part, self.axis)
    }
}

impl Graph {
    /// The tensors one behind the other along an axis; negative axes count from the end.
    ///
    /// Gradient: to each tensor its part of the cotangent. An empty list, an axis out of range, and tensors
    /// whose other lengths differ are building errors.
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
    #[track_caller]
    pub fn concat<'g, T: Element, X: Copy + Into<Tensor<'g, T>>>(
        &'g self,
        tensors: &[X],
        axis: isize,
    ) -> Tensor<'g, T> {
        let inputs: Vec<AnyTensor<'g>> = tensors.iter().map(|&tensor| tensor.into().any()).collect();
        Tensor::typed(self.apply(Concat { axis }, &inputs))
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    use ndarray::concatenate;
    vec![
        example!(
            "concat of rows",
            &[&[2, 3], &[1, 3], &[0, 3]],
            |g, x| g.concat(&[x[0], x[1], x[2]], 0),
            |x| concatenate![Axis(0), x[0], x[1], x[2]],
        ),
        example!(
            "concat of columns",
            &[&[2, 3], &[2, 2]],
            |g, x| g.concat(&[x[0], x[1] * 2.0, x[0]], -1),
            |x| concatenate![Axis(1), x[0], &x[1] * 2.0, x[0]],
        ),
        example!("concat of one", &[&[3]], |g, x| g.concat(&[x[0]], 0), |x| x[0].clone()),
    ]
}
