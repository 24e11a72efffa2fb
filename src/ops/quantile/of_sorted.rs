//! Quantiles of rows that are in order. They are linear in the elements, so the gradient is one step back, and the gradient
//! of that the first step again.

use ndarray::{ArrayView2, ArrayViewMut2};

use super::{QuantileMethod, Quantiles};
use crate::element::{ArrayMut, ArrayRef, DType, Numeric};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Attributes, Op, OpDef};
use crate::ir::{Kernel, KernelError, Lowering, Val, size};
use crate::ops::gather::with_axes;
use crate::ops::internal::internal;
use crate::shape::{ShapeError, TensorType};

/// What can be wrong with asking for quantiles.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantileFault {
    /// A part that is less than nothing or more than all, or no number.
    #[error("expected a number from 0 to 1, got {q}")]
    Part {
        /// The part, as it is printed.
        q: String,
    },
}

/// Quantiles of the rows of a tensor, which are in ascending order.
#[derive(Clone, Debug)]
pub(super) struct OfSorted {
    pub(super) q: Quantiles,
    pub(super) method: QuantileMethod,
}

impl OfSorted {
    fn check(&self) -> Result<(), Fault> {
        match self.q.numbers().iter().find(|q| !(0.0..=1.0).contains(*q)) {
            Some(q) => Err(Fault::op(QuantileFault::Part { q: q.to_string() })),
            None => Ok(()),
        }
    }

    /// For each quantile of so many elements, at least one, the element below its place, and how much the one above it
    /// weighs.
    fn places(&self, count: usize) -> impl Iterator<Item = (usize, f64)> {
        let last = count.saturating_sub(1);
        self.q.numbers().iter().map(move |q| {
            let place = q * last as f64;
            let (below, above) = (place.floor(), place.ceil());
            let (below, weight) = match self.method {
                QuantileMethod::Linear => (below, place - below),
                QuantileMethod::Lower => (below, 0.0),
                QuantileMethod::Higher => (above, 0.0),
                QuantileMethod::Nearest => (place.round_ties_even(), 0.0),
                QuantileMethod::Midpoint => (below, if above > below { 0.5 } else { 0.0 }),
            };
            // A product with a number of at most 1 is at most the last, unless that is rounded itself.
            let below = (below as usize).min(last);
            (below, if below == last { 0.0 } else { weight })
        })
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("q", self.q.clone()).with("method", self.method)
    }
}

impl Op for OfSorted {
    fn name(&self) -> &'static str {
        "quantile_of_sorted"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        self.check()?;
        let Some((_, rows)) = inputs[0].shape.dims().split_last() else {
            return Err(ShapeError::AxisOutOfRange { axis: -1, rank: 0 }.into());
        };
        Ok(TensorType::new(inputs[0].dtype, [rows, &[Some(self.q.numbers().len())]].concat()))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (mut dims, dtype) = (to.dims(inputs[0]).to_vec(), to.dtype(inputs[0]));
        // The shape rule has accepted the rows.
        let (length, each) = (dims.pop().unwrap_or(0), self.q.numbers().len());
        let rows = size(&dims);
        let x = to.reshape(inputs[0], [rows, length]);
        let taken = to.kernel(Take(self.clone()), &[x], dtype, [rows, each]);
        dims.push(each);
        to.reshape(taken, dims)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let sorted = at.input(0);
        at.give(0, |dy| dy.binary(OfSortedTransposed(self.clone()), sorted));
    }

    fn attributes(&self) -> Attributes {
        self.attributes()
    }
}

/// The gradient of [`OfSorted`]: quantiles' cotangents at the elements of the rows, the second input, that they are made of.
#[derive(Debug)]
struct OfSortedTransposed(OfSorted);

