//! What indices point to, as row numbers.

use super::kernels::{Flatten, Given};
use crate::element::DType;
use crate::error::Fault;
use crate::graph::op::Attributes;
use crate::ir::{Dims, Kernel, Lowering, Val, size};
use crate::shape::{Shape, TensorType, resolve_axis};

/// What indices point to.
#[derive(Clone, Copy, Debug)]
pub(in crate::ops) enum Indexing {
    /// Each to a whole slice across the axis.
    Across(isize),
    /// The same within each batch: the first axes are batches.
    AcrossBatches { axis: isize, batch_dims: usize },
    /// Each to a row, and there is one for each: a permutation of the rows.
    Shuffled,
    /// The rows of their last axis to what has these indices along the first axes behind batches.
    First { batch_dims: usize },
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
    /// Indices for other batches than the tensor has.
    #[error(
        "expected indices with the batch lengths of {shape} (batch_dims = {batch_dims}), got shape {indices}"
    )]
    Batches {
        /// The shape of the indices.
        indices: Shape,
        /// The shape of the tensor.
        shape: Shape,
        /// The number of axes that are batches.
        batch_dims: usize,
    },
    /// An axis that is a batch.
    #[error("expected an axis behind the batches (batch_dims = {batch_dims}), got {axis}")]
    BatchAxis {
        /// The axis, counted from the first.
        axis: usize,
        /// The number of axes that are batches.
        batch_dims: usize,
    },
}

/// The lengths of the first axes, which are batches, as far as the tensor or the indices tell them.
fn batches(x: &Shape, indices: &Shape, batch_dims: usize) -> Result<Shape, Fault> {
    let first = |shape: &Shape| shape.dims().get(..batch_dims).map(Shape::from);
    let both = first(x).zip(first(indices)).and_then(|(x, indices)| x.merged(&indices));
    let fault = || GatherFault::Batches { indices: indices.clone(), shape: x.clone(), batch_dims };
    both.ok_or_else(|| Fault::op(fault()))
}

impl Indexing {
    /// Across an axis behind so many batches.
    pub(in crate::ops) fn across(axis: isize, batch_dims: usize) -> Self {
        if batch_dims == 0 { Indexing::Across(axis) } else { Indexing::AcrossBatches { axis, batch_dims } }
    }

    fn axis(self) -> isize {
        match self {
            Indexing::Across(axis) | Indexing::AcrossBatches { axis, .. } | Indexing::Along(axis) => axis,
            Indexing::Shuffled | Indexing::First { .. } => 0,
        }
    }

    pub(in crate::ops) fn attributes(self) -> Attributes {
        let attributes = Attributes::new();
        match self {
            Indexing::Across(axis) | Indexing::Along(axis) => attributes.with("axis", axis),
            Indexing::Shuffled => attributes.with("axis", 0_isize),
            Indexing::AcrossBatches { axis, batch_dims } => {
                attributes.with("axis", axis).with("batch_dims", batch_dims)
            }
            Indexing::First { batch_dims: 0 } => attributes,
            Indexing::First { batch_dims } => attributes.with("batch_dims", batch_dims),
        }
    }

    /// The type of what is at the indices.
    pub(in crate::ops) fn taken(self, x: &TensorType, indices: &TensorType) -> Result<TensorType, Fault> {
        Ok(TensorType::new(x.dtype, self.shape(&x.shape, &indices.shape)?))
    }

    /// The type of what updates, of the shape that is at the indices, leave.
    pub(in crate::ops) fn updated(self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let expected = self.shape(&inputs[0].shape, &inputs[1].shape)?;
        if !inputs[2].shape.agrees_with(&expected) {
            return Err(Fault::OtherShape { expected, found: inputs[2].shape.clone() });
        }
        Ok(inputs[0].clone())
    }

