//! `slice` and `reverse`: ranges of indices along each axis, with steps, and whole axes backwards.

mod from;

use std::fmt;
use std::num::ParseIntError;

use crate::error::Fault;
use crate::graph::op::pick::{Along, Choice, Pick, PickTransposed, Run};
use crate::graph::op::{Attribute, AttributeValue, Attributes};
use crate::ops::methods::methods;
use crate::ops::parts::{PutBackDef, put_back};
use crate::shape::{Axes, Shape};

/// What [`slice`](crate::Tensor::slice) takes of one axis: a range of indices, or one index, which drops the axis.
///
/// Negative indices count from the end, and ends beyond the axis are cut off, as in NumPy. A step leaves indices
/// out; a negative one goes backwards, from the last index on if no start is given. Indices may be `isize`, `usize` or
/// `i32`.
///
/// ```
/// use flowgrad::prelude::*;
/// assert_eq!(AxisRange::of(1, -1).to_string(), "1:-1");
/// assert_eq!(AxisRange::from(..).step(-1).to_string(), "::-1");
/// assert_eq!(AxisRange::from(-1).to_string(), "-1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AxisRange(Part);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    Index(isize),
    Range { start: Option<isize>, end: End, step: isize },
}

/// What can be wrong with ranges of indices.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SliceFault {
    /// An index that an axis does not have.
    #[error("expected an index of axis {axis} of length {length}, got {index}")]
    Index {
        /// The index as given.
        index: isize,
        /// The axis, counted from the first.
        axis: usize,
        /// Its length.
        length: usize,
    },
    /// A range with the step 0.
    #[error("expected a step other than 0 along axis {axis}, got 0")]
    Step {
        /// The axis, counted from the first.
        axis: usize,
    },
    /// More ranges than there are axes.
    #[error("expected at most {rank} ranges, got {ranges}")]
    Rank {
        /// The number of ranges.
        ranges: usize,
        /// The number of axes there are.
        rank: usize,
    },
}

/// Where a range ends, in whichever direction it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum End {
    /// With the axis.
    Open,
    /// Before an index.
    Before(isize),
    /// With an index.
    At(isize),
}

impl AxisRange {
    const fn between(start: Option<isize>, end: End) -> Self {
        AxisRange(Part::Range { start, end, step: 1 })
    }

    /// The indices from `start` on that come before `end`: the same as `start..end`, for ends such as those of
    /// `1..-1`, which linters take for mistakes.
    pub const fn of(start: isize, end: isize) -> Self {
        AxisRange::between(Some(start), End::Before(end))
    }

    /// Every `step`-th index of the range. A single index stays as it is; a step of 0 is a build error of the
    /// slice.
    #[must_use]
    pub fn step(self, step: isize) -> Self {
        match self.0 {
            Part::Index(_) => self,
            Part::Range { start, end, .. } => AxisRange(Part::Range { start, end, step }),
        }
    }

    /// What becomes of an axis of this length.
    fn along(self, axis: usize, length: Option<usize>) -> Result<Along, Fault> {
        match self.0 {
            Part::Index(index) => {
                let Some(length) = length else { return Ok(Along::unknown().dropped()) };
                let from_start = if index < 0 { index.checked_add_unsigned(length) } else { Some(index) };
                match from_start.and_then(|index| usize::try_from(index).ok()) {
                    Some(first) if first < length => Ok(Along::of([Run::of(first, 1, 1)]).dropped()),
                    _ => Err(Fault::op(SliceFault::Index { index, axis, length })),
                }
            }
            Part::Range { step: 0, .. } => Err(Fault::op(SliceFault::Step { axis })),
            Part::Range { start, end, step } => {
                let end = end.exclusive(step);
                // The lengths of tensors are addressable, so that they fit.
                let length = length.and_then(|length| isize::try_from(length).ok());
                Ok(length.map_or_else(Along::unknown, |length| Along::of([run(start, end, step, length)])))
            }
        }
    }
}

