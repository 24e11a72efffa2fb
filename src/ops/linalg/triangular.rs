//! Factorizations that end in triangles, of one matrix in row-major order, and solutions by them.

use faer::dyn_stack::MemStack;
use faer::linalg::cholesky::llt::factor::{
    LltError, LltRegularization, cholesky_in_place, cholesky_in_place_scratch,
};
use faer::linalg::matmul::matmul;
use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place, solve_unit_lower_triangular_in_place,
    solve_unit_upper_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::prelude::{Reborrow, ReborrowMut};
use faer::{Accum, ColMut, MatMut, MatRef, Par, Spec};

use super::dense::{
    BLOCK_COLUMNS, MULTIPLICATION, Real, SMALL, by_columns, column_blocks, memory, transpose, whole,
};
use super::error::LinalgError;
use crate::ir::Workers;

/// Columns of a panel: what stands beside it is updated by products of this depth, which come near the speed of deep
/// ones.
const PANEL: usize = 64;

/// The lower triangle L with L·Lᵀ the matrix, of which the lower triangle is read.
pub(super) fn cholesky<T: Real>(
    a: &[T],
    n: usize,
    l: &mut [T],
    workers: Workers<'_>,
) -> Result<(), LinalgError> {
    if n <= SMALL {
        return small_cholesky(a, n, l);
    }
    let mut columns = by_columns(a, n, n)?;
    let panel = if n <= 2 * PANEL { n } else { PANEL };
    let mut memory = memory(cholesky_in_place_scratch::<T>(panel, Par::Seq, Spec::default()))?;
    let mut rest = MatMut::from_column_major_slice_mut(&mut columns, n, n);
    let mut done = 0;
    while rest.ncols() > 0 {
        let width = rest.ncols().min(panel);
        let (mut head, _, mut below, mut beside) = rest.split_at_mut(width, width);
        let stack = MemStack::new(&mut memory);
        let none = LltRegularization::default();
        cholesky_in_place(head.rb_mut(), none, Par::Seq, stack, Spec::default()).map_err(
            |LltError::NonPositivePivot { index }| LinalgError::NotPositiveDefinite {
                minor: done + index + 1,
            },
        )?;
        update_cholesky(head.rb(), below.rb_mut(), beside.rb_mut(), workers);
        rest = beside;
        done += width;
    }
    transpose(&columns, n, n, l);
    for (i, row) in l.chunks_exact_mut(n).enumerate() {
        row[i + 1..].fill(T::ZERO);
    }
    Ok(())
}

/// What the factor of a head makes of the rows below it, and these of the lower triangle beside them.
fn update_cholesky<T: Real>(
    head: MatRef<'_, T>,
    mut below: MatMut<'_, T>,
    beside: MatMut<'_, T>,
    workers: Workers<'_>,
) {
    let (width, left) = (head.ncols(), below.nrows());
    if left == 0 {
        return;
    }
    let estimate = (width * width * left) as f64 * MULTIPLICATION / 2.0;
    workers.each(column_blocks(below.rb_mut().transpose_mut(), BLOCK_COLUMNS), estimate, |rows| {
        solve_lower_triangular_in_place(head, rows, Par::Seq);
    });
    let below = below.rb();
    let mut first = 0;
    let mut blocks = Vec::new();
    for block in column_blocks(beside, BLOCK_COLUMNS) {
        let columns = block.ncols();
        blocks.push((first, block));
        first += columns;
    }
    let estimate = (width * left * left) as f64 * MULTIPLICATION / 2.0;
    workers.each(blocks, estimate, |(first, block)| {
        let others = below.subrows(first, block.ncols()).transpose();
        let block = block.subrows_mut(first, left - first);
        matmul(block, Accum::Add, below.subrows(first, left - first), others, -T::ONE, Par::Seq);
    });
}

