//! `searchsorted`: where values belong among numbers that are in order.

use ndarray::ArrayView2;

use super::gather::with_axes;
use super::range::first_not;
use crate::element::{ArrayMut, ArrayRef, DType};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Attributes, Op};
use crate::ir::{Kernel, KernelError, Lowering, Val, size};
use crate::kernel::number::{ascending, with_number};
use crate::ops::methods::methods;
use crate::shape::{Shape, ShapeError, TensorType};

/// What can be wrong with looking for values in rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SearchFault {
    /// Values of other rows than there are.
    #[error("expected values with the lengths of {sorted} but along the last axis, got shape {values}")]
    Rows {
        /// The shape of the rows.
        sorted: Shape,
        /// The shape of the values.
        values: Shape,
    },
}

/// The places at which the values, the second input, belong in the rows of the first.
#[derive(Clone, Copy, Debug)]
struct SearchSorted {
    right: bool,
}

impl Op for SearchSorted {
    fn name(&self) -> &'static str {
        "searchsorted"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let (sorted, values) = (&inputs[0].shape, &inputs[1].shape);
        let Some((_, rows)) = sorted.dims().split_last() else {
            return Err(ShapeError::AxisOutOfRange { axis: -1, rank: 0 }.into());
        };
        if rows.is_empty() {
            return Ok(TensorType::new(DType::I64, values));
        }
        let same = values.dims().split_last().and_then(|(&last, own)| {
            let rows = Shape::from(rows).merged(&Shape::from(own))?;
            Some([rows.dims(), &[last]].concat())
        });
        let fault = || SearchFault::Rows { sorted: sorted.clone(), values: values.clone() };
        Ok(TensorType::new(DType::I64, same.ok_or_else(|| Fault::op(fault()))?))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (sorted, values) = (to.dims(inputs[0]).to_vec(), to.dims(inputs[1]).to_vec());
        // The shape rule has accepted the shapes.
        let (&length, rows) = sorted.split_last().unwrap_or((&0, &[]));
        let each = if rows.is_empty() { size(&values) } else { values.last().copied().unwrap_or(0) };
        let rows = size(rows);
        let x = to.reshape(inputs[0], [rows, length]);
        let wanted = to.reshape(inputs[1], [rows, each]);
        let places = to.kernel(Search { right: self.right }, &[x, wanted], DType::I64, [rows, each]);
        to.reshape(places, values)
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}

    fn attributes(&self) -> Attributes {
        Attributes::new().with("right", self.right)
    }
}

#[derive(Debug)]
struct Search {
    right: bool,
}

impl Kernel for Search {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let mut output = output.into_view::<i64>()?;
        with_number!(inputs[0].dtype(), T => {
            let rows: ArrayView2<'_, T> = with_axes(inputs[0].view()?)?;
            let values: ArrayView2<'_, T> = with_axes(inputs[1].view()?)?;
            let each = output.rows_mut().into_iter().zip(rows.rows().into_iter().zip(values.rows()));
            for (places, (row, values)) in each {
                for (place, value) in places.into_iter().zip(values) {
                    let comes_before = |index: usize| {
                        let order = ascending(&row[index], value);
                        if self.right { order.is_le() } else { order.is_lt() }
                    };
                    *place = first_not(comes_before, row.len()) as i64;
                }
            }
        }, else ());
        Ok(())
    }

    fn is_batched(&self) -> bool {
        true
    }
}

