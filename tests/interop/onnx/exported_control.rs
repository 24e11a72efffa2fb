//! Conditionals, loops and functions.

use flowgrad::prelude::*;

use crate::exported::{Built, ROWS};

pub(crate) fn conditionals(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = built.floats::<f32>(g, &ROWS, &[3, 4], [-2.0, 2.0]);
    let i = built.ints(g, &[], &[], [0, 3]);
    let taken = g.cond(x.reduce_sum(..).greater(100.0), || x * x, || -3.0 * x);
    let other = g.cond(i.less(10), || x.exp() * taken, || x);
    let third = g.switch_case(i, (|| x.square(), || x.tanh(), || x * 2.0));
    built.gives_with_gradients([taken, other, third], &[x]);
    built
}

pub(crate) fn loops(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = built.floats::<f32>(g, &[], &[], [1.0, 1.2]);
    let n = built.ints(g, &[], &[], [3, 9]);
    let (_, power) =
        g.while_loop(|(i, _)| i.less(n), |(i, p)| (i + 1, p * x), (g.constant(0_i64), g.constant(1.0_f32)));
    built.gives([power]);
    built
}

pub(crate) fn scans(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let xs = built.floats::<f32>(g, &[None, Some(3)], &[5, 3], [-1.0, 1.0]);
    let w = built.floats::<f32>(g, &[Some(3), Some(3)], &[3, 3], [-1.0, 1.0]);
    let start = g.zeros::<f32>([3]);
    let (last, ys) = g.scan(start, xs, |state, x| {
        let next = (state.matmul(w) + x).tanh();
        (next, next * x)
    });
    let (first, back) =
        g.scan_with(Scan::new().reverse(), start, xs, |state: Tensor<'_, f32>, x: Tensor<'_, f32>| {
            let next = state * 0.5 + x;
            (next, next.square())
        });
    let total = g.fold(start, xs, |state, x| state + x.square());
    let rows = g.map_fn(xs, |x| x.exp());
    built.gives_with_gradients([last, ys, first, back, total, rows], &[xs, w]);
    built
}

pub(crate) fn functions(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = built.floats::<f32>(g, &ROWS, &[3, 4], [-2.0, 2.0]);
    let f = g.function(x, |x: Tensor<'_, f32>| (x * 2.0).tanh());
    built.gives_with_gradients([f.call(x), f.call(f.call(x))], &[x]);
    built
}
