//! Lines 8 to 15: what variables hold, which node sees which value, and what several runs do to them.

use std::sync::Barrier;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use flowgrad::ndarray::{Array1, Array2, arr0, arr1};
use flowgrad::prelude::*;

/// Line 8: variables belong to the session: two sessions of one graph are independent.
#[test]
fn line_08_two_sessions_are_independent() -> Result<()> {
    let g = Graph::new();
    let v = g.variable("v", zeros([2]));
    let step = v.assign_add(1.0_f32);
    let [a, b] = [Session::new(&g)?, Session::new(&g)?];
    let step_b = b.make_callable((), step)?;
    a.run(step)?;
    a.run(step)?;
    step_b.call(())?;
    assert_eq!([a.run(v)?, b.run(v)?].map(|v| v.sum()), [4.0, 2.0]);
    a.run(g.initializer())?;
    assert_eq!([a.run(v)?, b.run(v)?].map(|v| v.sum()), [0.0, 2.0]);
    Ok(())
}

/// Line 9: a variable is initialized when first needed, whatever needs it.
#[test]
fn line_09_variables_start_when_first_needed() -> Result<()> {
    let g = Graph::with_seed(3);
    let v = g.variable("v", arr1(&[1.0_f32, 2.0]));
    let drawn = g.variable("drawn", random_normal([100], 0.0, 1.0));
    let [x, y, z] = [0, 1, 2].map(|_| Session::new(&g).unwrap());
    assert_eq!(x.run(v.assign_add(1.0))?.sum(), 5.0, "first needed by an assignment");
    assert_eq!(y.run(v * 2.0)?.sum(), 6.0, "first needed by a reader");
    assert_eq!(z.run(v)?.sum(), 3.0, "first needed by a fetch");
    assert_eq!(x.run(drawn)?, y.run(drawn * 1.0_f32)?, "drawn alike by all sessions");
    assert_eq!(z.run(drawn.assign_sub(drawn))?.sum(), 0.0);
    z.run(g.initializer())?;
    assert_eq!(z.run(drawn)?, x.run(drawn)?);
    let spread = x.run(drawn)?;
    assert!(spread.iter().any(|x| *x < -0.5) && spread.iter().any(|x| *x > 0.5));
    Ok(())
}

/// Line 9: `initializer()` starts all variables anew, at once; a read in the same run sees the value
/// from before, one that is ordered after it the start.
#[test]
fn line_09_the_initializer_starts_all_anew() -> Result<()> {
    let g = Graph::new();
    let v = g.variable("v", 1.0_f64);
    let w = g.variable("w", arr1(&[1.0_f64, 2.0]));
    let initializer = g.initializer();
    let [v_after, sum_after] =
        g.control_dependencies(&[initializer], || [v.identity(), (w * 1.0).reduce_sum(..)]);
    let step = g.control_dependencies(&[initializer], || v.assign_add(0.5));
    let session = Session::new(&g)?;
    session.run((v.assign(7.0), w.assign_add(10.0)))?;

    let (old, (), after, sum_after) = session.run((v, initializer, v_after, sum_after))?;
    assert_eq!((old.sum(), after.sum(), sum_after.sum()), (7.0, 1.0, 3.0));
    assert_eq!((session.run(v)?.sum(), session.run(w)?.sum()), (1.0, 3.0));
    session.run(v.assign(7.0))?;
    assert_eq!(session.run(step)?.sum(), 1.5);
    assert_eq!(session.run(v)?.sum(), 1.5);
    Ok(())
}

/// Line 10: every read sees the value from before the run, unless the reader uses an assignment's
/// result or was built under control dependencies on it.
#[test]
fn line_10_reads_see_the_value_from_before_the_run() -> Result<()> {
    let g = Graph::new();
    let v = g.variable("v", 1.0_f64);
    let before_it_was_built = v * 2.0;
    let copied_before = v.identity();
    let step = v.assign_add(1.0);
    let built_later = v * 2.0;
    let uses_the_result = step + v;
    let (ordered, through_copy, copied_after) =
        g.control_dependencies(&[step.op()], || (v * 2.0, copied_before * 2.0, v.identity()));
    let behind_ordered = ordered * 0.0 + v;
    let session = Session::new(&g)?;
    // TensorFlow gives any of several answers here; the order of fetching means nothing either.
    for run in 0..50 {
        let old = 1.0 + f64::from(run);
        let new = old + 1.0;
        let (a, b, c, d, e, f) = session.run((
            built_later,
            step,
            before_it_was_built,
            (copied_before, v),
            (uses_the_result, ordered, through_copy),
            (copied_after, behind_ordered),
        ))?;
        assert_eq!((a.sum(), b.sum(), c.sum()), (2.0 * old, new, 2.0 * old));
        assert_eq!((d.0.sum(), d.1.sum()), (old, old));
        let (uses_the_result, ordered, through_copy) = e;
        assert_eq!(uses_the_result.sum(), 2.0 * new, "reads v after the assignment it uses");
        assert_eq!((ordered.sum(), through_copy.sum()), (2.0 * new, 2.0 * old));
        assert_eq!((f.0.sum(), f.1.sum()), (new, new));
    }
    Ok(())
}

