//! Elements at computed indices: `gather`, `gather_nd` and `take_along_axis` take them, `scatter_add` and its kin add
//! to them.
//!
//! Lowering turns all kinds of indices into one ([`indexing`]): row numbers into `[outer, rows, inner]` elements. An
//! index that an axis does not have fails the run. Taking and adding are each other's gradients.

#[cfg(test)]
mod examples;
mod indexing;
mod kernels;

use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::graph::op::{Attributes, Op, OpDef};
use crate::ir::{Lowering, Val};
use crate::ops::internal::internal;
use crate::ops::methods::methods;
use crate::shape::TensorType;

#[cfg(test)]
pub(super) use examples::examples;
pub use indexing::GatherFault;
pub(super) use indexing::Indexing;
use kernels::TakeRows;
pub(super) use kernels::{AddRows, Given, with_axes};

/// What the first input has at the indices, the second input.
#[derive(Debug)]
struct Gather(Indexing);

impl Op for Gather {
    fn name(&self) -> &'static str {
        match self.0 {
            Indexing::Across(_) | Indexing::Shuffled => "gather",
            Indexing::AcrossBatches { .. } => "gather_with",
            Indexing::First { batch_dims: 0 } => "gather_nd",
            Indexing::First { .. } => "gather_nd_with",
            Indexing::Along(_) => "take_along_axis",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        self.0.taken(inputs[0], inputs[1])
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        self.0.take(inputs, TakeRows, to)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (x, indices) = (at.input(0), at.input(1));
        at.give(0, |dy| dy.graph().apply(ScatterAdd(self.0), &[x.zeros_like(), indices, dy]));
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn attributes(&self) -> Attributes {
        self.0.attributes()
    }
}

/// The first input, plus the third at the indices, the second input.
#[derive(Debug)]
struct ScatterAdd(Indexing);

impl Op for ScatterAdd {
    fn name(&self) -> &'static str {
        match self.0 {
            Indexing::Across(_) | Indexing::Shuffled => "scatter_add",
            Indexing::AcrossBatches { .. } => "scatter_add_with",
            Indexing::First { batch_dims: 0 } => "scatter_nd_add",
            Indexing::First { .. } => "scatter_nd_add_with",
            Indexing::Along(_) => "scatter_along_axis_add",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        self.0.updated(inputs)
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        self.0.update(inputs, AddRows, to)
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
        self.0.attributes()
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
    taken.graph().apply(ScatterAdd(Indexing::Along(axis)), &[like.zeros_like(), indices, taken])
}

/// For files of graphs. The gradient of a shuffle goes by a permutation that was drawn, and is none of them.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "scatter_add_with" (x: Numeric, indices: Integer, updates: Numeric) [axis: isize, batch_dims: usize] |given|
        ScatterAdd(Indexing::across(axis, batch_dims));
    "scatter_nd_add" (x: Numeric, indices: Integer, updates: Numeric) [] |given|
        ScatterAdd(Indexing::First { batch_dims: 0 });
    "scatter_nd_add_with" (x: Numeric, indices: Integer, updates: Numeric) [batch_dims: usize] |given|
        ScatterAdd(Indexing::First { batch_dims });
    "scatter_along_axis_add" (x: Numeric, indices: Integer, updates: Numeric) [axis: isize] |given|
        ScatterAdd(Indexing::Along(axis));
};

methods! {
    /// The slices across an axis that have the given indices, of `i32` or `i64`; negative axes count from the end. The
    /// axis is replaced by the axes of the indices: a vector of indices along axis 0 selects rows.
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

    /// [`gather`](crate::Tensor::gather) within each batch: the first `batch_dims` axes, of the tensor and of the
    /// indices, are batches, which have their own indices. The axis comes behind them, and is replaced by the other axes
    /// of the indices.
    ///
    /// Gradient: the cotangents of each slice's occurrences, added up; 0 where there is none. An axis out of range or
    /// among the batches, and indices whose first lengths are not those of the tensor, are build errors; an index that is
    /// negative or not below the axis' length fails the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[1, 2, 3], [4, 5, 6]]));
    /// let indices = g.constant(ndarray::arr2(&[[2_i64, 0], [1, 1]]));
    /// let y = x.gather_with(indices, 1, 1);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr2(&[[3, 1], [5, 5]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn gather_with<Element>(x, indices: (Index), axis: isize, batch_dims: usize) -> Self {
        x.binary(Gather(Indexing::across(axis, batch_dims)), indices)
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
        x.binary(Gather(Indexing::First { batch_dims: 0 }), indices)
    }

    /// [`gather_nd`](crate::Tensor::gather_nd) within each batch: the first `batch_dims` axes, of the tensor and of the
    /// indices, are batches, and the indices are those along the axes behind.
    ///
    /// Gradient and errors as for [`gather_nd`](crate::Tensor::gather_nd); indices whose first lengths are not those of
    /// the tensor are a build error as well.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr3(&[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]));
    /// let elements = x.gather_nd_with(g.constant(ndarray::arr2(&[[0_i64, 1], [1, 0]])), 1);
    /// assert_eq!(Session::new(&g)?.run(elements)?, ndarray::arr1(&[2, 7]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn gather_nd_with<Element>(x, indices: (Index), batch_dims: usize) -> Self {
        x.binary(Gather(Indexing::First { batch_dims }), indices)
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
    /// [`gather`](crate::Tensor::gather) would take them from. Updates of one slice add up in their order, so the
    /// same inputs give the same bits; of many it is kept what rounding loses.
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
