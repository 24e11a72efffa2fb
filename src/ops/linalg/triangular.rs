//! Factorizations that end in triangles, of one matrix in row-major order, and solutions by them.

use faer::dyn_stack::MemStack;
use faer::linalg::cholesky::llt::factor::{
    LltError, LltRegularization, cholesky_in_place, cholesky_in_place_scratch,
};
use faer::linalg::lu::partial_pivoting::factor::{lu_in_place, lu_in_place_scratch};
use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place, solve_unit_lower_triangular_in_place,
    solve_unit_upper_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::{MatMut, MatRef, Par, Spec};

use super::dense::{Real, SMALL, by_columns, memory, transpose, whole};
use super::error::LinalgError;

/// The lower triangle L with L·Lᵀ the matrix, of which the lower triangle is read.
pub(super) fn cholesky<T: Real>(a: &[T], n: usize, l: &mut [T]) -> Result<(), LinalgError> {
    if n <= SMALL {
        return small_cholesky(a, n, l);
    }
    let mut columns = by_columns(a, n, n)?;
    let mut memory = memory(cholesky_in_place_scratch::<T>(n, Par::Seq, Spec::default()))?;
    let matrix = MatMut::from_column_major_slice_mut(&mut columns, n, n);
    let stack = MemStack::new(&mut memory);
    cholesky_in_place(matrix, LltRegularization::default(), Par::Seq, stack, Spec::default()).map_err(
        |LltError::NonPositivePivot { index }| LinalgError::NotPositiveDefinite { minor: index + 1 },
    )?;
    transpose(&columns, n, n, l);
    for (i, row) in l.chunks_exact_mut(n).enumerate() {
        row[i + 1..].fill(T::ZERO);
    }
    Ok(())
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
pub(super) fn lu<T: Real>(a: &[T], [m, n]: [usize; 2], packed: &mut [T]) -> Result<(), LinalgError> {
    let (lu, order) = packed.split_at_mut(m * n);
    if m.max(n) <= SMALL {
        lu.copy_from_slice(a);
        small_lu(lu, [m, n], order);
        return Ok(());
    }
    let mut columns = by_columns(a, m, n)?;
    let (mut forward, mut inverse) = (vec![0_usize; m], vec![0_usize; m]);
    let mut memory = memory(lu_in_place_scratch::<usize, T>(m, n, Par::Seq, Spec::default()))?;
    let matrix = MatMut::from_column_major_slice_mut(&mut columns, m, n);
    let stack = MemStack::new(&mut memory);
    lu_in_place(matrix, &mut forward, &mut inverse, Par::Seq, stack, Spec::default());
    transpose(&columns, n, m, lu);
    order.iter_mut().zip(forward).for_each(|(to, row)| *to = whole(row));
    Ok(())
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
pub(super) fn solve_triangular<T: Real>(a: &[T], n: usize, triangle: Triangle, x: &mut [T], k: usize) {
    let Triangle { lower, adjoint, unit } = triangle;
    if n <= SMALL {
        return small_triangular(a, n, triangle, x, k);
    }
    let matrix = MatRef::from_row_major_slice(a, n, n);
    let matrix = if adjoint { matrix.transpose() } else { matrix };
    let right = MatMut::from_row_major_slice_mut(x, n, k);
    match (lower != adjoint, unit) {
        (true, false) => solve_lower_triangular_in_place(matrix, right, Par::Seq),
        (true, true) => solve_unit_lower_triangular_in_place(matrix, right, Par::Seq),
        (false, false) => solve_upper_triangular_in_place(matrix, right, Par::Seq),
        (false, true) => solve_unit_upper_triangular_in_place(matrix, right, Par::Seq),
    }
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
) -> Result<(), LinalgError> {
    let n = order.len();
    check_diagonal(lu, n)?;
    // Numbers of rows, made by `lu`.
    let row = |i: usize| order[i].as_f64() as usize;
    if !adjoint {
        for (i, to) in x.chunks_exact_mut(k).enumerate() {
            to.copy_from_slice(&b[row(i) * k..(row(i) + 1) * k]);
        }
        solve_triangular(lu, n, UNIT_LOWER, x, k);
        solve_triangular(lu, n, UPPER, x, k);
        return Ok(());
    }
    let mut y = super::dense::zeros(n * k)?;
    y.copy_from_slice(b);
    solve_triangular(lu, n, Triangle { adjoint, ..UPPER }, &mut y, k);
    solve_triangular(lu, n, Triangle { adjoint, ..UNIT_LOWER }, &mut y, k);
    for (i, from) in y.chunks_exact(k).enumerate() {
        x[row(i) * k..(row(i) + 1) * k].copy_from_slice(from);
    }
    Ok(())
}

/// The inverse of a square matrix.
pub(super) fn inverse<T: Real>(a: &[T], n: usize, inverse: &mut [T]) -> Result<(), LinalgError> {
    let mut packed = super::dense::zeros(n * n + n)?;
    lu(a, [n, n], &mut packed)?;
    let mut identity = super::dense::zeros(n * n)?;
    identity.iter_mut().step_by(n + 1).for_each(|x| *x = T::ONE);
    let (lu, order) = packed.split_at(n * n);
    solve_lu(lu, order, false, (&identity, n), inverse)
}
