//! Shapes with unknown dimensions, selections of axes, and the broadcasting rule.

mod from;

use std::fmt;
use std::ops::Index;
use std::slice::SliceIndex;

use smallvec::SmallVec;

use crate::element::DType;

pub(crate) use from::{AxisNumber, for_ranks, for_tuples};

/// Why shapes or axes do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// Two shapes do not broadcast together.
    #[error("expected shapes that broadcast, got {left} and {right}")]
    Broadcast {
        /// Shape of the left operand.
        left: Shape,
        /// Shape of the right operand.
        right: Shape,
    },
    /// A shape does not broadcast to another.
    #[error("expected a shape that broadcasts to {to}, got {from}")]
    BroadcastTo {
        /// The shape of the operand.
        from: Shape,
        /// The shape it should take.
        to: Shape,
    },
    /// An axis that the shape does not have.
    #[error("expected an axis of a tensor of rank {rank}, got {axis}")]
    AxisOutOfRange {
        /// The axis as given.
        axis: isize,
        /// The number of axes there are.
        rank: usize,
    },
    /// An axis listed twice.
    #[error("expected each axis once, got {axis} twice")]
    AxisTwice {
        /// The axis, counted from the first.
        axis: usize,
    },
    /// Not one entry for each axis.
    #[error("expected one entry for each of {rank} axes, got {given}")]
    NotOnePerAxis {
        /// The number of entries.
        given: usize,
        /// The number of axes there are.
        rank: usize,
    },
    /// One of the elements along an axis is to be chosen, and there are none.
    #[error("expected at least one element along axis {axis}, got shape {shape}")]
    EmptyAxis {
        /// The axis, counted from the first.
        axis: usize,
        /// The shape of the operand.
        shape: Shape,
    },
    /// More elements than a machine can address.
    #[error("the shape {shape} has too many elements to address")]
    TooLarge {
        /// The shape.
        shape: Shape,
    },
}

/// The lengths of a tensor's axes; `None` is a length known only when the tensor is fed.
///
/// A shape is written as a number, an array or a tuple; `[]` and `()` are that of a single number. Behind an index is
/// the length of that axis.
///
/// ```
/// use flowgrad::Shape;
/// assert_eq!(Shape::from([None, Some(784)]).to_string(), "[?, 784]");
/// assert_eq!(Shape::from((None, 784)), Shape::from([None, Some(784)]));
/// assert_eq!(Shape::from(3), Shape::from([3]));
/// assert_eq!(Shape::from([]), Shape::from(()));
/// let shape = Shape::from([2, 3]);
/// assert_eq!((shape.size(), shape[1], &shape[..1]), (Some(6), Some(3), &[Some(2)][..]));
/// ```
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub struct Shape(SmallVec<[Option<usize>; INLINE_AXES]>);

/// Axes of a shape that are kept in place: those of a matrix. A graph has a shape for each node, and few
/// nodes have more axes.
const INLINE_AXES: usize = 2;

impl Clone for Shape {
    fn clone(&self) -> Self {
        // Element by element, as lists clone that do not know their elements to be plain, it takes several times as long.
        Shape(SmallVec::from_slice(&self.0))
    }
}

impl Shape {
    /// The shape of a single number: no axes.
    pub const fn scalar() -> Self {
        Shape(SmallVec::new_const())
    }

