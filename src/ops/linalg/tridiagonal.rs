//! Eigenvalues and eigenvectors of symmetric tridiagonal matrices by divide and conquer.
//!
//! The matrix is cut into pieces, and each two neighbors are merged: beside each other they are diagonal, and what connects
//! them is a matrix of rank one, so eigenvalues are roots of a secular equation. Vectors are made from numerators for which
//! the roots that were found are the exact ones (M. Gu, S. Eisenstat, A divide-and-conquer algorithm for the symmetric
//! tridiagonal eigenproblem, 1995), so they are orthogonal. Pieces, merges, roots and products are shared among threads,
//! cut by lengths alone.

use std::marker::PhantomData;

use faer::MatMut;
use faer::prelude::{Reborrow, ReborrowMut};

use super::dense::{Real, SMALL, largest, zeros};
use super::error::LinalgError;
use super::merge::{Changes, SHARED_FROM, Support, ascending, exact, nanoseconds, roots, rotate, vectors};
use super::secular::{Plain, Secular};
use super::small_eigh;
use crate::ir::Workers;

/// Eigenvalues, ascending, in the place of the diagonal, and eigenvectors in the columns of a matrix of zeros.
pub(super) fn eigh<T: Real>(
    diagonal: &mut [T],
    beside: &[T],
    mut vectors: MatMut<'_, T>,
    workers: Workers<'_>,
) -> Result<(), LinalgError> {
    let n = diagonal.len();
    let mut basis = zeros(n * n)?;
    let mut basis = MatMut::from_column_major_slice_mut(&mut basis, n, n);
    let (mut packed, mut spectra) = (zeros(n * n)?, zeros(n * n)?);
    let unit = small_eigh::power_of_two(largest(diagonal.iter().chain(beside)));
    let beside: Vec<T> = beside.iter().map(|&x| x / unit).collect();
    for x in &mut *diagonal {
        *x /= unit;
    }
    let mut pieces = 1;
    while n.div_ceil(pieces) > SMALL {
        pieces *= 2;
    }
    let cuts: Vec<usize> = (0..=pieces).map(|piece| n * piece / pieces).collect();
    for &cut in &cuts[1..pieces] {
        let connection = beside[cut - 1].magnitude();
        diagonal[cut - 1] -= connection;
        diagonal[cut] -= connection;
    }
    solve_pieces(diagonal, &beside, basis.rb_mut(), &cuts, workers)?;
    let mut step = 1;
    while step < pieces {
        let mut merges = Vec::new();
        let (mut values, mut rest) = (&mut *diagonal, basis.rb_mut());
        let (mut packed, mut spectra) = (&mut packed[..], &mut spectra[..]);
        for first in (0..pieces).step_by(2 * step) {
            let [start, cut, end] = [first, first + step, first + 2 * step].map(|at| cuts[at]);
            let rows = end - start;
            let (own_columns, others) = rest.split_at_col_mut(rows);
            let own_values;
            (own_values, values) = values.split_at_mut(rows);
            let (own_packed, own_spectrum);
            (own_packed, packed) = packed.split_at_mut(rows * rows);
            (own_spectrum, spectra) = spectra.split_at_mut(rows * rows);
            merges.push(Merge {
                values: own_values,
                vectors: own_columns.subrows_mut(start, rows),
                cut: cut - start,
                connection: beside[cut - 1],
                packed: own_packed,
                spectrum: own_spectrum,
                done: Ok(()),
            });
            rest = others;
        }
        let rows = n * 2 * step / pieces;
        if rows >= SHARED_FROM {
            for merge in &mut merges {
                merge.run(workers);
            }
        } else {
            let estimate = merges.len() as f64 * nanoseconds(rows);
            workers.each(merges.iter_mut().collect(), estimate, |merge| merge.run(Workers::NONE));
        }
        merges.into_iter().try_for_each(|merge| merge.done)?;
        step *= 2;
    }
    let order = ascending(diagonal);
    let found = diagonal.to_vec();
    for ((value, mut column), &from) in diagonal.iter_mut().zip(vectors.rb_mut().col_iter_mut()).zip(&order) {
        *value = found[from] * unit;
        column.copy_from(basis.rb().col(from));
    }
    Ok(())
}

