//! One task of a step: a chunk of a region's tiles, a panel of a product, an index of a reduction.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::ptr;

use super::Cause;
use super::addresses::Addresses;
use super::call;
use super::context::Context;
use super::control;
use super::kernel;
use super::programs::run_pieces;
use super::workers::RunQueue;
use crate::kernel::gemm::Product;
use crate::kernel::prefetch::prefetch;
use crate::kernel::reduce::{self, Pairs};
use crate::kernel::tile::Args;
use crate::memory::{Memory, OutOfMemory};
use crate::plan::{
    Accumulator, Assembly, Base, BufferId, Factors, Fallible, Kind, Operands, PartCopy, PieceSource,
    Producer, Region, Slot, Step,
};

thread_local! {
    static SCRATCH: RefCell<Scratch> = const { RefCell::new(Scratch::empty()) };
}

/// Bytes of scratch memory that a thread keeps from task to task, at most. The packed operands of a product and a panel
/// take 3 MB; only products with a very long k, reductions of very many rows and tiles of very long rows take more, and
/// all of these work long enough for taking memory anew to cost little.
const MOST_KEPT: usize = 4 << 20;

/// What a thread needs to run a step: tiles, packed operands and a panel. It grows to the largest seen, but what is more
/// than [`MOST_KEPT`] goes back to the system behind each task.
struct Scratch {
    /// The tiles of a region, or the packed operands of a product.
    memory: Memory,
    /// The arguments of a region's ops.
    args: Vec<Args>,
}

/// Runs one task of a step.
///
/// # Safety
/// The addresses must be those of the plan's buffers, as large as the plan says and holding what
/// earlier steps write; nothing else may touch at the same time what the step writes, but for other
/// tasks of the step.
pub(super) unsafe fn run_task(
    step: &Step,
    task: usize,
    addresses: Addresses<'_>,
    context: &Context<'_>,
    helpers: Option<&RunQueue>,
) -> Result<(), Box<Cause>> {
    context.check_deadline()?;
    match &step.kind {
        // SAFETY: the caller's promise.
        Kind::Region(region) => unsafe { run_chunk(region, task, addresses) },
        Kind::Product { factors, c } => {
            let Factors { product, batch, split, .. } = &**factors;
            let panels = factors.panels();
            let (panel, first) = (task % panels, task / panels * batch.per_task(panels));
            let row = panel % factors.row_panels() * split.rows;
            let column = panel / factors.row_panels() * split.columns;
            let rows = row..product.m.min(row + split.rows);
            let columns = column..product.n.min(column + split.columns);
            with_scratch(factors.scratch_bytes, |scratch, _| {
                for index in first..batch.len().min(first + batch.per_task(panels)) {
                    let before = (index * product.m + row) * product.c_row * product.dtype.size();
                    let c = addresses.of(*c).wrapping_add(before);
                    // SAFETY: the caller's promise; the panel lies within `c`, and no other task has it.
                    unsafe {
                        run_panel(factors, addresses, index, rows.clone(), columns.clone(), c, scratch);
                    };
                }
            })
            .map_err(Box::from)
        }
        Kind::Reduce { reduce, src, dst } => {
            with_scratch(reduce.scratch_bytes(), |scratch, _| {
                // SAFETY: the buffers are as large as the reduction's lengths say; each task has its own index.
                unsafe { reduce.run(task, addresses.at(*src), addresses.of(*dst), scratch) };
            })
            .map_err(Box::from)
        }
        Kind::Join { assembly, dst } => {
            // SAFETY: the caller's promise.
            unsafe { copy_parts(assembly, task, addresses, *dst) };
            Ok(())
        }
        // SAFETY: the caller's promise.
        Kind::Kernel(call) => unsafe { kernel::run(call, task, addresses, context, helpers) },
        // SAFETY: the caller's promise.
        Kind::Call(call) => unsafe { call::run(call, addresses, context, helpers) },
        // SAFETY: the caller's promise.
        Kind::Branch(call) => unsafe { control::run_branch(call, addresses, context, helpers) },
        // SAFETY: the caller's promise.
        Kind::Loop(call) => unsafe { control::run_loop(call, task, addresses, context, helpers) },
        Kind::Copy { src, dst, bytes } => {
            // SAFETY: both buffers hold this many bytes, and the plan gave them places apart.
            unsafe { std::ptr::copy_nonoverlapping(addresses.at(*src), addresses.of(*dst), *bytes) };
            Ok(())
        }
    }
}

