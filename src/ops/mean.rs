//! `reduce_mean`: a sum over the number of its elements, but of equal numbers the number itself.

use ndarray::{ArrayView3, ArrayViewMut3, Axis};

use crate::element::{ArrayMut, ArrayRef, DType};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::graph::Float;
use crate::graph::op::{Attributes, Op, OpDef};
use crate::ir::{Kernel, KernelError, Lowering, Reduce, Scalar, Val};
use crate::ops::internal::internal;
use crate::ops::methods::methods;
use crate::shape::{Axes, TensorType};

/// A mean, the first input, in whose place comes the number itself where all numbers are equal: where the least of them,
/// the second input, is also the largest, the third. A sum over a count may be off by a rounding, and overflow.
///
/// Of equal numbers the mean has the same slopes as of others, so the gradient is that of the mean alone.
#[derive(Debug)]
struct UnlessEqual;

impl Op for UnlessEqual {
    fn name(&self) -> &'static str {
        "unless_equal"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        unless_equal([0, 1, 2].map(|input| inputs[input]), to)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.give(0, |dy| dy);
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }
}

fn unless_equal([mean, least, largest]: [Val; 3], to: &mut Lowering<'_>) -> Val {
    let are_equal = to.compare(Scalar::Equal, &[least, largest]);
    to.map(Scalar::Select, &[are_equal, least, mean])
}

/// The same for the numbers along the axes of the second input, of which the first is the mean.
///
/// Where the sum is part of a region, so are the least and the largest number, which takes no more passes over memory.
/// Where it is not, the numbers are in memory anyway, and a kernel looks only as far as to the first one that differs.
#[derive(Debug)]
struct UnlessAllEqual(Axes);

impl Op for UnlessAllEqual {
    fn name(&self) -> &'static str {
        "unless_all_equal"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (mean, x) = (inputs[0], inputs[1]);
        let (mean_dims, dims) = (to.dims(mean).to_vec(), to.dims(x).to_vec());
        let axes = self.0.resolve(dims.len()).unwrap_or_default();
        // A single number is its mean.
        if axes.iter().all(|&axis| dims[axis] == 1) {
            return mean;
        }
        if let Some([outer, axis, inner]) = to.reduced_apart(x, &axes) {
            let mean = to.reshape(mean, [outer, 1, inner]);
            let x = to.reshape(x, [outer, axis, inner]);
            let dtype = to.dtype(mean);
            let number = to.kernel(NumberIfEqual, &[mean, x], dtype, [outer, 1, inner]);
            return to.reshape(number, mean_dims);
        }
        let [least, largest] = [Reduce::Min, Reduce::Max].map(|reduce| {
            let reduced = to.reduce(reduce, x, &axes);
            to.reshape(reduced, &mean_dims)
        });
        unless_equal([mean, least, largest], to)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.give(0, |dy| dy);
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("axes", self.0.clone())
    }
}

/// The means of [outer, 1, inner], or the numbers themselves where those along the middle of [outer, axis, inner], the
/// second input, are equal.
#[derive(Debug)]
struct NumberIfEqual;

impl Kernel for NumberIfEqual {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        fn choose<T: Float>(inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
            let means: ArrayView3<'_, T> =
                inputs[0].view()?.into_dimensionality().map_err(KernelError::other)?;
            let x: ArrayView3<'_, T> = inputs[1].view()?.into_dimensionality().map_err(KernelError::other)?;
            let mut output: ArrayViewMut3<'_, T> =
                output.into_view()?.into_dimensionality().map_err(KernelError::other)?;
            output.assign(&means);
            // The bound of the error of a sum in any order, and of the division.
            let roundings = T::from_f64(x.len_of(Axis(1)) as f64 + 1.0) * T::epsilon();
            for (mut output, x) in output.outer_iter_mut().zip(x.outer_iter()) {
                let Some(first) = x.outer_iter().next() else { continue };
                for (column, (mean, &first)) in output.iter_mut().zip(first).enumerate() {
                    // Most numbers are not looked at, as their mean is too far from the first of them, or right already.
                    let most = roundings * first.abs() + T::min_positive_value();
                    let is_off = mean.is_finite() && (*mean - first).abs() > most;
                    if !is_off && *mean != first && x.column(column).iter().all(|&x| x == first) {
                        *mean = first;
                    }
                }
            }
            Ok(())
        }
        match output.dtype() {
            DType::F32 => choose::<f32>(inputs, output),
            _ => choose::<f64>(inputs, output),
        }
    }

    fn is_batched(&self) -> bool {
        true
    }
}

