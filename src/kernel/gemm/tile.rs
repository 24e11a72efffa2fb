//! Tiles: blocks of c of a few rows by one, two or four vectors, held in registers while k passes.

use std::marker::PhantomData;

use super::vector::{Body, MOST_LANES, Vector};
use crate::kernel::number::Number;

/// What a tile works on: `tiles` blocks of rows, one below the other, all of the same columns.
#[derive(Debug)]
pub(super) struct TileArgs<T> {
    /// The first element of a; `a_row` elements lie from row to row, `a_column` from column to column,
    /// `a_tile` from the first row of a tile to that of the next.
    pub(super) a: *const T,
    pub(super) a_row: usize,
    pub(super) a_column: usize,
    pub(super) a_tile: usize,
    /// The first element of b, whose columns lie side by side, and the distance of its rows.
    pub(super) b: *const T,
    pub(super) b_row: usize,
    /// Columns of a and rows of b; at least 1.
    pub(super) k: usize,
    /// The first element of c, and the distances of its rows and columns.
    pub(super) c: *mut T,
    pub(super) c_row: usize,
    pub(super) c_column: usize,
    pub(super) tiles: usize,
    /// Columns that the last vector has: 1 to all lanes.
    pub(super) last: usize,
    /// Whether the product is added to what c holds; c is not read otherwise.
    pub(super) add: bool,
}

/// A tile's kernel.
///
/// # Safety
/// a, b and c must reach what the lengths and distances say, c must overlap neither, and the machine must
/// have the instruction set.
pub(super) type TileKernel<T> = unsafe fn(&TileArgs<T>);

/// Columns of a from which it pays to ask for the tile's part of c before the loop over k: what comes from the
/// second-level cache is there in about 15 cycles, and what comes from memory in hundreds, of which one k takes 7 to 14.
const FETCH_AHEAD: usize = 16;

/// Writes a loop over the rows, or the vectors, of a tile out: every index is then a constant, and the tile in
/// registers. A loop that the compiler chose not to unroll, or unrolled too late, would keep it in memory.
macro_rules! each {
    (row $row:ident < $rows:ident => $body:expr) => {
        each!(@ $row < $rows => $body; 0 1 2 3 4 5 6 7 8 9 10 11 12 13)
    };
    (four $four:ident => $body:expr) => {
        each!(@ $four < 4 => $body; 0 1 2 3)
    };
    (vector $vector:ident < $vectors:ident => $body:expr) => {
        each!(@ $vector < $vectors => $body; 0 1 2 3)
    };
    (@ $index:ident < $end:tt => $body:expr; $($value:literal)*) => {
        $(if const { $value < $end } {
            let $index = $value;
            $body;
        })*
    };
}

/// A tile of `R` rows by `N` vectors.
pub(super) struct Tile<V, const R: usize, const N: usize>(PhantomData<V>);

impl<V: Vector, const R: usize, const N: usize> Body for Tile<V, R, N> {
    type Args = TileArgs<V::Element>;

    #[inline(always)]
    unsafe fn run(args: &Self::Args) {
        let TileArgs { a_row, a_column, b_row, k, c_row, c_column, .. } = *args;
        // SAFETY: the contract of `TileKernel`: rows below `tiles·R`, columns below the last one of the
        // mask, and k below the length, are within the matrices.
        unsafe {
            let mask = V::mask(args.last);
            let (mut first, mut c) = (args.a, args.c);
            for _ in 0..args.tiles {
                let mut sums = [[V::zero(); N]; R];
                let mut b = args.b;
                // A pointer for every four rows: one for all would be moved from row to row, and these
                // additions, one after the other, take longer than the multiplications.
                let mut a = [first; 4];
                each!(four i => a[i] = first.wrapping_add(4 * i * a_row));
                if k >= FETCH_AHEAD && c_column == 1 {
                    for r in 0..R {
                        for v in 0..N {
                            V::fetch(c.wrapping_add(r * c_row + v * V::LANES));
                        }
                    }
                }
                for _ in 0..k {
                    let mut row = [V::zero(); N];
                    each!(vector v < N => row[v] = load::<V>(b.add(v * V::LANES), v + 1 == N, mask));
                    each!(row r < R => {
                        let x = V::splat(a[r / 4].add(r % 4 * a_row));
                        each!(vector v < N => sums[r][v] = x.mul_add(row[v], sums[r][v]));
                    });
                    each!(four i => a[i] = a[i].wrapping_add(a_column));
                    b = b.wrapping_add(b_row);
                }
                if c_column == 1 {
                    if args.add {
                        each!(row r < R => each!(vector v < N => {
                            let held = load::<V>(c.add(r * c_row + v * V::LANES), v + 1 == N, mask);
                            sums[r][v] = held.add(sums[r][v]);
                        }));
                    }
                    each!(row r < R => each!(vector v < N => {
                        let at = c.add(r * c_row + v * V::LANES);
                        if v + 1 == N { sums[r][v].store_masked(at, mask) } else { sums[r][v].store(at) }
                    }));
                } else {
                    // A copy: the sums themselves would lie in memory if a loop took them by index.
                    let mut tile = [[V::zero(); N]; R];
                    each!(row r < R => each!(vector v < N => tile[r][v] = sums[r][v]));
                    scatter(&tile, c, args);
                }
                first = first.wrapping_add(args.a_tile);
                c = c.wrapping_add(R * c_row);
            }
        }
    }
}

/// # Safety
/// The address must reach all lanes, or those of the mask if it is the row's last vector.
#[inline(always)]
unsafe fn load<V: Vector>(at: *const V::Element, last: bool, mask: V::Mask) -> V {
    // SAFETY: the caller's promise.
    unsafe { if last { V::load_masked(at, mask) } else { V::load(at) } }
}

/// Writes a tile to columns that do not lie side by side.
///
/// # Safety
/// As for the tile.
#[inline(always)]
unsafe fn scatter<V: Vector, const R: usize, const N: usize>(
    sums: &[[V; N]; R],
    c: *mut V::Element,
    args: &TileArgs<V::Element>,
) {
    let mut lanes = [V::Element::ZERO; MOST_LANES];
    for (r, row) in sums.iter().enumerate() {
        for (v, &sum) in row.iter().enumerate() {
            let count = if v + 1 < N { V::LANES } else { args.last };
            // SAFETY: the array holds a vector; the columns are those of the tile.
            unsafe {
                sum.store(lanes.as_mut_ptr());
                for (lane, &sum) in lanes[..count].iter().enumerate() {
                    let at = c.add(r * args.c_row + (v * V::LANES + lane) * args.c_column);
                    *at = if args.add { (*at).add(sum) } else { sum };
                }
            }
        }
    }
}