impl End {
    /// The index before which a range of this step ends; none if it ends with the axis.
    fn exclusive(self, step: isize) -> Option<isize> {
        match self {
            End::Open => None,
            End::Before(index) => Some(index),
            // What comes behind the last index of all, or going backwards behind the first, is no index.
            End::At(last) if step > 0 => {
                if last == -1 {
                    None
                } else {
                    Some(last.saturating_add(1))
                }
            }
            End::At(last) => {
                if last == 0 {
                    None
                } else {
                    Some(last.saturating_sub(1))
                }
            }
        }
    }
}

/// The indices of a range on an axis, as NumPy takes them; lengths fit into `isize`.
fn run(start: Option<isize>, end: Option<isize>, step: isize, length: isize) -> Run {
    // The indices at which a range may begin or end, going forwards or backwards.
    let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let place = |index: isize| if index < 0 { index.saturating_add(length) } else { index }.clamp(low, high);
    let (first, last) = if step > 0 { (low, high) } else { (high, low) };
    let (start, end) = (start.map_or(first, place), end.map_or(last, place));
    let distance = if step > 0 { end - start } else { start - end };
    // At least -1, if there is an index at all, so that none is before the first.
    let count = usize::try_from(distance).map_or(0, |distance| distance.div_ceil(step.unsigned_abs()));
    Run::of(start.max(0) as usize, count, step)
}

impl fmt::Display for AxisRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |place: Option<isize>| place.map_or_else(String::new, |place| place.to_string());
        match self.0 {
            Part::Index(index) => write!(f, "{index}"),
            Part::Range { start, end, step } => {
                write!(f, "{}:{}", place(start), place(end.exclusive(step)))?;
                if step == 1 { Ok(()) } else { write!(f, ":{step}") }
            }
        }
    }
}

/// What an [`AxisRange`] is, for what writes it in another form.
#[cfg(any(feature = "graphdef", feature = "onnx"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// One index, without the axis.
    Index(i64),
    /// From a place, to before another one; all there is in the direction of the step, where there is none.
    Range { start: Option<i64>, end: Option<i64>, step: i64 },
}

/// An [`AxisRange`] for each axis, from the first one on: a tuple of ranges and indices, an array, a `Vec` or a slice
/// of equal ones, or a single one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ranges(Vec<AxisRange>);

#[cfg(any(feature = "graphdef", feature = "onnx"))]
impl Ranges {
    /// What is taken of each axis, from the first one on.
    pub(crate) fn taken(&self) -> impl Iterator<Item = Taken> {
        self.0.iter().map(|range| match range.0 {
            Part::Index(index) => Taken::Index(index as i64),
            Part::Range { start, end, step } => {
                let place = |place: Option<isize>| place.map(|place| place as i64);
                Taken::Range { start: place(start), end: place(end.exclusive(step)), step: step as i64 }
            }
        })
    }
}

/// A whole number for an index, and a text in Python's notation for a range: `1:-1:2`.
impl AttributeValue for AxisRange {
    const KIND: &'static str = "index or range";

    fn into_attribute(self) -> Attribute {
        match self.0 {
            Part::Index(index) => index.into_attribute(),
            Part::Range { .. } => self.to_string().into_attribute(),
        }
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        /// A number, or nothing.
        fn end(text: &str) -> Result<Option<isize>, ParseIntError> {
            if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
        }
        let Attribute::Text(text) = attribute else {
            return isize::from_attribute(attribute).map(AxisRange::from);
        };
        let parts: Vec<&str> = text.split(':').collect();
        let (first, last, step) = match parts[..] {
            [first, last] => (first, last, 1),
            [first, last, step] => (first, last, step.parse().ok()?),
            _ => return None,
        };
        let last = end(last).ok()?.map_or(End::Open, End::Before);
        Some(AxisRange(Part::Range { start: end(first).ok()?, end: last, step }))
    }
}

/// One index or range for each axis.
impl AttributeValue for Ranges {
    const KIND: &'static str = "indices or ranges";

    fn into_attribute(self) -> Attribute {
        Attribute::List(self.0.into_iter().map(AttributeValue::into_attribute).collect())
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        match attribute {
            Attribute::List(ranges) => {
                ranges.iter().map(AxisRange::from_attribute).collect::<Option<_>>().map(Ranges)
            }
            _ => None,
        }
    }
}

