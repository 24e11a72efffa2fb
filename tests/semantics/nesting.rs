//! Line 28, of user code inside of runs: kernels, functions that look at tensors, and ops may ask for whatever they
//! like; what could only wait for itself is an error that says what was asked for from where, and nothing waits for
//! ever.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Barrier, Condvar, Mutex, OnceLock};
use std::thread::{self, ThreadId};
use std::time::Duration;

use flowgrad::ndarray::{Array1, arr0};
use flowgrad::op::{AnyTensor, Attributes, Fault, Lowering, Op, Pullback, TensorType, Val};
use flowgrad::prelude::*;
use flowgrad::{Nesting, SessionBuilder};

/// Apart from the test's thread, so that what waits for ever fails the test instead of stopping it.
fn in_time(test: impl FnOnce() + Send + 'static) {
    let (done, finished) = channel();
    let running = thread::spawn(move || {
        test();
        done.send(()).unwrap();
    });
    let ended = finished.recv_timeout(Duration::from_secs(30));
    assert!(ended != Err(RecvTimeoutError::Timeout), "something waits for ever");
    running.join().unwrap();
}

/// A graph that closures can keep.
fn graph() -> &'static Graph {
    Box::leak(Box::new(Graph::new()))
}

/// Where a closure finds the session whose graph it is part of.
type Late = Arc<OnceLock<Session>>;

