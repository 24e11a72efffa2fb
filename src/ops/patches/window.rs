//! [`Window`]: what moves over an image, and where it stands.

use std::fmt;

use crate::error::Fault;
use crate::graph::op::{Attribute, AttributeValue, Attributes};
use crate::shape::Shape;

/// What lies about an image where a window reaches beyond its edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Nothing: the window stays inside. ⌊(n - extent) / stride⌋ + 1 places along an axis of length n.
    Valid,
    /// As much as makes ⌈n / stride⌉ places, the odd one at the end, as TensorFlow's `SAME`.
    Same,
    /// So many rows above and below, and columns left and right.
    Explicit([(usize, usize); 2]),
}

impl From<[(usize, usize); 2]> for Padding {
    /// So many rows above and below, and columns left and right.
    fn from(around: [(usize, usize); 2]) -> Self {
        Padding::Explicit(around)
    }
}

impl From<usize> for Padding {
    /// So many rows and columns on each side.
    fn from(around: usize) -> Self {
        Padding::Explicit([(around, around); 2])
    }
}

impl From<(usize, usize)> for Padding {
    /// So many rows or columns before the first and behind the last.
    fn from(around: (usize, usize)) -> Self {
        Padding::Explicit([around; 2])
    }
}

/// A number for the rows and one for the columns, which [`Window`]s, [`Convolution`](crate::Convolution)s and sizes of
/// images are told; a single number is both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowsAndColumns([usize; 2]);

impl From<[usize; 2]> for RowsAndColumns {
    fn from(each: [usize; 2]) -> Self {
        RowsAndColumns(each)
    }
}

impl From<usize> for RowsAndColumns {
    fn from(both: usize) -> Self {
        RowsAndColumns([both; 2])
    }
}

impl From<RowsAndColumns> for [usize; 2] {
    fn from(RowsAndColumns(each): RowsAndColumns) -> Self {
        each
    }
}

/// Two lengths, rows first.
impl AttributeValue for RowsAndColumns {
    const KIND: &'static str = "rows and columns";

    fn into_attribute(self) -> Attribute {
        self.0.to_vec().into_attribute()
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        Vec::from_attribute(attribute)?.try_into().ok().map(RowsAndColumns)
    }
}

/// What can be wrong with a window or with what it moves over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WindowFault {
    /// Something other than images.
    #[error("expected images of [batch, height, width, channels], got shape {shape}")]
    NotImages {
        /// The shape of the operand.
        shape: Shape,
    },
    /// A window without size, or that does not move.
    #[error("expected window {what} of at least 1 by 1, got {rows} by {columns}")]
    Empty {
        /// Which of its lengths: `size`, `strides` or `dilations`.
        what: &'static str,
        /// Rows.
        rows: usize,
        /// Columns.
        columns: usize,
    },
    /// A window that spans more than there is of an image.
    #[error(
        "expected a window of at most the {axis} {padded}, padding included, got one that spans {extent}"
    )]
    TooLarge {
        /// `height` or `width`.
        axis: &'static str,
        /// Rows or columns that the window spans.
        extent: usize,
        /// Rows or columns of the image and its padding.
        padded: usize,
    },
    /// Images of a size at which a window does not have so many places.
    #[error(
        "expected a {axis} at which the window has {expected} places, got {length}, at which it has {found}"
    )]
    Places {
        /// `height` or `width`.
        axis: &'static str,
        /// Rows or columns of the image.
        length: usize,
        /// The places that there are.
        expected: usize,
        /// The places that the window has there.
        found: usize,
    },
}

/// A rectangle that moves over an image: its size, how far it moves at a time (its strides), how far its
/// elements are apart (its dilations), and what lies about the image. Always the rows first, then the columns.
///
/// It spans an extent of (size - 1)·dilation + 1 rows or columns. [`Convolution`](crate::Convolution) says the same in the
/// same words.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let x = g.placeholder::<f32>("x", [None, Some(28), Some(28), Some(3)]);
/// assert_eq!(x.max_pool2d(Window::of([2, 2])).shape().to_string(), "[?, 14, 14, 3]");
/// let overlapping = Window::of([3, 3]).strides([1, 1]).padding(Padding::Same);
/// assert_eq!(x.max_pool2d(overlapping).shape().to_string(), "[?, 28, 28, 3]");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub(crate) size: [usize; 2],
    pub(crate) strides: [usize; 2],
    pub(crate) dilations: [usize; 2],
    pub(in crate::ops) padding: Padding,
}

/// Two lengths, rows first.
pub(in crate::ops) fn pair(attributes: &Attributes, name: &'static str) -> Option<[usize; 2]> {
    attributes.value::<Vec<usize>>(name).ok()?.try_into().ok()
}

impl AttributeValue for Padding {
    const KIND: &'static str = "padding";

    fn into_attribute(self) -> Attribute {
        match self {
            Padding::Valid => "valid".into_attribute(),
            Padding::Same => "same".into_attribute(),
            Padding::Explicit(around) => {
                let pairs = around.map(|(before, behind)| vec![before, behind].into_attribute());
                Attribute::List(pairs.into())
            }
        }
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        match attribute {
            Attribute::Text(text) if text == "valid" => Some(Padding::Valid),
            Attribute::Text(text) if text == "same" => Some(Padding::Same),
            Attribute::List(pairs) => {
                let pair = |pair: &Attribute| match Vec::<usize>::from_attribute(pair)?[..] {
                    [before, behind] => Some((before, behind)),
                    _ => None,
                };
                let pairs = pairs.iter().map(pair).collect::<Option<Vec<_>>>()?;
                Some(Padding::Explicit(pairs.try_into().ok()?))
            }
            _ => None,
        }
    }
}

