//! Elements at computed places: `gather`, `gather_nd` and `take_along_axis` take them, `scatter_add` and its kin add
//! to them.
//!
//! Lowering turns all kinds of places into one: row numbers into `[outer, rows, inner]` elements. An index that an axis
//! does not have fails the run. Taking and adding are each other's gradients.

mod kernels;

use crate::dtype::{DType, Element, Numeric};
use crate::error::Mistake;
use crate::gradient::Pullback;
use crate::graph::{Operand, Tensor};
use crate::lower::{Dims, Lowering, Val, size};
use crate::op::Op;
use crate::shape::{Shape, TensorType, resolve_axis};

use kernels::{AddRows, Flatten, TakeRows};

pub(super) const OPS: &[&str] =
    &["gather", "gather_nd", "take_along_axis", "scatter_add", "scatter_nd_add", "scatter_along_axis_add"];

/// What indices point to.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// Each to a whole slice across the axis.
    Across(isize),
    /// The rows of their last axis to what has these indices along the first axes.
    First,
    /// Each to an element along the axis, whose other indices are its own.
    Along(isize),
}

impl Place {
    /// The shape of what lies at the indices.
    fn shape(self, x: &Shape, indices: &Shape) -> Result<Shape, Mistake> {
        match self {
            Place::Across(axis) => {
                let axis = resolve_axis(axis, x.rank())?;
                let (before, behind) = x.dims().split_at(axis);
                Ok([before, indices.dims(), &behind[1..]].concat().into())
            }
            Place::First => {
                let depth = indices.dims().split_last().and_then(|(&last, rows)| Some((last?, rows)));
                match depth.filter(|&(depth, _)| depth <= x.rank()) {
                    Some((depth, rows)) => Ok([rows, &x.dims()[depth..]].concat().into()),
                    None => Err(Mistake::GatherDepth { indices: indices.clone(), shape: x.clone() }),
                }
            }
            Place::Along(axis) => {
                let axis = resolve_axis(axis, x.rank())?;
                let mut other = x.dims().to_vec();
                other[axis] = indices.dims().get(axis).copied().flatten();
                if !indices.agrees_with(&other.as_slice().into()) {
                    let (indices, shape) = (indices.clone(), x.clone());
                    return Err(Mistake::TakeAlongShape { indices, shape, axis });
                }
                let lengths = other.into_iter().zip(indices.dims());
                Ok(lengths.map(|(own, &index)| own.or(index)).collect::<Vec<_>>().into())
            }
        }
    }

    /// The row numbers that the indices are; the shape rule has accepted them.
    fn rows(self, x: Val, indices: Val, to: &mut Lowering<'_>) -> Rows {
        let (x, lengths) = (to.dims(x).to_vec(), to.dims(indices).to_vec());
        let axis = |axis: isize| resolve_axis(axis, x.len()).unwrap_or(0);
        // The lengths before, of and behind an axis.
        let around = |axis: usize| [size(&x[..axis]), x[axis], size(&x[axis + 1..])];
        match self {
            Place::Across(across) => {
                let count = size(&lengths);
                Rows { lengths: around(axis(across)), count, numbers: to.reshape(indices, [count]) }
            }
            Place::First => {
                let (depth, rows) = lengths.split_last().map_or((0, &[][..]), |(&depth, rows)| (depth, rows));
                let (count, first) = (size(rows), x[..depth].to_vec());
                let lengths = [1, size(&first), size(&x[depth..])];
                let indices = to.reshape(indices, [count, depth]);
                Rows { lengths, count, numbers: flattened(Flatten::Rows(first), indices, count, to) }
            }
            Place::Along(along) => {
                let [outer, length, inner] = around(axis(along));
                let (count, taken) = (size(&lengths), lengths[axis(along)]);
                let indices = to.reshape(indices, [outer, taken, inner]);
                let numbers = flattened(Flatten::Along(length), indices, count, to);
                Rows { lengths: [1, size(&x), 1], count, numbers }
            }
        }
    }
}

/// One row number for several indices, or for one and where it stands.
fn flattened(flatten: Flatten, indices: Val, count: usize, to: &mut Lowering<'_>) -> Val {
    to.compute(flatten, &[indices], DType::I64, [count])
}

/// What is at some of the rows of a tensor.
struct Rows {
    /// The tensor's lengths before the rows, of the rows, and within a row.
    lengths: [usize; 3],
    /// How many row numbers there are.
    count: usize,
    numbers: Val,
}

