//! What stands for lengths: numbers and computed lengths, one or several.
//!
//! As for shapes, one type of arrays alone may be empty, so that `[]` is the shape of a number.

use super::{Length, Lengths};
use crate::shape::{AxisNumber, Shape, for_ranks, for_tuples};

macro_rules! numbers {
    ($($number:ident)*) => {$(
        impl From<$number> for Length<'_> {
            fn from(number: $number) -> Self {
                Length::number(number.axis())
            }
        }
    )*};
}
numbers!(isize usize i32);

/// A known length; one that is not is refused where it is used.
impl From<Option<usize>> for Length<'_> {
    fn from(length: Option<usize>) -> Self {
        Length::counted(length)
    }
}

/// Declares one length, a slice and a `Vec` of such.
macro_rules! lists {
    ($($length:ty),*) => {$(
        impl<'g> From<$length> for Lengths<'g> {
            fn from(length: $length) -> Self {
                Lengths(vec![length.into()])
            }
        }

        impl<'g> From<&[$length]> for Lengths<'g> {
            fn from(lengths: &[$length]) -> Self {
                Lengths(lengths.iter().map(|&length| length.into()).collect())
            }
        }

        impl<'g> From<Vec<$length>> for Lengths<'g> {
            fn from(lengths: Vec<$length>) -> Self {
                Lengths::from(&lengths[..])
            }
        }

        impl<'g> From<&Vec<$length>> for Lengths<'g> {
            fn from(lengths: &Vec<$length>) -> Self {
                Lengths::from(&lengths[..])
            }
        }
    )*};
}
lists!(isize, usize, i32, Length<'g>);

impl<const N: usize> From<[isize; N]> for Lengths<'_> {
    fn from(lengths: [isize; N]) -> Self {
        Lengths::from(&lengths[..])
    }
}

macro_rules! of_rank {
    ($rank:literal $($length:ty),*) => {$(
        impl<'g> From<[$length; $rank]> for Lengths<'g> {
            fn from(lengths: [$length; $rank]) -> Self {
                Lengths::from(&lengths[..])
            }
        }
    )*};
}
for_ranks!(of_rank![usize, i32, Length<'g>]);

impl From<()> for Lengths<'_> {
    fn from((): ()) -> Self {
        Lengths(Vec::new())
    }
}

/// All of its lengths, which must be known: of a tensor whose lengths are not, take
/// [`lengths`](crate::Tensor::lengths).
impl From<Shape> for Lengths<'_> {
    fn from(shape: Shape) -> Self {
        Lengths::from(&shape)
    }
}

/// All of its lengths, which must be known.
impl From<&Shape> for Lengths<'_> {
    fn from(shape: &Shape) -> Self {
        Lengths(shape.dims().iter().map(|&length| length.into()).collect())
    }
}

macro_rules! tuple {
    ($($name:ident $position:tt),*) => {
        impl<'g, $($name: Into<Length<'g>>),*> From<($($name,)*)> for Lengths<'g> {
            fn from(lengths: ($($name,)*)) -> Self {
                Lengths(vec![$(lengths.$position.into()),*])
            }
        }
    };
}
for_tuples!(tuple!);
