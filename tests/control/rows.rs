//! Iterations of which none depends on another: they run at the same time, and give what they give in order.

use std::sync::{Arc, Mutex};

use flowgrad::ndarray::{Array, Array3, ArrayD, Axis, arr1};
use flowgrad::op::{ArrayMut, ArrayRef, KernelError, iterations};
use flowgrad::prelude::*;

fn rows(count: usize, length: usize) -> Array3<f64> {
    Array::from_shape_fn((count, length, length), |(row, i, j)| {
        ((row * 31 + i * 7 + j * 3) % 17) as f64 / 17.0 - 0.4
    })
}

#[test]
fn rows_are_the_same_bits_on_any_number_of_threads() {
    let xs_are = rows(37, 24);
    let run = |threads: usize, reverse: bool| -> Vec<ArrayD<f64>> {
        let g = Graph::new();
        let xs = g.placeholder::<f64>("xs", [None, Some(24), Some(24)]);
        let options = if reverse { Scan::new().reverse() } else { Scan::new() };
        let none: [Tensor<'_, f64>; 0] = [];
        let (_, (ys, zs)) = g.scan_with(options, none, xs, |none, x| {
            (none, (x.matmul(x).tanh().matmul(x), x.reduce_sum(0).exp()))
        });
        let [dxs] = (ys.square().reduce_sum(..) + zs.reduce_sum(..)).gradients([xs]);
        let session = Session::builder(&g).threads(threads).build().unwrap();
        session.feed(xs, &xs_are).run(vec![ys, zs, dxs]).unwrap()
    };
    let one = run(1, false);
    for (row, (y, x)) in one[0].axis_iter(Axis(0)).zip(xs_are.axis_iter(Axis(0))).enumerate() {
        let expected = x.dot(&x).mapv(f64::tanh).dot(&x);
        assert!(y.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12), "row {row}");
    }
    for threads in [2, 3] {
        assert_eq!(one, run(threads, false));
        assert_eq!(one, run(threads, true));
    }
}

#[test]
fn rows_are_split_among_threads() {
    let g = Graph::new();
    let xs = g.constant(rows(64, 48));
    let ys = g.map_fn(xs, |x: Tensor<f64>| x.matmul(x).matmul(x));
    let tasks = |threads| {
        let text =
            Session::builder(&g).threads(threads).optimize(false).build().unwrap().explain(ys).unwrap();
        text.contains(" tasks of ")
    };
    assert!(tasks(2));
    assert!(!tasks(1));
}

/// The gradient by what all rows use is added up behind the loop, in one order, so its rows are split as well.
#[test]
fn gradients_by_what_rows_capture_are_split_among_threads() {
    let run = |threads: usize, optimize: bool| {
        let g = Graph::new();
        let xs = g.constant(rows(64, 32));
        let [w, b] = [("w", 5), ("b", 7)].map(|(name, seed)| {
            let start = Array::from_shape_fn((32, 32), |(i, j)| ((i * seed + j) % 9) as f64 / 9.0 - 0.4);
            g.variable(name, start).tensor()
        });
        let ys = g.map_fn(xs, |x: Tensor<f64>| (x.matmul(w).tanh() + b).matmul(x).sin().matmul(w));
        let by = ys.square().reduce_mean(..).gradients([w, b]);
        let session = Session::builder(&g).threads(threads).optimize(optimize).build().unwrap();
        let text = session.explain(by.to_vec()).unwrap();
        (session.run(by.to_vec()).unwrap(), text.matches(" tasks of ").count())
    };
    let (one, _) = run(1, true);
    for threads in [2, 3] {
        let (found, split) = run(threads, true);
        assert_eq!(one, found);
        assert!(split >= 2, "{split} loops are split");
    }
    let (plain, _) = run(2, false);
    for (a, b) in one.iter().zip(&plain) {
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12), "{a} is not {b}");
    }
}