impl Rows {
    /// The lengths of what is at the rows.
    fn taken(&self) -> Dims {
        let [outer, _, inner] = self.lengths;
        Dims::from_slice(&[outer, self.count, inner])
    }
}

/// What the first input has at the indices, the second input.
#[derive(Debug)]
struct Gather(Place);

impl Op for Gather {
    fn name(&self) -> &'static str {
        match self.0 {
            Place::Across(_) => "gather",
            Place::First => "gather_nd",
            Place::Along(_) => "take_along_axis",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        Ok(TensorType::new(inputs[0].dtype, self.0.shape(&inputs[0].shape, &inputs[1].shape)?))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let [x, indices] = [0, 1].map(|input| inputs[input]);
        let (dtype, shape) = (to.dtype(x), self.0.shape(&to.dims(x).into(), &to.dims(indices).into()));
        let rows = self.0.rows(x, indices, to);
        let x = to.reshape(x, rows.lengths);
        let taken = to.compute(TakeRows, &[x, rows.numbers], dtype, rows.taken());
        match shape.ok().and_then(|shape| shape.known()) {
            Some(dims) => to.reshape(taken, dims),
            // The shape rule has accepted the indices.
            None => taken,
        }
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (x, indices) = (at.input(0), at.input(1));
        at.give(0, |dy| {
            let zeros = dy.scalar_like(0.0).binary(super::BroadcastLike, x);
            dy.graph().apply(ScatterAdd(self.0), &[zeros, indices, dy])
        });
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn attributes(&self) -> String {
        attributes(self.0)
    }
}

/// The first input, plus the third at the indices, the second input.
#[derive(Debug)]
struct ScatterAdd(Place);

impl Op for ScatterAdd {
    fn name(&self) -> &'static str {
        match self.0 {
            Place::Across(_) => "scatter_add",
            Place::First => "scatter_nd_add",
            Place::Along(_) => "scatter_along_axis_add",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        let expected = self.0.shape(&inputs[0].shape, &inputs[1].shape)?;
        if !inputs[2].shape.agrees_with(&expected) {
            return Err(Mistake::OtherShape { expected, found: inputs[2].shape.clone() });
        }
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let [x, indices, updates] = [0, 1, 2].map(|input| inputs[input]);
        let (dims, dtype) = (to.dims(x).to_vec(), to.dtype(x));
        let rows = self.0.rows(x, indices, to);
        let x = to.reshape(x, rows.lengths);
        let updates = to.reshape(updates, rows.taken());
        let sums = to.compute(AddRows, &[x, rows.numbers, updates], dtype, rows.lengths);
        to.reshape(sums, dims)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let indices = at.input(1);
        at.give(0, |dy| dy);
        at.give(2, |dy| dy.binary(Gather(self.0), indices));
    }

    fn differentiable(&self, input: usize) -> bool {
        input != 1
    }

    fn attributes(&self) -> String {
        attributes(self.0)
    }
}

fn attributes(place: Place) -> String {
    match place {
        Place::Across(axis) | Place::Along(axis) => axis.to_string(),
        Place::First => String::new(),
    }
}

impl<'g, T: Element> Tensor<'g, T> {
    /// The slices across an axis that have the given indices; negative axes count from the end. The axis is replaced by
    /// the axes of the indices: a vector of indices along axis 0 selects rows.
    ///
    /// Gradient: the cotangents of each slice's occurrences, added up; 0 where there is none. An axis out of range is a
    /// building error; an index that is negative or not below the axis' length fails the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[1, 2], [3, 4], [5, 6]]));
    /// let rows = x.gather(g.constant(ndarray::arr1(&[2_i64, 0])), 0);
    /// assert_eq!(Session::new(&g)?.run(rows)?, ndarray::arr2(&[[5, 6], [1, 2]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn gather(self, indices: impl Operand<'g, i64>, axis: isize) -> Self {
        self.taken(Place::Across(axis), indices)
    }