impl Choice for Ranges {
    const NAMES: [&'static str; 2] = ["slice", "slice_transposed"];

    fn axes(&self, shape: &Shape) -> Result<Vec<Along>, Fault> {
        if self.0.len() > shape.rank() {
            return Err(Fault::op(SliceFault::Rank { ranges: self.0.len(), rank: shape.rank() }));
        }
        let ranges = self.0.iter().map(Some).chain(std::iter::repeat(None));
        let axes = shape.dims().iter().enumerate().zip(ranges);
        axes.map(|((axis, &length), range)| match range {
            Some(range) => range.along(axis, length),
            None => Ok(Along::whole(length)),
        })
        .collect()
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("ranges", self.clone())
    }
}

/// These axes backwards.
#[derive(Clone, Debug)]
struct Reversed(Axes);

impl Choice for Reversed {
    const NAMES: [&'static str; 2] = ["reverse", "reverse_transposed"];

    fn axes(&self, shape: &Shape) -> Result<Vec<Along>, Fault> {
        let reversed = self.0.resolve(shape.rank())?;
        let axes = shape.dims().iter().enumerate();
        Ok(axes
            .map(|(axis, &length)| match length {
                Some(length) if length > 0 && reversed.contains(&axis) => {
                    Along::of([Run::of(length - 1, length, -1)])
                }
                _ => Along::whole(length),
            })
            .collect())
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("axes", self.0.clone())
    }
}

methods! {
    /// The elements at the given indices of each axis: ranges with or without ends, with [steps](AxisRange::step),
    /// or single indices, which drop their axis. Negative indices count from the end, ends beyond the axis are cut
    /// off, and axes for which nothing is given are taken whole.
    ///
    /// Gradient: the cotangent where the elements were, 0 elsewhere. More ranges than axes, a step of 0, and a
    /// single index that the axis does not have are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[1, 2, 3, 4], [5, 6, 7, 8]]));
    /// let inner = x.slice((.., AxisRange::of(1, -1)));
    /// let last = x.slice(-1);
    /// let rows = x.shape()[0].unwrap_or(0);
    /// assert_eq!(x.slice(0..rows).shape(), x.shape());
    /// let every_second = x.slice((0, AxisRange::from(..).step(-2)));
    /// let session = Session::new(&g)?;
    /// assert_eq!(session.run(inner)?, ndarray::arr2(&[[2, 3], [6, 7]]).into_dyn());
    /// assert_eq!(session.run(last)?, ndarray::arr1(&[5, 6, 7, 8]).into_dyn());
    /// assert_eq!(session.run(every_second)?, ndarray::arr1(&[4, 2]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("strided_slice", "narrow"))]
    fn slice<Element>(x, ranges: [Ranges]) -> Self {
        x.unary(Pick(ranges))
    }

    /// The elements with the given axes backwards: `..` for all, one, or a list.
    ///
    /// Gradient: the reversed cotangent. An axis out of range or listed twice is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr2(&[[1, 2], [3, 4]])).reverse(-1);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr2(&[[2, 1], [4, 3]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("flip"))]
    fn reverse<Element>(x, axes: [Axes]) -> Self {
        x.unary(Pick(Reversed(axes)))
    }
}

/// For files of graphs.
pub(super) const PUT_BACK: &[PutBackDef] = put_back! {
    "slice_transposed" (x, like) [ranges: Ranges] |_dtype| PickTransposed(ranges);
    "reverse_transposed" (x, like) [axes: Axes] |_dtype| PickTransposed(Reversed(axes));
};

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::s;

