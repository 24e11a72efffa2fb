//! Line 26, and what line 2 says of random nodes: what is drawn depends on seeds, names and the count of runs alone.

use flowgrad::ndarray::{ArrayD, Axis, arr1, arr2};
use flowgrad::prelude::*;

/// One draw of each kind, with every number an `f64`.
fn draws(g: &Graph) -> Vec<Tensor<'_, f64>> {
    let x = g.constant(ArrayD::<f64>::zeros(vec![40, 3]));
    vec![
        g.random_uniform([50], -1.0, 1.0),
        g.random_uniform([50], 0.0_f32, 1.0).cast(),
        g.random_uniform([50], -5_i32, 5).cast(),
        g.random_uniform([50], i64::MIN, i64::MAX).cast(),
        g.random_normal([50], 0.0, 1.0),
        g.truncated_normal([50], 0.0, 1.0),
        g.bernoulli([50], 0.5).cast(),
        x.random_uniform_like(0.0, 1.0),
        x.random_normal_like(0.0, 1.0),
        x.bernoulli_like(0.5).cast(),
        (x + 0.5).bernoulli().cast(),
        x.categorical(20).cast(),
        g.random_permutation(50).cast(),
        g.constant(ArrayD::from_shape_fn(vec![50], |at| at[0] as f64)).shuffle(),
    ]
}

fn session(g: &Graph, threads: usize, optimize: bool) -> Session {
    Session::builder(g).threads(threads).optimize(optimize).build().unwrap()
}

/// "Two sessions repeat each other", and callables as well; a run differs from the one before.
#[test]
fn line_26_sessions_and_callables_repeat_each_other_and_runs_differ() {
    let g = Graph::with_seed(3);
    let draws = draws(&g);
    let [a, b] = [Session::new(&g).unwrap(), Session::new(&g).unwrap()];
    let call = b.make_callable((), draws.clone()).unwrap();
    let runs: Vec<Vec<ArrayD<f64>>> = (0..4).map(|_| a.run(draws.clone()).unwrap()).collect();
    for (run, expected) in runs.iter().enumerate() {
        assert_eq!(&call.call(()).unwrap(), expected, "run {run}");
        for (kind, drawn) in expected.iter().enumerate() {
            assert!(
                runs[..run].iter().all(|other| other[kind] != *drawn),
                "draw {kind} comes again in run {run}"
            );
        }
    }
}

/// The count of runs is all that a session keeps of its draws: with it they go on where others stopped.
#[test]
fn line_26_the_count_of_runs_resumes_a_stream() {
    let g = Graph::new();
    let draws = draws(&g);
    let [a, b] = [Session::new(&g).unwrap(), Session::new(&g).unwrap()];
    let runs: Vec<Vec<ArrayD<f64>>> = (0..3).map(|_| a.run(draws.clone()).unwrap()).collect();
    b.set_run_count(2);
    assert_eq!(b.run(draws.clone()).unwrap(), runs[2]);
    assert_eq!(b.run_count(), 3);
    b.set_run_count(0);
    assert_eq!(b.run(draws).unwrap(), runs[0]);
}

/// "The same inputs give the same bits at any number of threads", and with or without optimization, which must not
/// take a draw for a constant.
#[test]
fn line_26_neither_threads_nor_optimisation_change_a_draw() {
    let g = Graph::with_seed(11);
    let draws = draws(&g);
    let sessions = [(1, true), (2, true), (8, true), (2, false)]
        .map(|(threads, optimize)| session(&g, threads, optimize));
    let mut last = Vec::new();
    for run in 0..3 {
        let expected = sessions[0].run(draws.clone()).unwrap();
        for other in &sessions[1..] {
            assert_eq!(other.run(draws.clone()).unwrap(), expected, "run {run}");
        }
        assert_ne!(expected, last);
        last = expected;
    }
}

