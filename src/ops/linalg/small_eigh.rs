//! Eigenvalues and eigenvectors of symmetric matrices of up to [`SMALL`] rows: reflections to a tridiagonal matrix, and the
//! QR algorithm with implicit shifts, in plain loops that allocate nothing.
//!
//! What a step waits for is the chain of rotations, each of which needs the one before it, so the chain has one quotient a
//! rotation and no root. The end with the smaller numbers comes last, of the matrix and, as in LAPACK's `steqr`, of each
//! block: so small eigenvalues keep their digits in graded matrices.

use faer::MatMut;
use faer::prelude::ReborrowMut;

use super::dense::{Real, SMALL, largest};
use super::error::LinalgError;
use super::small_qr::{Reflection, add, dot, of_width, product};

/// The eigenvalues of a symmetric matrix, ascending, of which the lower triangle is read; and behind them the matrix whose
/// columns are eigenvectors, if there is room for it.
pub(super) fn eigh<T: Real>(a: &[T], n: usize, packed: &mut [T]) -> Result<(), LinalgError> {
    of_width!(n, eigh_of_width(a, n, packed))
}

/// A symmetric tridiagonal matrix.
struct Tridiagonal<T, const W: usize> {
    diagonal: [T; W],
    /// Element i is beside elements i and i + 1 of the diagonal.
    beside: [T; W],
}

fn eigh_of_width<T: Real, const W: usize>(a: &[T], n: usize, packed: &mut [T]) -> Result<(), LinalgError> {
    let (values, vectors) = packed.split_at_mut(n);
    // Reflections begin with the first row, and leave small numbers their digits if they do so with the large ones.
    let is_turned = n > 0 && a[0].magnitude() < a[n * n - 1].magnitude();
    let place = |i: usize| if is_turned { n - 1 - i } else { i };
    let mut rows = [[T::ZERO; W]; W];
    for (i, row) in a.chunks_exact(n.max(1)).enumerate() {
        for (j, &x) in row[..=i].iter().enumerate() {
            rows[place(i)][place(j)] = x;
            rows[place(j)][place(i)] = x;
        }
    }
    let unit = unit_of(largest(rows.as_flattened()));
    if unit != T::ONE {
        for x in rows.as_flattened_mut() {
            *x /= unit;
        }
    }
    let mut reflections = [Reflection::<T, W>::IDENTITY; W];
    let mut found = tridiagonalize(&mut rows, n, &mut reflections);
    let wanted = !vectors.is_empty();
    let mut transposed = [[T::ZERO; W]; W];
    if wanted {
        let basis = product(&reflections[..n.saturating_sub(2)], 1);
        for (i, row) in basis.iter().enumerate() {
            for (j, &x) in row.iter().enumerate() {
                transposed[j][i] = x;
            }
        }
        diagonalize::<T, W, true>(&mut found, n, &mut transposed)?;
    } else {
        diagonalize::<T, W, false>(&mut found, n, &mut [])?;
    }
    let order = ascending(&found.diagonal, n);
    for (j, (value, &from)) in values.iter_mut().zip(&order).enumerate() {
        *value = found.diagonal[from];
        if wanted {
            for (i, &x) in transposed[from][..n].iter().enumerate() {
                vectors[place(i) * n + j] = x;
            }
        }
    }
    if unit != T::ONE {
        for x in values {
            *x *= unit;
        }
    }
    Ok(())
}

/// The matrix is divided by this: a power of two that brings numbers as large as this one near 1, or 1 if their squares
/// are in the range as they are.
fn unit_of<T: Real>(largest: T) -> T {
    let is_safe = largest > T::SAFE && largest < T::ONE / T::SAFE;
    if is_safe { T::ONE } else { power_of_two(largest) }
}

/// The power of two next to a positive number, or 1 for 0.
pub(super) fn power_of_two<T: Real>(number: T) -> T {
    if number == T::ZERO { T::ONE } else { T::from_f64(number.as_f64().log2().floor().exp2()) }
}

/// Eigenvalues, ascending, in the place of the diagonal of a symmetric tridiagonal matrix of up to [`SMALL`] rows, and
/// eigenvectors in the columns of a matrix.
pub(super) fn eigh_tridiagonal<T: Real>(
    diagonal: &mut [T],
    beside: &[T],
    mut vectors: MatMut<'_, T>,
) -> Result<(), LinalgError> {
    let n = diagonal.len();
    let mut matrix = Tridiagonal { diagonal: [T::ZERO; SMALL], beside: [T::ZERO; SMALL] };
    matrix.diagonal[..n].copy_from_slice(diagonal);
    matrix.beside[..beside.len()].copy_from_slice(beside);
    let mut rows = product::<T, SMALL>(&[], 0);
    diagonalize::<T, SMALL, true>(&mut matrix, n, &mut rows)?;
    let order = ascending(&matrix.diagonal, n);
    for ((value, column), &from) in diagonal.iter_mut().zip(vectors.rb_mut().col_iter_mut()).zip(&order) {
        *value = matrix.diagonal[from];
        for (to, &x) in column.iter_mut().zip(&rows[from]) {
            *to = x;
        }
    }
    Ok(())
}

