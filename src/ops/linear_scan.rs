//! `linear_scan`: the linear recurrence that gradients of cumulative products are made of, forward and backward.
//!
//! It is s = b + c·s′, where s′ is what the place before has come to: nothing is divided, so it is right also where
//! coefficients are 0. The derivatives of such a recurrence are such recurrences in the other direction, so derivatives of
//! any order stay in the family.

use ndarray::Axis;

use crate::element::{ArrayMut, ArrayRef};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::graph::op::scaled::ScaledEither;
use crate::graph::op::{Attributes, Op, OpDef};
use crate::ir::{Dims, Kernel, KernelError, Lowering, Val};
use crate::kernel::number::{Number, with_number};
use crate::ops::along::Along;
use crate::ops::internal::internal;
use crate::ops::product::scaled_either;
use crate::shape::{TensorType, resolve_axis};

/// How many of the two inputs a place takes from the place before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delayed {
    /// Coefficient and addend are the place's own.
    Nothing,
    /// The coefficient is that of the place before.
    Coefficient,
    /// Both are those of the place before: the sums one place later, and 0 first.
    Both,
}

const DELAYED: [Delayed; 3] = [Delayed::Nothing, Delayed::Coefficient, Delayed::Both];

/// At each place along an axis the addend, the second input, plus the coefficient, the first, times what the place before
/// has come to; or the place behind, in reverse.
#[derive(Clone, Copy, Debug)]
pub(super) struct LinearScan {
    axis: isize,
    delayed: Delayed,
    reverse: bool,
}

impl LinearScan {
    /// The recurrence that brings cotangents back from the places that take an element up.
    pub(super) fn back_along(along: Along) -> Self {
        let delayed = if along.exclusive { Delayed::Both } else { Delayed::Coefficient };
        LinearScan { axis: along.axis, delayed, reverse: !along.reverse }
    }

    #[track_caller]
    pub(super) fn of<'g>(self, coefficients: AnyTensor<'g>, addends: AnyTensor<'g>) -> AnyTensor<'g> {
        coefficients.binary(self, addends)
    }
}

impl Op for LinearScan {
    fn name(&self) -> &'static str {
        "linear_scan"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let (expected, found) = (&inputs[0].shape, &inputs[1].shape);
        resolve_axis(self.axis, expected.rank())?;
        match expected.merged(found) {
            Some(shape) => Ok(TensorType::new(inputs[0].dtype, shape)),
            None => Err(Fault::OtherShape { expected: expected.clone(), found: found.clone() }),
        }
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dims = Dims::from(to.dims(inputs[0]));
        // The shape rule has accepted the axis.
        let axis = resolve_axis(self.axis, dims.len()).unwrap_or(0);
        let kernel = Recurrence { axis, delayed: self.delayed, reverse: self.reverse };
        to.kernel(kernel, inputs, to.dtype(inputs[0]), dims)
    }

    fn pullback<'g>(&self, at: &mut Pullback<'g>) {
        let (c, b, s) = (at.input(0), at.input(1), at.output());
        // A coefficient that was not taken meets sums that are 0, whatever the cotangents of these are.
        let times: fn(AnyTensor<'g>, AnyTensor<'g>) -> AnyTensor<'g> = if at.is_zero_where_untaken() {
            |cotangent, sums| cotangent.binary(ScaledEither, sums)
        } else {
            |cotangent, sums| cotangent * sums
        };
        let back = |delayed| LinearScan { delayed, reverse: !self.reverse, ..*self };
        // With t the cotangent of a place with all that it goes on into, the addend of a place gets the t of the places
        // that take it, and the coefficient that t times the sum that it multiplies.
        let to_addend = match self.delayed {
            Delayed::Nothing => Delayed::Coefficient,
            Delayed::Coefficient => Delayed::Nothing,
            Delayed::Both => Delayed::Both,
        };
        at.give(1, |ds| back(to_addend).of(c, ds));
        at.give(0, |ds| match self.delayed {
            Delayed::Nothing => {
                let before = LinearScan { delayed: Delayed::Both, ..*self }.of(c, b);
                times(back(Delayed::Coefficient).of(c, ds), before)
            }
            Delayed::Coefficient | Delayed::Both => times(back(Delayed::Both).of(c, ds), s),
        });
    }

    fn attributes(&self) -> Attributes {
        let axis = Attributes::new().with("axis", self.axis);
        axis.with("delayed", self.delayed as usize).with("reverse", self.reverse)
    }
}

#[derive(Debug)]
struct Recurrence {
    axis: usize,
    delayed: Delayed,
    reverse: bool,
}

