//! `one_hot`: class numbers as rows of ones and zeros.

use crate::element::{DType, Element, Integer};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{AttributeDef, Attributes, Elements, Op, OpDef, OperandDef};
use crate::graph::{AnyTensor, Tensor};
use crate::ir::{Lowering, Scalar, Val};
use crate::ops::methods::methods;
use crate::shape::TensorType;

/// For each index a row of so many elements, of which the one at the index is 1 and the others are 0.
#[derive(Debug)]
struct OneHot {
    depth: usize,
    dtype: DType,
}

impl Op for OneHot {
    fn name(&self) -> &'static str {
        "one_hot"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let mut lengths = inputs[0].shape.dims().to_vec();
        lengths.push(Some(self.depth));
        Ok(TensorType::new(self.dtype, lengths))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let mut dims = to.dims(inputs[0]).to_vec();
        dims.push(1);
        let indices = to.cast(inputs[0], DType::I64);
        let indices = to.reshape(indices, dims);
        let classes = to.iota(0, self.depth);
        let hits = to.compare(Scalar::Equal, &[indices, classes]);
        to.cast(hits, self.dtype)
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}

    fn differentiable(&self, _: usize) -> bool {
        false
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("depth", self.depth).with("dtype", self.dtype)
    }
}

methods! {
    also [
        OpDef {
            name: "one_hot",
            doc: "A row of `depth` elements for each index: 1 at the index, 0 elsewhere.",
            operands: &[OperandDef::one("x", Elements::Integer)],
            attributes: &[AttributeDef::of::<usize>("depth"), AttributeDef::of::<DType>("dtype")],
            build: |_, operands, attributes| {
                Ok(vec![operands[0].one_hot(attributes.value("depth")?, attributes.value("dtype")?)])
            },
        },
    ]
}

impl AnyTensor<'_> {
    /// The same as [`Tensor::one_hot`](crate::Tensor::one_hot), of the given element type; that of the indices is
    /// checked when the node is built.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let classes = g.placeholder::<i64>("classes", [None]).any();
    /// assert_eq!(classes.one_hot(10, DType::F32).shape().to_string(), "[?, 10]");
    /// ```
    #[track_caller]
    pub fn one_hot(self, depth: usize, dtype: DType) -> Self {
        if let Some(invalid) = Elements::Integer.refuse("one_hot", self, self.dtype()) {
            return invalid;
        }
        self.unary(OneHot { depth, dtype })
    }
}

impl<'g, T: Integer> Tensor<'g, T> {
    /// A row of `depth` elements for each index, of `i32` or `i64`: 1 at the index, 0 elsewhere. An index that is negative
    /// or not below the depth gives a row of zeros.
    ///
    /// No gradient passes.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let rows = g.constant(ndarray::arr1(&[1_i64, 0, 3])).one_hot::<f32>(2);
    /// assert_eq!(Session::new(&g)?.run(rows)?, ndarray::arr2(&[[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("to_categorical"))]
    #[track_caller]
    pub fn one_hot<U: Element>(self, depth: usize) -> Tensor<'g, U> {
        self.any().one_hot(depth, U::DTYPE).typed()
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, arr0, arr1, arr2, s};

    let mut examples: Vec<Example> = vec![
        example!("one_hot of a number", &[&[3]], |g, x| g.constant(arr0(2_i64)).one_hot(3) * x[0], |x| {
            arr1(&[0.0, 0.0, x[0][[2]]]).into_dyn()
        },),
        example!(
            "one_hot of a matrix",
            &[&[2, 2, 2]],
            |g, x| g.constant(arr2(&[[1_i64, 0], [-1, 2]])).one_hot(2) * x[0],
            |x| {
                let mut hot = ArrayD::zeros(vec![2, 2, 2]);
                hot[[0, 0, 1]] = x[0][[0, 0, 1]];
                hot[[0, 1, 0]] = x[0][[0, 1, 0]];
                hot
            },
        ),
        example!("one_hot of an i32", &[&[3]], |g, x| g.constant(arr0(1_i32)).one_hot(3) * x[0], |x| {
            arr1(&[0.0, x[0][[1]], 0.0]).into_dyn()
        }),
        example!(
            "one_hot of no depth",
            &[&[2, 0]],
            |g, x| g.constant(arr1(&[0_i64, 1])).one_hot(0) + x[0],
            |x| x[0].clone()
        ),
    ];
    for rows in [0, 1, 3] {
        examples.push(example!(
            "one_hot of what was computed",
            &[&[rows]],
            |_, x| (x[0] * x[0]).cast::<i64>().one_hot(4),
            |x| {
                let mut hot = ArrayD::zeros(vec![x[0].len(), 4]);
                for (row, number) in x[0].iter().enumerate() {
                    hot.slice_mut(s![row, (number * number) as usize]).fill(1.0);
                }
                hot
            },
        ));
    }
    examples
}
