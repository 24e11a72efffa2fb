//! Reductions over the middle axis of [outer, axis, inner], for shapes that no region of tiles takes, and
//! the accumulators of those that do.
//!
//! An accumulator takes in a limited number of elements, or of tiles, and is then put aside. What is put aside is
//! combined in [`Pairs`], so that the error of a long sum grows as the logarithm of its length.

use std::cell::Cell;
use std::ptr;

use super::MOST_ADDITIONS;
use super::isa::Isa;
use super::number::with_number;
use super::scalar::{Combine, with_reduce};
use super::tile::{Args, Extent, Instruction, Kernel, ROWS_TOGETHER};
use crate::element::DType;
use crate::ir::Reduce;

/// Columns of a block, which is one task. 16 kB of `f64`: the results stay in the first-level cache while the
/// rows pass by, and what is read of a row is long enough to be read ahead.
const BLOCK: usize = 2048;

/// Rows that accumulators take in before they are put aside. As at least four rows are combined before an accumulator
/// takes them in, it has a quarter of [`MOST_ADDITIONS`]; putting it aside then takes a hundredth of the time.
const ROWS: usize = MOST_ADDITIONS / 4 * ROWS_TOGETHER;

/// Accumulators that are put aside again and again, and combined in pairs: those of equally many rounds with each
/// other, as a binary counter carries. It takes memory for as many of them as the number of rounds has bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pairs {
    pub(crate) reduce: Reduce,
    pub(crate) dtype: DType,
    /// Elements of the accumulators.
    pub(crate) count: usize,
    /// Bytes between accumulators that were put aside.
    pub(crate) stride: usize,
}

impl Pairs {
    /// How many accumulators so many rounds need put aside.
    pub(crate) fn places(rounds: usize) -> usize {
        (usize::BITS - rounds.leading_zeros()) as usize
    }

    /// Puts the accumulators aside after as many rounds `before`, and clears them.
    ///
    /// # Safety
    /// `current` must reach `count` elements, aligned for the type, and `aside` as many at each of the
    /// [`places`](Self::places) of the rounds; they must not overlap, and hold what the rounds before have left.
    pub(crate) unsafe fn put_aside(&self, current: *mut u8, aside: *mut u8, before: usize) {
        let Pairs { reduce, dtype, count, stride } = *self;
        let full = before.trailing_ones() as usize;
        // SAFETY: the caller's promise; a place that is full belongs to one of the rounds before.
        unsafe {
            for place in 0..full {
                combine(reduce, dtype, current, aside.add(place * stride), count);
            }
            ptr::copy_nonoverlapping(current, aside.add(full * stride), count * dtype.size());
            clear(reduce, dtype, current, count);
        }
    }

    /// Joins to the accumulators what so many rounds have put aside.
    ///
    /// # Safety
    /// As for [`put_aside`](Self::put_aside).
    pub(crate) unsafe fn gather(&self, current: *mut u8, aside: *const u8, rounds: usize) {
        for place in (0..Self::places(rounds)).filter(|place| rounds >> place & 1 == 1) {
            // SAFETY: the caller's promise; the place is in use.
            unsafe {
                combine(self.reduce, self.dtype, current, aside.add(place * self.stride), self.count);
            }
        }
    }
}

/// A reduction over the middle of three axes, in blocks of columns. The order in which each result is reduced depends
/// on the length of the axis alone, so its bits do not depend on how the blocks are spread over threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MiddleReduction {
    pub(crate) reduce: Reduce,
    pub(crate) dtype: DType,
    pub(crate) outer: usize,
    pub(crate) axis: usize,
    pub(crate) inner: usize,
    kernel: Kernel,
}

