//! `split`, `split_sizes` and `unstack`: the parts of a tensor along an axis.

use super::slice::{AxisRange, Ranges};
use crate::element::Element;
use crate::error::Mistake;
use crate::graph::Tensor;
use crate::graph::op::Attributes;
use crate::graph::op::pick::{Along, Choice, Pick, Run};
use crate::shape::{Shape, resolve_axis};

pub(super) const METHODS: &[&[crate::graph::op::OpDef]] = &[];

/// Parts that one call builds, each of them a node: some hundred megabytes of graph. An axis of more is better moved
/// as a whole.
const MAX_PARTS: usize = 1 << 20;

/// Parts that are given for a number of parts that cannot be: more than anybody lists, and little memory.
const MAX_INVALID: usize = 1 << 16;

/// Refuses more parts than one call may build.
fn countable(parts: usize) -> Result<(), Mistake> {
    if parts > MAX_PARTS {
        return Err(Mistake::TooMany { what: "parts", count: parts, most: MAX_PARTS });
    }
    Ok(())
}

/// One of the parts into which an axis is cut.
#[derive(Clone, Debug)]
struct Part {
    axis: isize,
    cut: Cut,
}

#[derive(Clone, Copy, Debug)]
enum Cut {
    /// Part `part` of `parts` equal ones.
    Equal { part: usize, parts: usize },
    /// `size` elements from `start` on, of `whole`.
    Sized { start: usize, size: usize, whole: usize },
}

impl Cut {
    /// What becomes of an axis of this length; the parts of given lengths are known also where it is not.
    fn along(self, axis: usize, shape: &Shape) -> Result<Along, Mistake> {
        match (self, shape.dims()[axis]) {
            (Cut::Equal { part, parts }, length) => {
                countable(parts)?;
                let misfit = || Mistake::SplitParts { axis, shape: shape.clone(), parts };
                let Some(length) = length.filter(|_| parts > 0) else {
                    return if parts > 0 { Ok(Along::unknown()) } else { Err(misfit()) };
                };
                let size = length / parts;
                if size * parts == length {
                    Ok(Along::of([Run::of(part * size, size, 1)]))
                } else {
                    Err(misfit())
                }
            }
            (Cut::Sized { whole, .. }, Some(length)) if whole != length => {
                Err(Mistake::SplitSizes { axis, length, whole })
            }
            (Cut::Sized { start, size, .. }, _) => Ok(Along::of([Run::of(start, size, 1)])),
        }
    }
}

