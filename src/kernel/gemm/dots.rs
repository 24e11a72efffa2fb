//! Products with few columns and long rows: each element of c is a dot product, vectors lie along k.
//!
//! The order of a sum: lane by lane, of which there are as many on every machine, in one chain (two for a single column,
//! where there are not enough rows to keep the multipliers busy), then the chains, then the lanes by halves; and so again
//! for every [`K_BLOCK`] of k.
#![allow(
    clippy::needless_range_loop,
    reason = "rows, columns and chains are indices of several arrays of registers at once"
)]

use std::marker::PhantomData;

use super::operands::Operands;
use super::pack::{PackArgs, Rows};
use super::vector::{Body, Vector};
use crate::kernel::MOST_ADDITIONS;
use crate::kernel::number::Number;
use crate::kernel::vector::LANE_BYTES;

/// Elements of k that are summed at once, at most: eight columns of b so long are 256 KB of `f64`, which stay in the
/// second-level cache while the rows of a pass, and none of eight lanes takes in more than [`MOST_ADDITIONS`].
const K_BLOCK: usize = 4096;
const _: () = assert!(K_BLOCK <= MOST_ADDITIONS * LANE_BYTES / size_of::<f64>());

/// Chains for a single column, where there are not enough rows to keep the multipliers busy.
pub(super) const SINGLE_CHAINS: usize = 2;

/// The vectors of a machine that have [`LANE_BYTES`].
///
/// # Safety
/// All functions: as for [`Vector`].
pub(super) trait Lanes: Copy + 'static {
    type Element: Copy;
    type Mask: Copy;
    /// How many there are.
    const COUNT: usize;

    unsafe fn zero() -> Self;
    unsafe fn mask(count: usize) -> Self::Mask;
    unsafe fn load(at: *const Self::Element) -> Self;
    /// Zero in the other lanes, whose memory is not touched.
    unsafe fn load_masked(at: *const Self::Element, mask: Self::Mask) -> Self;
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    /// The sum of the lanes, by halves.
    unsafe fn sum(self) -> Self::Element;
}

impl<V: Vector, const N: usize> Lanes for [V; N] {
    type Element = V::Element;
    type Mask = [V::Mask; N];
    const COUNT: usize = N * V::LANES;

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the machine has the set.
        [unsafe { V::zero() }; N]
    }
    #[inline(always)]
    unsafe fn mask(count: usize) -> Self::Mask {
        // SAFETY: the machine has the set.
        unsafe {
            let mut masks = [V::mask(0); N];
            for (index, mask) in masks.iter_mut().enumerate() {
                *mask = V::mask(count.saturating_sub(index * V::LANES).min(V::LANES));
            }
            masks
        }
    }
    #[inline(always)]
    unsafe fn load(at: *const V::Element) -> Self {
        // SAFETY: the address reaches all lanes.
        unsafe {
            let mut vectors = [V::zero(); N];
            for (index, vector) in vectors.iter_mut().enumerate() {
                *vector = V::load(at.add(index * V::LANES));
            }
            vectors
        }
    }
    #[inline(always)]
    unsafe fn load_masked(at: *const V::Element, mask: Self::Mask) -> Self {
        // SAFETY: the address reaches the lanes of the masks, others are not touched.
        unsafe {
            let mut vectors = [V::zero(); N];
            for (index, vector) in vectors.iter_mut().enumerate() {
                *vector = V::load_masked(at.wrapping_add(index * V::LANES), mask[index]);
            }
            vectors
        }
    }
    #[inline(always)]
    unsafe fn mul_add(mut self, factor: Self, addend: Self) -> Self {
        for index in 0..N {
            // SAFETY: the machine has the set.
            self[index] = unsafe { self[index].mul_add(factor[index], addend[index]) };
        }
        self
    }
    #[inline(always)]
    unsafe fn add(mut self, other: Self) -> Self {
        for index in 0..N {
            // SAFETY: the machine has the set.
            self[index] = unsafe { self[index].add(other[index]) };
        }
        self
    }
    #[inline(always)]
    unsafe fn sum(mut self) -> V::Element {
        let mut half = N / 2;
        // SAFETY: the machine has the set.
        unsafe {
            while half > 0 {
                for index in 0..half {
                    self[index] = self[index].add(self[index + half]);
                }
                half /= 2;
            }
            self[0].sum()
        }
    }
}

/// The kernel of a tile of dot products.
///
/// # Safety
/// a, b and c must reach what the lengths and distances say, c must overlap neither, and the machine must have the
/// instruction set.
pub(super) type DotKernel<T> = unsafe fn(&DotArgs<T>);

