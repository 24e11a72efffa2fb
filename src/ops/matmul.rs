//! `matmul`: products of matrices, either of them transposed without being moved; leading axes are a batch. A vector
//! is a matrix of one row on the left and of one column on the right, whose axis of length 1 the product lacks.

use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::graph::op::{Attributes, Op};
use crate::ir::{Lowering, Val};
use crate::ops::methods::methods;
use crate::shape::{Shape, TensorType, broadcast};

/// op(a)·op(b) of the last two axes, where op transposes if the flag says so.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MatMul {
    transpose_a: bool,
    transpose_b: bool,
}

/// What can be wrong with a product of matrices.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MatMulFault {
    /// An operand is a single number.
    #[error("expected vectors, matrices or batches of matrices, got {left} and {right}")]
    Rank {
        /// Shape of the left operand, after its transposition.
        left: Shape,
        /// Shape of the right operand, after its transposition.
        right: Shape,
    },
    /// The inner lengths differ.
    #[error("expected equal inner lengths of {left} · {right}, got {left_inner} and {right_inner}")]
    Inner {
        /// Shape of the left operand, after its transposition.
        left: Shape,
        /// Shape of the right operand, after its transposition.
        right: Shape,
        /// Columns of the left operand.
        left_inner: usize,
        /// Rows of the right operand.
        right_inner: usize,
    },
}

/// The shape as the product sees it: with the last two axes exchanged if it is to be transposed. A vector is its own
/// transpose.
fn oriented(shape: &Shape, transpose: bool) -> Shape {
    let mut lengths = shape.dims().to_vec();
    if let (true, [.., rows, columns]) = (transpose, &mut lengths[..]) {
        std::mem::swap(rows, columns);
    }
    lengths.into()
}

/// The axes of an operand as a batch of matrices. A vector has a row or a column of length 1, which the product lacks.
struct Matrices<'s> {
    batch: &'s [Option<usize>],
    rows: Option<usize>,
    columns: Option<usize>,
    is_vector: bool,
}

impl<'s> Matrices<'s> {
    fn of(shape: &'s Shape, is_left: bool) -> Option<Self> {
        Some(match *shape.dims() {
            [] => return None,
            [length] if is_left => Matrices { batch: &[], rows: Some(1), columns: length, is_vector: true },
            [length] => Matrices { batch: &[], rows: length, columns: Some(1), is_vector: true },
            [ref batch @ .., rows, columns] => Matrices { batch, rows, columns, is_vector: false },
        })
    }
}

