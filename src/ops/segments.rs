//! Reductions of segments: rows that have the same id, wherever they lie (`unsorted_segment_sum` and its kin), or one
//! behind the other (`segment_sum` and its kin).
//!
//! How many segments there are is told, as every length is known before a run. Ids become places of rows, which are checked
//! on the way; an id below 0 is no segment's where they need not be in order. Taking for each row what its segment has is
//! the gradient of a sum of segments, and a sum of segments that of taking.

#[cfg(test)]
mod examples;
mod kernels;
mod methods;
mod product;

use super::lengths::{Told, types};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::graph::op::{Attributes, Elements, Op, OpDef, OperandDef, Scaled};
use crate::ir::{AxisSlice, Lowering, Reduce, Val, size};
use crate::shape::{Shape, ShapeError, TensorType};

#[cfg(test)]
pub(super) use examples::examples;
use kernels::{Combine, Places, TakeOrZero, added_up};
pub(super) use methods::METHODS;
use product::ProductOfOthers;

/// What can be wrong with the ids of segments.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentFault {
    /// Ids that are not one for each of the first rows of a tensor.
    #[error("expected ids with the first lengths of {shape}, got shape {ids}")]
    Ids {
        /// The shape of the ids.
        ids: Shape,
        /// The shape of the tensor.
        shape: Shape,
    },
    /// Ids in order that are not a vector.
    #[error("expected a vector of ids in ascending order, got shape {ids}")]
    NoVector {
        /// The shape of the ids.
        ids: Shape,
    },
}

/// The inputs before the one that tells the number of segments.
const INPUTS: usize = 2;

/// The lengths of the rows that have an id each.
fn rows<'s>(x: &'s TensorType, ids: &TensorType) -> Result<&'s [Option<usize>], Fault> {
    let (shape, ids) = (&x.shape, &ids.shape);
    match shape.dims().split_at_checked(ids.rank()) {
        Some((first, rows)) if Shape::from(first).agrees_with(ids) => Ok(rows),
        _ => Err(Fault::op(SegmentFault::Ids { ids: ids.clone(), shape: shape.clone() })),
    }
}

/// One row for all those of the first input that have the same id, the second input: so many rows.
#[derive(Clone, Copy, Debug)]
struct Segments {
    reduce: Reduce,
    /// Whether ids must be in ascending order; none is below 0 then.
    sorted: bool,
    count: Told,
}

impl Op for Segments {
    fn name(&self) -> &'static str {
        match (self.sorted, self.reduce) {
            (true, Reduce::Sum) => "segment_sum",
            (true, Reduce::Prod) => "segment_prod",
            (true, Reduce::Max) => "segment_max",
            (true, Reduce::Min) => "segment_min",
            (false, Reduce::Sum) => "unsorted_segment_sum",
            (false, Reduce::Prod) => "unsorted_segment_prod",
            (false, Reduce::Max) => "unsorted_segment_max",
            (false, Reduce::Min) => "unsorted_segment_min",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let (x, ids) = (inputs[0], inputs[1]);
        if self.sorted && ids.shape.rank() != 1 {
            return Err(Fault::op(SegmentFault::NoVector { ids: ids.shape.clone() }));
        }
        let count = self.count.filled(INPUTS, &inputs[INPUTS..])?;
        Ok(TensorType::new(x.dtype, [&[count], rows(x, ids)?].concat()))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (dims, ids) = (to.dims(inputs[0]).to_vec(), to.dims(inputs[1]).to_vec());
        let (dtype, computed) = (to.dtype(inputs[0]), types(&inputs[INPUTS..], to));
        let count = self.count.filled(INPUTS, &computed.iter().collect::<Vec<_>>()).ok().flatten();
        // The shape rule has accepted the number and the ids.
        let (count, inner) = (count.unwrap_or(0), &dims[ids.len()..]);
        let x = to.reshape(inputs[0], [size(&ids), size(inner)]);
        let places = Places::of(inputs[1], count, self.sorted, to);
        let reduced = if self.reduce == Reduce::Sum {
            // What is no segment's is added up behind the last one.
            let sums = added_up(x, places, count + 1, to);
            to.slice(sums, vec![AxisSlice::WHOLE; 2], [count, size(inner)])
        } else {
            let kernel = Combine { reduce: self.reduce, sorted: self.sorted };
            to.kernel(kernel, &[x, places], dtype, [count, size(inner)])
        };
        to.reshape(reduced, [&[count], inner].concat())
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (x, ids, y, times) = (at.input(0), at.input(1), at.output(), at.times());
        at.give(0, |dy| match self.reduce {
            Reduce::Sum => taken(dy, ids),
            Reduce::Prod => times(taken(dy, ids), x.binary(ProductOfOthers, ids)),
            // As of the extreme along an axis: elements that tie share the cotangent, and beside a NaN none is less.
            Reduce::Max | Reduce::Min => {
                let extreme = taken(y, ids);
                let is_less = match self.reduce {
                    Reduce::Max => x.less(extreme),
                    _ => extreme.less(x),
                };
                let (zero, one) = (dy.scalar_like(0.0), dy.scalar_like(1.0));
                let ties = is_less.select(zero, one);
                let ties = summed(ties, ids, dy).maximum(one);
                let nan = y.not_equal(y).select(y, one);
                is_less.select(zero, taken((dy / ties).binary(Scaled, nan), ids))
            }
        });
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn zero_where_untaken(&self, input: usize) -> bool {
        !self.sorted && input == 0
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("num_segments", self.count)
    }
}

/// The sum of the rows of each segment, of which there are as many as another tensor has rows.
#[track_caller]
fn summed<'g>(x: AnyTensor<'g>, ids: AnyTensor<'g>, like: AnyTensor<'g>) -> AnyTensor<'g> {
    x.segments(ids, Reduce::Sum, false, like.dim(0))
}

/// For each id the row that its segment has, and zeros for one below 0.
#[track_caller]
fn taken<'g>(rows: AnyTensor<'g>, ids: AnyTensor<'g>) -> AnyTensor<'g> {
    rows.binary(Taken, ids)
}

/// For each id, the second input, the row of the first one that it names, and zeros for one below 0.
#[derive(Debug)]
struct Taken;

impl Op for Taken {
    fn name(&self) -> &'static str {
        "segment_taken"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let Some((_, rows)) = inputs[0].shape.dims().split_first() else {
            return Err(ShapeError::AxisOutOfRange { axis: 0, rank: 0 }.into());
        };
        Ok(TensorType::new(inputs[0].dtype, [inputs[1].shape.dims(), rows].concat()))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (dims, ids) = (to.dims(inputs[0]).to_vec(), to.dims(inputs[1]).to_vec());
        // The shape rule has accepted the rows.
        let (&count, inner) = dims.split_first().unwrap_or((&0, &[]));
        let rows = to.reshape(inputs[0], [count, size(inner)]);
        let places = Places::of(inputs[1], count, false, to);
        let taken = to.kernel(TakeOrZero, &[rows, places], to.dtype(inputs[0]), [size(&ids), size(inner)]);
        to.reshape(taken, [&ids, inner].concat())
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (rows, ids) = (at.input(0), at.input(1));
        at.give(0, |dy| summed(dy, ids, rows));
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = &[
    OpDef {
        name: "segment_taken",
        doc: "",
        operands: &[OperandDef::one("rows", Elements::Numeric), OperandDef::one("ids", Elements::Integer)],
        attributes: &[],
        build: |graph, operands, _| Ok(graph.apply_all(Taken, operands)),
    },
    product::DEFINITION,
];
