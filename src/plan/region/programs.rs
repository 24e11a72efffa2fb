//! Which of a region's ops become programs, and these programs.
//!
//! Ops that follow on each other and that programs can express are one program, as many as may be: *flat*, if all work on the
//! elements of a tile alike, else by *rows*. Values that no op behind them reads lie nowhere. All other ops stay as they are.

use std::ops::Range;

use foldhash::HashMap;

use super::translate::{Shape, Translation};
use super::{Base, BufferId, Region, Slot, TileOp};
use crate::codegen::{self, Access, Code, Program, Stream};
use crate::kernel::isa::Isa;
use crate::plan::{Buffer, KnownNumbers, Options, Place};

/// Ops from which a program is worth its call, and the time to make its code.
const LEAST_OPS: usize = 2;

/// The same of a few elements in what loops and functions run, where each op is a call that the code makes faster.
const LEAST_OPS_OF_FEW: usize = 1;

/// Ops of a program at most: the time to make its code grows with its length, and registers run out long before.
const MOST_OPS: usize = 64;

/// The same of a program for a few elements, to which a call and what goes through memory from one program to the next
/// are most of the work.
const MOST_OPS_OF_FEW: usize = 256;

/// Elements that are few: some vectors.
const FEW_ELEMENTS: usize = 32;

/// How many lengths are tried of a program that starts with an op.
const MOST_ATTEMPTS: usize = 4;

/// Streams of a program at most.
pub(crate) const MOST_STREAMS: usize = 30;

/// A part of a region's work.
#[derive(Debug)]
pub(crate) enum Piece {
    /// One op, by its place.
    Op(usize),
    /// The program of several.
    Program(Box<Native>),
}

impl Piece {
    /// Bytes of the thread's own memory beside the region's.
    fn kept_bytes(&self) -> usize {
        match self {
            Piece::Op(_) => 0,
            Piece::Program(native) => native.kept_bytes,
        }
    }
}

/// A program of ops, with what its streams are.
#[derive(Debug)]
pub(crate) struct Native {
    /// The ops.
    pub(crate) ops: Range<usize>,
    pub(crate) program: Program,
    pub(crate) code: Option<Code>,
    pub(crate) code_bytes: usize,
    /// The program as a function, if it has a place. The ops are run where it has none.
    pub(crate) function: Option<codegen::Function>,
    /// Where each stream starts.
    pub(crate) streams: Vec<Slot>,
    /// Bytes of a region's row, if the program has one row of all elements.
    pub(crate) row_bytes: Option<usize>,
    /// Whether it reads or writes tiles, and so must be run tile by tile.
    pub(crate) is_by_tile: bool,
    /// Bytes of the thread's own memory for what one loop of a row leaves to another, behind the region's.
    pub(crate) kept_bytes: usize,
}

impl Region {
    /// Makes programs of the ops, as far as that can be and is worth it.
    pub(in crate::plan) fn make_programs(&mut self, known: KnownNumbers<'_>, options: Options) {
        let kept_from = self.scratch_bytes.next_multiple_of(64);
        self.pieces = self.programs(kept_from, known, options);
        let kept = self.pieces.iter().map(Piece::kept_bytes).max().unwrap_or(0);
        if kept > 0 {
            self.scratch_bytes = kept_from + kept;
        }
    }

    /// The pieces of the ops; none if no program is worth it.
    fn programs(&self, kept_from: usize, known: KnownNumbers<'_>, options: Options) -> Vec<Piece> {
        let Options { isa, is_called, .. } = options;
        let all = &self.ops[..];
        if !codegen::is_possible(isa) || (all.len() < LEAST_OPS && !is_called) {
            return Vec::new();
        }
        let &Region { rows, chunk_rows, tile_rows, .. } = self;
        let ops = Ops { all, uses: uses(all), rows, chunk_rows, tile_rows, kept_from, known, isa, is_called };
        let mut pieces = Vec::new();
        let mut first = 0;
        while first < all.len() {
            if let Some(native) = ops.native(first) {
                first = native.ops.end;
                pieces.push(Piece::Program(Box::new(native)));
            } else {
                pieces.push(Piece::Op(first));
                first += 1;
            }
        }
        if pieces.iter().any(|piece| matches!(piece, Piece::Program(_))) { pieces } else { Vec::new() }
    }
}

