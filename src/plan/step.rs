//! Buffers and steps: what a plan is made of.

use std::ops::Range;

use super::{Assembly, Batch, BranchCall, FunctionCall, KernelCall, LoopCall, Region};
use crate::ir::VariableId;
use crate::kernel::gemm::{GemmKernel, Product, Split};
use crate::kernel::reduce::MiddleReduction;

/// Index of a buffer in its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct BufferId(pub(crate) u32);

impl BufferId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where a buffer's elements lie during a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In what the run is fed at this position.
    Feed(usize),
    /// In the count of the runs before this one, which the run itself keeps.
    RunCount,
    /// In one of the plan's constants.
    Constant(usize),
    /// In a variable, as it was before the run.
    Variable(VariableId),
    /// In the memory that becomes the variable's when the run has succeeded.
    Next(VariableId),
    /// Where the caller of a function wants the output at this position.
    Output(usize),
    /// In the run's arena, at this many bytes from its start.
    Arena(usize),
    /// In the result of a join, which is no part itself, at this many bytes from its start. The buffer's bytes reach from
    /// its first element to its last, and those between that are not its own are left alone.
    Part { of: BufferId, offset: usize },
}

impl Place {
    /// The buffer of which the one that lies here is a part, or that buffer itself.
    pub(super) fn whole(self, of_itself: BufferId) -> BufferId {
        match self {
            Place::Part { of, .. } => of,
            _ => of_itself,
        }
    }
}

/// Memory that holds one value during a run.
#[derive(Clone, Debug)]
pub(crate) struct Buffer {
    pub(crate) place: Place,
    pub(crate) bytes: usize,
}

/// Where an array starts that lies in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) buffer: BufferId,
    /// Bytes from the start of the buffer.
    pub(crate) offset: usize,
}

/// One step of a plan.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) kind: Kind,
    pub(crate) reads: Vec<BufferId>,
    pub(crate) writes: Vec<BufferId>,
    /// Where the plan's `origins` has the nodes that the step's instructions come from.
    pub(crate) origins: Range<u32>,
    /// Estimated nanoseconds on one thread.
    pub(crate) cost: f64,
}

/// What a step does.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Runs a region tile by tile.
    Region(Box<Region>),
    /// c = a·b, split into panels.
    Product { factors: Box<Factors>, c: BufferId },
    /// Reduces along a middle axis.
    Reduce { reduce: MiddleReduction, src: Start, dst: BufferId },
    /// Copies what is not written yet of a join's result.
    Join { assembly: Box<Assembly>, dst: BufferId },
    /// Runs a kernel that the vocabulary does not know.
    Kernel(Box<KernelCall>),
    /// Runs the plan of a function.
    Call(Box<FunctionCall>),
    /// Runs the plan of one of several programs.
    Branch(Box<BranchCall>),
    /// Runs a plan again and again.
    Loop(Box<LoopCall>),
    /// Copies all bytes.
    Copy { src: Start, dst: BufferId, bytes: usize },
}

/// A matrix product a·b and how it is computed.
#[derive(Clone, Debug)]
pub(crate) struct Factors {
    /// The product, or each of the batch.
    pub(crate) product: Product,
    pub(crate) batch: Batch,
    pub(crate) kernel: GemmKernel,
    /// The largest panel.
    pub(crate) split: Split,
    pub(crate) scratch_bytes: usize,
    pub(crate) a: Start,
    pub(crate) b: Start,
}

impl Factors {
    /// Panels of each product.
    pub(crate) fn panels(&self) -> usize {
        self.row_panels() * self.product.n.div_ceil(self.split.columns).max(1)
    }

    pub(crate) fn row_panels(&self) -> usize {
        self.product.m.div_ceil(self.split.rows).max(1)
    }
}
