//! Large functions that are called several times: one program and one plan for all calls, which give what they would if
//! each were computed in its place.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flowgrad::ndarray::{Array2, ArrayD, Axis, arr1, arr2};
use flowgrad::prelude::*;

type T<'g> = Tensor<'g, f64>;

/// A body of well over a hundred nodes: a contraction, so that values stay small.
fn large<'g>(x: T<'g>, c: T<'g>) -> T<'g> {
    (0..50).fold(x, |y, step| (y * c + f64::from(step) * 0.01).sin() * 0.5)
}

/// Calls of programs in what runs for these fetches, and how many programs these are.
fn calls<'g>(g: &'g Graph, fetches: &[T<'g>]) -> [usize; 2] {
    let text = Session::new(g).unwrap().explain(fetches.to_vec()).unwrap();
    let plan = &text[text.find("\nplan:").unwrap()..];
    [plan.matches("= call `").count(), plan.matches("plan of `").count()]
}

/// Runs in place and apart, on one thread and several. Calls apart give the same bits on any number of threads, and what
/// calls in place give within rounding.
fn run<'g>(g: &'g Graph, fetches: &[T<'g>]) -> Vec<ArrayD<f64>> {
    let fetches = fetches.to_vec();
    let run = |session: Result<Session>| session.unwrap().run(fetches.clone()).unwrap();
    let in_place = run(Session::builder(g).threads(1).optimize(false).build());
    let one = run(Session::builder(g).threads(1).build());
    let all = run(Session::builder(g).threads(3).build());
    assert_eq!(one, all);
    for (expected, found) in in_place.iter().zip(&one) {
        assert_eq!(expected.shape(), found.shape());
        let close = expected.iter().zip(found).all(|(a, b)| (a - b).abs() <= 1e-12 * (1.0 + a.abs()));
        assert!(close, "{found} is not {expected}");
    }
    one
}

#[test]
fn a_large_function_that_is_called_several_times_is_planned_once() {
    let g = Graph::new();
    let (a, c) = (g.variable("a", arr1(&[0.1, 0.2, 0.3])).tensor(), g.variable("c", 1.5).tensor());
    let f = g.function(a, |x| large(x, c));
    let small = g.function(a, |x| x.tanh() * c);
    let [once, twice, thrice] = [f.call(a), f.call(a + 1.0), f.call(a - 1.0)];
    assert_eq!(calls(&g, &[once]), [0, 0]);
    assert_eq!(calls(&g, &[once, twice]), [2, 1]);
    assert_eq!(calls(&g, &[once + twice, thrice]), [3, 1]);
    assert_eq!(calls(&g, &[small.call(a), small.call(a + 1.0)]), [0, 0]);
    // The same operands are the same call.
    assert_eq!(calls(&g, &[f.call(a + 1.0), twice]), [1, 1]);
    run(&g, &[once, twice, thrice]);
}

fn derivatives<'g>([x, c]: [T<'g>; 2], y: T<'g>) -> Vec<T<'g>> {
    let [dx, dc] = y.gradients([x, c]);
    let [dxx, dxc] = dx.gradients([x, c]);
    vec![y, dx, dc, dxx, dxc]
}

#[test]
fn gradients_of_any_order_pass_through() {
    let g = Graph::new();
    let (x, c) = (g.variable("x", arr1(&[0.3, -0.2])).tensor(), g.variable("c", 1.25).tensor());
    let f = g.function(x, |x| large(x, c));

    let by_call = derivatives([x, c], f.call(x) + f.call(f.call(x) * 2.0));
    assert!(calls(&g, &by_call)[0] > 0);
    let inlined = derivatives([x, c], large(x, c) + large(large(x, c) * 2.0, c));
    for (found, expected) in run(&g, &by_call).iter().zip(run(&g, &inlined)) {
        let close = found.iter().zip(&expected).all(|(a, b)| (a - b).abs() <= 1e-10 * (1.0 + b.abs()));
        assert!(close, "{found} is not {expected}");
    }
}

#[test]
fn results_of_every_kind_come_back() {
    let g = Graph::new();
    let a = g.variable("a", arr2(&[[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])).tensor();
    let far = g.variable("far", arr1(&[1.0, 2.0, 3.0])).tensor();
    let c = g.constant(1.5);
    // What is computed, twice; an operand, a captured tensor, a number, an array, nothing, a slice, and a scalar.
    let f = g.function((a, c), |(x, c)| {
        let y = large(x, c);
        let nothing = y.slice([0..0, 0..3]);
        let array = g.constant(arr1(&[7.0, 8.0]));
        let shown = y.transpose();
        vec![y, y, x, far, c, g.constant(4.0), array, nothing, shown, y.reduce_sum(..), (y * 2.0).exp()]
    });
    let mut fetches = f.call((a, c));
    fetches.extend(f.call((a * 2.0, c)));
    fetches.extend(f.call((a.transpose().transpose() + 1.0, c + 1.0)));
    assert_eq!(calls(&g, &fetches), [3, 2], "an operand that is a known number is part of the program");
    let found = run(&g, &fetches);
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0].t(), found[8]);
    assert_eq!(found[11 + 2], found[2].clone() * 2.0);
    assert_eq!(found[7].shape(), [0, 3]);
}

