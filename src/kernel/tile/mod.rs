//! The steps of the tile interpreter: loops over a tile, a few kilobytes of consecutive rows.
//!
//! A *tile value* holds `width` elements for each of `rows` rows, row after row. What is done to tiles
//! is an [`Instruction`]; a [`Kernel`] is chosen for it when a plan is made, for an element type and an
//! instruction set. All kernels have one signature, so running one is an indirect call.
//!
//! - [`elementwise`]: one function; [`pairs`]: two cheap ones in one pass.
//! - [`reductions`]: sums, maxima and minima; [`skinny`]: products with few columns.
//! - [`moves`]: operands that do not lie as a tile.

mod elementwise;
mod moves;
mod pairs;
mod reductions;
mod skinny;

use std::cell::Cell;
use std::{fmt, slice};

use super::gemm;
use super::isa::Isa;
use crate::element::DType;
use crate::ir::{Reduce, Scalar};

pub(crate) use elementwise::Forms;
pub(crate) use moves::{Move, Strided, merged};
pub(crate) use pairs::Step;
pub(super) use reductions::ROWS_TOGETHER;
pub(crate) use reductions::{Extent, FOLD_BYTES, lanes, most_in_a_block, most_onto_total};
pub(crate) use skinny::{Epilogue, MAX_COLUMNS, Skinny, is_narrow};

/// What a kernel works on. Which fields it reads, and how many elements each pointer must reach,
/// stands at the loop.
pub(crate) struct Args {
    pub(crate) dst: *mut u8,
    pub(crate) a: *const u8,
    pub(crate) b: *const u8,
    pub(crate) c: *const u8,
    /// Rows of the tile.
    pub(crate) rows: usize,
    /// Elements in a row of the result.
    pub(crate) width: usize,
    /// Elements in a row of the first operand, where that differs.
    pub(crate) inner: usize,
    /// Elements from one column of the first operand to the next, or from one row of what is reduced to the next, where
    /// they lie apart.
    pub(crate) stride: usize,
    /// Index of the tile's first row in the region.
    pub(crate) first_row: usize,
    /// Where the elements of a strided operand lie; null if there is none.
    pub(crate) strided: *const Strided,
    /// Set when a function had no value; the result is then unspecified but initialized.
    pub(crate) fault: Cell<bool>,
}

/// A step over one tile.
///
/// # Safety
/// The pointers must be aligned for their element types, reach as many initialized elements as the
/// loop says, and `dst` must not overlap what is read; where the instruction
/// [works in place](Instruction::works_in_place), it may be the same as an operand.
pub(crate) type Kernel = unsafe fn(&Args);

/// What is done to a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instruction {
    /// A function of each element.
    Map { function: Scalar, forms: Forms },
    /// Two cheap functions, one on the other's result; whether the operands behind the first are tiles.
    Pair { first: Step, second: Step, tiled: [bool; 2] },
    /// The operand's elements, consecutively.
    Move(Move),
    /// One element for many.
    Reduce { reduce: Reduce, extent: Extent },
    /// The sum of products.
    Dot(Extent),
    /// Rows times a small matrix.
    Project { skinny: Skinny, epilogue: Epilogue },
    /// A transposed tile times another.
    Accumulate(Skinny),
}

impl Instruction {
    /// Whether the result may lie where an operand does.
    pub(crate) fn works_in_place(self) -> bool {
        // Its loop reads each vector before it writes the one at the same place, through pointers alone.
        matches!(self, Instruction::Pair { .. })
    }

    /// How many numbers, one after the other, an accumulator takes in with a tile of so many rows, of which each has so many
    /// elements.
    pub(crate) fn additions(self, rows: usize, inner: usize, dtype: DType) -> usize {
        let lanes = self.lanes(dtype);
        match self {
            // Of narrow rows at least as many are taken together; telling them apart would save next to nothing.
            Instruction::Reduce { extent: Extent::Across, .. } => rows.div_ceil(reductions::ROWS_TOGETHER),
            Instruction::Accumulate(skinny) if !skinny.by_columns => rows.div_ceil(gemm::CHAIN),
            Instruction::Accumulate(_) => rows.div_ceil(lanes),
            _ => (rows * inner).div_ceil(lanes),
        }
    }

    /// How many lanes the totals have on to which it goes.
    pub(crate) fn lanes(self, dtype: DType) -> usize {
        match self {
            Instruction::Reduce { extent: Extent::All, .. } | Instruction::Dot(Extent::All) => {
                reductions::lanes(dtype)
            }
            Instruction::Accumulate(skinny) if skinny.by_columns => reductions::lanes(dtype),
            _ => 1,
        }
    }

    /// How many rows a tile may have, so that what it adds to an accumulator has not taken in too many numbers one
    /// after the other.
    pub(crate) fn most_rows(self) -> usize {
        match self {
            Instruction::Accumulate(skinny) if !skinny.by_columns => skinny::MAX_ROWS,
            _ => usize::MAX,
        }
    }

    /// The kernel for operands of the element type `from` (of those selected from, for a selection) and
    /// results of type `to`; `None` where a type does not have the function, which no op asks for.
    pub(crate) fn kernel(self, from: DType, to: DType, isa: Isa) -> Option<Kernel> {
        match self {
            Instruction::Map { function, forms } => elementwise::map(function, forms, from, to, isa),
            Instruction::Pair { first, second, tiled } => pairs::pair(first, second, tiled, to, isa),
            Instruction::Move(how) => Some(moves::moving(how, to, isa)),
            Instruction::Reduce { reduce, extent } => reductions::reducing(reduce, extent, to, isa),
            Instruction::Dot(extent) => reductions::dotting(extent, to, isa),
            Instruction::Project { skinny, epilogue } => skinny::project(skinny, epilogue, to, isa),
            Instruction::Accumulate(skinny) => skinny::accumulate(skinny, to, isa),
        }
    }
}

impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Instruction::Map { function, .. } => f.write_str(function.name()),
            Instruction::Pair { first, second, .. } => write!(f, "{}-{}", first.name(), second.name()),
            Instruction::Move(how) => f.write_str(how.name()),
            Instruction::Reduce { reduce, .. } => f.write_str(reduce.name()),
            Instruction::Dot(_) => f.write_str("dot"),
            Instruction::Project { epilogue: None, .. } => f.write_str("project"),
            Instruction::Project { epilogue: Some((step, _)), .. } => write!(f, "project-{}", step.name()),
            Instruction::Accumulate(_) => f.write_str("accumulate"),
        }
    }
}

/// The elements that `pointer` reaches.
///
/// # Safety
/// As for [`slice::from_raw_parts`].
#[inline(always)]
unsafe fn elements<'a, T>(pointer: *const u8, count: usize) -> &'a [T] {
    // SAFETY: the caller's promise.
    unsafe { slice::from_raw_parts(pointer.cast(), count) }
}

/// The elements that `pointer` reaches, to be written.
///
/// # Safety
/// As for [`slice::from_raw_parts_mut`].
#[inline(always)]
unsafe fn elements_mut<'a, T>(pointer: *mut u8, count: usize) -> &'a mut [T] {
    // SAFETY: the caller's promise.
    unsafe { slice::from_raw_parts_mut(pointer.cast(), count) }
}