methods! {
    /// For each value the index at which it would have to be put into a vector of ascending numbers to keep these in order:
    /// that of the first number which is not less. Of more axes, the last one is in order, and the values of each row are
    /// looked for in the row of the same place: all lengths but the last must be the same. In a vector, values of any shape
    /// are looked for.
    ///
    /// NaN counts as larger than all numbers. Rows that are not in order give some index from 0 to their length.
    ///
    /// No gradient passes. A tensor without axes, and values of other rows, are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let edges = g.constant(ndarray::arr1(&[1.0, 2.0, 2.0, 3.0]));
    /// let values = g.constant(ndarray::arr1(&[0.0, 2.0, 2.5, 9.0]));
    /// let places = Session::new(&g)?.run(edges.searchsorted(values))?;
    /// assert_eq!(places, ndarray::arr1(&[0, 1, 3, 4]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("bucketize", "digitize", "lower_bound"))]
    fn searchsorted<Numeric>(x, values: (Self)) -> i64 as _ {
        x.searchsorted_with(values, false)
    }

    /// [`searchsorted`](crate::Tensor::searchsorted), or if `right` the index of the first number which is greater: behind
    /// those that are equal.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let edges = g.constant(ndarray::arr1(&[1, 2, 2, 3]));
    /// let (left, right) = (edges.searchsorted(2), edges.searchsorted_with(2, true));
    /// let (left, right) = Session::new(&g)?.run((left, right))?;
    /// assert_eq!((left.item()?, right.item()?), (1, 3));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("upper_bound"))]
    fn searchsorted_with<Numeric>(x, values: (Self), right: bool) -> i64 as searchsorted {
        x.binary(SearchSorted { right }, values)
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, ArrayView1, arr1, array};

    /// How many numbers of a row come before each value.
    fn counted(row: ArrayView1<'_, f64>, value: f64, right: bool) -> f64 {
        row.iter().filter(|&&x| if right { x <= value } else { x < value }).count() as f64
    }

    /// For values in rows of their own.
    fn in_rows(x: &[ArrayD<f64>], right: bool) -> ArrayD<f64> {
        let mut places = x[1].clone();
        for (mut places, row) in places.rows_mut().into_iter().zip(x[0].rows()) {
            places.mapv_inplace(|value| counted(row, value, right));
        }
        places
    }

    let mut examples: Vec<Example> = Vec::new();
    for (dims, values) in
        [([2, 5], [2, 3]), ([1, 1], [1, 4]), ([3, 0], [3, 2]), ([2, 4], [2, 0]), ([0, 4], [0, 2])]
    {
        let shapes: &[&[usize]] = &[&dims, &values];
        examples.extend([
            example!("searchsorted in rows", shapes, |_, x| x[0].sort(-1).searchsorted(x[1]).cast(), |x| {
                in_rows(x, false)
            }),
            example!(
                "searchsorted in rows on the right",
                shapes,
                |_, x| x[0].sort(-1).searchsorted_with(x[1], true).cast() + x[1] * 0.0,
                |x| in_rows(x, true)
            ),
        ]);
    }
    let (nan, infinity) = (f64::NAN, f64::INFINITY);
    examples.extend([
        example!("searchsorted of ties", &[&[7], &[2, 3]], |_, x| x[0].searchsorted(x[1]).cast(), |_| {
            array![[1.0, 1.0, 3.0], [5.0, 0.0, 4.0]].into_dyn()
        })
        .on(vec![
            arr1(&[-infinity, 0.0, -0.0, 2.0, infinity, nan, nan]).into_dyn(),
            array![[-0.0, 0.0, 1.0], [nan, -infinity, infinity]].into_dyn(),
        ]),
        example!(
            "searchsorted of ties on the right",
            &[&[7], &[2, 3]],
            |_, x| x[0].searchsorted_with(x[1], true).cast(),
            |_| array![[3.0, 3.0, 3.0], [7.0, 1.0, 5.0]].into_dyn()
        )
        .on(vec![
            arr1(&[-infinity, 0.0, -0.0, 2.0, infinity, nan, nan]).into_dyn(),
            array![[-0.0, 0.0, 1.0], [nan, -infinity, infinity]].into_dyn(),
        ]),
        example!(
            "searchsorted of an integer",
            &[&[5]],
            |_, x| (x[0] * 10.0).cast::<i64>().sort(0).searchsorted(3).cast(),
            |x| ndarray::arr0(counted(
                x[0].mapv(|x| (x * 10.0).trunc()).rows().into_iter().next().unwrap(),
                3.0,
                false
            ))
            .into_dyn()
        ),
    ]);
    examples
}