/// The places of numbers in ascending order.
fn ascending<T: Real, const W: usize>(numbers: &[T; W], n: usize) -> [usize; W] {
    let mut order = [0; W];
    for i in 0..n {
        let mut place = i;
        while place > 0 && numbers[order[place - 1]] > numbers[i] {
            order[place] = order[place - 1];
            place -= 1;
        }
        order[place] = i;
    }
    order
}

/// Makes a symmetric matrix tridiagonal by reflections from both sides, each of the rows behind its own number.
#[inline(always)]
fn tridiagonalize<T: Real, const W: usize>(
    rows: &mut [[T; W]; W],
    n: usize,
    reflections: &mut [Reflection<T, W>; W],
) -> Tridiagonal<T, W> {
    let mut found = Tridiagonal { diagonal: [T::ZERO; W], beside: [T::ZERO; W] };
    for k in 0..n {
        found.diagonal[k] = rows[k][k];
        if k + 2 >= n {
            if k + 1 < n {
                found.beside[k] = rows[k + 1][k];
            }
            continue;
        }
        // The column is the row, as the matrix is symmetric.
        let mut below = rows[k];
        below[..=k].fill(T::ZERO);
        let (reflection, image) = Reflection::onto(&below, k + 1);
        found.beside[k] = image;
        if reflection.factor != T::ZERO {
            let Reflection { v, factor } = reflection;
            // With p = factor·A·v and q = p - factor/2·(pᵀ·v)·v it makes A - v·qᵀ - q·vᵀ of A.
            let mut q = [T::ZERO; W];
            for (row, &x) in rows[..n].iter().zip(&v).skip(k + 1) {
                add(&mut q, row, factor * x);
            }
            let along = factor * dot(&q, &v) * T::from_f64(-0.5);
            add(&mut q, &v, along);
            for (i, row) in rows[..n].iter_mut().enumerate().skip(k + 1) {
                let (x, y) = (-v[i], -q[i]);
                for ((to, &q), &v) in row.iter_mut().zip(&q).zip(&v) {
                    *to += x * q + y * v;
                }
            }
        }
        reflections[k] = reflection;
    }
    found
}

/// Makes zeros of what is beside the diagonal by rotations of neighbors, and applies these to rows too, if they are wanted.
#[inline(always)]
fn diagonalize<T: Real, const W: usize, const ROWS: bool>(
    matrix: &mut Tridiagonal<T, W>,
    n: usize,
    rows: &mut [[T; W]],
) -> Result<(), LinalgError> {
    /// As in LAPACK; two or three is what it takes.
    const MOST_STEPS: usize = 30;
    let Tridiagonal { diagonal, beside } = matrix;
    let mut end = n.saturating_sub(1);
    let mut steps = MOST_STEPS * n;
    let mut known = n;
    while end > 0 {
        if is_small(diagonal, beside, end - 1) {
            beside[end - 1] = T::ZERO;
            end -= 1;
            continue;
        }
        let mut start = end - 1;
        while start > 0 && !is_small(diagonal, beside, start - 1) {
            start -= 1;
        }
        if start > 0 {
            beside[start - 1] = T::ZERO;
        }
        if start + 1 == end {
            finish_pair::<T, W, ROWS>(diagonal, beside, start, rows);
            end = start;
            continue;
        }
        // Small eigenvalues keep their digits if they are found first, so the small end of a block is to be the last.
        if start != known && diagonal[start].magnitude() < diagonal[end].magnitude() {
            diagonal[start..=end].reverse();
            beside[start..end].reverse();
            if ROWS {
                rows[start..=end].reverse();
            }
        }
        known = start;
        if steps == 0 {
            return Err(LinalgError::NoConvergence);
        }
        steps -= 1;
        step::<T, W, ROWS>(diagonal, beside, [start, end], rows);
    }
    Ok(())
}

/// Whether an element beside the diagonal is nothing to both of those that it is beside.
#[inline(always)]
fn is_small<T: Real, const W: usize>(diagonal: &[T; W], beside: &[T; W], at: usize) -> bool {
    let [x, a, b] = [beside[at], diagonal[at], diagonal[at + 1]].map(T::magnitude);
    let (least, most) = if a < b { (a, b) } else { (b, a) };
    // As far below the largest element of the matrix as squares are safe.
    if x <= T::SAFE * T::SAFE {
        return true;
    }
    if x > T::EPSILON * most {
        return false;
    }
    let ratio = x / (T::EPSILON * most);
    ratio * ratio <= least / most
}

