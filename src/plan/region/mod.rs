//! A region compiled for the tile interpreter: kernels chosen, tiles placed, rows cut into tiles.
//!
//! - [`compile`]: from the members of a group to instructions on tiles, each tile in a register of its own.
//! - [`pairs`]: two instructions in one pass, where one hands its result to the other alone.
//! - [`registers`]: registers that are not needed at once share memory.
//! - [`programs`]: several ops as one program, for which there is machine code; [`translate`]: its instructions.
//! - [`cut`]: how many rows make a tile, and how many tiles a task.

mod compile;
mod cut;
mod pairs;
mod programs;
mod registers;
mod translate;

use super::{BufferId, Factors, order};
use crate::element::DType;
use crate::ir::{NodeId, Reduce, Scalar};
use crate::kernel::tile::{Instruction, Kernel, Strided};

pub(super) use compile::{Sources, compile};
pub(super) use programs::place;
pub(crate) use programs::{MOST_STREAMS, Native, Piece};

/// Where a tile, or part of one, starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot {
    pub(crate) base: Base,
    /// Bytes from the base.
    pub(crate) offset: usize,
    /// Bytes from one row of the region to the next; 0 where every tile uses the same memory.
    pub(crate) row_bytes: usize,
}

/// What a slot's offset counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Base {
    /// A buffer of the plan.
    Buffer(BufferId),
    /// The thread's own memory.
    Scratch,
    /// The chunk's rows of the producer, in the thread's own memory.
    Panel,
    /// The chunk's accumulators.
    Partial,
    /// Nothing: the kernel does not read it.
    Nowhere,
}

impl Slot {
    const NOWHERE: Slot = Slot { base: Base::Nowhere, offset: 0, row_bytes: 0 };

    pub(crate) fn buffer(&self) -> Option<BufferId> {
        match self.base {
            Base::Buffer(buffer) => Some(buffer),
            Base::Scratch | Base::Panel | Base::Partial | Base::Nowhere => None,
        }
    }
}

/// A function that may lack a value, and the node that asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fallible {
    pub(crate) node: NodeId,
    pub(crate) function: Scalar,
}

/// One step over a tile.
#[derive(Clone, Debug)]
pub(crate) struct TileOp {
    pub(crate) instruction: Instruction,
    /// The element type of what it reads, or selects from.
    pub(crate) from: DType,
    pub(crate) kernel: Kernel,
    pub(crate) operands: Operands,
}

/// What a tile op works on.
#[derive(Clone, Debug)]
pub(crate) struct Operands {
    pub(crate) dst: Slot,
    pub(crate) a: Slot,
    pub(crate) b: Slot,
    pub(crate) c: Slot,
    /// Rows to work on, where that is not the tile's number.
    pub(crate) rows: Option<usize>,
    pub(crate) width: usize,
    pub(crate) inner: usize,
    /// Elements from one column of `a` to the next, where they lie apart.
    pub(crate) stride: usize,
    pub(crate) strided: Option<Box<Strided>>,
    /// What to name if the function may lack a value.
    pub(crate) fallible: Option<Fallible>,
}

impl Operands {
    /// Those of an op on the whole tile that cannot fail.
    fn new(dst: Slot, [a, b, c]: [Slot; 3], [width, inner]: [usize; 2]) -> Self {
        Operands { dst, a, b, c, rows: None, width, inner, stride: 0, strided: None, fallible: None }
    }

    pub(crate) fn slots(&self) -> [Slot; 4] {
        [self.dst, self.a, self.b, self.c]
    }

    fn slots_mut(&mut self) -> [&mut Slot; 4] {
        [&mut self.dst, &mut self.a, &mut self.b, &mut self.c]
    }
}

/// A value that is reduced across rows.
#[derive(Clone, Debug)]
pub(crate) struct Accumulator {
    pub(crate) buffer: BufferId,
    pub(crate) reduce: Reduce,
    pub(crate) dtype: DType,
    /// Elements of the accumulators, with all their lanes.
    pub(crate) elements: usize,
    /// Lanes that are combined in the end, for each element of the buffer.
    pub(crate) lanes: usize,
    /// Bytes from the start of a chunk's accumulators.
    pub(crate) offset: usize,
}

/// A product of which each chunk computes its rows before its tiles.
#[derive(Clone, Debug)]
pub(crate) struct Producer {
    pub(crate) factors: Factors,
    /// Where its rows go: to a buffer if others read them.
    pub(crate) c: Slot,
}

/// A compiled region.
#[derive(Debug)]
pub(crate) struct Region {
    pub(crate) rows: usize,
    pub(crate) tile_rows: usize,
    pub(crate) chunk_rows: usize,
    /// At least one, so that accumulators over no rows are still set to 0.
    pub(crate) chunks: usize,
    pub(crate) producer: Option<Producer>,
    /// Run at the start of each chunk: tiles that are the same for all rows.
    pub(crate) once: Vec<TileOp>,
    pub(crate) ops: Vec<TileOp>,
    /// The same with programs in place of ops, if the plan is compiled and there is machine code for any.
    pub(crate) pieces: Vec<Piece>,
    /// Memory that is read or written tile by tile and asked for while the tile before is worked on.
    pub(crate) prefetched: Vec<Slot>,
    pub(crate) accumulators: Vec<Accumulator>,
    /// Rows, in whole tiles, after which a chunk's accumulators are put aside.
    pub(crate) round_rows: usize,
    /// Bytes of a chunk's accumulators.
    pub(crate) accumulator_bytes: usize,
    /// Bytes of a chunk's accumulators with those that it has put aside, one behind the other.
    pub(crate) partial_bytes: usize,
    /// Where all chunks' accumulators lie.
    pub(crate) partial: Option<BufferId>,
    /// Bytes of the thread's own memory: the tiles, or the producer's packed operands, and behind them the panel.
    pub(crate) scratch_bytes: usize,
    pub(crate) panel_offset: usize,
    pub(crate) cost: f64,
}

impl Region {
    /// Whether `written` may be made where `read` lies: every row of `read` has been read when the same row of
    /// `written` is made, or is read by the op that makes it, if that can work in place.
    pub(super) fn may_replace(&self, written: BufferId, read: BufferId) -> bool {
        let maker = self.ops.iter().position(|op| op.operands.dst.buffer() == Some(written));
        let is_multiplied = self
            .producer
            .as_ref()
            .is_some_and(|Producer { factors, .. }| [factors.a.buffer, factors.b.buffer].contains(&read));
        let Some(maker) = maker.filter(|_| !is_multiplied) else { return false };
        let row_bytes = self.ops[maker].operands.dst.row_bytes;
        let reads = |op: &TileOp| op.operands.slots()[1..].iter().any(|slot| slot.buffer() == Some(read));
        let row_by_row = |op: &TileOp| {
            let slots = op.operands.slots();
            let read_slots = slots[1..].iter().filter(|slot| slot.buffer() == Some(read));
            op.operands.stride == 0
                && read_slots.into_iter().all(|slot| slot.row_bytes == row_bytes && slot.offset == 0)
        };
        !self.once.iter().any(reads)
            && self.ops.iter().enumerate().filter(|(_, op)| reads(op)).all(|(index, op)| {
                row_by_row(op) && (index < maker || (index == maker && op.instruction.works_in_place()))
            })
    }
}