/// A product with the axes of length 1 that it lacks where operands are vectors.
fn with_vector_axes(mut product: AnyTensor<'_>, [left, right]: [bool; 2]) -> AnyTensor<'_> {
    if right {
        product = product.expand_dims(-1);
    }
    if left {
        product = product.expand_dims(-2);
    }
    product
}

impl Op for MatMul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let left = oriented(&inputs[0].shape, self.transpose_a);
        let right = oriented(&inputs[1].shape, self.transpose_b);
        let (Some(a), Some(b)) = (Matrices::of(&left, true), Matrices::of(&right, false)) else {
            return Err(Fault::op(MatMulFault::Rank { left, right }));
        };
        if let (Some(left_inner), Some(right_inner)) = (a.columns, b.rows)
            && left_inner != right_inner
        {
            return Err(Fault::op(MatMulFault::Inner { left, right, left_inner, right_inner }));
        }
        let batch = broadcast(&a.batch.into(), &b.batch.into())?;
        let rows = (!a.is_vector).then_some(a.rows);
        let columns = (!b.is_vector).then_some(b.columns);
        let lengths = batch.dims().iter().copied().chain(rows).chain(columns);
        Ok(TensorType::new(inputs[0].dtype, lengths.collect::<Vec<_>>()))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let [a_is_vector, b_is_vector] = [0, 1].map(|input| to.dims(inputs[input]).len() == 1);
        let mut operand = |val: Val, transpose: bool, vector: fn(usize) -> [usize; 2]| {
            if let [length] = *to.dims(val) {
                return to.reshape(val, vector(length));
            }
            if !transpose {
                return val;
            }
            let mut axes: Vec<usize> = (0..to.dims(val).len()).collect();
            let last = axes.len() - 1;
            axes.swap(last - 1, last);
            to.permute(val, axes)
        };
        let a = operand(inputs[0], self.transpose_a, |length| [1, length]);
        let b = operand(inputs[1], self.transpose_b, |length| [length, 1]);
        let product = to.dot(a, b);
        let mut dims = to.dims(product).to_vec();
        if b_is_vector {
            dims.pop();
        }
        if a_is_vector {
            dims.remove(dims.len() - if b_is_vector { 1 } else { 2 });
        }
        to.reshape(product, dims)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (a, b) = (at.input(0), at.input(1));
        let [a_is_vector, b_is_vector] = [a, b].map(|operand| operand.shape().rank() == 1);
        let MatMul { transpose_a, transpose_b } = *self;
        // With vectors as matrices. A share's axes of length 1 in front are summed back to the shape of the input.
        let (transpose_a, transpose_b) = (transpose_a && !a_is_vector, transpose_b && !b_is_vector);
        at.give(0, |dy| {
            let dy = with_vector_axes(dy, [a_is_vector, b_is_vector]);
            let b = if b_is_vector { b.expand_dims(-1) } else { b };
            if transpose_a {
                b.matmul_transposed(dy, transpose_b, true)
            } else {
                dy.matmul_transposed(b, false, !transpose_b)
            }
        });
        at.give(1, |dy| {
            let dy = with_vector_axes(dy, [a_is_vector, b_is_vector]);
            let a = if a_is_vector { a.expand_dims(0) } else { a };
            let share = if transpose_b {
                dy.matmul_transposed(a, true, transpose_a)
            } else {
                a.matmul_transposed(dy, !transpose_a, false)
            };
            if b_is_vector { share.squeeze(-1) } else { share }
        });
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("transpose_self", self.transpose_a).with("transpose_other", self.transpose_b)
    }
}

methods! {
    /// The matrix product `self · other` of shapes [m, k] and [k, n]; it has shape [m, n]. Axes before the last
    /// two are a batch of products and broadcast as in NumPy: [b, m, k] and [k, n] give [b, m, n].
    ///
    /// A vector is one row on the left and one column on the right, and the result lacks that axis, as in NumPy:
    /// `[m, k]` and `[k]` give `[m]`, `[k]` and `[k, n]` give `[n]`, two vectors give a single number.
    ///
    /// Gradient: dy·otherᵀ to `self`, selfᵀ·dy to `other`, summed over what was broadcast; no transpose is
    /// materialized. A single number as an operand, different inner lengths, or batches that do not broadcast are a
    /// build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0]]));
    /// let x = g.constant(ndarray::arr2(&[[10.0], [1.0]]));
    /// let v = g.constant(ndarray::arr1(&[10.0, 1.0]));
    /// let session = Session::new(&g)?;
    /// assert_eq!(session.run(a.matmul(x))?, ndarray::arr2(&[[12.0], [34.0]]).into_dyn());
    /// assert_eq!(session.run(a.matmul(v))?, ndarray::arr1(&[12.0, 34.0]).into_dyn());
    /// assert_eq!(session.run(v.matmul(v))?.item()?, 101.0);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("mm", "bmm", "mv"))]
    fn matmul<Numeric>(x, other: (Self)) -> Self as _ {
        x.matmul_transposed(other, false, false)
    }

    /// The matrix product with either operand transposed first: selfᵀ·other, self·otherᵀ,
    /// selfᵀ·otherᵀ. As fast as [`matmul`](crate::Tensor::matmul). A vector is its own transpose.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [None, Some(3)]);
    /// assert_eq!(x.matmul_transposed(x, true, false).shape().to_string(), "[3, 3]");
    /// ```
    fn matmul_transposed<Numeric>(x, other: (Self), transpose_self: bool, transpose_other: bool) -> Self as matmul {
        x.binary(MatMul { transpose_a: transpose_self, transpose_b: transpose_other }, other)
    }
}

