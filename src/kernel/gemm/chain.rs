//! Products whose sums run along k one product after the other: vectors lie along the columns of c.
//!
//! The order of a sum: for every [`K_BLOCK`] of k, one chain of multiply-adds from zero on; the blocks are
//! added up in order. Nothing else decides the bits, so each call is free to choose for its own lengths:
//! whether a and b are packed, how high the tiles are, how c is walked through.

use super::flat::Flat;
use super::operands::Operands;
use super::pack::{PackArgs, Panels, Rows};
use super::stream::{Stream, StreamArgs};
use super::tile::TileArgs;
use super::vector::{MOST_LANES, Vector};
use crate::kernel::number::Number;

/// Elements of k that are summed in one chain. A panel of b of two `f32` vectors is then 32 KB and a tile's
/// rows of a 14 KB: together what the first-level cache holds. At 128, c is read and written too often; at
/// 384 the panel falls out of the cache. Measured at 1024³: 124, 133, 132 GFLOP/s for 128, 256, 384.
pub(in crate::kernel) const K_BLOCK: usize = 256;

/// Rows of a that are packed at once where k fills a block: whole tiles of 14, 6 and 4 rows, and 84 KB of `f32`,
/// which leaves the second-level cache to b. Measured at 1024³: 146 GFLOP/s; 141 with three times as many.
const ROW_BLOCK: usize = 84;

/// Rows that take the same memory where k is smaller, in whole tiles of 14: fewer calls of the kernels.
fn row_block(k: usize) -> usize {
    ROW_BLOCK * packed_row(K_BLOCK) / packed_row(k) / 28 * 28
}

/// Elements from one packed row of a to the next, for the longest block of k: one or two cache lines more than
/// it has, so that the rows of a tile do not fall into the same set of the first-level cache.
fn packed_row(k: usize) -> usize {
    K_BLOCK.min(k).next_multiple_of(16) + 16
}

/// Bytes of a row of b that are packed at once: with `K_BLOCK` rows one megabyte, half a second-level cache.
const ROW_BYTES: usize = 4096;

/// Columns from which a is packed whose rows lie contiguously, and any other. A tile reads rows where they are at
/// no cost, but for lengths that put all of them into one set of the cache; of columns it uses a line or two
/// for each k. Measured for 256 columns of 1024² elements: 163 GFLOP/s unpacked and 148 packed, against 133 and 147.
const MIN_COLUMNS_TO_PACK_A: (usize, usize) = (1024, 128);

/// Most columns of a up to which the work is writing c, and the columns of c from which c is written in long runs.
/// Measured at 2000×32·32×2000: 2.7 ms, against 4.1 ms by tiles; at 1000×64·64×1000 1.0 ms against 0.88.
const MOST_FLAT: (usize, usize) = (32, 32);

/// Rows of b from which, and columns from which, a single row of a is multiplied by streaming.
const MIN_STREAM: (usize, usize) = (8, 64);

/// Most columns of a for which a single column has loops of its own.
const MOST_SHORT: usize = 4;

/// Elements of scratch memory for b, and for all, that [`run`] asks for at most; panels of a product ask for
/// no more than the whole.
pub(super) fn scratch_elements<T>(m: usize, k: usize, n: usize) -> (usize, usize) {
    let b = K_BLOCK.min(k) * (ROW_BYTES / size_of::<T>()).min(n.next_multiple_of(4 * MOST_LANES));
    let a = if n < MIN_COLUMNS_TO_PACK_A.1 { 0 } else { row_block(k).min(m) * packed_row(k) };
    (b, b + a)
}

/// Tiles of equal height, one below the other.
#[derive(Clone, Copy)]
struct Stack<T> {
    tiles: usize,
    height: usize,
    first_row: usize,
    a: *const T,
    a_row: usize,
    a_column: usize,
    a_tile: usize,
}

