//! What lies at the edges: lengths shorter than what is cut off, ends of the ranges of numbers, order and names.

use flowgrad::io::graph_def::export;
use flowgrad::ndarray::{ArrayD, Axis, arr0, arr1};
use flowgrad::{AnyTensor, Value, prelude::*};

use crate::own_op::Twice;
use crate::support::{Bench, Program};

fn program<'g>(feeds: Vec<(AnyTensor<'g>, Value)>, outputs: Vec<AnyTensor<'g>>) -> Program<'g> {
    Program { feeds, outputs, step: None, apart: 1e-12 }
}

#[test]
fn what_is_cut_off_is_longer_than_what_is_fed() {
    let bench = Bench::new();
    for length in 0..=6 {
        let g = Graph::new();
        let x = g.placeholder::<f64>("x", [None]);
        let ys = [
            x.slice(-3..),
            x.slice(..-3),
            x.slice(2..),
            x.slice(..4),
            x.slice(AxisRange::from(-4..-1).step(2)),
            x.slice(AxisRange::from(..).step(-1)),
            x.roll(-3, 0),
            x.roll(5, 0),
            x.roll([1], [0]),
        ];
        let gradients = ys.iter().flat_map(|y| y.square().gradients([x]));
        let outputs: Vec<AnyTensor<'_>> = ys.iter().copied().chain(gradients).map(Tensor::any).collect();
        let fed: Vec<f64> = (0..length).map(|i| 1.5 + f64::from(i)).collect();
        let run = program(vec![(x.any(), arr1(&fed).into())], outputs);
        bench.add(&format!("cut off {length}"), &Session::new(&g).unwrap(), &run, false);
    }
    bench.check();
}

#[test]
fn inputs_of_length_1_are_repeated_to_those_that_are_longer() {
    let bench = Bench::new();
    for [of_x, of_y] in [[1, 3], [3, 1], [3, 3], [1, 1]] {
        let g = Graph::new();
        let (x, y) = (g.placeholder::<f64>("x", [None]), g.placeholder::<f64>("y", [None]));
        let z = x * y;
        let outputs = vec![z.any(), z.reverse(0).any(), x.hypot(y).any(), x.squared_difference(y).any()];
        let numbers = |length: usize| arr1(&[0.5, -2.0, 3.0][..length]);
        let feeds = vec![(x.any(), numbers(of_x).into()), (y.any(), numbers(of_y).into())];
        bench.add(
            &format!("repeated {of_x} {of_y}"),
            &Session::new(&g).unwrap(),
            &program(feeds, outputs),
            false,
        );
    }
    bench.check();
}

#[test]
fn branches_give_zeros_as_long_as_what_they_are_the_gradients_of() {
    let bench = Bench::new();
    for is_first in [true, false] {
        let g = Graph::new();
        let (x, w) = (g.placeholder::<f64>("x", [None]), g.placeholder::<f64>("w", [None]));
        let chooser = g.placeholder::<bool>("chooser", []);
        // The branch that is not taken would not run.
        let y = g.cond(chooser, || (x * 2.0).reduce_sum(..), || (w * w.tanh()).reduce_sum(..));
        let [dx] = y.gradients([x]);
        let [dw] = y.gradients([w]);
        let feeds = vec![
            (x.any(), arr1(&[1.0, 2.0]).into()),
            (w.any(), arr1(&[1.0, -2.0, 4.0]).into()),
            (chooser.any(), arr0(is_first).into()),
        ];
        let run = program(feeds, vec![y.any(), dx.any(), dw.any()]);
        bench.add(&format!("zeros {is_first}"), &Session::new(&g).unwrap(), &run, false);
    }
    bench.check();
}

#[test]
fn an_assignment_of_what_nobody_reads_stays_behind_others() {
    let g = Graph::new();
    let (a, b) = (g.variable("a", 1.0_f64), g.variable("b", 0.0_f64));
    let first = a.assign(5.0).named("first");
    let second = g.control_dependencies(&[first.op()], || b.assign(7.0)).named("second");
    let exported = export(&Session::new(&g).unwrap(), &[], &[second.op()]).unwrap();
    let bytes = exported.bytes();
    let has = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
    // The assignment of `b` names the nodes that it is behind.
    assert!(has(b"second/AssignVariableOp"), "{}", String::from_utf8_lossy(bytes));
    assert!(has(b"^first"), "{}", String::from_utf8_lossy(bytes));
    assert!(!has(b"b/AssignVariableOp"));
}

#[test]
fn ends_of_the_ranges() {
    let bench = Bench::new();
    let g = Graph::new();
    let (a, b) = (g.placeholder::<f64>("a", [None]), g.placeholder::<f64>("b", [None]));
    let i = g.placeholder::<i32>("i", [None]);
    let mean = g.placeholder::<f64>("mean", [Some(1), None]);
    let inf = f64::INFINITY;
    let feeds = vec![
        (a.any(), arr1(&[inf, -inf, 0.0, 3.0, inf]).into()),
        (b.any(), arr1(&[inf, inf, 0.0, -4.0, 1.0]).into()),
        (i.any(), arr1(&[3, i32::MIN, i32::MAX, -1, i32::MIN]).into()),
        (mean.any(), arr1(&[0.1; 10]).insert_axis(Axis(0)).into()),
    ];
    let order = [i.argsort(0).any(), i.argsort_with(0, true).any()];
    let outputs = vec![a.hypot(b).any(), mean.reduce_mean(1).any()];
    let run = Program { apart: 0.0, ..program(feeds, [outputs, order.to_vec()].concat()) };
    bench.add("ends", &Session::new(&g).unwrap(), &run, false);

    for index in [0_i64, 1, 2, 7, -1, 1 << 32, (1 << 32) + 1, i64::MIN] {
        let g = Graph::new();
        let (x, kind) = (g.placeholder::<f64>("x", []), g.placeholder::<i64>("kind", []));
        let y = g.switch_case(kind, (|| x.square(), || x.exp(), || x));
        let feeds = vec![(x.any(), arr0(3.0).into()), (kind.any(), arr0(index).into())];
        bench.add(
            &format!("index {index}"),
            &Session::new(&g).unwrap(),
            &program(feeds, vec![y.any()]),
            false,
        );
    }
    bench.check();
}

#[test]
fn an_op_of_ones_own_is_not_what_its_name_says() {
    let bench = Bench::new();
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let twice = g.custom::<f64>(Twice, &[x.any()]);
    let fed: ArrayD<f64> = arr1(&[1.0, 2.5]).into_dyn();
    let run = program(vec![(x.any(), fed.into())], vec![twice.any()]);
    bench.add("own", &Session::new(&g).unwrap(), &run, false);
    bench.check();
}
