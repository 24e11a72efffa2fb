//! Singular values and vectors of bidiagonal matrices by divide and conquer.
//!
//! A piece has one row more than columns: elements on the diagonal, and below it. Two pieces, with a column between them,
//! are one again: their singular values stand on a diagonal, and the column beside them, so the new ones are roots of a
//! secular equation. Vectors are made from numerators for which the roots that were found are the exact ones (M. Gu,
//! S. Eisenstat, A divide-and-conquer algorithm for the bidiagonal SVD, 1995), so they are orthogonal. Pieces, merges, roots
//! and products are shared among threads, cut by lengths alone.

use std::marker::PhantomData;

use faer::MatMut;
use faer::prelude::{Reborrow, ReborrowMut};

use super::dense::{Real, SMALL, largest, zeros};
use super::error::LinalgError;
use super::merge::{Changes, SHARED_FROM, Support, ascending, exact, nanoseconds, roots, rotate, vectors};
use super::secular::{Secular, Squared};
use super::small_eigh::power_of_two;
use super::small_svd;
use crate::ir::Workers;

/// Singular values, descending, in the place of the diagonal of a square matrix with as many elements below it but one;
/// and singular vectors in the columns of two matrices.
pub(super) fn svd<T: Real>(
    diagonal: &mut [T],
    below: &[T],
    [mut left, mut right]: [MatMut<'_, T>; 2],
    workers: Workers<'_>,
) -> Result<(), LinalgError> {
    let n = diagonal.len();
    // A row of zeros makes it a piece; no vector but the last of the left has anything in it.
    let (mut left_basis, mut right_basis) = (zeros((n + 1) * (n + 1))?, zeros(n * n)?);
    let mut scratch = [zeros((n + 1) * (n + 1))?, zeros(n * n)?, zeros(n * n)?];
    let unit = power_of_two(largest(diagonal.iter().chain(below)));
    let mut below: Vec<T> = below.iter().map(|&x| x / unit).collect();
    below.resize(n, T::ZERO);
    for x in &mut *diagonal {
        *x /= unit;
    }
    let mut levels = vec![vec![[0, n]]];
    while let Some(last) = levels.last()
        && last.iter().any(|&[start, end]| end - start >= SMALL)
    {
        let halves = last.iter().flat_map(|&[start, end]| {
            let between = start + (end - start) / 2;
            [[start, between], [between + 1, end]]
        });
        levels.push(halves.collect());
    }
    for (depth, level) in levels.iter().enumerate().rev() {
        let mut steps = Vec::new();
        let (mut values, mut left) =
            (&mut *diagonal, MatMut::from_column_major_slice_mut(&mut left_basis, n + 1, n + 1));
        let mut right = MatMut::from_column_major_slice_mut(&mut right_basis, n, n);
        let [mut packed, mut first, mut second] = scratch.each_mut().map(|scratch| &mut scratch[..]);
        for &[start, end] in level {
            let columns = end - start;
            let own_values;
            (own_values, values) = values.split_at_mut(columns);
            let (own_left, others) = left.split_at_col_mut(columns + 1);
            left = others;
            let (own_right, others) = right.split_at_col_mut(columns);
            right = others;
            let own_packed;
            (own_packed, packed) = packed.split_at_mut((columns + 1) * (columns + 1));
            let (own_first, own_second);
            (own_first, first) = first.split_at_mut(columns * columns);
            (own_second, second) = second.split_at_mut(columns * columns);
            steps.push(Piece {
                values: own_values,
                below: &below[start..end],
                left: own_left.subrows_mut(start, columns + 1),
                right: own_right.subrows_mut(start, columns),
                packed: own_packed,
                factors: [own_first, own_second],
                done: Ok(()),
            });
            // The column between this piece and the next.
            if end < n {
                values = &mut values[1..];
                right = right.split_at_col_mut(1).1;
            }
        }
        let is_last = depth + 1 == levels.len();
        let rows = n / level.len();
        if is_last {
            workers.each(steps.iter_mut().collect(), n as f64 * 3_000.0, |piece| piece.done = piece.solve());
        } else if rows >= SHARED_FROM {
            for piece in &mut steps {
                piece.done = piece.merge(workers);
            }
        } else {
            let estimate = 2.0 * level.len() as f64 * nanoseconds(rows);
            workers
                .each(steps.iter_mut().collect(), estimate, |piece| piece.done = piece.merge(Workers::NONE));
        }
        steps.into_iter().try_for_each(|piece| piece.done)?;
    }
    let order = ascending(diagonal);
    let found = diagonal.to_vec();
    let left_basis = MatMut::from_column_major_slice_mut(&mut left_basis, n + 1, n + 1);
    let right_basis = MatMut::from_column_major_slice_mut(&mut right_basis, n, n);
    for (to, &from) in order.iter().rev().enumerate() {
        diagonal[to] = found[from] * unit;
        left.rb_mut().col_mut(to).copy_from(left_basis.rb().col(from).subrows(0, n));
        right.rb_mut().col_mut(to).copy_from(right_basis.rb().col(from));
    }
    Ok(())
}

/// Some columns of the matrix, with the rows in which they have elements.
struct Piece<'a, T> {
    /// The diagonal, then the singular values, in any order.
    values: &'a mut [T],
    below: &'a [T],
    /// The vectors of the values, and one that is orthogonal to all columns.
    left: MatMut<'a, T>,
    right: MatMut<'a, T>,
    /// As many elements as the vectors of the left have.
    packed: &'a mut [T],
    factors: [&'a mut [T]; 2],
    done: Result<(), LinalgError>,
}

impl<T: Real> Piece<'_, T> {
    /// Decomposes a small one.
    fn solve(&mut self) -> Result<(), LinalgError> {
        let n = self.values.len();
        let mut columns = [[T::ZERO; SMALL]; SMALL];
        for (j, column) in columns.iter_mut().enumerate().take(n) {
            column[j] = self.values[j];
            column[j + 1] = self.below[j];
        }
        let found = small_svd::decompose(columns, [n + 1, n])?;
        self.values.copy_from_slice(&found.values[..n]);
        for (vectors, found) in [(self.left.rb_mut(), &found.left), (self.right.rb_mut(), &found.right)] {
            for (column, found) in vectors.col_iter_mut().zip(found) {
                column.iter_mut().zip(found).for_each(|(to, &x)| *to = x);
            }
        }
        Ok(())
    }

    /// Makes one of two pieces that have been decomposed, and the column between them.
    fn merge(&mut self, workers: Workers<'_>) -> Result<(), LinalgError> {
        let n = self.values.len();
        let between = n / 2;
        let mut support = vec![Support::Above; between];
        support.push(Support::Both);
        support.resize(n, Support::Below);
        let mut z = zeros(n)?;
        self.move_column(between, &mut z);
        let (changes, least) = self.deflate(between, &mut z, &mut support);
        if least == T::ZERO {
            return Ok(());
        }
        let count = changes.kept.len();
        let [mut poles, numerators] = [&*self.values, &z].map(|of| changes.of_kept(of));
        // The first pole is 0; the next one has to be apart from it.
        if let Some(next) = poles.get_mut(1)
            && *next < least
        {
            *next = least;
        }
        let squares: Vec<T> = numerators.iter().map(|&z| z * z).collect();
        let secular = Secular {
            poles: &poles,
            squares: &squares,
            constant: T::ONE,
            differences: PhantomData::<Squared>,
        };
        let [of_left, of_right] = self.factors.each_mut().map(|factors| &mut factors[..count * count]);
        let found = roots(secular, of_left, workers)?;
        let numerators = exact::<T, Squared>(&poles, &numerators, of_left, workers)?;
        let to_right = |vector: &mut [T]| {
            vector.iter_mut().zip(&poles).for_each(|(x, &pole)| *x *= pole);
            if let Some(first) = vector.first_mut() {
                *first = -T::ONE;
            }
        };
        vectors(&changes, &numerators, [of_left, of_right], to_right, workers)?;
        changes.renew(self.values, &found);
        let [of_left, of_right] = &self.factors;
        changes.recombine(self.left.rb_mut(), between + 1, of_left, self.packed, workers);
        changes.recombine(self.right.rb_mut(), between + 1, of_right, self.packed, workers);
        Ok(())
    }

    /// Finds what the column between the pieces is in their vectors of the left. Of the two vectors that are orthogonal to
    /// the pieces one takes the column's place, which has a part along it, and the other is orthogonal to all.
    fn move_column(&mut self, between: usize, z: &mut [T]) {
        let n = self.values.len();
        let (above, below) = (self.values[between], self.below[between]);
        for (j, x) in z.iter_mut().enumerate() {
            let (row, factor) = if j <= between { (between, above) } else { (between + 1, below) };
            *x = factor * self.left[(row, j)];
        }
        let [first, second] = [z[between], below * self.left[(between + 1, n)]];
        let length = (first * first + second * second).root();
        let (c, s) = if length > T::SAFE { (first / length, second / length) } else { (T::ONE, T::ZERO) };
        z[between] = length;
        // [q₁, q₂] becomes [c·q₁ + s·q₂, c·q₂ - s·q₁].
        rotate(self.left.rb_mut(), [between, n], c, -s);
        self.values[between] = T::ZERO;
        let mut column = self.right.rb_mut().col_mut(between);
        column.fill(T::ZERO);
        column[between] = T::ONE;
    }

    /// Finds what is not changed but by rounding, and rotates vectors of equal values so that one alone is changed. The
    /// column's place, which is changed in any case, is the first pole; the second is to be as large as is told.
    fn deflate(&mut self, between: usize, z: &mut [T], support: &mut [Support]) -> (Changes, T) {
        let most = largest(self.values.iter().chain(&*z));
        let least = T::from_f64(8.0) * T::EPSILON * most;
        if z[between] <= least {
            z[between] = least;
        }
        let (mut kept, mut deflated) = (vec![between], Vec::new());
        for j in ascending(self.values) {
            if j == between {
                continue;
            }
            if z[j].magnitude() <= least {
                deflated.push(j);
                continue;
            }
            let before = kept.last().copied().filter(|&before| before != between);
            if let Some(before) = before
                && (self.values[j] - self.values[before]).magnitude() <= least
            {
                let length = (z[before] * z[before] + z[j] * z[j]).root();
                let (c, s) = (z[j] / length, z[before] / length);
                z[j] = length;
                rotate(self.left.rb_mut(), [before, j], c, s);
                rotate(self.right.rb_mut(), [before, j], c, s);
                if support[before] != support[j] {
                    [support[before], support[j]] = [Support::Both; 2];
                }
                kept.pop();
                deflated.push(before);
            }
            kept.push(j);
        }
        (Changes::new(kept, deflated, support), least * T::from_f64(0.5))
    }
}