/// What else a run computes does not matter, nor what else the graph holds.
#[test]
fn line_26_draws_do_not_depend_on_what_runs_beside_them() {
    let drawn = |others: usize, fetch_others: bool| {
        let g = Graph::with_seed(5);
        let others: Vec<Tensor<'_, f64>> = (0..others)
            .map(|index| g.random_normal([7], 0.0, 1.0).named(&format!("other {index}")))
            .collect();
        let x: Tensor<'_, f64> = g.random_normal([7], 0.0, 1.0).named("x");
        let fetched = if fetch_others { others } else { Vec::new() };
        Session::new(&g).unwrap().run((fetched, x)).unwrap().1
    };
    assert_eq!(drawn(0, false), drawn(3, false));
    assert_eq!(drawn(0, false), drawn(3, true));
}

/// "The graph seed, the node's own seed or name."
#[test]
fn line_26_seeds_and_names_tell_draws_apart() {
    let drawn = |seed: u64, own: Option<u64>, name: &str| {
        let g = Graph::with_seed(seed);
        let draw = || g.random_uniform([8], 0.0_f64, 1.0).named(name);
        let x = match own {
            Some(own) => g.seed_scope(own, draw),
            None => draw(),
        };
        Session::new(&g).unwrap().run(x).unwrap()
    };
    assert_eq!(drawn(1, None, "a"), drawn(1, None, "a"));
    assert_ne!(drawn(1, None, "a"), drawn(1, None, "b"));
    assert_ne!(drawn(1, None, "a"), drawn(2, None, "a"));
    assert_eq!(drawn(1, Some(7), "a"), drawn(1, Some(7), "b"));
    assert_ne!(drawn(1, Some(7), "a"), drawn(1, Some(8), "a"));
    assert_ne!(drawn(1, Some(7), "a"), drawn(2, Some(7), "a"));
    assert_ne!(drawn(1, Some(7), "a"), drawn(1, None, "a"));
}

/// Inside one block of a seed each node draws by its place, and an inner block has its own.
#[test]
fn line_26_nodes_of_one_seed_draw_by_their_places() {
    let g = Graph::new();
    let draw = || g.random_normal([4], 0.0_f64, 1.0);
    let block = |before: usize| {
        g.seed_scope(7, || {
            let mut draws: Vec<Tensor<'_, f64>> = (0..before).map(|_| draw()).collect();
            draws.push(g.seed_scope(8, draw));
            draws.push(draw());
            draws
        })
    };
    let other = Graph::new();
    let foreign = other.seed_scope(9, draw);
    let [two, one] = [block(2), block(1)];
    let session = Session::new(&g).unwrap();
    let (two, one, by_name) = session.run((two, one, foreign)).unwrap();
    assert_eq!(two[0], one[0]);
    assert_eq!(two[1], one[2], "the second of the block, whatever lies between");
    assert_eq!(two[2], one[1], "the inner block");
    assert!(two[0] != two[1] && two[1] != two[3] && two[0] != two[2]);
    assert!(two.iter().all(|drawn| drawn != by_name));
}

/// "A node runs at most once a run, however many fetches use it: a random node gives one draw a run."
#[test]
fn line_02_a_random_node_gives_one_draw_a_run() {
    let g = Graph::new();
    let x = g.random_normal([1000], 0.0_f64, 1.0);
    let zero = (x * 2.0 - x - x).reduce_max(..);
    for optimize in [true, false] {
        let session = session(&g, 2, optimize);
        let (a, twice, zero, b) = session.run((x, x * 2.0, zero, x)).unwrap();
        assert_eq!(a, b);
        assert_eq!(twice, a * 2.0);
        assert_eq!(zero.sum(), 0.0);
    }
}

/// Drawn elements are fed like all others, and the parameters need not run then.
#[test]
fn a_fed_draw_is_what_is_fed() {
    let g = Graph::new();
    let p = g.placeholder::<f64>("p", [None]);
    let coin = p.bernoulli();
    let session = Session::new(&g).unwrap();
    let fed = arr1(&[true, false]);
    assert_eq!(session.feed(coin, &fed).run(coin.cast::<i64>()).unwrap(), arr1(&[1, 0]).into_dyn());
}