#[test]
fn the_first_row_that_fails_is_named_whatever_finished_first() {
    let g = Graph::new();
    let xs = g.placeholder::<f64>("xs", [None, Some(16), Some(16)]);
    let ys = g.map_fn(xs, |x: Tensor<f64>| x.matmul(x).check_numerics().matmul(x));
    let session = Session::builder(&g).threads(2).build().unwrap();
    let mut values = rows(200, 16);
    for row in [150, 63, 199] {
        values[[row, 0, 0]] = f64::INFINITY;
    }
    for _ in 0..20 {
        let error = session.feed(xs, &values).run(ys).unwrap_err();
        assert!(matches!(error, Error::Iteration { iteration: 63, .. }), "{error}");
    }
}

#[test]
fn from_the_last_row_on_the_last_row_that_fails_is_named() {
    let g = Graph::new();
    let xs = g.placeholder::<f64>("xs", [None, Some(16), Some(16)]);
    let none: [Tensor<'_, f64>; 0] = [];
    let (_, ys) = g
        .scan_with(Scan::new().reverse(), none, xs, |none, x| (none, x.matmul(x).check_numerics().matmul(x)));
    let mut values = rows(203, 16);
    for row in [5, 63, 195] {
        values[[row, 0, 0]] = f64::INFINITY;
    }
    for threads in [1, 2, 3] {
        let session = Session::builder(&g).threads(threads).build().unwrap();
        for _ in 0..10 {
            let error = session.feed(xs, &values).run(ys).unwrap_err();
            assert!(matches!(error, Error::Iteration { iteration: 195, .. }), "{threads} threads: {error}");
        }
    }
}

/// Iterations that are seen, in their order, and the one that fails.
fn seen_and_failed(options: Scan, threads: usize) -> (Vec<Vec<usize>>, usize) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let g = Graph::new();
    let xs = g.placeholder::<f64>("xs", [10]);
    let (last, ()) = g.scan_with(options, g.constant(1.0), xs, |sum, x| {
        let log = Arc::clone(&log);
        let looked_at = (sum + x.check_numerics()).inspect(move |_| log.lock().unwrap().push(iterations()));
        (looked_at, ())
    });
    let session = Session::builder(&g).threads(threads).build().unwrap();
    let mut values = Array::from_elem(10, 0.5);
    session.feed(xs, &values).run(last).unwrap();
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    values[9] = f64::NAN;
    values[6] = f64::NAN;
    match session.feed(xs, &values).run(last).unwrap_err() {
        Error::Iteration { iteration, error, .. } => {
            assert!(!matches!(*error, Error::Iteration { .. }), "{error}");
            (seen, iteration)
        }
        error => panic!("{error}"),
    }
}

#[test]
fn a_checkpointed_scan_is_one_loop_to_who_looks_on() {
    let expected = seen_and_failed(Scan::new(), 1);
    assert_eq!(expected, ((0..10).map(|row| vec![row]).collect(), 6));
    let reversed = seen_and_failed(Scan::new().reverse(), 1);
    assert_eq!(reversed, ((0..10).rev().map(|row| vec![row]).collect(), 9));
    for block in [1, 3, 4, 5, 10, 12] {
        assert_eq!(seen_and_failed(Scan::new().checkpoint_every(block), 2), expected, "{block}");
        let options = Scan::new().checkpoint_every(block).reverse();
        assert_eq!(seen_and_failed(options, 1), reversed, "{block}");
    }
}

/// A scan of rows that are fed, its gradients, and what they are without checkpoints.
fn checkpointed(options: Scan, count: usize) -> [Vec<ArrayD<f64>>; 2] {
    let numbers = Array::from_shape_fn((count, 3), |(row, i)| ((row * 7 + i * 5) % 13) as f64 / 13.0 - 0.4);
    let reverse = |options: Scan| if count.is_multiple_of(2) { options } else { options.reverse() };
    [options, Scan::new()].map(|options| {
        let g = Graph::new();
        let xs = g.placeholder::<f64>("xs", [None, Some(3)]);
        let w = g.variable("w", arr1(&[0.9, 1.1, -0.7])).tensor();
        let start = g.variable("start", arr1(&[0.1, 0.2, 0.3])).tensor();
        let (last, ys) = g.scan_with(reverse(options), start, xs, |s, x| ((s * w + x).sin(), s * x));
        let loss = last.square().reduce_sum(..) + ys.square().reduce_sum(..);
        let by = loss.gradients([w, start, xs]);
        let [second] = by[0].square().reduce_sum(..).gradients([w]);
        let session = Session::builder(&g).threads(2).build().unwrap();
        session.feed(xs, &numbers).run([&[last, ys, second][..], &by].concat()).unwrap()
    })
}

