//! Products with a long k: the kernels add up the blocks of a sum in order, which is left to them for a span of k. The
//! spans are combined in pairs, so that the error of a sum grows as the logarithm of k.

use super::chain::K_BLOCK;
use super::{GemmKernel, Product};
use crate::ir::Reduce;
use crate::kernel::reduce::Pairs;

/// Elements of k that a kernel sums in its own order: chains of 256, of which 64 are added up.
const SPAN: usize = 64 * K_BLOCK;

/// Rows and bytes of a row of c that are computed at once, as their sums are held once for each doubling of k. Panels
/// are rarely higher, and b is packed again for each so many rows.
const BLOCK: (usize, usize) = (336, 4096);

impl Product {
    /// Whether the sums are cut into spans.
    pub(super) fn has_spans(&self) -> bool {
        self.k > SPAN && self.dtype.is_float()
    }

    /// The product over a span of k.
    pub(super) fn span(&self) -> Product {
        Product { k: self.k.min(SPAN), ..*self }
    }

    /// The rows and columns of c that are computed at once.
    fn block(&self) -> [usize; 2] {
        [BLOCK.0.min(self.m), (BLOCK.1 / self.dtype.size()).min(self.n)]
    }

    /// Spans before the last one.
    fn rounds(&self) -> usize {
        self.k.saturating_sub(1) / SPAN
    }

    /// Bytes of scratch memory for the sums: of the present span, and of those that are put aside.
    pub(super) fn sums_bytes(&self) -> usize {
        if !self.has_spans() {
            return 0;
        }
        let [rows, columns] = self.block();
        rows * columns * self.dtype.size() * (1 + Pairs::places(self.rounds()))
    }

    /// c = a·b, span by span.
    ///
    /// # Safety
    /// As for [`run`](Self::run); `sums` must be aligned for the element type and reach
    /// [`sums_bytes`](Self::sums_bytes) apart from the scratch memory of a [`span`](Self::span).
    pub(super) unsafe fn run_spans(
        &self,
        kernel: GemmKernel,
        [a, b]: [*const u8; 2],
        c: *mut u8,
        sums: *mut u8,
        scratch: *mut u8,
    ) {
        let Product { dtype, m, k, n, .. } = *self;
        let element = dtype.size();
        let [most_rows, most_columns] = self.block();
        for i in (0..m).step_by(most_rows.max(1)) {
            for j in (0..n).step_by(most_columns.max(1)) {
                let (rows, columns) = (most_rows.min(m - i), most_columns.min(n - j));
                let stride = rows * columns * element;
                let pairs = Pairs { reduce: Reduce::Sum, dtype, count: rows * columns, stride };
                let aside = sums.wrapping_add(stride);
                let starts = (0..k).step_by(SPAN);
                for (round, start) in starts.enumerate() {
                    let span =
                        Product { m: rows, k: SPAN.min(k - start), n: columns, c_row: columns, ..*self };
                    let a = a.wrapping_add((i * self.a.row + start * self.a.column) * element);
                    let b = b.wrapping_add((start * self.b.row + j * self.b.column) * element);
                    // SAFETY: the span's rows, columns and k lie within the operands; the sums have room for those of
                    // the block, and of as many places as the rounds need.
                    unsafe {
                        if round > 0 {
                            pairs.put_aside(sums, aside, round - 1);
                        }
                        span.run(kernel, a, b, sums, scratch);
                    }
                }
                // SAFETY: the same; the rows of the block lie within c.
                unsafe {
                    pairs.gather(sums, aside, self.rounds());
                    for row in 0..rows {
                        let from = sums.add(row * columns * element);
                        let to = c.add(((i + row) * self.c_row + j) * element);
                        std::ptr::copy_nonoverlapping(from, to, columns * element);
                    }
                }
            }
        }
    }
}
