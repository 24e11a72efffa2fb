//! What merges of divide and conquer have in common: which vectors a merge changes, and what it makes of them.
//!
//! Two solved pieces stand beside each other. Their vectors have zeros in the rows of the other piece, so what is made of
//! them is two products of half the size.

use std::cmp::Ordering;

use faer::prelude::{Reborrow, ReborrowMut};
use faer::{MatMut, MatRef};

use super::dense::{Real, product, zeros};
use super::error::LinalgError;
use super::secular::{Differences, Secular};
use crate::ir::Workers;

/// Rows of a merge from which threads share its parts, and not the merges.
pub(super) const SHARED_FROM: usize = 192;

/// Nanoseconds of a term of a secular equation over all steps to the root, about.
const TERM: f64 = 6.0;

/// Roots that one thread finds at a time.
const PART: usize = 16;

/// Nanoseconds of a merge of so many rows, about.
pub(super) fn nanoseconds(rows: usize) -> f64 {
    (rows * rows) as f64 * (2.0 * TERM + 0.06 * rows as f64)
}

/// The places of numbers in ascending order.
pub(super) fn ascending<T: Real>(numbers: &[T]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_by(|&a, &b| numbers[a].partial_cmp(&numbers[b]).unwrap_or(Ordering::Equal));
    order
}

/// In which rows a vector has elements: those above the cut, all, or those below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Support {
    Above,
    Both,
    Below,
}

/// Rotates the plane of two vectors.
pub(super) fn rotate<T: Real>(mut vectors: MatMut<'_, T>, [first, second]: [usize; 2], c: T, s: T) {
    for i in 0..vectors.nrows() {
        let (x, y) = (vectors[(i, first)], vectors[(i, second)]);
        vectors[(i, first)] = c * x - s * y;
        vectors[(i, second)] = c * y + s * x;
    }
}

/// The vectors that a merge changes and those that stay, as their columns.
#[derive(Debug)]
pub(super) struct Changes {
    /// In the order of poles.
    pub(super) kept: Vec<usize>,
    pub(super) deflated: Vec<usize>,
    /// Those of `kept` above the cut, then those in all rows, then those below.
    order: Vec<usize>,
    above: usize,
    both: usize,
}

impl Changes {
    pub(super) fn new(kept: Vec<usize>, deflated: Vec<usize>, support: &[Support]) -> Self {
        let of =
            |which: Support| (0..kept.len()).filter(|&k| support[kept[k]] == which).collect::<Vec<usize>>();
        let [above, both, below] = [Support::Above, Support::Both, Support::Below].map(of);
        let order = [&above[..], &both, &below].concat();
        Changes { kept, deflated, order, above: above.len(), both: both.len() }
    }

    /// The numbers of the vectors that it changes, in the order of poles.
    pub(super) fn of_kept<T: Real>(&self, numbers: &[T]) -> Vec<T> {
        self.kept.iter().map(|&j| numbers[j]).collect()
    }

    /// Puts the roots in front, and the values that stay behind them.
    pub(super) fn renew<T: Real>(&self, values: &mut [T], roots: &[T]) {
        let unchanged: Vec<T> = self.deflated.iter().map(|&j| values[j]).collect();
        values[..roots.len()].copy_from_slice(roots);
        values[roots.len()..].copy_from_slice(&unchanged);
    }

    /// Puts linear combinations of the changed vectors in front, and those that stay behind them. The factors are columns
    /// in the order of [`vectors`]; `packed` is as large as the vectors.
    pub(super) fn recombine<T: Real>(
        &self,
        mut vectors: MatMut<'_, T>,
        cut: usize,
        factors: &[T],
        packed: &mut [T],
        workers: Workers<'_>,
    ) {
        let (rows, count) = (vectors.nrows(), self.kept.len());
        let (first, second) = (self.above + self.both, count - self.above);
        let (for_upper, rest) = packed.split_at_mut(cut * first);
        let (for_lower, rest) = rest.split_at_mut((rows - cut) * second);
        let mut for_upper = MatMut::from_column_major_slice_mut(for_upper, cut, first);
        for (mut to, &k) in for_upper.rb_mut().col_iter_mut().zip(&self.order) {
            to.copy_from(vectors.rb().col(self.kept[k]).subrows(0, cut));
        }
        let mut for_lower = MatMut::from_column_major_slice_mut(for_lower, rows - cut, second);
        for (mut to, &k) in for_lower.rb_mut().col_iter_mut().zip(&self.order[self.above..]) {
            to.copy_from(vectors.rb().col(self.kept[k]).subrows(cut, rows - cut));
        }
        let stay = self.deflated.len();
        let mut aside = MatMut::from_column_major_slice_mut(&mut rest[..rows * stay], rows, stay);
        for (mut to, &j) in aside.rb_mut().col_iter_mut().zip(&self.deflated) {
            to.copy_from(vectors.rb().col(j));
        }
        let (changed, behind) = vectors.rb_mut().split_at_col_mut(count);
        behind.subcols_mut(0, stay).copy_from(aside.rb());
        let factors = MatRef::from_column_major_slice(&factors[..count * count], count, count);
        let (to_upper, to_lower) = changed.split_at_row_mut(cut);
        product(to_upper, for_upper.rb(), factors.subrows(0, first), workers);
        product(to_lower, for_lower.rb(), factors.subrows(self.above, second), workers);
    }

