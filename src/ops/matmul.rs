//! `matmul`: the product of two matrices, either of them transposed without being moved.

use crate::dtype::Numeric;
use crate::error::Mistake;
use crate::gradient::Pullback;
use crate::graph::{AnyTensor, Operand, Tensor};
use crate::lower::{Lowering, Val};
use crate::op::Op;
use crate::shape::{Shape, TensorType};

/// op(a)·op(b), where op transposes if the flag says so.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MatMul {
    transpose_a: bool,
    transpose_b: bool,
}

/// The shape as the product sees it.
fn oriented(shape: &Shape, transpose: bool) -> Shape {
    let mut lengths = shape.dims().to_vec();
    if transpose {
        lengths.reverse();
    }
    lengths.into()
}

impl Op for MatMul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        let left = oriented(&inputs[0].shape, self.transpose_a);
        let right = oriented(&inputs[1].shape, self.transpose_b);
        let (&[rows, left_inner], &[right_inner, columns]) = (left.dims(), right.dims()) else {
            return Err(Mistake::MatMulRank { left, right });
        };
        match (left_inner, right_inner) {
            (Some(left_inner), Some(right_inner)) if left_inner != right_inner => Err(Mistake::MatMulInner {
                left,
                right,
                left_inner,
                right_inner,
            }),
            _ => Ok(TensorType::new(inputs[0].dtype, [rows, columns])),
        }
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let mut operand = |val, transpose| {
            if transpose {
                to.permute(val, vec![1, 0])
            } else {
                val
            }
        };
        let a = operand(inputs[0], self.transpose_a);
        let b = operand(inputs[1], self.transpose_b);
        to.contract(a, b)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (a, b) = (at.input(0), at.input(1));
        let MatMul {
            transpose_a,
            transpose_b,
        } = *self;
        at.give(0, |dy| {
            if transpose_a {
                b.matmul(dy, transpose_b, true)
            } else {
                dy.matmul(b, false, !transpose_b)
            }
        });
        at.give(1, |dy| {
            if transpose_b {
                dy.matmul(a, true, transpose_a)
            } else {
                a.matmul(dy, !transpose_a, false)
            }
        });
    }

    fn attributes(&self) -> String {
        match (self.transpose_a, self.transpose_b) {
            (false, false) => "",
            (true, false) => "transpose_a",
            (false, true) => "transpose_b",
            (true, true) => "transpose_a transpose_b",
        }
        .to_owned()
    }
}

impl<'g> AnyTensor<'g> {
    #[track_caller]
    fn matmul(self, other: AnyTensor<'g>, transpose_a: bool, transpose_b: bool) -> Self {
        self.binary(
            MatMul {
                transpose_a,
                transpose_b,
            },
            other,
        )
    }
}

impl<'g, T: Numeric> Tensor<'g, T> {
    /// The matrix product `self · other` of shapes [m, k] and [k, n]; it has shape [m, n].
    ///
    /// Gradient: dy·otherᵀ to `self`, selfᵀ·dy to `other`; no transpose is materialised. Operands
    /// that are not matrices, or whose inner lengths differ, are a building error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0]]));
    /// let x = g.constant(ndarray::arr2(&[[10.0], [1.0]]));
    /// assert_eq!(Session::new(&g)?.run(a.matmul(x))?, ndarray::arr2(&[[12.0], [34.0]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn matmul(self, other: impl Operand<'g, T>) -> Self {
        self.matmul_transposed(other, false, false)
    }

    /// The matrix product with either operand transposed first: selfᵀ·other, self·otherᵀ,
    /// selfᵀ·otherᵀ. As fast as [`matmul`](Tensor::matmul).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [None, Some(3)]);
    /// assert_eq!(x.matmul_transposed(x, true, false).shape().to_string(), "[3, 3]");
    /// ```
    #[track_caller]
    pub fn matmul_transposed(
        self,
        other: impl Operand<'g, T>,
        transpose_self: bool,
        transpose_other: bool,
    ) -> Self {
        let any = self.any();
        Tensor::typed(any.matmul(
            other.into_tensor(any.graph()).any(),
            transpose_self,
            transpose_other,
        ))
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

    let mut examples: Vec<Example> = Vec::new();
    // Small, empty on either side and inside, and long enough to be skinny in each direction.
    for [m, k, n] in [[2, 3, 4], [0, 2, 2], [2, 0, 2], [1, 1, 1], [40, 2, 1], [2, 40, 1], [40, 3, 5], [3, 33, 2]] {
        let forms: [(&[usize], &[usize]); 4] = [(&[m, k], &[k, n]), (&[k, m], &[k, n]), (&[m, k], &[n, k]), (&[k, m], &[n, k])];
        let [nn, tn, nt, tt] = forms.map(|(a, b)| [a, b]);
        examples.extend([
            example("matmul", &nn, |_, x| x[0].matmul(x[1]), |x| product(&x[0], &x[1], [false, false])),
            example("matmul tn", &tn, |_, x| x[0].matmul_transposed(x[1], true, false), |x| product(&x[0], &x[1], [true, false])),
            example("matmul nt", &nt, |_, x| x[0].matmul_transposed(x[1], false, true), |x| product(&x[0], &x[1], [false, true])),
            example("matmul tt", &tt, |_, x| x[0].matmul_transposed(x[1], true, true), |x| product(&x[0], &x[1], [true, true])),
        ]);
    }
    examples.push(example("matmul of a transpose", &[&[3, 40], &[3, 2]], |_, x| x[0].transpose().matmul(x[1] * 3.0), |x| {
        product(&x[0], &(3.0 * &x[1]), [true, false])
    }));
    examples
}