/// Copies a task's parts of the operands of a join.
///
/// # Safety
/// As for [`run_task`].
// Apart, so that a step of any other kind does not pay for its frame.
#[inline(never)]
unsafe fn copy_parts(assembly: &Assembly, task: usize, addresses: Addresses<'_>, dst: BufferId) {
    for PartCopy { piece, rows } in assembly.task(task) {
        if let PieceSource::Copied { src, to, transfer } = &assembly.pieces[*piece as usize].from {
            let to = addresses.of(dst).wrapping_add(*to);
            // SAFETY: the operand reaches all that the transfer reads, which earlier steps have written, and the result
            // all that it writes: the operand's own places, of which each task has its own.
            unsafe { transfer.run(rows.clone(), addresses.at(*src), to) };
        }
    }
}

/// Adds up what the tasks of a step have left, in their order.
///
/// # Safety
/// As for [`run_task`], once all tasks are done.
pub(super) unsafe fn finish(step: &Step, addresses: Addresses<'_>) {
    let Kind::Region(region) = &step.kind else { return };
    let Some(partial) = region.partial else { return };
    for &Accumulator { buffer, reduce, dtype, elements, lanes, offset } in &region.accumulators {
        let dst = addresses.of(buffer);
        // SAFETY: the buffer `partial` holds the accumulators of every chunk, `partial_bytes` apart.
        unsafe {
            let first = addresses.of(partial).add(offset);
            for chunk in 1..region.chunks {
                let next = first.add(chunk * region.partial_bytes);
                reduce::combine(reduce, dtype, first, next, elements);
            }
            reduce::combine_lanes(reduce, dtype, dst, first, lanes, elements / lanes);
        }
    }
}

/// Computes a panel of the product with an index in its batch; the panel's rows start at `c`.
///
/// # Safety
/// As for [`run_task`]; `c` must reach the panel's rows, `scratch` the product's scratch memory.
unsafe fn run_panel(
    factors: &Factors,
    addresses: Addresses<'_>,
    index: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    c: *mut u8,
    scratch: *mut u8,
) {
    let Factors { product, kernel, .. } = factors;
    let element = product.dtype.size();
    let [a_offset, b_offset] = factors.batch.offsets(index);
    let panel = Product { m: rows.len(), n: columns.len(), ..*product };
    // SAFETY: the rows of `a` and the columns of `b` are the panel's; the rest is the caller's promise.
    unsafe {
        let a = addresses.at(factors.a).wrapping_add((a_offset + rows.start * product.a.row) * element);
        let b = addresses.at(factors.b).wrapping_add((b_offset + columns.start * product.b.column) * element);
        panel.run(*kernel, a, b, c.add(columns.start * element), scratch);
    }
}

/// Lends this thread's scratch memory, of at least so many bytes.
pub(super) fn with_scratch<R>(
    bytes: usize,
    run: impl FnOnce(*mut u8, &mut Vec<Args>) -> R,
) -> Result<R, OutOfMemory> {
    // A thread that is ending has given its memory back, but may still run what other thread-locals do at their end.
    let mut own = None;
    // Unlike `with`, `try_with` is compiled where it is used and inlined, and so is what is run in one place: else a
    // small step may take a tenth longer.
    let scratch = SCRATCH.try_with(ptr::from_ref);
    let scratch =
        scratch.unwrap_or_else(|_| &raw const **own.insert(Box::new(RefCell::new(Scratch::empty()))));
    // SAFETY: a thread's own memory is there until the thread ends, which it does not before this returns.
    let scratch = unsafe { &*scratch };
    scratch.borrow_mut().lend(bytes, run)
}

impl Scratch {
    const fn empty() -> Self {
        Scratch { memory: Memory::empty(), args: Vec::new() }
    }

    #[inline(always)]
    fn lend<R>(
        &mut self,
        bytes: usize,
        run: impl FnOnce(*mut u8, &mut Vec<Args>) -> R,
    ) -> Result<R, OutOfMemory> {
        if self.memory.bytes() < bytes {
            self.memory = Memory::zeroed(bytes)?;
        }
        let given = run(self.memory.start(), &mut self.args);
        if self.memory.bytes() > MOST_KEPT {
            self.memory = Memory::empty();
        }
        Ok(given)
    }
}

