//! `cumsum`: at each place along an axis the sum of the elements up to there.

use crate::element::{ArrayMut, ArrayRef};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Attributes, Op};
use crate::ir::{Dims, Kernel, KernelError, Lowering, Val};
use crate::kernel::compensated::RunningSum;
use crate::kernel::number::{Number, with_number};
use crate::ops::along::Along;
use crate::ops::methods::methods;
use crate::shape::TensorType;

/// The sums of the elements.
#[derive(Clone, Copy, Debug)]
struct Cumsum(Along);

impl Op for Cumsum {
    fn name(&self) -> &'static str {
        "cumsum"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        self.0.infer(inputs)
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dims = Dims::from(to.dims(inputs[0]));
        to.kernel(Cumsum(self.0.counted(dims.len())), inputs, to.dtype(inputs[0]), dims)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        // An element is in the sums of the places behind it.
        at.give(0, |dy| dy.unary(Cumsum(Along { reverse: !self.0.reverse, ..self.0 })));
    }

    fn attributes(&self) -> Attributes {
        self.0.attributes()
    }
}

impl Kernel for Cumsum {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        with_number!(inputs[0].dtype(), T => {
            let (x, y) = (inputs[0].view::<T>()?, output.into_view::<T>()?);
            self.0.fold(&x, y, RunningSum::starting_with(T::ZERO), RunningSum::and, RunningSum::value);
        }, else ());
        Ok(())
    }

    fn is_batched(&self) -> bool {
        self.0.is_batched()
    }
}

methods! {
    /// At each place along the axis the sum of the elements up to it, its own included; negative axes count from
    /// the end. Rounding does not add up along the axis: each sum is as good as if it alone had been rounded.
    ///
    /// Gradient: the cotangent's sums from the other end. An axis out of range is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr1(&[1.0, 2.0, 3.0])).cumsum(0);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[1.0, 3.0, 6.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("cumulative_sum"))]
    fn cumsum<Numeric>(x, axis: isize) -> Self as _ {
        x.unary(Cumsum(Along { axis, exclusive: false, reverse: false }))
    }

    /// [`cumsum`](crate::Tensor::cumsum) without the element's own, if `exclusive`, and from the end, if `reverse`.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1, 2, 3]));
    /// let (before, behind) = (x.cumsum_with(0, true, false), x.cumsum_with(0, true, true));
    /// let (before, behind) = Session::new(&g)?.run((before, behind))?;
    /// assert_eq!(before, ndarray::arr1(&[0, 1, 3]).into_dyn());
    /// assert_eq!(behind, ndarray::arr1(&[5, 3, 0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn cumsum_with<Numeric>(x, axis: isize, exclusive: bool, reverse: bool) -> Self as cumsum {
        x.unary(Cumsum(Along { axis, exclusive, reverse }))
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::along::over_places;
    use super::laws::{Example, example};
    use ndarray::ArrayD;

    fn sums(x: &ArrayD<f64>, axis: usize, takes: fn(usize, usize) -> std::ops::Range<usize>) -> ArrayD<f64> {
        over_places(x, axis, takes, |taken, axis| taken.sum_axis(axis))
    }

    let mut examples: Vec<Example> = Vec::new();
    for dims in [[2, 3, 4], [3, 1, 2], [2, 0, 3], [0, 2, 1]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("cumsum", &[dims], |_, x| x[0].cumsum(-1), |x| sums(&x[0], 2, |place, _| 0..place + 1)),
            example!("cumsum exclusive", &[dims], |_, x| x[0].cumsum_with(1, true, false), |x| sums(
                &x[0],
                1,
                |place, _| 0..place
            )),
            example!("cumsum reverse", &[dims], |_, x| x[0].cumsum_with(0, false, true), |x| sums(
                &x[0],
                0,
                |place, count| place..count
            )),
            example!("cumsum both", &[dims], |_, x| x[0].cumsum_with(1, true, true), |x| sums(
                &x[0],
                1,
                |place, count| place + 1..count
            )),
        ]);
    }
    examples.push(example!("cumsum of integers", &[&[9]], |_, x| x[0].cast::<i32>().cumsum(0).cast(), |x| {
        sums(&x[0].mapv(f64::trunc), 0, |place, _| 0..place + 1)
    }));
    examples
}
