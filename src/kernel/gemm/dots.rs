//! Products with few columns and long rows: each element of c is a dot product, vectors lie along k.
//!
//! The order of a sum: lane by lane, in one chain of vectors (four for a single column, where there are
//! not enough rows to keep the multipliers busy), then the chains, then the lanes by halves; and so again for
//! every [`block`] of k.
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

/// Elements of k that are summed at once, at most: eight columns of b so long are 256 KB of `f64`, which stay in the
/// second-level cache while the rows of a pass.
const K_BLOCK: usize = 4096;

/// Chains of vectors for a single column, where there are not enough rows to keep the multipliers busy.
const SINGLE_CHAINS: usize = 4;

/// Elements of k that are summed at once with vectors of so many lanes: fewer where these are few, so that no lane takes
/// in more than [`MOST_ADDITIONS`].
const fn block(lanes: usize, single: bool) -> usize {
    let most = MOST_ADDITIONS * lanes * if single { SINGLE_CHAINS } else { 1 };
    if most < K_BLOCK { most } else { K_BLOCK }
}

/// Columns of a tile: with as many rows, loads and multiplications keep pace.
const TILE_COLUMNS: usize = 4;

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
struct DotTile<V, const R: usize, const C: usize, const U: usize>(PhantomData<V>);

impl<V: Vector, const R: usize, const C: usize, const U: usize> Body for DotTile<V, R, C, U> {
    type Args = DotArgs<V::Element>;

    #[inline(always)]
    unsafe fn run(args: &Self::Args) {
        let whole = args.k / (U * V::LANES) * (U * V::LANES);
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
                        let at = p + u * V::LANES;
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
                    p += U * V::LANES;
                }
                for u in 0..U {
                    let at = u * V::LANES;
                    if at < rest {
                        let mask = V::mask((rest - at).min(V::LANES));
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
    let block = block(V::LANES, single);
    for k0 in (0..p.k).step_by(block) {
        let k = block.min(p.k - k0);
        let (mut b, mut b_column) = (p.b.wrapping_add(k0 * p.b_row), p.b_column);
        if p.b_row != 1 {
            let args =
                PackArgs { src: b, k_step: p.b_row, step: b_column, k, count: p.n, width: k, dst: scratch };
            // SAFETY: the caller's promise.
            unsafe { V::compiled::<Rows<V>>(&args) };
            (b, b_column) = (scratch, k);
        }
        for j in (0..p.n).step_by(TILE_COLUMNS) {
            let columns = TILE_COLUMNS.min(p.n - j);
            let tiles = p.m / V::DOT_ROWS;
            let done = tiles * V::DOT_ROWS;
            for (first, rows, tiles) in [(0, V::DOT_ROWS, tiles), (done, 1, p.m - done)] {
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
                unsafe {
                    match (rows, columns, single) {
                        (1, _, true) => V::compiled::<DotTile<V, 1, 1, SINGLE_CHAINS>>(&args),
                        (2, _, true) => V::compiled::<DotTile<V, 2, 1, SINGLE_CHAINS>>(&args),
                        (_, _, true) => V::compiled::<DotTile<V, 4, 1, SINGLE_CHAINS>>(&args),
                        (1, 1, _) => V::compiled::<DotTile<V, 1, 1, 1>>(&args),
                        (1, 2, _) => V::compiled::<DotTile<V, 1, 2, 1>>(&args),
                        (1, 3, _) => V::compiled::<DotTile<V, 1, 3, 1>>(&args),
                        (1, _, _) => V::compiled::<DotTile<V, 1, 4, 1>>(&args),
                        (2, 1, _) => V::compiled::<DotTile<V, 2, 1, 1>>(&args),
                        (2, 2, _) => V::compiled::<DotTile<V, 2, 2, 1>>(&args),
                        (2, 3, _) => V::compiled::<DotTile<V, 2, 3, 1>>(&args),
                        (2, _, _) => V::compiled::<DotTile<V, 2, 4, 1>>(&args),
                        (_, 1, _) => V::compiled::<DotTile<V, 4, 1, 1>>(&args),
                        (_, 2, _) => V::compiled::<DotTile<V, 4, 2, 1>>(&args),
                        (_, 3, _) => V::compiled::<DotTile<V, 4, 3, 1>>(&args),
                        (_, _, _) => V::compiled::<DotTile<V, 4, 4, 1>>(&args),
                    }
                }
            }
        }
    }
}