    /// The lengths, outermost first.
    pub fn dims(&self) -> &[Option<usize>] {
        &self.0
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The number of elements, when every length is known and the number is one that can be counted.
    pub fn size(&self) -> Option<usize> {
        // In two steps, so that an unknown length counts even beside a zero.
        let lengths: Vec<usize> = self.known()?;
        if lengths.contains(&0) {
            return Some(0);
        }
        lengths.iter().try_fold(1_usize, |size, &length| size.checked_mul(length))
    }

    /// All lengths, when every one is known.
    pub fn known(&self) -> Option<Vec<usize>> {
        self.0.iter().copied().collect()
    }

    /// Whether every length is known.
    pub(crate) fn is_known(&self) -> bool {
        self.0.iter().all(Option::is_some)
    }

    /// The shape that an op gives; too large, if a length is unknown although all are known of which it is made: it is
    /// one that no number can tell.
    pub(crate) fn counted(self, made_of_known: bool) -> Result<Shape, ShapeError> {
        if made_of_known && !self.is_known() { Err(ShapeError::TooLarge { shape: self }) } else { Ok(self) }
    }

    /// Whether a tensor of exactly these lengths may stand where this shape is declared.
    pub(crate) fn admits(&self, dims: &[usize]) -> bool {
        self.rank() == dims.len()
            && self.0.iter().zip(dims).all(|(declared, &found)| declared.is_none_or(|length| length == found))
    }

    /// Whether the two could turn out equal once all lengths are known.
    pub(crate) fn agrees_with(&self, other: &Shape) -> bool {
        self.rank() == other.rank()
            && self.0.iter().zip(&other.0).all(|(a, b)| a.is_none() || b.is_none() || a == b)
    }

    /// What is known of the lengths by this and another shape together; nothing if the two cannot turn out equal.
    pub(crate) fn merged(&self, other: &Shape) -> Option<Shape> {
        let lengths = self.0.iter().zip(&other.0);
        self.agrees_with(other).then(|| Shape(lengths.map(|(&a, &b)| a.or(b)).collect()))
    }

    /// The shape without the given axes, or with length 1 in their place.
    pub(crate) fn reduced(&self, axes: &[usize], keep_dims: bool) -> Shape {
        let kept = self.0.iter().enumerate();
        Shape(if keep_dims {
            kept.map(|(axis, &length)| if axes.contains(&axis) { Some(1) } else { length }).collect()
        } else {
            kept.filter(|(axis, _)| !axes.contains(axis)).map(|(_, &length)| length).collect()
        })
    }
}

/// The length of an axis, or those of a range of axes.
///
/// # Panics
/// As indexing a slice does, where there is no such axis; [`dims`](Shape::dims) has `get`.
impl<I: SliceIndex<[Option<usize>]>> Index<I> for Shape {
    type Output = I::Output;

    fn index(&self, index: I) -> &I::Output {
        &self.0[index]
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (axis, length) in self.0.iter().enumerate() {
            f.write_str(if axis == 0 { "" } else { ", " })?;
            match length {
                Some(length) => write!(f, "{length}")?,
                None => f.write_str("?")?,
            }
        }
        f.write_str("]")
    }
}

/// The element type and shape of a tensor: all that a shape rule sees and gives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TensorType {
    /// The element type.
    pub dtype: DType,
    /// The lengths, possibly unknown.
    pub shape: Shape,
}

impl TensorType {
    /// Of this element type and shape.
    pub fn new(dtype: DType, shape: impl Into<Shape>) -> Self {
        TensorType { dtype, shape: shape.into() }
    }

    /// The type of an operation that is run for its effect alone: it has no elements.
    pub(crate) fn nothing() -> Self {
        TensorType::new(DType::Bool, [0])
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.dtype, self.shape)
    }
}

/// Whether arrays of these lengths can be addressed: the product of the lengths other than 0, which
/// bounds every stride, takes at most `isize::MAX` bytes.
pub(crate) fn is_addressable<'a>(lengths: impl IntoIterator<Item = &'a usize>, dtype: DType) -> bool {
    let nonzero = lengths.into_iter().filter(|&&length| length != 0);
    let bytes = nonzero.copied().try_fold(dtype.size(), usize::checked_mul);
    bytes.is_some_and(|bytes| isize::try_from(bytes).is_ok())
}

/// The shape that two operands have together under `NumPy`'s rule: axes are matched from the last,
/// and a length of 1 stretches.
///
/// An unknown length against a known one other than 1 gives the known one: should the unknown turn
/// out to be neither 1 nor equal, the check fails when it becomes known.
pub(crate) fn broadcast(left: &Shape, right: &Shape) -> Result<Shape, ShapeError> {
    // As for most operands.
    if left == right {
        return Ok(left.clone());
    }
    let rank = left.rank().max(right.rank());
    let length = |shape: &Shape, axis: usize| match (axis + shape.rank()).checked_sub(rank) {
        Some(own) => shape.0[own],
        None => Some(1),
    };
    (0..rank)
        .map(|axis| match (length(left, axis), length(right, axis)) {
            (Some(1), other) | (other, Some(1)) => Ok(other),
            (Some(a), Some(b)) if a != b => {
                Err(ShapeError::Broadcast { left: left.clone(), right: right.clone() })
            }
            (Some(known), _) | (_, Some(known)) => Ok(Some(known)),
            (None, None) => Ok(None),
        })
        .collect::<Result<_, _>>()
        .map(Shape)
}

