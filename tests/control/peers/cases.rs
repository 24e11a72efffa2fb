//! What `generate.py` builds in JAX and TensorFlow, case by case, under the same names.

use std::collections::BTreeSet;

use flowgrad::{hessian, prelude::*};

/// A tensor of floats.
type T<'g> = Tensor<'g, f64>;

/// The inputs of a case by their types.
#[derive(Default)]
pub(super) struct Inputs<'g> {
    pub(super) floats: Vec<T<'g>>,
    pub(super) ints: Vec<Tensor<'g, i64>>,
    pub(super) bools: Vec<Tensor<'g, bool>>,
}

type Build = for<'g> fn(&'g Graph, &Inputs<'g>) -> Vec<T<'g>>;

/// The outputs of the case of a name.
pub(super) fn build<'g>(name: &str, g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let case = cases().into_iter().find(|(other, _)| *other == name);
    let (_, build) = case.unwrap_or_else(|| panic!("no case {name}"));
    build(g, inputs)
}

pub(super) fn names() -> BTreeSet<&'static str> {
    cases().into_iter().map(|(name, _)| name).collect()
}

/// Cases under the names of their functions.
macro_rules! named {
    ($($name:ident),* $(,)?) => { vec![$((stringify!($name), $name as Build)),*] };
}

fn cases() -> Vec<(&'static str, Build)> {
    named![
        cond,
        cond_of_values,
        switch,
        switch_out_of_range,
        cond_in_cond,
        scan,
        scan_in_reverse,
        scan_of_nothing,
        scan_of_structures,
        scan_in_scan,
        scan_in_cond,
        cond_in_scan,
        long_scan,
        scan_with_checkpoints,
        descent,
        fold,
        map_rows,
        map_in_scan,
        times,
        times_of_switches,
        third_derivative,
        hessian_of_scan,
        while_of_root,
        while_of_types,
        while_loop,
        while_without_end,
        while_never,
        while_of_three,
        while_of_matrices,
        while_in_while,
        cond_in_while,
        while_in_cond,
        while_in_scan,
        lorenz,
    ]
}

impl<'g> Inputs<'g> {
    fn all<const N: usize>(&self) -> [T<'g>; N] {
        std::array::from_fn(|index| self.floats[index])
    }
}

fn cond<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [x, w] = inputs.all();
    vec![g.cond(inputs.bools[0], || x.sin() * w, || x.exp() * 2.0)]
}

fn cond_of_values<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [x, w] = inputs.all();
    let is_large = x.reduce_sum(..).greater(0.1);
    let (a, b) = g.cond(is_large, || (x * w, x.reduce_sum(..)), || (w.cos(), x.reduce_prod(..)));
    vec![a, b]
}

fn switch<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [x, w] = inputs.all();
    vec![g.switch_case(inputs.ints[0], (|| x * w, || x.tanh() + w, || (x - w).exp()))]
}

fn switch_out_of_range<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    switch(g, inputs)
}

fn cond_in_cond<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let ([x, w], [p, q]) = (inputs.all(), [inputs.bools[0], inputs.bools[1]]);
    vec![g.cond(p, || g.cond(q, || x * x * w, || w.sin()), || x - w)]
}

fn scan<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [xs, h, w] = inputs.all();
    let (last, stacked) = g.scan(h, xs, |h, x| {
        let next = (h.expand_dims(0).matmul(w).squeeze([0]) + x).tanh();
        (next, next * x)
    });
    vec![last, stacked]
}

fn scan_in_reverse<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [xs, h, w] = inputs.all();
    let (last, stacked) = g.scan_with(Scan::new().reverse(), h, xs, |h, x| {
        let next = (h * w + x).sin();
        (next, next.exp())
    });
    vec![last, stacked]
}

fn scan_of_nothing<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [xs, h, w] = inputs.all();
    let (last, stacked) = g.scan(h, xs, |h, x| (h * w + x, h));
    vec![last, stacked.reduce_sum(..) + w.reduce_sum(..)]
}

fn scan_of_structures<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [xs, us, a, b, c] = inputs.all();
    let ((a, [b, c]), (products, sums)) =
        g.scan((a, [b, c]), (xs, us), |(a, [b, c]): (T<'g>, [T<'g>; 2]), (x, u): (T<'g>, T<'g>)| {
            let (a, b, c) = (b * u + x, c.sin() + a * u, a);
            ((a, [b, c]), (a * c, b.reduce_sum(..)))
        });
    vec![a, b, c, products, sums]
}