/// Mean and variance of a sample.
fn moments(sample: &ArrayD<f64>) -> (f64, f64) {
    let mean = sample.mean().unwrap();
    (mean, sample.mapv(|x| (x - mean) * (x - mean)).mean().unwrap())
}

/// The bounds are some six standard errors of the sample away.
#[test]
fn samples_have_the_moments_and_the_range_of_their_distributions() {
    const COUNT: usize = 40_000;
    let g = Graph::with_seed(1);
    let session = Session::new(&g).unwrap();
    let check = |name: &str, sample: ArrayD<f64>, mean: f64, variance: f64, (low, high): (f64, f64)| {
        let found = moments(&sample);
        let error = (variance / COUNT as f64).sqrt();
        assert!((found.0 - mean).abs() < 6.0 * error, "{name}: mean {}, not {mean}", found.0);
        assert!((found.1 / variance - 1.0).abs() < 0.06, "{name}: variance {}, not {variance}", found.1);
        assert!(sample.iter().all(|&x| low <= x && x <= high), "{name}: out of range");
        let near = |bound: f64| sample.iter().any(|&x| (x - bound).abs() < 0.1 * (high - low));
        assert!(!low.is_finite() || near(low) && near(high), "{name}: the range is not used");
    };
    let everywhere = (f64::NEG_INFINITY, f64::INFINITY);
    let run = |x: Tensor<'_, f64>| session.run(x).unwrap();
    check("uniform", run(g.random_uniform([COUNT], -1.0, 3.0)), 1.0, 16.0 / 12.0, (-1.0, 3.0));
    check("uniform f32", run(g.random_uniform([COUNT], 0.0_f32, 1.0).cast()), 0.5, 1.0 / 12.0, (0.0, 1.0));
    check("integers", run(g.random_uniform([COUNT], -1_i32, 2).cast()), 0.0, 2.0 / 3.0, (-1.0, 1.0));
    check("normal", run(g.random_normal([COUNT], -2.0, 0.5)), -2.0, 0.25, everywhere);
    check("normal f32", run(g.random_normal([COUNT], -2.0_f32, 0.5).cast()), -2.0, 0.25, everywhere);
    // The variance of a standard normal cut at 2 is 1 - 4φ(2) / (2Φ(2) - 1).
    check("truncated", run(g.truncated_normal([COUNT], 1.0, 3.0)), 1.0, 9.0 * 0.773_741_3, (-5.0, 7.0));
    check("bernoulli", run(g.bernoulli([COUNT], 0.2).cast()), 0.2, 0.16, (0.0, 1.0));
    let probabilities = g.constant(ArrayD::from_elem(vec![COUNT], 0.9));
    check("bernoulli of a tensor", run(probabilities.bernoulli().cast()), 0.9, 0.09, (0.0, 1.0));
}

/// The bound stays out, also where numbers are so sparse that half of the draws round up to it.
#[test]
fn the_upper_bound_of_a_uniform_draw_is_never_drawn() {
    let g = Graph::new();
    let next = 1.0_f32.next_up();
    let x = g.random_uniform([1000], 1.0_f32, next);
    assert!(Session::new(&g).unwrap().run(x).unwrap().iter().all(|&x| x == 1.0));
}

#[test]
fn a_permutation_has_every_number_once_and_each_order_comes() {
    let g = Graph::new();
    let session = Session::new(&g).unwrap();
    let mut sorted = session.run(g.random_permutation(1000)).unwrap().into_raw_vec_and_offset().0;
    assert!(!sorted.is_sorted());
    sorted.sort_unstable();
    assert!(sorted.into_iter().eq(0..1000));
    let call = session.make_callable((), g.random_permutation(3)).unwrap();
    let mut counts = std::collections::BTreeMap::new();
    for _ in 0..1200 {
        *counts.entry(call.call(()).unwrap().into_raw_vec_and_offset().0).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 6);
    // 200 each, with a standard deviation of 13.
    assert!(counts.values().all(|count| (120..280).contains(count)), "{counts:?}");
}

