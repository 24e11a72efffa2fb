//! Singular values and vectors of small matrices by rotations of pairs of columns (Jacobi's method, one-sided): the slowest
//! method for large matrices, and the most accurate one.
//!
//! Columns are kept as rows of a width that is known when the loops are compiled, with zeros behind what there is.

use super::dense::{Real, SMALL, largest};
use super::error::LinalgError;
use super::orthogonal::Vectors;
use super::small_eigh::power_of_two;
use super::small_qr::{self, add, dot};

/// The most rows and columns of a matrix for which this method is the fastest.
pub(super) const FASTEST: usize = 8;

/// The singular values, descending, and behind them U and Vᵀ as far as they are wanted, of a matrix of up to [`FASTEST`]
/// rows and columns.
pub(super) fn svd<T: Real>(
    a: &[T],
    form: [usize; 2],
    vectors: Vectors,
    packed: &mut [T],
) -> Result<(), LinalgError> {
    if form[0].max(form[1]) <= FASTEST / 2 {
        svd_of_width::<T, { FASTEST / 2 }>(a, form, vectors, packed)
    } else {
        svd_of_width::<T, FASTEST>(a, form, vectors, packed)
    }
}

fn svd_of_width<T: Real, const W: usize>(
    a: &[T],
    [m, n]: [usize; 2],
    vectors: Vectors,
    packed: &mut [T],
) -> Result<(), LinalgError> {
    let [left, right] = vectors.counts([m, n]);
    let (values, packed) = packed.split_at_mut(m.min(n));
    let (u, vt) = packed.split_at_mut(m * left);
    let unit = power_of_two(largest(a));
    // The columns of a wide matrix that is transposed are its rows.
    let is_wide = m < n;
    let mut columns = [[T::ZERO; W]; W];
    for (i, row) in a.chunks_exact(n).enumerate() {
        for (j, &x) in row.iter().enumerate() {
            let (column, place) = if is_wide { (i, j) } else { (j, i) };
            columns[column][place] = x / unit;
        }
    }
    let found = decompose(columns, [m.max(n), m.min(n)])?;
    let mut order: [usize; W] = std::array::from_fn(|k| k);
    order[..values.len()]
        .sort_by(|&a, &b| found.values[b].partial_cmp(&found.values[a]).unwrap_or(std::cmp::Ordering::Equal));
    for (value, &from) in values.iter_mut().zip(&order) {
        *value = found.values[from] * unit;
    }
    let (of_u, of_vt) = if is_wide { (&found.right, &found.left) } else { (&found.left, &found.right) };
    for (i, row) in u.chunks_exact_mut(left.max(1)).enumerate() {
        for (x, &from) in row.iter_mut().zip(&order) {
            *x = of_u[from][i];
        }
    }
    for (row, &from) in vt.chunks_exact_mut(n).take(right).zip(&order) {
        row.copy_from_slice(&of_vt[from][..n]);
    }
    Ok(())
}

/// The singular values, in no order, of a matrix `[m, n]` with no more columns than rows, all vectors of the left, and
/// those of the right. The vectors are given as rows.
pub(super) struct Found<T, const W: usize> {
    pub(super) values: [T; W],
    pub(super) left: [[T; W]; W],
    pub(super) right: [[T; W]; W],
}