impl Op for OfSortedTransposed {
    fn name(&self) -> &'static str {
        "quantile_of_sorted_transposed"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let expected = Op::infer(&self.0, &inputs[1..])?.shape;
        if !inputs[0].shape.agrees_with(&expected) {
            return Err(Fault::OtherShape { expected, found: inputs[0].shape.clone() });
        }
        Ok(TensorType::new(inputs[0].dtype, &inputs[1].shape))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (dims, dtype) = (to.dims(inputs[1]).to_vec(), to.dtype(inputs[0]));
        // The shape rule has accepted the rows.
        let (&length, rows) = dims.split_last().unwrap_or((&0, &[]));
        let rows = size(rows);
        let quantiles = to.reshape(inputs[0], [rows, self.0.q.numbers().len()]);
        let sorted = to.reshape(inputs[1], [rows, length]);
        let put = to.kernel(Put(self.0.clone()), &[quantiles, sorted], dtype, [rows, length]);
        to.reshape(put, dims)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.give(0, |dy| dy.unary(self.0.clone()));
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn attributes(&self) -> Attributes {
        self.0.attributes()
    }
}

/// Makes quantiles of the rows.
#[derive(Debug)]
struct Take(OfSorted);

impl Kernel for Take {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        match output.dtype() {
            DType::F32 => self.take::<f32>(inputs, output),
            _ => self.take::<f64>(inputs, output),
        }
    }

    fn is_batched(&self) -> bool {
        true
    }
}

impl Take {
    fn take<T: Numeric>(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let x: ArrayView2<'_, T> = with_axes(inputs[0].view()?)?;
        let mut output: ArrayViewMut2<'_, T> = with_axes(output.into_view()?)?;
        for (mut quantiles, row) in output.rows_mut().into_iter().zip(x.rows()) {
            // NaNs are last. There is one also where there is nothing.
            match row.last().map_or(f64::NAN, |last| last.as_f64()) {
                last if last.is_nan() => quantiles.fill(T::from_f64(f64::NAN)),
                _ => {
                    for (to, (below, weight)) in quantiles.iter_mut().zip(self.0.places(row.len())) {
                        let above = if weight == 0.0 { below } else { below + 1 };
                        *to = T::from_f64(between(row[below].as_f64(), row[above].as_f64(), weight));
                    }
                }
            }
        }
        Ok(())
    }
}

/// The number between two others, of which the second has this weight; that of two equal ones is the same, and infinities
/// stay.
fn between(a: f64, b: f64, weight: f64) -> f64 {
    let apart = b - a;
    if a == b {
        a
    } else if !apart.is_finite() {
        a * (1.0 - weight) + b * weight
    } else if weight >= 0.5 {
        b - apart * (1.0 - weight)
    } else {
        a + apart * weight
    }
}

/// Puts the cotangents of quantiles among zeros.
#[derive(Debug)]
struct Put(OfSorted);

impl Kernel for Put {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        match output.dtype() {
            DType::F32 => self.put::<f32>(inputs, output),
            _ => self.put::<f64>(inputs, output),
        }
    }

    fn is_batched(&self) -> bool {
        true
    }
}

impl Put {
    fn put<T: Numeric>(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let quantiles: ArrayView2<'_, T> = with_axes(inputs[0].view()?)?;
        let sorted: ArrayView2<'_, T> = with_axes(inputs[1].view()?)?;
        let mut output: ArrayViewMut2<'_, T> = with_axes(output.into_view()?)?;
        let rows = quantiles.rows().into_iter().zip(sorted.rows());
        for (mut row, (quantiles, sorted)) in output.rows_mut().into_iter().zip(rows) {
            // All elements of a row that has a NaN made its quantiles NaN.
            let is_nan = sorted.last().is_some_and(|last| last.as_f64().is_nan());
            let is_asked = quantiles.iter().any(|&dy| dy != T::default());
            row.fill(if is_nan && is_asked { T::from_f64(f64::NAN) } else { T::default() });
            let places = self.0.places(row.len()).filter(|_| !is_nan);
            for (dy, (below, weight)) in quantiles.iter().zip(places) {
                let mut add = |place: usize, weight: f64| {
                    row[place] = T::from_f64(row[place].as_f64() + dy.as_f64() * weight);
                };
                add(below, 1.0 - weight);
                if weight > 0.0 {
                    add(below + 1, weight);
                }
            }
        }
        Ok(())
    }
}

/// For files of graphs.
pub(in crate::ops) const INTERNAL: &[OpDef] = internal! {
    "quantile_of_sorted" (x: Float) [q: Quantiles, method: QuantileMethod] |given| OfSorted { q, method };
    "quantile_of_sorted_transposed" (quantiles: Float, x: Same) [q: Quantiles, method: QuantileMethod] |given|
        OfSortedTransposed(OfSorted { q, method });
};