/// Line 10: two assignments in order are a chain: what is ordered after the first sees its result,
/// what is ordered after the second the second's, and the variable keeps the last.
#[test]
fn line_10_ordered_assignments_are_a_chain() -> Result<()> {
    let g = Graph::new();
    let v = g.variable("v", 1.0_f64);
    let first = v.assign_add(1.0);
    let between = g.control_dependencies(&[first.op()], || v * 100.0);
    let second = g.control_dependencies(&[first.op()], || v.assign(v * 10.0));
    let third = v.assign_add(second);
    let group = g.group([third.op()]);
    let last = g.control_dependencies(&[group], || v + 0.5);
    let session = Session::new(&g)?;
    let (v_before, between, chain, last) = session.run((v, between, [first, second, third], last))?;
    assert_eq!((v_before.sum(), between.sum(), last.sum()), (1.0, 200.0, 40.5));
    assert_eq!(chain.map(|a| a.sum()), [2.0, 20.0, 40.0]);
    assert_eq!(session.run(v)?.sum(), 40.0);
    // Only as much of the chain happens as is fetched.
    assert_eq!(session.run(second)?.sum(), 410.0);
    assert_eq!(session.run(v)?.sum(), 410.0);
    Ok(())
}

/// Line 10: two variables can be swapped in one run, for both are read before either is written.
#[test]
fn line_10_variables_can_be_swapped() -> Result<()> {
    let g = Graph::new();
    let a = g.variable("a", arr1(&[1.0_f64, 2.0]));
    let b = g.variable("b", arr1(&[3.0_f64, 4.0]));
    let swap = g.group([a.assign(b).op(), b.assign(a).op()]);
    let session = Session::new(&g)?;
    for (expected_a, expected_b) in [(7.0, 3.0), (3.0, 7.0), (7.0, 3.0)] {
        session.run(swap)?;
        let [a, b] = session.run([a, b])?;
        assert_eq!((a.sum(), b.sum()), (expected_a, expected_b));
    }
    Ok(())
}

/// Line 10, with 16: the gradient of what was computed from a variable's value is taken at that
/// value, although the nodes of the gradient are ordered after an assignment.
#[test]
fn line_10_gradients_see_the_value_that_was_differentiated() -> Result<()> {
    let g = Graph::new();
    let v = g.variable("v", 3.0_f64);
    let y = v * v;
    let step = v.assign_add(1.0);
    let [through_step] = (y + step).gradients([v]);
    let assign = v.assign(7.0);
    let ordered = g.control_dependencies(&[assign.op()], || y.gradients([v]))[0];
    let after = g.control_dependencies(&[assign.op()], || v * v);
    let [of_after] = after.gradients([v]);
    let one = g.constant(1.0);
    let seeded = Gradients::of([after]).grad_ys([one]).wrt(&[v])[0].unwrap();
    for (name, gradient, expected) in [
        ("v·v + (v + 1), read before the assignment", through_step, 7.0),
        ("v·v, read before, differentiated after", ordered, 6.0),
        ("v·v, read and differentiated after", of_after, 14.0),
        ("v·v, read after, from a seed that is not", seeded, 14.0),
    ] {
        assert_eq!(Session::new(&g)?.run(gradient)?.sum(), expected, "{name}");
    }
    Ok(())
}

