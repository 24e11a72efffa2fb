//! Left inverses of tall matrices, refined until what is left to lose is the rounding of their own elements.

use faer::{Accum, MatMut, MatRef};

use super::dense::{Real, accumulate, product, zeros};
use super::error::LinalgError;
use crate::ir::Workers;

/// How far P·A may be from the identity, as the largest sum of a row, for a step to come nearer.
const FARTHEST: f64 = 0.1;

/// Makes P, `[n, m]`, which is nearly a left inverse of A, `[m, n]`, a better one: P + (I - P·A)·P. Leaves it as it is if it
/// is too far from one.
///
/// I - P·A is what remains after nearly all digits have canceled, so it takes products that are exact: of the leading digits
/// of both, so few that no sum of their products is rounded (T. Ozaki, T. Ogita, S. Oishi, S. Rump, Error-free
/// transformations of matrix multiplication by using fast routines of matrix multiplication, 2012). What is left of the
/// digits counts little.
pub(super) fn refine<T: Real>(
    p: &mut [T],
    a: &[T],
    [m, n]: [usize; 2],
    workers: Workers<'_>,
) -> Result<(), LinalgError> {
    let all = 1.0 - T::EPSILON.as_f64().log2();
    let digits = ((all - (m as f64).log2().ceil()) / 2.0).floor();
    let beyond = (all - digits).exp2();
    // What a number is rounded to its leading digits by: as large as these make the largest of its row or column.
    let largest = |most: T, x: T| if x.magnitude() > most { x.magnitude() } else { most };
    let rounding = |largest: T| match largest.as_f64() {
        0.0 => T::ZERO,
        largest => T::from_f64((largest.log2().floor() + 1.0).exp2() * beyond),
    };
    let (mut p_leading, mut p_rest) = (zeros::<T>(n * m)?, zeros::<T>(n * m)?);
    for (row, x) in p.chunks_exact(m).enumerate() {
        let by = rounding(x.iter().copied().fold(T::ZERO, largest));
        for (k, &x) in x.iter().enumerate() {
            p_leading[row * m + k] = (x + by) - by;
            p_rest[row * m + k] = x - p_leading[row * m + k];
        }
    }
    let mut by = zeros::<T>(n)?;
    for row in a.chunks_exact(n) {
        by.iter_mut().zip(row).for_each(|(most, &x)| *most = largest(*most, x));
    }
    for by in &mut by {
        *by = rounding(*by);
    }
    let (mut a_leading, mut a_rest) = (zeros::<T>(m * n)?, zeros::<T>(m * n)?);
    for (place, &x) in a.iter().enumerate() {
        let by = by[place % n];
        a_leading[place] = (x + by) - by;
        a_rest[place] = x - a_leading[place];
    }
    let mut apart = zeros::<T>(n * n)?;
    apart.iter_mut().step_by(n + 1).for_each(|x| *x = T::ONE);
    for (p, a) in [(&p_leading[..], &a_leading[..]), (&p_leading, &a_rest), (&p_rest, a)] {
        let to = MatMut::from_row_major_slice_mut(&mut apart, n, n);
        let (p, a) = (MatRef::from_row_major_slice(p, n, m), MatRef::from_row_major_slice(a, m, n));
        accumulate(to, Accum::Add, (p, a), -T::ONE, workers);
    }
    let sum = |row: &[T]| row.iter().map(|x| x.magnitude().as_f64()).sum::<f64>();
    let is_near = apart.chunks_exact(n).all(|row| sum(row) <= FARTHEST);
    if is_near {
        let step = MatMut::from_row_major_slice_mut(&mut p_rest, n, m);
        let apart = MatRef::from_row_major_slice(&apart, n, n);
        product(step, apart, MatRef::from_row_major_slice(p, n, m), workers);
        p.iter_mut().zip(&p_rest).for_each(|(x, &step)| *x += step);
    }
    Ok(())
}