impl AnyTensor<'_> {
    /// This mean, or the number itself where `least` and `largest` of those that it is of are one.
    #[track_caller]
    pub(super) fn unless_equal(self, least: Self, largest: Self) -> Self {
        self.graph().apply(UnlessEqual, &[self, least, largest])
    }
}

methods! {
    /// The arithmetic mean over the given axes: their sum over their number of elements. The mean of equal numbers is
    /// that number, also where rounding would have it another, or their sum overflows.
    ///
    /// Gradient: the cotangent over the number of elements, repeated along the axes. The mean of
    /// nothing is NaN, and nothing moves it: its derivative along any direction is 0. Errors as for [`reduce_sum`](crate::Tensor::reduce_sum).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let mean = g.constant(ndarray::arr2(&[[1.0, 2.0], [3.0, 6.0]])).reduce_mean(0);
    /// assert_eq!(Session::new(&g)?.run(mean)?, ndarray::arr1(&[2.0, 4.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("mean", "average"))]
    fn reduce_mean<Float>(x, axes: [Axes]) -> Self {
        if let Some(invalid) = x.invalid_axes("reduce_mean", &axes) {
            return invalid;
        }
        let mean = x.sum_over_count(axes.clone());
        mean.binary(UnlessAllEqual(axes), x).named("reduce_mean")
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "unless_equal" (mean: Float, least: Same, largest: Same) [] |given| UnlessEqual;
    "unless_all_equal" (mean: Float, x: Same) [axes: Axes] |given| UnlessAllEqual(axes);
};

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    use ndarray::ArrayD;

    fn sum(x: &ArrayD<f64>, axes: &[usize]) -> ArrayD<f64> {
        axes.iter().rev().fold(x.clone(), |sum, &axis| sum.sum_axis(Axis(axis)))
    }

    vec![
        example!("mean all", &[&[2, 3]], |_, x| x[0].reduce_mean(..), |x| sum(&x[0], &[0, 1]) / 6.0),
        example!("mean rows", &[&[2, 3]], |_, x| x[0].reduce_mean(Axes::of([0]).keep_dims()), |x| sum(
            &x[0],
            &[0]
        )
        .insert_axis(Axis(0))
            / 2.0,),
        example!("mean of nothing", &[&[0, 2]], |_, x| x[0].reduce_mean(0), |x| sum(&x[0], &[0]) / 0.0),
        example!("mean of equal numbers", &[&[1]], |_, x| x[0].broadcast_to([49]).reduce_mean(0), |x| x[0]
            .sum_axis(Axis(0))),
        example!("mean of a number", &[&[]], |_, x| x[0].reduce_mean(..), |x| x[0].clone()),
        example!("centred", &[&[5, 3]], |_, x| x[0] - x[0].reduce_mean(0), |x| &x[0]
            - &(sum(&x[0], &[0]) / 5.0),),
        // In the middle of three axes the sum is no part of a region.
        example!("mean in the middle", &[&[2, 5, 3]], |_, x| x[0].reduce_mean(1), |x| sum(&x[0], &[1]) / 5.0),
        example!(
            "mean of equal numbers in the middle",
            &[&[2, 1, 3]],
            |_, x| x[0].broadcast_to([2, 49, 3]).reduce_mean(Axes::of([1]).keep_dims()),
            |x| x[0].clone()
        ),
        example!("mean at both ends", &[&[2, 5, 3]], |_, x| x[0].reduce_mean([0, 2]), |x| sum(
            &x[0],
            &[0, 2]
        ) / 6.0),
    ]
}
