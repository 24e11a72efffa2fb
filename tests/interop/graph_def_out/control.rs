//! Conditionals, loops, order, and functions.

use flowgrad::ndarray::{arr0, arr1, arr2};
use flowgrad::{AnyTensor, Operation, Value, prelude::*};

use crate::support::{Bench, Program};

const APART: f64 = 1e-12;

fn program<'g>(feeds: Vec<(AnyTensor<'g>, Value)>, outputs: Vec<AnyTensor<'g>>) -> Program<'g> {
    Program { feeds, outputs, step: None, apart: APART }
}

#[test]
fn branches_and_cases() {
    let bench = Bench::new();
    for x_is in [2.0, -2.0] {
        let g = Graph::new();
        let x = g.placeholder::<f64>("x", []);
        let y = g.cond(x.greater(0.0), || x * x, || -3.0 * x);
        let [dy] = y.gradients([x]);
        let run = program(vec![(x.any(), arr0(x_is).into())], vec![y.any(), dy.any()]);
        bench.add(&format!("cond {x_is}"), &Session::new(&g).unwrap(), &run, true);
    }
    for kind_is in [0_i64, 1, 5] {
        let g = Graph::new();
        let (x, kind) = (g.placeholder::<f64>("x", []), g.placeholder::<i64>("kind", []));
        let y = g.switch_case(kind, (|| x.square(), || x.exp(), || x));
        let [dy] = y.gradients([x]);
        let feeds = vec![(x.any(), arr0(3.0).into()), (kind.any(), arr0(kind_is).into())];
        bench.add(
            &format!("case {kind_is}"),
            &Session::new(&g).unwrap(),
            &program(feeds, vec![y.any(), dy.any()]),
            false,
        );
    }
    bench.check();
}

#[test]
fn branches_assign() {
    let bench = Bench::new();
    for x_is in [2.0, -2.0] {
        let g = Graph::new();
        let x = g.placeholder::<f64>("x", []);
        let seen = g.variable("seen", 1.0_f64);
        let y = g.cond(x.greater(0.0), || seen.assign_add(x), || x);
        let step: Operation<'_> = y.op();
        let after = g.control_dependencies(&[step], || seen * 10.0);
        let outputs = vec![after.any(), (seen * 1.0).any()];
        let feeds = vec![(x.any(), arr0(x_is).into())];
        let run = Program { feeds, outputs, step: Some((step, 3)), apart: APART };
        bench.add(&format!("assigning branch {x_is}"), &Session::new(&g).unwrap(), &run, false);
    }
    bench.check();
}

#[test]
fn readers_see_what_they_are_ordered_after() {
    let bench = Bench::new();
    let g = Graph::new();
    let v = g.variable("v", arr1(&[1.0, 2.0]));
    let before = v * 2.0;
    let first = v.assign_add(10.0);
    let between = g.control_dependencies(&[first.op()], || v * 3.0);
    let second = g.control_dependencies(&[between.op()], || v.assign(v * v));
    let after = g.control_dependencies(&[second.op()], || v.tensor() + 0.5);
    let outputs = [before, between, after].map(Tensor::any).to_vec();
    let step = g.group([second.op()]);
    let run = Program { feeds: Vec::new(), outputs, step: Some((step, 1)), apart: APART };
    bench.add("order", &Session::new(&g).unwrap(), &run, false);

    // The values that variables have are those of the session, and the graph's own initializer starts them anew.
    let g = Graph::new();
    let v = g.variable("v", arr1(&[1.0, 2.0]));
    let session = Session::new(&g).unwrap();
    session.run(v.assign_add(5.0)).unwrap();
    let doubled = v * 2.0;
    let run = Program {
        feeds: Vec::new(),
        outputs: vec![doubled.any()],
        step: Some((g.initializer(), 1)),
        apart: APART,
    };
    bench.add("values of a session", &session, &run, false);
    bench.check();
}

