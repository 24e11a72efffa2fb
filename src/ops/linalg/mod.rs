//! Linear algebra: factorizations of matrices, and what is made of them. All work on the last two axes; those in front are
//! a batch.
//!
//! The factorizations ([`cholesky`], [`lu`], [`qr`], [`eigh`], [`svd`]), solutions by triangles, and what has a gradient in
//! closed form ([`inverse`], [`determinant`], [`least_squares`], [`exponential`]) are a kernel each, which computes one
//! matrix after the other ([`each`]) with faer ([`triangular`], [`orthogonal`]) or, if it is small, plain loops
//! ([`small_qr`], [`small_eigh`], [`small_svd`]) and shares the blocks of a large one among the threads that it is lent
//! ([`dense`]). Eigenvalues and singular values of large ones come from divide and conquer ([`tridiagonal`],
//! [`bidiagonal`], with [`merge`] and [`secular`]). All else, gradients among it, is graph.

mod bidiagonal;
mod cholesky;
mod composed;
mod dense;
mod determinant;
mod each;
mod eigh;
mod error;
#[cfg(test)]
mod examples;
mod exponential;
mod fit;
mod inverse;
mod kron;
mod least_squares;
mod left_inverse;
mod lu;
mod matrix_norm;
mod merge;
mod orthogonal;
mod qr;
mod secular;
mod shapes;
mod small_eigh;
mod small_qr;
mod small_svd;
mod solve;
mod svd;
mod triangular;
mod triangular_solve;
mod tridiagonal;

pub use error::{LinalgError, LinalgFault};
#[cfg(test)]
pub(super) use examples::examples;

use crate::graph::AnyTensor;
use crate::graph::op::OpDef;

/// What the registry lists.
pub(super) fn methods() -> impl Iterator<Item = &'static OpDef> {
    let files = [
        cholesky::METHODS,
        composed::METHODS,
        determinant::METHODS,
        eigh::METHODS,
        exponential::METHODS,
        inverse::METHODS,
        kron::METHODS,
        least_squares::METHODS,
        lu::METHODS,
        matrix_norm::METHODS,
        qr::METHODS,
        solve::METHODS,
        svd::METHODS,
        triangular_solve::METHODS,
    ];
    files.into_iter().flatten().copied().flatten()
}

/// What only gradients and other ops make.
pub(super) fn internal() -> impl Iterator<Item = &'static OpDef> {
    let files = [determinant::INTERNAL, fit::INTERNAL, lu::INTERNAL];
    files.into_iter().flatten()
}

/// The transposes of matrices.
fn transposed(x: AnyTensor<'_>) -> AnyTensor<'_> {
    let rank = x.shape().rank() as isize;
    if rank < 2 {
        return x;
    }
    let mut axes: Vec<isize> = (0..rank).collect();
    axes.swap(rank as usize - 2, rank as usize - 1);
    x.transpose_perm(axes)
}

/// aᵀ·b.
fn tn<'g>(a: AnyTensor<'g>, b: AnyTensor<'g>) -> AnyTensor<'g> {
    a.matmul_transposed(b, true, false)
}

/// a·bᵀ.
fn nt<'g>(a: AnyTensor<'g>, b: AnyTensor<'g>) -> AnyTensor<'g> {
    a.matmul_transposed(b, false, true)
}

/// The symmetric part of matrices.
fn symmetric(x: AnyTensor<'_>) -> AnyTensor<'_> {
    (x + transposed(x)) * 0.5
}

/// Numbers, one a matrix, beside matrices.
fn beside_matrices(x: AnyTensor<'_>) -> AnyTensor<'_> {
    x.expand_dims(-1).expand_dims(-1)
}

/// What a function of matrices gives for a right side that may be a vector, which is one column.
fn on_columns<'g>(b: AnyTensor<'g>, of: impl FnOnce(AnyTensor<'g>) -> AnyTensor<'g>) -> AnyTensor<'g> {
    if b.shape().rank() == 1 && !b.is_invalid() { of(b.expand_dims(-1)).squeeze(-1) } else { of(b) }
}
