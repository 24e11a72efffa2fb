//! Joins: which step writes which part of the result.
//!
//! A join computes nothing. Takes a program; gives one in which each operand of a join has its place in the result to
//! itself ([`Homes`]), so that the step that makes it can write there:
//!
//! - an operand whose place is one piece is made there, unless it is made there already for another join, or lies
//!   somewhere else anyway (a feed, a constant, a variable, a view);
//! - any other gets a copy of its own. Grouping puts that into the region that makes the operand, which has it at hand
//!   tile by tile, or leaves it to the step of the join ([`Assembly`]).
//!
//! A join whose place in another one's result is one piece is made there as well, so that only the outermost takes
//! memory.

use std::ops::Range;

use foldhash::{HashMap, HashSet};

use super::layout::{Layout, Strides, row_major, viewed};
use super::{BufferId, Start};
use crate::ir::{Args, Dims, Inst, Prim, Program, Val, View, is_piece_at, places, size};
use crate::kernel::transfer::{Transfer, TransferAxis};

/// Bytes of a task of copies: 20 microseconds where they come from a cache, several times that where they come from
/// memory. Measured, four operands of 256 KB take 22 µs on one thread, and 33 µs in four tasks on two.
const TASK_BYTES: usize = 1 << 20;

/// Tasks of a join, at most: enough for as many threads as there may be, and a plan for a result that no memory holds is
/// as small as any, so that the lack is found.
const MOST_TASKS: usize = 1 << 12;

/// The place of an operand in the result of a join.
#[derive(Clone, Debug)]
pub(super) struct Home {
    /// The outermost join, whose value has a buffer.
    pub(super) join: Val,
    /// Elements of its result before the first.
    pub(super) offset: usize,
    /// Elements from neighbor to neighbor along each axis, where the place is not one piece.
    pub(super) strides: Option<Strides>,
}

/// The values that have a place in the result of a join, and where.
#[derive(Debug, Default)]
pub(super) struct Homes {
    of: HashMap<Val, Home>,
    copies: HashSet<Val>,
}

impl Homes {
    pub(super) fn get(&self, val: Val) -> Option<&Home> {
        self.of.get(&val)
    }

    /// The same of a program whose values have other numbers, or are gone.
    pub(super) fn renumbered(&self, number: impl Fn(Val) -> Option<Val>) -> Self {
        let of = self.of.iter().filter_map(|(&val, home)| {
            let home = Home { join: number(home.join)?, ..home.clone() };
            Some((number(val)?, home))
        });
        Homes { of: of.collect(), copies: self.copies.iter().filter_map(|&val| number(val)).collect() }
    }

    /// Whether a value is an operand's copy for a join, which nothing else reads.
    pub(super) fn is_copy(&self, val: Val) -> bool {
        self.copies.contains(&val)
    }
}

/// The program with operands that have their places to themselves, if there is a join. Without `direct`, all are copied.
pub(super) fn prepare(program: &Program, direct: bool) -> (Option<Program>, Homes) {
    let is_join = |inst: &Inst| inst.prim == Prim::Join;
    if !program.insts.iter().any(is_join) {
        return (None, Homes::default());
    }
    let mut homes = Homes::default();
    let mut prepared = program.without_instructions();
    // What is made in memory of its own, for a variable or the caller.
    let claimed = program.commits.iter().map(|(_, val)| val).chain(&program.outputs);
    let mut claimed: HashSet<Val> = claimed.map(|&val| unshaped(program, val)).collect();
    let mut renumbered: Vec<Val> = Vec::with_capacity(program.insts.len());
    for inst in &program.insts {
        let mut args: Args = inst.args.iter().map(|arg| renumbered[arg.index()]).collect();
        if is_join(inst) {
            for ((arg, old), start) in args.iter_mut().zip(&inst.args).zip(starts(program, inst)) {
                let of = program.inst(*old);
                let made = unshaped(program, *old);
                let prim = &program.inst(made).prim;
                let is_made = !prim.is_source() && !matches!(prim, Prim::View(_));
                if direct && is_made && is_piece_at(&start, &of.dims, &inst.dims) && claimed.insert(made) {
                    continue;
                }
                let copy = Prim::View(View::Permute((0..of.dims.len()).collect()));
                *arg = prepared.push(Inst { prim: copy, args: Args::from_elem(*arg, 1), ..of.clone() });
                homes.copies.insert(*arg);
            }
        }
        renumbered.push(prepared.push(Inst { args, ..inst.clone() }));
    }
    prepared.results_mut().for_each(|val| *val = renumbered[val.index()]);
    // Outer joins come behind inner ones.
    for index in (0..prepared.insts.len()).rev() {
        let (join, inst) = (Val(index as u32), &prepared.insts[index]);
        if !is_join(inst) {
            continue;
        }
        let (outer, before) = homes.get(join).map_or((join, 0), |home| (home.join, home.offset));
        let strides = row_major(&inst.dims);
        for (&arg, start) in inst.args.iter().zip(starts(&prepared, inst)) {
            let of = prepared.inst(arg);
            let offset = before + offset_of(&start, &strides);
            let strides = (!is_piece_at(&start, &of.dims, &inst.dims)).then(|| strides.clone());
            let made = if homes.is_copy(arg) { arg } else { unshaped(&prepared, arg) };
            homes.of.insert(made, Home { join: outer, offset, strides });
        }
    }
    (Some(prepared), homes)
}

/// Where the operands of a join begin in its result.
fn starts(program: &Program, join: &Inst) -> Vec<Dims> {
    let pieces = join.args.iter().map(|&arg| program.inst(arg).dims.as_slice());
    // The verifier has found that they fill it.
    places(&join.dims, pieces).unwrap_or_default()
}