/// Sessions on one thread, on several, and on several that take their share of everything.
fn each_way(g: &Graph, test: impl Fn(Session)) {
    let on = |threads| Session::builder(g).threads(threads);
    let ways: [SessionBuilder<'_>; 3] = [on(1), on(2), on(3).always_share()];
    for way in ways {
        test(way.build().unwrap());
    }
}

fn is_nested(error: &Error, of: Nesting) -> bool {
    matches!(error, Error::Nested { reason, .. } if *reason == of)
}

/// Inside of a step that assigns, reading runs see the values from before, nodes are built and run;
/// what assigns is refused, with the node, and the step itself goes well.
#[test]
fn line_28_a_step_is_asked_for_things_from_inside() {
    in_time(|| {
        let g = graph();
        let v = g.variable("v", 1.0_f64);
        let add = v.assign_add(10.0);
        let late = Arc::new(Mutex::new(None::<Session>));
        let errors = Arc::new(Mutex::new(Vec::<Error>::new()));
        let (session_of, found) = (Arc::clone(&late), Arc::clone(&errors));
        let line = line!() + 1;
        let looked_at = g.constant(1.0).inspect(move |_| {
            let session = session_of.lock().unwrap().clone().unwrap();
            let before = session.run(v).unwrap().sum();
            assert_eq!(session.run(v * 2.0 + g.constant(before)).unwrap().sum(), before * 3.0);
            assert_eq!(session.variable_values().unwrap()["v"], arr0(before).into());
            assert!(session.explain(add).unwrap().contains("assign_add"));
            let (_, trace) = session.run_traced(v + 1.0).unwrap();
            assert!(!trace.steps().is_empty());
            let call = session.make_callable((), add).unwrap();
            found.lock().unwrap().extend([
                session.run(add).unwrap_err(),
                call.call(()).unwrap_err(),
                session.run(g.initializer()).unwrap_err(),
                session.load([("v".to_owned(), arr0(5.0).into())]).unwrap_err(),
            ]);
        });
        let step = v.assign_add(looked_at.named("looked_at"));
        each_way(g, |session| {
            *late.lock().unwrap() = Some(session.clone());
            assert_eq!(session.run(step).unwrap().sum(), 2.0);
            assert_eq!(session.run(step).unwrap().sum(), 3.0);
            assert_eq!(session.run(v).unwrap().sum(), 3.0);
            let errors = std::mem::take(&mut *errors.lock().unwrap());
            assert_eq!(errors.len(), 8);
            for error in &errors {
                assert!(is_nested(error, Nesting::Itself), "{error}");
                let place = format!("inside of `looked_at` (inspect) built at {}:{line}:", file!());
                assert!(error.to_string().contains(&place), "{error}");
            }
            assert!(errors[3].to_string().starts_with("loading variables inside of"), "{}", errors[3]);
        });
    });
}

/// Inside of a run that only reads, everything can be done, assignments of the same session too.
#[test]
fn line_28_a_reading_run_may_assign_from_inside() {
    in_time(|| {
        let g = graph();
        let v = g.variable("v", 1.0_f64);
        let add = v.assign_add(10.0);
        let late: Arc<Mutex<Option<Session>>> = Arc::default();
        let session_of = Arc::clone(&late);
        let looked_at = v.inspect(move |seen| {
            let session = session_of.lock().unwrap().clone().unwrap();
            let before = seen.sum();
            assert_eq!(session.run(add).unwrap().sum(), before + 10.0);
            session.load([("v".to_owned(), arr0(before + 1.0).into())]).unwrap();
            assert_eq!(seen.sum(), before, "what is under way is left alone");
        });
        each_way(g, |session| {
            *late.lock().unwrap() = Some(session.clone());
            assert_eq!(session.run(looked_at).unwrap().sum(), 1.0);
            assert_eq!(session.run(looked_at * 1.0).unwrap().sum(), 2.0);
            assert_eq!(session.run(v).unwrap().sum(), 3.0);
        });
    });
}

/// On whatever thread of the session a kernel is done, it is known whose it is.
#[test]
fn line_28_workers_know_whose_kernels_they_do() {
    const KERNELS: usize = 8;
    in_time(|| {
        let g = graph();
        let v = g.variable("v", 1.0_f64);
        let add = v.assign_add(10.0);
        let late = Late::default();
        let met: Arc<(Mutex<HashSet<ThreadId>>, Condvar)> = Arc::default();
        let calls: Arc<AtomicUsize> = Arc::default();
        let looks = (0..KERNELS).map(|index| {
            let (late, met, calls) = (Arc::clone(&late), Arc::clone(&met), Arc::clone(&calls));
            // Large enough that a worker is called.
            g.constant(Array1::from_elem(10_000, index as f64)).inspect(move |_| {
                let error = late.get().unwrap().run(add).unwrap_err();
                assert!(is_nested(&error, Nesting::Itself), "{error}");
                calls.fetch_add(1, Ordering::Relaxed);
                // The first waits until a second thread has come.
                let (threads, changed) = &*met;
                let mut threads = threads.lock().unwrap();
                if threads.insert(thread::current().id()) {
                    changed.notify_all();
                    let patience = Duration::from_secs(20);
                    drop(changed.wait_timeout_while(threads, patience, |threads| threads.len() < 2).unwrap());
                }
            })
        });
        let steps = g.group(looks.map(Tensor::op).collect::<Vec<_>>());
        let step = g.group([steps, v.assign_sub(1.0).op()]);
        let session = Session::builder(g).threads(3).always_share().build().unwrap();
        late.set(session.clone()).unwrap();
        session.run(step).unwrap();
        assert_eq!((calls.load(Ordering::Relaxed), session.run(v).unwrap().sum()), (KERNELS, 0.0));
        assert!(met.0.lock().unwrap().len() > 1, "no worker came");
    });
}

/// Two sessions, each of which runs the other from inside of a step: whichever wait would close the ring is refused.
#[test]
fn line_28_two_sessions_within_each_other() {
    in_time(|| {
        let graphs = [graph(), graph()];
        let late: [Late; 2] = Default::default();
        let together = Arc::new(Barrier::new(2));
        let outcomes: Arc<Mutex<Vec<Result<f64>>>> = Arc::default();
        let variables = graphs.map(|g| g.variable("v", 0.0_f64));
        let adds = variables.map(|v| v.assign_add(10.0));
        let steps = [0, 1].map(|own| {
            let other = 1 - own;
            let (late, together) = (Arc::clone(&late[other]), Arc::clone(&together));
            let outcomes = Arc::clone(&outcomes);
            let looked_at = graphs[own].constant(1.0).inspect(move |_| {
                together.wait();
                let outcome = late.get().unwrap().run(adds[other]);
                outcomes.lock().unwrap().push(outcome.map(|sum| sum.sum()));
            });
            variables[own].assign_add(looked_at)
        });
        for (late, g) in late.iter().zip(graphs) {
            late.set(Session::builder(g).threads(2).build().unwrap()).unwrap();
        }
        for round in 1..=3 {
            thread::scope(|scope| {
                for (late, step) in late.iter().zip(steps) {
                    scope.spawn(move || late.get().unwrap().run(step).unwrap());
                }
            });
            let outcomes = std::mem::take(&mut *outcomes.lock().unwrap());
            let refused: Vec<&Error> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
            assert_eq!((outcomes.len(), refused.len()), (2, 1), "{outcomes:?}");
            assert!(is_nested(refused[0], Nesting::EachOther), "{}", refused[0]);
            let sums = late.iter().zip(variables).map(|(late, v)| late.get().unwrap().run(v).unwrap().sum());
            let sums: f64 = sums.sum();
            assert_eq!(sums, f64::from(round) * 12.0, "two steps, and the one inside that was not refused");
        }
    });
}

/// A session inside of another inside of the first, and steps of a third session that only have to wait.
#[test]
fn line_28_sessions_inside_of_sessions() {
    in_time(|| {
        let [outer, inner] = [graph(), graph()];
        let late: [Late; 2] = Default::default();
        let [v, w] = [outer, inner].map(|g| g.variable("v", 0.0_f64));
        let add = v.assign_add(1.0);
        let of_outer = Arc::clone(&late[0]);
        let inside = w.assign_add(inner.constant(1.0).inspect(move |_| {
            let error = of_outer.get().unwrap().run(add).unwrap_err();
            assert!(is_nested(&error, Nesting::Itself), "{error}");
        }));
        let of_inner = Arc::clone(&late[1]);
        let step = v.assign_add(outer.constant(1.0).inspect(move |_| {
            of_inner.get().unwrap().run(inside).unwrap();
        }));
        for (late, g) in late.iter().zip([outer, inner]) {
            late.set(Session::builder(g).threads(2).build().unwrap()).unwrap();
        }
        let [session, session_inside] = late.each_ref().map(|late| late.get().unwrap());
        thread::scope(|scope| {
            scope.spawn(|| (0..200).for_each(|_| drop(session_inside.run(w.assign_add(1.0)).unwrap())));
            (0..50).for_each(|_| drop(session.run(step).unwrap()));
        });
        assert_eq!((session.run(v).unwrap().sum(), session_inside.run(w).unwrap().sum()), (50.0, 250.0));
    });
}

/// What runs itself ends in an error, not at the end of the stack.
#[test]
fn line_28_runs_without_end_are_refused() {
    in_time(|| {
        let g = graph();
        let late: Arc<Mutex<Option<Session>>> = Arc::default();
        let refused: Arc<Mutex<Vec<Error>>> = Arc::default();
        let (session_of, errors) = (Arc::clone(&late), Arc::clone(&refused));
        let itself: Arc<OnceLock<Tensor<'static, f64>>> = Arc::default();
        let again = Arc::clone(&itself);
        let looked_at = g.constant(1.0).inspect(move |_| {
            let session = session_of.lock().unwrap().clone().unwrap();
            if let Err(error) = session.run(*again.get().unwrap()) {
                errors.lock().unwrap().push(error);
            }
        });
        itself.set(looked_at.named("itself")).unwrap();
        each_way(g, |session| {
            *late.lock().unwrap() = Some(session.clone());
            assert_eq!(session.run(looked_at).unwrap().sum(), 1.0);
            let refused = std::mem::take(&mut *refused.lock().unwrap());
            assert_eq!(refused.len(), 1, "the innermost");
            assert!(matches!(refused[0], Error::Nested { reason: Nesting::TooDeep { .. }, .. }));
            assert!(refused[0].to_string().contains("`itself`"), "{}", refused[0]);
        });
    });
}

/// Asks its graph for all that there is, in each of its functions.
#[derive(Debug)]
struct Curious {
    graph: &'static Graph,
    session: Late,
}

impl Curious {
    fn ask(&self) {
        let g = self.graph;
        let built = g.name_scope("asked", || (g.constant(1.0) + 1.0).named("built"));
        assert!(!built.name().is_empty() && g.len() > 1 && !g.to_string().is_empty());
        assert!(!g.to_dot().is_empty() && !g.nodes().is_empty());
        assert_eq!(built.shape().rank(), 0);
        g.check().unwrap();
    }
}

impl Op for Curious {
    fn name(&self) -> &'static str {
        "curious"
    }

    fn infer(&self, inputs: &[&TensorType]) -> std::result::Result<TensorType, Fault> {
        self.ask_shallowly();
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], _: &mut Lowering<'_>) -> Val {
        self.ask();
        if let Some(session) = self.session.get() {
            let v = self.graph.find_variable::<f64>("v").unwrap();
            session.run(v.assign_add(1.0)).unwrap();
            session.variable_values().unwrap();
        }
        inputs[0]
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        self.ask();
        at.give(0, |dy| dy);
    }

    fn differentiable(&self, _: usize) -> bool {
        self.ask_shallowly();
        true
    }

    fn zero_where_untaken(&self, _: usize) -> bool {
        self.ask_shallowly();
        false
    }

    fn attributes(&self) -> Attributes {
        self.ask_shallowly();
        Attributes::new()
    }
}

