//! The lengths of batches of matrices: as shape rules see them, and as lowering does.

use super::error::LinalgFault;
use crate::element::DType;
use crate::error::Fault;
use crate::ir::{AxisSlice, Lowering, Val};
use crate::shape::{Shape, TensorType, broadcast};

/// A length that may be unknown.
pub(super) type Length = Option<usize>;

/// A batch of matrices, by its shape.
#[derive(Clone, Debug)]
pub(super) struct Matrices {
    pub(super) dtype: DType,
    pub(super) batch: Shape,
    pub(super) rows: Length,
    pub(super) columns: Length,
}

impl Matrices {
    pub(super) fn of(x: &TensorType) -> Result<Self, Fault> {
        let [ref batch @ .., rows, columns] = *x.shape.dims() else {
            return Err(Fault::op(LinalgFault::NoMatrix { shape: x.shape.clone() }));
        };
        Ok(Matrices { dtype: x.dtype, batch: batch.into(), rows, columns })
    }

    /// The same of as many rows as columns.
    pub(super) fn square(x: &TensorType) -> Result<Self, Fault> {
        let found = Matrices::of(x)?;
        let length = found.rows.or(found.columns);
        if [found.rows, found.columns].iter().any(|&other| other.is_some() && other != length) {
            return Err(Fault::op(LinalgFault::NotSquare { shape: x.shape.clone() }));
        }
        Ok(Matrices { rows: length, columns: length, ..found })
    }

    /// The lesser of the numbers of rows and columns.
    pub(super) fn least(&self) -> Length {
        match (self.rows, self.columns) {
            (Some(0), _) | (_, Some(0)) => Some(0),
            (rows, columns) => Some(rows?.min(columns?)),
        }
    }

    /// A tensor of the same batch and element type.
    pub(super) fn each<const N: usize>(&self, lengths: [Length; N]) -> TensorType {
        TensorType::new(self.dtype, [self.batch.dims(), &lengths].concat())
    }

    /// The type of the solutions of square systems with these right sides.
    pub(super) fn solutions(a: &TensorType, b: &TensorType) -> Result<TensorType, Fault> {
        let (matrices, right) = (Matrices::square(a)?, Matrices::of(b)?);
        if a.dtype != b.dtype {
            return Err(Fault::ElementType { expected: a.dtype, found: b.dtype });
        }
        if let (Some(rows), Some(found)) = (matrices.rows, right.rows)
            && rows != found
        {
            let (left, right) = (a.shape.clone(), b.shape.clone());
            return Err(Fault::op(LinalgFault::Rows { left, right }));
        }
        let batch = broadcast(&matrices.batch, &right.batch)?;
        let rows = matrices.rows.or(right.rows);
        Ok(Matrices { batch, ..right }.each([rows, right.columns]))
    }
}

/// The batch, the rows and the columns of a value that the shape rule has accepted.
pub(super) fn lengths(x: Val, to: &Lowering<'_>) -> (Vec<usize>, usize, usize) {
    match *to.dims(x) {
        [ref batch @ .., rows, columns] => (batch.to_vec(), rows, columns),
        _ => (Vec::new(), 0, 0),
    }
}

/// The batch that two values have together, if all but their last two axes broadcast, as the shape rule has seen to.
pub(super) fn together(a: &[usize], b: &[usize]) -> Vec<usize> {
    let rank = a.len().max(b.len());
    let length = |dims: &[usize], axis: usize| match (axis + dims.len()).checked_sub(rank) {
        Some(own) => dims[own],
        None => 1,
    };
    let longer = |axis| match (length(a, axis), length(b, axis)) {
        (1, other) => other,
        (own, _) => own,
    };
    (0..rank).map(longer).collect()
}

/// Of what each matrix gave, some elements in a row from one on, as an array of these lengths.
pub(super) fn part(packed: Val, first: usize, lengths: &[usize], to: &mut Lowering<'_>) -> Val {
    let mut dims = to.dims(packed).to_vec();
    let whole = dims.pop().unwrap_or(0);
    let elements: usize = lengths.iter().product();
    let mut axes = vec![AxisSlice::WHOLE; dims.len()];
    axes.push(AxisSlice::of(first, 1, elements));
    let cut = [&dims[..], &[elements]].concat();
    let cut = if elements == whole { packed } else { to.slice(packed, axes, cut) };
    dims.extend(lengths);
    to.reshape(cut, dims)
}
