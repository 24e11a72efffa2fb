//! `scatter_set`: elements put at computed indices, in place of what is there. Of several for one place the last stays.

use ndarray::{ArrayView1, ArrayView3, ArrayViewMut3, Axis};

use super::gather::{Given, Indexing, with_axes};
use crate::element::{ArrayMut, ArrayRef, with_element};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Attributes, Op, OpDef};
use crate::ir::{Kernel, KernelError, Lowering, Val};
use crate::ops::internal::internal;
use crate::ops::methods::methods;
use crate::shape::TensorType;

/// The first input, with the third in place of what it has at the indices, the second input.
#[derive(Debug)]
struct ScatterSet(Indexing);

impl Op for ScatterSet {
    fn name(&self) -> &'static str {
        "scatter_set"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        self.0.updated(inputs)
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        self.0.update(inputs, SetRows, to)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (indices, updates) = (at.input(1), at.input(2));
        at.give(0, |dy| dy.graph().apply(ScatterSet(self.0), &[dy, indices, updates.zeros_like()]));
        at.give(2, |dy| dy.binary(GatherLast(self.0), indices));
    }

    fn differentiable(&self, input: usize) -> bool {
        input != 1
    }

    fn zero_where_untaken(&self, input: usize) -> bool {
        input != 1
    }

    fn attributes(&self) -> Attributes {
        self.0.attributes()
    }
}

/// The gradient of [`ScatterSet`] to its updates: what the first input has at the indices, the second input, but zeros for
/// an index that comes again.
#[derive(Debug)]
struct GatherLast(Indexing);

impl Op for GatherLast {
    fn name(&self) -> &'static str {
        "gather_last"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        self.0.taken(inputs[0], inputs[1])
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        self.0.take(inputs, TakeLast, to)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (x, indices) = (at.input(0), at.input(1));
        at.give(0, |dy| dy.graph().apply(ScatterSet(self.0), &[x.zeros_like(), indices, dy]));
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn zero_where_untaken(&self, input: usize) -> bool {
        input == 0
    }

    fn attributes(&self) -> Attributes {
        self.0.attributes()
    }
}

/// Copies the first input, and over its rows that the second names those of the third, in their order.
#[derive(Debug)]
struct SetRows(Given);

impl Kernel for SetRows {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        with_element!(output.dtype(), T => {
            let numbers: ArrayView1<'_, i64> = with_axes(inputs[1].view()?)?;
            let x: ArrayView3<'_, T> = with_axes(inputs[0].view()?)?;
            let updates: ArrayView3<'_, T> = with_axes(inputs[2].view()?)?;
            let mut output: ArrayViewMut3<'_, T> = with_axes(output.into_view()?)?;
            let rows = self.0.checked(&numbers, output.len_of(Axis(1)))?;
            if output.is_empty() {
                return Ok(());
            }
            output.assign(&x);
            for (row, update) in rows.zip(updates.axis_iter(Axis(1))) {
                output.index_axis_mut(Axis(1), row).assign(&update);
            }
        });
        Ok(())
    }

    fn must_run(&self) -> bool {
        self.0.may_miss
    }
}

/// Copies the rows of the first input that the second one names, and puts zeros for those that it names again later.
#[derive(Debug)]
struct TakeLast(Given);

impl Kernel for TakeLast {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        with_element!(output.dtype(), T => {
            let x: ArrayView3<'_, T> = with_axes(inputs[0].view()?)?;
            let numbers: ArrayView1<'_, i64> = with_axes(inputs[1].view()?)?;
            let mut output: ArrayViewMut3<'_, T> = with_axes(output.into_view()?)?;
            let rows = self.0.checked(&numbers, x.len_of(Axis(1)))?;
            if output.is_empty() {
                return Ok(());
            }
            let mut last: Vec<usize> = Vec::new();
            last.try_reserve_exact(x.len_of(Axis(1))).map_err(KernelError::other)?;
            last.resize(x.len_of(Axis(1)), 0);
            rows.clone().enumerate().for_each(|(position, row)| last[row] = position);
            for ((position, row), mut to) in rows.enumerate().zip(output.axis_iter_mut(Axis(1))) {
                if last[row] == position {
                    to.assign(&x.index_axis(Axis(1), row));
                } else {
                    to.fill(T::default());
                }
            }
        });
        Ok(())
    }

    fn must_run(&self) -> bool {
        self.0.may_miss
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "gather_last" (x: Element, indices: Integer) [axis: isize] |given| GatherLast(Indexing::Across(axis));
};

