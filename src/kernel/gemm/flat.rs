//! Products with short rows of a, where writing c is the work: c is written in runs of whole rows, a few at a
//! time, and rows of b are read again for each few.
#![allow(clippy::needless_range_loop, reason = "rows are indices of registers and of memory at once")]

use std::marker::PhantomData;

use super::operands::Operands;
use super::vector::{Body, Vector};

/// As a kernel: the operands must reach what their lengths and distances say, c overlap neither of the others,
/// and the columns of b and c lie side by side.
pub(super) struct Flat<V>(PhantomData<V>);

impl<V: Vector> Body for Flat<V> {
    type Args = Operands<V::Element>;

    #[inline(always)]
    unsafe fn run(p: &Self::Args) {
        // SAFETY: the kernel's contract.
        unsafe {
            // One run for outer products; more rows for each load of b where there is more to multiply.
            // Measured at 1000×k·k×1000, µs for 1, 4 rows: 183, 250 at k = 1, and 287, 197 at 8.
            match p.k {
                ..=2 => all_rows::<V, 1>(p),
                3..=8 => all_rows::<V, 4>(p),
                _ => all_rows::<V, 8>(p),
            }
        }
    }
}

/// # Safety
/// As for the kernel.
#[inline(always)]
unsafe fn all_rows<V: Vector, const TOGETHER: usize>(p: &Operands<V::Element>) {
    let whole = p.m / TOGETHER * TOGETHER;
    // SAFETY: the caller's promise; the rows follow each other.
    unsafe {
        for row in (0..whole).step_by(TOGETHER) {
            rows::<V, TOGETHER>(p, row);
        }
        for row in whole..p.m {
            rows::<V, 1>(p, row);
        }
    }
}

/// Computes `R` rows of c from row `first` on.
///
/// # Safety
/// As for the kernel, with `first + R` rows.
#[inline(always)]
unsafe fn rows<V: Vector, const R: usize>(p: &Operands<V::Element>, first: usize) {
    let (a, c) = (p.a.wrapping_add(first * p.a_row), p.c.wrapping_add(first * p.c_row));
    let whole = p.n / V::LANES * V::LANES;
    // SAFETY: rows below first + R, columns below n and k below its length are within the operands.
    unsafe {
        for j in (0..whole).step_by(V::LANES) {
            let mut sums = [V::zero(); R];
            for k in 0..p.k {
                let b = V::load(p.b.add(k * p.b_row + j));
                for r in 0..R {
                    sums[r] = V::splat(a.add(r * p.a_row + k * p.a_column)).mul_add(b, sums[r]);
                }
            }
            for r in 0..R {
                sums[r].store(c.add(r * p.c_row + j));
            }
        }
        if whole < p.n {
            let mask = V::mask(p.n - whole);
            let mut sums = [V::zero(); R];
            for k in 0..p.k {
                let b = V::load_masked(p.b.add(k * p.b_row + whole), mask);
                for r in 0..R {
                    sums[r] = V::splat(a.add(r * p.a_row + k * p.a_column)).mul_add(b, sums[r]);
                }
            }
            for r in 0..R {
                sums[r].store_masked(c.add(r * p.c_row + whole), mask);
            }
        }
    }
}