/// Decomposes a matrix whose columns are given, with elements that are no larger than about 1.
pub(super) fn decompose<T: Real, const W: usize>(
    mut columns: [[T; W]; W],
    [m, n]: [usize; 2],
) -> Result<Found<T, W>, LinalgError> {
    /// Six to eight is what it takes.
    const MOST_SWEEPS: usize = 40;
    let mut right = [[T::ZERO; W]; W];
    for (j, row) in right.iter_mut().enumerate().take(n) {
        row[j] = T::ONE;
    }
    let mut sweeps = 0;
    // Pairs of a round have no column in common, so that none waits for another.
    let even = n + n % 2;
    loop {
        let mut is_done = true;
        let mut squares: [T; W] = std::array::from_fn(|j| dot(&columns[j], &columns[j]));
        for round in 0..even.saturating_sub(1) {
            for k in 0..even / 2 {
                let last = even - 1;
                let (a, b) =
                    if k == 0 { (round, last) } else { ((round + k) % last, (round + last - k) % last) };
                let (p, q) = (a.min(b), a.max(b));
                if q < n {
                    is_done &= !make_orthogonal(&mut columns, &mut right, &mut squares, [p, q]);
                }
            }
        }
        if is_done {
            break;
        }
        sweeps += 1;
        if sweeps == MOST_SWEEPS {
            return Err(LinalgError::NoConvergence);
        }
    }
    // Columns that are nothing come last.
    let squares: [T; W] = std::array::from_fn(|j| dot(&columns[j], &columns[j]));
    let (mut order, mut count) = ([0; W], 0);
    for wanted in [false, true] {
        for j in (0..n).filter(|&j| is_nothing(squares[j]) == wanted) {
            order[count] = j;
            count += 1;
        }
    }
    let mut found = Found { values: [T::ZERO; W], left: [[T::ZERO; W]; W], right: [[T::ZERO; W]; W] };
    let mut rank = 0;
    for (to, &j) in order[..n].iter().enumerate() {
        found.right[to] = right[j];
        if !is_nothing(squares[j]) {
            rank = to + 1;
            found.values[to] = squares[j].root();
            found.left[to] = columns[j].map(|x| x / found.values[to]);
        }
    }
    if rank < m {
        complete(&mut found.left, [m, rank]);
    }
    Ok(found)
}

/// Makes a basis of the first rows, which are orthonormal.
fn complete<T: Real, const W: usize>(rows: &mut [[T; W]; W], [m, rank]: [usize; 2]) {
    let mut columns = [T::ZERO; SMALL * SMALL];
    for (j, row) in rows[..rank].iter().enumerate() {
        for (i, &x) in row[..m].iter().enumerate() {
            columns[i * rank + j] = x;
        }
    }
    let mut packed = [T::ZERO; 2 * SMALL * SMALL];
    small_qr::qr(&columns[..m * rank], [m, rank], m, &mut packed[..m * m + m * rank]);
    for (j, row) in rows.iter_mut().enumerate().take(m).skip(rank) {
        for (i, x) in row.iter_mut().enumerate().take(m) {
            *x = packed[i * m + j];
        }
    }
}

/// Whether a column with this square of its length is less than what rounding leaves of rounding in columns of length 1.
fn is_nothing<T: Real>(square: T) -> bool {
    square <= T::EPSILON * T::EPSILON * (T::EPSILON * T::EPSILON)
}

/// Rotates two columns so that they are orthogonal, and the same rows of another matrix. Tells whether they were not.
fn make_orthogonal<T: Real, const W: usize>(
    columns: &mut [[T; W]; W],
    right: &mut [[T; W]; W],
    squares: &mut [T; W],
    [p, q]: [usize; 2],
) -> bool {
    let (of_p, of_q, both) = (squares[p], squares[q], dot(&columns[p], &columns[q]));
    // What rounding leaves of a sum of sixteen products.
    let rounding = T::EPSILON * T::from_f64(4.0);
    if is_nothing(of_p) || is_nothing(of_q) || both * both <= (rounding * of_p) * (rounding * of_q) {
        return false;
    }
    let half = (of_q - of_p) * T::from_f64(0.5);
    let length = (half * half + both * both).root();
    let tangent = both / (half + if half < T::ZERO { -length } else { length });
    let c = T::ONE / (T::ONE + tangent * tangent).root();
    let s = tangent * c;
    squares[p] = of_p - tangent * both;
    squares[q] = of_q + tangent * both;
    for rows in [columns, right] {
        let (above, below) = rows.split_at_mut(q);
        let (first, second) = (&mut above[p], &mut below[0]);
        let (mut x, mut y) = ([T::ZERO; W], [T::ZERO; W]);
        add(&mut x, first, c);
        add(&mut x, second, -s);
        add(&mut y, second, c);
        add(&mut y, first, s);
        (*first, *second) = (x, y);
    }
    true
}
