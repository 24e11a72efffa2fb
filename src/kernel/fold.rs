//! Folds over the middle axis of [outer, axis, inner], for shapes that no region of tiles takes, and
//! the accumulators of those that do.

use std::cell::Cell;
use std::ptr;

use super::isa::Isa;
use super::number::with_number;
use super::scalar::{Combine, with_fold};
use super::tile::{Args, Extent, Instruction, Kernel};
use crate::dtype::DType;
use crate::lower::Fold;

/// Columns of a block, which is one task. 16 kB of `f64`: the results stay in the first-level cache while the
/// rows pass by, and what is read of a row is long enough to be read ahead.
const BLOCK: usize = 2048;

/// A fold over the middle of three axes, in blocks of columns. Each result is folded in the order of the axis,
/// so its bits do not depend on how the blocks are spread over threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MiddleFold {
    pub(crate) fold: Fold,
    pub(crate) dtype: DType,
    pub(crate) outer: usize,
    pub(crate) axis: usize,
    pub(crate) inner: usize,
    kernel: Kernel,
}

impl MiddleFold {
    /// The fold for an instruction set; `None` for truth values, which no op folds.
    pub(crate) fn new(fold: Fold, dtype: DType, lengths: [usize; 3], isa: Isa) -> Option<Self> {
        let [outer, axis, inner] = lengths;
        let extent = if inner == 1 { Extent::Within } else { Extent::Across };
        let kernel = Instruction::Fold { fold, extent }.kernel(dtype, dtype, isa)?;
        Some(MiddleFold { fold, dtype, outer, axis, inner, kernel })
    }

    /// The tasks into which the fold is split; they may run at once.
    pub(crate) fn tasks(&self) -> usize {
        self.outer * self.inner.div_ceil(BLOCK)
    }

    /// Folds one block of columns.
    ///
    /// # Safety
    /// `src` must reach outer·axis·inner elements, `dst` outer·inner that do not overlap them; both
    /// aligned for the element type. No two calls at once may have the same `task`, which is one of `tasks`.
    pub(crate) unsafe fn run(&self, task: usize, src: *const u8, dst: *mut u8) {
        let blocks = self.inner.div_ceil(BLOCK);
        let (index, first) = (task / blocks, task % blocks * BLOCK);
        let columns = BLOCK.min(self.inner - first);
        let element = self.dtype.size();
        let args = |rows: usize, from: usize| Args {
            dst: dst.wrapping_add((index * self.inner + first) * element),
            a: src.wrapping_add((index * self.axis * self.inner + first + from * self.inner) * element),
            b: ptr::null(),
            c: ptr::null(),
            rows,
            width: columns,
            inner: self.axis,
            stride: 0,
            first_row: 0,
            strided: ptr::null(),
            fault: Cell::new(false),
        };
        // SAFETY: the block's columns lie within the rows of `src` and within `dst`, where no other task has
        // them: all of a row if one block holds it, and else those of one row at a time.
        unsafe {
            if self.inner == 1 {
                return (self.kernel)(&args(1, 0));
            }
            clear(self.fold, self.dtype, args(0, 0).dst, columns);
            if columns == self.inner {
                return (self.kernel)(&args(self.axis, 0));
            }
            (0..self.axis).for_each(|row| (self.kernel)(&args(1, row)));
        }
    }
}

/// Sets accumulators to what a fold over nothing gives.
///
/// # Safety
/// `dst` must reach `count` elements, aligned for the type.
pub(crate) unsafe fn clear(fold: Fold, dtype: DType, dst: *mut u8, count: usize) {
    with_number!(dtype, T => {
        // SAFETY: the caller's promise.
        let dst = unsafe { std::slice::from_raw_parts_mut(dst.cast::<T>(), count) };
        dst.fill(with_fold!(fold, F => <F as Combine<T>>::IDENTITY));
    }, else {});
}

/// Folds accumulators into others: dst ∘= src, elementwise.
///
/// # Safety
/// `dst` and `src` must reach `count` elements each, aligned for the type, which do not overlap.
pub(crate) unsafe fn join(fold: Fold, dtype: DType, dst: *mut u8, src: *const u8, count: usize) {
    with_number!(dtype, T => {
        // SAFETY: the caller's promise.
        let dst = unsafe { std::slice::from_raw_parts_mut(dst.cast::<T>(), count) };
        // SAFETY: the same.
        let src = unsafe { std::slice::from_raw_parts(src.cast::<T>(), count) };
        with_fold!(fold, F => for (dst, &x) in dst.iter_mut().zip(src) {
            *dst = <F as Combine<T>>::combine(*dst, x);
        });
    }, else {});
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_columns_fold_like_whole_rows() {
        for [outer, axis, inner] in
            [[2, 3, 1], [1, 70, 1], [2, 5, 7], [1, 4, BLOCK], [2, 3, 2 * BLOCK + 5], [1, 0, 3], [2, 3, 0]]
        {
            let src: Vec<i64> = (0..outer * axis * inner).map(|i| (i * 7919 % 1013) as i64 - 500).collect();
            for (fold, combine, empty) in [
                (Fold::Sum, (|a, b| a + b) as fn(i64, i64) -> i64, 0),
                (Fold::Prod, i64::wrapping_mul, 1),
                (Fold::Max, i64::max, i64::MIN),
                (Fold::Min, i64::min, i64::MAX),
            ] {
                let expected: Vec<i64> = (0..outer * inner)
                    .map(|i| (0..axis).map(move |row| (i / inner * axis + row) * inner + i % inner))
                    .map(|column| column.map(|at| src[at]).fold(empty, combine))
                    .collect();
                for isa in [Isa::detected(), Isa::Baseline] {
                    let mut dst = vec![-1_i64; outer * inner];
                    let middle = MiddleFold::new(fold, DType::I64, [outer, axis, inner], isa).unwrap();
                    for task in (0..middle.tasks()).rev() {
                        // SAFETY: both are as long as the lengths say, and the tasks run one by one.
                        unsafe { middle.run(task, src.as_ptr().cast(), dst.as_mut_ptr().cast()) };
                    }
                    assert_eq!(dst, expected, "{fold:?} of {:?}", [outer, axis, inner]);
                }
            }
        }
    }
}
