//! How a region's rows are cut: into rows and what is within a row, into tiles, into chunks.
//!
//! It depends on shapes alone, never on the number of threads: a *tile* is what fits the first-level
//! cache, a *chunk* is the run of tiles that one task takes, with accumulators of its own. Accumulators
//! are added in the order of the chunks, so sums have the same bits however many threads there are. A chunk of many
//! tiles puts its accumulators aside after some of them and combines those in pairs, so that long sums keep their
//! digits.

use super::compile::Draft;
use super::registers::Place;
use super::{Base, Slot, order};
use crate::ir::{Cost, Program, Scalar, Val, size};
use crate::kernel::MOST_ADDITIONS;
use crate::kernel::gemm::multiply_add_nanoseconds;
use crate::kernel::reduce::Pairs;
use crate::kernel::tile::{Extent, Instruction};
use crate::plan::fuse::{Part, Placement, Rows};

/// Bytes that the tiles in use at once may take: half of a 48 KB first-level cache, three quarters
/// of a 32 KB one. Twice as much spills on the smaller, half as much pays dispatch twice as often.
const TILE_BYTES: usize = 24 << 10;

/// Tiles have a multiple of this many rows, unless they are shorter: a cache line of bytes.
const ROW_MULTIPLE: usize = 64;

/// Nanoseconds of work that a chunk should hold: ten times what handing it to a thread that is awake costs. With
/// longer ones, threads of a region of a millisecond finish at times that differ by a tenth.
const CHUNK_COST: f64 = 20_000.0;

/// Chunks of a region at most: enough for any machine's threads to share evenly, few enough that
/// adding up their accumulators costs nothing.
const MAX_CHUNKS: usize = 64;

/// Bytes of a row when the region may choose its rows: a row is at least a tile, and a tile of each
/// operand should fit the first-level cache.
const MAX_FREE_ROW_BYTES: usize = 4 << 10;

/// How many of the leading axes are rows, and how many rows that makes.
pub(super) fn split(program: &Program, rows: &Rows, parts: &[(Val, Part)]) -> (usize, usize) {
    let dims = match rows {
        Rows::Exactly(lead) => return (lead.len(), size(lead)),
        Rows::Any(dims) => dims,
    };
    let element = parts.iter().map(|(val, _)| program.inst(*val).dtype.size()).max().unwrap_or(1);
    let scattered = |lead: usize| {
        let operands = parts.iter().flat_map(|(_, part)| &part.tiled);
        operands.filter(|operand| operand.placement(lead) == Placement::Scattered).count()
    };
    let fits = |lead: &usize| size(&dims[*lead..]) * element <= MAX_FREE_ROW_BYTES;
    // Short rows rather than long ones, where both need as few elements gathered.
    let lead = (1..=dims.len()).rev().filter(fits).min_by_key(|&lead| scattered(lead)).unwrap_or(dims.len());
    (lead, size(&dims[..lead]))
}

/// The memory that the ops read or write tile by tile, each piece once.
pub(super) fn streams(ops: &[Draft]) -> Vec<Slot> {
    let mut streams: Vec<Slot> = Vec::new();
    for slot in ops.iter().flat_map(|draft| draft.operands.slots()) {
        let is_streamed = slot.row_bytes > 0;
        if is_streamed && !streams.contains(&slot) {
            streams.push(slot);
        }
    }
    streams
}

/// Bytes of all streams together from which they are asked for ahead of their use: less stays in the
/// second-level cache from run to run, from where asking takes as long as reading.
const PREFETCHED_FROM: usize = 1 << 20;

/// The streams that are worth asking for ahead.
pub(super) fn prefetched(rows: usize, mut streams: Vec<Slot>) -> Vec<Slot> {
    streams.retain(|stream| stream.buffer().is_some());
    let bytes = streams.iter().fold(0_usize, |sum, stream| sum.saturating_add(stream.row_bytes * rows));
    if bytes >= PREFETCHED_FROM { streams } else { Vec::new() }
}

