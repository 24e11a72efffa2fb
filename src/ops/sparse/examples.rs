//! What the laws try on sparse matrices.

use ndarray::{Array2, ArrayD, Ix2, arr1, arr2};

use super::SparseMatrix;
use crate::graph::{Float, Graph, Tensor};
use crate::ops::laws::{Example, example};

/// Where the elements of a matrix of 3 rows and 4 columns stand, two of them at one place.
const INDICES: [i64; 5] = [0, 2, 3, 3, 1];
const OFFSETS: [i64; 4] = [0, 2, 2, 5];
const ROWS: [usize; 5] = [0, 0, 2, 2, 2];

fn dense(values: &ArrayD<f64>) -> Array2<f64> {
    let mut dense = Array2::zeros((3, 4));
    for (&value, (row, column)) in values.iter().zip(ROWS.into_iter().zip(INDICES)) {
        dense[[row, column as usize]] += value;
    }
    dense
}

fn by_rows<'g, T: Float>(g: &'g Graph, values: Tensor<'g, T>) -> SparseMatrix<'g, T> {
    SparseMatrix::csr(values, g.constant(arr1(&INDICES)), g.constant(arr1(&OFFSETS)), [3, 4])
}

/// The same numbers by columns: the transpose.
fn by_columns<'g, T: Float>(g: &'g Graph, values: Tensor<'g, T>) -> SparseMatrix<'g, T> {
    let indices = g.constant(arr1(&INDICES).mapv(|index| index as i32));
    SparseMatrix::csc(values, indices, g.constant(arr1(&OFFSETS)), [4, 3])
}

fn product(a: &Array2<f64>, x: &ArrayD<f64>) -> ArrayD<f64> {
    a.dot(&x.view().into_dimensionality::<Ix2>().unwrap()).into_dyn()
}

pub(in crate::ops) fn examples() -> Vec<Example> {
    vec![
        example!("sparse_matmul by rows", &[&[5], &[4, 2]], |g, x| by_rows(g, x[0]).matmul(x[1]), |x| {
            product(&dense(&x[0]), &x[1])
        }),
        example!(
            "sparse_matmul by columns",
            &[&[5], &[3, 2]],
            |g, x| by_columns(g, x[0]).matmul(x[1]),
            |x| product(&dense(&x[0]).reversed_axes(), &x[1])
        ),
        example!(
            "sparse_matmul of a transpose",
            &[&[5], &[4, 3]],
            |g, x| by_columns(g, x[0].square()).transpose().matmul(x[1]) * 0.5,
            |x| product(&dense(&x[0].mapv(|x| x * x)), &x[1]) * 0.5
        ),
        example!(
            "sparse_matmul of a vector",
            &[&[5], &[4]],
            |g, x| by_rows(g, x[0]).matmul(x[1] * x[1]),
            |x| {
                dense(&x[0])
                    .dot(&x[1].mapv(|x| x * x).into_dimensionality::<ndarray::Ix1>().unwrap())
                    .into_dyn()
            }
        ),
        example!(
            "sparse_matmul of no columns",
            &[&[5], &[4, 0]],
            |g, x| by_rows(g, x[0]).matmul(x[1]),
            |_| { ArrayD::zeros(vec![3, 0]) }
        ),
        example!(
            "sparse_matmul of three axes",
            &[&[5], &[3, 1, 2]],
            |g, x| by_rows(g, x[0]).transpose().matmul(x[1]),
            |x| {
                let flat = x[1].clone().into_shape_with_order(vec![3, 2]).unwrap();
                product(&dense(&x[0]).reversed_axes(), &flat).into_shape_with_order(vec![4, 1, 2]).unwrap()
            }
        ),
        example!(
            "sparse_matmul to a dense matrix",
            &[&[5]],
            |g, x| by_rows(g, x[0]).to_dense().square(),
            |x| dense(&x[0]).mapv(|x| x * x).into_dyn()
        ),
        example!(
            "sparse_matmul of nothing",
            &[&[0], &[2, 2]],
            |g, x| {
                let none = g.zeros::<i64>([0]);
                SparseMatrix::csr(x[0], none, g.zeros::<i64>([4]), [3, 2]).matmul(x[1])
            },
            |_| Array2::zeros((3, 2)).into_dyn()
        ),
        example!(
            "sparse_matmul of long rows",
            &[&[100], &[100, 2]],
            |g, x| {
                let indices = g.range(0_i64, 100, 1);
                SparseMatrix::csr(x[0], indices, g.constant(arr1(&[0_i64, 100])), [1, 100]).matmul(x[1])
            },
            |x| {
                let row = x[0].view().into_shape_with_order((1, 100)).unwrap();
                product(&row.to_owned(), &x[1])
            }
        ),
        example!(
            "sparse_matmul of integers",
            &[&[4, 1]],
            |g, x| {
                let values = g.constant(arr1(&[1, -2, 3, 4, 5]));
                let a =
                    SparseMatrix::csr(values, g.constant(arr1(&INDICES)), g.constant(arr1(&OFFSETS)), [3, 4]);
                a.matmul((x[0] * 9.0).cast::<i32>()).cast()
            },
            |x| {
                let a = arr2(&[[1.0, 0.0, -2.0, 0.0], [0.0; 4], [0.0, 5.0, 0.0, 7.0]]);
                product(&a, &x[0].mapv(|x| (9.0 * x).trunc()))
            }
        ),
    ]
}