impl MiddleReduction {
    /// The reduction for an instruction set; `None` for booleans, which no op reduces.
    pub(crate) fn new(reduce: Reduce, dtype: DType, lengths: [usize; 3], isa: Isa) -> Option<Self> {
        let [outer, axis, inner] = lengths;
        let extent = if inner == 1 { Extent::Within } else { Extent::Across };
        let kernel = Instruction::Reduce { reduce, extent }.kernel(dtype, dtype, isa)?;
        Some(MiddleReduction { reduce, dtype, outer, axis, inner, kernel })
    }

    /// The tasks into which the reduction is split; they may run at once.
    pub(crate) fn tasks(&self) -> usize {
        self.outer * self.inner.div_ceil(BLOCK)
    }

    /// Bytes of memory that a task needs: for accumulators that are put aside.
    pub(crate) fn scratch_bytes(&self) -> usize {
        if self.inner == 1 || self.axis <= ROWS {
            return 0;
        }
        Pairs::places(self.axis / ROWS) * BLOCK.min(self.inner) * self.dtype.size()
    }

    /// Reduces one block of columns.
    ///
    /// # Safety
    /// `src` must reach outer·axis·inner elements, `dst` outer·inner that do not overlap them, `scratch`
    /// [`scratch_bytes`](Self::scratch_bytes) that nobody else uses meanwhile; all
    /// aligned for the element type. No two calls at once may have the same `task`, which is one of `tasks`.
    pub(crate) unsafe fn run(&self, task: usize, src: *const u8, dst: *mut u8, scratch: *mut u8) {
        let blocks = self.inner.div_ceil(BLOCK);
        let (index, first) = (task / blocks, task % blocks * BLOCK);
        let columns = BLOCK.min(self.inner - first);
        let element = self.dtype.size();
        let args = |from: usize, rows: usize| Args {
            dst: dst.wrapping_add((index * self.inner + first) * element),
            a: src.wrapping_add((index * self.axis * self.inner + first + from * self.inner) * element),
            b: ptr::null(),
            c: ptr::null(),
            rows,
            width: columns,
            inner: self.axis,
            stride: if columns == self.inner { 0 } else { self.inner },
            first_row: 0,
            strided: ptr::null(),
            fault: Cell::new(false),
        };
        let pairs =
            Pairs { reduce: self.reduce, dtype: self.dtype, count: columns, stride: columns * element };
        // SAFETY: the block's columns lie within the rows of `src` and within `dst`, where no other task has
        // them, and those that are put aside within the scratch memory.
        unsafe {
            if self.inner == 1 {
                return (self.kernel)(&args(0, 1));
            }
            let results = args(0, 0).dst;
            clear(self.reduce, self.dtype, results, columns);
            // The last rows stay where they are, as nothing comes behind them.
            let rounds = self.axis.saturating_sub(1) / ROWS;
            for round in 0..rounds {
                (self.kernel)(&args(round * ROWS, ROWS));
                pairs.put_aside(results, scratch, round);
            }
            (self.kernel)(&args(rounds * ROWS, self.axis - rounds * ROWS));
            pairs.gather(results, scratch, rounds);
        }
    }
}

/// Sets accumulators to what a reduction over nothing gives.
///
/// # Safety
/// `dst` must reach `count` elements, aligned for the type.
pub(crate) unsafe fn clear(reduce: Reduce, dtype: DType, dst: *mut u8, count: usize) {
    with_number!(dtype, T => {
        // SAFETY: the caller's promise.
        let dst = unsafe { std::slice::from_raw_parts_mut(dst.cast::<T>(), count) };
        dst.fill(with_reduce!(reduce, F => <F as Combine<T>>::IDENTITY));
    }, else {});
}

/// Combines accumulators with others: dst ∘= src, elementwise.
///
/// # Safety
/// `dst` and `src` must reach `count` elements each, aligned for the type, which do not overlap.
pub(crate) unsafe fn combine(reduce: Reduce, dtype: DType, dst: *mut u8, src: *const u8, count: usize) {
    with_number!(dtype, T => {
        // SAFETY: the caller's promise.
        let dst = unsafe { std::slice::from_raw_parts_mut(dst.cast::<T>(), count) };
        // SAFETY: the same.
        let src = unsafe { std::slice::from_raw_parts(src.cast::<T>(), count) };
        with_reduce!(reduce, F => for (dst, &x) in dst.iter_mut().zip(src) {
            *dst = <F as Combine<T>>::combine(*dst, x);
        });
    }, else {});
}

