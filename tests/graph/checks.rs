//! What looks at values: `check_numerics`, for nodes and for whole sessions, `inspect` and `print`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use flowgrad::ndarray::{ArrayD, arr1, arr2};
use flowgrad::prelude::*;

fn sessions(g: &Graph) -> Vec<Session> {
    let build =
        |(threads, optimize)| Session::builder(g).threads(threads).optimize(optimize).build().unwrap();
    [(1, true), (2, true), (1, false)].map(build).into()
}

/// What an error says of the number, the node that made it and the one that found it.
fn told(error: Error) -> (String, Option<f64>, String) {
    match error {
        Error::NotFinite { site, value, checked } => (site.node, value, checked),
        other => panic!("{other}"),
    }
}

#[test]
fn finite_values_pass_a_check() {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None]);
    let y = (x.check_numerics() * 2.0).check_numerics().reduce_sum(..).check_numerics();
    for session in sessions(&g) {
        let fed = arr1(&[f32::MAX / 8.0, -1.0, 0.0, f32::MIN_POSITIVE]);
        assert_eq!(session.feed(x, &fed).run(y).unwrap().sum(), (fed * 2.0).sum());
        assert_eq!(session.feed(x, &ArrayD::zeros(vec![0])).run(y).unwrap().sum(), 0.0);
    }
}

/// The node that is named is the one that made the number, far before the check, and not one of those that passed
/// it on or stood beside it.
#[test]
fn a_check_names_the_first_node_that_made_the_number() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(2)]);
    let unrelated = x.ln().named("unrelated");
    let root = x.sqrt().named("root");
    let shifted = root.transpose() + 1.0;
    let y = (shifted.matmul(x).reduce_mean(0) * 2.0).named("y");
    let checked = y.check_numerics();
    for session in sessions(&g) {
        let error = session.feed(x, &arr2(&[[1.0, 0.0], [4.0, -4.0]])).run((checked, unrelated)).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("NaN in `root` (sqrt) built at tests/graph/checks.rs:"), "{message}");
        assert!(message.contains("found by the check of `y`"), "{message}");
        // Once more, with the plan that there is by now.
        let error = session.feed(x, &arr2(&[[1.0, 0.0], [4.0, -4.0]])).run(checked).unwrap_err();
        let (node, value, by) = told(error);
        assert!(node == "root" && value.is_some_and(f64::is_nan) && by == "y");
    }
}

/// An infinity is named with its sign; an overflow is where it happens.
#[test]
fn an_overflow_is_found_where_it_happens() {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None]);
    let large = (x.square() * -1.0).named("large");
    let y = (large * x).named("product").tanh().check_numerics() + large.named("large");
    let z = (large * x).named("second product").check_numerics();
    for session in sessions(&g) {
        let fed = arr1(&[1.0, 1e15]);
        assert!(session.feed(x, &fed).run(y).is_ok(), "the hyperbolic tangent of an infinity is finite");
        let (node, value, _) = told(session.feed(x, &fed).run(z).unwrap_err());
        assert_eq!((node.as_str(), value), ("second product", Some(f64::NEG_INFINITY)));
    }
}

/// What a run says that feeds an infinity.
fn session_error(g: &Graph, x: Tensor<'_, f64>, y: Tensor<'_, f64>) -> (String, Option<f64>, String) {
    told(Session::new(g).unwrap().feed(x, &arr1(&[f64::NEG_INFINITY, 1.0])).run(y).unwrap_err())
}

/// Fed values, constants and variables are to blame themselves if they hold such numbers.
#[test]
fn a_number_that_was_given_is_blamed_on_where_it_was_given() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let c = g.constant(arr1(&[1.0, f64::INFINITY])).named("c");
    let v = g.variable("v", arr1(&[f64::NAN, 1.0]));
    let w = g.variable("w", arr1(&[1.0, 1.0]));
    let middle = (x * 2.0).named("middle");
    let check = |y: Tensor<'_, f64>| session_error(&g, x, y);
    assert_eq!(check((middle + 1.0).check_numerics()).0, "x");
    assert_eq!(check((w * c).check_numerics()), ("c".into(), Some(f64::INFINITY), "mul".into()));
    assert_eq!(check((w * v).exp().check_numerics()).0, "v");
    let session = Session::new(&g).unwrap();
    let fed = arr1(&[f64::NAN, 1.0]);
    assert_eq!(told(session.feed(middle, &fed).run((middle * w).check_numerics()).unwrap_err()).0, "middle");
    // Where a NaN and an infinity meet, the NaN is the one that is looked for.
    let both = session.run((c + v * 2.0).reduce_sum(..).check_numerics()).unwrap_err();
    assert_eq!(told(both).0, "v");
}