/// Rows stay whole, each comes once, and the gradient finds its way back.
#[test]
fn shuffled_rows_are_the_rows_and_their_gradients_return() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(2)]);
    let weights = g.constant(ArrayD::from_shape_fn(vec![50, 1], |at| at[0] as f64));
    let y = x.shuffle();
    let [dx] = (y * weights).gradients([x]);
    let rows = ArrayD::from_shape_fn(vec![50, 2], |at| (2 * at[0] + at[1]) as f64);
    let (y, dx) = Session::new(&g).unwrap().feed(x, &rows).run((y, dx)).unwrap();
    assert_ne!(y, rows);
    let mut seen = [false; 50];
    for (place, row) in y.axis_iter(Axis(0)).enumerate() {
        let from = (row[0] / 2.0) as usize;
        assert_eq!(row[1], row[0] + 1.0);
        assert!(!std::mem::replace(&mut seen[from], true));
        assert_eq!(dx[[from, 0]], place as f64);
    }
}

#[test]
fn categorical_draws_each_class_as_often_as_softmax_says() {
    let g = Graph::with_seed(2);
    let logits = arr2(&[[0.0_f64, 2.0, 1.0], [1000.0, 1000.0, f64::NEG_INFINITY], [-5.0, -5.0, -5.0]]);
    let logits = g.constant(logits);
    let session = Session::new(&g).unwrap();
    let (drawn, shares) = session.run((logits.categorical(30_000), logits.softmax(-1))).unwrap();
    for (row, expected) in drawn.axis_iter(Axis(0)).zip(shares.axis_iter(Axis(0))) {
        for class in 0..3 {
            let share = row.iter().filter(|&&place| place == class).count() as f64 / 30_000.0;
            let expected = expected[class as usize];
            assert!(
                (share - expected).abs() <= 6.0 * (expected / 30_000.0).sqrt(),
                "{share}, not {expected}"
            );
        }
    }
    let single = g.constant(arr1(&[0.0_f32, 100.0])).categorical(3);
    assert_eq!(session.run(single).unwrap(), arr1(&[1, 1, 1]).into_dyn());
}

