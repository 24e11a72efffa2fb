//! Conditionals: what they give, what runs, and their gradients.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flowgrad::ndarray::{ArrayBase, arr1};
use flowgrad::prelude::*;

#[test]
fn the_branch_that_holds_gives_the_results() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let positive = x.reduce_sum(..).greater(0.0);
    let (a, [b, c]) = g.cond(positive, || (x * 2.0, [x, x + 1.0]), || (x * -1.0, [x * x, x]));
    let session = Session::new(&g).unwrap();
    let run = |x_: &[f64]| session.feed(x, &arr1(x_)).run([a, b, c]).unwrap();
    assert_eq!(
        run(&[1.0, 2.0]),
        [arr1(&[2.0, 4.0]), arr1(&[1.0, 2.0]), arr1(&[2.0, 3.0])].map(ArrayBase::into_dyn)
    );
    assert_eq!(run(&[-3.0]), [arr1(&[3.0]), arr1(&[9.0]), arr1(&[-3.0])].map(ArrayBase::into_dyn));
}

#[test]
fn only_the_branch_that_is_taken_runs() {
    let g = Graph::new();
    let which = g.placeholder::<i64>("which", []);
    let runs: Arc<[AtomicUsize; 3]> = Arc::default();
    let x = g.constant(1.0_f64);
    let counted = |index: usize| {
        let runs = Arc::clone(&runs);
        let x = x.inspect(move |_| {
            runs[index].fetch_add(1, Ordering::Relaxed);
        });
        x * index as f64
    };
    let y = g.switch_case(which, (|| counted(0), || counted(1), || counted(2)));
    let session = Session::new(&g).unwrap();
    for index in [0, 1, 1, 2, 5, -1] {
        let expected = if (0..3).contains(&index) { index as f64 } else { 2.0 };
        assert_eq!(session.feed(which, index).run(y).unwrap().item().unwrap(), expected);
    }
    let runs = [0, 1, 2].map(|index| runs[index].load(Ordering::Relaxed));
    assert_eq!(runs, [1, 2, 3]);
}

#[test]
fn gradients_are_those_of_the_branch_that_is_taken() {
    let g = Graph::new();
    let which = g.placeholder::<bool>("which", []);
    let (a, b) = (g.variable("a", arr1(&[0.3, -0.7])).tensor(), g.variable("b", arr1(&[1.1, 0.4])).tensor());
    let y = g.cond(which, || (a.sin() * b).tanh(), || a.exp() * 2.0).reduce_sum(..);
    let [da, db] = y.gradients([a, b]);
    let [daa, dab] = da.reduce_sum(..).gradients([a, b]);
    let then = (a.sin() * b).tanh().reduce_sum(..);
    let [ta, tb] = then.gradients([a, b]);
    let [taa, tab] = ta.reduce_sum(..).gradients([a, b]);
    let or_else = (a.exp() * 2.0).reduce_sum(..);
    let [ea] = or_else.gradients([a]);
    let [eaa] = ea.reduce_sum(..).gradients([a]);
    for optimize in [true, false] {
        let session = Session::builder(&g).optimize(optimize).build().unwrap();
        let taken = session.feed(which, true).run([da, db, daa, dab]).unwrap();
        let expected = session.run([ta, tb, taa, tab]).unwrap();
        for (taken, expected) in taken.iter().zip(&expected) {
            assert!(
                (taken - expected).iter().all(|off: &f64| off.abs() < 1e-14),
                "{taken} is not {expected}"
            );
        }
        let taken = session.feed(which, false).run([da, db, daa, dab]).unwrap();
        let expected = session.run([ea, eaa]).unwrap();
        let zeros = arr1(&[0.0, 0.0]).into_dyn();
        for (taken, expected) in taken.iter().zip([&expected[0], &zeros, &expected[1], &zeros]) {
            assert!(
                (taken - expected).iter().all(|off: &f64| off.abs() < 1e-14),
                "{taken} is not {expected}"
            );
        }
    }
}

#[test]
fn conditionals_nest_in_branches_and_in_functions() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", []);
    let w = g.variable("w", 2.0_f64).tensor();
    let f = g.function(x, |x| {
        g.cond(x.greater(0.0), || g.cond(x.greater(10.0), || x * w, || x.square() * w), || -w)
    });
    let y = f.call(x) + f.call(x - 20.0);
    let [dx, dw] = y.gradients([x, w]);
    let session = Session::new(&g).unwrap();
    let run = |number: f64| {
        let (y, dx, dw) = session.feed(x, number).run((y, dx, dw)).unwrap();
        (y.sum(), dx.sum(), dw.sum())
    };
    assert_eq!(run(3.0), (16.0, 12.0, 8.0));
    assert_eq!(run(12.0), (22.0, 2.0, 11.0));
    assert_eq!(run(25.0), (100.0, 22.0, 50.0));
    assert_eq!(run(-1.0), (-4.0, 0.0, -2.0));
}

#[test]
fn variables_are_read_as_the_conditional_sees_them() {
    let g = Graph::new();
    let w = g.variable("w", 1.0_f64);
    let which = g.placeholder::<bool>("which", []);
    let step = w.assign_add(1.0);
    let after = g.control_dependencies(&[step.op()], || g.cond(which, || w * 10.0, || w * 100.0));
    let before = g.cond(which, || w * 10.0, || w * 100.0);
    let session = Session::new(&g).unwrap();
    let run = |number: bool| session.feed(which, number).run([before, after]).unwrap().map(|y| y.sum());
    assert_eq!(run(true), [10.0, 20.0]);
    assert_eq!(run(false), [200.0, 300.0]);
}