/// A reader that is ordered after an assignment sees the assigned value, and what made that is named.
#[test]
fn assigned_values_are_followed_and_a_failed_run_assigns_nothing() {
    let g = Graph::new();
    let v = g.variable("v", 1.0_f64);
    let quotient = (v / (v - 1.0)).named("quotient");
    let assign = v.assign(quotient);
    let y = g.control_dependencies(&[assign.op()], || (v + 1.0).named("y").check_numerics());
    for session in sessions(&g) {
        let (node, value, checked) = told(session.run(y).unwrap_err());
        assert_eq!((node.as_str(), value, checked.as_str()), ("quotient", Some(f64::INFINITY), "y"));
        assert_eq!(session.run(v).unwrap().sum(), 1.0);
        assert_eq!(session.run_count(), 2, "the search is no run of its own");
    }
}

/// The search for the node draws what the failed run drew.
#[test]
fn draws_are_the_same_when_they_are_searched() {
    let g = Graph::new();
    let x = g.random_uniform([4], -1.0_f64, 1.0);
    let root = x.sqrt().named("root");
    let y = (root + 1.0).check_numerics();
    let session = Session::new(&g).unwrap();
    let mut failed = 0;
    for _ in 0..50 {
        if let Err(error) = session.run(y) {
            let (node, value, _) = told(error);
            assert!(node == "root" && value.is_some_and(f64::is_nan));
            failed += 1;
        }
    }
    assert!(failed > 25);
}

/// What must not matter does not fail the run: a branch that a select did not take, nor one that nobody needs.
#[test]
fn only_what_is_checked_counts() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let y = x.less(0.0).select(x, x.sqrt()).check_numerics();
    let unneeded = x.ln().check_numerics();
    for session in sessions(&g) {
        let fed = arr1(&[-4.0, 4.0]);
        assert_eq!(session.feed(x, &fed).run(y).unwrap(), arr1(&[-4.0, 2.0]).into_dyn());
        // Fetched for its effect alone it fails as well.
        assert_eq!(told(session.feed(x, &fed).run(unneeded.op()).unwrap_err()).0, "ln");
    }
}

/// All floats of a run are looked at, if the session is told so; the graph need not say anything.
#[test]
fn a_session_can_check_all_that_it_computes() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let y = x.less(0.0).select(x, x.sqrt().named("root")).named("y");
    let z = (y * 2.0 + 1.0).reduce_sum(..);
    let (good, bad) = (arr1(&[0.0, 4.0]), arr1(&[-4.0, 4.0]));
    for (threads, optimize) in [(1, true), (2, true), (1, false)] {
        let builder = || Session::builder(&g).threads(threads).optimize(optimize);
        let checking = builder().check_numerics(true).build().unwrap();
        let plain = builder().build().unwrap();
        let found = checking.feed(x, &good).run([y, z]).unwrap();
        assert_eq!(found, plain.feed(x, &good).run([y, z]).unwrap());
        assert!(plain.feed(x, &bad).run(z).is_ok());
        let (node, value, checked) = told(checking.feed(x, &bad).run(z).unwrap_err());
        assert!(node == "root" && value.is_some_and(f64::is_nan) && checked == "root");
    }
}

/// Gradients pass through checks as through nothing.
#[test]
fn a_check_in_a_training_loop_names_the_node_that_diverged() {
    let g = Graph::new();
    let w = g.variable("w", arr1(&[1.0_f64, 2.0]));
    let loss = w.square().square().reduce_sum(..).named("loss");
    let [slope] = loss.check_numerics().gradients([w]);
    let train = w.assign_sub(slope * 0.5);
    let session = Session::new(&g).unwrap();
    let step = session.make_callable((), (loss.check_numerics(), train.op())).unwrap();
    let error = (0..20).find_map(|_| step.call(()).err()).expect("the steps are too long");
    let (node, value, _) = told(error);
    assert!(node.starts_with("square") && value == Some(f64::INFINITY), "{node}");
    assert!(session.run(w).unwrap().iter().all(|w| w.is_finite()));
}

