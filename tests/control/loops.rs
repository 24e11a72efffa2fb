//! Loops: what they give, and their gradients.

use flowgrad::ndarray::{Array2, ArrayD, arr1, arr2};
use flowgrad::prelude::*;

type T<'g> = Tensor<'g, f64>;

fn close(found: &ArrayD<f64>, expected: &ArrayD<f64>) {
    assert_eq!(found.shape(), expected.shape());
    let off = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-11 * (1.0 + b.abs());
    assert!(found.iter().zip(expected).all(off), "{found} is not {expected}");
}

/// Runs on one thread and several, optimized and not, with machine code and without.
fn everywhere(g: &Graph, fetches: &[T<'_>]) -> Vec<ArrayD<f64>> {
    let run = |session: Result<Session>| session.unwrap().run(fetches.to_vec()).unwrap();
    let one = run(Session::builder(g).threads(1).build());
    assert_eq!(one, run(Session::builder(g).threads(3).build()));
    assert_eq!(one, run(Session::builder(g).machine_code(false).build()));
    let plain = run(Session::builder(g).optimize(false).build());
    one.iter().zip(&plain).for_each(|(a, b)| close(a, b));
    one
}

fn or_zeros<'g>(y: T<'g>, xs: [T<'g>; 2]) -> Vec<T<'g>> {
    Gradients::of([y]).wrt_or_zeros(&xs)
}

/// A value and its derivatives to the third order.
fn derivatives<'g>(y: T<'g>, xs: [T<'g>; 2]) -> Vec<T<'g>> {
    let y = y.reduce_sum(..);
    let first = or_zeros(y, xs);
    let sum = (first[0] * 1.5).reduce_sum(..) + (first[1] * 0.5).reduce_sum(..);
    let second = or_zeros(sum, xs);
    let sum = (second[0] * 0.25).reduce_sum(..) + (second[1] * 2.0).reduce_sum(..);
    let third = or_zeros(sum, xs);
    [&[y][..], &first, &second, &third].concat()
}

fn step<'g>(x: T<'g>, w: T<'g>) -> T<'g> {
    (x * w).sin() + x * 0.5
}

#[test]
fn loops_are_what_they_unroll_to_to_the_third_order() {
    for times in [0_usize, 1, 2, 5] {
        let g = Graph::new();
        let x = g.variable("x", arr1(&[0.3, -0.8, 1.2])).tensor();
        let w = g.variable("w", arr1(&[1.1, 0.7, -0.4])).tensor();
        let unrolled = (0..times).fold(x, |x, _| step(x, w));
        let expected = derivatives(unrolled, [x, w]);
        let fixed = g.fori(times, |_, x| step(x, w), x);
        let (_, open) = g.while_loop(
            |(i, _): (Tensor<'_, i64>, T<'_>)| i.less(times as i64),
            |(i, x)| (i + 1, step(x, w)),
            (g.constant(0_i64), x),
        );
        let counted = g.fori(g.constant(times as i64), |_, x| step(x, w), x);
        let ws = g.constant(arr1(&vec![1.0; times])).reshape([times, 1]) * w.expand_dims(0);
        let (scanned, ()) = g.scan(x, ws, |x, w| (step(x, w), ()));
        let folded = g.fold(x, ws, step);
        let expected = everywhere(&g, &expected);
        for found in [fixed, open, counted, scanned, folded] {
            let found = everywhere(&g, &derivatives(found, [x, w]));
            found.iter().zip(&expected).for_each(|(found, expected)| close(found, expected));
        }
    }
}

#[test]
fn what_is_stacked_has_gradients_too() {
    let g = Graph::new();
    let xs = g.variable("xs", arr2(&[[0.3, -0.8], [1.2, 0.1], [0.5, 0.6]])).tensor();
    let w = g.variable("w", arr1(&[1.1, 0.7])).tensor();
    let rows: Vec<T<'_>> = (0..3).map(|row| xs.slice(row)).collect();
    for reverse in [false, true] {
        let mut state = w * 0.0;
        let mut stacked = vec![w; 3];
        let order: Vec<usize> = if reverse { vec![2, 1, 0] } else { vec![0, 1, 2] };
        for row in order {
            state = step(state + rows[row], w);
            stacked[row] = state.exp() * rows[row];
        }
        let weights = g.constant(arr2(&[[1.0, 2.0], [-1.0, 0.5], [3.0, 0.25]]));
        let expected = derivatives(g.stack(&stacked, 0) * weights + state, [xs, w]);
        let options = if reverse { Scan::new().reverse() } else { Scan::new() };
        let (last, ys) = g.scan_with(options, w * 0.0, xs, |state, x| {
            let next = step(state + x, w);
            (next, next.exp() * x)
        });
        let found = derivatives(ys * weights + last, [xs, w]);
        let (found, expected) = (everywhere(&g, &found), everywhere(&g, &expected));
        found.iter().zip(&expected).for_each(|(found, expected)| close(found, expected));
    }
    let checked = |options: Scan| {
        let (last, ys) = g.scan_with(options, w * 0.0, xs, |state, x| {
            let next = step(state + x, w);
            (next, next.exp() * x)
        });
        everywhere(&g, &derivatives(ys * last, [xs, w]))
    };
    for options in [Scan::new(), Scan::new().reverse()] {
        let expected = checked(options);
        for options in
            [1, 2, 3, 4].map(|k| options.checkpoint_every(k)).into_iter().chain([options.checkpoint_sqrt()])
        {
            checked(options).iter().zip(&expected).for_each(|(found, expected)| close(found, expected));
        }
    }
    let mapped = g.map_fn(xs, |x| step(x, w));
    let (found, expected) = (derivatives(mapped, [xs, w]), derivatives(step(xs, w), [xs, w]));
    let (found, expected) = (everywhere(&g, &found), everywhere(&g, &expected));
    found.iter().zip(&expected).for_each(|(found, expected)| close(found, expected));
}

#[test]
fn loops_nest_in_loops_branches_and_functions() {
    let g = Graph::new();
    let x = g.variable("x", arr1(&[0.3, -0.8])).tensor();
    let w = g.variable("w", arr1(&[1.1, 0.7])).tensor();
    // The inner loop runs once, then twice, then three times.
    let mut unrolled = x;
    for outer in 0..3 {
        for _ in 0..=outer {
            unrolled = step(unrolled, w);
        }
        unrolled *= w;
    }
    let inner = |i, x| g.fori(i + 1, |_, x| step(x, w), x) * w;
    let fixed = g.fori(3, inner, x);
    let open = g.fori(g.constant(3_i64), inner, x);
    let f = g.function(x, |x| g.fori(g.constant(3_i64), inner, x));
    let branched = g.cond(x.reduce_sum(..).less(0.0), || f.call(x), || x);
    let expected = everywhere(&g, &derivatives(unrolled, [x, w]));
    for found in [fixed, open, f.call(x), branched] {
        let found = everywhere(&g, &derivatives(found, [x, w]));
        found.iter().zip(&expected).for_each(|(found, expected)| close(found, expected));
    }
}

/// Takes turns between two ways.
fn turn<'g>(g: &'g Graph, w: T<'g>, i: Tensor<'g, i64>, x: T<'g>) -> T<'g> {
    g.cond((i / 2_i64 * 2_i64).equal(i), || step(x, w), || x * w.exp())
}

#[test]
fn a_branch_inside_a_loop_has_the_gradient_of_what_was_taken() {
    let g = Graph::new();
    let x = g.variable("x", arr1(&[0.3, -0.8])).tensor();
    let w = g.variable("w", arr1(&[1.1, 0.7])).tensor();
    let unrolled = (0..5).fold(x, |x, i| if i % 2 == 0 { step(x, w) } else { x * w.exp() });
    let turns = |i, x| turn(&g, w, i, x);
    let expected = everywhere(&g, &derivatives(unrolled, [x, w]));
    for found in [g.fori(5, turns, x), g.fori(g.constant(5_i64), turns, x)] {
        let found = everywhere(&g, &derivatives(found, [x, w]));
        found.iter().zip(&expected).for_each(|(found, expected)| close(found, expected));
    }
}

/// A step that is behind an operation.
fn behind<'g>(g: &'g Graph, operation: Operation<'g>, x: T<'g>, w: T<'g>) -> T<'g> {
    g.control_dependencies(&[operation], || step(x, w))
}

#[test]
fn what_is_behind_an_assignment_is_so_inside_of_loops_too() {
    let g = Graph::new();
    let (x, w) = (g.variable("x", 0.8).tensor(), g.variable("w", 0.5));
    let assign = w.assign_add(0.25);
    let w = w.tensor();
    let nested = g.fori(2, |_, x| g.fori(3, |_, x| behind(&g, assign.op(), x, w), x), x);
    let unrolled = (0..6).fold(x, |x, _| behind(&g, assign.op(), x, w));
    let [found, expected] = [nested, unrolled].map(|y| everywhere(&g, &derivatives(y, [x, w])));
    found.iter().zip(&expected).for_each(|(found, expected)| close(found, expected));
}

/// Goes through rows by steps that are behind an operation.
fn scanned_behind<'g>(g: &'g Graph, options: Scan, operation: Operation<'g>, x: T<'g>, w: T<'g>) -> T<'g> {
    let rows = g.constant(arr1(&[0.3, -0.8, 1.2, 0.1]));
    g.scan_with(options, x, rows, |x, row| (behind(g, operation, x * row, w), ())).0
}

#[test]
fn checkpoints_stand_behind_what_is_in_the_same_branch_or_body() {
    let all = |options| {
        let g = Graph::new();
        let (x, w) = (g.variable("x", 0.8).tensor(), g.variable("w", 0.5));
        let looped = g.fori(2, |i, x| scanned_behind(&g, options, i.op(), x, w.tensor()), x);
        let assigns = || scanned_behind(&g, options, w.assign_add(0.25).op(), looped, w.tensor());
        let y = g.cond(x.greater(0.0), assigns, || looped);
        everywhere(&g, &derivatives(y, [x, w.tensor()]))
    };
    let expected = all(Scan::new());
    for options in [Scan::new().checkpoint_every(2), Scan::new().checkpoint_sqrt()] {
        all(options).iter().zip(&expected).for_each(|(found, expected)| close(found, expected));
    }
}

#[test]
fn arrays_without_rows_leave_the_state() {
    let g = Graph::new();
    let xs = g.placeholder::<f64>("xs", [None, Some(2)]);
    let w = g.variable("w", 2.0_f64).tensor();
    let (last, ys) = g.scan(w, xs, |sum, x| (sum + x.reduce_sum(..), x * sum));
    let [dw] = (last + ys.reduce_sum(..)).gradients([w]);
    let session = Session::new(&g).unwrap();
    let [last_, ys_, dw_] = session.feed(xs, &Array2::zeros((0, 2))).run([last, ys, dw]).unwrap();
    assert_eq!((last_.sum(), ys_.shape(), dw_.sum()), (2.0, &[0, 2][..], 1.0));
    let ones = Array2::ones((3, 2));
    let [last_, dw_] = session.feed(xs, &ones).run([last, dw]).unwrap();
    assert_eq!((last_.sum(), dw_.sum()), (8.0, 7.0));
}

#[test]
fn draws_differ_from_iteration_to_iteration_and_repeat_with_the_run() {
    let draw = |seed: u64| {
        let g = Graph::with_seed(seed);
        let xs = g.map_fn(g.zeros::<f64>([50]), |x| x + g.random_normal::<f64>([], 0.0, 1.0));
        let session = Session::new(&g).unwrap();
        [session.run(xs).unwrap(), session.run(xs).unwrap()]
    };
    let [first, second] = draw(7);
    let mut all: Vec<u64> = first.iter().chain(&second).map(|x| x.to_bits()).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 100, "each draw is another");
    assert_eq!([first.clone(), second], draw(7));
    assert_ne!(first, draw(8)[0]);
}

#[test]
fn what_does_not_fit_is_said() {
    let message = |g: &Graph| g.check().unwrap_err().to_string();
    let g = Graph::new();
    let x = g.constant(1.0_f64);
    let _ = g.fori(3, |_, x| x + arr(&g), x);
    let text = message(&g);
    assert!(
        text.contains("component 0 of the state: expected f64[] in each iteration, got f64[2] behind one"),
        "{text}"
    );

    let g = Graph::new();
    let _ = g.while_loop(|x: T<'_>| x, |x| x + 1.0, g.constant(1.0));
    assert!(message(&g).contains("condition: expected a boolean scalar, got f64[]"), "{}", message(&g));

    let g = Graph::new();
    let _ = g.map_fn(g.constant(1.0), |x| x);
    assert!(
        message(&g).contains("array 0: expected an axis to go along, got a scalar of f64"),
        "{}",
        message(&g)
    );

    let g = Graph::new();
    let _ = g.map_fn((arr(&g), g.zeros::<f64>([3])), |(x, y)| x + y);
    assert!(message(&g).contains("array 1: expected 2 rows as of the first array, got 3"), "{}", message(&g));

    let (g, other) = (Graph::new(), Graph::new());
    let foreign = other.constant(1.0) * 2.0;
    let _ = g.fori(3, |_, x| x * 2.0, foreign);
    assert!(message(&g).contains(file!()), "{}", message(&g));

    let g = Graph::new();
    let x = arr(&g);
    let _ = g.fori(3, |_, [a, b]: [Vec<T<'_>>; 2]| [b, a], [vec![x], vec![x, x]]);
    assert!(message(&g).contains("expected lists of the lengths [1, 2], got [2, 1]"), "{}", message(&g));

    let g = Graph::new();
    let v = g.variable("v", 1.0_f64);
    let _ = g.fori(3, |_, _| v.assign_add(1.0), v.tensor());
    assert!(message(&g).contains("got an assignment inside"), "{}", message(&g));
}

fn arr(g: &Graph) -> T<'_> {
    g.constant(arr1(&[1.0, 2.0]))
}

/// A checkpointed sum that is linear in w.
fn noisy<'g>(g: &'g Graph, w: T<'g>, xs: T<'g>) -> T<'g> {
    let noise = |state, x| (state + w * x * g.random_normal::<f64>([], 0.0, 1.0).exp(), ());
    g.scan_with(Scan::new().checkpoint_every(3), w * 0.0, xs, noise).0
}

#[test]
fn what_is_computed_again_draws_the_same() {
    let g = Graph::new();
    let w = g.variable("w", 0.5).tensor();
    let xs = g.fill([10], 1.0);
    let (last, _) = g.scan_with(Scan::new().checkpoint_every(3), g.constant(0.0), xs, |state, x| {
        let noise = g.random_normal::<f64>([], 0.0, 1.0);
        (state + w * x * noise.exp(), noise)
    });
    let f = g.function(w, |_| noisy(&g, w, xs));
    let branched = g.cond(w.greater(0.0), || noisy(&g, w, xs), || w);
    let session = Session::new(&g).unwrap();
    for y in [last, f.call(w), branched] {
        let [dw] = y.gradients([w]);
        for _ in 0..3 {
            // The state is linear in w, which is a half.
            let (last, dw) = session.run((y, dw)).unwrap();
            assert!((last.sum() - 0.5 * dw.sum()).abs() < 1e-12, "{last} {dw}");
        }
    }
}

#[test]
fn runs_repeat_as_one_transaction() {
    let g = Graph::new();
    let (a, b) = (g.variable("a", 1_i64), g.variable("b", 1_i64));
    let c = g.variable("c", 100_i64);
    // Fibonacci's numbers, as long as c goes on.
    let fails = g.constant(1_i64) / (c - 90_i64);
    let steps = [b.assign(a + b), a.assign(b.tensor()), c.assign_sub(fails - fails + 1_i64)];
    let session = Session::new(&g).unwrap();
    let step = session.make_callable((), steps).unwrap();
    let mut single = (1_i64, 1_i64);
    for times in [1, 2, 3, 3] {
        let given = step.repeat(times).unwrap();
        (0..times).for_each(|_| single = (single.1, single.0 + single.1));
        assert_eq!((given[1].sum(), given[0].sum()), single);
        assert_eq!(session.run([a, b].map(Variable::tensor)).unwrap().map(|x| x.sum()), [single.0, single.1]);
    }
    // The second time from here divides by zero.
    let error = step.repeat(5).unwrap_err();
    assert!(matches!(error, Error::DivisionByZero { .. }), "{error}");
    let left = session.run([a, b, c].map(Variable::tensor)).unwrap().map(|x| x.sum());
    assert_eq!(left, [single.0, single.1, 91]);
    assert!(matches!(step.repeat(0), Err(Error::NoRepetition)));
}

#[test]
fn runs_repeat_as_a_transaction_each() {
    let g = Graph::new();
    let (v, left) = (g.variable("v", 1.0), g.variable("left", 5_i64));
    let x = g.placeholder::<f64>("x", []);
    let fails = g.constant(1_i64) / left;
    let session = Session::new(&g).unwrap();
    let step = session.make_callable(x, (v.assign(v * x), left.assign_sub(fails - fails + 1_i64))).unwrap();
    let held = || session.run((v, left)).map(|(v, left)| (v.sum(), left.sum())).unwrap();
    let (given, _) = step.repeat_each_with(3, 2.0).unwrap();
    assert_eq!((given.sum(), session.run_count(), held()), (8.0, 3, (8.0, 2)));
    // The third from here divides by zero.
    let error = step.repeat_each_with(5, 2.0).unwrap_err();
    assert!(matches!(&error, Error::Repetition { repetition: 2, error }
        if matches!(**error, Error::DivisionByZero { .. })));
    assert!(error.to_string().ends_with("in repetition 2"), "{error}");
    assert_eq!(held(), (32.0, 0));
    assert!(matches!(step.repeat_each_with(0, 2.0), Err(Error::NoRepetition)));
}

#[test]
fn what_fails_says_in_which_iteration() {
    let g = Graph::new();
    let xs = g.constant(arr1(&[3_i64, 2, 0, 1]));
    let ys = g.map_fn(xs, |x| g.constant(6_i64) / x);
    let error = Session::new(&g).unwrap().run(ys).unwrap_err();
    assert!(matches!(error, Error::Iteration { iteration: 2, .. }), "{error}");
    assert!(error.to_string().contains("in iteration 2 of `map_fn`"), "{error}");
    assert_eq!(error.to_string().matches(file!()).count(), 2, "{error}");
}

#[test]
fn a_gradient_that_a_whole_number_cuts_names_where_it_is_inside_of_the_body() {
    let cut = |build: &dyn for<'g> Fn(&'g Graph, T<'g>) -> T<'g>| {
        let g = Graph::new();
        let x = g.placeholder::<f64>("x", []);
        let _ = build(&g, x).gradients([x]);
        g.check().unwrap_err().to_string()
    };
    let error = cut(&|g, x| {
        let start = (g.constant(0_i64), g.constant(0.0));
        let (_, last) = g.fori(
            3,
            |_, (count, _): (Tensor<'_, i64>, T<'_>)| {
                let next = count + x.cast::<i64>().named("rounded");
                (next, next.cast::<f64>())
            },
            start,
        );
        last
    });
    assert!(error.contains("rounded` (i64), which is not continuous"), "{error}");
    let error = cut(&|g, x| {
        let which = g.placeholder::<bool>("which", []);
        g.cond(which, || (x * 2.0).cast::<i64>().named("floored").cast::<f64>(), || g.constant(1.0))
    });
    assert!(error.contains("floored` (i64), which is not continuous"), "{error}");
}

#[test]
fn lengths_are_known_where_a_gradient_is_zero() {
    let g = Graph::new();
    let (start, rows) = (g.placeholder::<f64>("start", [None]), g.placeholder::<f64>("rows", [None]));
    let times = g.placeholder::<i64>("times", []);
    let y = g.fold(start, rows, |state, row| {
        let looped = g.fori(times, |_, x| (row + x) * 0.5, state);
        let [slope] = looped.square().reduce_sum(..).gradients([state]);
        slope * 0.5
    });
    let first = Gradients::of([y.square()]).wrt_or_zeros(&[start, rows]);
    let squares = first[0].square().reduce_sum(..) + first[1].square().reduce_sum(..);
    let second = Gradients::of([squares]).wrt_or_zeros(&[start, rows]);
    let session = Session::new(&g).unwrap();
    let fed = |numbers: &[f64]| arr1(numbers);
    let (start_, rows_) = (fed(&[0.5, -1.0]), fed(&[0.25]));
    let run = session.feed(start, &start_).feed(rows, &rows_).feed(times, 1);
    // The slope of ((r + s)/2)² is (r + s)/2, of which half is taken.
    let (y, first, second) = run.run((y, first, second)).unwrap();
    assert_eq!(y, arr1(&[0.1875, -0.1875]).into_dyn());
    assert_eq!(first, [arr1(&[0.09375, -0.09375]).into_dyn(), arr1(&[0.0]).into_dyn()]);
    assert_eq!(second, [arr1(&[3.0 / 128.0, -3.0 / 128.0]).into_dyn(), arr1(&[0.0]).into_dyn()]);
}

#[test]
fn the_parts_of_a_checkpointed_scan_are_those_of_what_it_would_see() {
    let run = |options: Scan| {
        let g = Graph::new();
        let w = g.variable("w", arr1(&[1.0, 2.0, 3.0, 4.0]));
        let doubled = w.assign(w * 2.0);
        let (by_state, ()) = g.scan_with(options, doubled.reduce_sum(..), w.tensor(), |s, x| (s + x, ()));
        let v = g.variable("v", arr1(&[1.0, 2.0, 3.0, 4.0]));
        let total = v.assign(v * 2.0).reduce_sum(..);
        let start = g.constant(0.0);
        let (by_capture, ()) = g.scan_with(options, start, v.tensor(), |s, x| (s + x + total, ()));
        Session::new(&g).unwrap().run([by_state, by_capture]).unwrap().map(|sum| sum.sum())
    };
    assert_eq!(run(Scan::new()), [40.0, 100.0]);
    for block in [1, 2, 3, 4, 7] {
        assert_eq!(run(Scan::new().checkpoint_every(block)), [40.0, 100.0], "{block}");
    }
}
