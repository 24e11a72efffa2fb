//! A row times a matrix whose rows lie in memory one after the other: bound by how fast the matrix can be
//! read, so it is read in long runs, several rows at a time, and the sums wait in the first-level cache.

use std::marker::PhantomData;

use super::vector::{Body, Vector};

/// Rows of b that are read side by side: the sums are then loaded and stored once for eight products.
const TOGETHER: usize = 8;

/// Adds up `k` rows of b, each times an element of a.
#[derive(Debug)]
pub(super) struct StreamArgs<T> {
    pub(super) a: *const T,
    pub(super) a_column: usize,
    pub(super) b: *const T,
    pub(super) b_row: usize,
    pub(super) k: usize,
    pub(super) columns: usize,
    /// Room for the sums: as many elements as there are columns.
    pub(super) sums: *mut T,
}

/// As a kernel: a must reach `k` elements, b `k` rows of `columns`, and the sums `columns`.
pub(super) struct Stream<V>(PhantomData<V>);

impl<V: Vector> Body for Stream<V> {
    type Args = StreamArgs<V::Element>;

    #[inline(always)]
    unsafe fn run(args: &Self::Args) {
        let whole = args.k / TOGETHER * TOGETHER;
        // SAFETY: the kernel's contract; the parts of k follow each other.
        unsafe {
            for p in (0..whole).step_by(TOGETHER) {
                add_rows::<V, TOGETHER>(args, p);
            }
            for p in whole..args.k {
                add_rows::<V, 1>(args, p);
            }
        }
    }
}

/// Adds `T` rows from row `p` on to the sums, or starts these with them.
///
/// # Safety
/// As for the kernel, with `p + T` rows.
#[inline(always)]
unsafe fn add_rows<V: Vector, const T: usize>(args: &StreamArgs<V::Element>, p: usize) {
    // SAFETY: rows from p to p + T and lanes below the number of columns are within the operands.
    unsafe {
        let mut factors = [V::zero(); T];
        for (i, factor) in factors.iter_mut().enumerate() {
            *factor = V::splat(args.a.add((p + i) * args.a_column));
        }
        let b = args.b.add(p * args.b_row);
        let mut lane = 0;
        while lane + V::LANES <= args.columns {
            let sums = args.sums.add(lane);
            let mut sum = if p == 0 { V::zero() } else { V::load(sums) };
            for (i, factor) in factors.iter().enumerate() {
                sum = factor.mul_add(V::load(b.add(i * args.b_row + lane)), sum);
            }
            sum.store(sums);
            lane += V::LANES;
        }
        if lane < args.columns {
            let (sums, mask) = (args.sums.add(lane), V::mask(args.columns - lane));
            let mut sum = if p == 0 { V::zero() } else { V::load_masked(sums, mask) };
            for (i, factor) in factors.iter().enumerate() {
                sum = factor.mul_add(V::load_masked(b.add(i * args.b_row + lane), mask), sum);
            }
            sum.store_masked(sums, mask);
        }
    }
}