#[test]
fn operands_and_results_may_be_views_and_parts_of_others() {
    let g = Graph::new();
    let a = g.variable("a", Array2::from_shape_fn((4, 6), |(i, j)| (i * 6 + j) as f64 * 0.03)).tensor();
    let c = g.variable("c", 1.5).tensor();
    let f =
        g.function(g.constant(Array2::<f64>::zeros((2, 3))), |x| (large(x, c), large(x, c).reduce_mean(0)));
    let block =
        |row: isize, column: isize| f.call(a.slice([2 * row..2 * row + 2, 3 * column..3 * column + 3])).0;
    let rows = [0, 1].map(|row| g.concat(&[block(row, 0), block(row, 1)], 1));
    let whole = g.concat(&rows, 0);
    let means = g.stack(&[f.call(a.slice([0..2, 0..3])).1, f.call(a.slice([2..4, 3..6])).1], 0);
    assert!(calls(&g, &[whole, means])[0] >= 4);
    let found = run(&g, &[whole, means, large(a, c)]);
    let close = |a: &ArrayD<f64>, b: &ArrayD<f64>| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
    assert!(close(&found[0], &found[2]));
    let mean = found[2].slice_axis(Axis(0), (0..2).into()).mean_axis(Axis(0)).unwrap();
    assert!(close(
        &found[1].index_axis(Axis(0), 0).to_owned(),
        &mean.slice_axis(Axis(0), (0..3).into()).to_owned()
    ));
}

#[test]
fn functions_apart_call_functions_apart_on_all_threads() {
    let g = Graph::new();
    let n = 160;
    let at =
        |seed: usize| Array2::from_shape_fn((n, n), |(i, j)| ((i * 7 + j * 3 + seed) % 11) as f64 * 0.01);
    let (a, b) = (g.variable("a", at(0)).tensor(), g.variable("b", at(5)).tensor());
    let inner = g.function(a, |x| {
        (0..60).fold(x, |y, step| if step % 20 == 0 { y.matmul(b) * 0.1 } else { (y + 0.01).sin() * 0.9 })
    });
    let outer = g.function(a, |x| large(inner.call(x), g.constant(1.1)) + inner.call(x * 0.5) + large(x, x));
    let fetches = [outer.call(a), outer.call(b), inner.call(a.transpose())];
    let text = Session::new(&g).unwrap().explain(fetches.to_vec()).unwrap();
    assert!(text.contains("program of `function_1`") && text.contains("program of `function`"), "{text}");
    assert!(text.contains("parallel; arena"), "large products are worth several threads");
    run(&g, &fetches);
}

#[test]
fn what_is_random_differs_from_call_to_call() {
    let g = Graph::with_seed(3);
    let x = g.variable("x", arr1(&[0.1, 0.2])).tensor();
    let f = g.function(x, |x| large(x, x) + g.random_uniform::<f64>([2], 0.0, 1.0));
    let (first, second) = (f.call(x), f.call(x));
    let found = run(&g, &[first, second]);
    assert_ne!(found[0], found[1]);
}

#[test]
fn variables_are_those_that_the_call_sees_and_take_what_it_gives() {
    let g = Graph::new();
    let w = g.variable("w", arr1(&[0.5, -0.5]));
    let f = g.function(w.tensor(), |x| large(x, w.tensor()));
    let before = f.call(w.tensor());
    let set = w.assign(before);
    let behind = g.control_dependencies(&[set.op()], || f.call(w.identity()));
    let plain = Session::builder(&g).optimize(false).threads(1).build().unwrap();
    let apart = Session::new(&g).unwrap();
    for _ in 0..3 {
        let [expected, found] = [&plain, &apart].map(|session| session.run([before, behind, set]).unwrap());
        for (expected, found) in expected.iter().zip(&found) {
            assert!(expected.iter().zip(found).all(|(a, b)| (a - b).abs() < 1e-12));
        }
    }
}

#[test]
fn errors_name_the_node_inside() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [2]);
    let ids = g.placeholder::<i64>("ids", [2]);
    let f = g.function((x, ids), |(x, ids)| {
        let y = (large(x, x) + x).ln().named("logarithm");
        y + (ids / (ids - 3)).named("quotient").cast::<f64>()
    });
    let both = [f.call((x, ids)), f.call((x + 1.0, ids))];
    for threads in [1, 2] {
        let session = Session::builder(&g).threads(threads).build().unwrap();
        let x_fed = arr1(&[0.5, 0.25]);
        let failed = session.feed(x, &x_fed).feed(ids, &arr1(&[1_i64, 3])).run(both).unwrap_err();
        assert!(failed.to_string().contains("quotient"), "{failed}");
        assert!(session.feed(x, &x_fed).feed(ids, &arr1(&[1_i64, 2])).run(both).is_ok());
    }
    let session = Session::builder(&g).check_numerics(true).build().unwrap();
    let fed = (arr1(&[-0.5, 0.25]), arr1(&[1_i64, 2]));
    let failed = session.feed(x, &fed.0).feed(ids, &fed.1).run(both).unwrap_err();
    assert!(failed.to_string().contains("logarithm"), "{failed}");
}

