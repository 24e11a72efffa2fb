//! Two instructions in one pass, where one hands its result to the other alone.
//!
//! A cheap function and the one before it become a [`Pair`](Instruction::Pair), a product and the sum
//! over it a [`Dot`](Instruction::Dot), a projection takes in the step behind it. The tile between them
//! is never written.

use super::compile::Draft;
use super::{Base, Operands, Slot};
use crate::ir::{Reduce, Scalar};
use crate::kernel::isa::Isa;
use crate::kernel::tile::{Extent, Forms, Instruction, Step};

/// Merges what can be merged of ops on so many registers; those that are left without a use stay behind.
pub(super) fn merge(ops: Vec<Draft>, registers: usize, isa: Isa) -> Vec<Draft> {
    let mut reads = vec![0_usize; registers];
    for op in &ops {
        let [_, operands @ ..] = op.operands.slots();
        for slot in operands.iter().filter(|slot| slot.base == Base::Scratch) {
            reads[slot.offset] += 1;
        }
    }
    let mut merged: Vec<Option<Draft>> = Vec::with_capacity(ops.len());
    // Which op fills a register that has one reader.
    let mut filled_by: Vec<Option<usize>> = vec![None; registers];
    for op in ops {
        let [dst, operands @ ..] = op.operands.slots();
        let single = |slot: &Slot| match slot.base {
            Base::Scratch => filled_by[slot.offset],
            _ => None,
        };
        let pair = operands.iter().enumerate().find_map(|(position, slot)| {
            let earlier = single(slot)?;
            let both = paired(merged[earlier].as_ref()?, &op, position)?;
            both.instruction.kernel(both.from, both.to, isa).map(|_| (earlier, both))
        });
        let op = match pair {
            Some((earlier, both)) => {
                merged[earlier] = None;
                both
            }
            None => op,
        };
        if dst.base == Base::Scratch && reads[dst.offset] == 1 {
            filled_by[dst.offset] = Some(merged.len());
        }
        merged.push(Some(op));
    }
    merged.into_iter().flatten().collect()
}

/// The two in one, where `second` reads the result of `first` at `position`.
fn paired(first: &Draft, second: &Draft, position: usize) -> Option<Draft> {
    let whole_tiles = |draft: &Draft| draft.operands.rows.is_none() && draft.operands.fallible.is_none();
    if !first.to.is_float() || first.to != second.to || second.from != second.to {
        return None;
    }
    if !whole_tiles(first) || !whole_tiles(second) {
        return None;
    }
    let (instruction, [a, b, c]) = match (first.instruction, second.instruction) {
        (Instruction::Map { .. }, Instruction::Map { .. }) => {
            let ((first, [a, b], b_tiled), (second, c, c_tiled)) =
                (first_step(first)?, step(second, position)?);
            (Instruction::Pair { first, second, tiled: [b_tiled, c_tiled] }, [a, b, c])
        }
        (
            Instruction::Map { .. },
            Instruction::Reduce { reduce: Reduce::Sum, extent: extent @ (Extent::All | Extent::Within) },
        ) => {
            let (Step::Mul, [a, b], true) = first_step(first)? else { return None };
            (Instruction::Dot(extent), [a, b, Slot::NOWHERE])
        }
        (Instruction::Project { skinny, epilogue: None }, Instruction::Map { .. }) => {
            let (step, c, tiled) = step(second, position)?;
            let Operands { a, b, .. } = first.operands;
            (Instruction::Project { skinny, epilogue: Some((step, tiled)) }, [a, b, c])
        }
        _ => return None,
    };
    // A projection reads as many elements as its first operand has in a row, a reduction as many as its own.
    let inner = match first.instruction {
        Instruction::Project { .. } => first.operands.inner,
        _ => second.operands.inner,
    };
    let stride = first.operands.stride;
    let lengths = [second.operands.width, inner];
    let operands = Operands { stride, ..Operands::new(second.operands.dst, [a, b, c], lengths) };
    Some(Draft { instruction, from: first.from, to: second.to, operands })
}

/// A cheap function as a step on its first tile: the step, its operands, and whether the second is a tile.
fn first_step(draft: &Draft) -> Option<(Step, [Slot; 2], bool)> {
    let Operands { a, b, .. } = draft.operands;
    match draft.instruction {
        Instruction::Map { function: Scalar::Square, .. } => Some((Step::Mul, [a, a], true)),
        Instruction::Map { function, forms: Forms::Tiles } => Some((Step::of(function, 0)?, [a, b], true)),
        Instruction::Map { function, forms: Forms::RightScalar } => {
            Some((Step::of(function, 0)?, [a, b], false))
        }
        Instruction::Map { function, forms: Forms::LeftScalar } => {
            Some((Step::of(function, 1)?, [b, a], false))
        }
        _ => None,
    }
}

/// A cheap function as a step on what stands at `position`: the step, its other operand, and whether
/// that is a tile.
fn step(draft: &Draft, position: usize) -> Option<(Step, Slot, bool)> {
    let Operands { a, b, .. } = draft.operands;
    match (draft.instruction, position) {
        (Instruction::Map { function, forms: Forms::Tiles }, 0) => Some((Step::of(function, 0)?, b, true)),
        (Instruction::Map { function, forms: Forms::Tiles }, 1) => Some((Step::of(function, 1)?, a, true)),
        (Instruction::Map { function, forms: Forms::RightScalar }, 0) => {
            Some((Step::of(function, 0)?, b, false))
        }
        (Instruction::Map { function, forms: Forms::LeftScalar }, 1) => {
            Some((Step::of(function, 1)?, a, false))
        }
        _ => None,
    }
}
