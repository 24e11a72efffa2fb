//! `roll`: elements moved along axes; those that leave at one end come in at the other.

use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::pick::{Along, Run, picked, shape_of};
use crate::graph::op::{Attribute, AttributeValue, Attributes, Op, OpDef};
use crate::ir::{Lowering, Val};
use crate::ops::internal::internal;
use crate::ops::methods::methods;
use crate::shape::{Axes, Shape, ShapeError, TensorType};

/// How far [`roll`](crate::Tensor::roll) moves elements: one number for all axes, or one for each. Negative ones move to
/// the front.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shifts(Vec<isize>);

impl From<isize> for Shifts {
    fn from(shift: isize) -> Self {
        Shifts(vec![shift])
    }
}

impl<const N: usize> From<[isize; N]> for Shifts {
    fn from(shifts: [isize; N]) -> Self {
        Shifts(shifts.into())
    }
}

impl From<&[isize]> for Shifts {
    fn from(shifts: &[isize]) -> Self {
        Shifts(shifts.into())
    }
}

impl From<Vec<isize>> for Shifts {
    fn from(shifts: Vec<isize>) -> Self {
        Shifts(shifts)
    }
}

impl AttributeValue for Shifts {
    const KIND: &'static str = Vec::<isize>::KIND;

    fn into_attribute(self) -> Attribute {
        self.0.into_attribute()
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        Vec::from_attribute(attribute).map(Shifts)
    }
}

/// What can be wrong with moving elements along axes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RollFault {
    /// Neither one number for all axes nor one for each.
    #[error("expected one shift, or one for each of {axes} axes, got {shifts}")]
    Count {
        /// The number of shifts.
        shifts: usize,
        /// The number of axes.
        axes: usize,
    },
}

/// The input with its elements moved along axes.
#[derive(Clone, Debug)]
struct Roll {
    shifts: Shifts,
    axes: Axes,
    /// Whether they are moved the other way, as gradients are.
    back: bool,
}

impl Roll {
    /// What becomes of each axis.
    fn along(&self, shape: &Shape) -> Result<Vec<Along>, Fault> {
        let (axes, Shifts(shifts)) = (self.axes.as_listed(shape.rank())?, &self.shifts);
        if shifts.len() != 1 && shifts.len() != axes.len() {
            return Err(Fault::op(RollFault::Count { shifts: shifts.len(), axes: axes.len() }));
        }
        let mut along: Vec<Along> = shape.dims().iter().map(|&length| Along::whole(length)).collect();
        for (position, &axis) in axes.iter().enumerate() {
            if axes[..position].contains(&axis) {
                return Err(ShapeError::AxisTwice { axis }.into());
            }
            let shift = if shifts.len() == 1 { shifts[0] } else { shifts[position] };
            // The lengths of tensors are addressable, so that they fit.
            if let Some(length) = shape.dims()[axis].filter(|&length| length > 0) {
                let moved = shift.rem_euclid(length as isize) as usize;
                let first = if self.back { moved } else { length - moved };
                along[axis] = Along::of([Run::of(first, length - first, 1), Run::of(0, first, 1)]);
            }
        }
        Ok(along)
    }
}

impl Op for Roll {
    fn name(&self) -> &'static str {
        if self.back { "roll_back" } else { "roll" }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let along = self.along(&inputs[0].shape)?;
        Ok(TensorType::new(inputs[0].dtype, shape_of(&along)))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        match self.along(&to.dims(inputs[0]).into()) {
            Ok(along) => picked(inputs[0], &along, None, to),
            // The shape rule has accepted the axes.
            Err(_) => inputs[0],
        }
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.give(0, |dy| dy.unary(Roll { back: !self.back, ..self.clone() }));
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("shifts", self.shifts.clone()).with("axes", self.axes.clone())
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "roll_back" (x: Element) [shifts: Shifts, axes: Axes] |given| Roll { shifts, axes, back: true };
};

methods! {
    /// The elements moved along axes, each by its shift; those that leave at one end come in at the other. Negative
    /// shifts move to the front, and one shift may stand for all axes.
    ///
    /// As in `NumPy`, but that an axis is listed once, and that `..` moves along each axis: to move through all elements in
    /// row-major order, reshape them to one axis.
    ///
    /// Gradient: the cotangent, moved back. An axis out of range or listed twice, and another number of shifts than one or
    /// that of the axes, are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[1, 2, 3], [4, 5, 6]]));
    /// let (right, both) = (x.roll(1, -1), x.roll([1, -1], [0, 1]));
    /// let (right, both) = Session::new(&g)?.run((right, both))?;
    /// assert_eq!(right, ndarray::arr2(&[[3, 1, 2], [6, 4, 5]]).into_dyn());
    /// assert_eq!(both, ndarray::arr2(&[[5, 6, 4], [2, 3, 1]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn roll<Element>(x, shifts: [Shifts], axes: [Axes]) -> Self {
        x.unary(Roll { shifts, axes, back: false })
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, IxDyn};

    fn rolled(x: &ArrayD<f64>, shifts: &[isize]) -> ArrayD<f64> {
        ArrayD::from_shape_fn(IxDyn(x.shape()), |at| {
            let from = |axis: usize| {
                (at[axis] as isize - shifts[axis]).rem_euclid(x.shape()[axis] as isize) as usize
            };
            x[&(0..x.ndim()).map(from).collect::<Vec<_>>()[..]]
        })
    }

    let mut examples: Vec<Example> = vec![
        example!("roll of a vector", &[&[5]], |_, x| x[0].roll(-2, 0) * x[0], |x| rolled(&x[0], &[-2])
            * &x[0]),
        example!("roll of three axes", &[&[2, 3, 4]], |_, x| x[0].roll([1, -1, 6], [2, 0, 1]), |x| rolled(
            &x[0],
            &[-1, 6, 1]
        )),
        example!("roll of a transpose", &[&[2, 3]], |_, x| x[0].transpose().roll(1, ..), |x| rolled(
            &x[0].t().to_owned(),
            &[1, 1]
        )),
        example!("roll of a number", &[&[]], |_, x| x[0].roll(1, ..), |x| x[0].clone()),
        example!("roll of six axes", &[&[2, 2, 2, 1, 2, 2]], |_, x| x[0].roll(1, ..), |x| rolled(
            &x[0], &[1; 6]
        )),
    ];
    for dims in [[3, 4], [1, 3], [0, 3], [3, 0]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("roll of rows", &[dims], |_, x| x[0].roll(1, 0), |x| rolled(&x[0], &[1, 0])),
            example!("roll by nothing", &[dims], |_, x| x[0].roll([12, 0], [-1, 0]), |x| x[0].clone()),
            example!("roll by much", &[dims], |_, x| x[0].roll([isize::MIN, 7], [0, 1]), |x| rolled(
                &x[0],
                &[-8, 7]
            )),
        ]);
    }
    examples
}
