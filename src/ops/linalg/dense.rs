//! What the factorizations of one matrix share: the elements, scratch memory, and moves between rows and columns.
//!
//! A kernel is given matrices row by row; faer works best on columns. Large factorizations go panel by panel, and the
//! columns beside a panel are updated in blocks, each by one call of faer's on one thread. The blocks depend on lengths
//! alone, so they give the same bits on any number of threads; faer's own threads would not, as its
//! tridiagonalization adds up one sum for each.

use faer::dyn_stack::{MemBuffer, StackReq};
use faer::linalg::matmul::matmul;
use faer::traits::RealField;
use faer::{Accum, MatMut, MatRef, Par};

use super::error::LinalgError;
use crate::element::{Float, Numeric};
use crate::ir::Workers;

/// An element that both sides compute with.
pub(super) trait Real: Float + RealField {
    const ZERO: Self;
    const ONE: Self;
    const NAN: Self;
    /// The distance from 1 to the next number.
    const EPSILON: Self;
    /// A small number whose square has all its digits, as that of its inverse has.
    const SAFE: Self;

    fn magnitude(self) -> Self;
    fn root(self) -> Self;
    fn is_number(self) -> bool;
    fn with_sign(self, of: Self) -> Self;
}

macro_rules! reals {
    ($($real:ident $safe:expr;)*) => {$(
        impl Real for $real {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const NAN: Self = $real::NAN;
            const EPSILON: Self = $real::EPSILON;
            const SAFE: Self = $safe;

            #[inline(always)]
            fn magnitude(self) -> Self {
                $real::abs(self)
            }

            #[inline(always)]
            fn root(self) -> Self {
                $real::sqrt(self)
            }

            #[inline(always)]
            fn is_number(self) -> bool {
                $real::is_finite(self)
            }

            #[inline(always)]
            fn with_sign(self, of: Self) -> Self {
                $real::copysign(self, of)
            }
        }
    )*};
}
reals! {
    // 2^-51 and 2^-485: the least normal number is theirs squared, times epsilon.
    f32 f32::from_bits((127 - 51) << 23);
    f64 f64::from_bits((1023 - 485) << 52);
}

/// The largest order of a matrix that plain loops are for: calling and blocking would take longer than its arithmetic.
pub(super) const SMALL: usize = 16;

/// Nanoseconds of a multiplication in faer's blocked loops, about.
pub(super) const MULTIPLICATION: f64 = 0.06;

/// Columns of a block at least, for products: narrower ones take longer for each column.
pub(super) const BLOCK_COLUMNS: usize = 32;

/// Cuts columns into blocks that threads may work on at once: at most 16, which is plenty for most machines, of so many
/// columns at least.
pub(super) fn column_blocks<T>(matrix: MatMut<'_, T>, least: usize) -> Vec<MatMut<'_, T>> {
    let width = matrix.ncols().div_ceil(16).next_multiple_of(8).max(least);
    let mut blocks = Vec::with_capacity(matrix.ncols().div_ceil(width));
    let mut rest = matrix;
    while rest.ncols() > width {
        let (block, others) = rest.split_at_col_mut(width);
        blocks.push(block);
        rest = others;
    }
    if rest.ncols() > 0 {
        blocks.push(rest);
    }
    blocks
}

/// Writes a·b.
pub(super) fn product<T: Real>(to: MatMut<'_, T>, a: MatRef<'_, T>, b: MatRef<'_, T>, workers: Workers<'_>) {
    accumulate(to, Accum::Replace, (a, b), T::ONE, workers);
}

/// Writes a·b times a factor, or adds it.
pub(super) fn accumulate<T: Real>(
    to: MatMut<'_, T>,
    how: Accum,
    (a, b): (MatRef<'_, T>, MatRef<'_, T>),
    factor: T,
    workers: Workers<'_>,
) {
    let estimate = (to.nrows() * a.ncols() * to.ncols()) as f64 * MULTIPLICATION;
    let mut first = 0;
    let mut blocks = Vec::new();
    for block in column_blocks(to, BLOCK_COLUMNS) {
        let columns = block.ncols();
        blocks.push((block, b.subcols(first, columns)));
        first += columns;
    }
    workers.each(blocks, estimate, |(to, b)| matmul(to, how, a, b, factor, Par::Seq));
}

/// Zeros, as scratch memory.
pub(super) fn zeros<T: Real>(elements: usize) -> Result<Vec<T>, LinalgError> {
    let mut zeros = Vec::new();
    zeros.try_reserve_exact(elements).map_err(|_| LinalgError::OutOfMemory)?;
    zeros.resize(elements, T::ZERO);
    Ok(zeros)
}

/// The largest magnitude.
pub(super) fn largest<'a, T: Real>(numbers: impl IntoIterator<Item = &'a T>) -> T {
    numbers.into_iter().fold(T::ZERO, |most, x| if x.magnitude() > most { x.magnitude() } else { most })
}