impl Native {
    /// Whether it may write over what a later loop of the same row reads, as the plan has put one where the other was. Ops do
    /// not, which go through a tile one after the other.
    fn overwrites(&self, buffers: &[Buffer]) -> bool {
        let place = |stream: Stream| {
            let buffer = self.streams[stream.index()].buffer()?;
            match buffers[buffer.index()].place {
                Place::Part { of, .. } => Some(of),
                _ => Some(buffer),
            }
        };
        let bytes = |buffer: BufferId| match buffers[buffer.index()] {
            Buffer { place: Place::Arena(start), bytes } => Some(start..start + bytes),
            _ => None,
        };
        let overlap = |a: BufferId, b: BufferId| match (bytes(a), bytes(b)) {
            (Some(a), Some(b)) => a.start < b.end && b.start < a.end,
            _ => false,
        };
        let mut written: Vec<BufferId> = Vec::new();
        self.program.accesses().any(|Access { stream, is_write, .. }| {
            let Some(at) = place(stream) else { return false };
            if is_write {
                written.push(at);
            }
            !is_write && written.iter().any(|&written| written != at && overlap(written, at))
        })
    }
}

/// Gives the programs of these regions a place from where they run, all in one. Those that the plan's memory does not suit
/// stay without, as all do where the system has no memory for code; their ops are run instead.
pub(in crate::plan) fn place(regions: Vec<&mut Region>, buffers: &[Buffer]) {
    let (natives, codes): (Vec<&mut Native>, Vec<Code>) = regions
        .into_iter()
        .flat_map(|region| &mut region.pieces)
        .filter_map(|piece| match piece {
            Piece::Program(native) => Some(&mut **native),
            Piece::Op(_) => None,
        })
        .filter_map(|native| {
            let code = native.code.take().filter(|_| !native.overwrites(buffers))?;
            Some((native, code))
        })
        .unzip();
    let functions = if codes.is_empty() { None } else { codegen::place(&codes) };
    for (native, function) in natives.into_iter().zip(functions.unwrap_or_default()) {
        native.function = Some(function);
    }
}

/// The ops that read each tile of the thread's own memory, and those that write it, in order.
type Uses = HashMap<Slot, Vec<(usize, Use)>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Read,
    Write,
}

fn uses(ops: &[TileOp]) -> Uses {
    let mut uses = Uses::default();
    for (index, op) in ops.iter().enumerate() {
        let [dst, operands @ ..] = op.operands.slots();
        let reads = operands.into_iter().map(|slot| (slot, Use::Read));
        for (slot, how) in reads.chain([(dst, Use::Write)]).filter(|(slot, _)| slot.base == Base::Scratch) {
            uses.entry(slot).or_default().push((index, how));
        }
    }
    uses
}

/// A region's ops, and how programs are made of them.
pub(super) struct Ops<'a> {
    pub(super) all: &'a [TileOp],
    uses: Uses,
    pub(super) rows: usize,
    pub(super) chunk_rows: usize,
    pub(super) tile_rows: usize,
    pub(super) kept_from: usize,
    pub(super) known: KnownNumbers<'a>,
    pub(super) isa: Isa,
    /// Whether another plan runs this one.
    is_called: bool,
}

impl Ops<'_> {
    /// Whether each call of a program is for all rows: one tile has them, in one chunk.
    pub(super) fn are_one_call(&self) -> bool {
        self.rows <= self.tile_rows && self.rows <= self.chunk_rows
    }

    /// Whether an op from a place on reads a tile before one writes it.
    pub(super) fn is_read_from(&self, place: usize, slot: Slot) -> bool {
        let uses = self.uses.get(&slot).map_or(&[][..], Vec::as_slice);
        let next = uses.partition_point(|&(index, _)| index < place);
        uses.get(next).is_some_and(|&(_, how)| how == Use::Read)
    }

    /// The longest program that starts with an op.
    fn native(&self, first: usize) -> Option<Native> {
        let few = self.rows.saturating_mul(self.all[first].operands.width) <= FEW_ELEMENTS;
        let most = self.all.len().min(first + if few { MOST_OPS_OF_FEW } else { MOST_OPS });
        let mut shapes = Shape::of(&self.all[first], self.tile_rows);
        let mut end = first;
        let mut longest = shapes;
        while end < most && shapes.iter().any(Option::is_some) {
            longest = shapes;
            end += 1;
            if end < most {
                for shape in &mut shapes {
                    *shape = shape
                        .and_then(|mut shape| shape.takes(&self.all[end], self.tile_rows).then_some(shape));
                }
            }
        }
        let least = if few && self.is_called { LEAST_OPS_OF_FEW } else { LEAST_OPS };
        // What only building tells may refuse an op; fewer are tried then, a few times.
        for _ in 0..MOST_ATTEMPTS {
            if end < first + least {
                break;
            }
            let mut taken = first;
            for shape in longest.into_iter().flatten() {
                match Translation::of(self, first..end, shape) {
                    Ok(native) => return Some(native),
                    Err(behind) => taken = taken.max(behind),
                }
            }
            end = taken.min(end - 1);
        }
        None
    }
}
