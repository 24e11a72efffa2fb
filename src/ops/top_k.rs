//! `top_k`: the largest elements along the last axis, and where they lie.

use std::cmp::Ordering;

use ndarray::Axis;

use crate::element::{ArrayMut, ArrayRef, DType, Numeric};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{AttributeDef, Attributes, Elements, MultiOp, OpDef, OperandDef, Outputs};
use crate::graph::{AnyTensor, Tensor};
use crate::ir::{Dims, Kernel, KernelError, Lowering, Val};
use crate::kernel::number::{Number, ascending, with_number};
use crate::ops::gather::{put_along_axis, take_along_axis};
use crate::shape::{Shape, ShapeError, TensorType};

/// What can be wrong with asking for the largest elements.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopKFault {
    /// More are asked for than there are.
    #[error("expected at most as many elements as the last axis of {shape} has, got {k}")]
    TooMany {
        /// How many are asked for.
        k: usize,
        /// The shape of the operand.
        shape: Shape,
    },
}

/// The indices of the `k` largest elements of each row, the largest first.
#[derive(Clone, Copy, Debug)]
struct TopK {
    k: usize,
}

impl MultiOp for TopK {
    fn name(&self) -> &'static str {
        "top_k"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<Outputs<TensorType>, Fault> {
        let TensorType { dtype, shape } = inputs[0];
        let Some((length, rows)) = shape.dims().split_last() else {
            return Err(ShapeError::AxisOutOfRange { axis: -1, rank: 0 }.into());
        };
        if length.is_some_and(|length| length < self.k) {
            return Err(Fault::op(TopKFault::TooMany { k: self.k, shape: shape.clone() }));
        }
        let shape = Shape::from([rows, &[Some(self.k)]].concat());
        Ok([TensorType::new(*dtype, &shape), TensorType::new(DType::I64, shape)].into())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Outputs<Val> {
        let mut dims = Dims::from(to.dims(inputs[0]));
        dims.pop();
        dims.push(self.k);
        let indices = to.kernel(*self, inputs, DType::I64, dims);
        [take_along_axis(inputs[0], indices, -1, to), indices].into()
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (x, indices) = (at.input(0), at.outputs()[1]);
        at.give(0, |dy| put_along_axis(dy, indices, -1, x));
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("k", self.k)
    }
}

impl Kernel for TopK {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        if self.k == 0 {
            return Ok(());
        }
        let mut output = output.into_view::<i64>()?;
        let last = Axis(output.ndim() - 1);
        with_number!(inputs[0].dtype(), T => {
            let x = inputs[0].view::<T>()?;
            let mut ranked: Vec<(usize, T)> = Vec::new();
            ranked.try_reserve_exact(x.len_of(last)).map_err(KernelError::other)?;
            for (mut indices, row) in output.lanes_mut(last).into_iter().zip(x.lanes(last)) {
                ranked.clear();
                ranked.extend(row.iter().copied().enumerate());
                if self.k < ranked.len() {
                    ranked.select_nth_unstable_by(self.k, descending);
                    ranked.truncate(self.k);
                }
                ranked.sort_unstable_by(descending);
                for (to, (index, _)) in indices.iter_mut().zip(&ranked) {
                    *to = *index as i64;
                }
            }
        }, else ());
        Ok(())
    }
}

/// Larger elements first, NaNs before all numbers, and equal ones by their indices.
fn descending<T: Number>(a: &(usize, T), b: &(usize, T)) -> Ordering {
    ascending(&b.1, &a.1).then(a.0.cmp(&b.0))
}

impl AnyTensor<'_> {
    /// The same as [`Tensor::top_k`]; element types are checked when the node is built.
    #[track_caller]
    pub fn top_k(self, k: usize) -> (Self, Self) {
        if let Some(invalid) = Elements::Numeric.refuse("top_k", self, self.dtype()) {
            return (invalid, invalid);
        }
        match self.graph().apply_all(TopK { k }, &[self])[..] {
            [values, indices] => (values, indices),
            // One invalid tensor stands for both.
            [ref invalid, ..] => (*invalid, *invalid),
            [] => (self, self),
        }
    }
}

impl<'g, T: Numeric> Tensor<'g, T> {
    /// The `k` largest elements of each row, a row being what lies along the last axis, from the largest on, and
    /// their indices in the row. Of equal elements the first comes first; NaNs count as larger than all numbers.
    ///
    /// Gradient: the cotangent of the values, each to the element that it is; none to or through the indices. A
    /// tensor without axes, or with rows of fewer than `k` elements, is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[1.0, 3.0, 2.0], [5.0, 4.0, 5.0]]));
    /// let (values, indices) = Session::new(&g)?.run(x.top_k(2))?;
    /// assert_eq!(values, ndarray::arr2(&[[3.0, 2.0], [5.0, 5.0]]).into_dyn());
    /// assert_eq!(indices, ndarray::arr2(&[[1, 2], [0, 2]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("topk"))]
    #[track_caller]
    pub fn top_k(self, k: usize) -> (Tensor<'g, T>, Tensor<'g, i64>) {
        let (values, indices) = self.any().top_k(k);
        (Tensor::typed(values), Tensor::typed(indices))
    }
}

pub(super) const METHODS: &[&[OpDef]] = &[&[OpDef {
    name: "top_k",
    doc: "The `k` largest elements of each row, from the largest on, and their indices in the row.",
    operands: &[OperandDef::one("x", Elements::Numeric)],
    attributes: &[AttributeDef::of::<usize>("k")],
    build: |_, operands, attributes| {
        let (values, indices) = operands[0].top_k(attributes.value("k")?);
        Ok(vec![values, indices])
    },
}]];

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, Slice, array};

    /// Each row sorted as a whole.
    fn largest(x: &ArrayD<f64>, k: usize) -> ArrayD<f64> {
        let (mut sorted, last) = (x.clone(), Axis(x.ndim() - 1));
        for mut row in sorted.lanes_mut(last) {
            let mut elements = row.to_vec();
            elements.sort_by(|a, b| b.total_cmp(a));
            row.assign(&ndarray::Array1::from(elements));
        }
        sorted.slice_axis(last, Slice::from(..k)).to_owned()
    }

    let mut examples: Vec<Example> = Vec::new();
    for dims in [&[2, 3, 4][..], &[0, 3], &[5, 3], &[7]] {
        examples.extend([
            example!("top_k", &[dims], |_, x| x[0].top_k(2).0, |x| largest(&x[0], 2)),
            example!("top_k of all", &[dims], |_, x| x[0].top_k(3).0 * x[0].top_k(3).0, |x| largest(
                &x[0], 3
            )
            .mapv(|x| x * x)),
            example!("top_k of none", &[dims], |_, x| x[0].top_k(0).0, |x| largest(&x[0], 0)),
        ]);
    }
    let ties = array![[1.0, 2.0, 2.0, 1.0, 2.0], [f64::NAN, 0.0, f64::INFINITY, f64::NAN, -1.0]].into_dyn();
    examples.extend([
        example!("indices of top_k", &[&[2, 5]], |_, x| x[0].top_k(4).1.cast(), |_| {
            array![[1.0, 2.0, 4.0, 0.0], [0.0, 3.0, 2.0, 1.0]].into_dyn()
        })
        .on(vec![ties]),
        example!(
            "top_k of integers",
            &[&[2, 9]],
            |_, x| (x[0] * 100.0).cast::<i32>().top_k(3).0.cast(),
            |x| { largest(&x[0].mapv(|x| (x * 100.0).trunc()), 3) }
        ),
    ]);
    examples
}