impl Choice for Part {
    const NAMES: [&'static str; 2] = ["split", "split_transposed"];

    fn axes(&self, shape: &Shape) -> Result<Vec<Along>, Mistake> {
        let axis = resolve_axis(self.axis, shape.rank())?;
        let mut axes: Vec<Along> = shape.dims().iter().map(|&length| Along::whole(length)).collect();
        axes[axis] = self.cut.along(axis, shape)?;
        Ok(axes)
    }

    fn attributes(&self) -> Attributes {
        match self.cut {
            Cut::Equal { part, parts } => Attributes::new().with("part", part).with("parts", parts),
            Cut::Sized { start, size, .. } => Attributes::new().with("start", start).with("size", size),
        }
    }
}

impl<T: Element> Tensor<'_, T> {
    /// The tensor cut into `parts` equal parts along an axis; negative axes count from the end.
    ///
    /// Gradient: the cotangent of each part where the part was. An axis out of range, and a length that is no
    /// multiple of the number of parts, are building errors, as are no parts at all and more than 2²⁰.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let halves = g.constant(ndarray::arr1(&[1, 2, 3, 4])).split(2, 0);
    /// assert_eq!(Session::new(&g)?.run(halves[1])?, ndarray::arr1(&[3, 4]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn split(self, parts: usize, axis: isize) -> Vec<Self> {
        let mut tensors = Vec::new();
        // No iterator, whose closures would be taken for the caller; and if there is to be no part, one tensor
        // stands for the mistake.
        for part in 0..parts.max(1) {
            let cut = self.any().unary(Pick(Part { axis, cut: Cut::Equal { part, parts } }));
            tensors.push(Tensor::typed(cut));
            // One mistake stands for all parts, so that there is something at the places of as many as a program may
            // list.
            if cut.is_invalid() {
                tensors.resize(parts.clamp(1, MAX_INVALID), Tensor::typed(cut));
                break;
            }
        }
        tensors
    }

    /// The tensor cut along an axis into parts of the given lengths; negative axes count from the end.
    ///
    /// Gradient: the cotangent of each part where the part was. An axis out of range, and lengths that do not add
    /// up to that of the axis, are building errors, as are no parts at all.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let parts = g.constant(ndarray::arr1(&[1, 2, 3, 4])).split_sizes([1, 3], 0);
    /// assert_eq!(Session::new(&g)?.run(parts[1])?, ndarray::arr1(&[2, 3, 4]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn split_sizes(self, sizes: impl AsRef<[usize]>, axis: isize) -> Vec<Self> {
        let sizes = sizes.as_ref();
        if sizes.is_empty() {
            return self.split(0, axis);
        }
        let whole = sizes.iter().fold(0_usize, |sum, &size| sum.saturating_add(size));
        let (mut tensors, mut start) = (Vec::new(), 0_usize);
        for &size in sizes {
            let cut = Cut::Sized { start, size, whole };
            tensors.push(Tensor::typed(self.any().unary(Pick(Part { axis, cut }))));
            start = start.saturating_add(size);
        }
        tensors
    }

    /// The tensors that lie one behind the other along an axis, without the axis: the inverse of
    /// [`stack`](crate::Graph::stack). Negative axes count from the end.
    ///
    /// Gradient: the cotangent of each where it was. The length of the axis must be known, because it is the number
    /// of tensors; one that is not, one above 2²⁰, and an axis out of range, are building errors, of which there is one
    /// tensor.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let columns = g.constant(ndarray::arr2(&[[1, 2, 3], [4, 5, 6]])).unstack(-1);
    /// assert_eq!(columns.len(), 3);
    /// assert_eq!(Session::new(&g)?.run(columns[2])?, ndarray::arr1(&[3, 6]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn unstack(self, axis: isize) -> Vec<Self> {
        let (any, shape) = (self.any(), self.shape());
        if any.is_invalid() {
            return vec![self];
        }
        let count = resolve_axis(axis, shape.rank()).map_err(Mistake::from).and_then(|axis| {
            let count = shape.dims()[axis].ok_or(Mistake::UnstackUnknown { axis, shape })?;
            countable(count).map(|()| (axis, count))
        });
        let (axis, count) = match count {
            Ok(count) => count,
            Err(mistake) => return vec![Tensor::typed(any.graph().invalid("unstack", mistake))],
        };
        let mut tensors = Vec::new();
        for index in 0..count as isize {
            let mut ranges = vec![AxisRange::from(..); axis];
            ranges.push(index.into());
            tensors.push(self.slice(Ranges::from(ranges)).named("unstack"));
        }
        tensors
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::s;

    let mut examples: Vec<Example> = vec![
        example!(
            "split into sizes",
            &[&[2, 6]],
            |g, x| {
                let parts = x[0].split_sizes([1, 0, 2, 3], -1);
                parts[3] * parts[0] + parts[2].reduce_sum(..) + g.concat(&parts, 1).slice((.., ..3))
            },
            |x| (&x[0].slice(s![.., 3..]) * &x[0].slice(s![.., ..1])
                + x[0].slice(s![.., 1..3]).sum()
                + x[0].slice(s![.., ..3]))
            .into_dyn(),
        ),
        example!("split into one", &[&[3]], |_, x| x[0].split(1, 0)[0], |x| x[0].clone()),
        example!(
            "unstack",
            &[&[2, 3]],
            |_, x| {
                let columns = x[0].reshape([2, 3]).unstack(1);
                columns[0] * columns[2]
            },
            |x| (&x[0].slice(s![.., 0]) * &x[0].slice(s![.., 2])).into_dyn(),
        ),
    ];
    for dims in [[4, 3], [2, 1], [0, 3], [2, 0]] {
        examples.push(example!(
            "split",
            &[&dims],
            |_, x| {
                let halves = x[0].split(2, 0);
                halves[0] * halves[1]
            },
            |x| {
                let half = x[0].shape()[0] / 2;
                (&x[0].slice(s![..half, ..]) * &x[0].slice(s![half.., ..])).into_dyn()
            },
        ));
    }
    examples
}