/// Parameters that are numbers are checked while building.
#[test]
fn probabilities_are_numbers_tensors_and_variables() -> Result<()> {
    type Build = for<'g> fn(&'g Graph, &'g Graph);
    let g = Graph::with_seed(2);
    let x = g.placeholder::<f64>("x", [None, Some(2)]);
    let p = g.non_trainable_variable("p", 1.0_f32);
    let by_column = g.constant(ndarray::arr1(&[0.0, 1.0]));
    let certain = [g.bernoulli((x.dim(0), 2), p), x.bernoulli_like(p), g.bernoulli([3, 2], 1)];
    let columns = [g.bernoulli(x.lengths(), by_column), x.bernoulli_like(by_column.any())];
    let half = g.bernoulli([10_000], p * 0.5).cast::<f64>().reduce_mean(..);
    let session = Session::new(&g)?;
    let fed = ndarray::Array2::zeros((3, 2));
    let (certain, columns, half) = session.feed(x, &fed).run((certain, columns, half))?;
    for drawn in &certain {
        assert_eq!((drawn.shape(), drawn.iter().all(|&it| it)), (&[3, 2][..], true));
    }
    let expected = ndarray::Array2::from_shape_fn((3, 2), |(_, column)| column == 1).into_dyn();
    assert_eq!(columns, [expected.clone(), expected]);
    assert!((half.sum() - 0.5).abs() < 0.05);
    session.run(p.assign(1.5))?;
    let error = session.run(g.bernoulli([2], p)).unwrap_err().to_string();
    assert!(error.contains("expected a probability between 0 and 1, got 1.5"), "{error}");

    let table: [(&str, Build); 3] = [
        ("expected elements of a float type, got i64", |g, _| {
            g.bernoulli([2], g.constant(1_i64));
        }),
        ("another graph", |g, other| {
            g.bernoulli([2], other.constant(0.5));
        }),
        ("[2, 2]", |g, _| {
            g.bernoulli([2], g.zeros::<f64>([2, 2]));
        }),
    ];
    for (words, build) in table {
        let (g, other) = (Graph::new(), Graph::new());
        build(&g, &other);
        let error = g.check().unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    Ok(())
}

#[test]
fn parameters_of_no_distribution_are_build_errors() {
    type Build = for<'g> fn(&'g Graph) -> Operation<'g>;
    let table: &[(&str, Build)] = &[
        ("the least one first, got 2 to 1", |g| g.random_uniform([2], 2.0_f64, 1.0).named("x").op()),
        ("the least one first, got NaN to 1", |g| g.random_uniform([2], f64::NAN, 1.0).named("x").op()),
        ("the least one first, got 0 to inf", |g| g.random_uniform([2], 0.0, f32::INFINITY).named("x").op()),
        ("the least one first, got -179", |g| g.random_uniform([2], f64::MIN, f64::MAX).named("x").op()),
        ("the least one first, got 3 to 3", |g| g.random_uniform([2], 3, 3).named("x").op()),
        ("of at least 0, got 0 and -1", |g| g.random_normal([2], 0.0, -1.0_f64).named("x").op()),
        ("of at least 0, got NaN and 1", |g| g.truncated_normal([2], f64::NAN, 1.0).named("x").op()),
        ("expected a probability between 0 and 1, got 1.5", |g| g.bernoulli([2], 1.5).named("x").op()),
        ("expected a probability between 0 and 1, got NaN", |g| g.bernoulli([2], f64::NAN).named("x").op()),
        ("expected an axis of a tensor of rank 0, got -1", |g| {
            g.constant(1.0).categorical(2).named("x").op()
        }),
        ("expected at least one element along axis 1", |g| {
            g.constant(ArrayD::<f64>::zeros(vec![2, 0])).categorical(2).named("x").op()
        }),
        ("expected an axis of a tensor of rank 0, got 0", |g| g.constant(1.0).shuffle().named("x").op()),
    ];
    for (message, build) in table {
        let g = Graph::new();
        build(&g);
        let error = g.check().unwrap_err().to_string();
        assert!(error.contains(message) && error.contains("`x`") && error.contains("random.rs:"), "{error}");
    }
}

/// Parameters that are tensors fail the run, also where only the operation is asked for.
#[test]
fn probabilities_that_are_none_fail_the_run() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let session = Session::new(&g).unwrap();
    let (coin, class) = (x.bernoulli().named("coin"), x.categorical(1).named("class"));
    for bad in [-0.1, 1.1, f64::NAN] {
        let error = session.feed(x, &arr1(&[0.5, bad])).run(coin.op()).unwrap_err().to_string();
        assert!(
            error.contains("expected a probability between 0 and 1, got ") && error.contains("`coin`"),
            "{error}"
        );
    }
    for bad in [f64::NAN, f64::INFINITY] {
        let error = session.feed(x, &arr1(&[0.5, bad])).run(class).unwrap_err().to_string();
        assert!(
            error.contains("expected a row of logits whose largest is finite") && error.contains("`class`"),
            "{error}"
        );
    }
    let error = session.feed(x, &ArrayD::zeros(vec![0])).run(class).unwrap_err().to_string();
    assert!(error.contains("expected at least one element along axis 0"), "{error}");
}

/// Nothing to differentiate: draws cut the path.
#[test]
fn no_gradient_passes_through_a_draw() {
    let g = Graph::new();
    let x = g.constant(arr1(&[0.25, 0.5]));
    let y = x * x.random_uniform_like(1.0, 1.0) + x.bernoulli().cast() + x.categorical(2).cast();
    let [dx] = y.gradients([x]);
    assert_eq!(Session::new(&g).unwrap().run(dx).unwrap(), arr1(&[1.0, 1.0]).into_dyn());
}