#[test]
fn loops_and_their_gradients() {
    let bench = Bench::new();

    let g = Graph::new();
    let (x, n) = (g.placeholder::<f64>("x", []), g.placeholder::<i64>("n", []));
    let (_, power) = g.while_loop(|(i, _)| i.less(n), |(i, y)| (i + 1, y * x.sin()), (g.constant(0_i64), x));
    let [dx] = power.gradients([x]);
    for n_is in [0_i64, 1, 6] {
        let feeds = vec![(x.any(), arr0(1.2).into()), (n.any(), arr0(n_is).into())];
        bench.add(
            &format!("while {n_is}"),
            &Session::new(&g).unwrap(),
            &program(feeds, vec![power.any(), dx.any()]),
            false,
        );
    }

    let g = Graph::new();
    let xs = g.placeholder::<f64>("xs", [None, Some(2)]);
    let w = g.variable("w", arr2(&[[0.5, -0.3], [0.2, 0.8]]));
    for is_reverse in [false, true] {
        let options = if is_reverse { Scan::new().reverse() } else { Scan::new() };
        let (last, all) = g.scan_with(options, g.constant([0.1, -0.2]), xs, |state, x| {
            let next = (state.matmul(w.tensor()) + x).tanh();
            (next, next * 2.0)
        });
        let loss = last.reduce_sum(..) + all.square().reduce_sum(..);
        let [dw] = loss.gradients([w]);
        let [dxs] = loss.gradients([xs]);
        let outputs = vec![last.any(), all.any(), loss.any(), dw.any(), dxs.any()];
        let feeds = vec![(xs.any(), arr2(&[[1.0, 0.5], [-0.3, 0.2], [0.7, -1.1]]).into())];
        bench.add(&format!("scan {is_reverse}"), &Session::new(&g).unwrap(), &program(feeds, outputs), false);
    }

    let g = Graph::new();
    let xs = g.placeholder::<f64>("xs", [None, Some(2)]);
    let norms = g.map_fn(xs, |row| row.square().reduce_sum(..).sqrt());
    let [dxs] = norms.gradients([xs]);
    let feeds = vec![(xs.any(), arr2(&[[1.0, 2.0], [3.0, 4.0]]).into())];
    bench.add("map", &Session::new(&g).unwrap(), &program(feeds, vec![norms.any(), dxs.any()]), false);
    bench.check();
}

#[test]
fn functions_are_what_they_do() {
    let bench = Bench::new();
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(2)]);
    let w = g.variable("w", arr1(&[1.0, 2.0]));
    let score = g.function(x, |x| (x * w).reduce_sum(-1).tanh());
    let y = score.call(x) + score.call(x * 0.5);
    let [dx] = y.gradients([x]);
    let [dw] = y.gradients([w]);
    let rate = g.placeholder_with_default("rate", 0.5, []);
    let step = w.assign_sub(dw * rate);
    let feeds = vec![(x.any(), arr2(&[[0.1, 0.2], [0.3, 0.4], [-0.5, 1.0]]).into())];
    let outputs = vec![y.any(), dx.any(), dw.any()];
    let run = Program { feeds, outputs, step: Some((step.op(), 5)), apart: APART };
    bench.add("functions", &Session::new(&g).unwrap(), &run, true);
    bench.check();
}

/// All that TensorFlow has not is told at once.
#[test]
fn what_tensorflow_has_not_is_told() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let mask = x.greater(0.0);
    let session = Session::new(&g).unwrap();
    let y = [x.boolean_mask(mask, 0, 2).named("masked").any(), x.cummax(0).0.any()];
    let error = flowgrad::io::graph_def::export(&session, &y, &[]).unwrap_err().to_string();
    assert!(
        error.starts_with("GraphDef: expected ops that TensorFlow has, got 2 that it has not:"),
        "{error}"
    );
    assert!(error.contains("boolean_mask (node `masked`)") && error.contains("cummax"), "{error}");
}
