//! `argsort` and `sort`: the elements along an axis in order of size, and where they come from.

use ndarray::Axis;

use crate::element::{ArrayMut, ArrayRef, DType};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Attributes, Op};
use crate::ir::{Dims, Kernel, KernelError, Lowering, Val};
use crate::kernel::number::{ascending, with_number};
use crate::ops::methods::methods;
use crate::shape::{Axes, TensorType, resolve_axis};

/// Along an axis, the indices of the elements in order of size.
#[derive(Clone, Copy, Debug)]
struct Argsort {
    axis: isize,
    descending: bool,
}

impl Op for Argsort {
    fn name(&self) -> &'static str {
        "argsort"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let shape = &inputs[0].shape;
        resolve_axis(self.axis, shape.rank())?;
        Ok(TensorType::new(DType::I64, shape))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dims = Dims::from(to.dims(inputs[0]));
        // The shape rule has accepted the axis.
        let axis = resolve_axis(self.axis, dims.len()).unwrap_or(0);
        to.kernel(Ranking { axis, descending: self.descending }, inputs, DType::I64, dims)
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}

    fn attributes(&self) -> Attributes {
        Attributes::new().with("axis", self.axis).with("descending", self.descending)
    }
}

#[derive(Debug)]
struct Ranking {
    axis: usize,
    descending: bool,
}

impl Kernel for Ranking {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let (axis, mut output) = (Axis(self.axis), output.into_view::<i64>()?);
        with_number!(inputs[0].dtype(), T => {
            let x = inputs[0].view::<T>()?;
            let mut ranked: Vec<(i64, T)> = Vec::new();
            ranked.try_reserve_exact(x.len_of(axis)).map_err(KernelError::other)?;
            for (mut indices, lane) in output.lanes_mut(axis).into_iter().zip(x.lanes(axis)) {
                ranked.clear();
                ranked.extend((0..).zip(lane.iter().copied()));
                // No two have the same index, so that the order is that of a stable sort, which would need memory.
                if self.descending {
                    ranked.sort_unstable_by(|a, b| ascending(&b.1, &a.1).then(a.0.cmp(&b.0)));
                } else {
                    ranked.sort_unstable_by(|a, b| ascending(&a.1, &b.1).then(a.0.cmp(&b.0)));
                }
                for (to, &(index, _)) in indices.iter_mut().zip(&ranked) {
                    *to = index;
                }
            }
        }, else ());
        Ok(())
    }

    fn is_batched(&self) -> bool {
        self.axis > 0
    }
}

