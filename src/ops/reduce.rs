//! Reductions over axes: `reduce_sum`, `reduce_max` and `reduce_min`.

use crate::element::DType;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::graph::op::Scaled;
use crate::graph::op::{Attributes, Op, OpDef};
use crate::ir::{Lowering, Reduce, Scalar, Val};
use crate::ops::internal::internal;
use crate::ops::methods::methods;
use crate::ops::product::ProductOfOthers;
use crate::shape::{Axes, Shape, ShapeError, TensorType};

/// One element for all those along the axes: their sum, their product, or the largest or smallest of them.
#[derive(Debug)]
pub(super) struct Reduction {
    pub(super) reduce: Reduce,
    pub(super) axes: Axes,
}

impl Op for Reduction {
    fn name(&self) -> &'static str {
        match self.reduce {
            Reduce::Sum => "reduce_sum",
            Reduce::Prod => "reduce_prod",
            Reduce::Max => "reduce_max",
            Reduce::Min => "reduce_min",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let x = inputs[0];
        let axes = self.axes.resolve(x.shape.rank())?;
        Ok(TensorType::new(x.dtype, x.shape.reduced(&axes, self.axes.keeps_dims())))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dims = to.dims(inputs[0]).to_vec();
        // The shape rule has accepted the axes.
        let axes = self.axes.resolve(dims.len()).unwrap_or_default();
        let reduced = to.reduce(self.reduce, inputs[0], &axes);
        if self.axes.keeps_dims() { to.reshape(reduced, kept(&dims, &axes)) } else { reduced }
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (x, y) = (at.input(0), at.output());
        let broadcast = || BroadcastAlong(self.axes.clone());
        at.give(0, |dy| match self.reduce {
            Reduce::Sum => dy.binary(broadcast(), x),
            Reduce::Prod => {
                let others = x.unary(ProductOfOthers { axes: self.axes.clone() });
                dy.binary(broadcast(), x).binary(Scaled, others)
            }
            // Elements that tie share the cotangent equally. Next to a NaN, which the extreme is then, no element is
            // less, so each gets a share, which is NaN as well.
            Reduce::Max | Reduce::Min => {
                let extreme = y.binary(broadcast(), x);
                let is_less = match self.reduce {
                    Reduce::Max => x.less(extreme),
                    _ => extreme.less(x),
                };
                let zero = dy.scalar_like(0.0);
                let one = dy.scalar_like(1.0);
                let ties = is_less.select(zero, one).reduce_sum(self.axes.clone());
                let nan = y.not_equal(y).select(y, one);
                is_less.select(zero, (dy / ties).binary(Scaled, nan).binary(broadcast(), x))
            }
        });
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("axes", self.axes.clone())
    }
}

/// The lengths with 1 in place of the reduced axes.
pub(super) fn kept(dims: &[usize], axes: &[usize]) -> Vec<usize> {
    dims.iter().enumerate().map(|(axis, &length)| if axes.contains(&axis) { 1 } else { length }).collect()
}

/// The gradient of a sum: repeats a reduced tensor along the reduced axes of its second input, of
/// which only the shape counts.
#[derive(Debug)]
pub(super) struct BroadcastAlong(pub(super) Axes);

impl Op for BroadcastAlong {
    fn name(&self) -> &'static str {
        "broadcast_along"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let (reduced, like) = (inputs[0], inputs[1]);
        let axes = self.0.resolve(like.shape.rank())?;
        let expected = like.shape.reduced(&axes, self.0.keeps_dims());
        if !reduced.shape.agrees_with(&expected) {
            return Err(
                ShapeError::BroadcastTo { from: reduced.shape.clone(), to: like.shape.clone() }.into()
            );
        }
        Ok(TensorType::new(reduced.dtype, &like.shape))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dims = to.dims(inputs[1]).to_vec();
        let axes = self.0.resolve(dims.len()).unwrap_or_default();
        let reduced = to.reshape(inputs[0], kept(&dims, &axes));
        to.broadcast(reduced, dims)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.give(0, |dy| dy.reduce_sum(self.0.clone()));
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("axes", self.0.clone())
    }
}

