//! Tensors of one number, in given lengths or in those of a tensor: `zeros`, `ones`, `fill`, `zeros_like`, `ones_like`,
//! `full_like`; and `eye`. They are broadcast numbers, so they take no memory and no time.

use crate::element::{DType, Element, Numeric};
use crate::graph::op::{AttributeDef, BroadcastLike, OpDef};
use crate::graph::{AnyTensor, Graph, Operand, Tensor};
use crate::ops::lengths::{Length, Lengths};
use crate::ops::methods::methods;

impl Graph {
    /// Zeros of a shape, whose lengths may be [computed](crate::Length) out of those of tensors. Of booleans, `false`.
    ///
    /// For the start of a variable see [`zeros`](crate::initializer::zeros).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [None, Some(4)]);
    /// assert_eq!(g.zeros::<f32>((x.dim(0), 3)).shape().to_string(), "[?, 3]");
    /// assert_eq!(g.zeros::<f64>([2, 3]).shape().to_string(), "[2, 3]");
    /// assert_eq!(g.zeros::<i64>([]).shape().to_string(), "[]");
    /// ```
    #[track_caller]
    pub fn zeros<'g, T: Element>(&'g self, lengths: impl Into<Lengths<'g>>) -> Tensor<'g, T> {
        self.number_any(0.0, T::DTYPE, lengths).typed()
    }

    /// Ones of a shape, as [`zeros`](Graph::zeros). Of booleans, `true`.
    #[track_caller]
    pub fn ones<'g, T: Element>(&'g self, lengths: impl Into<Lengths<'g>>) -> Tensor<'g, T> {
        self.number_any(1.0, T::DTYPE, lengths).typed()
    }

    #[track_caller]
    fn number_any<'g>(&'g self, number: f64, dtype: DType, lengths: impl Into<Lengths<'g>>) -> AnyTensor<'g> {
        self.scalar(number, dtype).broadcast_to(lengths)
    }

    /// A number, or a tensor, repeated to a shape whose lengths may be [computed](crate::Length).
    ///
    /// Gradient: the sum of the cotangent to a tensor.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.fill([2], 0.5);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[0.5, 0.5]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("full", "constant"))]
    #[track_caller]
    pub fn fill<'g, T: Element>(
        &'g self,
        lengths: impl Into<Lengths<'g>>,
        value: impl Operand<'g, T>,
    ) -> Tensor<'g, T> {
        value.into_tensor(self).broadcast_to(lengths)
    }

    /// The identity matrix of so many rows and columns: 1 on the diagonal, 0 elsewhere.
    ///
    /// The number of rows is a number, or [computed](crate::Length) out of lengths of tensors: `x.dim(0)`. A tensor that
    /// holds the number is none, for lengths are known before a run computes anything. Where only a run can tell it, fetch
    /// it first, or make the matrix large enough and cut it by a [mask](crate::Tensor::boolean_mask).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = Session::new(&g)?.run(g.eye::<f64>(2))?;
    /// assert_eq!(y, ndarray::arr2(&[[1.0, 0.0], [0.0, 1.0]]).into_dyn());
    /// let x = g.placeholder::<f64>("x", [None, Some(3)]);
    /// assert_eq!(g.eye::<f64>(x.dim(0)).shape().to_string(), "[?, ?]");
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("identity"))]
    #[track_caller]
    pub fn eye<'g, T: Numeric>(&'g self, n: impl Into<Length<'g>>) -> Tensor<'g, T> {
        self.eye_any(n, T::DTYPE).typed()
    }

    /// The same as [`eye`](Graph::eye) of an element type that is given as a value.
    #[track_caller]
    pub fn eye_any<'g>(&'g self, n: impl Into<Length<'g>>, dtype: DType) -> AnyTensor<'g> {
        #[cfg(test)]
        super::laws::called("eye");
        self.number_any(1.0, dtype, n.into()).diag()
    }
}

methods! {
    /// Zeros of the shape and element type of a tensor, whose elements do not matter. The shape may be unknown while
    /// building.
    ///
    /// No gradient passes.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [None, Some(3)]);
    /// assert_eq!(x.zeros_like().shape().to_string(), "[?, 3]");
    /// ```
    fn zeros_like<Element>(x) -> Self {
        x.filled(0.0)
    }

    /// Ones of the shape and element type of a tensor, as [`zeros_like`](crate::Tensor::zeros_like).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [None, Some(3)]);
    /// assert_eq!(x.ones_like().shape().to_string(), "[?, 3]");
    /// ```
    fn ones_like<Element>(x) -> Self {
        x.filled(1.0)
    }

    /// A number, or a tensor that broadcasts, repeated to the shape of this tensor, whose elements do not matter.
    ///
    /// Gradient: the sum of the cotangent to what is repeated. What does not broadcast to the shape is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [None, Some(3)]);
    /// assert_eq!(x.full_like(0.5).shape().to_string(), "[?, 3]");
    /// ```
    fn full_like<Element>(x, value: (Self)) -> Self {
        value.binary(BroadcastLike, x)
    }

    also [
        OpDef {
            name: "eye",
            doc: "The identity matrix of so many rows and columns: 1 on the diagonal, 0 elsewhere.",
            operands: &[],
            attributes: &[AttributeDef::of::<usize>("n"), AttributeDef::of::<DType>("dtype")],
            build: |graph, _, attributes| {
                Ok(vec![graph.eye_any(attributes.value::<usize>("n")?, attributes.value("dtype")?)])
            },
        },
    ]
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{Array2, ArrayD};

    let mut examples: Vec<Example> = vec![
        example!("zeros and ones", &[&[2, 3]], |g, x| x[0] * g.ones([3]) + g.zeros((2, 1)), |x| x[0].clone()),
        example!("ones of no axes", &[&[]], |g, x| x[0] * g.ones([]), |x| x[0].clone()),
        example!("fill with a tensor", &[&[2, 1]], |g, x| g.fill([2, 3], x[0]), |x| x[0]
            .broadcast(vec![2, 3])
            .unwrap()
            .to_owned()),
        example!("eye", &[&[2, 3]], |g, x| x[0].matmul(g.eye(3)) + g.eye(1), |x| &x[0] + 1.0),
        example!("eye of a computed size", &[&[2, 3]], |g, x| g.eye(x[0].dim(0)).matmul(x[0]), |x| x[0]
            .clone()),
        example!("eye of nothing", &[&[0]], |g, x| g.eye(0).matmul(x[0]), |x| x[0].clone()),
        example!("eye of numbers", &[], |g, _| g.eye::<i32>(3).cast(), |_| Array2::eye(3).into_dyn()),
    ];
    for dims in [&[2, 3][..], &[0, 2], &[]] {
        examples.extend([
            example!("zeros_like", &[dims], |_, x| x[0].zeros_like() + x[0], |x| x[0].clone()),
            example!("ones_like", &[dims], |_, x| x[0].ones_like() * x[0], |x| x[0].clone()),
            example!("full_like", &[dims, &[]], |_, x| x[0].full_like(x[1]) + x[0], |x| &x[0] + x[1].sum()),
        ]);
    }
    examples.push(example!(
        "ones_like of booleans",
        &[&[2]],
        |_, x| x[0].less(0.0).ones_like().cast(),
        |_| { ArrayD::ones(vec![2]) }
    ));
    examples
}
