//! What can be wrong with matrices: with their shapes, while building, and with their elements, in a run.

use crate::shape::Shape;

/// What can be wrong with the shapes that an op of linear algebra is given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinalgFault {
    /// Fewer axes than a matrix has.
    #[error("expected matrices, of two axes or more, got {shape}")]
    NoMatrix {
        /// The shape of the operand.
        shape: Shape,
    },
    /// Another number of rows than of columns.
    #[error("expected square matrices, got {shape}")]
    NotSquare {
        /// The shape of the operand.
        shape: Shape,
    },
    /// The right side of equations has another number of rows than the matrix.
    #[error("expected as many rows on the right side as the matrices have, {left}, got {right}")]
    Rows {
        /// The shape of the matrices.
        left: Shape,
        /// The shape of the right side.
        right: Shape,
    },
    /// More rows than an element type can number.
    #[error("expected at most {most} rows, which f32 can number, got {shape}")]
    TooManyRows {
        /// How many there may be.
        most: usize,
        /// The shape of the operand.
        shape: Shape,
    },
    /// A derivative that the op does not have.
    #[error("expected {expected}, got {shape}: the vectors beyond are not determined by the matrix")]
    NoDerivative {
        /// For which matrices there is one.
        expected: &'static str,
        /// The shape of the operand.
        shape: Shape,
    },
    /// A norm that there is none.
    #[error("expected one of the norms `1`, `2`, `inf`, `fro` and `nuc`, got `{found}`")]
    Norm {
        /// What was asked for.
        found: String,
    },
}

/// What can be wrong with the elements of a matrix. It is the reason of a
/// [`KernelError::InBatch`](crate::op::KernelError::InBatch), which tells the matrix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinalgError {
    /// A symmetric matrix that has no Cholesky factor.
    #[error(
        "expected a positive definite matrix, got one whose leading minor of order {minor} is not positive"
    )]
    NotPositiveDefinite {
        /// The order of the first leading minor that is not positive, counted from 1.
        minor: usize,
    },
    /// A matrix that has no inverse.
    #[error("expected a matrix that has an inverse, got a singular one: pivot {pivot} is 0")]
    Singular {
        /// Which pivot is 0, counted from 0.
        pivot: usize,
    },
    /// A matrix with an element that is infinite or NaN.
    #[error("expected a matrix of finite numbers, got {found} in row {row}, column {column}")]
    NotFinite {
        /// The row.
        row: usize,
        /// The column.
        column: usize,
        /// The element, as it is printed.
        found: String,
    },
    /// An iteration that came to no end.
    #[error("expected eigenvalues or singular values, got no convergence")]
    NoConvergence,
    /// An order of rows that is none.
    #[error("expected numbers of rows, got others")]
    NoOrder,
    /// There was no memory to compute with.
    #[error("no memory for the factors of a matrix")]
    OutOfMemory,
}
