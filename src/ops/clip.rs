//! `clip`: values held between two bounds.

use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::Op;
use crate::ir::{Lowering, Scalar, Val};
use crate::ops::elementwise::unless;
use crate::ops::methods::methods;
use crate::shape::TensorType;

/// min(max(x, low), high).
#[derive(Debug)]
struct Clip;

impl Op for Clip {
    fn name(&self) -> &'static str {
        "clip"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        inputs[0].together(inputs[1])?.together(inputs[2])
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let raised = to.map(Scalar::Maximum, &inputs[..2]);
        to.map(Scalar::Minimum, &[raised, inputs[2]])
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (x, low, high) = (at.input(0), at.input(1), at.input(2));
        let is_clipped = || x.less(low).logical_or(high.less(x));
        let is_not_raised = || low.less_equal(x).logical_or(high.less(low));
        let is_not_lowered = || x.maximum(low).less_equal(high);
        at.give(0, |dy| unless(is_clipped(), dy));
        at.give(1, |dy| unless(is_not_raised(), dy));
        at.give(2, |dy| unless(is_not_lowered(), dy));
    }
}

methods! {
    /// `min(max(x, low), high)`: `low` where x is below it, `high` where x is above it, else x; `high` wherever the
    /// bounds are in the wrong order, NaN where one of the three is. Shapes broadcast.
    ///
    /// Gradient: the cotangent to x where it was not clipped, so also where it equals a bound; to `low` or `high`
    /// where x was clipped to it. Where one of the three is NaN, at least that one gets the cotangent. Shapes that do
    /// not broadcast are a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr1(&[-3.0, 0.5, 2.0])).clip(-1.0, 1.0);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[-1.0, 0.5, 1.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("clamp", "clip_by_value"))]
    fn clip<Numeric>(x, low: (Self), high: (Self)) -> Self {
        x.graph().apply(Clip, &[x, low, high])
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, Zip};

    fn clipped(x: &[ArrayD<f64>]) -> ArrayD<f64> {
        let shape = (&x[0] + &x[1] + &x[2]).raw_dim();
        let [a, low, high] = [0, 1, 2].map(|i| x[i].broadcast(shape.clone()).unwrap());
        Zip::from(a).and(low).and(high).map_collect(|a, &low, &high| a.max(low).min(high))
    }
    let mut examples: Vec<Example> = vec![
        example!("clip to numbers", &[&[3, 4]], |_, x| x[0].clip(-0.75, 1.0), |x| x[0]
            .mapv(|x| x.clamp(-0.75, 1.0))),
        example!("clip about", &[&[5], &[2, 1]], |_, x| x[0].clip(x[1] - 1.0, x[1] + 0.5), |x| {
            let (low, high) = (&x[1] - 1.0, &x[1] + 0.5);
            clipped(&[x[0].clone(), low, high])
        }),
    ];
    // The bounds are in either order.
    let shapes: [[&[usize]; 3]; 6] = [
        [&[3, 4], &[3, 4], &[3, 4]],
        [&[3, 4], &[4], &[3, 1]],
        [&[1], &[3, 4], &[]],
        [&[4], &[], &[3, 1]],
        [&[0, 2], &[2], &[1, 1]],
        [&[], &[], &[]],
    ];
    for shapes in shapes {
        examples.push(example!("clip", &shapes, |_, x| x[0].clip(x[1], x[2]), clipped));
    }
    examples
}