/// The product of two matrices, transposed first where the flags say so.
#[cfg(test)]
fn product(a: &ndarray::ArrayD<f64>, b: &ndarray::ArrayD<f64>, [ta, tb]: [bool; 2]) -> ndarray::ArrayD<f64> {
    let matrix = |x: &ndarray::ArrayD<f64>, transpose: bool| {
        let x = x.view().into_dimensionality::<ndarray::Ix2>().unwrap();
        if transpose { x.reversed_axes().to_owned() } else { x.to_owned() }
    };
    matrix(a, ta).dot(&matrix(b, tb)).into_dyn()
}

/// The products of batches of matrices, repeated to these lengths.
#[cfg(test)]
fn batched(
    a: &ndarray::ArrayD<f64>,
    b: &ndarray::ArrayD<f64>,
    batch: &[usize],
    [ta, tb]: [bool; 2],
) -> ndarray::ArrayD<f64> {
    let stretched = |x: &ndarray::ArrayD<f64>| {
        let [.., rows, columns] = *x.shape() else { unreachable!("operands have two axes") };
        let lengths: Vec<usize> = batch.iter().copied().chain([rows, columns]).collect();
        let whole = x.broadcast(lengths).unwrap().to_owned();
        whole.into_shape_with_order((batch.iter().product::<usize>(), rows, columns)).unwrap()
    };
    let (a, b) = (stretched(a), stretched(b));
    let each = a.outer_iter().zip(b.outer_iter());
    let each: Vec<_> =
        each.map(|(a, b)| product(&a.to_owned().into_dyn(), &b.to_owned().into_dyn(), [ta, tb])).collect();
    let (rows, columns) = (a.shape()[if ta { 2 } else { 1 }], b.shape()[if tb { 1 } else { 2 }]);
    let lengths: Vec<usize> = batch.iter().copied().chain([rows, columns]).collect();
    ndarray::ArrayD::from_shape_vec(lengths, each.into_iter().flatten().collect()).unwrap()
}

/// An operand that may be a vector as a matrix: a row on the left, a column on the right.
#[cfg(test)]
fn as_matrices(a: &ndarray::ArrayD<f64>, b: &ndarray::ArrayD<f64>) -> [ndarray::ArrayD<f64>; 2] {
    let a = if a.ndim() == 1 { a.clone().insert_axis(ndarray::Axis(0)) } else { a.clone() };
    let b = if b.ndim() == 1 { b.clone().insert_axis(ndarray::Axis(1)) } else { b.clone() };
    [a, b]
}

