//! Lines 37 to 39: conditionals and loops.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use flowgrad::ndarray::{ArrayD, ArrayViewD, arr1, arr2};
use flowgrad::op::iterations;
use flowgrad::prelude::*;

/// A session for each way in which the same is run.
fn every_way(g: &Graph) -> Vec<Session> {
    let ways = [(1, true, true), (3, true, true), (1, false, true), (1, true, false), (2, false, false)];
    let session = |(threads, code, optimize)| {
        Session::builder(g).threads(threads).machine_code(code).optimize(optimize).build().unwrap()
    };
    ways.into_iter().map(session).collect()
}

fn close(a: &ArrayD<f64>, b: &ArrayD<f64>) {
    assert!(a.shape() == b.shape() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12), "{a} is not {b}");
}

/// Line 37: only the taken branch runs; what it looks at, prints or counts, the other does not.
#[test]
fn line_37_only_the_taken_branch_runs() -> Result<()> {
    let g = Graph::new();
    let index = g.placeholder::<i64>("index", []);
    let x = g.placeholder::<f64>("x", []);
    let runs: [Arc<AtomicUsize>; 3] = Default::default();
    let counting = |branch: usize| {
        let runs = Arc::clone(&runs[branch]);
        move |_: &ArrayViewD<'_, f64>| {
            runs.fetch_add(1, Ordering::Relaxed);
        }
    };
    let [first, second, third] = [0, 1, 2].map(counting);
    let branches = (|| (x + 1.0).inspect(first), || (x * x).inspect(second), || (-x).inspect(third));
    let y = g.switch_case(index, branches);
    let [slope] = y.gradients([x]);
    for session in every_way(&g) {
        for (branch, value, derivative) in [(0_i64, 4.0, 1.0), (1, 9.0, 6.0), (2, -3.0, -1.0)] {
            for runs in &runs {
                runs.store(0, Ordering::Relaxed);
            }
            let [y, slope] = session.feed(index, branch).feed(x, 3.0).run([y, slope])?;
            assert_eq!((y.item()?, slope.item()?), (value, derivative));
            let counts = runs.each_ref().map(|runs| runs.load(Ordering::Relaxed) > 0);
            assert_eq!(counts, [0, 1, 2].map(|other| other == branch), "branch {branch}");
        }
    }
    Ok(())
}

/// Line 37: the assignments of the taken branch count, in their order, and those of the other do not; who reads after the
/// conditional sees them, who reads before does not.
#[test]
fn line_37_assignments_in_branches_and_their_order() -> Result<()> {
    let g = Graph::new();
    let v = g.variable("v", 2.0_f64);
    let which = g.placeholder::<bool>("which", []);
    let before = v * 1.0;
    let twice = g.cond(
        which,
        || {
            let doubled = v.assign(v * 2.0);
            g.control_dependencies(&[doubled.op()], || v.assign_add(1.0))
        },
        || v * 1.0,
    );
    let after = g.control_dependencies(&[twice.op()], || v * 1.0);
    for session in every_way(&g) {
        let run = |taken: bool| session.feed(which, taken).run([before, twice, after]);
        assert_eq!(run(false)?.map(|x| x.sum()), [2.0, 2.0, 2.0]);
        assert_eq!(run(true)?.map(|x| x.sum()), [2.0, 5.0, 5.0]);
        assert_eq!(run(true)?.map(|x| x.sum()), [5.0, 11.0, 11.0]);
        assert_eq!(run(false)?.map(|x| x.sum()), [11.0, 11.0, 11.0]);
    }
    Ok(())
}

/// Line 37: each iteration sees what the one before left, the first the start, and all of them what does not change.
#[test]
fn line_37_each_iteration_sees_what_the_one_before_left() -> Result<()> {
    let g = Graph::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (end, by) = (g.placeholder::<f64>("end", []), g.placeholder::<f64>("by", []));
    let log = Arc::clone(&seen);
    let last = g.while_loop(
        |x: Tensor<'_, f64>| x.less(end),
        |x| x.inspect(move |x| log.lock().unwrap().push((iterations(), x.sum()))) * by + 1.0,
        g.constant(1.0),
    );
    for session in every_way(&g) {
        seen.lock().unwrap().clear();
        assert_eq!(session.feed(end, 20.0).feed(by, 2.0).run(last)?.item()?, 31.0);
        let expected = [(vec![0], 1.0), (vec![1], 3.0), (vec![2], 7.0), (vec![3], 15.0)];
        assert_eq!(*seen.lock().unwrap(), expected);
    }
    Ok(())
}

/// Line 37: an iteration that fails is named, and every variable is as it was, also those that other parts of the run
/// assign.
#[test]
fn line_37_a_failing_iteration_leaves_every_variable_as_it_was() -> Result<()> {
    let g = Graph::new();
    let (v, w) = (g.variable("v", 1.0_f64), g.variable("w", 10.0_f64));
    let from = g.placeholder::<i64>("from", []);
    let (_, sum) = g.fori(
        5,
        |i, (down, sum): (Tensor<'_, i64>, Tensor<'_, i64>)| (down - 1, sum + (i + 100) / down),
        (from, g.constant(0_i64)),
    );
    let step = g.group([v.assign_add(1.0).op(), w.assign(w + sum.cast::<f64>()).op()]);
    for session in every_way(&g) {
        session.feed(from, 9_i64).run(step)?;
        let held = session.run((v, w))?;
        let error = session.feed(from, 3_i64).run(step).unwrap_err();
        assert!(matches!(error, Error::Iteration { iteration: 3, .. }), "{error}");
        assert_eq!(session.run((v, w))?, held);
        assert_eq!(held.0.sum(), 2.0);
    }
    Ok(())
}

