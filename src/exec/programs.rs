//! A region whose ops are machine code, or some of them.

use std::ops::Range;

use super::steps::Bases;
use crate::codegen;
use crate::plan::{Fallible, MOST_STREAMS, Native, Piece, Region, TileOp};

/// Runs the tiles of some of a chunk's rows by the region's programs, and by ops where there are none.
///
/// # Safety
/// As for [`run_task`](super::steps::run_task).
pub(super) unsafe fn run_pieces(
    region: &Region,
    bases: &Bases<'_>,
    mut rows: Range<usize>,
) -> Result<(), Fallible> {
    // What touches no tiles need not be cut into them.
    let is_whole = matches!(&region.pieces[..], [Piece::Program(native)] if native.function.is_some() && !native.is_by_tile);
    let most = if is_whole { rows.len() } else { region.tile_rows };
    while !rows.is_empty() {
        let tile = rows.start..rows.end.min(rows.start.saturating_add(most));
        for piece in &region.pieces {
            let ops = match piece {
                Piece::Program(native) => {
                    if let Some(function) = &native.function {
                        // SAFETY: the caller's promise.
                        unsafe { run_program(native, function, bases, &tile) };
                        continue;
                    }
                    native.ops.clone()
                }
                Piece::Op(index) => *index..index + 1,
            };
            for op in &region.ops[ops] {
                // SAFETY: the caller's promise.
                unsafe { run_op(op, bases, &tile) }?;
            }
        }
        rows.start = tile.end;
    }
    Ok(())
}

/// Runs an op on a tile.
///
/// # Safety
/// As for [`run_task`](super::steps::run_task).
unsafe fn run_op(op: &TileOp, bases: &Bases<'_>, tile: &Range<usize>) -> Result<(), Fallible> {
    let args = bases.args(&op.operands, tile.start, tile.len());
    // SAFETY: as for the kernels of `run_tiles`.
    unsafe { (op.kernel)(&args) };
    match op.operands.fallible {
        Some(fallible) if args.fault.get() => Err(fallible),
        _ => Ok(()),
    }
}

/// Runs a program on some rows, of which there is at least one.
///
/// # Safety
/// As for [`run_task`](super::steps::run_task); the rows are those of one tile, unless the program touches no tiles.
unsafe fn run_program(native: &Native, function: &codegen::Function, bases: &Bases<'_>, rows: &Range<usize>) {
    debug_assert!(!rows.is_empty());
    let mut words = [0; codegen::FIRST_STREAM + MOST_STREAMS];
    words[0] = if native.row_bytes.is_some() { 1 } else { rows.len() as u64 };
    words[1] = (native.row_bytes.unwrap_or_default() * rows.len()) as u64;
    for (word, slot) in words[codegen::FIRST_STREAM..].iter_mut().zip(&native.streams) {
        *word = bases.address(slot, rows.start) as u64;
    }
    // SAFETY: the streams are where the region's ops read and write, which reach as far as the rows lead, by the caller's
    // promise; what is written lies apart from what is read, or where the same row has been read, as `overwrites` has made
    // sure of; there is a row; and the program was made for this machine.
    unsafe { function.call(&mut words) };
}
