//! Elements at computed indices: `gather`, `gather_nd` and `take_along_axis` take them, `scatter_add` and its kin add
//! to them.
//!
//! Lowering turns all kinds of indices into one: row numbers into `[outer, rows, inner]` elements. An index that an
//! axis does not have fails the run. Taking and adding are each other's gradients.

#[cfg(test)]
mod examples;
mod kernels;

use crate::element::DType;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::graph::op::{Attributes, BroadcastLike, Op};
use crate::ir::{Dims, Lowering, Val, size};
use crate::ops::methods::methods;
use crate::shape::{Shape, TensorType, resolve_axis};

#[cfg(test)]
pub(super) use examples::examples;
use kernels::{AddRows, Flatten, Given, TakeRows};

/// What indices point to.
#[derive(Clone, Copy, Debug)]
enum Indexing {
    /// Each to a whole slice across the axis.
    Across(isize),
    /// Each to a row, and there is one for each: a permutation of the rows.
    Shuffled,
    /// The rows of their last axis to what has these indices along the first axes.
    First,
    /// Each to an element along the axis, whose other indices are its own.
    Along(isize),
}

/// What can be wrong with the indices of elements to take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GatherFault {
    /// Indices whose last axis does not hold one index for each of the first axes of a tensor.
    #[error(
        "expected indices whose last length is known while building and at most the rank of {shape}, got \
         shape {indices}"
    )]
    Depth {
        /// The shape of the indices.
        indices: Shape,
        /// The shape of the tensor.
        shape: Shape,
    },
    /// Indices along an axis whose other lengths are not those of the tensor.
    #[error("expected indices with the lengths of {shape} but along axis {axis}, got shape {indices}")]
    AlongAxis {
        /// The shape of the indices.
        indices: Shape,
        /// The shape of the tensor.
        shape: Shape,
        /// The axis, counted from the first.
        axis: usize,
    },
}

impl Indexing {
    fn axis(self) -> isize {
        match self {
            Indexing::Across(axis) | Indexing::Along(axis) => axis,
            Indexing::Shuffled | Indexing::First => 0,
        }
    }

    /// The shape of what lies at the indices.
    fn shape(self, x: &Shape, indices: &Shape) -> Result<Shape, Fault> {
        match self {
            Indexing::Across(_) | Indexing::Shuffled => {
                let axis = resolve_axis(self.axis(), x.rank())?;
                let (before, behind) = x.dims().split_at(axis);
                Ok([before, indices.dims(), &behind[1..]].concat().into())
            }
            Indexing::First => {
                let depth = indices.dims().split_last().and_then(|(&last, rows)| Some((last?, rows)));
                match depth.filter(|&(depth, _)| depth <= x.rank()) {
                    Some((depth, rows)) => Ok([rows, &x.dims()[depth..]].concat().into()),
                    None => Err(Fault::op(GatherFault::Depth { indices: indices.clone(), shape: x.clone() })),
                }
            }
            Indexing::Along(axis) => {
                let axis = resolve_axis(axis, x.rank())?;
                let mut other = x.dims().to_vec();
                other[axis] = indices.dims().get(axis).copied().flatten();
                if !indices.agrees_with(&other.as_slice().into()) {
                    let (indices, shape) = (indices.clone(), x.clone());
                    return Err(Fault::op(GatherFault::AlongAxis { indices, shape, axis }));
                }
                let lengths = other.into_iter().zip(indices.dims());
                Ok(lengths.map(|(own, &index)| own.or(index)).collect::<Vec<_>>().into())
            }
        }
    }

    /// The row numbers that the indices are; the shape rule has accepted them.
    fn rows(self, x: Val, indices: Val, to: &mut Lowering<'_>) -> Rows {
        let indices = to.cast(indices, DType::I64);
        let (x, lengths) = (to.dims(x).to_vec(), to.dims(indices).to_vec());
        let axis = |axis: isize| resolve_axis(axis, x.len()).unwrap_or(0);
        // The lengths before, of and behind an axis.
        let around = |axis: usize| [size(&x[..axis]), x[axis], size(&x[axis + 1..])];
        // Where none can be amiss, none is looked at for its own sake: an array without elements may have many rows.
        let may_miss = !lengths.contains(&0) && !matches!(self, Indexing::Shuffled);
        let given = Given { lengths: lengths.clone(), may_miss };
        match self {
            Indexing::Across(_) | Indexing::Shuffled => {
                let count = size(&lengths);
                Rows {
                    lengths: around(axis(self.axis())),
                    count,
                    numbers: to.reshape(indices, [count]),
                    given,
                }
            }
            Indexing::First => {
                let (depth, rows) = lengths.split_last().map_or((0, &[][..]), |(&depth, rows)| (depth, rows));
                let (count, first) = (size(rows), x[..depth].to_vec());
                let lengths = [1, size(&first), size(&x[depth..])];
                let indices = to.reshape(indices, [count, depth]);
                let numbers = if depth == 0 {
                    // Everything for each, and nothing to look at.
                    let all = to.scalar(0.0, DType::I64);
                    to.broadcast(all, [count])
                } else {
                    flattened(Flatten::Rows(first, given.clone()), indices, count, to)
                };
                Rows { lengths, count, numbers, given }
            }
            Indexing::Along(along) => {
                let [outer, length, inner] = around(axis(along));
                let (count, taken) = (size(&lengths), lengths[axis(along)]);
                let indices = to.reshape(indices, [outer, taken, inner]);
                let numbers = flattened(Flatten::Along(length, given.clone()), indices, count, to);
                Rows { lengths: [1, size(&x), 1], count, numbers, given }
            }
        }
    }
}