/// Runs the tiles of one chunk of rows.
///
/// # Safety
/// As for [`run_task`].
unsafe fn run_chunk(region: &Region, chunk: usize, addresses: Addresses<'_>) -> Result<(), Box<Cause>> {
    let ran = with_scratch(region.scratch_bytes, |scratch, args| {
        let partial = match region.partial {
            // SAFETY: `partial` holds `partial_bytes` for each chunk; this one is touched by this task only.
            Some(partial) => unsafe {
                let start = addresses.of(partial).add(chunk * region.partial_bytes);
                for Accumulator { reduce, dtype, elements, offset, .. } in &region.accumulators {
                    reduce::clear(*reduce, *dtype, start.add(*offset), *elements);
                }
                start
            },
            None => std::ptr::null_mut(),
        };
        let first = chunk * region.chunk_rows;
        let end = region.rows.min(first + region.chunk_rows);
        let panel = scratch.wrapping_add(region.panel_offset);
        let bases = Bases { addresses, scratch, panel, chunk_row: first, partial };
        if let Some(Producer { factors, c }) = &region.producer {
            let (columns, c) = (0..factors.product.n, bases.address(c, first));
            // SAFETY: the caller's promise; the chunk's rows of `c` are this task's alone, be they in the thread's
            // own memory, behind the scratch memory of the product, or in a buffer.
            unsafe { run_panel(factors, addresses, 0, first..end, columns, c, scratch) };
        }
        for op in &region.once {
            // Tiles that are the same for all rows: filled from the first row on, whichever chunk it is.
            // SAFETY: the caller's promise, and the scratch memory is as large as the region says.
            unsafe { (op.kernel)(&bases.args(&op.operands, 0, region.tile_rows)) };
        }
        args.clear();
        if region.pieces.is_empty() {
            args.extend(region.ops.iter().map(|op| bases.args(&op.operands, first, region.tile_rows)));
        }
        let (mut first_row, mut rounds) = (first, 0);
        loop {
            let behind = end.min(first_row.saturating_add(region.round_rows));
            // SAFETY: the caller's promise; the arguments are those for the first of these rows.
            unsafe { run_tiles(region, &bases, args, first_row..behind, end) }?;
            first_row = behind;
            if first_row >= end {
                break;
            }
            // SAFETY: `partial` has room for the accumulators and as many put aside as the chunk has rounds.
            unsafe { put_aside(region, partial, rounds) };
            rounds += 1;
        }
        // SAFETY: the same; the rounds are those that the loop has put aside.
        unsafe { gather(region, partial, rounds) };
        Ok(())
    });
    ran?.map_err(|fallible| Box::new(Cause::Function(fallible)))
}

/// Runs the tiles of some of a chunk's rows, and leaves the ops' arguments for the row behind them unless that is the
/// chunk's end.
///
/// # Safety
/// As for [`run_task`]; the arguments must be those for the first of the rows.
unsafe fn run_tiles(
    region: &Region,
    bases: &Bases<'_>,
    args: &mut [Args],
    mut rows: Range<usize>,
    end: usize,
) -> Result<(), Fallible> {
    if !region.pieces.is_empty() {
        // SAFETY: the caller's promise.
        return unsafe { run_pieces(region, bases, rows) };
    }
    while !rows.is_empty() {
        let tile = region.tile_rows.min(rows.len());
        rows.start += tile;
        for (index, (op, args)) in region.ops.iter().zip(&mut *args).enumerate() {
            for stream in &region.prefetched {
                let next = tile.min(rows.len());
                let share = (next * stream.row_bytes).div_ceil(region.ops.len());
                prefetch(bases.address(stream, rows.start).wrapping_add(index * share), share);
            }
            args.rows = op.operands.rows.unwrap_or(tile);
            // SAFETY: the same; the rows lie within the region's. The kernel was chosen for this machine
            // and these lengths, and no result shares memory with an operand, unless the kernel works in place.
            unsafe { (op.kernel)(args) };
            if let (true, Some(fallible)) = (args.fault.get(), op.operands.fallible) {
                return Err(fallible);
            }
            if rows.start < end {
                advance(args, &op.operands, tile);
            }
        }
    }
    Ok(())
}