/// A step of the QR algorithm with the shift of Wilkinson: rotations that chase an element from the start to the end.
#[inline(always)]
fn step<T: Real, const W: usize, const ROWS: bool>(
    diagonal: &mut [T; W],
    beside: &mut [T; W],
    [start, end]: [usize; 2],
    rows: &mut [[T; W]],
) {
    let half = (diagonal[end - 1] - diagonal[end]) * T::from_f64(0.5);
    let last = beside[end - 1];
    let length = Rotation::of(half, last, last * last).length;
    let shift = diagonal[end] - last * (last / (half + if half < T::ZERO { -length } else { length }));
    let (mut x, mut z) = (diagonal[start] - shift, beside[start]);
    let mut square_of_z = z * z;
    for k in start..end {
        let Rotation { c, s, cc, ss, cs, length } = Rotation::of(x, z, square_of_z);
        if k > start {
            beside[k - 1] = length;
        }
        let (a, b, d) = (diagonal[k], beside[k], diagonal[k + 1]);
        // [[c, s], [-s, c]]·[[a, b], [b, d]]·[[c, -s], [s, c]]
        let moved = ss * (d - a) + (cs + cs) * b;
        diagonal[k] = a + moved;
        diagonal[k + 1] = d - moved;
        x = cs * (d - a) + (cc - ss) * b;
        beside[k] = x;
        if k + 1 < end {
            let next = beside[k + 1];
            z = s * next;
            square_of_z = ss * (next * next);
            beside[k + 1] = c * next;
        }
        if ROWS {
            rotate(rows, [k, k + 1], c, s);
        }
    }
}

/// Makes a 2×2 block diagonal, by the rotation of Jacobi.
#[inline(always)]
fn finish_pair<T: Real, const W: usize, const ROWS: bool>(
    diagonal: &mut [T; W],
    beside: &mut [T; W],
    at: usize,
    rows: &mut [[T; W]],
) {
    let b = beside[at];
    let half = (diagonal[at + 1] - diagonal[at]) * T::from_f64(0.5);
    let length = Rotation::of(half, b, b * b).length;
    let tangent = b / (half + if half < T::ZERO { -length } else { length });
    diagonal[at] -= tangent * b;
    diagonal[at + 1] += tangent * b;
    beside[at] = T::ZERO;
    if ROWS {
        let c = T::ONE / (T::ONE + tangent * tangent).root();
        rotate(rows, [at, at + 1], c, -(tangent * c));
    }
}

/// Rotates the plane of two neighboring rows.
#[inline(always)]
fn rotate<T: Real, const W: usize>(rows: &mut [[T; W]], [first, second]: [usize; 2], c: T, s: T) {
    let (above, below) = rows.split_at_mut(second);
    for (p, q) in above[first].iter_mut().zip(&mut below[0]) {
        (*p, *q) = (c * *p + s * *q, c * *q - s * *p);
    }
}

/// The rotation that takes a vector to the first axis.
#[derive(Clone, Copy)]
struct Rotation<T> {
    c: T,
    s: T,
    cc: T,
    ss: T,
    cs: T,
    length: T,
}

impl<T: Real> Rotation<T> {
    /// That of a vector of which a square is known. No step waits for a root: the next rotation depends on squares and
    /// products alone, which are quotients.
    #[inline(always)]
    fn of(x: T, z: T, square_of_z: T) -> Self {
        let square_of_x = x * x;
        let square = square_of_x + square_of_z;
        let is_safe = square > T::SAFE * T::SAFE && square < T::ONE / (T::SAFE * T::SAFE);
        if !is_safe {
            return Self::of_any(x, z);
        }
        let inverse = T::ONE / square;
        let (cc, ss) = (square_of_x * inverse, square_of_z * inverse);
        Rotation {
            c: cc.root().with_sign(x),
            s: ss.root().with_sign(z),
            cc,
            ss,
            cs: (x * z) * inverse,
            length: square.root(),
        }
    }

    /// That of a vector whose square may leave the range.
    #[cold]
    fn of_any(x: T, z: T) -> Self {
        let unit = if x.magnitude() > z.magnitude() { x.magnitude() } else { z.magnitude() };
        if unit == T::ZERO {
            return Rotation { c: T::ONE, s: T::ZERO, cc: T::ONE, ss: T::ZERO, cs: T::ZERO, length: T::ZERO };
        }
        let (x, z) = (x / unit, z / unit);
        let length = (x * x + z * z).root();
        let (c, s) = (x / length, z / length);
        Rotation { c, s, cc: c * c, ss: s * s, cs: c * s, length: length * unit }
    }
}