#[test]
fn assignments_in_the_branch_that_is_taken_count_and_no_others() {
    let g = Graph::new();
    let (a, b) = (g.variable("a", 1.0_f64), g.variable("b", 10.0_f64));
    let which = g.placeholder::<bool>("which", []);
    let y = g.cond(
        which,
        || {
            let step = a.assign_add(1.0);
            // Behind the assignment, and beside it.
            g.control_dependencies(&[step.op()], || a * 100.0)
        },
        || {
            let _ = b.assign(a + b);
            a * 1000.0
        },
    );
    let after = g.control_dependencies(&[y.op()], || a + b);
    let session = Session::new(&g).unwrap();
    let run = |number: bool| {
        let [y, after] = session.feed(which, number).run([y, after]).unwrap().map(|y| y.sum());
        let [a, b] = session.run([a.tensor(), b.tensor()]).unwrap().map(|y| y.sum());
        assert_eq!(after, a + b);
        [y, a, b]
    };
    assert_eq!(run(true), [200.0, 2.0, 10.0]);
    assert_eq!(run(true), [300.0, 3.0, 10.0]);
    assert_eq!(run(false), [3000.0, 3.0, 13.0]);
    assert_eq!(run(true), [400.0, 4.0, 13.0]);
}

#[test]
fn assignments_in_nested_branches_and_gradients_through_them() {
    let g = Graph::new();
    let w = g.variable("w", 2.0_f64);
    let x = g.placeholder::<f64>("x", []);
    let y = g.cond(
        x.greater(0.0),
        || {
            let inner = g.cond(x.greater(5.0), || w.assign(w * x), || w * 1.0);
            g.control_dependencies(&[inner.op()], || w * w * x)
        },
        || w * x,
    );
    let [dx] = y.gradients([x]);
    let session = Session::new(&g).unwrap();
    let run = |number: f64| {
        let [y, dx] = session.feed(x, number).run([y, dx]).unwrap().map(|y| y.sum());
        [y, dx, session.run(w.tensor()).unwrap().sum()]
    };
    assert_eq!(run(-3.0), [-6.0, 2.0, 2.0]);
    assert_eq!(run(3.0), [12.0, 4.0, 2.0]);
    // The new value of w is 20, which is read as a number.
    assert_eq!(run(10.0), [4000.0, 400.0, 20.0]);
    assert_eq!(run(1.0), [400.0, 400.0, 20.0]);
}

#[test]
fn a_branch_that_fails_leaves_every_variable_as_it_was() {
    let g = Graph::new();
    let v = g.variable("v", 1_i64);
    let n = g.placeholder::<i64>("n", []);
    let y = g.cond(n.greater(-1), || v.assign(v / n), || v.assign(v + 1_i64));
    let session = Session::new(&g).unwrap();
    assert!(session.feed(n, 0).run(y).is_err());
    assert_eq!(session.run(v.tensor()).unwrap().sum(), 1);
    assert_eq!(session.feed(n, -1).run(y).unwrap().sum(), 2);
    assert_eq!(session.run(v.tensor()).unwrap().sum(), 2);
}

fn message(graph: &Graph) -> String {
    graph.check().unwrap_err().to_string()
}

#[test]
fn assignments_that_could_not_count_are_refused() {
    let g = Graph::new();
    let (v, p) = (g.variable("v", 1.0_f64), g.placeholder::<bool>("p", []));
    let y = g.cond(p, || v.assign(v * 10.0), || v * 1.0);
    let session = Session::new(&g).unwrap();
    let error = session.feed(p, false).feed(v.tensor(), 5.0).run(y).unwrap_err();
    assert!(
        error.to_string().contains("expected no feed of `v`, which a branch assigns, got one"),
        "{error}"
    );
    assert_eq!(session.run(v.tensor()).unwrap().sum(), 1.0);

    let g = Graph::new();
    let (v, p) = (g.variable("v", 1.0_f64), g.placeholder::<bool>("p", []));
    let assign = || {
        let _ = v.assign(v * 10.0);
    };
    g.cond(p, assign, || ());
    let text = message(&g);
    assert!(text.contains("expected a result beside the assignments of a branch"), "{text}");
}

#[test]
fn what_does_not_fit_is_said() {
    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, 2.0]));
    let _ = g.cond(x.greater(0.0), || x, || x);
    let text = message(&g);
    assert!(text.contains("condition: expected a boolean scalar, got bool[2]"), "{text}");

    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, 2.0]));
    let _ = g.cond(g.constant(true), || x, || x.reduce_sum(..));
    let text = message(&g);
    assert!(text.contains("result 0 of `else`: expected f64[2] as of `then`, got f64[]"), "{text}");

    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let y = g.cond(x.reduce_sum(..).greater(0.0), || x, || x.slice(1..));
    let error = Session::new(&g).unwrap().feed(x, &arr1(&[1.0, 2.0])).run(y).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("result 0 of `then`: expected f64[1] as of `else`, got f64[2]"), "{error}");
    assert!(text.contains(file!()), "{error}");
}
