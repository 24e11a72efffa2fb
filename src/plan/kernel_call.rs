//! A step that runs a kernel which the vocabulary does not know.

use std::ops::Range;
use std::sync::Arc;

use super::{BufferId, Start};
use crate::element::DType;
use crate::ir::{Dims, Kernel, NodeId};

/// The kernel, what it reads, and where it writes.
#[derive(Clone, Debug)]
pub(crate) struct KernelCall {
    pub(crate) kernel: Arc<dyn Kernel>,
    /// The node to name if the kernel fails.
    pub(crate) node: NodeId,
    pub(crate) operands: Vec<KernelOperand>,
    /// Row-major elements of the type and lengths that follow.
    pub(crate) dst: BufferId,
    pub(crate) dtype: DType,
    pub(crate) dims: Dims,
    /// Indices of the first axis, of the output and of all operands, for one task; `None` if they are one task.
    pub(crate) per_task: Option<usize>,
    /// Whether the kernel hands parts of a task to other threads.
    pub(crate) is_shared: bool,
}

/// Nanoseconds of work that a task should hold, by the cost that is assumed of kernels.
const TASK_COST: f64 = 50_000.0;

impl KernelCall {
    /// The indices of the first axis for one task of a kernel that costs so much, if it may be cut along it.
    pub(super) fn indices_per_task(
        kernel: &dyn Kernel,
        operands: &[KernelOperand],
        dims: &[usize],
        cost: f64,
    ) -> Option<usize> {
        let &length = dims.first()?;
        let all_have_it = operands.iter().all(|operand| operand.dims.first() == Some(&length));
        let per_task = (TASK_COST / (cost / length as f64)).ceil() as usize;
        (kernel.is_batched() && all_have_it && per_task < length).then_some(per_task.max(1))
    }

    pub(crate) fn tasks(&self) -> usize {
        self.per_task.map_or(1, |per_task| self.dims[0].div_ceil(per_task))
    }

    /// The indices of the first axis that a task computes, if it is not all there is.
    pub(crate) fn indices(&self, task: usize) -> Option<Range<usize>> {
        let first = task * self.per_task?;
        Some(first..self.dims[0].min(first + self.per_task?))
    }
}

/// An array that a kernel reads, as it lies.
#[derive(Clone, Debug)]
pub(crate) struct KernelOperand {
    pub(crate) start: Start,
    pub(crate) dtype: DType,
    pub(crate) dims: Dims,
    /// Elements between neighbors along each axis.
    pub(crate) strides: Dims,
}

impl KernelOperand {
    /// The bytes of the buffer among which the elements are.
    pub(crate) fn reach(&self) -> Option<Range<usize>> {
        let axes = self.dims.iter().zip(&self.strides).map(|(&length, &stride)| (length, stride as isize));
        reach(self.start.offset, axes, self.dtype.size())
    }
}

/// The bytes among which are the elements, of so many bytes each, that lie along these axes from a byte on; `None` if
/// some are before the start.
pub(crate) fn reach(
    offset: usize,
    axes: impl Iterator<Item = (usize, isize)> + Clone,
    element: usize,
) -> Option<Range<usize>> {
    if axes.clone().any(|(length, _)| length == 0) {
        return Some(offset..offset);
    }
    let mut ends = [offset; 2];
    for (length, stride) in axes {
        let end = usize::from(stride > 0);
        ends[end] = ends[end].checked_add_signed((length - 1) as isize * stride * element as isize)?;
    }
    Some(ends[0]..ends[1] + element)
}