fn scan_in_scan<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [xs, us, h] = inputs.all();
    let (last, stacked) = g.scan(h, xs, |h, x| {
        let (h, stacked) = g.scan(h, us, |h, u| {
            let next = (h * u + x).sin();
            (next, next * x)
        });
        (h * 1.5, stacked)
    });
    vec![last, stacked]
}

fn scan_in_cond<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [xs, h, w] = inputs.all();
    let scanned = || g.scan(h, xs, |h, x| ((h * w + x).tanh(), h));
    let (last, stacked) = g.cond(inputs.bools[0], scanned, || (h * h, xs * w));
    vec![last, stacked]
}

fn cond_in_scan<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [xs, h, w] = inputs.all();
    let (last, stacked) = g.scan(h, xs, |h, x| {
        let next = g.cond(x.reduce_sum(..).greater(0.0), || (h * w).sin(), || h + x);
        (next, next * next)
    });
    vec![last, stacked]
}

fn long_scan<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [xs, h, w] = inputs.all();
    let (last, sums) = g.scan(h, xs, |h, x| {
        let next = (h * w + x).tanh();
        (next, next.reduce_sum(..))
    });
    vec![last, sums.reduce_mean(..)]
}

fn scan_with_checkpoints<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [xs, h, w] = inputs.all();
    let (last, stacked) =
        g.scan_with(Scan::new().checkpoint_every(3), h, xs, |h, x| ((h * w + x).tanh(), h * x));
    vec![last, stacked]
}

fn descent<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [xs, w] = inputs.all();
    let (last, losses) = g.scan(w, xs, |w, x| {
        let loss = (w * x).tanh().square().reduce_sum(..) + w.pow(4.0).reduce_sum(..) * 0.1;
        let [dw] = loss.gradients([w]);
        (w - dw * 0.3, loss)
    });
    vec![last, losses]
}

fn fold<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [xs, h, w] = inputs.all();
    vec![g.fold(h, xs, |h, x| h * x.cos() + w)]
}

fn map_rows<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [xs, w] = inputs.all();
    let (sums, products) = g.map_fn(xs, |x| ((x.sin() * w).reduce_sum(..), x * w));
    vec![sums, products]
}

fn map_in_scan<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [xs, us, h] = inputs.all();
    let (last, stacked) = g.scan(h, xs, |h, x| {
        let next = (h + g.map_fn(us, |u| u * (x * u).sin()).reduce_sum(..)).tanh();
        (next, next * x)
    });
    vec![last, stacked]
}

fn times<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [x, w] = inputs.all();
    vec![g.fori(7, |i, x| (x * w).sin() + i.cast::<f64>() * 0.1, x)]
}

fn times_of_switches<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [x, w] = inputs.all();
    let step =
        |i: Tensor<'g, i64>, x: T<'g>| g.switch_case(i - i / 3 * 3, (|| x * w, || x.sin() + w, || x - w * x));
    vec![g.fori(5, step, x)]
}

fn third_derivative<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [x, w] = inputs.all();
    let y = g.fori(3, |_, x| (x * w).sin() + x * x * 0.3, x);
    let [first] = y.gradients([x]);
    let [second] = first.gradients([x]);
    let [third] = second.gradients([x]);
    vec![third]
}

fn hessian_of_scan<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [h, xs] = inputs.all();
    let last = g.fold(h, xs, |h, x| (h * x).sin() + h * h.reduce_sum(..) * 0.2);
    vec![hessian(last.reduce_sum(..), h)]
}

fn while_of_root<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [a] = inputs.all();
    let goes_on = |(x, before): (T<'g>, T<'g>)| (x - before).abs().greater(1e-12);
    let (root, _) = g.while_loop(goes_on, |(x, _)| ((x + a / x) * 0.5, x), (a, a + 1.0));
    vec![root]
}

fn while_of_types<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let ([x, w], n) = (inputs.all(), inputs.ints[0]);
    let (i, _, last) = g.while_loop(
        |(i, ..)| i.less(n),
        |(i, up, x): (Tensor<'g, i64>, Tensor<'g, bool>, T<'g>)| {
            (i + 1, up.logical_not(), up.select(x * w + i.cast::<f64>() * 0.1, x.sin()))
        },
        (g.constant(0_i64), g.constant(true), x),
    );
    vec![last, i.cast::<f64>()]
}