fn small_cholesky<T: Real>(a: &[T], n: usize, l: &mut [T]) -> Result<(), LinalgError> {
    for i in 0..n {
        let (above, row) = l.split_at_mut(i * n);
        let row = &mut row[..n];
        for j in 0..i {
            let other = &above[j * n..j * n + n];
            let sum = row[..j].iter().zip(other).fold(a[i * n + j], |sum, (&x, &y)| sum - x * y);
            row[j] = sum / other[j];
        }
        let square = row[..i].iter().fold(a[i * n + i], |sum, &x| sum - x * x);
        // NaN is not either.
        let is_positive = square > T::ZERO;
        if !is_positive {
            return Err(LinalgError::NotPositiveDefinite { minor: i + 1 });
        }
        row[i] = square.root();
        row[i + 1..].fill(T::ZERO);
    }
    Ok(())
}

/// The triangles L, without its diagonal of ones, and U in one matrix, and behind them the rows of the matrix in the order
/// in which L·U has them, as numbers.
pub(super) fn lu<T: Real>(
    a: &[T],
    [m, n]: [usize; 2],
    packed: &mut [T],
    workers: Workers<'_>,
) -> Result<(), LinalgError> {
    let (lu, order) = packed.split_at_mut(m * n);
    if m.max(n) <= SMALL {
        lu.copy_from_slice(a);
        small_lu(lu, [m, n], order);
        return Ok(());
    }
    let mut columns = by_columns(a, m, n)?;
    let mut matrix = MatMut::from_column_major_slice_mut(&mut columns, m, n);
    let mut pivots = vec![0_usize; m.min(n)];
    for (panel, pivots) in pivots.chunks_mut(PANEL).enumerate() {
        let (first, width) = (panel * PANEL, pivots.len());
        let rest = matrix.rb_mut().subrows_mut(first, m - first);
        let (done, rest) = rest.split_at_col_mut(first);
        let (mut panel, beside) = rest.split_at_col_mut(width);
        factor_panel(panel.rb_mut(), pivots);
        let (panel, pivots) = (panel.rb(), &*pivots);
        exchange_rows(done, pivots);
        let estimate = ((m - first) * width * beside.ncols()) as f64 * MULTIPLICATION;
        workers.each(column_blocks(beside, BLOCK_COLUMNS), estimate, |block| update_lu(panel, pivots, block));
    }
    transpose(&columns, n, m, lu);
    order.iter_mut().enumerate().for_each(|(row, to)| *to = whole(row));
    for (k, pivot) in pivots.iter().enumerate() {
        order.swap(k, k / PANEL * PANEL + pivot);
    }
    Ok(())
}

/// Factors a panel, half by half, and tells the row that each row is exchanged with in turn.
fn factor_panel<T: Real>(mut panel: MatMut<'_, T>, pivots: &mut [usize]) {
    /// Columns that are factored one by one.
    const NARROW: usize = 8;
    let width = panel.ncols();
    if width <= NARROW {
        return factor_columns(panel, pivots);
    }
    let half = width.div_ceil(2).next_multiple_of(NARROW).min(width);
    let (first, second) = pivots.split_at_mut(half);
    let (mut left, mut right) = panel.rb_mut().split_at_col_mut(half);
    factor_panel(left.rb_mut(), first);
    update_lu(left.rb(), first, right.rb_mut());
    let rows = left.nrows() - half;
    factor_panel(right.subrows_mut(half, rows), second);
    exchange_rows(left.subrows_mut(half, rows), second);
    for pivot in second {
        *pivot += half;
    }
}

fn factor_columns<T: Real>(mut columns: MatMut<'_, T>, pivots: &mut [usize]) {
    for (k, to) in pivots.iter_mut().enumerate() {
        let column = elements(columns.rb_mut().col_mut(k));
        let mut pivot = k;
        for i in k + 1..column.len() {
            if column[i].magnitude() > column[pivot].magnitude() {
                pivot = i;
            }
        }
        *to = pivot;
        for column in columns.rb_mut().col_iter_mut() {
            elements(column).swap(k, pivot);
        }
        let (mut left, right) = columns.rb_mut().split_at_col_mut(k + 1);
        let column = elements(left.rb_mut().col_mut(k));
        let head = column[k];
        // Then all below is 0 too, and so are the factors.
        if head == T::ZERO {
            continue;
        }
        let factors = &mut column[k + 1..];
        divide(factors, head);
        for other in right.col_iter_mut() {
            let (above, below) = elements(other).split_at_mut(k + 1);
            let factor = above[k];
            below.iter_mut().zip(&*factors).for_each(|(x, &y)| *x -= factor * y);
        }
    }
}