/// Combines the lanes of each of `count` accumulators into one element: the one half with the other, until one lane is left.
///
/// # Safety
/// `src` must reach `count` times `lanes` elements, `dst` `count` that do not overlap them, aligned for the type.
pub(crate) unsafe fn combine_lanes(
    reduce: Reduce,
    dtype: DType,
    dst: *mut u8,
    src: *mut u8,
    lanes: usize,
    count: usize,
) {
    if lanes == 1 {
        // SAFETY: the caller's promise.
        return unsafe { ptr::copy_nonoverlapping(src, dst, count * dtype.size()) };
    }
    with_number!(dtype, T => {
        // SAFETY: the caller's promise.
        let dst = unsafe { std::slice::from_raw_parts_mut(dst.cast::<T>(), count) };
        // SAFETY: the same.
        let src = unsafe { std::slice::from_raw_parts_mut(src.cast::<T>(), count * lanes) };
        with_reduce!(reduce, F => for (dst, lanes) in dst.iter_mut().zip(src.chunks_exact_mut(lanes)) {
            let mut left = lanes.len();
            while left > 1 {
                // A number of lanes is a power of 2.
                left /= 2;
                let (kept, others) = lanes.split_at_mut(left);
                for (kept, &other) in kept.iter_mut().zip(&*others) {
                    *kept = <F as Combine<T>>::combine(*kept, other);
                }
            }
            // A sum of -0 alone is 0.
            *dst = <F as Combine<T>>::combine(<F as Combine<T>>::IDENTITY, lanes[0]);
        });
    }, else {});
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_columns_reduce_like_whole_rows() {
        for [outer, axis, inner] in
            [[2, 3, 1], [1, 70, 1], [2, 5, 7], [1, 4, BLOCK], [2, 3, 2 * BLOCK + 5], [1, 0, 3], [2, 3, 0]]
                .into_iter()
                .chain([[1, 70_000, 1], [2, 3 * ROWS, 3], [2, 7 * ROWS + 9, 5], [1, ROWS + 1, BLOCK + 130]])
        {
            let src: Vec<i64> = (0..outer * axis * inner).map(|i| (i * 7919 % 1013) as i64 - 500).collect();
            for (reduce, combine, empty) in [
                (Reduce::Sum, (|a, b| a + b) as fn(i64, i64) -> i64, 0),
                (Reduce::Prod, i64::wrapping_mul, 1),
                (Reduce::Max, i64::max, i64::MIN),
                (Reduce::Min, i64::min, i64::MAX),
            ] {
                let expected: Vec<i64> = (0..outer * inner)
                    .map(|i| (0..axis).map(move |row| (i / inner * axis + row) * inner + i % inner))
                    .map(|column| column.map(|at| src[at]).fold(empty, combine))
                    .collect();
                for isa in [Isa::detected(), Isa::Baseline] {
                    let mut dst = vec![-1_i64; outer * inner];
                    let middle = MiddleReduction::new(reduce, DType::I64, [outer, axis, inner], isa).unwrap();
                    let mut scratch = vec![-1_i64; middle.scratch_bytes() / 8];
                    for task in (0..middle.tasks()).rev() {
                        let (src, dst) = (src.as_ptr().cast(), dst.as_mut_ptr().cast());
                        // SAFETY: all are as long as the lengths say, and the tasks run one by one.
                        unsafe { middle.run(task, src, dst, scratch.as_mut_ptr().cast()) };
                    }
                    assert_eq!(dst, expected, "{reduce:?} of {:?}", [outer, axis, inner]);
                }
            }
        }
    }
}
