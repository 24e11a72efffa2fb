//! Singular values and vectors of matrices of up to 16 rows by rotations of pairs of columns (Jacobi's method, one-sided):
//! the slowest method for large matrices, and the most accurate one.
//!
//! Columns are kept as rows of a width that is known when the loops are compiled, with zeros behind what there is.

use super::dense::{Real, SMALL};
use super::error::LinalgError;
use super::small_qr::{self, add, dot};

/// The singular values, in no order, of a matrix `[m, n]` with no more columns than rows, all vectors of the left, and
/// those of the right. The vectors are given as rows.
pub(super) struct Found<T> {
    pub(super) values: [T; SMALL],
    pub(super) left: [[T; SMALL]; SMALL],
    pub(super) right: [[T; SMALL]; SMALL],
}

/// Decomposes a matrix whose columns are given, with elements that are no larger than about 1.
pub(super) fn svd<T: Real>(
    mut columns: [[T; SMALL]; SMALL],
    [m, n]: [usize; 2],
) -> Result<Found<T>, LinalgError> {
    /// Six to eight is what it takes.
    const MOST_SWEEPS: usize = 40;
    let mut right = [[T::ZERO; SMALL]; SMALL];
    for (j, row) in right.iter_mut().enumerate().take(n) {
        row[j] = T::ONE;
    }
    let mut sweeps = 0;
    loop {
        let mut is_done = true;
        for q in 1..n {
            for p in 0..q {
                is_done &= !make_orthogonal(&mut columns, &mut right, [p, q]);
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
    // Columns that are nothing come last, and are replaced by what completes the basis.
    let lengths: [T; SMALL] = std::array::from_fn(|j| dot(&columns[j], &columns[j]).root());
    let (some, none): (Vec<usize>, Vec<usize>) = (0..n).partition(|&j| !is_nothing(lengths[j]));
    let mut values = [T::ZERO; SMALL];
    let mut unit = [T::ZERO; SMALL * SMALL];
    let mut found = Found { values, left: [[T::ZERO; SMALL]; SMALL], right: [[T::ZERO; SMALL]; SMALL] };
    for (to, &j) in some.iter().chain(&none).enumerate() {
        found.right[to] = right[j];
        if !is_nothing(lengths[j]) {
            values[to] = lengths[j];
            for (i, &x) in columns[j][..m].iter().enumerate() {
                unit[i * n + to] = x / lengths[j];
            }
        }
    }
    found.values = values;
    let mut packed = [T::ZERO; 2 * SMALL * SMALL];
    small_qr::qr(&unit[..m * n], [m, n], m, &mut packed[..m * m + m * n]);
    let (q, r) = packed.split_at(m * m);
    for (j, row) in found.left.iter_mut().enumerate().take(m) {
        // A reflection may have turned it around.
        let sign = if j < some.len() { T::ONE.with_sign(r[j * n + j]) } else { T::ONE };
        for (i, x) in row.iter_mut().enumerate().take(m) {
            *x = q[i * m + j] * sign;
        }
    }
    Ok(found)
}

/// Whether a column of this length is less than what rounding leaves of rounding in columns of length 1.
fn is_nothing<T: Real>(length: T) -> bool {
    length <= T::EPSILON * T::EPSILON
}

/// Rotates two columns so that they are orthogonal, and the same rows of another matrix. Tells whether they were not.
fn make_orthogonal<T: Real>(
    columns: &mut [[T; SMALL]; SMALL],
    right: &mut [[T; SMALL]; SMALL],
    [p, q]: [usize; 2],
) -> bool {
    let [of_p, of_q, both] = [(p, p), (q, q), (p, q)].map(|(a, b)| dot(&columns[a], &columns[b]));
    let [length_of_p, length_of_q] = [of_p.root(), of_q.root()];
    if is_nothing(length_of_p) || is_nothing(length_of_q) {
        return false;
    }
    // What rounding leaves of a sum of sixteen products.
    if both.magnitude() <= T::EPSILON * T::from_f64(4.0) * (length_of_p * length_of_q) {
        return false;
    }
    let half = (of_q - of_p) * T::from_f64(0.5);
    let length = (half * half + both * both).root();
    let tangent = both / (half + if half < T::ZERO { -length } else { length });
    let c = T::ONE / (T::ONE + tangent * tangent).root();
    let s = tangent * c;
    for rows in [columns, right] {
        let (above, below) = rows.split_at_mut(q);
        let (first, second) = (&mut above[p], &mut below[0]);
        let (mut x, mut y) = ([T::ZERO; SMALL], [T::ZERO; SMALL]);
        add(&mut x, first, c);
        add(&mut x, second, -s);
        add(&mut y, second, c);
        add(&mut y, first, s);
        (*first, *second) = (x, y);
    }
    true
}