#[test]
fn checkpoints_need_no_number_of_rows_before_a_run() {
    for count in [0, 1, 3, 4, 5, 8, 9, 1000] {
        for options in [Scan::new().checkpoint_every(4), Scan::new().checkpoint_sqrt()] {
            let [found, expected] = checkpointed(options, count);
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!(found.shape(), expected.shape());
                let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-12 * b.abs().max(1.0);
                assert!(found.iter().zip(expected).all(close), "{count} rows: {found} is not {expected}");
            }
        }
    }
}

#[test]
fn rows_that_are_fed_have_their_numbers_in_blocks_too() {
    for (options, count, failing) in [
        (Scan::new().checkpoint_every(4), 10, 9),
        (Scan::new().checkpoint_every(4), 10, 5),
        (Scan::new().checkpoint_sqrt().reverse(), 11, 10),
        (Scan::new().checkpoint_every(16), 5, 3),
    ] {
        let g = Graph::new();
        let xs = g.placeholder::<f64>("xs", [None]);
        let w = g.variable("w", 0.5).tensor();
        let (last, ()) = g.scan_with(options, g.constant(1.0), xs, |s, x| ((s * w + x).check_numerics(), ()));
        let [dw] = last.gradients([w]);
        let mut values = Array::from_elem(count, 0.5);
        let session = Session::new(&g).unwrap();
        session.feed(xs, &values).run(dw).unwrap();
        values[failing] = f64::NAN;
        match session.feed(xs, &values).run(dw).unwrap_err() {
            Error::Iteration { iteration, error, .. } => {
                assert_eq!(iteration, failing, "{options:?}");
                assert!(!matches!(*error, Error::Iteration { .. }), "{error}");
            }
            error => panic!("{error}"),
        }
    }
}

#[test]
fn arrays_in_blocks_are_as_long_as_the_first() {
    for options in [Scan::new().checkpoint_every(4), Scan::new().checkpoint_sqrt(), Scan::new()] {
        for options in [options, options.reverse()] {
            let g = Graph::new();
            let [xs, zs] = ["xs", "zs"].map(|name| g.placeholder::<f64>(name, [None]));
            let (last, ()) = g.scan_with(options, g.constant(1.0), (xs, zs), |s, (x, z)| (s * x + z, ()));
            let session = Session::new(&g).unwrap();
            for found in [0, 9, 11, 12, 14] {
                let [x, z] = [10, found].map(|length| Array::from_elem(length, 0.5));
                let error = session.feed(xs, &x).feed(zs, &z).run(last).unwrap_err().to_string();
                let expected = format!("array 1: expected 10 rows as of the first array, got {found}");
                assert!(error.contains(&expected), "{options:?}: {error}");
            }
        }
    }
}

#[test]
fn arrays_of_unknown_length_need_no_node_of_their_own() {
    let g = Graph::new();
    let xs = g.placeholder::<f64>("xs", [None]);
    let before = g.len();
    g.scan(g.constant(0.0), xs, |s, x| (s + x, ()));
    let names: Vec<_> = g.nodes().into_iter().skip(before).map(|node| node.name).collect();
    assert!(!names.iter().any(|name| name.contains("dim") || name.contains("length")), "{names:?}");
}

/// A loop with a state is done in order, whoever only looks on, although its iterations could be done at the same time.
#[test]
fn what_looks_on_a_sum_sees_it_in_order() {
    const TIMES: usize = 20_000;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let g = Graph::new();
    let x = g.variable("x", 1.0).tensor();
    let total = g.fori(
        TIMES,
        |i, sum: Tensor<f64>| {
            let share = i.cast::<f64>() * x;
            sum + share.inspect(move |_| log.lock().unwrap().push(iterations()[0]))
        },
        g.constant(0.0),
    );
    for threads in [1, 4] {
        seen.lock().unwrap().clear();
        Session::builder(&g).threads(threads).build().unwrap().run(total).unwrap();
        assert!(seen.lock().unwrap().iter().copied().eq(0..TIMES), "{threads} threads");
    }
}

