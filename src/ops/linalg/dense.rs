//! What the factorizations of one matrix share: the elements, scratch memory, and moves between rows and columns.
//!
//! A kernel is given matrices row by row; faer works best on columns. Factorizations run on the caller's thread, for a
//! kernel knows of no pool: the threads of a session take matrices of a batch.

use faer::dyn_stack::{MemBuffer, StackReq};
use faer::traits::RealField;

use super::error::LinalgError;
use crate::element::{Float, Numeric};

/// An element that both sides compute with.
pub(super) trait Real: Float + RealField {
    const ZERO: Self;
    const ONE: Self;
    const NAN: Self;
    /// The distance from 1 to the next number.
    const EPSILON: Self;

    fn magnitude(self) -> Self;
    fn root(self) -> Self;
    fn is_number(self) -> bool;
}

macro_rules! reals {
    ($($real:ident)*) => {$(
        impl Real for $real {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const NAN: Self = $real::NAN;
            const EPSILON: Self = $real::EPSILON;

            #[inline(always)]
            fn magnitude(self) -> Self {
                $real::abs(self)
            }

            #[inline(always)]
            fn root(self) -> Self {
                $real::sqrt(self)
            }

            #[inline(always)]
            fn is_number(self) -> bool {
                $real::is_finite(self)
            }
        }
    )*};
}
reals!(f32 f64);

/// The largest order of a matrix that plain loops are for: calling and blocking would take longer than its arithmetic.
pub(super) const SMALL: usize = 16;

/// Zeros, as scratch memory.
pub(super) fn zeros<T: Real>(elements: usize) -> Result<Vec<T>, LinalgError> {
    let mut zeros = Vec::new();
    zeros.try_reserve_exact(elements).map_err(|_| LinalgError::OutOfMemory)?;
    zeros.resize(elements, T::ZERO);
    Ok(zeros)
}

/// Scratch memory as faer asks for it.
pub(super) fn memory(needed: StackReq) -> Result<MemBuffer, LinalgError> {
    MemBuffer::try_new(needed).map_err(|_| LinalgError::OutOfMemory)
}

/// The elements of a matrix column by column.
pub(super) fn by_columns<T: Real>(a: &[T], rows: usize, columns: usize) -> Result<Vec<T>, LinalgError> {
    let mut moved = zeros(rows * columns)?;
    transpose(a, rows, columns, &mut moved);
    Ok(moved)
}

/// Writes the transpose of a matrix, in blocks whose rows and columns fit the first-level cache.
pub(super) fn transpose<T: Real>(a: &[T], rows: usize, columns: usize, to: &mut [T]) {
    const BLOCK: usize = 16;
    for first in (0..rows).step_by(BLOCK) {
        for start in (0..columns).step_by(BLOCK) {
            for i in first..rows.min(first + BLOCK) {
                for j in start..columns.min(start + BLOCK) {
                    to[j * rows + i] = a[i * columns + j];
                }
            }
        }
    }
}

/// An error for the first element that is no finite number.
pub(super) fn check_finite<T: Real>(a: &[T], columns: usize) -> Result<(), LinalgError> {
    // A product with 0 is NaN where the other factor is not finite; only then the element is looked for.
    let sum = a.iter().fold(T::ZERO, |sum, &x| sum + x * T::ZERO);
    if sum == T::ZERO { Ok(()) } else { first_not_finite(a.iter().enumerate(), columns) }
}

/// The same for the lower triangle of a square.
pub(super) fn check_lower_finite<T: Real>(a: &[T], n: usize) -> Result<(), LinalgError> {
    first_not_finite(a.iter().enumerate().filter(|(at, _)| at % n <= at / n), n)
}

fn first_not_finite<'a, T: Real>(
    mut elements: impl Iterator<Item = (usize, &'a T)>,
    columns: usize,
) -> Result<(), LinalgError> {
    match elements.find(|(_, x)| !x.is_number()) {
        Some((at, x)) => Err(LinalgError::NotFinite {
            row: at / columns,
            column: at % columns,
            found: x.as_f64().to_string(),
        }),
        None => Ok(()),
    }
}

/// A whole number as an element.
pub(super) fn whole<T: Numeric>(number: usize) -> T {
    T::from_f64(number as f64)
}
