//! `logcumsumexp`: at each place along an axis the logarithm of the sum of the exponentials up to there.

use crate::element::{ArrayMut, ArrayRef, DType, Numeric};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Attributes, Op};
use crate::ir::{Dims, Kernel, KernelError, Lowering, Val};
use crate::kernel::compensated::RunningSum;
use crate::ops::along::Along;
use crate::ops::linear_scan::LinearScan;
use crate::ops::methods::methods;
use crate::shape::TensorType;

/// ln Σ eˣ over the elements.
#[derive(Clone, Copy, Debug)]
struct LogCumsumExp(Along);

impl Op for LogCumsumExp {
    fn name(&self) -> &'static str {
        "logcumsumexp"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        self.0.infer(inputs)
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dims = Dims::from(to.dims(inputs[0]));
        to.kernel(LogCumsumExp(self.0.counted(dims.len())), inputs, to.dtype(inputs[0]), dims)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (x, y, times) = (at.input(0), at.output(), at.times());
        at.give(0, |dy| {
            let before = if self.0.exclusive { y } else { x.unary(LogCumsumExp(self.0.before())) };
            // Of the sum up to a place, its own exponential has the share σ(x - before), and all before it the rest, of
            // which none has a difference of infinities.
            let largest = if x.dtype() == DType::F32 { f64::from(f32::MAX) } else { f64::MAX };
            let apart = before - x.maximum(-largest).minimum(largest);
            let is_nothing = x.equal(f64::NEG_INFINITY);
            let own = is_nothing.select(x.scalar_like(0.0), (-apart).sigmoid());
            times(LinearScan::back_along(self.0).of(apart.sigmoid(), dy), own)
        });
    }

    fn attributes(&self) -> Attributes {
        self.0.attributes()
    }
}

impl Kernel for LogCumsumExp {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        match output.dtype() {
            DType::F32 => self.add_up::<f32>(inputs, output),
            _ => self.add_up::<f64>(inputs, output),
        }
    }

    fn is_batched(&self) -> bool {
        self.0.is_batched()
    }
}

impl LogCumsumExp {
    fn add_up<T: Numeric>(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let (x, y) = (inputs[0].view::<T>()?, output.into_view::<T>()?);
        let and = |sum: LogSum, x: T| sum.and(x.as_f64());
        self.0.fold(&x, y, LogSum::NOTHING, and, |sum| T::from_f64(sum.value()));
        Ok(())
    }
}

/// The logarithm of a sum of exponentials, which come one after the other: the largest exponent, and the sum over its
/// exponential, which is at least 1.
#[derive(Clone, Copy)]
struct LogSum {
    largest: f64,
    sum: RunningSum<f64>,
}

impl LogSum {
    const NOTHING: Self = LogSum { largest: f64::NEG_INFINITY, sum: RunningSum::ZERO };

    fn and(self, x: f64) -> Self {
        if x <= self.largest {
            // Equal infinities are as far apart as equal numbers.
            let apart = if x == self.largest { 0.0 } else { x - self.largest };
            return LogSum { sum: self.sum.and(apart.exp()), ..self };
        }
        // Also a NaN, which stays.
        let before = self.sum.value() * (self.largest - x).exp();
        LogSum { largest: x, sum: RunningSum::starting_with(before).and(1.0) }
    }

    fn value(self) -> f64 {
        self.largest + self.sum.value().ln()
    }
}

methods! {
    /// At each place along the axis ln Σ eˣ over the elements up to it, its own included, computed from x minus the largest
    /// of them, so that no exponential overflows. Negative axes count from the end.
    ///
    /// Gradient: to each element its share of each sum, eˣ⁻ʸ times the cotangent, added up by factors of at most 1. Of -∞
    /// alone it is -∞, and the gradient of -∞ is 0; from the first ∞ on it is ∞, of which that has the gradient. An axis out
    /// of range is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr1(&[1000.0, 1000.0])).logcumsumexp(0);
    /// let y = Session::new(&g)?.run(y)?;
    /// assert_eq!(y, ndarray::arr1(&[1000.0, 1000.0 + 2.0_f64.ln()]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("cumulative_logsumexp", "cumlogsumexp"))]
    fn logcumsumexp<Float>(x, axis: isize) -> Self as _ {
        x.unary(LogCumsumExp(Along { axis, exclusive: false, reverse: false }))
    }

    /// [`logcumsumexp`](crate::Tensor::logcumsumexp) without the element's own, if `exclusive`, and from the end, if
    /// `reverse`. Of nothing it is -∞.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr1(&[1.0, 2.0])).logcumsumexp_with(0, true, false);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[f64::NEG_INFINITY, 1.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn logcumsumexp_with<Float>(x, axis: isize, exclusive: bool, reverse: bool) -> Self as logcumsumexp {
        x.unary(LogCumsumExp(Along { axis, exclusive, reverse }))
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::along::over_places;
    use super::laws::{Example, example};
    use ndarray::{ArrayD, array};

    fn sums(x: &ArrayD<f64>, axis: usize, takes: fn(usize, usize) -> std::ops::Range<usize>) -> ArrayD<f64> {
        over_places(x, axis, takes, |taken, axis| taken.mapv(f64::exp).sum_axis(axis).mapv(f64::ln))
    }

    let mut examples: Vec<Example> = Vec::new();
    for dims in [[2, 3, 4], [3, 1, 2], [2, 0, 3], [0, 2, 1]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("logcumsumexp", &[dims], |_, x| x[0].logcumsumexp(-1), |x| sums(
                &x[0],
                2,
                |place, _| 0..place + 1
            )),
            example!(
                "logcumsumexp reverse",
                &[dims],
                |_, x| (x[0] * 3.0).logcumsumexp_with(0, false, true),
                |x| sums(&(3.0 * &x[0]), 0, |place, count| place..count)
            ),
            // Of nothing it is -∞, whose exponential the laws can square.
            example!(
                "logcumsumexp exclusive",
                &[dims],
                |_, x| x[0].logcumsumexp_with(1, true, false).exp(),
                |x| sums(&x[0], 1, |place, _| 0..place).mapv(f64::exp)
            ),
            example!("logcumsumexp both", &[dims], |_, x| x[0].logcumsumexp_with(1, true, true).exp(), |x| {
                sums(&x[0], 1, |place, count| place + 1..count).mapv(f64::exp)
            }),
        ]);
    }
    examples.push(
        example!("logcumsumexp far apart", &[&[2, 4]], |_, x| x[0].logcumsumexp(1), |_| array![
            [700.0, 700.0, 900.0, 900.0 + 2.0_f64.ln()],
            [-900.0, -900.0 + 2.0_f64.ln(), 0.0, 0.0]
        ]
        .into_dyn())
        .on(vec![array![[700.0, -700.0, 900.0, 900.0], [-900.0, -900.0, 0.0, -900.0]].into_dyn()]),
    );
    examples
}