/// Rows of a tile, for which all that the ops touch fits the cache, and which all of them may take.
pub(super) fn tile_rows(rows: usize, ops: &[Draft], streams: &[Slot], places: &[Place]) -> usize {
    let streamed: usize = streams.iter().map(|stream| stream.row_bytes).sum();
    let kept: usize = places.iter().map(|place| place.row_bytes).sum();
    let most = ops.iter().map(|draft| draft.instruction.most_rows()).min().unwrap_or(usize::MAX);
    let fitting = (TILE_BYTES / (streamed + kept).max(1)).min(most).clamp(1, rows.max(1));
    if fitting > ROW_MULTIPLE { fitting / ROW_MULTIPLE * ROW_MULTIPLE } else { fitting }
}

/// Rows of a chunk, for work of so many nanoseconds in all.
pub(super) fn chunk_rows(rows: usize, tile_rows: usize, cost: f64) -> usize {
    let chunks = ((cost / CHUNK_COST) as usize).clamp(1, MAX_CHUNKS);
    rows.div_ceil(chunks).max(1).next_multiple_of(tile_rows)
}

/// Numbers that an accumulator takes in, one after the other, before it is put aside: a quarter of [`MOST_ADDITIONS`], as
/// putting aside costs next to nothing beside the tiles between.
const ADDITIONS: usize = MOST_ADDITIONS / 4;

/// The rows, in whole tiles, after which a chunk of so many tiles puts its accumulators aside, and for how many of them
/// it needs room.
pub(super) fn rounds(ops: &[Draft], tile_rows: usize, tiles: usize) -> (usize, usize) {
    let accumulating = ops.iter().filter(|draft| draft.operands.dst.base == Base::Partial);
    let additions = |draft: &Draft| {
        let Draft { instruction, to, ref operands, .. } = *draft;
        let additions = instruction.additions(tile_rows, operands.inner, to);
        // Putting many lanes aside costs more.
        if instruction.lanes(to) > 1 { additions.div_ceil(MOST_ADDITIONS / ADDITIONS) } else { additions }
    };
    let additions = accumulating.map(additions).max().unwrap_or(0);
    if additions == 0 {
        return (usize::MAX, 0);
    }
    let tiles_a_round = (ADDITIONS / additions).max(1);
    (tiles_a_round.saturating_mul(tile_rows), Pairs::places(tiles.saturating_sub(1) / tiles_a_round))
}

/// Nanoseconds for a row of a skinny product beside its multiply-adds, which do not fill their vectors.
const SKINNY_ROW_COST: f64 = 1.0;

/// Nanoseconds to reduce a row beside its elements: a loop that starts, and lanes that are combined.
const REDUCED_ROW_COST: f64 = 5.0;

/// Estimated nanoseconds of an op for a row.
pub(super) fn row_cost(draft: &Draft) -> f64 {
    let Draft { instruction, operands, .. } = draft;
    let (width, inner) = (operands.width as f64, operands.inner as f64);
    match *instruction {
        Instruction::Map { function, .. } => width * order::TILE_ELEMENT_COST * weight(function),
        Instruction::Pair { .. }
        | Instruction::Move(_)
        | Instruction::Reduce { extent: Extent::Across, .. } => width * order::TILE_ELEMENT_COST,
        Instruction::Reduce { extent: Extent::Within, .. } | Instruction::Dot(Extent::Within) => {
            REDUCED_ROW_COST + inner * order::TILE_ELEMENT_COST
        }
        Instruction::Reduce { .. } | Instruction::Dot(_) => inner * order::TILE_ELEMENT_COST,
        Instruction::Project { skinny, .. } | Instruction::Accumulate(skinny)
            if skinny.is_narrow(draft.to) =>
        {
            inner * order::TILE_ELEMENT_COST
        }
        Instruction::Project { .. } | Instruction::Accumulate(_) => {
            SKINNY_ROW_COST + multiply_add_nanoseconds(width * inner, draft.to)
        }
    }
}

/// How many times a function takes the time of an addition. Measured for `tanh`, 0.6 ns an element, and taken for all
/// that are computed in vectors by polynomials; those of the standard library are a call of some 10 ns each.
fn weight(function: Scalar) -> f64 {
    match function.cost() {
        Cost::Cheap => 1.0,
        Cost::Vector => 5.0,
        Cost::Long => 20.0,
        Cost::Call => 100.0,
    }
}