/// One row number for several indices, or for one and where it stands.
fn flattened(flatten: Flatten, indices: Val, count: usize, to: &mut Lowering<'_>) -> Val {
    to.kernel(flatten, &[indices], DType::I64, [count])
}

/// What is at some of the rows of a tensor.
struct Rows {
    /// The tensor's lengths before the rows, of the rows, and within a row.
    lengths: [usize; 3],
    /// How many row numbers there are.
    count: usize,
    numbers: Val,
    /// The indices that the numbers come from.
    given: Given,
}

impl Rows {
    /// The lengths of what is at the rows.
    fn taken(&self) -> Dims {
        let [outer, _, inner] = self.lengths;
        Dims::from_slice(&[outer, self.count, inner])
    }
}

/// What the first input has at the indices, the second input.
#[derive(Debug)]
struct Gather(Indexing);

impl Op for Gather {
    fn name(&self) -> &'static str {
        match self.0 {
            Indexing::Across(_) | Indexing::Shuffled => "gather",
            Indexing::First => "gather_nd",
            Indexing::Along(_) => "take_along_axis",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(TensorType::new(inputs[0].dtype, self.0.shape(&inputs[0].shape, &inputs[1].shape)?))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let [x, indices] = [0, 1].map(|input| inputs[input]);
        let (dtype, shape) = (to.dtype(x), self.0.shape(&to.dims(x).into(), &to.dims(indices).into()));
        let rows = self.0.rows(x, indices, to);
        let x = to.reshape(x, rows.lengths);
        let dims = rows.taken();
        let taken = to.kernel(TakeRows(rows.given), &[x, rows.numbers], dtype, dims);
        match shape.ok().and_then(|shape| shape.known()) {
            Some(dims) => to.reshape(taken, dims),
            // The shape rule has accepted the indices.
            None => taken,
        }
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (x, indices) = (at.input(0), at.input(1));
        at.give(0, |dy| {
            let zeros = dy.scalar_like(0.0).binary(BroadcastLike, x);
            dy.graph().apply(ScatterAdd(self.0), &[zeros, indices, dy])
        });
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn attributes(&self) -> Attributes {
        attributes(self.0)
    }
}

/// The first input, plus the third at the indices, the second input.
#[derive(Debug)]
struct ScatterAdd(Indexing);

impl Op for ScatterAdd {
    fn name(&self) -> &'static str {
        match self.0 {
            Indexing::Across(_) | Indexing::Shuffled => "scatter_add",
            Indexing::First => "scatter_nd_add",
            Indexing::Along(_) => "scatter_along_axis_add",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let expected = self.0.shape(&inputs[0].shape, &inputs[1].shape)?;
        if !inputs[2].shape.agrees_with(&expected) {
            return Err(Fault::OtherShape { expected, found: inputs[2].shape.clone() });
        }
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let [x, indices, updates] = [0, 1, 2].map(|input| inputs[input]);
        let (dims, dtype) = (to.dims(x).to_vec(), to.dtype(x));
        let rows = self.0.rows(x, indices, to);
        let x = to.reshape(x, rows.lengths);
        let updates = to.reshape(updates, rows.taken());
        let sums = to.kernel(AddRows(rows.given), &[x, rows.numbers, updates], dtype, rows.lengths);
        to.reshape(sums, dims)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let indices = at.input(1);
        at.give(0, |dy| dy);
        at.give(2, |dy| dy.binary(Gather(self.0), indices));
    }

    fn differentiable(&self, input: usize) -> bool {
        input != 1
    }