impl AttributeValue for Window {
    const KIND: &'static str = "window";

    fn into_attribute(self) -> Attribute {
        let lengths = |lengths: [usize; 2]| lengths.to_vec();
        let attributes = Attributes::new()
            .with("size", lengths(self.size))
            .with("strides", lengths(self.strides))
            .with("dilations", lengths(self.dilations))
            .with("padding", self.padding);
        attributes.into_attribute()
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        let Attribute::Group(attributes) = attribute else { return None };
        Some(Window {
            size: pair(attributes, "size")?,
            strides: pair(attributes, "strides")?,
            dilations: pair(attributes, "dilations")?,
            padding: attributes.value("padding").ok()?,
        })
    }
}

impl<S: Into<RowsAndColumns>> From<S> for Window {
    /// [`Window::of`] so many rows and columns.
    fn from(size: S) -> Self {
        Window::of(size)
    }
}

impl Window {
    /// A window of so many rows and columns that moves by its own size, stays inside, and has no gaps.
    pub fn of(size: impl Into<RowsAndColumns>) -> Self {
        let RowsAndColumns(size) = size.into();
        Window { size, strides: size, dilations: [1, 1], padding: Padding::Valid }
    }

    /// Moves by so many rows and columns.
    pub fn strides(self, strides: impl Into<RowsAndColumns>) -> Self {
        let RowsAndColumns(strides) = strides.into();
        Window { strides, ..self }
    }

    /// Takes every so many rows and columns.
    pub fn dilations(self, dilations: impl Into<RowsAndColumns>) -> Self {
        let RowsAndColumns(dilations) = dilations.into();
        Window { dilations, ..self }
    }

    /// Says what lies about the image: a [`Padding`], or the rows above and below and columns left and right.
    pub fn padding(self, padding: impl Into<Padding>) -> Self {
        Window { padding: padding.into(), ..self }
    }

    /// Refuses a length of 0.
    pub(in crate::ops) fn check(&self) -> Result<(), Fault> {
        let named = [("size", self.size), ("strides", self.strides), ("dilations", self.dilations)];
        match named.into_iter().find(|(_, lengths)| lengths.contains(&0)) {
            Some((what, [rows, columns])) => Err(Fault::op(WindowFault::Empty { what, rows, columns })),
            None => Ok(()),
        }
    }

    /// The places along an axis of an image, 0 for the rows and 1 for the columns, of this length.
    pub(crate) fn places(&self, axis: usize, length: usize) -> Result<Places, Fault> {
        let (size, stride, dilation) = (self.size[axis], self.strides[axis], self.dilations[axis]);
        let extent = (size - 1).checked_mul(dilation).and_then(|gap| gap.checked_add(1));
        let reached = |count: usize| (count.saturating_sub(1) * stride).checked_add(extent?);
        let (before, behind) = match self.padding {
            Padding::Valid => (0, 0),
            Padding::Same => match reached(length.div_ceil(stride)) {
                Some(reached) => halves(reached.saturating_sub(length)),
                None => (0, 0),
            },
            Padding::Explicit(around) => around[axis],
        };
        let padded = length.saturating_add(before).saturating_add(behind);
        if self.padding == Padding::Same && length == 0 {
            return Ok(Places { count: 0, before });
        }
        let Some(room) = extent.and_then(|extent| padded.checked_sub(extent)) else {
            let (axis, extent) = (["height", "width"][axis], extent.unwrap_or(usize::MAX));
            return Err(Fault::op(WindowFault::TooLarge { axis, extent, padded }));
        };
        Ok(Places { count: (room / stride).saturating_add(1), before })
    }
}

impl Window {
    /// The length of images at which there are so many places along an axis: the longest that leaves nothing over but
    /// less than a stride, or that the window spans.
    pub(in crate::ops) fn length(&self, axis: usize, places: usize) -> Result<usize, Fault> {
        let (size, stride, dilation) = (self.size[axis], self.strides[axis], self.dilations[axis]);
        let moved = places.saturating_mul(stride);
        let extent = (size - 1).saturating_mul(dilation).saturating_add(1);
        let padded = moved.saturating_add(extent.saturating_sub(stride));
        let length = match self.padding {
            Padding::Same => moved,
            Padding::Valid => padded,
            Padding::Explicit(around) => padded.saturating_sub(around[axis].0.saturating_add(around[axis].1)),
        };
        self.check_places(axis, length, places)?;
        Ok(length)
    }

    /// Refuses a length of images at which there are not so many places.
    pub(in crate::ops) fn check_places(
        &self,
        axis: usize,
        length: usize,
        expected: usize,
    ) -> Result<(), Fault> {
        let found = self.places(axis, length)?.count;
        if found == expected {
            return Ok(());
        }
        let axis = ["height", "width"][axis];
        Err(Fault::op(WindowFault::Places { axis, length, expected, found }))
    }
}

/// The smaller half and the larger one.
fn halves(whole: usize) -> (usize, usize) {
    (whole / 2, whole - whole / 2)
}

/// Where a window stands along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) count: usize,
    /// Rows or columns of padding before the first of the image.
    pub(crate) before: usize,
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = |[rows, columns]: [usize; 2]| format!("{rows}x{columns}");
        write!(f, "{} strides {}", by(self.size), by(self.strides))?;
        if self.dilations != [1, 1] {
            write!(f, " dilations {}", by(self.dilations))?;
        }
        match self.padding {
            Padding::Valid => write!(f, " valid"),
            Padding::Same => write!(f, " same"),
            Padding::Explicit(around) => write!(f, " padded {around:?}"),
        }
    }
}
