//! Q and R of matrices of up to [`SMALL`] rows and columns, and the reflections that they are made of: plain loops, which
//! allocate nothing.
//!
//! A matrix is copied to rows of a width that is known when the loops are compiled, with zeros behind what there is, so
//! that a row is a few vectors and loops have no rest. Reflections go over whole rows, where zeros stay zeros. Sums are
//! taken in an order that the width alone gives.

use super::dense::{Real, SMALL, largest};

/// Calls a function with the width of rows for so many columns as its second parameter.
macro_rules! of_width {
    ($length:expr, $function:ident($($argument:expr),*)) => {
        match $length {
            0..=4 => $function::<T, 4>($($argument),*),
            5..=8 => $function::<T, 8>($($argument),*),
            _ => $function::<T, SMALL>($($argument),*),
        }
    };
}
pub(super) use of_width;

/// Q with `columns` orthonormal columns, and behind it R with as many rows.
pub(super) fn qr<T: Real>(a: &[T], form: [usize; 2], columns: usize, packed: &mut [T]) {
    of_width!(form[0].max(form[1]), qr_of_width(a, form, columns, packed));
}

/// The matrix I - factor·v·vᵀ, where v is zero in front of its first element.
#[derive(Clone, Copy)]
pub(super) struct Reflection<T, const W: usize> {
    pub(super) v: [T; W],
    pub(super) factor: T,
}

impl<T: Real, const W: usize> Reflection<T, W> {
    pub(super) const IDENTITY: Self = Reflection { v: [T::ZERO; W], factor: T::ZERO };

    /// The reflection that makes zeros of the elements of a vector behind one, and what it makes of that one; those in
    /// front of it are zeros. It is the identity where there are zeros already.
    #[inline(always)]
    pub(super) fn onto(vector: &[T; W], first: usize) -> (Self, T) {
        let mut head = vector[first];
        let mut v = *vector;
        v[first] = T::ZERO;
        let mut squares = dot(&v, &v);
        let mut unit = T::ONE;
        let is_safe = squares > T::SAFE * T::SAFE && head * head + squares < T::ONE / (T::SAFE * T::SAFE);
        if !is_safe {
            // Squares would leave the range, so they are those of numbers next to 1.
            unit = largest(&v);
            if unit == T::ZERO {
                return (Self::IDENTITY, head);
            }
            if head.magnitude() > unit {
                unit = head.magnitude();
            }
            head /= unit;
            v = v.map(|x| x / unit);
            squares = dot(&v, &v);
        }
        let norm = (head * head + squares).root();
        let image = if head < T::ZERO { norm } else { -norm };
        // Both have one sign, so the difference is larger than any element.
        let inverse = T::ONE / (head - image);
        let mut v = v.map(|x| x * inverse);
        v[first] = T::ONE;
        (Reflection { v, factor: (image - head) / image }, image * unit)
    }

    /// Applies it to the rows from the first one that it changes on.
    #[inline(always)]
    fn apply(&self, rows: &mut [[T; W]], first: usize) {
        if self.factor == T::ZERO {
            return;
        }
        let mut sums = [T::ZERO; W];
        for (row, &x) in rows.iter().zip(&self.v).skip(first) {
            add(&mut sums, row, x);
        }
        for (row, &x) in rows.iter_mut().zip(&self.v).skip(first) {
            add(row, &sums, -(self.factor * x));
        }
    }
}

/// Adds a multiple of a row to another.
#[inline(always)]
pub(super) fn add<T: Real, const W: usize>(to: &mut [T; W], row: &[T; W], factor: T) {
    for (to, &x) in to.iter_mut().zip(row) {
        *to += factor * x;
    }
}

/// Sums of every fourth product, so that there are four of them at a time.
#[inline(always)]
pub(super) fn dot<T: Real, const W: usize>(a: &[T; W], b: &[T; W]) -> T {
    let mut sums = [T::ZERO; 4];
    for (a, b) in a.chunks_exact(4).zip(b.chunks_exact(4)) {
        for (sum, (&a, &b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3])
}

/// An identity that reflections are applied to, the last one first.
#[inline(always)]
pub(super) fn product<T: Real, const W: usize>(
    reflections: &[Reflection<T, W>],
    first: usize,
) -> [[T; W]; W] {
    let mut rows = [[T::ZERO; W]; W];
    for (i, row) in rows.iter_mut().enumerate() {
        row[i] = T::ONE;
    }
    for (k, reflection) in reflections.iter().enumerate().rev() {
        reflection.apply(&mut rows, first + k);
    }
    rows
}

#[inline(always)]
fn column<T: Real, const W: usize>(rows: &[[T; W]; W], j: usize, from: usize) -> [T; W] {
    let mut column = [T::ZERO; W];
    for (x, row) in column.iter_mut().zip(rows).skip(from) {
        *x = row[j];
    }
    column
}

fn qr_of_width<T: Real, const W: usize>(a: &[T], [m, n]: [usize; 2], columns: usize, packed: &mut [T]) {
    let (q, r) = packed.split_at_mut(m * columns);
    let mut rows = [[T::ZERO; W]; W];
    for (to, row) in rows.iter_mut().zip(a.chunks_exact(n.max(1))) {
        to[..n].copy_from_slice(row);
    }
    let mut reflections = [Reflection::<T, W>::IDENTITY; W];
    let size = m.min(n);
    for k in 0..size {
        let (reflection, image) = Reflection::onto(&column(&rows, k, k), k);
        reflection.apply(&mut rows[..m], k);
        for row in &mut rows[k..m] {
            row[k] = T::ZERO;
        }
        rows[k][k] = image;
        reflections[k] = reflection;
    }
    let basis = product(&reflections[..size], 0);
    for (to, row) in q.chunks_exact_mut(columns.max(1)).zip(&basis) {
        to.copy_from_slice(&row[..columns]);
    }
    for (to, row) in r.chunks_exact_mut(n.max(1)).zip(&rows) {
        to.copy_from_slice(&row[..n]);
    }
}
