//! [`Along`]: what ops have in common that take up the elements along an axis one after the other, as `cumsum` does.

use ndarray::{ArrayViewD, ArrayViewMutD, Axis};

use crate::error::Fault;
use crate::graph::op::Attributes;
use crate::shape::{TensorType, resolve_axis};

/// How an axis is gone through: at each place with the elements before it, and its own unless they are exclusive; or
/// with those behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Along {
    pub(super) axis: isize,
    pub(super) exclusive: bool,
    pub(super) reverse: bool,
}

impl Along {
    /// The type of the result, which is that of the input.
    pub(super) fn infer(self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        resolve_axis(self.axis, inputs[0].shape.rank())?;
        Ok(inputs[0].clone())
    }

    pub(super) fn attributes(self) -> Attributes {
        let axis = Attributes::new().with("axis", self.axis);
        axis.with("exclusive", self.exclusive).with("reverse", self.reverse)
    }

    /// The same without the element's own.
    pub(super) fn before(self) -> Self {
        Along { exclusive: true, ..self }
    }

    /// The same of a tensor of so many axes, with the axis counted from the first.
    pub(super) fn counted(self, rank: usize) -> Self {
        // The shape rule has accepted the axis.
        let axis = resolve_axis(self.axis, rank).unwrap_or(0);
        Along { axis: axis.cast_signed(), ..self }
    }

    /// Whether what is at an index of the first axis depends on what is at that index alone; of a counted axis.
    pub(super) fn is_batched(self) -> bool {
        self.axis > 0
    }

    /// Takes up the elements one after the other, from a start on, and writes what that comes to; along a counted axis.
    pub(super) fn fold<T: Copy, S: Copy>(
        self,
        x: &ArrayViewD<'_, T>,
        mut y: ArrayViewMutD<'_, T>,
        start: S,
        and: impl Fn(S, T) -> S,
        value: impl Fn(S) -> T,
    ) {
        let axis = Axis(self.axis.cast_unsigned());
        for (from, mut to) in x.lanes(axis).into_iter().zip(y.lanes_mut(axis)) {
            let places = to.iter_mut().zip(from);
            if self.reverse {
                self.follow(places.rev(), start, &and, &value);
            } else {
                self.follow(places, start, &and, &value);
            }
        }
    }

    fn follow<'a, T: Copy + 'a, S: Copy>(
        self,
        places: impl Iterator<Item = (&'a mut T, &'a T)>,
        start: S,
        and: impl Fn(S, T) -> S,
        value: impl Fn(S) -> T,
    ) {
        places.fold(start, |before, (to, &from)| {
            let after = and(before, from);
            *to = value(if self.exclusive { before } else { after });
            after
        });
    }
}

/// For the examples of such ops: each place as a fold of its own over the places that it takes in.
#[cfg(test)]
pub(super) fn over_places(
    x: &ndarray::ArrayD<f64>,
    axis: usize,
    takes: fn(usize, usize) -> std::ops::Range<usize>,
    fold: impl Fn(&ndarray::ArrayViewD<'_, f64>, Axis) -> ndarray::ArrayD<f64>,
) -> ndarray::ArrayD<f64> {
    let (mut folded, axis) = (x.clone(), Axis(axis));
    for place in 0..x.len_of(axis) {
        let taken = x.slice_axis(axis, ndarray::Slice::from(takes(place, x.len_of(axis))));
        folded.index_axis_mut(axis, place).assign(&fold(&taken, axis));
    }
    folded
}
