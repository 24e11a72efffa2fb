//! `matmul`: products of matrices, either of them transposed without being moved; leading axes are a batch.

use crate::error::Fault;
use crate::gradient::Pullback;
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
    /// An operand has fewer than two axes.
    #[error("expected two matrices or batches of them, got {left} and {right}")]
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

/// The shape as the product sees it: with the last two axes exchanged if it is to be transposed.
fn oriented(shape: &Shape, transpose: bool) -> Shape {
    let mut lengths = shape.dims().to_vec();
    if let (true, [.., rows, columns]) = (transpose, &mut lengths[..]) {
        std::mem::swap(rows, columns);
    }
    lengths.into()
}

impl Op for MatMul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let left = oriented(&inputs[0].shape, self.transpose_a);
        let right = oriented(&inputs[1].shape, self.transpose_b);
        let ([left_batch @ .., rows, left_inner], [right_batch @ .., right_inner, columns]) =
            (left.dims(), right.dims())
        else {
            return Err(Fault::op(MatMulFault::Rank { left, right }));
        };
        if let (&Some(left_inner), &Some(right_inner)) = (left_inner, right_inner)
            && left_inner != right_inner
        {
            return Err(Fault::op(MatMulFault::Inner { left, right, left_inner, right_inner }));
        }
        let batch = broadcast(&left_batch.into(), &right_batch.into())?;
        let lengths: Vec<Option<usize>> = batch.dims().iter().chain([rows, columns]).copied().collect();
        Ok(TensorType::new(inputs[0].dtype, lengths))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let mut operand = |val: Val, transpose: bool| {
            if !transpose {
                return val;
            }
            let mut axes: Vec<usize> = (0..to.dims(val).len()).collect();
            let last = axes.len() - 1;
            axes.swap(last - 1, last);
            to.permute(val, axes)
        };
        let a = operand(inputs[0], self.transpose_a);
        let b = operand(inputs[1], self.transpose_b);
        to.dot(a, b)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (a, b) = (at.input(0), at.input(1));
        let MatMul { transpose_a, transpose_b } = *self;
        at.give(0, |dy| {
            if transpose_a {
                b.matmul_transposed(dy, transpose_b, true)
            } else {
                dy.matmul_transposed(b, false, !transpose_b)
            }
        });
        at.give(1, |dy| {
            if transpose_b {
                dy.matmul_transposed(a, true, transpose_a)
            } else {
                a.matmul_transposed(dy, !transpose_a, false)
            }
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
    /// Gradient: dy·otherᵀ to `self`, selfᵀ·dy to `other`, summed over what was broadcast; no transpose is
    /// materialized. Operands of fewer than two axes, different inner lengths, or batches that do not broadcast
    /// are a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0]]));
    /// let x = g.constant(ndarray::arr2(&[[10.0], [1.0]]));
    /// assert_eq!(Session::new(&g)?.run(a.matmul(x))?, ndarray::arr2(&[[12.0], [34.0]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn matmul<Numeric>(x, other: (Self)) -> Self as _ {
        x.matmul_transposed(other, false, false)
    }

    /// The matrix product with either operand transposed first: selfᵀ·other, self·otherᵀ,
    /// selfᵀ·otherᵀ. As fast as [`matmul`](crate::Tensor::matmul).
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

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, Ix2};

    fn product(a: &ArrayD<f64>, b: &ArrayD<f64>, [ta, tb]: [bool; 2]) -> ArrayD<f64> {
        let matrix = |x: &ArrayD<f64>, transpose: bool| {
            let x = x.view().into_dimensionality::<Ix2>().unwrap();
            if transpose { x.reversed_axes().to_owned() } else { x.to_owned() }
        };
        matrix(a, ta).dot(&matrix(b, tb)).into_dyn()
    }

    fn batched(a: &ArrayD<f64>, b: &ArrayD<f64>, batch: &[usize], [ta, tb]: [bool; 2]) -> ArrayD<f64> {
        let stretched = |x: &ArrayD<f64>| {
            let [.., rows, columns] = *x.shape() else { unreachable!("operands have two axes") };
            let lengths: Vec<usize> = batch.iter().copied().chain([rows, columns]).collect();
            let whole = x.broadcast(lengths).unwrap().to_owned();
            whole.into_shape_with_order((batch.iter().product::<usize>(), rows, columns)).unwrap()
        };
        let (a, b) = (stretched(a), stretched(b));
        let each = a.outer_iter().zip(b.outer_iter());
        let each: Vec<_> = each
            .map(|(a, b)| product(&a.to_owned().into_dyn(), &b.to_owned().into_dyn(), [ta, tb]))
            .collect();
        let (rows, columns) = (a.shape()[if ta { 2 } else { 1 }], b.shape()[if tb { 1 } else { 2 }]);
        let lengths: Vec<usize> = batch.iter().copied().chain([rows, columns]).collect();
        ArrayD::from_shape_vec(lengths, each.into_iter().flatten().collect()).unwrap()
    }

    let mut examples: Vec<Example> = Vec::new();
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