    let mut examples: Vec<Example> = vec![
        example!(
            "slice of three axes",
            &[&[3, 4, 5]],
            |_, x| x[0].slice((1.., .., AxisRange::from(-1..).step(-2))),
            |x| x[0].slice(s![1.., .., ..;-2]).to_owned().into_dyn(),
        ),
        example!("slice of a number", &[&[]], |_, x| x[0].slice(Vec::<AxisRange>::new()), |x| x[0].clone()),
        example!(
            "slices inside arithmetic",
            &[&[6]],
            |_, x| x[0].slice(1..) * x[0].slice(..-1) + x[0].slice(0),
            |x| (&x[0].slice(s![1..]) * &x[0].slice(s![..-1]) + x[0][[0]]).into_dyn(),
        ),
        example!(
            "slice of a transpose",
            &[&[3, 4]],
            |_, x| (x[0].transpose().slice((1..3, 1..)) * 2.0).transpose(),
            |x| (&x[0].slice(s![1.., 1..3]) * 2.0).into_dyn(),
        ),
        example!("reverse of one of three", &[&[2, 3, 4]], |_, x| x[0].reverse(1), |x| x[0]
            .slice(s![.., ..;-1, ..])
            .to_owned()
            .into_dyn(),),
    ];
    for dims in [[4, 5], [1, 6], [4, 1], [0, 5], [4, 0]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("slice of rows", &[dims], |_, x| x[0].slice(..3) * 2.0, |x| {
                let rows = x[0].shape()[0].min(3);
                (&x[0].slice(s![..rows, ..]) * 2.0).into_dyn()
            }),
            example!("slice of columns", &[dims], |_, x| x[0].slice((.., -3..-1)), |x| {
                let columns = x[0].shape()[1] as isize;
                let (start, end) = ((columns - 3).max(0), (columns - 1).max(0));
                x[0].slice(s![.., start..end]).to_owned().into_dyn()
            }),
            example!(
                "slice with steps",
                &[dims],
                |_, x| x[0].slice((AxisRange::from(..).step(2), AxisRange::from(..).step(-2))),
                |x| x[0].slice(s![..;2, ..;-2]).to_owned().into_dyn(),
            ),
            example!("slice of nothing", &[dims], |_, x| x[0].slice((AxisRange::of(2, 1), 9..)), |_| {
                ndarray::ArrayD::zeros(vec![0, 0])
            }),
            example!("reverse of all", &[dims], |_, x| x[0].reverse(..), |x| x[0]
                .slice(s![..;-1, ..;-1])
                .to_owned()
                .into_dyn()),
            example!("reverse of rows", &[dims], |_, x| x[0].reverse(0) + x[0], |x| (&x[0]
                .slice(s![..;-1, ..])
                + &x[0])
                .into_dyn()),
        ]);
    }
    for dims in [[4, 5], [1, 5]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("slice at an index", &[dims], |_, x| x[0].slice((.., 3)), |x| x[0]
                .slice(s![.., 3])
                .to_owned()
                .into_dyn()),
            example!("slice at one place", &[dims], |_, x| x[0].slice([0, -1]), |x| ndarray::arr0(
                x[0][[0, 4]]
            )
            .into_dyn()),
        ]);
    }
    examples
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Python's `range(length)[start:end:step]` gives, by its definition.
    fn indices(start: Option<isize>, end: Option<isize>, step: isize, length: isize) -> Vec<isize> {
        let from_start = |index: isize| if index < 0 { index + length } else { index };
        let is_before_end = |index: isize| {
            end.is_none_or(|end| if step > 0 { index < from_start(end) } else { index > from_start(end) })
        };
        let start = start.map(from_start);
        let first =
            if step > 0 { start.unwrap_or(0).max(0) } else { start.unwrap_or(length - 1).min(length - 1) };
        let mut indices = Vec::new();
        let mut index = first;
        while (0..length).contains(&index) && is_before_end(index) {
            indices.push(index);
            index = index.saturating_add(step);
        }
        indices
    }

    #[test]
    fn ranges_are_those_of_numpy() {
        let ends: Vec<Option<isize>> = std::iter::once(None).chain((-7..=7).map(Some)).collect();
        for length in 0..6 {
            for (&start, &end) in ends.iter().flat_map(|start| ends.iter().map(move |end| (start, end))) {
                for step in [-3, -2, -1, 1, 2, 3, isize::MAX, -isize::MAX] {
                    let run = run(start, end, step, length);
                    let found: Vec<isize> = run.indices().collect();
                    let expected = indices(start, end, step, length);
                    assert_eq!(found, expected, "{start:?}:{end:?}:{step} of {length}");
                }
            }
        }
        let far = run(Some(isize::MIN), Some(isize::MAX), 1, 3);
        assert_eq!(far.indices().collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(run(None, Some(isize::MIN), isize::MIN, 3).indices().collect::<Vec<_>>(), [2]);
    }
}