/// What a tile of dot products works on: `tiles` blocks of rows, one below the other.
#[derive(Debug)]
pub(super) struct DotArgs<T> {
    a: *const T,
    a_row: usize,
    b: *const T,
    b_column: usize,
    k: usize,
    c: *mut T,
    c_row: usize,
    c_column: usize,
    tiles: usize,
    add: bool,
}

/// `R` rows by `C` columns in `U` chains each, where the rows of a and the columns of b lie contiguously.
///
/// As a kernel: a, b and c must reach what the lengths and distances say.
pub(super) struct DotTile<V, const R: usize, const C: usize, const U: usize>(PhantomData<V>);

impl<V, const R: usize, const C: usize, const U: usize> Body for DotTile<V, R, C, U>
where
    V: Lanes<Element: Number>,
{
    type Args = DotArgs<V::Element>;

    #[inline(always)]
    unsafe fn run(args: &Self::Args) {
        let whole = args.k / (U * V::COUNT) * (U * V::COUNT);
        let rest = args.k - whole;
        // SAFETY: rows below tiles·R, columns below C, and k, or the lanes of the masks, are within the
        // matrices.
        unsafe {
            for tile in 0..args.tiles {
                let a = args.a.add(tile * R * args.a_row);
                let mut sums = [[[V::zero(); U]; C]; R];
                let mut p = 0;
                while p < whole {
                    for u in 0..U {
                        let at = p + u * V::COUNT;
                        let mut x = [V::zero(); R];
                        for r in 0..R {
                            x[r] = V::load(a.add(r * args.a_row + at));
                        }
                        for c in 0..C {
                            let y = V::load(args.b.add(c * args.b_column + at));
                            for r in 0..R {
                                sums[r][c][u] = x[r].mul_add(y, sums[r][c][u]);
                            }
                        }
                    }
                    p += U * V::COUNT;
                }
                for u in 0..U {
                    let at = u * V::COUNT;
                    if at < rest {
                        let mask = V::mask((rest - at).min(V::COUNT));
                        for c in 0..C {
                            let y = V::load_masked(args.b.add(c * args.b_column + whole + at), mask);
                            for r in 0..R {
                                let x = V::load_masked(a.add(r * args.a_row + whole + at), mask);
                                sums[r][c][u] = x.mul_add(y, sums[r][c][u]);
                            }
                        }
                    }
                }
                for r in 0..R {
                    for c in 0..C {
                        let mut sum = sums[r][c][0];
                        for u in 1..U {
                            sum = sum.add(sums[r][c][u]);
                        }
                        let at = args.c.add((tile * R + r) * args.c_row + c * args.c_column);
                        *at = if args.add { (*at).add(sum.sum()) } else { sum.sum() };
                    }
                }
            }
        }
    }
}

/// Elements of scratch memory that [`run`] asks for at most, with k·n of them in b.
pub(super) fn scratch_elements(k: usize, n: usize) -> usize {
    K_BLOCK.min(k) * n
}

/// c = a·b, where the rows of a lie contiguously and k is at least 1; `single` is whether the whole
/// product, of which this may be a panel, has one column.
///
/// # Safety
/// The operands must reach what their lengths and distances say, c overlap neither of the others, the
/// scratch memory have [`scratch_elements`], and the machine the instruction set.
pub(super) unsafe fn run<V: Vector>(p: &Operands<V::Element>, single: bool, scratch: *mut V::Element) {
    for k0 in (0..p.k).step_by(K_BLOCK) {
        let k = K_BLOCK.min(p.k - k0);
        let (mut b, mut b_column) = (p.b.wrapping_add(k0 * p.b_row), p.b_column);
        if p.b_row != 1 {
            let args =
                PackArgs { src: b, k_step: p.b_row, step: b_column, k, count: p.n, width: k, dst: scratch };
            // SAFETY: the caller's promise.
            unsafe { V::compiled::<Rows<V>>(&args) };
            (b, b_column) = (scratch, k);
        }
        for j in (0..p.n).step_by(V::DOT_TILE.1) {
            let columns = V::DOT_TILE.1.min(p.n - j);
            let tiles = p.m / V::DOT_TILE.0;
            let done = tiles * V::DOT_TILE.0;
            for (first, rows, tiles) in [(0, V::DOT_TILE.0, tiles), (done, 1, p.m - done)] {
                let args = DotArgs {
                    a: p.a.wrapping_add(first * p.a_row + k0),
                    a_row: p.a_row,
                    b: b.wrapping_add(j * b_column),
                    b_column,
                    k,
                    c: p.c.wrapping_add(first * p.c_row + j * p.c_column),
                    c_row: p.c_row,
                    c_column: p.c_column,
                    tiles,
                    add: k0 > 0,
                };
                // SAFETY: the caller's promise.
                unsafe { V::dot_tile(rows, columns, single)(&args) };
            }
        }
    }
}