/// Finds the eigenvalues and vectors of the pieces, which stand on the diagonal of the matrix.
fn solve_pieces<T: Real>(
    diagonal: &mut [T],
    beside: &[T],
    basis: MatMut<'_, T>,
    cuts: &[usize],
    workers: Workers<'_>,
) -> Result<(), LinalgError> {
    let n = diagonal.len();
    let mut done: Vec<Result<(), LinalgError>> = cuts[1..].iter().map(|_| Ok(())).collect();
    let mut pieces = Vec::new();
    let (mut values, mut rest) = (diagonal, basis);
    for (window, done) in cuts.windows(2).zip(&mut done) {
        let (start, rows) = (window[0], window[1] - window[0]);
        let (columns, others) = rest.split_at_col_mut(rows);
        let own;
        (own, values) = values.split_at_mut(rows);
        pieces.push((
            own,
            &beside[start..start + rows.saturating_sub(1)],
            columns.subrows_mut(start, rows),
            done,
        ));
        rest = others;
    }
    let estimate = n as f64 * 700.0;
    workers.each(pieces, estimate, |(diagonal, beside, vectors, done)| {
        *done = small_eigh::eigh_tridiagonal(diagonal, beside, vectors);
    });
    done.into_iter().collect()
}

/// Two solved pieces beside each other, the cut between them, and what connected them.
struct Merge<'a, T> {
    /// In any order.
    values: &'a mut [T],
    /// Those of each piece have zeros in the rows of the other.
    vectors: MatMut<'a, T>,
    cut: usize,
    connection: T,
    /// As many elements as the vectors have.
    packed: &'a mut [T],
    spectrum: &'a mut [T],
    done: Result<(), LinalgError>,
}

impl<T: Real> Merge<'_, T> {
    fn run(&mut self, workers: Workers<'_>) {
        self.done = self.merge(workers);
    }

    fn merge(&mut self, workers: Workers<'_>) -> Result<(), LinalgError> {
        let n = self.values.len();
        let mut support: Vec<Support> = Vec::new();
        support.resize(self.cut, Support::Above);
        support.resize(n, Support::Below);
        let mut z = zeros(n)?;
        let changes = self.deflate(&mut z, &mut support);
        let count = changes.kept.len();
        if count == 0 {
            return Ok(());
        }
        let [poles, numerators] = [&*self.values, &z].map(|of| changes.of_kept(of));
        let squares: Vec<T> = numerators.iter().map(|&z| z * z).collect();
        let constant = T::ONE / self.weight();
        let secular =
            Secular { poles: &poles, squares: &squares, constant, differences: PhantomData::<Plain> };
        let spectrum = &mut self.spectrum[..count * count];
        let found = roots(secular, spectrum, workers)?;
        let numerators = exact::<T, Plain>(&poles, &numerators, spectrum, workers)?;
        vectors(&changes, &numerators, [spectrum, &mut []], |_| (), workers)?;
        changes.renew(self.values, &found);
        changes.recombine(self.vectors.rb_mut(), self.cut, self.spectrum, self.packed, workers);
        Ok(())
    }

    /// Finds the vector of rank one, and the eigenvectors that it does not change but by rounding; rotates those of equal
    /// eigenvalues so that it changes one alone.
    fn deflate(&mut self, z: &mut [T], support: &mut [Support]) -> Changes {
        let sign = T::ONE.with_sign(self.connection);
        let half = T::from_f64(0.5).root();
        for (j, x) in z.iter_mut().enumerate() {
            let is_above = j < self.cut;
            let row = if is_above { self.cut - 1 } else { self.cut };
            *x = self.vectors[(row, j)] * if is_above { half } else { half * sign };
        }
        let weight = self.weight();
        let most = largest(self.values.iter().chain(&*z));
        let least = T::from_f64(8.0) * T::EPSILON * most;
        let (mut kept, mut deflated): (Vec<usize>, Vec<usize>) = Default::default();
        for j in ascending(self.values) {
            if weight * z[j].magnitude() <= least {
                deflated.push(j);
                continue;
            }
            if let Some(&before) = kept.last() {
                let length = (z[before] * z[before] + z[j] * z[j]).root();
                let (c, s) = (z[j] / length, z[before] / length);
                let apart = self.values[j] - self.values[before];
                if (apart * c * s).magnitude() <= least {
                    z[j] = length;
                    rotate(self.vectors.rb_mut(), [before, j], c, s);
                    self.values[before] += apart * s * s;
                    self.values[j] -= apart * s * s;
                    if support[before] != support[j] {
                        [support[before], support[j]] = [Support::Both; 2];
                    }
                    kept.pop();
                    deflated.push(before);
                }
            }
            kept.push(j);
        }
        Changes::new(kept, deflated, support)
    }

    /// What the vector of rank one times itself is multiplied by.
    fn weight(&self) -> T {
        self.connection.magnitude() * T::from_f64(2.0)
    }
}
