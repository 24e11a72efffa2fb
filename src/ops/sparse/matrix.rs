//! The handle of a sparse matrix.

use super::{SparseFault, SparseMatmul};
use crate::element::{DType, Numeric};
use crate::error::Fault;
use crate::graph::{AnyTensor, Graph, IndexOperand, Operand, Tensor};

/// A `Copy` handle to a matrix of which a graph has the elements that are not 0 alone, by rows (CSR) or by columns (CSC), as
/// `SciPy` and others keep it. Its values are a tensor like any other, with gradients; where they stand are constants, or
/// tensors of integers, and no gradient passes there.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// // [[1, 0, 2], [0, 0, 3]]
/// let values = g.constant(ndarray::arr1(&[1.0, 2.0, 3.0]));
/// let indices = g.constant(ndarray::arr1(&[0_i64, 2, 2]));
/// let offsets = g.constant(ndarray::arr1(&[0_i64, 2, 3]));
/// let a = SparseMatrix::csr(values, indices, offsets, [2, 3]);
/// let x = g.constant(ndarray::arr1(&[1.0, 10.0, 100.0]));
/// let y = a.matmul(x);
/// let [by_values, by_x] = y.gradients([values, x]);
/// let [y, by_values, by_x] = Session::new(&g)?.run([y, by_values, by_x])?;
/// assert_eq!(y, ndarray::arr1(&[201.0, 300.0]).into_dyn());
/// assert_eq!(by_values, ndarray::arr1(&[1.0, 100.0, 100.0]).into_dyn());
/// assert_eq!(by_x, ndarray::arr1(&[1.0, 0.0, 5.0]).into_dyn());
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SparseMatrix<'g, T> {
    values: Tensor<'g, T>,
    indices: AnyTensor<'g>,
    offsets: AnyTensor<'g>,
    /// The numbers of rows and of columns.
    shape: [usize; 2],
    /// Whether it is kept by columns.
    by_columns: bool,
}

impl<'g, T: Numeric> SparseMatrix<'g, T> {
    /// A matrix of so many rows and columns by rows: the values row by row, for each the index of its column, and for each
    /// row where its values begin, with the number of values behind. Several values at one place add up.
    ///
    /// Indices and offsets are of `i64` or `i32`. Parts that are no vectors, as many values as indices, and another number
    /// of offsets than rows and one more, are build errors; offsets that are not ascending from 0 to the number of values,
    /// and indices that the matrix does not have, fail the run.
    #[track_caller]
    pub fn csr(
        values: impl Into<Tensor<'g, T>>,
        indices: impl IndexOperand<'g>,
        offsets: impl IndexOperand<'g>,
        shape: [usize; 2],
    ) -> Self {
        SparseMatrix::of(values.into(), indices, offsets, shape, false)
    }

    /// The same by columns: the values column by column, for each the index of its row, and for each column where its
    /// values begin.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// // [[1, 0, 2], [0, 0, 3]]
    /// let indices = g.constant(ndarray::arr1(&[0_i64, 0, 1]));
    /// let offsets = g.constant(ndarray::arr1(&[0_i64, 1, 1, 3]));
    /// let a = SparseMatrix::csc(g.constant(ndarray::arr1(&[1, 2, 3])), indices, offsets, [2, 3]);
    /// let dense = Session::new(&g)?.run(a.to_dense())?;
    /// assert_eq!(dense, ndarray::arr2(&[[1, 0, 2], [0, 0, 3]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn csc(
        values: impl Into<Tensor<'g, T>>,
        indices: impl IndexOperand<'g>,
        offsets: impl IndexOperand<'g>,
        shape: [usize; 2],
    ) -> Self {
        SparseMatrix::of(values.into(), indices, offsets, shape, true)
    }

    #[track_caller]
    fn of(
        values: Tensor<'g, T>,
        indices: impl IndexOperand<'g>,
        offsets: impl IndexOperand<'g>,
        shape: [usize; 2],
        by_columns: bool,
    ) -> Self {
        let graph = values.graph();
        let indices = as_i64(indices.into_any(graph, DType::I64), graph);
        let offsets = as_i64(offsets.into_any(graph, DType::I64), graph);
        SparseMatrix { values, indices, offsets, shape, by_columns }
    }

    /// The values, in the order in which they were given.
    pub fn values(self) -> Tensor<'g, T> {
        self.values
    }

    /// The numbers of rows and of columns.
    pub fn shape(self) -> [usize; 2] {
        self.shape
    }

    /// The transpose: the same elements by columns instead of rows. Nothing is computed.
    pub fn transpose(self) -> Self {
        let [rows, columns] = self.shape;
        SparseMatrix { shape: [columns, rows], by_columns: !self.by_columns, ..self }
    }

    /// The product with a dense vector or matrix, or of any number of axes along whose first one the columns' elements are
    /// added up: Σⱼ aᵢⱼ·xⱼ. A long sum keeps what rounding takes from it.
    ///
    /// Gradient: to the dense operand the transpose times the cotangent; to each value the dot product of the cotangent's row
    /// and the operand's that it stands between. An operand without axes, or of another number of rows than there are
    /// columns, is a build error; and see [`csr`](SparseMatrix::csr).
    #[track_caller]
    pub fn matmul(self, dense: impl Operand<'g, T>) -> Tensor<'g, T> {
        let graph = self.values.graph();
        let dense = dense.into_tensor(graph).any();
        let [rows, columns] = self.shape;
        let (lanes, length) = if self.by_columns { (columns, rows) } else { (rows, columns) };
        let offsets = self.offsets.shape();
        if offsets
            .dims()
            .first()
            .is_some_and(|&count| count.is_some_and(|count| count != lanes.saturating_add(1)))
            && !self.offsets.is_invalid()
        {
            return graph.invalid("sparse_matmul", Fault::op(SparseFault::Offsets { lanes, offsets }));
        }
        let op = SparseMatmul { length, transposed: self.by_columns };
        op.of([self.values.any(), self.indices, self.offsets], dense).typed()
    }

    /// The matrix with its zeros.
    #[track_caller]
    pub fn to_dense(self) -> Tensor<'g, T> {
        self.matmul(self.values.graph().eye(self.shape[1]))
    }
}

/// Integers as those of the longer type; what is of another graph is refused as such, when it is used.
#[track_caller]
fn as_i64<'g>(places: AnyTensor<'g>, graph: &Graph) -> AnyTensor<'g> {
    if places.is_of(graph) { places.cast(DType::I64) } else { places }
}