/// c = a·b for k of at least 1.
///
/// # Safety
/// The operands must reach what their lengths and distances say, c overlap neither of the others, the
/// scratch memory have [`scratch_elements`], and the machine the instruction set.
pub(super) unsafe fn run<V: Vector>(p: &Operands<V::Element>, scratch: *mut V::Element) {
    if p.n == 1 && p.k <= MOST_SHORT && p.a_column == 1 && p.a_row == p.k && p.c_row == 1 {
        // SAFETY: the caller's promise.
        return unsafe { V::compiled::<Short<V>>(p) };
    }
    if p.k <= MOST_FLAT.0 && p.n >= MOST_FLAT.1 && p.b_column == 1 && p.c_column == 1 {
        // SAFETY: the caller's promise.
        return unsafe { V::compiled::<Flat<V>>(p) };
    }
    if p.m == 1 && p.k >= MIN_STREAM.0 && p.n >= MIN_STREAM.1 && p.b_column == 1 {
        // SAFETY: the caller's promise.
        return unsafe { run_row::<V>(p, scratch) };
    }
    let (rows, other) = MIN_COLUMNS_TO_PACK_A;
    let pack_a = p.n >= if p.a_column == 1 { rows } else { other };
    // Rows of b that fill no more than a panel and lie one behind the other are one already.
    let is_panel = p.n <= 2 * V::LANES && p.b_row <= 2 * V::LANES;
    let pack_b = p.b_column != 1 || (p.m > 2 * V::ROWS && !is_panel);
    let wide = p.m <= V::WIDE_ROWS && !pack_b;
    let width = if wide { 4 } else { 2 } * V::LANES;
    let column_block = if pack_b { ROW_BYTES / size_of::<V::Element>() } else { p.n };
    let row_block = if pack_a || pack_b { row_block(p.k) } else { p.m };
    let a_packed = scratch.wrapping_add(scratch_elements::<V::Element>(p.m, p.k, p.n).0);
    for j0 in (0..p.n).step_by(column_block.max(1)) {
        let columns = column_block.min(p.n - j0);
        for k0 in (0..p.k).step_by(K_BLOCK) {
            let k = K_BLOCK.min(p.k - k0);
            let mut b =
                Panel { at: p.b.wrapping_add(k0 * p.b_row + j0 * p.b_column), row: p.b_row, column: 1 };
            if pack_b {
                let args = PackArgs {
                    src: b.at,
                    k_step: p.b_row,
                    step: p.b_column,
                    k,
                    count: columns,
                    width,
                    dst: scratch,
                };
                // SAFETY: the block lies within b, and its copy within the scratch memory.
                unsafe { V::compiled::<Panels<V>>(&args) };
                b = Panel { at: scratch, row: width, column: k };
            }
            for i0 in (0..p.m).step_by(row_block.max(1)) {
                let rows = row_block.min(p.m - i0);
                let mut stacks = stacks(p, if wide { V::WIDE_ROWS } else { V::ROWS }, i0, rows, k0);
                if pack_a {
                    for stack in &mut stacks {
                        // SAFETY: the rows lie within a, and their copy within the scratch memory.
                        unsafe { pack_stack::<V>(stack, i0, k, a_packed) };
                    }
                }
                let block = Block { b, k, j0, columns, wide, add: k0 > 0 };
                // SAFETY: the stacks' rows, the block's columns and k lie within the matrices or their copies.
                unsafe { run_block::<V>(p, &stacks, &block) };
            }
        }
    }
}

/// c = a·b, or c += a·b if `add`, for operands that are in the cache: nothing is packed.
///
/// # Safety
/// As for [`run`], without scratch memory; the columns of b must lie side by side.
pub(super) unsafe fn run_unpacked<V: Vector>(p: &Operands<V::Element>, add: bool) {
    let wide = p.m <= V::WIDE_ROWS;
    for k0 in (0..p.k).step_by(K_BLOCK) {
        let b = Panel { at: p.b.wrapping_add(k0 * p.b_row), row: p.b_row, column: 1 };
        let k = K_BLOCK.min(p.k - k0);
        let stacks = stacks(p, if wide { V::WIDE_ROWS } else { V::ROWS }, 0, p.m, k0);
        let block = Block { b, k, j0: 0, columns: p.n, wide, add: add || k0 > 0 };
        // SAFETY: the caller's promise.
        unsafe { run_block::<V>(p, &stacks, &block) };
    }
}

/// Columns of b, and of c from column `j0` on, for a block of k; in tiles of up to four vectors if `wide`, else of up
/// to two.
struct Block<T> {
    b: Panel<T>,
    k: usize,
    j0: usize,
    columns: usize,
    wide: bool,
    add: bool,
}

/// The tiles of some rows and a block of columns.
///
/// # Safety
/// The rows of the stacks and the columns and k of the block must be within the operands or their copies; the rest is
/// as for [`run`].
unsafe fn run_block<V: Vector>(
    p: &Operands<V::Element>,
    stacks: &[Stack<V::Element>],
    block: &Block<V::Element>,
) {
    let mut j = 0;
    while j < block.columns {
        let vectors = match (block.columns - j).div_ceil(V::LANES) {
            1 => 1,
            4.. if block.wide => 4,
            _ => 2,
        };
        let now = (block.columns - j).min(vectors * V::LANES);
        for stack in stacks.iter().filter(|stack| stack.tiles > 0) {
            let args = TileArgs {
                a: stack.a,
                a_row: stack.a_row,
                a_column: stack.a_column,
                a_tile: stack.a_tile,
                b: block.b.at.wrapping_add(j * block.b.column),
                b_row: block.b.row,
                k: block.k,
                c: p.c.wrapping_add(stack.first_row * p.c_row + (block.j0 + j) * p.c_column),
                c_row: p.c_row,
                c_column: p.c_column,
                tiles: stack.tiles,
                last: now - (vectors - 1) * V::LANES,
                add: block.add,
            };
            // SAFETY: the caller's promise.
            unsafe { V::tile(stack.height, vectors)(&args) };
        }
        j += now;
    }
}

