//! What stands for ranges of indices: those of Rust and single indices, one or several.

use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

use super::{AxisRange, End, Part, Ranges};
use crate::shape::{AxisNumber as _, for_tuples};

/// Ranges as Rust writes them, of each type of numbers, and how each is one of an axis.
macro_rules! ranges {
    (@of $($number:ident)*) => {$(
        ranges! {
            $number: index => AxisRange(Part::Index(index.axis()));
            Range<$number>: range =>
                AxisRange::between(Some(range.start.axis()), End::Before(range.end.axis()));
            RangeFrom<$number>: range => AxisRange::between(Some(range.start.axis()), End::Open);
            RangeTo<$number>: range => AxisRange::between(None, End::Before(range.end.axis()));
            RangeInclusive<$number>: range =>
                AxisRange::between(Some(range.start().axis()), End::At(range.end().axis()));
            RangeToInclusive<$number>: range => AxisRange::between(None, End::At(range.end.axis()));
        }
    )*};
    ($($type:ty: $range:ident => $it:expr;)*) => {$(
        impl From<$type> for AxisRange {
            fn from($range: $type) -> Self {
                $it
            }
        }

        impl From<$type> for Ranges {
            fn from(range: $type) -> Self {
                Ranges(vec![range.into()])
            }
        }
    )*};
}
ranges! {
    RangeFull: _all => AxisRange::between(None, End::Open);
}
ranges!(@of isize usize i32);

impl From<AxisRange> for Ranges {
    fn from(range: AxisRange) -> Self {
        Ranges(vec![range])
    }
}

impl<R: Into<AxisRange>, const N: usize> From<[R; N]> for Ranges {
    fn from(ranges: [R; N]) -> Self {
        Ranges(ranges.into_iter().map(Into::into).collect())
    }
}

impl<R: Into<AxisRange>> From<Vec<R>> for Ranges {
    fn from(ranges: Vec<R>) -> Self {
        Ranges(ranges.into_iter().map(Into::into).collect())
    }
}

impl<R: Clone + Into<AxisRange>> From<&[R]> for Ranges {
    fn from(ranges: &[R]) -> Self {
        Ranges(ranges.iter().cloned().map(Into::into).collect())
    }
}

macro_rules! tuple {
    ($($name:ident $position:tt),*) => {
        impl<$($name: Into<AxisRange>),*> From<($($name,)*)> for Ranges {
            fn from(ranges: ($($name,)*)) -> Self {
                Ranges(vec![$(ranges.$position.into()),*])
            }
        }
    };
}
for_tuples!(tuple!);
