//! Factorizations with orthogonal matrices, of one matrix in row-major order.

use faer::diag::DiagMut;
use faer::dyn_stack::{MemStack, StackReq};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_left_in_place_scratch,
    apply_block_householder_sequence_on_the_left_in_place_with_conj,
};
use faer::linalg::qr::no_pivoting::factor::{qr_in_place, qr_in_place_scratch, recommended_block_size};
use faer::linalg::svd::{ComputeSvdVectors, svd as faer_svd, svd_scratch};
use faer::{Conj, MatMut, MatRef, Par, Spec};

use super::dense::{Real, by_columns, memory, transpose, zeros};
use super::error::LinalgError;

/// Q with `columns` orthonormal columns, and behind it R with as many rows: the first ones, or all.
pub(super) fn qr<T: Real>(
    a: &[T],
    [m, n]: [usize; 2],
    columns: usize,
    packed: &mut [T],
) -> Result<(), LinalgError> {
    let (q, r) = packed.split_at_mut(m * columns);
    let size = m.min(n);
    if size == 0 {
        q.iter_mut().step_by(columns + 1).for_each(|x| *x = T::ONE);
        return Ok(());
    }
    let mut factored = by_columns(a, m, n)?;
    let block = recommended_block_size::<T>(m, n);
    let mut coefficients = zeros(block * size)?;
    let needed = qr_in_place_scratch::<T>(m, n, block, Par::Seq, Spec::default());
    let applied = apply_block_householder_sequence_on_the_left_in_place_scratch::<T>(m, block, columns);
    let mut memory = memory(StackReq::any_of(&[needed, applied]))?;
    qr_in_place(
        MatMut::from_column_major_slice_mut(&mut factored, m, n),
        MatMut::from_column_major_slice_mut(&mut coefficients, block, size),
        Par::Seq,
        MemStack::new(&mut memory),
        Spec::default(),
    );
    let mut basis = zeros(m * columns)?;
    basis.iter_mut().step_by(m + 1).take(columns).for_each(|x| *x = T::ONE);
    apply_block_householder_sequence_on_the_left_in_place_with_conj(
        MatRef::from_column_major_slice(&factored, m, n).subcols(0, size),
        MatRef::from_column_major_slice(&coefficients, block, size),
        Conj::No,
        MatMut::from_column_major_slice_mut(&mut basis, m, columns),
        Par::Seq,
        MemStack::new(&mut memory),
    );
    transpose(&basis, columns, m, q);
    for (i, row) in r.chunks_exact_mut(n).enumerate() {
        for (j, x) in row.iter_mut().enumerate() {
            *x = if i <= j && i < m { factored[j * m + i] } else { T::ZERO };
        }
    }
    Ok(())
}

/// The eigenvalues of a symmetric matrix, ascending, of which the lower triangle is read; and behind them the matrix whose
/// columns are eigenvectors, if there is room for it.
pub(super) fn eigh<T: Real>(a: &[T], n: usize, packed: &mut [T]) -> Result<(), LinalgError> {
    let (values, vectors) = packed.split_at_mut(n);
    let wanted = !vectors.is_empty();
    let compute = if wanted { ComputeEigenvectors::Yes } else { ComputeEigenvectors::No };
    let mut memory = memory(self_adjoint_evd_scratch::<T>(n, compute, Par::Seq, Spec::default()))?;
    let columns = by_columns(a, n, n)?;
    let mut basis = zeros(if wanted { n * n } else { 0 })?;
    let found = wanted.then(|| MatMut::from_column_major_slice_mut(&mut basis, n, n));
    self_adjoint_evd(
        MatRef::from_column_major_slice(&columns, n, n),
        DiagMut::from_slice_mut(values),
        found,
        Par::Seq,
        MemStack::new(&mut memory),
        Spec::default(),
    )
    .map_err(|_| LinalgError::NoConvergence)?;
    if wanted {
        transpose(&basis, n, n, vectors);
    }
    Ok(())
}

/// How much of a singular value decomposition is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vectors {
    /// Singular values alone.
    None,
    /// As many singular vectors as there are values.
    Thin,
    /// All, which are bases of the whole spaces.
    Full,
}

impl Vectors {
    /// The columns of U and the rows of Vᵀ.
    pub(super) fn counts(self, [m, n]: [usize; 2]) -> [usize; 2] {
        match self {
            Vectors::None => [0, 0],
            Vectors::Thin => [m.min(n); 2],
            Vectors::Full => [m, n],
        }
    }
}

/// The singular values, descending, and behind them U and Vᵀ as far as they are wanted.
pub(super) fn svd<T: Real>(
    a: &[T],
    [m, n]: [usize; 2],
    vectors: Vectors,
    packed: &mut [T],
) -> Result<(), LinalgError> {
    let [left, right] = vectors.counts([m, n]);
    let (values, rest) = packed.split_at_mut(m.min(n));
    let (u, vt) = rest.split_at_mut(m * left);
    if m.min(n) == 0 {
        u.iter_mut().step_by(left + 1).for_each(|x| *x = T::ONE);
        vt.iter_mut().step_by(n + 1).for_each(|x| *x = T::ONE);
        return Ok(());
    }
    let compute = match vectors {
        Vectors::None => ComputeSvdVectors::No,
        Vectors::Thin => ComputeSvdVectors::Thin,
        Vectors::Full => ComputeSvdVectors::Full,
    };
    let mut memory = memory(svd_scratch::<T>(m, n, compute, compute, Par::Seq, Spec::default()))?;
    let columns = by_columns(a, m, n)?;
    let wanted = vectors != Vectors::None;
    let (mut basis, mut other) = (zeros(m * left)?, zeros(n * right)?);
    faer_svd(
        MatRef::from_column_major_slice(&columns, m, n),
        DiagMut::from_slice_mut(values),
        wanted.then(|| MatMut::from_column_major_slice_mut(&mut basis, m, left)),
        wanted.then(|| MatMut::from_column_major_slice_mut(&mut other, n, right)),
        Par::Seq,
        MemStack::new(&mut memory),
        Spec::default(),
    )
    .map_err(|_| LinalgError::NoConvergence)?;
    transpose(&basis, left, m, u);
    // V by columns is Vᵀ by rows.
    vt.copy_from_slice(&other);
    Ok(())
}
