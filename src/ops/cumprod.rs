//! `cumprod`: at each place along an axis the product of the elements up to there.

use crate::element::{ArrayMut, ArrayRef};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Attributes, Op};
use crate::ir::{Dims, Kernel, KernelError, Lowering, Val};
use crate::kernel::number::{Number, with_number};
use crate::ops::along::Along;
use crate::ops::linear_scan::LinearScan;
use crate::ops::methods::methods;
use crate::shape::TensorType;

/// The products of the elements.
#[derive(Clone, Copy, Debug)]
struct Cumprod(Along);

impl Op for Cumprod {
    fn name(&self) -> &'static str {
        "cumprod"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        self.0.infer(inputs)
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dims = Dims::from(to.dims(inputs[0]));
        to.kernel(Cumprod(self.0.counted(dims.len())), inputs, to.dtype(inputs[0]), dims)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (x, y, times) = (at.input(0), at.output(), at.times());
        // An element multiplies the product before it, for its own place and for all that take that one up: what these
        // want of it comes by a recurrence from the other end, whose coefficients are the elements behind.
        at.give(0, |dy| {
            let before = if self.0.exclusive { y } else { x.unary(Cumprod(self.0.before())) };
            times(LinearScan::back_along(self.0).of(x, dy), before)
        });
    }

    fn attributes(&self) -> Attributes {
        self.0.attributes()
    }
}

impl Kernel for Cumprod {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        with_number!(inputs[0].dtype(), T => {
            let (x, y) = (inputs[0].view::<T>()?, output.into_view::<T>()?);
            self.0.fold(&x, y, T::ONE, T::mul, |product| product);
        }, else ());
        Ok(())
    }

    fn is_batched(&self) -> bool {
        self.0.is_batched()
    }
}

methods! {
    /// At each place along the axis the product of the elements up to it, its own included; negative axes count from the
    /// end.
    ///
    /// Gradient: of each product, the cotangent times the product of the other elements, also where some are 0. An axis out
    /// of range is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[2.0, 0.0, 3.0]));
    /// let y = x.cumprod(0);
    /// let [dx] = y.gradients([x]);
    /// let [y, dx] = Session::new(&g)?.run([y, dx])?;
    /// assert_eq!(y, ndarray::arr1(&[2.0, 0.0, 0.0]).into_dyn());
    /// assert_eq!(dx, ndarray::arr1(&[1.0, 8.0, 0.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("cumulative_prod"))]
    fn cumprod<Numeric>(x, axis: isize) -> Self as _ {
        x.unary(Cumprod(Along { axis, exclusive: false, reverse: false }))
    }

    /// [`cumprod`](crate::Tensor::cumprod) without the element's own, if `exclusive`, and from the end, if `reverse`.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[2, 3, 4]));
    /// let (before, behind) = (x.cumprod_with(0, true, false), x.cumprod_with(0, true, true));
    /// let (before, behind) = Session::new(&g)?.run((before, behind))?;
    /// assert_eq!(before, ndarray::arr1(&[1, 2, 6]).into_dyn());
    /// assert_eq!(behind, ndarray::arr1(&[12, 4, 1]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn cumprod_with<Numeric>(x, axis: isize, exclusive: bool, reverse: bool) -> Self as cumprod {
        x.unary(Cumprod(Along { axis, exclusive, reverse }))
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::along::over_places;
    use super::laws::{Example, example};
    use ndarray::{ArrayD, array};

    fn products(
        x: &ArrayD<f64>,
        axis: usize,
        takes: fn(usize, usize) -> std::ops::Range<usize>,
    ) -> ArrayD<f64> {
        over_places(x, axis, takes, |taken, axis| taken.fold_axis(axis, 1.0, |product, x| product * x))
    }

    let mut examples: Vec<Example> = Vec::new();
    for dims in [[2, 3, 4], [3, 1, 2], [2, 0, 3], [0, 2, 1]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("cumprod", &[dims], |_, x| x[0].cumprod(-1), |x| products(&x[0], 2, |place, _| 0
                ..place + 1)),
            example!("cumprod exclusive", &[dims], |_, x| x[0].cumprod_with(1, true, false), |x| products(
                &x[0],
                1,
                |place, _| 0..place
            )),
            example!("cumprod reverse", &[dims], |_, x| x[0].cumprod_with(0, false, true), |x| products(
                &x[0],
                0,
                |place, count| place..count
            )),
            example!("cumprod both", &[dims], |_, x| x[0].cumprod_with(1, true, true), |x| products(
                &x[0],
                1,
                |place, count| place + 1..count
            )),
        ]);
    }
    let zeros =
        array![[1.5, 0.0, -2.0, 0.5], [0.0, 0.0, 3.0, 1.0], [0.0; 4], [0.5, -1.0, 2.0, 0.0]].into_dyn();
    examples.extend([
        example!("cumprod with zeros", &[&[4, 4]], |_, x| x[0].cumprod(1), |x| products(
            &x[0],
            1,
            |place, _| 0..place + 1
        ))
        .on(vec![zeros.clone()]),
        example!("cumprod exclusive with zeros", &[&[4, 4]], |_, x| x[0].cumprod_with(-1, true, true), |x| {
            products(&x[0], 1, |place, count| place + 1..count)
        })
        .on(vec![zeros.clone()]),
        // Its gradient, so that the laws go to the third order.
        example!("cumprod twice", &[&[4]], |_, x| x[0].cumprod(0).gradients([x[0]])[0], |x| {
            let of_others = |place: usize, end: usize| {
                (0..end).filter(|&other| other != place).map(|other| x[0][[other]]).product::<f64>()
            };
            ArrayD::from_shape_fn(vec![4], |at| (at[0] + 1..=4).map(|end| of_others(at[0], end)).sum())
        })
        .on(vec![array![-1.5, 0.0, 2.0, 0.5].into_dyn()]),
        example!("cumprod of integers", &[&[9]], |_, x| (x[0] * 3.0).cast::<i32>().cumprod(0).cast(), |x| {
            products(&x[0].mapv(|x| (3.0 * x).trunc()), 0, |place, _| 0..place + 1)
        }),
    ]);
    examples
}