/// A block of b: the distance of its rows, and how far apart the tiles' panels start for each column.
#[derive(Clone, Copy)]
struct Panel<T> {
    at: *const T,
    row: usize,
    column: usize,
}

/// Cuts rows into tiles whose heights differ by at most one: a last tile of few rows would leave most of the
/// multipliers idle.
fn stacks<T>(p: &Operands<T>, most: usize, i0: usize, rows: usize, k0: usize) -> [Stack<T>; 2] {
    let tiles = rows.div_ceil(most);
    let height = rows.div_ceil(tiles.max(1));
    let lower = tiles * height - rows;
    let stack = |tiles: usize, height: usize, first_row: usize| Stack {
        tiles,
        height,
        first_row,
        a: p.a.wrapping_add(first_row * p.a_row + k0 * p.a_column),
        a_row: p.a_row,
        a_column: p.a_column,
        a_tile: height * p.a_row,
    };
    [stack(tiles - lower, height, i0), stack(lower, height.max(1) - 1, i0 + (tiles - lower) * height)]
}

/// Packs the rows of a stack in the order that costs least: rows stay rows, and columns stay columns.
///
/// # Safety
/// `packed` must have room for the block of rows that starts at row `i0`, of which the stack is part.
unsafe fn pack_stack<V: Vector>(stack: &mut Stack<V::Element>, i0: usize, k: usize, packed: *mut V::Element) {
    let by_columns = stack.a_row == 1;
    let (width, row) = if by_columns { (stack.height, k) } else { (packed_row(k), packed_row(k)) };
    let dst = packed.wrapping_add((stack.first_row - i0) * row);
    let count = stack.tiles * stack.height;
    let args = PackArgs { src: stack.a, k_step: stack.a_column, step: stack.a_row, k, count, width, dst };
    // SAFETY: the caller's promise.
    unsafe { if by_columns { V::compiled::<Panels<V>>(&args) } else { V::compiled::<Rows<V>>(&args) } }
    (stack.a_row, stack.a_column) = if by_columns { (1, width) } else { (width, 1) };
    (stack.a, stack.a_tile) = (dst, stack.height * row);
}

/// One row times a matrix.
///
/// # Safety
/// As for [`run`].
unsafe fn run_row<V: Vector>(p: &Operands<V::Element>, sums: *mut V::Element) {
    let column_block = ROW_BYTES / size_of::<V::Element>();
    for j0 in (0..p.n).step_by(column_block) {
        let columns = column_block.min(p.n - j0);
        for k0 in (0..p.k).step_by(K_BLOCK) {
            let args = StreamArgs {
                a: p.a.wrapping_add(k0 * p.a_column),
                a_column: p.a_column,
                b: p.b.wrapping_add(k0 * p.b_row + j0),
                b_row: p.b_row,
                k: K_BLOCK.min(p.k - k0),
                columns,
                sums,
            };
            // SAFETY: the caller's promise; the scratch memory has room for a row of a block of b.
            unsafe {
                V::compiled::<Stream<V>>(&args);
                for column in 0..columns {
                    let (sum, at) = (*sums.add(column), p.c.add((j0 + column) * p.c_column));
                    *at = if k0 > 0 { (*at).add(sum) } else { sum };
                }
            }
        }
    }
}

/// A matrix of up to four columns, its rows one behind the other, times one column: too short for vectors
/// along either side, but a loop of constant length vectorizes over the rows.
///
/// As a kernel: as for [`run`].
struct Short<V>(std::marker::PhantomData<V>);

impl<V: Vector> super::vector::Body for Short<V> {
    type Args = Operands<V::Element>;

    #[inline(always)]
    unsafe fn run(p: &Self::Args) {
        // SAFETY: the caller's promise, for a k of 1 to 4.
        unsafe {
            match p.k {
                1 => short::<V, 1>(p),
                2 => short::<V, 2>(p),
                3 => short::<V, 3>(p),
                _ => short::<V, MOST_SHORT>(p),
            }
        }
    }
}

/// # Safety
/// As for [`run`], with `K` columns of a.
#[inline(always)]
unsafe fn short<V: Vector, const K: usize>(p: &Operands<V::Element>) {
    // SAFETY: a has m rows of K, one behind the other, b has K rows and c m elements.
    unsafe {
        let a = std::slice::from_raw_parts(p.a.cast::<[V::Element; K]>(), p.m);
        let c = std::slice::from_raw_parts_mut(p.c, p.m);
        let b: [V::Element; K] = std::array::from_fn(|i| *p.b.add(i * p.b_row));
        for (a, c) in a.iter().zip(c) {
            // The first product is added to zero, as in a tile.
            let mut sum = V::Element::ZERO;
            for i in 0..K {
                sum = a[i].mul_add::<V::MulAdd>(b[i], sum);
            }
            *c = sum;
        }
    }
}