/// Line 11: two assignments to one variable without an order between them are an error that names
/// both, and neither happens.
#[test]
fn line_11_unordered_assignments_are_an_error() -> Result<()> {
    let g = Graph::new();
    let v = g.variable("v", 1.0_f64);
    let first = v.assign_add(1.0).named("first");
    let second = v.assign(5.0).named("second");
    let after_first = g.control_dependencies(&[first.op()], || v.assign_add(1.0).named("after_first"));
    let initializer = g.initializer().named("anew");
    let group = g.group([first.op(), second.op()]);
    let session = Session::new(&g)?;
    let cases: [(Vec<Operation>, [&str; 2]); 5] = [
        (vec![first.op(), second.op()], ["first", "second"]),
        (vec![second.op(), first.op()], ["first", "second"]),
        (vec![group], ["first", "second"]),
        (vec![second.op(), after_first.op()], ["first", "second"]),
        (vec![first.op(), initializer], ["first", "anew"]),
    ];
    for (fetches, named) in cases {
        let error = session.run(fetches.clone()).unwrap_err();
        assert!(matches!(error, Error::UnorderedAssigns { .. }), "{error}");
        for name in ["v", named[0], named[1]] {
            assert!(error.to_string().contains(&format!("`{name}`")), "{error} without {name}");
        }
        assert!(session.make_callable((), fetches).is_err(), "found when planned");
    }
    assert_eq!(session.run(v)?.sum(), 1.0);
    session.run((first, after_first))?;
    assert_eq!(session.run(v)?.sum(), 3.0);
    Ok(())
}

/// Line 12: the three assignments give the new value.
#[test]
fn line_12_assignments_give_the_new_value() -> Result<()> {
    let g = Graph::new();
    let v = g.variable("v", arr1(&[1.0_f32, 2.0]));
    let n = g.variable("n", 1_i64);
    let flag = g.variable("flag", false);
    let x = g.placeholder::<f32>("x", [None]);
    let session = Session::new(&g)?;
    let set = arr1(&[5.0_f32, 7.0]);
    assert_eq!(session.feed(x, &set).run(v.assign(x))?, set.clone().into_dyn());
    assert_eq!(session.run(v.assign_add(1.0))?, (&set + 1.0).into_dyn());
    assert_eq!(session.run(v.assign_sub(v))?, (&set * 0.0).into_dyn());
    let both = (arr0(-2_i64).into_dyn(), arr0(true).into_dyn());
    assert_eq!(session.run((n.assign_sub(3), flag.assign(true)))?, both);
    assert_eq!(session.run((n, flag))?, both);
    Ok(())
}

/// Line 12: a static shape that cannot fit is found when the assignment is built; one that may fit,
/// when it is known.
#[test]
fn line_12_assigned_shapes_must_fit() -> Result<()> {
    type Assign = for<'g> fn(Variable<'g, f64>, Tensor<'g, f64>) -> Tensor<'g, f64>;
    let shapes: [(&str, Assign, &[Option<usize>], bool); 9] = [
        ("assign its shape", |v, x| v.assign(x), &[Some(3), Some(2)], true),
        ("assign unknown lengths", |v, x| v.assign(x), &[None, None], true),
        ("assign a row", |v, x| v.assign(x), &[Some(2)], false),
        ("assign a number", |v, x| v.assign(x), &[], false),
        ("assign the transpose", |v, x| v.assign(x), &[Some(2), Some(3)], false),
        ("add a row", |v, x| v.assign_add(x), &[Some(2)], true),
        ("subtract a number", |v, x| v.assign_sub(x), &[], true),
        ("add a longer row", |v, x| v.assign_add(x), &[Some(3)], false),
        ("subtract more axes", |v, x| v.assign_sub(x), &[Some(1), Some(3), Some(2)], false),
    ];
    for (name, assign, shape, fits) in shapes {
        let g = Graph::new();
        let v = g.variable("v", Array2::<f64>::zeros((3, 2)));
        let assigned = assign(v, g.placeholder("x", shape));
        assert_eq!(g.check().is_ok(), fits, "{name}");
        if fits {
            assert_eq!(assigned.shape().to_string(), "[3, 2]", "{name}");
        }
    }

    let g = Graph::new();
    let v = g.variable("v", Array1::<f64>::zeros(3));
    let x = g.placeholder::<f64>("x", [None]);
    let (set, add) = (v.assign(x), v.assign_add(x));
    let session = Session::new(&g)?;
    let one = arr1(&[1.0]);
    assert!(
        matches!(session.feed(x, &one).run(set), Err(Error::Build(_))),
        "a row of one is no row of three"
    );
    assert_eq!(session.feed(x, &one).run(add)?.sum(), 3.0, "but it can be added to each");
    assert!(session.feed(x, &Array1::zeros(4)).run(add).is_err());
    Ok(())
}

