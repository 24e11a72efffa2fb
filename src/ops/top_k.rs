//! `top_k`: the largest elements along the last axis, and where they lie.

use std::cmp::Ordering;

use ndarray::Axis;

use crate::dtype::{DType, Numeric};
use crate::error::Mistake;
use crate::gradient::Pullback;
use crate::graph::Tensor;
use crate::kernel::number::{Number, with_number};
use crate::lower::{Dims, Lowering, Val};
use crate::op::{ArrayMut, ArrayRef, Kernel, KernelError, Op};
use crate::shape::{Shape, TensorType};

pub(super) const OPS: &[&str] = &["top_k", "top_k_values", "top_k_spread"];

/// The shape with another length of the last axis.
fn with_last(shape: &Shape, length: Option<usize>) -> Shape {
    let mut lengths = shape.dims().to_vec();
    if let Some(last) = lengths.last_mut() {
        *last = length;
    }
    Shape::from(lengths)
}

/// The places of the `k` largest elements of each row, the largest first.
#[derive(Clone, Copy, Debug)]
struct TopK {
    k: usize,
}

impl Op for TopK {
    fn name(&self) -> &'static str {
        "top_k"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        let shape = &inputs[0].shape;
        let Some(length) = shape.dims().last() else {
            return Err(Mistake::AxisOutOfRange { axis: -1, rank: 0 });
        };
        if length.is_some_and(|length| length < self.k) {
            return Err(Mistake::TopK { k: self.k, shape: shape.clone() });
        }
        Ok(TensorType::new(DType::I64, with_last(shape, Some(self.k))))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let mut dims = Dims::from(to.dims(inputs[0]));
        dims.pop();
        dims.push(self.k);
        to.compute(*self, inputs, DType::I64, dims)
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}

    fn attributes(&self) -> String {
        self.k.to_string()
    }
}

impl Kernel for TopK {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        if self.k == 0 {
            return Ok(());
        }
        let mut output = output.into_view::<i64>()?;
        let last = Axis(output.ndim() - 1);
        with_number!(inputs[0].dtype(), T => {
            let x = inputs[0].view::<T>()?;
            let mut ranked: Vec<(usize, T)> = Vec::with_capacity(x.len_of(last));
            for (mut places, row) in output.lanes_mut(last).into_iter().zip(x.lanes(last)) {
                ranked.clear();
                ranked.extend(row.iter().copied().enumerate());
                if self.k < ranked.len() {
                    ranked.select_nth_unstable_by(self.k, descending);
                    ranked.truncate(self.k);
                }
                ranked.sort_unstable_by(descending);
                for (to, (place, _)) in places.iter_mut().zip(&ranked) {
                    *to = *place as i64;
                }
            }
        }, else ());
        Ok(())
    }
}

/// Larger elements first, NaNs before all numbers, and equal ones by their places.
fn descending<T: Number>(a: &(usize, T), b: &(usize, T)) -> Ordering {
    let is_nan = |x: &T| x.partial_cmp(x).is_none();
    let by_value = b.1.partial_cmp(&a.1).unwrap_or_else(|| is_nan(&b.1).cmp(&is_nan(&a.1)));
    by_value.then(a.0.cmp(&b.0))
}

/// Elements of the first input by the places in each row that the second gives; or such elements added up at their
/// places in a tensor of zeros like the third, of which only the shape counts.
#[derive(Clone, Copy, Debug)]
enum Places {
    Take,
    Spread,
}

impl Op for Places {
    fn name(&self) -> &'static str {
        match self {
            Places::Take => "top_k_values",
            Places::Spread => "top_k_spread",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        let shape = match self {
            Places::Take => &inputs[1].shape,
            Places::Spread => &inputs[2].shape,
        };
        Ok(TensorType::new(inputs[0].dtype, shape))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let shape = match self {
            Places::Take => inputs[1],
            Places::Spread => inputs[2],
        };
        let dims = Dims::from(to.dims(shape));
        to.compute(*self, &inputs[..2], to.dtype(inputs[0]), dims)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (x, places) = (at.input(0), at.input(1));
        at.give(0, |dy| match self {
            Places::Take => dy.graph().apply(Places::Spread, &[dy, places, x]),
            Places::Spread => dy.binary(Places::Take, places),
        });
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }
}

