//! What lies at the edges: lengths shorter than what is cut off, inputs that are repeated, ends of the ranges of numbers.

use flowgrad::ndarray::{arr0, arr1};
use flowgrad::prelude::*;

use crate::exported::Built;
use crate::own_op::Twice;

/// Two elements, of which more are cut off.
pub(crate) fn cut_off(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = built.floats::<f32>(g, &[None], &[2], [0.5, 2.0]);
    built.gives([x.slice(-3..), x.slice(..-3), x.slice(2..), x.slice(..4), x.reverse(0)]);
    built
}

pub(crate) fn rolled(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = built.floats::<f32>(g, &[None], &[2], [0.5, 2.0]);
    let matrix = built.floats::<f32>(g, &[Some(3), None], &[3, 4], [0.5, 2.0]);
    let ys = [x.roll(-3, 0), x.roll(5, 0), matrix.roll([7, -6], [1, 0]), matrix.roll(1, ..)];
    built.gives_with_gradients(ys, &[x, matrix]);
    built
}

/// The first of one element, the second of more.
pub(crate) fn repeated(g: &Graph) -> Built<'_> {
    let mut built = Built { differ: true, ..Built::default() };
    let x = built.floats::<f32>(g, &[None], &[1], [0.5, 2.0]);
    let y = built.floats::<f32>(g, &[None], &[3], [0.5, 2.0]);
    built.gives([x * y, x.squared_difference(y), x.hypot(y), (x * y).reverse(0)]);
    built
}

/// The gradient of a branch that does not use an input is as long as the input.
pub(crate) fn zeros(g: &Graph) -> Built<'_> {
    let mut built = Built { differ: true, ..Built::default() };
    let x = built.floats::<f32>(g, &[None], &[2], [0.5, 2.0]);
    let w = built.floats::<f32>(g, &[None], &[3], [0.5, 2.0]);
    let i = built.ints(g, &[], &[], [0, 3]);
    let inner = g.cond(i.less(1), || (x * 2.0).reduce_sum(..), || x.square().reduce_sum(..));
    let y = g.cond(i.less(10), || inner * 2.0, || (w * w).reduce_sum(..));
    built.gives_with_gradients([y], &[x, w]);
    built
}

pub(crate) fn ends(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let inf = f32::INFINITY;
    let fed = [
        arr1(&[inf, -inf, inf, 0.0, -0.0, 0.0, -0.0, 3.0, -1.0, inf]),
        arr1(&[inf, inf, -inf, 0.0, 0.0, -0.0, -0.0, -inf, 0.0, 1.0]),
    ];
    let [a, b] = ["a", "b"].map(|name| g.placeholder::<f32>(name, [None]));
    built.inputs.extend([a.any(), b.any()]);
    built.fed.extend(fed.map(Value::from));
    built.gives([a.hypot(b), a.atan2(b)]);
    built
}

/// Tails, of which each is compared by itself, being made about 1.
pub(crate) fn tails(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = g.placeholder::<f32>("x", [Some(5)]);
    built.inputs.push(x.any());
    built.fed.push(arr1(&[0.5_f32, 2.0, 4.0, 6.0, 8.0]).into());
    built.gives([
        x.erfc() / x.erfc().stop_gradient(),
        x.erfc() * x.square().exp(),
        (-x).ndtr() * (x.square() * 0.5).exp(),
    ]);
    built
}

/// The mean of equal numbers is that number.
pub(crate) fn equal(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = g.placeholder::<f32>("x", [None, Some(10)]);
    built.inputs.push(x.any());
    built.fed.push(flowgrad::ndarray::Array2::from_elem((3, 10), 0.1_f32).into());
    built.gives([x.reduce_mean(1), x.reduce_mean(..), x.reduce_mean(Axes::of([0]).keep_dims())]);
    built
}

/// A computed length of 0 is one, and not that of the input.
pub(crate) fn nothing(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = built.floats::<f32>(g, &[None, Some(2)], &[0, 2], [0.5, 2.0]);
    built.gives([x.reshape((2, x.dim(0))), x.transpose() * 2.0]);
    built
}

/// A variable that is fed, and assigned.
pub(crate) fn fed_variable(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let v = g.variable("v", 1.5_f32);
    let step = v.assign_add(2.0);
    built.inputs.push(v.any());
    built.fed.push(arr0(1.5_f32).into());
    built.gives([v * 3.0]);
    built.updates = Some(step.op());
    built
}

pub(crate) fn own_op(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = built.floats::<f32>(g, &[None], &[2], [0.5, 2.0]);
    built.gives([g.custom::<f32>(Twice, &[x.any()])]);
    built
}