/// Line 13: a variable is no computation, so it is not ordered where it is built; what reads it there is.
#[test]
fn line_13_variables_are_not_ordered_themselves() -> Result<()> {
    let g = Graph::new();
    let a = g.variable("a", 0.0_f64);
    let step = a.assign_add(1.0);
    let (b, read) = g.control_dependencies(&[step.op()], || {
        let b = g.variable("b", 5.0_f64);
        (b, b + a)
    });
    let session = Session::new(&g)?;
    assert_eq!(session.run(b * 2.0)?.sum(), 10.0);
    assert_eq!(session.run(a)?.sum(), 0.0);
    assert_eq!(session.run(read)?.sum(), 6.0);
    assert_eq!(session.run(a)?.sum(), 1.0);
    Ok(())
}

/// Line 13: `control_dependencies` orders what is built inside it, also through nested blocks and
/// groups, and does not move nodes that were built before.
#[test]
fn line_13_control_dependencies_order_what_is_built_inside() -> Result<()> {
    let g = Graph::new();
    let [a, b] = ["a", "b"].map(|name| g.variable(name, 0.0_f64));
    let sum_before = a + b;
    let (set_a, set_b) = (a.assign(1.0), b.assign(10.0));
    let (inner, outer, moved) = g.control_dependencies(&[set_a.op()], || {
        let inner = g.control_dependencies(&[set_b.op()], || a + b);
        // `sum_before` is used here but was built outside.
        (inner, a + b, sum_before * 1.0)
    });
    let grouped = g.group([set_a.op(), set_b.op()]);
    let both = g.control_dependencies(&[grouped, grouped], || a + b);
    for (name, fetch, expected, stored) in [
        ("nested", inner, 11.0, [1.0, 10.0]),
        ("outer only", outer, 1.0, [1.0, 0.0]),
        ("built before", moved, 0.0, [1.0, 0.0]),
        ("grouped", both, 11.0, [1.0, 10.0]),
        ("none", sum_before, 0.0, [0.0, 0.0]),
    ] {
        let session = Session::new(&g)?;
        assert_eq!(session.run(fetch)?.sum(), expected, "{name}");
        assert_eq!(session.run([a, b])?.map(|v| v.sum()), stored, "{name}");
    }
    Ok(())
}

/// Line 13: each assignment of a long chain sees those before it, whether it is to a variable of its
/// own or to one shared; what a node is ordered after is not copied for each node.
#[test]
fn line_13_thousands_of_assignments_in_order() -> Result<()> {
    const COUNT: usize = 5_000;
    let g = Graph::new();
    let total = g.variable("total", 0.0_f64);
    let mut last = g.group([]);
    for index in 0..COUNT {
        let own = g.variable(&format!("v{index}"), 0.0_f64);
        last = g.control_dependencies(&[last], || {
            let counted = total.assign_add(1.0);
            own.assign_add(counted).op()
        });
    }
    let session = Session::new(&g)?;
    session.run(last)?;
    assert_eq!(session.run(total)?.sum(), COUNT as f64);
    let mut values = session.variable_values()?;
    for index in 0..COUNT {
        let own = values.remove(&format!("v{index}")).and_then(Value::into_array::<f64>);
        assert_eq!(own.map(|own| own.sum()), Some(index as f64 + 1.0));
    }
    Ok(())
}

/// Line 14: an integer division by zero fails the run, and every variable that it assigns stays as it
/// was, however many steps had been done.
#[test]
fn line_14_a_failed_run_changes_nothing() -> Result<()> {
    const LENGTH: usize = 300_000;
    let g = Graph::new();
    let divisors = g.placeholder::<i64>("divisors", [None]);
    let small = g.variable("small", 1.0_f64);
    let large = g.variable("large", ones([LENGTH]));
    let quotients = g.variable("quotients", Array1::<i64>::ones(LENGTH));
    let step = g.group([
        small.assign_add(1.0).op(),
        large.assign(large * 2.0_f32).op(),
        quotients.assign((quotients * 100) / divisors).op(),
    ]);
    let good = Array1::from_elem(LENGTH, 10_i64);
    let mut bad = good.clone();
    bad[LENGTH - 7] = 0;
    for threads in [1, 2, 8] {
        for optimize in [true, false] {
            let session = Session::builder(&g).threads(threads).optimize(optimize).build()?;
            let callable = session.make_callable(divisors, (step, small, large))?;
            let state = || session.run((small, large.reduce_sum(..), quotients.reduce_sum(..)));
            for round in 0..3 {
                let before = state()?;
                for _ in 0..2 {
                    let error = callable.call(bad.view().into_dyn()).unwrap_err();
                    assert!(matches!(error, Error::DivisionByZero { .. }), "{error}");
                    assert_eq!(state()?, before, "round {round}");
                }
                callable.call(good.view().into_dyn())?;
                assert_ne!(state()?, before);
            }
            assert_eq!(session.run(small)?.sum(), 4.0);
        }
    }
    Ok(())
}

