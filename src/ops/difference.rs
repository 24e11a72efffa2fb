//! `diff`: what each element along an axis differs from the one before.

use crate::error::Fault;
use crate::graph::AnyTensor;
use crate::ops::methods::methods;
use crate::ops::slice::AxisRange;
use crate::shape::{Axes, resolve_axis};

/// Differences of differences, so many times: more are noise of any numbers that are rounded, and each is a node.
const MOST: usize = 64;

methods! {
    /// Each element along the axis minus the one before, `n` times over: the axis gets `n` shorter, and as short as 0.
    /// Negative axes count from the end; `n` of 0 leaves the tensor as it is.
    ///
    /// Gradient: each cotangent, less the one behind it. An axis out of range, and `n` beyond 64, are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0, 4.0, 9.0, 16.0]));
    /// let [first, second] = [x.diff(1, 0), x.diff(2, -1)];
    /// let [first, second] = Session::new(&g)?.run([first, second])?;
    /// assert_eq!(first, ndarray::arr1(&[3.0, 5.0, 7.0]).into_dyn());
    /// assert_eq!(second, ndarray::arr1(&[2.0, 2.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn diff<Numeric>(x, n: usize, axis: isize) -> Self {
        if let Some(invalid) = x.invalid_axes("diff", &Axes::from(axis)) {
            return invalid;
        }
        if n > MOST {
            let fault = Fault::TooMany { what: "differences of differences", count: n, most: MOST };
            return x.graph().invalid_any("diff", fault);
        }
        // An invalid tensor may lack the axis, and stays as it is.
        let axis = resolve_axis(axis, x.shape().rank()).unwrap_or(0);
        if n == 0 {
            return x;
        }
        let once = |x: AnyTensor<'g>, _| cut(x, axis, (1..).into()) - cut(x, axis, (..-1).into());
        x.graph().attributed_to_caller(|| (0..n).fold(x, once).named("diff"))
    }
}

/// A range of an axis, of the others all.
#[track_caller]
fn cut(x: AnyTensor<'_>, axis: usize, range: AxisRange) -> AnyTensor<'_> {
    x.slice([vec![AxisRange::from(..); axis], vec![range]].concat())
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, Axis, Slice};

    fn differences(x: &ArrayD<f64>, axis: usize) -> ArrayD<f64> {
        let count = x.len_of(Axis(axis)).saturating_sub(1);
        let from = |start: usize| x.slice_axis(Axis(axis), Slice::from(start..start + count));
        if count == 0 { from(0).to_owned() } else { &from(1) - &from(0) }
    }

    let mut examples: Vec<Example> = Vec::new();
    for dims in [[2, 3, 4], [3, 1, 2], [2, 0, 3], [0, 2, 1]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("diff", &[dims], |_, x| x[0].diff(1, -1), |x| differences(&x[0], 2)),
            example!("diff twice", &[dims], |_, x| x[0].square().diff(2, 1), |x| differences(
                &differences(&x[0].mapv(|x| x * x), 1),
                1
            )),
            example!("diff of none", &[dims], |_, x| x[0].diff(0, 0) * 2.0, |x| &x[0] * 2.0),
        ]);
    }
    examples.push(example!(
        "diff of integers",
        &[&[6]],
        |_, x| (x[0] * 9.0).cast::<i32>().diff(1, 0).cast(),
        |x| { differences(&x[0].mapv(|x| (9.0 * x).trunc()), 0) }
    ));
    examples
}
