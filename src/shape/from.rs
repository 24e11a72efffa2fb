//! What stands for a shape or for axes: numbers, arrays, tuples, `Vec`s and slices of lengths.
//!
//! Of arrays without elements, which have no element type of their own, one conversion alone may take any length, or the
//! compiler could not tell what `[]` is. The others are written out for one axis up to twelve ([`for_ranks`]).

use std::ops::RangeFull;

use super::{Axes, Shape};

/// Runs a macro for each number of axes that arrays of a second element type may have.
macro_rules! for_ranks {
    ($with:ident! [$($given:tt)*]) => {
        $crate::shape::for_ranks!(@each $with [$($given)*] 1 2 3 4 5 6 7 8 9 10 11 12);
    };
    (@each $with:ident $given:tt $($rank:literal)*) => {
        $($crate::shape::for_ranks!(@one $with $given $rank);)*
    };
    (@one $with:ident [$($given:tt)*] $rank:literal) => {
        $with!($rank $($given)*);
    };
}
pub(crate) use for_ranks;

/// Runs a macro for tuples of one up to six, with a name for each type and its position.
macro_rules! for_tuples {
    ($with:ident!) => {
        $with!(A 0);
        $with!(A 0, B 1);
        $with!(A 0, B 1, C 2);
        $with!(A 0, B 1, C 2, D 3);
        $with!(A 0, B 1, C 2, D 3, E 4);
        $with!(A 0, B 1, C 2, D 3, E 4, F 5);
    };
}
pub(crate) use for_tuples;

macro_rules! shape_from {
    ($(($($generics:tt)*) $source:ty),* $(,)?) => {$(
        impl<$($generics)*> From<$source> for Shape {
            fn from(lengths: $source) -> Self {
                Shape(lengths.iter().copied().map(Into::into).collect())
            }
        }
    )*};
}
shape_from! {
    (const N: usize) [usize; N],
    () &[usize],
    () &[Option<usize>],
    () &Vec<usize>,
    () Vec<usize>,
    () Vec<Option<usize>>,
}

macro_rules! shape_of_rank {
    ($rank:literal) => {
        shape_from!(() [Option<usize>; $rank]);
    };
}
for_ranks!(shape_of_rank![]);

impl From<()> for Shape {
    fn from((): ()) -> Self {
        Shape::scalar()
    }
}

/// One axis.
impl From<usize> for Shape {
    fn from(length: usize) -> Self {
        Shape::from([length])
    }
}

/// One axis.
impl From<Option<usize>> for Shape {
    fn from(length: Option<usize>) -> Self {
        Shape::from([length])
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Self {
        shape.clone()
    }
}

/// A tuple of lengths, known (`3`) beside unknown (`None`).
macro_rules! tuple {
    ($($name:ident $position:tt),*) => {
        impl<$($name: Into<Option<usize>>),*> From<($($name,)*)> for Shape {
            fn from(lengths: ($($name,)*)) -> Self {
                Shape::from(&[$(lengths.$position.into()),*][..])
            }
        }
    };
}
for_tuples!(tuple!);

/// A number as an axis counted from either end.
pub(crate) trait AxisNumber: Copy {
    fn axis(self) -> isize;
}

macro_rules! axes_from {
    ($($number:ident $axis:ident => $from:expr;)*) => {$(
        impl AxisNumber for $number {
            fn axis(self) -> isize {
                let $axis = self;
                $from
            }
        }

        impl From<$number> for Axes {
            fn from(axis: $number) -> Self {
                Axes::of([axis.axis()])
            }
        }

        impl From<&[$number]> for Axes {
            fn from(axes: &[$number]) -> Self {
                Axes::of(axes.iter().map(|axis| axis.axis()))
            }
        }

        impl From<Vec<$number>> for Axes {
            fn from(axes: Vec<$number>) -> Self {
                Axes::of(axes.into_iter().map(AxisNumber::axis))
            }
        }
    )*};
}
axes_from! {
    isize axis => axis;
    // No tensor has so many axes, whatever becomes of the number.
    usize axis => isize::try_from(axis).unwrap_or(isize::MAX);
    i32   axis => axis as isize;
}

impl From<RangeFull> for Axes {
    fn from(_: RangeFull) -> Self {
        Axes::all()
    }
}

impl<const N: usize> From<[isize; N]> for Axes {
    fn from(axes: [isize; N]) -> Self {
        Axes::of(axes)
    }
}

macro_rules! axes_of_rank {
    ($rank:literal $($number:ident)*) => {$(
        impl From<[$number; $rank]> for Axes {
            fn from(axes: [$number; $rank]) -> Self {
                Axes::of(axes.map(AxisNumber::axis))
            }
        }
    )*};
}
for_ranks!(axes_of_rank! [usize i32]);