fn while_loop<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [x, w] = inputs.all();
    let (x, i) = g.while_loop(
        |(x, _)| (x * x).reduce_sum(..).less(20.0),
        |(x, i): (T<'g>, T<'g>)| (x * 1.3 + (x * w).sin(), i + 1.0),
        (x, g.constant(0.0)),
    );
    vec![x, i]
}

fn while_without_end<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [x, w] = inputs.all();
    let four = While::new().maximum_iterations(4);
    vec![g.while_with(four, |_| g.constant(true), |x| (x * w).sin(), x)]
}

fn while_never<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [x, w] = inputs.all();
    vec![g.while_loop(|x: T<'g>| x.reduce_sum(..).greater(1e3), |x| x * w, x)]
}

fn while_of_three<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [x, y, w] = inputs.all();
    let (_, last) = g.while_loop(
        |(i, _)| i.less(5),
        |(i, [a, b, c]): (Tensor<'g, i64>, [T<'g>; 3])| (i + 1, [b, c.sin() + a, a * w]),
        (g.constant(0_i64), [x, y, x * y]),
    );
    last.to_vec()
}

/// So many iterations, counted by the graph.
fn counted<'g>(
    g: &'g Graph,
    times: i64,
    x: T<'g>,
    step: impl FnOnce(Tensor<'g, i64>, T<'g>) -> T<'g>,
) -> T<'g> {
    g.while_loop(|(i, _)| i.less(times), |(i, x)| (i + 1, step(i, x)), (g.constant(0_i64), x)).1
}

fn while_of_matrices<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [x, w] = inputs.all();
    vec![counted(g, 4, x, |_, x| x.matmul(w).tanh() + x * 0.5)]
}

fn while_in_while<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [x, w] = inputs.all();
    let outer = |i: Tensor<'g, i64>, x: T<'g>| {
        let inner = |(j, x): (Tensor<'g, i64>, T<'g>)| (j + 1, (x * w).sin() + x * 0.5);
        g.while_loop(|(j, _)| j.less_equal(i), inner, (g.constant(0_i64), x)).1 * w
    };
    vec![counted(g, 3, x, outer)]
}

fn cond_in_while<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [x, w] = inputs.all();
    let step = |_, x: T<'g>| g.cond(x.reduce_sum(..).greater(0.0), || x.sin() - w, || x * w + 0.5);
    vec![counted(g, 6, x, step)]
}

fn while_in_cond<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [x, w] = inputs.all();
    vec![g.cond(inputs.bools[0], || counted(g, 3, x, |_, x| (x * w).sin()), || x * 2.0)]
}

fn while_in_scan<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [xs, h, w] = inputs.all();
    let (_, stacked) = g.scan(h, xs, |h, x| {
        let is_large = |h: T<'g>| (h * h).reduce_sum(..).greater(0.3);
        let next = g.while_loop(is_large, |h| h * 0.5 + x * w * 0.1, h + x);
        (next, next)
    });
    vec![stacked]
}

fn lorenz<'g>(g: &'g Graph, inputs: &Inputs<'g>) -> Vec<T<'g>> {
    let [parameters, start] = inputs.all();
    let [sigma, rho, beta] = [0, 1, 2].map(|at| parameters.slice(at));
    let slope = |s: T<'g>| {
        let [x, y, z] = [0, 1, 2].map(|at| s.slice(at));
        g.stack(&[sigma * (y - x), x * (rho - z) - y, x * y - beta * z], 0)
    };
    let (_, _, total) = g.while_loop(
        |(i, ..)| i.less(200),
        |(i, s, total): (Tensor<'g, i64>, T<'g>, T<'g>)| {
            let first = slope(s);
            let second = slope(s + first * 0.005);
            let third = slope(s + second * 0.005);
            let fourth = slope(s + third * 0.01);
            let next = s + (first + (second + third) * 2.0 + fourth) * (0.01 / 6.0);
            (i + 1, next, total + (next * next).reduce_sum(..))
        },
        (g.constant(0_i64), start, g.constant(0.0)),
    );
    vec![total / 200.0]
}