/// How many elements there are along the axes: a scalar that depends on the input's shape alone.
#[derive(Debug)]
struct Count {
    axes: Axes,
    dtype: DType,
}

impl Op for Count {
    fn name(&self) -> &'static str {
        "count"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        self.axes.resolve(inputs[0].shape.rank())?;
        Ok(TensorType::new(self.dtype, Shape::scalar()))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dims = to.dims(inputs[0]);
        let axes = self.axes.resolve(dims.len()).unwrap_or_default();
        let count = axes.iter().map(|&axis| dims[axis] as f64).product();
        to.scalar(count, self.dtype)
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}

    fn differentiable(&self, _: usize) -> bool {
        false
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("axes", self.axes.clone())
    }
}

/// A sum over the number of its elements.
#[derive(Debug)]
struct OverCount;

impl Op for OverCount {
    fn name(&self) -> &'static str {
        "over_count"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        inputs[0].together(inputs[1])
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        to.map(Scalar::Div, inputs)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let count = at.input(1);
        // The sum of nothing has no slope, and 0/0 is none.
        at.divide(0, || count.maximum(1.0));
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }
}

impl AnyTensor<'_> {
    /// The sum along the axes over the number of elements.
    #[track_caller]
    pub(super) fn sum_over_count(self, axes: Axes) -> Self {
        let count = self.unary(Count { axes: axes.clone(), dtype: self.dtype() });
        self.reduce_sum(axes).binary(OverCount, count)
    }

    /// For ops that are composed of reductions: the invalid tensor that the axes make of this one, if they
    /// are one, under the name of the op that the user called.
    #[track_caller]
    pub(crate) fn invalid_axes(self, op: &'static str, axes: &Axes) -> Option<Self> {
        let fault = axes.resolve(self.shape().rank()).err().filter(|_| !self.is_invalid())?;
        Some(self.graph().invalid_any(op, fault.into()))
    }
}