    fn attributes(&self) -> Attributes {
        attributes(self.0)
    }
}

/// What a value has at indices along an axis, whose other indices are their own.
pub(super) fn take_along_axis(x: Val, indices: Val, axis: isize, to: &mut Lowering<'_>) -> Val {
    Op::lower(&Gather(Indexing::Along(axis)), &[x, indices], to)
}

/// Zeros of the shape of a tensor, and what was taken from it along an axis at the indices.
pub(super) fn put_along_axis<'g>(
    taken: AnyTensor<'g>,
    indices: AnyTensor<'g>,
    axis: isize,
    like: AnyTensor<'g>,
) -> AnyTensor<'g> {
    let zeros = taken.scalar_like(0.0).binary(BroadcastLike, like);
    taken.graph().apply(ScatterAdd(Indexing::Along(axis)), &[zeros, indices, taken])
}

fn attributes(indexing: Indexing) -> Attributes {
    match indexing {
        Indexing::Across(_) | Indexing::Shuffled | Indexing::Along(_) => {
            Attributes::new().with("axis", indexing.axis())
        }
        Indexing::First => Attributes::new(),
    }
}

methods! {
    /// The slices across an axis that have the given indices, of `i32` or `i64`; negative axes count from the end. The axis is replaced by
    /// the axes of the indices: a vector of indices along axis 0 selects rows.
    ///
    /// Gradient: the cotangents of each slice's occurrences, added up; 0 where there is none. An axis out of range is a
    /// build error; an index that is negative or not below the axis' length fails the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[1, 2], [3, 4], [5, 6]]));
    /// let rows = x.gather(g.constant(ndarray::arr1(&[2_i64, 0])), 0);
    /// assert_eq!(Session::new(&g)?.run(rows)?, ndarray::arr2(&[[5, 6], [1, 2]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("take", "index_select", "embedding_lookup"))]
    fn gather<Element>(x, indices: (Index), axis: isize) -> Self {
        x.binary(Gather(Indexing::Across(axis)), indices)
    }

    /// What has the given indices along the first axes: the last axis of `indices` holds one for each of as many axes
    /// as it is long, and is replaced by the axes behind these.
    ///
    /// Gradient: the cotangents of each index's occurrences, added up; 0 where there is none. A last length of
    /// the indices that is not known, or greater than the rank, is a build error; an index that is negative or not
    /// below its axis' length fails the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[1, 2], [3, 4]]));
    /// let elements = x.gather_nd(g.constant(ndarray::arr2(&[[0_i64, 1], [1, 1]])));
    /// assert_eq!(Session::new(&g)?.run(elements)?, ndarray::arr1(&[2, 4]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn gather_nd<Element>(x, indices: (Index)) -> Self {
        x.binary(Gather(Indexing::First), indices)
    }

    /// For each index, the element that has it along the axis and stands where the index does along all other axes,
    /// whose lengths are the same; negative axes count from the end.
    ///
    /// Gradient: the cotangents of each element's occurrences, added up; 0 where there is none. An axis out of range
    /// and other lengths that differ are build errors; an index that is negative or not below the axis' length
    /// fails the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[1, 2, 3], [4, 5, 6]]));
    /// let chosen = x.take_along_axis(g.constant(ndarray::arr2(&[[2_i64], [0]])), 1);
    /// assert_eq!(Session::new(&g)?.run(chosen)?, ndarray::arr2(&[[3], [4]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn take_along_axis<Element>(x, indices: (Index), axis: isize) -> Self {
        x.binary(Gather(Indexing::Along(axis)), indices)
    }

    /// The tensor plus the updates at the slices across an axis that have the given indices: where
    /// [`gather`](crate::Tensor::gather) would take them from. Updates of one slice add up in their order, so the same inputs
    /// give the same bits; of many it is kept what rounding loses.
    ///
    /// Gradient: the cotangent to the tensor, and to the updates what it has at the indices. An axis out of range, and
    /// updates of another shape than `gather` would give, are build errors; an index that is negative or not below
    /// the axis' length fails the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[10, 20, 30]));
    /// let indices = g.constant(ndarray::arr1(&[2_i64, 0, 2]));
    /// let y = x.scatter_add(indices, g.constant(ndarray::arr1(&[1, 2, 3])), 0);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[12, 20, 34]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("index_add", "tensor_scatter_nd_add"))]
    fn scatter_add<Numeric>(x, indices: (Index), updates: (Self), axis: isize) -> Self {
        x.graph().apply(ScatterAdd(Indexing::Across(axis)), &[x, indices, updates])
    }
}

impl<'g> AnyTensor<'g> {
    /// The rows in the order of a permutation of their numbers.
    #[track_caller]
    pub(super) fn in_order(self, permutation: AnyTensor<'g>) -> Self {
        self.binary(Gather(Indexing::Shuffled), permutation)
    }
}