/// Each of a chunk's accumulators, which start at `partial`: how those that are put aside are combined, where it is,
/// and where these are.
fn accumulators(region: &Region, partial: *mut u8) -> impl Iterator<Item = (Pairs, *mut u8, *mut u8)> {
    region.accumulators.iter().map(move |&Accumulator { reduce, dtype, elements, offset, .. }| {
        let pairs = Pairs { reduce, dtype, count: elements, stride: region.accumulator_bytes };
        let current = partial.wrapping_add(offset);
        (pairs, current, current.wrapping_add(region.accumulator_bytes))
    })
}

/// Puts a chunk's accumulators aside behind a round of tiles, after as many rounds `before`.
///
/// # Safety
/// `partial` must reach the region's `partial_bytes`, which are the chunk's alone.
unsafe fn put_aside(region: &Region, partial: *mut u8, before: usize) {
    for (pairs, current, aside) in accumulators(region, partial) {
        // SAFETY: the caller's promise; the bytes have room for the places that the chunk's rounds need.
        unsafe { pairs.put_aside(current, aside, before) };
    }
}

/// Joins to a chunk's accumulators what so many rounds of tiles have put aside.
///
/// # Safety
/// As for [`put_aside`].
unsafe fn gather(region: &Region, partial: *mut u8, rounds: usize) {
    for (pairs, current, aside) in accumulators(region, partial) {
        // SAFETY: the caller's promise.
        unsafe { pairs.gather(current, aside, rounds) };
    }
}

/// Moves on to the next tile.
#[inline]
fn advance(args: &mut Args, Operands { dst, a, b, c, .. }: &Operands, rows: usize) {
    args.first_row += rows;
    args.dst = args.dst.wrapping_add(rows * dst.row_bytes);
    args.a = args.a.wrapping_add(rows * a.row_bytes);
    args.b = args.b.wrapping_add(rows * b.row_bytes);
    args.c = args.c.wrapping_add(rows * c.row_bytes);
}

/// What the slots of one chunk's ops count from.
pub(super) struct Bases<'a> {
    addresses: Addresses<'a>,
    scratch: *mut u8,
    /// The rows of the producer, from the chunk's first one on.
    panel: *mut u8,
    chunk_row: usize,
    partial: *mut u8,
}

impl Bases<'_> {
    pub(super) fn address(&self, slot: &Slot, first_row: usize) -> *mut u8 {
        let base = match slot.base {
            Base::Buffer(buffer) => self.addresses.of(buffer),
            Base::Scratch => self.scratch,
            Base::Panel => self.panel.wrapping_sub(self.chunk_row * slot.row_bytes),
            Base::Partial => self.partial,
            Base::Nowhere => return std::ptr::null_mut(),
        };
        base.wrapping_add(slot.offset + first_row * slot.row_bytes)
    }

    /// An op's arguments for the tile that starts with a row.
    // Inlined, so that they are made where they stay: to read them as vectors right after they have been written as
    // numbers would wait for the memory.
    #[inline(always)]
    pub(super) fn args(&self, operands: &Operands, first_row: usize, rows: usize) -> Args {
        let slots = [&operands.dst, &operands.a, &operands.b, &operands.c];
        op_args(operands, slots.map(|slot| self.address(slot, first_row)), first_row, rows)
    }
}

/// An op's arguments with the addresses of its result and its operands, for a tile that starts with a row.
#[inline(always)]
pub(super) fn op_args(
    operands: &Operands,
    [dst, a, b, c]: [*mut u8; 4],
    first_row: usize,
    rows: usize,
) -> Args {
    Args {
        dst,
        a,
        b,
        c,
        rows: operands.rows.unwrap_or(rows),
        width: operands.width,
        inner: operands.inner,
        stride: operands.stride,
        first_row,
        strided: operands.strided.as_deref().map_or(std::ptr::null(), std::ptr::from_ref),
        fault: Cell::new(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_no_more_scratch_memory_than_its_bound() {
        let kept_after = |bytes| {
            with_scratch(bytes, |_, _| ()).unwrap();
            SCRATCH.with(|scratch| scratch.borrow().memory.bytes())
        };
        assert_eq!(kept_after(100), 100);
        assert_eq!(kept_after(MOST_KEPT), MOST_KEPT);
        assert_eq!(kept_after(50), MOST_KEPT);
        assert_eq!(kept_after(MOST_KEPT + 1), 0);
        assert_eq!(kept_after(50), 50);
    }
}