/// Divides numbers by one: by its inverse, which takes a quarter of the time, where that has all its digits.
fn divide<T: Real>(numbers: &mut [T], by: T) {
    let inverse = T::ONE / by;
    if by.magnitude() > T::SAFE && inverse.magnitude() > T::SAFE {
        for x in numbers {
            *x *= inverse;
        }
    } else {
        for x in numbers {
            *x /= by;
        }
    }
}

/// The elements of a column, which are side by side in the matrices here.
fn elements<T: Real>(column: ColMut<'_, T>) -> &mut [T] {
    column.try_as_col_major_mut().map_or(&mut [], ColMut::as_slice_mut)
}

/// What the factors in a panel make of columns beside it.
fn update_lu<T: Real>(panel: MatRef<'_, T>, pivots: &[usize], mut block: MatMut<'_, T>) {
    exchange_rows(block.rb_mut(), pivots);
    let (head, below) = panel.split_at_row(panel.ncols());
    let (mut upper, rest) = block.split_at_row_mut(panel.ncols());
    solve_unit_lower_triangular_in_place(head, upper.rb_mut(), Par::Seq);
    matmul(rest, Accum::Add, below, upper.rb(), -T::ONE, Par::Seq);
}

fn exchange_rows<T: Real>(matrix: MatMut<'_, T>, pivots: &[usize]) {
    for column in matrix.col_iter_mut() {
        let column = elements(column);
        pivots.iter().enumerate().for_each(|(k, &pivot)| column.swap(k, pivot));
    }
}

fn small_lu<T: Real>(lu: &mut [T], [m, n]: [usize; 2], order: &mut [T]) {
    order.iter_mut().enumerate().for_each(|(row, to)| *to = whole(row));
    for k in 0..m.min(n) {
        let mut pivot = k;
        for i in k + 1..m {
            if lu[i * n + k].magnitude() > lu[pivot * n + k].magnitude() {
                pivot = i;
            }
        }
        if pivot != k {
            let (above, below) = lu.split_at_mut(pivot * n);
            above[k * n..k * n + n].swap_with_slice(&mut below[..n]);
            order.swap(k, pivot);
        }
        let (above, below) = lu.split_at_mut((k + 1) * n);
        let head = &above[k * n..];
        if head[k] == T::ZERO {
            continue;
        }
        for row in below.chunks_exact_mut(n) {
            let factor = row[k] / head[k];
            row[k] = factor;
            row[k + 1..].iter_mut().zip(&head[k + 1..]).for_each(|(x, &y)| *x -= factor * y);
        }
    }
}

/// Which triangle of a matrix a solution reads, whether it is transposed first, and whether its diagonal is ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Triangle {
    pub(super) lower: bool,
    pub(super) adjoint: bool,
    pub(super) unit: bool,
}

/// Solves in place for `k` columns on the right. A 0 on the diagonal must have been refused.
pub(super) fn solve_triangular<T: Real>(
    a: &[T],
    n: usize,
    triangle: Triangle,
    (x, k): (&mut [T], usize),
    workers: Workers<'_>,
) {
    let Triangle { lower, adjoint, unit } = triangle;
    if n <= SMALL {
        return small_triangular(a, n, triangle, x, k);
    }
    let matrix = MatRef::from_row_major_slice(a, n, n);
    let matrix = if adjoint { matrix.transpose() } else { matrix };
    let right = MatMut::from_row_major_slice_mut(x, n, k);
    let estimate = (n * n * k) as f64 * MULTIPLICATION / 2.0;
    workers.each(column_blocks(right, BLOCK_COLUMNS), estimate, |right| match (lower != adjoint, unit) {
        (true, false) => solve_lower_triangular_in_place(matrix, right, Par::Seq),
        (true, true) => solve_unit_lower_triangular_in_place(matrix, right, Par::Seq),
        (false, false) => solve_upper_triangular_in_place(matrix, right, Par::Seq),
        (false, true) => solve_unit_upper_triangular_in_place(matrix, right, Par::Seq),
    });
}