    /// The shape of what lies at the indices.
    fn shape(self, x: &Shape, indices: &Shape) -> Result<Shape, Fault> {
        match self {
            Indexing::Across(_) | Indexing::Shuffled => {
                let axis = resolve_axis(self.axis(), x.rank())?;
                let (before, behind) = x.dims().split_at(axis);
                Ok([before, indices.dims(), &behind[1..]].concat().into())
            }
            Indexing::AcrossBatches { axis, batch_dims } => {
                let axis = resolve_axis(axis, x.rank())?;
                let batches = batches(x, indices, batch_dims)?;
                if axis < batch_dims {
                    return Err(Fault::op(GatherFault::BatchAxis { axis, batch_dims }));
                }
                let (before, behind) = (&x.dims()[batch_dims..axis], &x.dims()[axis + 1..]);
                Ok([batches.dims(), before, &indices.dims()[batch_dims..], behind].concat().into())
            }
            Indexing::First { batch_dims } => {
                let batches = batches(x, indices, batch_dims)?;
                let depth =
                    indices.dims()[batch_dims..].split_last().and_then(|(&last, rows)| Some((last?, rows)));
                match depth.filter(|&(depth, _)| depth <= x.rank() - batch_dims) {
                    Some((depth, rows)) => {
                        Ok([batches.dims(), rows, &x.dims()[batch_dims + depth..]].concat().into())
                    }
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

    /// What a kernel takes from the rows at the indices, the second input.
    pub(in crate::ops) fn take<K: Kernel>(
        self,
        inputs: &[Val],
        kernel: fn(Given) -> K,
        to: &mut Lowering<'_>,
    ) -> Val {
        let [x, indices] = [0, 1].map(|input| inputs[input]);
        let (dtype, shape) = (to.dtype(x), self.shape(&to.dims(x).into(), &to.dims(indices).into()));
        let rows = self.rows(x, indices, to);
        let x = to.reshape(x, rows.lengths);
        let dims = rows.taken();
        let taken = to.kernel(kernel(rows.given), &[x, rows.numbers], dtype, dims);
        match shape.ok().and_then(|shape| shape.known()) {
            Some(dims) => to.reshape(taken, dims),
            // The shape rule has accepted the indices.
            None => taken,
        }
    }

    /// What a kernel makes of the first input with updates, the third one, for the rows at the indices.
    pub(in crate::ops) fn update<K: Kernel>(
        self,
        inputs: &[Val],
        kernel: fn(Given) -> K,
        to: &mut Lowering<'_>,
    ) -> Val {
        let [x, indices, updates] = [0, 1, 2].map(|input| inputs[input]);
        let (dims, dtype) = (to.dims(x).to_vec(), to.dtype(x));
        let rows = self.rows(x, indices, to);
        let x = to.reshape(x, rows.lengths);
        let updates = to.reshape(updates, rows.taken());
        let updated = to.kernel(kernel(rows.given), &[x, rows.numbers, updates], dtype, rows.lengths);
        to.reshape(updated, dims)
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
            Indexing::AcrossBatches { axis: across, batch_dims } => {
                let [_, length, inner] = around(axis(across));
                let [batches, each] = [size(&lengths[..batch_dims]), size(&lengths[batch_dims..])];
                let between = size(&x[batch_dims..axis(across)]);
                let (count, rows) = (batches * between * each, batches * between * length);
                let indices = to.reshape(indices, [batches, each]);
                let flatten = Flatten::Batches { between, length, given: given.clone() };
                Rows {
                    lengths: [1, rows, inner],
                    count,
                    numbers: flattened(flatten, indices, count, to),
                    given,
                }
            }
            Indexing::First { batch_dims } => {
                let (batch, lengths) = lengths.split_at(batch_dims);
                let (depth, rows) = lengths.split_last().map_or((0, &[][..]), |(&depth, rows)| (depth, rows));
                let (batches, each) = (size(batch), size(rows));
                let (count, first) = (batches * each, x[batch_dims..batch_dims + depth].to_vec());
                let lengths = [1, batches * size(&first), size(&x[batch_dims + depth..])];
                let numbers = if depth == 0 {
                    // All of the batch for each, and nothing to look at.
                    let own = to.iota(0, batches);
                    let own = to.reshape(own, [batches, 1]);
                    let all = to.broadcast(own, [batches, each]);
                    to.reshape(all, [count])
                } else {
                    let indices = to.reshape(indices, [count, depth]);
                    flattened(Flatten::Rows { first, each, given: given.clone() }, indices, count, to)
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