#[test]
fn lengths_that_differ_have_programs_of_their_own() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let f = g.function(x, |x| large(x, x).reduce_sum(..));
    let fetches = [f.call(x), f.call(x * 2.0), f.call(g.concat(&[x, x], 0)), f.call(x * 3.0)];
    let session = Session::new(&g).unwrap();
    let plain = Session::builder(&g).optimize(false).build().unwrap();
    for length in [1, 3, 0, 3, 17] {
        let fed: Vec<f64> = (0..length).map(|index| f64::from(index) * 0.1).collect();
        let fed = arr1(&fed);
        let [found, expected] = [&session, &plain].map(|session| session.feed(x, &fed).run(fetches).unwrap());
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found.sum() - expected.sum()).abs() <= 1e-12 * (1.0 + expected.sum().abs()));
        }
    }
}

#[test]
fn what_must_run_runs_once_for_each_call() {
    let g = Graph::new();
    let x = g.variable("x", arr1(&[0.1, 0.2])).tensor();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let f = g.function(x, |x| {
        let counter = Arc::clone(&counter);
        large(x, x).inspect(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        })
    });
    let both = f.call(x) + f.call(x);
    assert_eq!(calls(&g, &[both]), [2, 1]);
    for session in [Session::new(&g), Session::builder(&g).optimize(false).build()] {
        count.store(0, Ordering::Relaxed);
        session.unwrap().run(both).unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }
}

#[test]
fn calls_with_ever_new_numbers_share_a_program() {
    let g = Graph::new();
    let x = g.variable("x", arr1(&[0.1, 0.2])).tensor();
    let f = g.function((x, g.constant(0.0)), |(x, t)| large(x + t, x));
    let steps: Vec<T<'_>> = (0..20).map(|step| f.call((x, g.constant(f64::from(step) * 0.1)))).collect();
    assert_eq!(calls(&g, &steps), [20, 2], "the first number is known to its program");
    run(&g, &steps);
}

#[test]
fn what_functions_call_is_planned_once_for_all_of_them() {
    let g = Graph::new();
    let x = g.variable("x", arr1(&[0.1, 0.2])).tensor();
    let inner = g.function(x, |x| large(x, x));
    let inner = &inner;
    let outer = |by: f64| g.function(x, move |x| large(inner.call(x) + inner.call(x * by), x));
    let functions = [outer(0.5), outer(0.25)];
    let results: Vec<T<'_>> = functions.iter().flat_map(|f| [f.call(x), f.call(x + 1.0)]).collect();
    // Two calls of each outer function, and in each of these two of the inner one: three programs.
    assert_eq!(calls(&g, &results), [8, 3]);
    run(&g, &results);
}

#[test]
fn a_lack_of_memory_names_the_node_inside() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let f = g.function(x, |x| {
        let huge = x.broadcast_to([1_usize << 40, 2]).named("huge");
        large(huge.cumsum(0).named("sums").reduce_max(..), g.constant(1.0))
    });
    let both = f.call(x) + f.call(x + 1.0);
    let failed = Session::new(&g).unwrap().feed(x, &arr1(&[1.0, 2.0])).run(both).unwrap_err().to_string();
    assert!(failed.contains("sums"), "{failed}");
}

#[test]
fn a_fed_result_is_the_one_that_is_used_and_a_panic_passes_through() {
    let g = Graph::new();
    let x = g.variable("x", arr1(&[0.1, 0.2])).tensor();
    let f = g.function(x, |x| {
        let y = large(x, x).inspect(|array| assert!(array.sum() < 100.0, "too much"));
        (y, y.reduce_sum(..))
    });
    let [(first, sum), (second, _)] = [f.call(x), f.call(x * 2000.0)];
    let session = Session::builder(&g).threads(2).build().unwrap();
    let fed = arr1(&[5.0, 6.0]);
    let (found, given) = session.feed(first, &fed).run((first * 2.0, sum)).unwrap();
    assert_eq!(found, arr1(&[10.0, 12.0]).into_dyn());
    assert_eq!(given, session.run(sum).unwrap(), "the other result is still the function's");
    let far =
        g.function(x, |x| (x * 1e6).inspect(|array| assert!(array.sum() < 100.0, "too much")) + large(x, x));
    let both = far.call(x) + far.call(x + 1.0);
    let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| session.run(both)));
    assert!(ran.is_err(), "a kernel's panic goes to the caller");
    assert!(session.run((first, second)).is_ok());
}
