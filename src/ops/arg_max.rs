//! `argmax` and `argmin`: where along an axis the largest or smallest element lies.

use ndarray::{ArrayView1, Axis};

use crate::element::{ArrayMut, ArrayRef, DType};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Attributes, Op};
use crate::ir::{Dims, Kernel, KernelError, Lowering, Val};
use crate::kernel::number::{Number, with_number};
use crate::ops::methods::methods;
use crate::shape::{ShapeError, TensorType, resolve_axis};

/// Which element is looked for.
#[derive(Clone, Copy, Debug)]
enum Extreme {
    Largest,
    Smallest,
}

/// The index of the extreme element along an axis, which disappears.
#[derive(Debug)]
struct Arg {
    extreme: Extreme,
    axis: isize,
}

impl Op for Arg {
    fn name(&self) -> &'static str {
        match self.extreme {
            Extreme::Largest => "argmax",
            Extreme::Smallest => "argmin",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let shape = &inputs[0].shape;
        let axis = resolve_axis(self.axis, shape.rank())?;
        if shape.dims()[axis] == Some(0) {
            return Err(ShapeError::EmptyAxis { axis, shape: shape.clone() }.into());
        }
        Ok(TensorType::new(DType::I64, shape.reduced(&[axis], false)))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let mut dims = Dims::from(to.dims(inputs[0]));
        // The shape rule has accepted the axis.
        let axis = resolve_axis(self.axis, dims.len()).unwrap_or(0);
        dims.remove(axis);
        to.kernel(Search { extreme: self.extreme, axis }, inputs, DType::I64, dims)
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}

    fn attributes(&self) -> Attributes {
        Attributes::new().with("axis", self.axis)
    }
}

#[derive(Debug)]
struct Search {
    extreme: Extreme,
    axis: usize,
}

impl Kernel for Search {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let mut output = output.into_view::<i64>()?;
        with_number!(inputs[0].dtype(), T => {
            let x = inputs[0].view::<T>()?;
            for (index, lane) in output.iter_mut().zip(x.lanes(Axis(self.axis))) {
                *index = match self.extreme {
                    Extreme::Largest => first(lane, |element, best| element > best),
                    Extreme::Smallest => first(lane, |element, best| element < best),
                } as i64;
            }
        }, else ());
        Ok(())
    }

    fn is_batched(&self) -> bool {
        self.axis > 0
    }
}

/// The index of the first element that no other is better than; a NaN is better than every number.
fn first<T: Number>(lane: ArrayView1<'_, T>, is_better: impl Fn(T, T) -> bool) -> usize {
    let mut best: Option<(usize, T)> = None;
    for (index, &element) in lane.iter().enumerate() {
        if element.partial_cmp(&element).is_none() {
            return index;
        }
        if best.is_none_or(|(_, best)| is_better(element, best)) {
            best = Some((index, element));
        }
    }
    best.map_or(0, |(index, _)| index)
}

methods! {
    /// For each lane along the axis the index of its largest element: the first of equal ones, and the first NaN if
    /// there is one. The axis disappears; negative axes count from the end.
    ///
    /// No gradient passes. An axis out of range, or of length 0, is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let logits = g.constant(ndarray::arr2(&[[0.1, 0.7, 0.7], [3.0, 2.0, 1.0]]));
    /// assert_eq!(Session::new(&g)?.run(logits.argmax(-1))?, ndarray::arr1(&[1, 0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn argmax<Numeric>(x, axis: isize) -> i64 {
        x.unary(Arg { extreme: Extreme::Largest, axis })
    }

    /// For each lane along the axis the index of its smallest element; else as [`argmax`](crate::Tensor::argmax).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[5, 2], [4, 2]]));
    /// assert_eq!(Session::new(&g)?.run(x.argmin(0))?, ndarray::arr1(&[1, 0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn argmin<Numeric>(x, axis: isize) -> i64 {
        x.unary(Arg { extreme: Extreme::Smallest, axis })
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, array};

    /// Indices by a comparison, found from the back.
    fn indices(x: &ArrayD<f64>, axis: usize, is_as_good: fn(f64, f64) -> bool) -> ArrayD<f64> {
        x.map_axis(Axis(axis), |lane| {
            let last = lane.len() - 1;
            (0..last)
                .rev()
                .fold(last, |best, index| if is_as_good(lane[index], lane[best]) { index } else { best })
                as f64
        })
    }

    let mut examples: Vec<Example> = Vec::new();
    for dims in [[2, 3, 4], [1, 3, 1], [0, 2, 3], [5, 1, 40]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("argmax of lanes", &[dims], |_, x| x[0].argmax(1).cast(), |x| indices(
                &x[0],
                1,
                |a, b| a >= b
            )),
            example!("argmin of rows", &[dims], |_, x| x[0].argmin(-1).cast(), |x| indices(
                &x[0],
                2,
                |a, b| a <= b
            )),
        ]);
    }
    let nan = f64::NAN;
    examples.extend([
        example!("argmax of a row", &[&[7]], |_, x| x[0].argmax(0).cast(), |x| indices(&x[0], 0, |a, b| a
            >= b)),
        example!("argmax of ties", &[&[2, 4]], |_, x| x[0].argmax(-1).cast(), |_| array![1.0, 0.0]
            .into_dyn())
        .on(vec![array![[0.0, 3.0, 3.0, 1.0], [-1.0, -1.0, -1.0, -1.0]].into_dyn()]),
        example!("argmin of ties", &[&[2, 4]], |_, x| x[0].argmin(-1).cast(), |_| array![0.0, 2.0]
            .into_dyn())
        .on(vec![array![[0.0, 3.0, 0.0, 1.0], [f64::INFINITY, 0.0, -1.0, -1.0]].into_dyn()]),
        example!("argmax with NaN", &[&[3, 3]], |_, x| x[0].argmax(-1).cast(), |_| array![1.0, 0.0, 0.0]
            .into_dyn())
        .on(vec![array![[9.0, nan, nan], [nan, 1.0, 2.0], [f64::NEG_INFINITY; 3]].into_dyn()]),
        example!("argmin with NaN", &[&[2, 3]], |_, x| x[0].argmin(-1).cast(), |_| array![2.0, 0.0]
            .into_dyn())
        .on(vec![array![[1.0, 2.0, nan], [f64::INFINITY; 3]].into_dyn()]),
    ]);
    examples
}