methods! {
    /// Σ over the given axes: `..` for all, `-1`, `[0, -1]`, or [`Axes`] to keep them with length 1. It is added up in
    /// blocks and these in pairs, so the error of n numbers of one sign is some roundings for each doubling of n.
    ///
    /// Gradient: the cotangent, repeated along the axes. The sum of nothing is 0. An axis out of
    /// range or listed twice is a build error; an empty list leaves the tensor as it is.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0]]));
    /// let [all, rows] = [x.reduce_sum(..), x.reduce_sum(-1)];
    /// let session = Session::new(&g)?;
    /// assert_eq!(session.run(all)?.sum(), 10.0);
    /// assert_eq!(session.run(rows)?, ndarray::arr1(&[3.0, 7.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("sum"))]
    fn reduce_sum<Numeric>(x, axes: [Axes]) -> Self {
        x.unary(Reduction { reduce: Reduce::Sum, axes })
    }

    /// The largest element along the axes; NaN if one is. Axes as for [`reduce_sum`](crate::Tensor::reduce_sum).
    ///
    /// Gradient: the cotangent, to the largest element; elements that tie share it equally, and all elements get NaN
    /// where one is. The
    /// maximum of nothing is -∞, for integers the least there is.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[1.0, 2.0], [4.0, 3.0]]));
    /// assert_eq!(Session::new(&g)?.run(x.reduce_max(-1))?, ndarray::arr1(&[2.0, 4.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("max", "amax"))]
    fn reduce_max<Numeric>(x, axes: [Axes]) -> Self {
        x.unary(Reduction { reduce: Reduce::Max, axes })
    }

    /// The smallest element along the axes; NaN if one is. Axes as for [`reduce_sum`](crate::Tensor::reduce_sum).
    ///
    /// Gradient: the cotangent, to the smallest element; elements that tie share it equally, and all elements get NaN
    /// where one is. The
    /// minimum of nothing is ∞, for integers the greatest there is.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[1.0, 2.0], [4.0, 3.0]]));
    /// assert_eq!(Session::new(&g)?.run(x.reduce_min(0))?, ndarray::arr1(&[1.0, 2.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("min", "amin"))]
    fn reduce_min<Numeric>(x, axes: [Axes]) -> Self {
        x.unary(Reduction { reduce: Reduce::Min, axes })
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "broadcast_along" (x: Element, like: Element) [axes: Axes] |given| BroadcastAlong(axes);
    "count" (x: Numeric) [axes: Axes] |given| Count { axes, dtype: given[0].dtype() };
    "over_count" (x: Float, count: Same) [] |given| OverCount;
};

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, Axis};

    fn sum(x: &ArrayD<f64>, axes: &[usize]) -> ArrayD<f64> {
        axes.iter().rev().fold(x.clone(), |sum, &axis| sum.sum_axis(Axis(axis)))
    }

    fn extreme(x: &ArrayD<f64>, axis: usize, reduce: fn(f64, f64) -> f64, empty: f64) -> ArrayD<f64> {
        x.fold_axis(Axis(axis), empty, |&a, &b| reduce(a, b))
    }

    let mut examples: Vec<Example> = Vec::new();
    for dims in [[2, 3, 4], [1, 3, 1], [0, 2, 3], [2, 0, 3], [70, 2, 3], [2, 3, 70]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("sum all", &[dims], |_, x| x[0].reduce_sum(..), |x| sum(&x[0], &[0, 1, 2])),
            example!("sum first", &[dims], |_, x| x[0].reduce_sum(0), |x| sum(&x[0], &[0])),
            example!("sum middle", &[dims], |_, x| x[0].reduce_sum(1), |x| sum(&x[0], &[1])),
            example!("sum last", &[dims], |_, x| x[0].reduce_sum(-1), |x| sum(&x[0], &[2])),
            example!("sum ends", &[dims], |_, x| x[0].reduce_sum([-1, 0]), |x| sum(&x[0], &[0, 2])),
            example!("sum none", &[dims], |_, x| x[0].reduce_sum([]), |x| x[0].clone()),
            example!("sum kept", &[dims], |_, x| x[0] * x[0].reduce_sum(Axes::of([1]).keep_dims()), |x| &x
                [0]
                * &sum(&x[0], &[1]).insert_axis(Axis(1)),),
            example!("sum of transposed", &[dims], |_, x| x[0].transpose().reduce_sum(0), |x| sum(
                &x[0],
                &[2]
            )
            .reversed_axes(),),
        ]);
    }
    for dims in [[3, 4], [70, 3], [0, 3], [2, 70]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("max first", &[dims], |_, x| x[0].reduce_max(0), |x| extreme(
                &x[0],
                0,
                f64::max,
                f64::NEG_INFINITY
            ),),
            example!("min last", &[dims], |_, x| x[0].reduce_min(Axes::of([-1]).keep_dims()), |x| extreme(
                &x[0],
                1,
                f64::min,
                f64::INFINITY
            )
            .insert_axis(Axis(1)),),
            example!("max all", &[dims], |_, x| x[0].reduce_max(..), |x| ndarray::arr0(
                x[0].fold(f64::NEG_INFINITY, |a, &b| a.max(b))
            )
            .into_dyn(),),
        ]);
    }
    examples.extend([
        // Rows too long for a tile are reduced apart, also when they are transposed or repeat.
        example!("long rows", &[&[2, 1100]], |_, x| x[0].reduce_sum(-1), |x| sum(&x[0], &[1])),
        example!("long columns", &[&[2, 1100]], |_, x| x[0].reduce_sum(0), |x| sum(&x[0], &[0])),
        example!("long transposed rows", &[&[1100, 2]], |_, x| x[0].transpose().reduce_sum(-1), |x| sum(
            &x[0],
            &[0]
        ),),
        example!("long repeated rows", &[&[1100], &[2, 1]], |_, x| (x[0] + x[1]).reduce_sum(0), |x| sum(
            &(&x[0] + &x[1]),
            &[0]
        ),),
    ]);
    examples
}
