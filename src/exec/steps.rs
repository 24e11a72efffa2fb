//! One task of a step: a chunk of a region's tiles, a panel of a product, an index of a fold.

use std::cell::{Cell, RefCell};

use super::{Memory, OutOfMemory};
use crate::kernel::fold;
use crate::kernel::isa::Isa;
use crate::kernel::tile::Args;
use crate::plan::{Accumulator, Base, BufferId, Fallible, Kind, Region, Slot, Step, TileOp};

thread_local! {
    /// The tiles of the region, or the packed operands of the product, that this thread runs. Grows to the
    /// largest seen.
    static SCRATCH: RefCell<Memory> = const { RefCell::new(Memory::empty()) };
}

/// The addresses of a plan's buffers.
#[derive(Clone, Copy)]
pub(super) struct Addresses<'a>(pub(super) &'a [*mut u8]);

// SAFETY: what lies at the addresses is touched by steps only, and the plan orders those that write.
unsafe impl Send for Addresses<'_> {}
// SAFETY: the same.
unsafe impl Sync for Addresses<'_> {}

impl Addresses<'_> {
    fn of(self, buffer: BufferId) -> *mut u8 {
        self.0[buffer.index()]
    }
}

/// Runs one task of a step.
///
/// # Safety
/// The addresses must be those of the plan's buffers, as large as the plan says and holding what
/// earlier steps write; nothing else may touch at the same time what the step writes, but for other
/// tasks of the step.
pub(super) unsafe fn run_task(step: &Step, task: usize, addresses: Addresses<'_>) -> Result<(), Fallible> {
    match &step.kind {
        // SAFETY: the caller's promise.
        Kind::Region(region) => unsafe { run_chunk(region, task, addresses) },
        Kind::Product { product, a, b, c, panel_rows } => {
            let first = task * panel_rows;
            let panel = crate::kernel::gemm::Product {
                m: (product.m - first.min(product.m)).min(*panel_rows),
                ..*product
            };
            let element = product.dtype.size();
            let kernel = product.kernel(Isa::detected());
            with_scratch(panel.scratch_bytes(kernel), |scratch| {
                // SAFETY: the panel's rows lie within `a` and `c`, and no other task has them.
                unsafe {
                    let a = addresses.of(*a).add(first * product.a.row * element);
                    let c = addresses.of(*c).add(first * product.c_row * element);
                    panel.run(kernel, a, addresses.of(*b), c, scratch);
                }
            });
            Ok(())
        }
        Kind::Fold { fold, src, dst } => {
            // SAFETY: the buffers are as large as the fold's lengths say; each task has its own index.
            unsafe { fold.run(task, addresses.of(*src), addresses.of(*dst)) };
            Ok(())
        }
        Kind::Copy { src, dst, bytes } => {
            // SAFETY: both buffers hold this many bytes, and the plan gave them places apart.
            unsafe { std::ptr::copy_nonoverlapping(addresses.of(*src), addresses.of(*dst), *bytes) };
            Ok(())
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
    for accumulator in &region.accumulators {
        let (count, dst) = (accumulator.elements, addresses.of(accumulator.buffer));
        // SAFETY: the buffer `partial` holds the accumulators of every chunk, `partial_bytes` apart.
        unsafe {
            let first = addresses.of(partial).add(accumulator.offset);
            std::ptr::copy_nonoverlapping(first, dst, count * accumulator.dtype.size());
            for chunk in 1..region.chunks() {
                let next = first.add(chunk * region.partial_bytes);
                fold::join(accumulator.fold, accumulator.dtype, dst, next, count);
            }
        }
    }
}

/// Lends this thread's scratch memory, of at least so many bytes.
fn with_scratch<R>(bytes: usize, run: impl FnOnce(*mut u8) -> R) -> R {
    SCRATCH.with_borrow_mut(|scratch| {
        if scratch.bytes() < bytes {
            // A few tiles: a process without memory for these cannot go on in any case.
            *scratch = Memory::zeroed(bytes)
                .unwrap_or_else(|OutOfMemory { bytes }| panic!("no memory for {bytes} bytes of tiles"));
        }
        run(scratch.start())
    })
}

/// Runs the tiles of one chunk of rows.
///
/// # Safety
/// As for [`run_task`].
unsafe fn run_chunk(region: &Region, chunk: usize, addresses: Addresses<'_>) -> Result<(), Fallible> {
    with_scratch(region.scratch_bytes, |scratch| {
        let partial = match region.partial {
            // SAFETY: `partial` holds `partial_bytes` for each chunk; this one is touched by this task only.
            Some(partial) => unsafe {
                let start = addresses.of(partial).add(chunk * region.partial_bytes);
                for Accumulator { fold, dtype, elements, offset, .. } in &region.accumulators {
                    fold::clear(*fold, *dtype, start.add(*offset), *elements);
                }
                start
            },
            None => std::ptr::null_mut(),
        };
        let tiles = Tiles { addresses, scratch, partial, fault: Cell::new(false) };
        let first = chunk * region.chunk_rows;
        let end = region.rows.min(first + region.chunk_rows);
        for op in &region.once {
            // SAFETY: the caller's promise, and the scratch memory is as large as the region says.
            unsafe { tiles.run(op, first, region.tile_rows)? };
        }
        for first_row in (first..end).step_by(region.tile_rows) {
            let rows = region.tile_rows.min(end - first_row);
            for op in &region.ops {
                // SAFETY: the same; the rows lie within the region's.
                unsafe { tiles.run(op, first_row, rows)? };
            }
        }
        Ok(())
    })
}

/// Where the slots of one chunk's ops lie.
struct Tiles<'a> {
    addresses: Addresses<'a>,
    scratch: *mut u8,
    partial: *mut u8,
    fault: Cell<bool>,
}

impl Tiles<'_> {
    #[inline]
    fn address(&self, slot: &Slot, first_row: usize) -> *mut u8 {
        let base = match slot.base {
            Base::Buffer(buffer) => self.addresses.of(buffer),
            Base::Scratch => self.scratch,
            Base::Partial => self.partial,
            Base::Nowhere => return std::ptr::null_mut(),
        };
        base.wrapping_add(slot.offset + first_row * slot.row_bytes)
    }

    /// Runs one op on a tile.
    ///
    /// # Safety
    /// The slots must lie within memory of the size that the compiled region asks for.
    #[inline]
    unsafe fn run(&self, op: &TileOp, first_row: usize, rows: usize) -> Result<(), Fallible> {
        let args = Args {
            dst: self.address(&op.dst, first_row),
            a: self.address(&op.a, first_row),
            b: self.address(&op.b, first_row),
            c: self.address(&op.c, first_row),
            rows: op.rows.unwrap_or(rows),
            width: op.width,
            inner: op.inner,
            first_row,
            strided: op.strided.as_deref(),
            fault: &self.fault,
        };
        // SAFETY: the caller's promise; the kernel was chosen for this machine and these lengths, and
        // the compiler of regions lets no result share memory with its operands.
        unsafe { (op.kernel)(&args) };
        match op.fallible {
            Some(fallible) if self.fault.get() => Err(fallible),
            _ => Ok(()),
        }
    }
}