#[test]
fn what_looks_on_knows_the_iterations_around_it() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = || {
        let seen = Arc::clone(&seen);
        move |x: &flowgrad::ndarray::ArrayViewD<'_, f64>| seen.lock().unwrap().push((iterations(), x.sum()))
    };
    let g = Graph::new();
    let x = g.constant(1.0).inspect(log());
    let total = g.fori(
        2,
        |i, sum: Tensor<f64>| {
            let inner =
                g.fori(2, |j, sum: Tensor<f64>| sum + ((i * 10 + j).cast::<f64>() * x).inspect(log()), sum);
            g.cond(i.greater(0), || inner.inspect(log()), || inner)
        },
        g.constant(0.0),
    );
    for threads in [1, 2] {
        seen.lock().unwrap().clear();
        Session::builder(&g).threads(threads).build().unwrap().run(total.inspect(log())).unwrap();
        let expected = [
            (vec![], 1.0),
            (vec![0, 0], 0.0),
            (vec![0, 1], 1.0),
            (vec![1, 0], 10.0),
            (vec![1, 1], 11.0),
            (vec![1], 22.0),
            (vec![], 22.0),
        ];
        assert_eq!(*seen.lock().unwrap(), expected);
    }
    assert_eq!(iterations(), [0_usize; 0]);
}

#[test]
fn rows_with_loops_draws_and_gradients_are_the_same_on_any_number_of_threads() {
    for count in [2, 15, 16, 17, 33] {
        let run = |threads: usize| {
            let g = Graph::with_seed(7);
            let xs = g.variable("xs", rows(count, 24)).tensor();
            let ends = g.constant(Array::from_shape_fn(count, |row| (row % 5) as i64));
            let ys = g.map_fn((xs, ends), |(x, end): (Tensor<'_, f64>, Tensor<'_, i64>)| {
                let noise = g.random_normal([24, 24], 0.0, 0.01);
                let (_, y) = g.while_loop(
                    |(i, _): (Tensor<'_, i64>, Tensor<'_, f64>)| i.less(end),
                    |(i, y)| (i + 1, (y.matmul(x) + noise).tanh()),
                    (g.constant(0_i64), x),
                );
                y
            });
            let [by_xs] = ys.square().reduce_sum(..).gradients([xs]);
            let session = Session::builder(&g).threads(threads).build().unwrap();
            let runs = [(); 2].map(|()| session.run(vec![ys, by_xs]).unwrap());
            assert_ne!(runs[0], runs[1], "noise differs from run to run");
            runs
        };
        let one = run(1);
        assert_eq!(one, run(2), "{count}");
        assert_eq!(one, run(3), "{count}");
    }
}

#[test]
fn a_row_that_panics_is_an_error_and_changes_nothing() {
    let g = Graph::new();
    let v = g.variable("v", 1.0_f64);
    let xs = g.placeholder::<f64>("xs", [None, Some(16), Some(16)]);
    let ys = g.map_fn(xs, |x: Tensor<'_, f64>| {
        let product = x.matmul(x);
        let watch = |inputs: &[ArrayRef<'_>], output: ArrayMut<'_>| -> std::result::Result<(), KernelError> {
            let product = inputs[0].view::<f64>()?;
            assert!(product.sum().is_finite(), "a sum that is not finite");
            output.into_view::<f64>()?.assign(&product);
            Ok(())
        };
        let watched = g.call(&[product.any()], (DType::F64, [16, 16]), watch).typed::<f64>();
        watched.matmul(x)
    });
    let step = v.assign_add(ys.reduce_sum(..));
    for threads in [1, 3] {
        let session = Session::builder(&g).threads(threads).build().unwrap();
        session.feed(xs, &Array3::zeros((40, 16, 16))).run(step).unwrap();
        let mut values = rows(40, 16);
        values[[21, 0, 0]] = f64::NAN;
        let error = session.feed(xs, &values).run(step).unwrap_err();
        assert!(matches!(error, Error::Iteration { iteration: 21, .. }), "{error}");
        assert!(error.to_string().contains("a sum that is not finite"), "{error}");
        assert_eq!(session.run(v).unwrap().sum(), 1.0);
    }
}