fn counted(x: Tensor<'_, f64>) -> (Tensor<'_, f64>, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    let looked = x.inspect(move |_| {
        seen.fetch_add(1, Ordering::Relaxed);
    });
    (looked, count)
}

/// Once a run, however many users there are; not where it is not needed; and for its operation alone.
#[test]
fn a_look_is_taken_once_in_each_run_that_needs_it() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let (y, count) = counted(x * x);
    let (constant, constants) = counted(g.constant(2.0) * 3.0);
    let runs = |session: &Session, before: usize, run: &dyn Fn(&Session)| {
        run(session);
        count.load(Ordering::Relaxed) - before
    };
    let fed = arr1(&[1.0, 2.0]);
    for session in sessions(&g) {
        let taken = |run: &dyn Fn(&Session)| runs(&session, count.load(Ordering::Relaxed), run);
        assert_eq!(taken(&|s| drop(s.feed(x, &fed).run([y + 1.0, y * 2.0, y, y]).unwrap())), 1);
        assert_eq!(taken(&|s| drop(s.feed(x, &fed).run(x * x).unwrap())), 0);
        assert_eq!(taken(&|s| s.feed(x, &fed).run(y.op()).unwrap()), 1);
        assert_eq!(taken(&|s| s.feed(x, &fed).run([y.op(), g.group([y.op()])]).map(drop).unwrap()), 1);
        assert_eq!(taken(&|s| drop(s.feed(y, &fed).run(y + 1.0).unwrap())), 0, "a fed node does not run");
        // What depends on constants alone is looked at in each run, not when it is planned.
        let before = constants.load(Ordering::Relaxed);
        let call = session.make_callable((), constant + 1.0).unwrap();
        assert_eq!(constants.load(Ordering::Relaxed) - before, 0);
        (0..3).for_each(|_| drop(call.call(()).unwrap()));
        assert_eq!(constants.load(Ordering::Relaxed) - before, 3);
        assert!(session.explain(constant).is_ok());
        assert_eq!(constants.load(Ordering::Relaxed) - before, 3, "explaining runs nothing");
    }
}

/// The function sees the elements in their order, also of a view, and the result does not change.
#[test]
fn a_look_shows_the_elements_as_they_are() {
    let g = Graph::new();
    let x = g.placeholder::<i32>("x", [None, None]);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let y = x.transpose().inspect(move |x| log.lock().unwrap().push(x.to_owned()));
    let truth = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&truth);
    let z = y.less(3).inspect(move |x| log.lock().unwrap().extend(x.iter().copied()));
    let session = Session::new(&g).unwrap();
    let fed = arr2(&[[1, 2], [3, 4]]);
    let (y, ()) = session.feed(x, &fed).run((y, z.op())).unwrap();
    assert_eq!(y, fed.t().into_dyn());
    assert_eq!(*seen.lock().unwrap(), [fed.t().to_owned().into_dyn()]);
    assert_eq!(*truth.lock().unwrap(), [true, false, true, false]);
}

/// Printing is looking: it changes nothing, and gradients pass.
#[test]
fn printing_passes_values_and_gradients() {
    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, 2.0]));
    let y = x.print("x").square().print(String::from("y")).inspect(|_| {});
    let [dx] = y.gradients([x]);
    let [y, dx] = Session::new(&g).unwrap().run([y, dx]).unwrap();
    assert_eq!((y, dx), (arr1(&[1.0, 4.0]).into_dyn(), arr1(&[2.0, 4.0]).into_dyn()));
}

/// A failing run looks at nothing twice: the search for a node does not show values again.
#[test]
fn the_search_for_a_node_takes_no_looks() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let (looked, count) = counted(x.sqrt());
    let y = (looked * 2.0).check_numerics();
    for session in sessions(&g) {
        let before = count.load(Ordering::Relaxed);
        assert_eq!(told(session.feed(x, &arr1(&[-1.0])).run(y).unwrap_err()).0, "sqrt");
        assert!(count.load(Ordering::Relaxed) - before <= 1);
    }
}