/// Line 37: what is the same in each iteration may be computed once, which changes nothing.
#[test]
fn line_37_hoisting_changes_nothing() -> Result<()> {
    let g = Graph::new();
    let w = g.variable("w", arr2(&[[0.3, -0.2], [0.1, 0.4]]));
    let n = g.placeholder::<i64>("n", []);
    let x = g.placeholder::<f64>("x", [1, 2]);
    let (_, y) = g.while_loop(
        |(i, _): (Tensor<'_, i64>, Tensor<'_, f64>)| i.less(n),
        |(i, y)| (i + 1, (y.matmul(w.matmul(w.tensor()).exp() * 0.25)).tanh() + w.reduce_sum(0)),
        (g.constant(0_i64), x),
    );
    let [by_w, by_x] = y.square().reduce_sum(..).gradients([w.tensor(), x]);
    for trips in [0_i64, 1, 7] {
        let runs = every_way(&g)
            .into_iter()
            .map(|session| session.feed(n, trips).feed(x, &arr2(&[[0.5, -1.5]])).run(vec![y, by_w, by_x]));
        let runs: Vec<Vec<ArrayD<f64>>> = runs.collect::<Result<_>>()?;
        // On any threads, compiled or not, the bits are the same.
        assert!(runs[0] == runs[1] && runs[0] == runs[2], "{trips} times");
        for other in &runs[3..] {
            runs[0].iter().zip(other).for_each(|(a, b)| close(a, b));
        }
    }
    Ok(())
}

/// A value with its first and some of its second derivatives.
fn derivatives<'g>(y: Tensor<'g, f64>, by: [Tensor<'g, f64>; 2]) -> Vec<Tensor<'g, f64>> {
    let first = Gradients::of([y.square().reduce_sum(..)]).wrt_or_zeros(&by);
    let second = Gradients::of([first[1].reduce_sum(..)]).wrt_or_zeros(&by);
    [vec![y], first, second].concat()
}

/// Line 38: the gradient of a loop is that of the iterations that ran, whether their number was known when the graph was
/// built, is known when a run is planned, or is found while it runs.
#[test]
fn line_38_the_gradient_is_that_of_the_iterations_that_ran() -> Result<()> {
    let g = Graph::new();
    let w = g.variable("w", arr1(&[0.9, 1.1, -0.7])).tensor();
    let x = g.placeholder::<f64>("x", [3]);
    let n = g.placeholder::<i64>("n", []);
    let rows = g.placeholder::<f64>("rows", [None]);
    for trips in [0_usize, 1, 2, 9] {
        let unrolled = (0..trips).fold(x, |x, _| (x * w).sin() + x);
        let known = g.fori(trips, |_, x: Tensor<'_, f64>| (x * w).sin() + x, x);
        let fed = g.fori(n, |_, x: Tensor<'_, f64>| (x * w).sin() + x, x);
        let by_rows = g.fold(x, rows, |x: Tensor<'_, f64>, _: Tensor<'_, f64>| (x * w).sin() + x);
        let (_, found) = g.while_loop(
            |(i, _): (Tensor<'_, i64>, Tensor<'_, f64>)| i.less(n),
            |(i, x)| (i + 1, (x * w).sin() + x),
            (g.constant(0_i64), x),
        );
        for session in every_way(&g) {
            let run = |y| {
                session
                    .feed(x, &arr1(&[0.5, 1.0, -2.0]))
                    .feed(n, trips as i64)
                    .feed(rows, &ArrayD::zeros(vec![trips]))
                    .run(derivatives(y, [w, x]))
            };
            let expected = run(unrolled)?;
            for y in [known, fed, by_rows, found] {
                run(y)?.iter().zip(&expected).for_each(|(a, b)| close(a, b));
            }
        }
    }
    Ok(())
}

/// Line 39: draws inside of loops differ by iteration, and are functions of the seed, the count of runs and the iteration.
#[test]
fn line_39_draws_are_functions_of_seed_run_and_iteration() -> Result<()> {
    let draws = |seed: u64, trips: usize, runs: usize| -> Result<Vec<ArrayD<f64>>> {
        let g = Graph::with_seed(seed);
        let xs = g.zeros::<f64>([trips]);
        let noise = g.map_fn(xs, |x: Tensor<'_, f64>| x + g.random_normal([4], 0.0, 1.0));
        let mut all = Vec::new();
        for session in every_way(&g) {
            let found: Vec<ArrayD<f64>> = (0..runs).map(|_| session.run(noise)).collect::<Result<_>>()?;
            assert!(all.is_empty() || all == found);
            all = found;
        }
        Ok(all)
    };
    let found = draws(1, 6, 2)?;
    assert_eq!(found, draws(1, 6, 2)?);
    assert_ne!(found, draws(2, 6, 2)?);
    let mut rows: Vec<Vec<u64>> = Vec::new();
    for draw in &found {
        rows.extend(draw.rows().into_iter().map(|row| row.iter().map(|x| x.to_bits()).collect()));
    }
    rows.sort();
    rows.dedup();
    assert_eq!(rows.len(), 12, "six iterations of two runs");
    // The same iteration of a longer loop draws the same.
    let longer = draws(1, 9, 1)?;
    let first = found[0].view().into_dimensionality::<flowgrad::ndarray::Ix2>().unwrap();
    let of_longer = longer[0].view().into_dimensionality::<flowgrad::ndarray::Ix2>().unwrap();
    assert_eq!(first, of_longer.slice(flowgrad::ndarray::s![..6, ..]));
    Ok(())
}
