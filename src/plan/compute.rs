//! A step that runs a kernel which the vocabulary does not know.

use std::sync::Arc;

use super::BufferId;
use crate::dtype::DType;
use crate::graph::NodeId;
use crate::lower::Dims;
use crate::op::Kernel;

/// The kernel, what it reads, and where it writes.
#[derive(Clone, Debug)]
pub(crate) struct Compute {
    pub(crate) kernel: Arc<dyn Kernel>,
    /// The node to name if the kernel fails.
    pub(crate) node: NodeId,
    pub(crate) operands: Vec<ComputeOperand>,
    /// Row-major elements of the type and lengths that follow.
    pub(crate) dst: BufferId,
    pub(crate) dtype: DType,
    pub(crate) dims: Dims,
}

/// An array that a kernel reads, as it lies.
#[derive(Clone, Debug)]
pub(crate) struct ComputeOperand {
    pub(crate) buffer: BufferId,
    pub(crate) dtype: DType,
    pub(crate) dims: Dims,
    /// Elements between neighbours along each axis.
    pub(crate) strides: Dims,
}

impl ComputeOperand {
    /// Bytes from the start of the buffer to the end of the last element.
    pub(crate) fn reach(&self) -> usize {
        if self.dims.contains(&0) {
            return 0;
        }
        let last: usize =
            self.dims.iter().zip(&self.strides).map(|(&length, &stride)| (length - 1) * stride).sum();
        (last + 1) * self.dtype.size()
    }
}