    /// What has the given indices along the first axes: the last axis of `indices` holds one for each of as many axes
    /// as it is long, and is replaced by the axes behind these.
    ///
    /// Gradient: the cotangents of each place's occurrences, added up; 0 where there is none. A last length of
    /// the indices that is not known, or greater than the rank, is a building error; an index that is negative or not
    /// below its axis' length fails the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[1, 2], [3, 4]]));
    /// let elements = x.gather_nd(g.constant(ndarray::arr2(&[[0_i64, 1], [1, 1]])));
    /// assert_eq!(Session::new(&g)?.run(elements)?, ndarray::arr1(&[2, 4]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn gather_nd(self, indices: impl Operand<'g, i64>) -> Self {
        self.taken(Place::First, indices)
    }

    /// For each index, the element that has it along the axis and stands where the index does along all other axes,
    /// whose lengths are the same; negative axes count from the end.
    ///
    /// Gradient: the cotangents of each element's occurrences, added up; 0 where there is none. An axis out of range
    /// and other lengths that differ are building errors; an index that is negative or not below the axis' length
    /// fails the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[1, 2, 3], [4, 5, 6]]));
    /// let chosen = x.take_along_axis(g.constant(ndarray::arr2(&[[2_i64], [0]])), 1);
    /// assert_eq!(Session::new(&g)?.run(chosen)?, ndarray::arr2(&[[3], [4]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn take_along_axis(self, indices: impl Operand<'g, i64>, axis: isize) -> Self {
        self.taken(Place::Along(axis), indices)
    }

    #[track_caller]
    fn taken(self, place: Place, indices: impl Operand<'g, i64>) -> Self {
        let any = self.any();
        Tensor::typed(any.binary(Gather(place), indices.into_tensor(any.graph()).any()))
    }
}