impl Curious {
    /// Without what asks the op in its turn.
    fn ask_shallowly(&self) {
        let built = self.graph.constant(1.0).named("shallow");
        assert!(!built.name().is_empty());
    }
}

/// No op is asked anything under a lock that it could want.
#[test]
fn line_28_ops_may_ask_their_graph_and_sessions() {
    in_time(|| {
        let g = graph();
        let v = g.variable("v", 2.0_f64);
        let x = g.placeholder::<f64>("x", [None]);
        let late = Late::default();
        let inputs: [AnyTensor<'_>; 1] = [(x * v).any()];
        let y: Tensor<'_, f64> = g.custom(Curious { graph: g, session: Arc::clone(&late) }, &inputs);
        let [gradient] = y.gradients([x]);
        let session = Session::new(g).unwrap();
        late.set(session.clone()).unwrap();
        let fed = flowgrad::ndarray::arr1(&[1.0, 1.0]);
        let found = session.feed(x, &fed).run((y, gradient)).unwrap();
        assert_eq!((found.0.sum(), found.1.sum()), (6.0, 6.0), "the run begins when it is planned");
        assert_eq!(session.run(v).unwrap().sum(), 3.0);
        // An iterator of values that runs the session, and builds.
        let values = (0..1).map(|_| {
            let sum = session.run(v.assign_add(1.0) + g.constant(0.0)).unwrap().sum();
            ("v".to_owned(), arr0(sum * 10.0).into())
        });
        session.load(values).unwrap();
        assert_eq!(session.run(v).unwrap().sum(), 40.0);
    });
}