    /// Writes vectors of the order of poles in that of [`recombine`](Self::recombine), divided by their lengths.
    fn write<T: Real>(&self, vector: &[T], to: &mut [T]) {
        let mut squares = [T::ZERO; 4];
        for some in vector.chunks(squares.len()) {
            squares.iter_mut().zip(some).for_each(|(sum, &x)| *sum += x * x);
        }
        let length = ((squares[0] + squares[2]) + (squares[1] + squares[3])).root();
        for (to, &k) in to.iter_mut().zip(&self.order) {
            *to = vector[k] / length;
        }
    }
}

/// Finds all roots, and writes the [differences](Differences) of poles from each, column by column.
pub(super) fn roots<T: Real, D: Differences>(
    secular: Secular<'_, T, D>,
    differences: &mut [T],
    workers: Workers<'_>,
) -> Result<Vec<T>, LinalgError> {
    let count = secular.poles.len();
    let mut roots = zeros(count)?;
    let parts = differences.chunks_mut(count * PART).zip(roots.chunks_mut(PART)).enumerate().collect();
    let estimate = (count * count) as f64 * TERM;
    workers.each(parts, estimate, |(part, (columns, roots)): (usize, (&mut [T], &mut [T]))| {
        for (at, (column, value)) in columns.chunks_exact_mut(count).zip(roots).enumerate() {
            let root = secular.root(part * PART + at);
            let origin = secular.poles[root.pole];
            *value = origin + root.distance;
            for (to, &pole) in column.iter_mut().zip(secular.poles) {
                *to = D::between(pole, origin, root.distance);
            }
        }
    });
    Ok(roots)
}

/// Numerators for which the roots that were found are the exact ones, with the signs of the first ones: products of
/// differences of poles from roots over those from poles.
pub(super) fn exact<T: Real, D: Differences>(
    poles: &[T],
    numerators: &[T],
    differences: &[T],
    workers: Workers<'_>,
) -> Result<Vec<T>, LinalgError> {
    let count = poles.len();
    let mut exact = zeros(count)?;
    let parts = exact.chunks_mut(PART).enumerate().collect();
    workers.each(parts, (count * count) as f64 * 2.0, |(part, exact): (usize, &mut [T])| {
        let own = part * PART..part * PART + exact.len();
        exact.fill(T::ONE);
        for (column, &other) in differences.chunks_exact(count).zip(poles) {
            for ((x, &difference), &pole) in
                exact.iter_mut().zip(&column[own.clone()]).zip(&poles[own.clone()])
            {
                let between = D::between(pole, other, T::ZERO);
                // Of its own pole there is no difference.
                *x *= difference / if between == T::ZERO { T::ONE } else { between };
            }
        }
        for (x, &z) in exact.iter_mut().zip(&numerators[own]) {
            *x = x.magnitude().root().with_sign(z);
        }
    });
    Ok(exact)
}

/// Makes vectors of the differences of poles from roots, in their place: numerators over differences. What is made of
/// each besides goes to a second matrix, if there is one.
pub(super) fn vectors<T: Real>(
    changes: &Changes,
    numerators: &[T],
    columns: [&mut [T]; 2],
    besides: impl Fn(&mut [T]) + Sync,
    workers: Workers<'_>,
) -> Result<(), LinalgError> {
    let count = numerators.len();
    let [differences, second] = columns;
    let mut seconds = second.chunks_mut(count * PART);
    let mut parts = Vec::new();
    for columns in differences.chunks_mut(count * PART) {
        parts.push((columns, seconds.next().unwrap_or_default(), zeros::<T>(count)?));
    }
    workers.each(parts, (count * count) as f64 * 2.0, |(columns, second, mut vector)| {
        let mut second = second.chunks_exact_mut(count);
        for column in columns.chunks_exact_mut(count) {
            for ((x, &numerator), &difference) in vector.iter_mut().zip(numerators).zip(&*column) {
                *x = numerator / difference;
            }
            changes.write(&vector, column);
            if let Some(second) = second.next() {
                besides(&mut vector);
                changes.write(&vector, second);
            }
        }
    });
    Ok(())
}