/// Line 14: so does a run whose shapes turn out not to fit.
#[test]
fn line_14_wrong_shapes_change_nothing() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let v = g.variable("v", 1.0_f64);
    let step = v.assign_add(1.0);
    let y = g.control_dependencies(&[step.op()], || x + g.constant(arr1(&[1.0, 2.0, 3.0])));
    let session = Session::new(&g)?;
    let wrong = arr1(&[1.0, 2.0]);
    for _ in 0..2 {
        assert!(matches!(session.feed(x, &wrong).run((y, v)), Err(Error::Build(_))));
        assert_eq!(session.run(v)?.sum(), 1.0);
    }
    session.feed(x, 0.5).run(v.assign_add(1.0)).unwrap_err();
    assert_eq!(session.run(v)?.sum(), 1.0);
    Ok(())
}

/// Line 15: runs from several threads are as if one after the other: 2 × 200 concurrent additions
/// give 400, whether the threads share a session or a callable.
#[test]
fn line_15_concurrent_runs_add_up() -> Result<()> {
    let g = Graph::new();
    let v = g.variable("v", 0.0_f64);
    let step = v.assign_add(1.0);
    for threads in [1, 2, 0] {
        let session = Session::builder(&g).threads(threads).build()?;
        let callable = session.make_callable((), step.op())?;
        let together = Barrier::new(2);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    together.wait();
                    for _ in 0..200 {
                        session.run(step).unwrap();
                    }
                    together.wait();
                    for _ in 0..200 {
                        callable.call(()).unwrap();
                    }
                });
            }
        });
        assert_eq!(session.run(v)?.sum(), 800.0);
    }
    Ok(())
}

/// Line 15: no run sees half of another: two variables that are always assigned together are always
/// read equal, and large values are never torn.
#[test]
fn line_15_no_run_sees_half_of_another() -> Result<()> {
    let g = Graph::new();
    let [a, b] = ["a", "b"].map(|name| g.variable::<f64>(name, zeros([100_000])));
    let step = g.group([a.assign_add(1.0).op(), b.assign_add(1.0).op()]);
    let session = Session::builder(&g).threads(2).build()?;
    let read = session.make_callable((), (a, b))?;
    thread::scope(|scope| {
        let writer = scope.spawn(|| (0..100).for_each(|_| session.run(step).unwrap()));
        while !writer.is_finished() {
            let (a, b) = read.call(()).unwrap();
            assert_eq!(a, b);
            assert!(a.iter().all(|x| *x == a[0]), "torn");
        }
    });
    assert_eq!(session.run(b)?[0], 100.0);
    Ok(())
}

/// Line 15: also when the threads are those of a rayon pool of the user's: a worker that waits for
/// its run must not take up another run of the same session, which would wait for the first.
#[test]
fn line_15_runs_may_come_from_a_users_rayon_pool() {
    use rayon::prelude::*;
    let (done, finished) = channel();
    // Apart from the test's thread, so that a deadlock fails the test instead of stopping it.
    thread::spawn(move || {
        let g = Graph::new();
        let v = g.variable::<f32>("v", zeros([1_000_000]));
        let session = Session::builder(&g).threads(2).build().unwrap();
        let step = session.make_callable((), v.assign_add(1.0).op()).unwrap();
        let users = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        users.install(|| (0..32).into_par_iter().for_each(|_| step.call(()).unwrap()));
        done.send(session.run(v).unwrap()[0]).unwrap();
    });
    assert_eq!(finished.recv_timeout(Duration::from_secs(10)), Ok(32.0));
}