fn small_triangular<T: Real>(a: &[T], n: usize, triangle: Triangle, x: &mut [T], k: usize) {
    let Triangle { lower, adjoint, unit } = triangle;
    let (down, along) = if adjoint { (1, n) } else { (n, 1) };
    let forward = lower != adjoint;
    for step in 0..n {
        let i = if forward { step } else { n - 1 - step };
        let (above, rest) = x.split_at_mut(i * k);
        let (row, below) = rest.split_at_mut(k);
        let (known, first) = if forward { (&*above, 0) } else { (&*below, i + 1) };
        for (place, other) in known.chunks_exact(k).enumerate() {
            let factor = a[i * down + (first + place) * along];
            row.iter_mut().zip(other).for_each(|(x, &y)| *x -= factor * y);
        }
        if !unit {
            let diagonal = a[i * n + i];
            for x in row {
                *x /= diagonal;
            }
        }
    }
}

/// The first 0 on the diagonal, as an error.
pub(super) fn check_diagonal<T: Real>(a: &[T], n: usize) -> Result<(), LinalgError> {
    match (0..n).find(|i| a[i * n + i] == T::ZERO) {
        Some(pivot) => Err(LinalgError::Singular { pivot }),
        None => Ok(()),
    }
}

/// The two triangles of a packed factorization.
const UNIT_LOWER: Triangle = Triangle { lower: true, adjoint: false, unit: true };
const UPPER: Triangle = Triangle { lower: false, adjoint: false, unit: false };

/// Solves for `k` columns on the right by triangles and the order of the rows; of the transposed matrix if it is `adjoint`.
pub(super) fn solve_lu<T: Real>(
    lu: &[T],
    order: &[T],
    adjoint: bool,
    (b, k): (&[T], usize),
    x: &mut [T],
    workers: Workers<'_>,
) -> Result<(), LinalgError> {
    let n = order.len();
    check_diagonal(lu, n)?;
    // Numbers of rows, made by `lu`.
    let row = |i: usize| order[i].as_f64() as usize;
    if !adjoint {
        for (i, to) in x.chunks_exact_mut(k).enumerate() {
            to.copy_from_slice(&b[row(i) * k..(row(i) + 1) * k]);
        }
        solve_triangular(lu, n, UNIT_LOWER, (x, k), workers);
        solve_triangular(lu, n, UPPER, (x, k), workers);
        return Ok(());
    }
    let mut y = super::dense::zeros(n * k)?;
    y.copy_from_slice(b);
    solve_triangular(lu, n, Triangle { adjoint, ..UPPER }, (&mut y, k), workers);
    solve_triangular(lu, n, Triangle { adjoint, ..UNIT_LOWER }, (&mut y, k), workers);
    for (i, from) in y.chunks_exact(k).enumerate() {
        x[row(i) * k..(row(i) + 1) * k].copy_from_slice(from);
    }
    Ok(())
}

/// The inverse of a square matrix.
pub(super) fn inverse<T: Real>(
    a: &[T],
    n: usize,
    inverse: &mut [T],
    workers: Workers<'_>,
) -> Result<(), LinalgError> {
    let mut packed = super::dense::zeros(n * n + n)?;
    lu(a, [n, n], &mut packed, workers)?;
    let mut identity = super::dense::zeros(n * n)?;
    identity.iter_mut().step_by(n + 1).for_each(|x| *x = T::ONE);
    let (lu, order) = packed.split_at(n * n);
    solve_lu(lu, order, false, (&identity, n), inverse, workers)
}