impl Kernel for Recurrence {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let axis = Axis(self.axis);
        with_number!(output.dtype(), T => {
            let (c, b, mut s) = (inputs[0].view::<T>()?, inputs[1].view::<T>()?, output.into_view::<T>()?);
            for (to, (c, b)) in s.lanes_mut(axis).into_iter().zip(c.lanes(axis).into_iter().zip(b.lanes(axis))) {
                let places = to.into_iter().zip(c.into_iter().zip(b));
                if self.reverse { self.add_up(places.rev()) } else { self.add_up(places) }
            }
        }, else ());
        Ok(())
    }

    fn is_batched(&self) -> bool {
        self.axis > 0
    }
}

impl Recurrence {
    fn add_up<'a, T: Number>(&self, places: impl Iterator<Item = (&'a mut T, (&'a T, &'a T))>) {
        let (mut sum, mut before) = (T::ZERO, (T::ZERO, T::ZERO));
        for (to, (&c, &b)) in places {
            let (coefficient, addend) = match self.delayed {
                Delayed::Nothing => (c, b),
                Delayed::Coefficient => (before.0, b),
                Delayed::Both => before,
            };
            sum = addend.add(scaled_either(sum, coefficient));
            before = (c, b);
            *to = sum;
        }
    }
}

/// No method makes it alone.
pub(super) const METHODS: &[&[OpDef]] = &[];

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "linear_scan" (coefficients: Float, addends: Same) [axis: isize, delayed: usize, reverse: bool] |given| {
        let Some(&delayed) = DELAYED.get(delayed) else {
            let found = Some(delayed.to_string());
            return Err(Fault::Attribute { name: "delayed", expected: "0, 1 or 2", found });
        };
        LinearScan { axis, delayed, reverse }
    };
};

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use crate::graph::Tensor;
    use ndarray::{ArrayD, Slice, array};

    /// The recurrence with its inputs moved as it says, written out place by place.
    fn scanned(x: &[ArrayD<f64>], axis: usize, delayed: [bool; 2], reverse: bool) -> ArrayD<f64> {
        let turned = |x: &ArrayD<f64>| {
            let mut x = x.clone();
            if reverse {
                x.invert_axis(Axis(axis));
            }
            x
        };
        let moved = |x: &ArrayD<f64>, is_delayed: bool| {
            let mut moved = ArrayD::zeros(x.raw_dim());
            let count = x.len_of(Axis(axis)).saturating_sub(usize::from(is_delayed));
            let start = x.len_of(Axis(axis)) - count;
            moved
                .slice_axis_mut(Axis(axis), Slice::from(start..))
                .assign(&turned(x).slice_axis(Axis(axis), Slice::from(..count)));
            moved
        };
        let (c, b) = (moved(&x[0], delayed[0]), moved(&x[1], delayed[1]));
        let mut sums = b.clone();
        for place in 1..b.len_of(Axis(axis)) {
            let before = sums.index_axis(Axis(axis), place - 1).to_owned();
            let mut sum = sums.index_axis_mut(Axis(axis), place);
            sum += &(&c.index_axis(Axis(axis), place) * &before);
        }
        turned(&sums)
    }

    fn scan<'g, T: crate::Float>(
        x: &[Tensor<'g, T>],
        axis: isize,
        delayed: Delayed,
        reverse: bool,
    ) -> Tensor<'g, T> {
        LinearScan { axis, delayed, reverse }.of(x[0].any(), x[1].any()).typed()
    }

    let mut examples: Vec<Example> = Vec::new();
    for dims in [[2, 3, 4], [3, 1, 2], [2, 0, 3], [0, 2, 1]] {
        let shapes: &[&[usize]] = &[&dims, &dims];
        examples.extend([
            example!("linear_scan", shapes, |_, x| scan(x, -1, Delayed::Nothing, false), |x| scanned(
                x, 2, [false; 2], false
            )),
            example!("linear_scan reverse", shapes, |_, x| scan(x, 0, Delayed::Nothing, true), |x| scanned(
                x, 0, [false; 2], true
            )),
            example!("linear_scan delayed", shapes, |_, x| scan(x, 1, Delayed::Coefficient, false), |x| {
                scanned(x, 1, [true, false], false)
            }),
            example!("linear_scan later", shapes, |_, x| scan(x, 2, Delayed::Both, true), |x| scanned(
                x, 2, [true; 2], true
            )),
        ]);
    }
    examples.push(
        example!("linear_scan with zeros", &[&[5], &[5]], |_, x| scan(x, 0, Delayed::Nothing, false), |x| {
            scanned(x, 0, [false; 2], false)
        })
        .on(vec![array![1.0, 0.0, 2.0, 0.0, 3.0].into_dyn(), array![1.0, 2.0, 0.0, 0.0, 3.0].into_dyn()]),
    );
    examples
}