impl<'g, T: Numeric> Tensor<'g, T> {
    /// The tensor plus the updates at the slices across an axis that have the given indices: where
    /// [`gather`](Tensor::gather) would take them from. Updates of one slice add up in their order, so the same inputs
    /// give the same bits.
    ///
    /// Gradient: the cotangent to the tensor, and to the updates what it has at the indices. An axis out of range, and
    /// updates of another shape than `gather` would give, are building errors; an index that is negative or not below
    /// the axis' length fails the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[10, 20, 30]));
    /// let indices = g.constant(ndarray::arr1(&[2_i64, 0, 2]));
    /// let y = x.scatter_add(indices, g.constant(ndarray::arr1(&[1, 2, 3])), 0);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[12, 20, 34]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn scatter_add(
        self,
        indices: impl Operand<'g, i64>,
        updates: impl Operand<'g, T>,
        axis: isize,
    ) -> Self {
        let any = self.any();
        let (indices, updates) = (indices.into_tensor(any.graph()), updates.into_tensor(any.graph()));
        Tensor::typed(
            any.graph().apply(ScatterAdd(Place::Across(axis)), &[any, indices.any(), updates.any()]),
        )
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{Array2, ArrayD, Axis, arr0, arr1, arr2, arr3};

    let mut examples: Vec<Example> = vec![
        example!(
            "gather of a number",
            &[&[3, 2]],
            |_, x| x[0].gather(1_i64, 0) * x[0].gather(2_i64, 0),
            |x| &x[0].index_axis(Axis(0), 1) * &x[0].index_axis(Axis(0), 2),
        ),
        example!(
            "gather of a matrix of indices",
            &[&[2, 3, 2]],
            |g, x| x[0].gather(g.constant(arr2(&[[2_i64, 0], [0, 0], [1, 2]])), 1),
            |x| {
                let rows = [[2, 0], [0, 0], [1, 2]];
                ArrayD::from_shape_fn(vec![2, 3, 2, 2], |i| x[0][[i[0], rows[i[1]][i[2]], i[3]]])
            },
        ),
        example!(
            "gather of a transpose",
            &[&[3, 4]],
            |g, x| x[0].transpose().gather(g.constant(arr1(&[3_i64, 1, 3])), 0),
            |x| x[0].t().select(Axis(0), &[3, 1, 3]),
        ),
        example!(
            "gather of the same everywhere",
            &[&[1, 3]],
            |g, x| x[0].broadcast_to([4, 3]).gather(g.constant(arr1(&[3_i64, 0])), 0),
            |x| x[0].select(Axis(0), &[0, 0]),
        ),
        example!(
            "gather of nothing",
            &[&[2, 3]],
            |g, x| x[0].gather(g.constant(Array2::<i64>::zeros((0, 2))), 1),
            |_| ArrayD::zeros(vec![2, 0, 2]),
        ),
        example!(
            "scatter_add of numbers",
            &[&[3], &[]],
            |g, x| x[0].scatter_add(g.constant(arr0(1_i64)), x[1], 0),
            |x| &x[0] + &(&arr1(&[0.0, 1.0, 0.0]) * x[1][[]]),
        ),
        example!(
            "scatter_add of columns",
            &[&[2, 4], &[2, 3]],
            |g, x| x[0].scatter_add(g.constant(arr1(&[3_i64, 0, 3])), x[1], -1),
            |x| {
                let mut sums = x[0].clone();
                for (update, column) in x[1].axis_iter(Axis(1)).zip([3, 0, 3]) {
                    let mut sum = sums.index_axis_mut(Axis(1), column);
                    sum += &update;
                }
                sums
            },
        ),
        example!(
            "scatter_add of a transpose",
            &[&[2, 2], &[2, 3]],
            |g, x| x[0].transpose().scatter_add(g.constant(arr1(&[1_i64, 1, 0])), x[1].transpose(), 0),
            |x| {
                let mut sums = x[0].t().to_owned();
                for (update, row) in x[1].axis_iter(Axis(1)).zip([1, 1, 0]) {
                    let mut sum = sums.index_axis_mut(Axis(0), row);
                    sum += &update;
                }
                sums
            },
        ),
        example!(
            "gather_nd of elements",
            &[&[2, 3]],
            |g, x| x[0].gather_nd(g.constant(arr3(&[[[1_i64, 2], [0, 0]], [[1, 2], [0, 1]]]))),
            |x| arr2(&[[x[0][[1, 2]], x[0][[0, 0]]], [x[0][[1, 2]], x[0][[0, 1]]]]).into_dyn(),
        ),
        example!(
            "gather_nd of rows",
            &[&[2, 3, 2]],
            |g, x| x[0].gather_nd(g.constant(arr2(&[[1_i64, 2], [0, 1], [1, 2]]))) * 2.0,
            |x| {
                let row = |i, j| x[0].index_axis(Axis(0), i).index_axis(Axis(0), j).to_owned();
                2.0 * ndarray::stack![Axis(0), row(1, 2), row(0, 1), row(1, 2)]
            },
        ),
        example!(
            "gather_nd of one place",
            &[&[2, 3]],
            |g, x| x[0].gather_nd(g.constant(arr1(&[1_i64, 0]))) * x[0].gather_nd(g.constant(arr1(&[1_i64]))),
            |x| x[0][[1, 0]] * &x[0].index_axis(Axis(0), 1),
        ),
        example!(
            "gather_nd without indices",
            &[&[2, 3]],
            |g, x| x[0].gather_nd(g.constant(Array2::<i64>::zeros((2, 0)))),
            |x| ndarray::stack![Axis(0), x[0], x[0]],
        ),
        example!(
            "take_along_axis of columns",
            &[&[2, 3]],
            |g, x| x[0].take_along_axis(g.constant(arr2(&[[2_i64, 2, 0, 1], [1, 0, 1, 1]])), -1),
            |x| {
                let at = [[2, 2, 0, 1], [1, 0, 1, 1]];
                ArrayD::from_shape_fn(vec![2, 4], |i| x[0][[i[0], at[i[0]][i[1]]]])
            },
        ),
        example!(
            "take_along_axis of rows",
            &[&[3, 2, 2]],
            |g, x| x[0].take_along_axis(g.constant(arr3(&[[[2_i64, 0], [1, 1]]])), 0) * 3.0,
            |x| 3.0
                * arr3(&[[[x[0][[2, 0, 0]], x[0][[0, 0, 1]]], [x[0][[1, 1, 0]], x[0][[1, 1, 1]]]]])
                    .into_dyn(),
        ),
        example!(
            "take_along_axis of nothing",
            &[&[2, 3]],
            |g, x| x[0].take_along_axis(g.constant(Array2::<i64>::zeros((2, 0))), 1),
            |_| ArrayD::zeros(vec![2, 0]),
        ),
    ];
    for dims in [[3, 4], [3, 1], [3, 0]] {
        let dims = dims.as_slice();
        examples.extend([
            example!(
                "gather of rows",
                &[dims],
                |g, x| x[0].gather(g.constant(arr1(&[2_i64, 0, 2, 1])), 0) * 2.0,
                |x| 2.0 * x[0].select(Axis(0), &[2, 0, 2, 1]),
            ),
            example!(
                "gather of columns",
                &[dims],
                |g, x| x[0].transpose().reshape([-1, 3]).gather(g.constant(arr1(&[2_i64, 0, 2])), 1),
                |x| x[0].t().select(Axis(1), &[2, 0, 2]),
            ),
        ]);
    }
    examples
}
