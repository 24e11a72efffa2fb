//! Linear algebra: factorizations of matrices, solutions of equations, and what is made of them, with gradients
//! that are graph again. Each function is a method of tensors as well, whose page has its formula, gradient, errors and an example.
//!
//! Matrices are the last two axes of a tensor, of `f32` or `f64`; axes in front are a batch. A vector as a right side is one
//! column. Matrices of no rows, batches of none, and lengths that are known only when they are fed are taken.
//!
//! ```
//! use flowgrad::linalg;
//! use flowgrad::prelude::*;
//! // The log density of a Gaussian, and its gradient by the covariance.
//! let g = Graph::new();
//! let covariance = g.placeholder::<f64>("covariance", [None, None]);
//! let x = g.placeholder::<f64>("x", [None]);
//! let factor = linalg::cholesky(covariance);
//! let white = linalg::triangular_solve(factor, x);
//! let density = -0.5 * (white.square().reduce_sum(-1) + linalg::logdet(covariance));
//! let [by_covariance] = density.gradients([covariance]);
//! let session = Session::new(&g)?;
//! let (fed, point) = (ndarray::arr2(&[[4.0, 0.0], [0.0, 1.0]]), ndarray::arr1(&[2.0, 3.0]));
//! let run = session.feed(covariance, &fed).feed(x, &point);
//! let (density, by_covariance) = run.run((density, by_covariance))?;
//! assert!((density.item()? + 5.0 + f64::ln(2.0)).abs() < 1e-15);
//! assert_eq!(by_covariance, ndarray::arr2(&[[0.0, 0.75], [0.75, 4.0]]).into_dyn());
//! # Ok::<(), flowgrad::Error>(())
//! ```
//!
//! # Conventions
//!
//! Names and results are those of NumPy and of `scipy.linalg`; where gradients of others differ, they are TensorFlow's, except where that one
//! fails and there is a gradient, as that of [`det`] at singular matrices.
//!
//! - Of symmetric matrices ([`cholesky`], [`eigh`]) the lower triangle is read, and the gradient is symmetric: that of a
//!   function of symmetric matrices.
//! - [`lu`] gives both triangles in one matrix, and the order of the rows, as TensorFlow.
//! - [`svd`] gives U, s and Vᵀ, thin unless asked otherwise.
//! - What passes between equal eigenvalues or singular values counts as 0, so gradients are finite. Those of functions of
//!   values alone, which take equal ones alike, are true there; through vectors, and of second order, that part is lost.
//! - [`pinv`] counts singular values below 10·max(m, n)·ε of the largest as 0, [`lstsq`] below max(m, n)·ε.
//!
//! # Errors
//!
//! Shapes that do not fit are build errors, with a [`LinalgFault`]. What a run finds of elements (a matrix that is singular,
//! not positive definite, or not finite) ends it with an [`Error::Kernel`](crate::Error::Kernel) that names the node and
//! the place in the batch, and carries a [`LinalgError`]. The forms that begin with `try_` give a flag for each matrix
//! instead, and NaN where it is false.
//!
//! ```
//! use flowgrad::linalg::{self, LinalgError};
//! use flowgrad::op::KernelError;
//! use flowgrad::prelude::*;
//! let g = Graph::new();
//! let a = g.constant(ndarray::arr3(&[[[4.0, 0.0], [0.0, 1.0]], [[1.0, 2.0], [2.0, 1.0]]]));
//! let error = Session::new(&g)?.run(linalg::cholesky(a)).unwrap_err();
//! let Error::Kernel { reason: KernelError::InBatch { at, reason }, .. } = error else { panic!("got another error") };
//! assert_eq!(at, [1]);
//! assert_eq!(reason.downcast_ref(), Some(&LinalgError::NotPositiveDefinite { minor: 2 }));
//!
//! let (_, is_positive) = linalg::try_cholesky(a);
//! assert_eq!(Session::new(&g)?.run(is_positive)?, ndarray::arr1(&[true, false]).into_dyn());
//! # Ok::<(), flowgrad::Error>(())
//! ```
//!
//! # How it is computed
//!
//! By the crate [faer](https://docs.rs/faer), and by plain loops for the smallest matrices. The threads of the session share
//! the matrices of a batch, and the blocks of a large matrix. How a matrix is cut into blocks depends on its shape alone, so
//! the same inputs give the same bits on any number of threads. Other machines may give other bits, since faer's kernels
//! depend on the machine. Singular values and vectors, and the eigenvalues of one matrix, come from one thread: faer adds up
//! a sum for each thread there, so that the bits would depend on how many there are.
//!
//! # All functions
//!
#![doc = include_str!("guide/linalg.md")]

use crate::graph::{Float, Operand, Tensor};

pub use crate::ops::fault::{LinalgError, LinalgFault};

/// Declares functions that are methods: with their further operands, attributes and results.
macro_rules! functions {
    ($($name:ident($($b:ident)? $(; $($attribute:ident: $type:ty),+)?) -> $result:ty;)*) => {$(
        #[doc = concat!("[`Tensor::", stringify!($name), "`] as a function.")]
        #[track_caller]
        pub fn $name<'g, T: Float>(
            a: impl Into<Tensor<'g, T>>,
            $($b: impl Operand<'g, T>,)?
            $($($attribute: $type,)+)?
        ) -> $result {
            a.into().$name($($b,)? $($($attribute),+)?)
        }
    )*};
}
functions! {
    cholesky() -> Tensor<'g, T>;
    try_cholesky() -> (Tensor<'g, T>, Tensor<'g, bool>);
    cholesky_solve(b) -> Tensor<'g, T>;
    logdet() -> Tensor<'g, T>;
    triangular_solve(b) -> Tensor<'g, T>;
    triangular_solve_with(b; lower: bool, adjoint: bool, unit_diagonal: bool) -> Tensor<'g, T>;
    lu() -> (Tensor<'g, T>, Tensor<'g, i64>);
    solve(b) -> Tensor<'g, T>;
    try_solve(b) -> (Tensor<'g, T>, Tensor<'g, bool>);
    inv() -> Tensor<'g, T>;
    try_inv() -> (Tensor<'g, T>, Tensor<'g, bool>);
    det() -> Tensor<'g, T>;
    slogdet() -> (Tensor<'g, T>, Tensor<'g, T>);
    qr() -> (Tensor<'g, T>, Tensor<'g, T>);
    qr_with(; full_matrices: bool) -> (Tensor<'g, T>, Tensor<'g, T>);
    eigh() -> (Tensor<'g, T>, Tensor<'g, T>);
    eigvalsh() -> Tensor<'g, T>;
    svd() -> (Tensor<'g, T>, Tensor<'g, T>, Tensor<'g, T>);
    svd_with(; full_matrices: bool) -> (Tensor<'g, T>, Tensor<'g, T>, Tensor<'g, T>);
    svdvals() -> Tensor<'g, T>;
    pinv() -> Tensor<'g, T>;
    pinv_with(; rcond: f64) -> Tensor<'g, T>;
    lstsq(b) -> Tensor<'g, T>;
    lstsq_with(b; rcond: f64) -> Tensor<'g, T>;
    expm() -> Tensor<'g, T>;
    matrix_power(; n: isize) -> Tensor<'g, T>;
    matrix_norm(; order: &str) -> Tensor<'g, T>;
    trace() -> Tensor<'g, T>;
    kron(b) -> Tensor<'g, T>;
    matrix_band_part(; lower: isize, upper: isize) -> Tensor<'g, T>;
}