methods! {
    /// The tensor with the updates in place of the slices across an axis that have the given indices: where
    /// [`gather`](crate::Tensor::gather) would take them from. Of several updates for one index the last one stays.
    ///
    /// Gradient: the cotangent to the tensor, 0 at the indices; to the updates what it has at the indices, 0 to those
    /// that did not stay. Errors as for [`scatter_add`](crate::Tensor::scatter_add).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[10, 20, 30]));
    /// let indices = g.constant(ndarray::arr1(&[2_i64, 0, 2]));
    /// let y = x.scatter_set(indices, g.constant(ndarray::arr1(&[1, 2, 3])), 0);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[2, 20, 3]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn scatter_set<Element>(x, indices: (Index), updates: (Self), axis: isize) -> Self {
        x.graph().apply(ScatterSet(Indexing::Across(axis)), &[x, indices, updates])
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, arr0, arr1, arr2};

    /// The tensor with the slices of updates along an axis put where the indices say.
    fn set(x: &[ArrayD<f64>], indices: &[usize], axis: usize) -> ArrayD<f64> {
        let mut set = x[0].clone();
        for (update, &index) in x[1].axis_iter(Axis(axis)).zip(indices) {
            set.index_axis_mut(Axis(axis), index).assign(&update);
        }
        set
    }

    let mut examples: Vec<Example> = vec![
        example!(
            "scatter_set of a number",
            &[&[3], &[]],
            |g, x| x[0].scatter_set(g.constant(arr0(1_i64)), x[1], 0),
            |x| arr1(&[x[0][[0]], x[1][[]], x[0][[2]]]).into_dyn(),
        ),
        example!(
            "scatter_set of a matrix of indices",
            &[&[3, 2], &[2, 2, 2]],
            |g, x| x[0].scatter_set(g.constant(arr2(&[[2_i64, 0], [0, 2]])), x[1], 0),
            |x| {
                let [first, last] =
                    [0, 1].map(|i| x[1].index_axis(Axis(0), 1).index_axis(Axis(0), i).to_owned());
                ndarray::stack![Axis(0), first, x[0].index_axis(Axis(0), 1), last]
            },
        ),
        example!(
            "scatter_set of columns of a square",
            &[&[2, 4], &[2, 3]],
            |g, x| x[0].square().scatter_set(g.constant(arr1(&[3_i64, 0, 3])), x[1].square(), -1),
            |x| set(&[x[0].mapv(|x| x * x), x[1].mapv(|x| x * x)], &[3, 0, 3], 1),
        ),
        example!(
            "scatter_set of a transpose",
            &[&[2, 3], &[2, 3]],
            |g, x| x[0].transpose().scatter_set(g.constant(arr1(&[1_i64, 1, 0])), x[1].transpose(), 0) * 2.0,
            |x| 2.0 * set(&[x[0].t().to_owned(), x[1].t().to_owned()], &[1, 1, 0], 0),
        ),
    ];
    for dims in [[3, 2], [3, 0]] {
        let dims = dims.as_slice();
        examples.push(example!(
            "scatter_set of rows",
            &[dims, dims],
            |g, x| x[0].scatter_set(g.constant(arr1(&[2_i64, 0, 2])), x[1], 0) * x[0],
            |x| set(x, &[2, 0, 2], 0) * &x[0],
        ));
    }
    examples
}
