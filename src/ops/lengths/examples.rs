//! Examples of computed lengths, each with its reference.

use ndarray::ArrayD;

use crate::ops::laws::{Example, example};

fn shaped(x: &ArrayD<f64>, lengths: &[usize]) -> ArrayD<f64> {
    ArrayD::from_shape_vec(lengths, x.iter().copied().collect()).unwrap()
}

pub(in crate::ops) fn examples() -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for dims in [[2, 6], [1, 4], [3, 0], [40, 2]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("dim as a number", &[dims], |g, x| x[0] * x[0].dim(-1).tensor(g).cast(), |x| {
                let columns = x[0].shape()[1];
                &x[0] * columns as f64
            }),
            example!(
                "reshape by arithmetic",
                &[dims],
                |_, x| {
                    let (rows, columns) = (x[0].dim(0), x[0].dim(1));
                    x[0].reshape((rows * 2, (columns + 3) / 2 - 1)).transpose() * 2.0
                },
                |x| {
                    let (rows, columns) = (x[0].shape()[0], x[0].shape()[1]);
                    2.0 * shaped(&x[0], &[2 * rows, columns / 2]).reversed_axes()
                }
            ),
            example!(
                "reshape by the larger and the smaller length",
                &[dims],
                |_, x| {
                    let (rows, columns) = (x[0].dim(0), x[0].dim(1));
                    x[0].reshape((rows.minimum(columns), columns.maximum(rows)))
                },
                |x| {
                    let (rows, columns) = (x[0].shape()[0], x[0].shape()[1]);
                    shaped(&x[0], &[rows.min(columns), rows.max(columns)])
                }
            ),
            example!(
                "broadcast_to computed lengths",
                &[dims],
                |_, x| x[0].broadcast_to((2, x[0].dim(0), x[0].dim(1))),
                |x| {
                    let (rows, columns) = (x[0].shape()[0], x[0].shape()[1]);
                    x[0].broadcast(vec![2, rows, columns]).unwrap().to_owned()
                }
            ),
        ]);
    }
    examples
}
