//! `reduce_any` and `reduce_all`: booleans along axes become one.

use crate::element::DType;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Attributes, Op};
use crate::ir::{Lowering, Reduce, Scalar, Val};
use crate::ops::methods::methods;
use crate::ops::reduce::kept;
use crate::shape::{Axes, TensorType};

/// Which booleans the result asks for.
#[derive(Clone, Copy, Debug)]
enum Quantifier {
    Any,
    All,
}

/// Whether any or all of the elements along the axes are true.
#[derive(Debug)]
struct LogicalReduce {
    quantifier: Quantifier,
    axes: Axes,
}

impl Op for LogicalReduce {
    fn name(&self) -> &'static str {
        match self.quantifier {
            Quantifier::Any => "reduce_any",
            Quantifier::All => "reduce_all",
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
        let reduce = match self.quantifier {
            Quantifier::Any => Reduce::Max,
            Quantifier::All => Reduce::Min,
        };
        let numbers = to.cast(inputs[0], DType::I32);
        let reduced = to.reduce(reduce, numbers, &axes);
        // The largest of nothing is the least number and the smallest the greatest, which are false and true so.
        let zero = to.scalar(0.0, DType::I32);
        let boolean = to.compare(Scalar::Less, &[zero, reduced]);
        if self.axes.keeps_dims() { to.reshape(boolean, kept(&dims, &axes)) } else { boolean }
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}

    fn attributes(&self) -> Attributes {
        Attributes::new().with("axes", self.axes.clone())
    }
}

methods! {
    /// Whether any element along the axes is true; of nothing none is. Axes as for
    /// [`reduce_sum`](crate::Tensor::reduce_sum).
    ///
    /// No gradient passes.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let any = g.constant(ndarray::arr2(&[[true, false], [false, false]])).reduce_any(-1);
    /// assert_eq!(Session::new(&g)?.run(any)?, ndarray::arr1(&[true, false]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("any"))]
    fn reduce_any<bool>(x, axes: [Axes]) -> Self {
        x.unary(LogicalReduce { quantifier: Quantifier::Any, axes })
    }

    /// Whether all elements along the axes are true, as they are if there are none. Axes as for
    /// [`reduce_sum`](crate::Tensor::reduce_sum).
    ///
    /// No gradient passes.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let all = g.constant(ndarray::arr2(&[[true, false], [true, true]])).reduce_all(-1);
    /// assert_eq!(Session::new(&g)?.run(all)?, ndarray::arr1(&[false, true]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("all"))]
    fn reduce_all<bool>(x, axes: [Axes]) -> Self {
        x.unary(LogicalReduce { quantifier: Quantifier::All, axes })
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, Axis};

    fn booleans(x: &ArrayD<f64>, axis: usize, quantified: fn(&[bool]) -> bool) -> ArrayD<f64> {
        x.map_axis(Axis(axis), |lane| {
            let booleans: Vec<bool> = lane.iter().map(|&x| x > 0.0).collect();
            f64::from(u8::from(quantified(&booleans)))
        })
    }
    const ANY: fn(&[bool]) -> bool = |booleans| booleans.contains(&true);
    const ALL: fn(&[bool]) -> bool = |booleans| !booleans.contains(&false);

    let mut examples: Vec<Example> = Vec::new();
    for dims in [[3, 2], [2, 3], [1, 4], [4, 1], [0, 2], [2, 0], [70, 2], [2, 1100]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("any of rows", &[dims], |_, x| x[0].greater(0.0).reduce_any(-1).cast(), |x| booleans(
                &x[0], 1, ANY
            )),
            example!("any of columns", &[dims], |_, x| x[0].greater(0.0).reduce_any(0).cast(), |x| booleans(
                &x[0], 0, ANY
            )),
            example!("all of rows", &[dims], |_, x| x[0].greater(0.0).reduce_all(-1).cast(), |x| booleans(
                &x[0], 1, ALL
            )),
            example!(
                "all of columns kept",
                &[dims],
                |_, x| x[0].greater(0.0).reduce_all(Axes::of([0]).keep_dims()).cast(),
                |x| booleans(&x[0], 0, ALL).insert_axis(Axis(0)),
            ),
            example!("any of all", &[dims], |_, x| x[0].greater(1.9).reduce_any(..).cast(), |x| {
                ndarray::arr0(f64::from(u8::from(x[0].iter().any(|&x| x > 1.9)))).into_dyn()
            }),
            example!("all of all", &[dims], |_, x| x[0].greater(-1.9).reduce_all(..).cast(), |x| {
                ndarray::arr0(f64::from(u8::from(x[0].iter().all(|&x| x > -1.9)))).into_dyn()
            }),
        ]);
    }
    examples
}