/// Vectors on either side, on both, beside batches, and of no elements.
#[cfg(test)]
fn examples_of_vectors() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};

    let mut examples: Vec<Example> = Vec::new();
    for [m, k, n] in [[2, 3, 4], [1, 1, 1], [3, 0, 2], [40, 5, 3], [2, 70, 1]] {
        examples.extend([
            example!("matmul by a vector", &[&[m, k], &[k]], |_, x| x[0].matmul(x[1]), |x| {
                let [a, b] = as_matrices(&x[0], &x[1]);
                product(&a, &b, [false, false]).remove_axis(ndarray::Axis(1))
            }),
            example!("matmul of a vector", &[&[k], &[k, n]], |_, x| x[0].matmul(x[1]), |x| {
                let [a, b] = as_matrices(&x[0], &x[1]);
                product(&a, &b, [false, false]).remove_axis(ndarray::Axis(0))
            }),
            example!("matmul of vectors", &[&[k], &[k]], |_, x| x[0].matmul(x[1]), |x| ndarray::arr0(
                (&x[0] * &x[1]).sum()
            )
            .into_dyn()),
            example!(
                "matmul tt of a vector",
                &[&[k], &[n, k]],
                |_, x| x[0].matmul_transposed(x[1], true, true),
                |x| {
                    let [a, b] = as_matrices(&x[0], &x[1]);
                    product(&a, &b, [false, true]).remove_axis(ndarray::Axis(0))
                }
            ),
            example!(
                "matmul tt by a vector",
                &[&[k, m], &[k]],
                |_, x| x[0].matmul_transposed(x[1], true, true),
                |x| {
                    let [a, b] = as_matrices(&x[0], &x[1]);
                    product(&a, &b, [true, false]).remove_axis(ndarray::Axis(1))
                }
            ),
        ]);
    }
    examples.extend([
        example!("matmul of batches by a vector", &[&[2, 1, 3, 4], &[4]], |_, x| x[0].matmul(x[1]), |x| {
            let b = x[1].clone().insert_axis(ndarray::Axis(1));
            batched(&x[0], &b, &[2, 1], [false, false]).remove_axis(ndarray::Axis(3))
        }),
        example!("matmul of a vector by batches", &[&[3], &[2, 3, 4]], |_, x| x[0].matmul(x[1]), |x| {
            let a = x[0].clone().insert_axis(ndarray::Axis(0));
            batched(&a, &x[1], &[2], [false, false]).remove_axis(ndarray::Axis(1))
        }),
    ]);
    examples
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};

    let mut examples: Vec<Example> = examples_of_vectors();
    // Small, empty on either side and inside, and long enough to be skinny in each direction.
    for [m, k, n] in
        [[2, 3, 4], [0, 2, 2], [2, 0, 2], [1, 1, 1], [40, 2, 1], [2, 40, 1], [40, 3, 5], [3, 33, 2]]
    {
        let forms: [(&[usize], &[usize]); 4] =
            [(&[m, k], &[k, n]), (&[k, m], &[k, n]), (&[m, k], &[n, k]), (&[k, m], &[n, k])];
        let [nn, tn, nt, tt] = forms.map(|(a, b)| [a, b]);
        examples.extend([
            example!("matmul", &nn, |_, x| x[0].matmul(x[1]), |x| product(&x[0], &x[1], [false, false])),
            example!("matmul tn", &tn, |_, x| x[0].matmul_transposed(x[1], true, false), |x| product(
                &x[0],
                &x[1],
                [true, false]
            ),),
            example!("matmul nt", &nt, |_, x| x[0].matmul_transposed(x[1], false, true), |x| product(
                &x[0],
                &x[1],
                [false, true]
            ),),
            example!("matmul tt", &tt, |_, x| x[0].matmul_transposed(x[1], true, true), |x| product(
                &x[0],
                &x[1],
                [true, true]
            ),),
        ]);
    }
    // Batches: of equal length, broadcast on either side, of none.
    examples.extend([
        example!("matmul of batches", &[&[3, 2, 4], &[3, 4, 5]], |_, x| x[0].matmul(x[1]), |x| batched(
            &x[0],
            &x[1],
            &[3],
            [false, false]
        ),),
        example!("matmul of a batch by one", &[&[2, 1, 3, 2], &[2, 4]], |_, x| x[0].matmul(x[1]), |x| {
            batched(&x[0], &x[1], &[2, 1], [false, false])
        },),
        example!(
            "matmul of broadcast batches",
            &[&[2, 1, 2, 3], &[3, 3, 2]],
            |_, x| x[0].matmul(x[1]),
            |x| batched(&x[0], &x[1], &[2, 3], [false, false]),
        ),
        example!(
            "matmul of transposed batches",
            &[&[2, 3, 2], &[2, 4, 3]],
            |_, x| x[0].matmul_transposed(x[1], true, true),
            |x| batched(&x[0], &x[1], &[2], [true, true]),
        ),
        example!("matmul of no batch", &[&[0, 2, 3], &[3, 2]], |_, x| x[0].matmul(x[1]), |x| batched(
            &x[0],
            &x[1],
            &[0],
            [false, false]
        ),),
    ]);
    examples.push(example!(
        "matmul of a transpose",
        &[&[3, 40], &[3, 2]],
        |_, x| x[0].transpose().matmul(x[1] * 3.0),
        |x| product(&x[0], &(3.0 * &x[1]), [true, false]),
    ));
    examples
}