/// A selection of axes for a reduction: all of them (`..`), one (`-1`), or a list (`[0, -1]`); negative axes count from
/// the end. Numbers may be `isize`, `usize` or `i32`.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let x = g.placeholder::<f32>("x", [2, 3, 4]);
/// assert_eq!(x.reduce_sum(..).shape().to_string(), "[]");
/// assert_eq!(x.reduce_sum([0, -1]).shape().to_string(), "[3]");
/// assert_eq!(x.reduce_sum(Axes::of([0]).keep_dims()).shape().to_string(), "[1, 3, 4]");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Axes {
    listed: Option<Vec<isize>>,
    keep_dims: bool,
}

impl Axes {
    /// Every axis.
    pub const fn all() -> Self {
        Axes { listed: None, keep_dims: false }
    }

    /// The listed axes; negative ones count from the end.
    pub fn of(axes: impl IntoIterator<Item = isize>) -> Self {
        Axes { listed: Some(axes.into_iter().collect()), keep_dims: false }
    }

    /// Leaves each reduced axis in place with length 1.
    #[must_use]
    pub fn keep_dims(self) -> Self {
        Axes { keep_dims: true, ..self }
    }

    pub(crate) fn keeps_dims(&self) -> bool {
        self.keep_dims
    }

    /// Whether the axes are listed, not all of them whatever the rank.
    pub(crate) fn are_listed(&self) -> bool {
        self.listed().is_some()
    }

    /// The axes as they are listed, unless they are all axes.
    pub(crate) fn listed(&self) -> Option<&[isize]> {
        self.listed.as_deref()
    }

    /// The axes as ascending indices into a shape of the given rank.
    pub(crate) fn resolve(&self, rank: usize) -> Result<Vec<usize>, ShapeError> {
        let mut axes = self.as_listed(rank)?;
        axes.sort_unstable();
        match axes.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(ShapeError::AxisTwice { axis: pair[0] }),
            None => Ok(axes),
        }
    }

    /// The axes as indices into a shape of the given rank, in the order in which they are listed, of which one may be
    /// there twice.
    pub(crate) fn as_listed(&self, rank: usize) -> Result<Vec<usize>, ShapeError> {
        match &self.listed {
            Some(listed) => listed.iter().map(|&axis| resolve_axis(axis, rank)).collect(),
            None => Ok((0..rank).collect()),
        }
    }
}

/// One axis, negative counting from the end, as an index into a shape of the given rank.
pub(crate) fn resolve_axis(axis: isize, rank: usize) -> Result<usize, ShapeError> {
    let from_start = if axis < 0 { axis.checked_add_unsigned(rank) } else { Some(axis) };
    match from_start.and_then(|index| usize::try_from(index).ok()) {
        Some(index) if index < rank => Ok(index),
        _ => Err(ShapeError::AxisOutOfRange { axis, rank }),
    }
}

impl fmt::Display for Axes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.listed {
            None => f.write_str("..")?,
            Some(axes) => write!(f, "{axes:?}")?,
        }
        f.write_str(if self.keep_dims { " keep_dims" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(lengths: &[Option<usize>]) -> Shape {
        Shape::from(lengths)
    }

    #[test]
    fn broadcasting_matches_axes_from_the_last() {
        type Lengths = &'static [Option<usize>];
        let table: &[(Lengths, Lengths, Option<&str>)] = &[
            (&[Some(3), Some(1)], &[Some(4)], Some("[3, 4]")),
            (&[None, Some(4)], &[Some(3), Some(1)], Some("[3, 4]")),
            (&[None, Some(1)], &[None], Some("[?, ?]")),
            (&[Some(0)], &[Some(1)], Some("[0]")),
            (&[], &[Some(2)], Some("[2]")),
            (&[Some(2)], &[Some(3)], None),
            (&[Some(0)], &[Some(2)], None),
        ];
        for (left, right, expected) in table {
            let found = broadcast(&shape(left), &shape(right)).ok().map(|shape| shape.to_string());
            assert_eq!(found.as_deref(), *expected, "{left:?} with {right:?}");
        }
    }

    #[test]
    fn axes_count_from_either_end_and_once_each() {
        assert_eq!(Axes::from([-1, 0]).resolve(3).unwrap(), [0, 2]);
        assert_eq!(Axes::all().resolve(2).unwrap(), [0, 1]);
        assert!(matches!(Axes::from([1, -1]).resolve(2), Err(ShapeError::AxisTwice { axis: 1 })));
        assert!(matches!(Axes::from(2).resolve(2), Err(ShapeError::AxisOutOfRange { axis: 2, rank: 2 })));
        assert!(matches!(Axes::from(isize::MIN).resolve(2), Err(ShapeError::AxisOutOfRange { .. })));
    }
}