/// How many elements of a result come before a place in it.
fn offset_of(start: &[usize], strides: &[isize]) -> usize {
    start.iter().zip(strides).map(|(index, stride)| index * stride.unsigned_abs()).sum()
}

/// The value that a value shows under other lengths.
fn unshaped(program: &Program, mut val: Val) -> Val {
    while let Inst { prim: Prim::View(View::Reshape), args, .. } = program.inst(val) {
        val = args[0];
    }
    val
}

/// What is left to the step of a join: copies of the operands that no other step writes to their places.
#[derive(Clone, Debug)]
pub(crate) struct Assembly {
    /// The result's lengths.
    pub(crate) dims: Dims,
    /// Bytes of an element.
    pub(crate) element: usize,
    /// The operands in their order.
    pub(crate) pieces: Vec<Piece>,
    /// What is copied, in the order of the pieces.
    pub(crate) parts: Vec<PartCopy>,
    /// Where the parts of each task end.
    pub(crate) ends: Vec<u32>,
}

/// An operand of a join.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) dims: Dims,
    pub(crate) from: PieceSource,
}

/// Where an operand of a join comes from.
#[derive(Clone, Debug)]
pub(crate) enum PieceSource {
    /// An earlier step has written it to its part of the result.
    Written(BufferId),
    /// It is copied from there, to so many bytes from the start of the result.
    Copied { src: Start, to: usize, transfer: Transfer },
}

/// An operand of a join whose step is to be made.
pub(super) struct Operand {
    pub(super) dims: Dims,
    pub(super) lies: Lies,
}

/// Where an operand lies.
pub(super) enum Lies {
    /// In its part of the result.
    InItsPlace(BufferId),
    /// At strides from a start.
    At(Start, Strides),
}

/// Some rows of a piece that are copied together.
#[derive(Clone, Debug)]
pub(crate) struct PartCopy {
    pub(crate) piece: u32,
    pub(crate) rows: Range<usize>,
}

impl Assembly {
    /// The step of a join. Each operand is a part that is written, or lies at strides from a start.
    pub(super) fn new(dims: &Dims, element: usize, operands: Vec<Operand>) -> Self {
        let starts = places(dims, operands.iter().map(|operand| operand.dims.as_slice()));
        // The verifier has found that they fill it.
        let starts = starts.unwrap_or_default();
        let strides = row_major(dims);
        let task_bytes = TASK_BYTES.max(size(dims) * element / MOST_TASKS);
        let (mut pieces, mut parts, mut ends) = (Vec::with_capacity(operands.len()), Vec::new(), Vec::new());
        let mut bytes = 0;
        for (index, (Operand { dims: lengths, lies }, start)) in (0..).zip(operands.into_iter().zip(&starts))
        {
            let from = match lies {
                Lies::InItsPlace(buffer) => PieceSource::Written(buffer),
                Lies::At(src, from) => {
                    let axes = lengths.iter().zip(from).zip(&strides);
                    let axes = axes.map(|((&length, from), &to)| TransferAxis { length, from, to });
                    let transfer = Transfer::new(element, axes);
                    let row_bytes = transfer.bytes() / transfer.rows();
                    let rows_together = (task_bytes / row_bytes.max(1)).max(1);
                    for first in (0..transfer.rows()).step_by(rows_together) {
                        if bytes >= task_bytes {
                            ends.push(parts.len() as u32);
                            bytes = 0;
                        }
                        let rows = first..transfer.rows().min(first + rows_together);
                        bytes += rows.len() * row_bytes;
                        parts.push(PartCopy { piece: index, rows });
                    }
                    PieceSource::Copied { src, to: offset_of(start, &strides) * element, transfer }
                }
            };
            pieces.push(Piece { dims: lengths, from });
        }
        if !parts.is_empty() {
            ends.push(parts.len() as u32);
        }
        Assembly { dims: dims.clone(), element, pieces, parts, ends }
    }

    pub(crate) fn tasks(&self) -> usize {
        self.ends.len()
    }

    /// What a task copies.
    pub(crate) fn task(&self, task: usize) -> &[PartCopy] {
        let first = task.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.parts[first as usize..self.ends[task] as usize]
    }

    /// The buffers of operands: parts of the result, and what is copied.
    pub(super) fn reads(&self) -> impl Iterator<Item = BufferId> {
        self.pieces.iter().map(|piece| match piece.from {
            PieceSource::Written(buffer) => buffer,
            PieceSource::Copied { src, .. } => src.buffer,
        })
    }

    /// Bytes that are copied.
    pub(super) fn copied_bytes(&self) -> usize {
        let copied = self.pieces.iter().filter_map(|piece| match &piece.from {
            PieceSource::Written(_) => None,
            PieceSource::Copied { transfer, .. } => Some(transfer.bytes()),
        });
        copied.fold(0, usize::saturating_add)
    }

    /// Whether an earlier step writes to a part of the result.
    pub(super) fn is_begun(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece.from, PieceSource::Written(_)))
    }

    /// Bytes that the assembly takes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.pieces) + size_of_val(&*self.parts) + size_of_val(&*self.ends)
    }
}

/// Where an operand of a join lies of which the join keeps a copy, as its layout and the copy's view say.
pub(super) fn copied_from(program: &Program, layouts: &[Layout], copy: Val) -> Option<Layout> {
    let inst = program.inst(copy);
    let Prim::View(view) = &inst.prim else { return None };
    let of = inst.args[0];
    viewed(view, &program.inst(of).dims, &layouts[of.index()], &inst.dims)
}