/// Scratch memory as faer asks for it.
pub(super) fn memory(needed: StackReq) -> Result<MemBuffer, LinalgError> {
    MemBuffer::try_new(needed).map_err(|_| LinalgError::OutOfMemory)
}

/// The elements of a matrix column by column.
pub(super) fn by_columns<T: Real>(a: &[T], rows: usize, columns: usize) -> Result<Vec<T>, LinalgError> {
    let mut moved = zeros(rows * columns)?;
    transpose(a, rows, columns, &mut moved);
    Ok(moved)
}

/// Writes the transpose of a matrix, block by block: a block is read as a whole before it is written, as what is read
/// waits for what was written at an address with the same last 12 bits.
pub(super) fn transpose<T: Real>(a: &[T], rows: usize, columns: usize, to: &mut [T]) {
    for first in (0..rows).step_by(BLOCK) {
        for start in (0..columns).step_by(BLOCK) {
            transpose_block(a, [rows, columns], [first, start], to);
        }
    }
}

/// Rows and columns of a block that is transposed at once.
const BLOCK: usize = 16;

#[inline(always)]
fn transpose_block<T: Real>(a: &[T], [rows, columns]: [usize; 2], [first, start]: [usize; 2], to: &mut [T]) {
    let (height, width) = (BLOCK.min(rows - first), BLOCK.min(columns - start));
    let mut block = [[T::ZERO; BLOCK]; BLOCK];
    for (row, from) in block.iter_mut().zip(a[first * columns..].chunks(columns)).take(height) {
        match from[start..].first_chunk::<BLOCK>() {
            Some(from) => *row = *from,
            None => row[..width].copy_from_slice(&from[start..]),
        }
    }
    for (j, to) in to[start * rows..].chunks_mut(rows).enumerate().take(width) {
        match to[first..].first_chunk_mut::<BLOCK>() {
            Some(to) => *to = std::array::from_fn(|i| block[i][j]),
            None => to[first..].iter_mut().zip(&block).for_each(|(to, row)| *to = row[j]),
        }
    }
}

/// An error for the first element that is no finite number.
pub(super) fn check_finite<T: Real>(a: &[T], columns: usize) -> Result<(), LinalgError> {
    if are_finite(a) { Ok(()) } else { first_not_finite(a.iter().enumerate(), columns) }
}

/// The same for the lower triangle of a square.
pub(super) fn check_lower_finite<T: Real>(a: &[T], n: usize) -> Result<(), LinalgError> {
    let mut rows = a.chunks_exact(n.max(1)).enumerate();
    if rows.all(|(i, row)| are_finite(&row[..=i])) {
        return Ok(());
    }
    first_not_finite(a.iter().enumerate().filter(|(at, _)| at % n <= at / n), n)
}

/// Whether all elements are finite: a number times 0 is 0, and what is none gives NaN. Eight at a time, as vectors do it.
fn are_finite<T: Real>(a: &[T]) -> bool {
    a.chunks(64).all(|some| {
        let mut sums = [T::ZERO; 8];
        let (whole, rest) = some.as_chunks::<8>();
        for eight in whole {
            sums.iter_mut().zip(eight).for_each(|(sum, &x)| *sum += x * T::ZERO);
        }
        sums.iter_mut().zip(rest).for_each(|(sum, &x)| *sum += x * T::ZERO);
        sums.iter().all(|&sum| sum == T::ZERO)
    })
}

fn first_not_finite<'a, T: Real>(
    mut elements: impl Iterator<Item = (usize, &'a T)>,
    columns: usize,
) -> Result<(), LinalgError> {
    match elements.find(|(_, x)| !x.is_number()) {
        Some((at, x)) => Err(LinalgError::NotFinite {
            row: at / columns,
            column: at % columns,
            found: x.as_f64().to_string(),
        }),
        None => Ok(()),
    }
}

/// A whole number as an element.
pub(super) fn whole<T: Numeric>(number: usize) -> T {
    T::from_f64(number as f64)
}