impl Kernel for Places {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let places = inputs[1].view::<i64>()?;
        let last = Axis(places.ndim() - 1);
        with_number!(inputs[0].dtype(), T => {
            let (from, mut to) = (inputs[0].view::<T>()?, output.into_view::<T>()?);
            let length = if let Places::Take = self { from.len_of(last) } else { to.len_of(last) };
            // Places may have been fed.
            let checked = |index: i64| match usize::try_from(index) {
                Ok(place) if place < length => Ok(place),
                _ => Err(KernelError::IndexOutOfRange { index, length }),
            };
            if let Places::Spread = self {
                to.fill(T::ZERO);
            }
            for ((mut to, from), places) in to.lanes_mut(last).into_iter().zip(from.lanes(last)).zip(places.lanes(last)) {
                for (position, &place) in places.iter().enumerate() {
                    let place = checked(place)?;
                    match self {
                        Places::Take => to[position] = from[place],
                        Places::Spread => to[place] = Number::add(to[place], from[position]),
                    }
                }
            }
        }, else ());
        Ok(())
    }
}

impl<'g, T: Numeric> Tensor<'g, T> {
    /// The `k` largest elements of each row, a row being what lies along the last axis, from the largest on, and
    /// their places in the row. Of equal elements the first comes first; NaNs count as larger than all numbers.
    ///
    /// Gradient: the cotangent of the values, each to the element that it is; none to or through the places. A
    /// tensor without axes, or with rows of fewer than `k` elements, is a building error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[1.0, 3.0, 2.0], [5.0, 4.0, 5.0]]));
    /// let (values, places) = Session::new(&g)?.run(x.top_k(2))?;
    /// assert_eq!(values, ndarray::arr2(&[[3.0, 2.0], [5.0, 5.0]]).into_dyn());
    /// assert_eq!(places, ndarray::arr2(&[[1, 2], [0, 2]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn top_k(self, k: usize) -> (Tensor<'g, T>, Tensor<'g, i64>) {
        let any = self.any();
        let places = any.unary(TopK { k });
        (Tensor::typed(any.binary(Places::Take, places)), Tensor::typed(places))
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, Slice, array};

    /// Each row sorted as a whole.
    fn largest(x: &ArrayD<f64>, k: usize) -> ArrayD<f64> {
        let (mut sorted, last) = (x.clone(), Axis(x.ndim() - 1));
        for mut row in sorted.lanes_mut(last) {
            let mut elements = row.to_vec();
            elements.sort_by(|a, b| b.total_cmp(a));
            row.assign(&ndarray::Array1::from(elements));
        }
        sorted.slice_axis(last, Slice::from(..k)).to_owned()
    }

    let mut examples: Vec<Example> = Vec::new();
    for dims in [&[2, 3, 4][..], &[0, 3], &[5, 3], &[7]] {
        examples.extend([
            example!("top_k", &[dims], |_, x| x[0].top_k(2).0, |x| largest(&x[0], 2)),
            example!("top_k of all", &[dims], |_, x| x[0].top_k(3).0 * x[0].top_k(3).0, |x| largest(
                &x[0], 3
            )
            .mapv(|x| x * x)),
            example!("top_k of none", &[dims], |_, x| x[0].top_k(0).0, |x| largest(&x[0], 0)),
        ]);
    }
    let ties = array![[1.0, 2.0, 2.0, 1.0, 2.0], [f64::NAN, 0.0, f64::INFINITY, f64::NAN, -1.0]].into_dyn();
    examples.extend([
        example!("places of top_k", &[&[2, 5]], |_, x| x[0].top_k(4).1.cast(), |_| {
            array![[1.0, 2.0, 4.0, 0.0], [0.0, 3.0, 2.0, 1.0]].into_dyn()
        })
        .on(vec![ties]),
        example!(
            "top_k of integers",
            &[&[2, 9]],
            |_, x| (x[0] * 100.0).cast::<i32>().top_k(3).0.cast(),
            |x| { largest(&x[0].mapv(|x| (x * 100.0).trunc()), 3) }
        ),
    ]);
    examples
}