methods! {
    /// The indices that put each lane along the axis in ascending order: of equal elements the first comes first, and NaNs
    /// come behind all numbers. Negative axes count from the end.
    ///
    /// No gradient passes. An axis out of range is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[3, 1, 2], [5, 4, 4]]));
    /// let order = Session::new(&g)?.run(x.argsort(-1))?;
    /// assert_eq!(order, ndarray::arr2(&[[1, 2, 0], [1, 2, 0]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn argsort<Numeric>(x, axis: isize) -> i64 as _ {
        x.argsort_with(axis, false)
    }

    /// [`argsort`](crate::Tensor::argsort), from the largest element down if `descending`: then NaNs come first, and of
    /// equal elements the first still does.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0, 2.0, f64::NAN, 2.0]));
    /// let order = Session::new(&g)?.run(x.argsort_with(0, true))?;
    /// assert_eq!(order, ndarray::arr1(&[2, 1, 3, 0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn argsort_with<Numeric>(x, axis: isize, descending: bool) -> i64 as argsort {
        x.unary(Argsort { axis, descending })
    }

    /// The elements of each lane along the axis in ascending order, NaNs behind all numbers; negative axes count from the
    /// end.
    ///
    /// Gradient: each cotangent to the element that it is of. An axis out of range is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[3.0, 1.0, 2.0]));
    /// let weights = g.constant(ndarray::arr1(&[10.0, 20.0, 30.0]));
    /// let y = x.sort(0);
    /// let [dx] = (y * weights).gradients([x]);
    /// let [y, dx] = Session::new(&g)?.run([y, dx])?;
    /// assert_eq!(y, ndarray::arr1(&[1.0, 2.0, 3.0]).into_dyn());
    /// assert_eq!(dx, ndarray::arr1(&[30.0, 10.0, 20.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn sort<Numeric>(x, axis: isize) -> Self as _ {
        x.sort_with(axis, false)
    }

    /// [`sort`](crate::Tensor::sort), from the largest element down if `descending`: then NaNs come first.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[1, 6], [3, 4], [2, 5]]));
    /// let y = Session::new(&g)?.run(x.sort_with(0, true))?;
    /// assert_eq!(y, ndarray::arr2(&[[3, 6], [2, 5], [1, 4]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn sort_with<Numeric>(x, axis: isize, descending: bool) -> Self as sort {
        if let Some(invalid) = x.invalid_axes("sort", &Axes::from(axis)) {
            return invalid;
        }
        x.take_along_axis(x.argsort_with(axis, descending), axis).named("sort")
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{Array1, ArrayD, array};

    /// Each lane in order, by insertion.
    fn sorted(x: &ArrayD<f64>, axis: usize, comes_before: fn(f64, f64) -> bool) -> ArrayD<f64> {
        let mut sorted = x.clone();
        for mut lane in sorted.lanes_mut(Axis(axis)) {
            for end in 1..lane.len() {
                for place in (1..=end).rev() {
                    if comes_before(lane[place], lane[place - 1]) {
                        lane.swap(place, place - 1);
                    }
                }
            }
        }
        sorted
    }

    let mut examples: Vec<Example> = Vec::new();
    for dims in [[2, 3, 4], [1, 3, 1], [0, 2, 3], [3, 0, 2], [2, 1, 9]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("sort of rows", &[dims], |_, x| x[0].sort(-1), |x| sorted(&x[0], 2, |a, b| a < b)),
            example!("sort of lanes", &[dims], |_, x| x[0].sort(1) * x[0], |x| sorted(&x[0], 1, |a, b| a
                < b)
                * &x[0]),
            example!("sort descending", &[dims], |_, x| x[0].sort_with(0, true), |x| sorted(
                &x[0],
                0,
                |a, b| a > b
            )),
        ]);
    }
    let (nan, infinity) = (f64::NAN, f64::INFINITY);
    let nasty =
        array![[1.0, nan, -infinity, 1.0, -0.0, 0.0, nan], [0.0, -0.0, infinity, 3.0, 3.0, 0.0, -1.0]];
    examples.extend([
        example!("argsort of ties", &[&[2, 7]], |_, x| x[0].argsort(-1).cast(), |_| array![
            [2.0, 4.0, 5.0, 0.0, 3.0, 1.0, 6.0],
            [6.0, 0.0, 1.0, 5.0, 3.0, 4.0, 2.0]
        ]
        .into_dyn())
        .on(vec![nasty.clone().into_dyn()]),
        example!("argsort of ties descending", &[&[2, 7]], |_, x| x[0].argsort_with(1, true).cast(), |_| {
            array![[1.0, 6.0, 0.0, 3.0, 4.0, 5.0, 2.0], [2.0, 3.0, 4.0, 0.0, 1.0, 5.0, 6.0]].into_dyn()
        })
        .on(vec![nasty.into_dyn()]),
        example!("sort of integers", &[&[2, 9]], |_, x| (x[0] * 100.0).cast::<i32>().sort(-1).cast(), |x| {
            sorted(&x[0].mapv(|x| (x * 100.0).trunc()), 1, |a, b| a < b)
        }),
        example!("sort of a transpose", &[&[3, 5]], |_, x| x[0].transpose().square().sort(0), |x| sorted(
            &x[0].t().mapv(|x| x * x),
            0,
            |a, b| a < b
        )),
        example!(
            "argsort of what is in order",
            &[&[4]],
            |_, x| x[0].sort(0).argsort(0).cast::<_>() + x[0] * 0.0,
            |_| Array1::from_iter((0..4).map(f64::from)).into_dyn()
        ),
    ]);
    examples
}
