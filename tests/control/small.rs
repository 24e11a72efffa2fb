//! Loops of small bodies, which run as a line of calls, and from which is left out what nobody needs.

use std::time::Duration;

use flowgrad::ndarray::{Array, ArrayD, arr1};
use flowgrad::prelude::*;

/// Runs on one thread and three, with machine code and without, which must give the same bits, and unoptimized.
macro_rules! everywhere {
    ($element:ty, $g:expr, $fetches:expr, $tolerance:expr) => {{
        let run =
            |builder: flowgrad::SessionBuilder<'_>| builder.build().unwrap().run($fetches.clone()).unwrap();
        let one = run(Session::builder($g).threads(1));
        let bits = |values: &[ArrayD<$element>]| -> Vec<Vec<_>> {
            values.iter().map(|value| value.iter().map(|x| x.to_bits()).collect()).collect()
        };
        assert_eq!(bits(&one), bits(&run(Session::builder($g).threads(3))));
        assert_eq!(bits(&one), bits(&run(Session::builder($g).machine_code(false))));
        let plain = run(Session::builder($g).optimize(false));
        for (a, b) in one.iter().zip(&plain) {
            let off = |(a, b): (&$element, &$element)| f64::from((a - b).abs()) <= $tolerance;
            assert!(a.iter().zip(b).all(off), "{a} is not {b}");
        }
        one
    }};
}

/// States that swap places, that are stacked, that stay; rows, whole operands of one number beside many, and stacks.
macro_rules! turns {
    ($element:ty, $width:expr, $count:expr, $reverse:expr, $tolerance:expr) => {{
        let (width, count): (usize, usize) = ($width, $count);
        let numbers = |seed: usize| -> Vec<$element> {
            (0..width).map(|i| ((i * 7 + seed * 5) % 11) as $element / 7.0 - 0.6).collect()
        };
        let g = Graph::new();
        let [a, b, c] = [1, 2, 3].map(|seed| g.variable(&format!("v{seed}"), arr1(&numbers(seed))).tensor());
        let scale = g.variable("scale", 0.75 as $element).tensor();
        let rows: Vec<$element> = (0..count).flat_map(|row| numbers(row + 4)).collect();
        let xs = g.constant(Array::from_shape_vec((count, width), rows).unwrap());
        let options = if $reverse { Scan::new().reverse() } else { Scan::new() };
        let ((a_last, b_last, c_last), (ys, zs)) = g.scan_with(options, (a, b, c), xs, |(a, b, c), x| {
            ((b, a * 0.5 + b * scale + x, c), (a + x * c, b))
        });
        let found = everywhere!($element, &g, vec![a_last, b_last, c_last, ys, zs], $tolerance);

        let [mut a, mut b, c] = [1, 2, 3].map(numbers);
        let [mut ys, mut zs] = [vec![0.0; count * width], vec![0.0; count * width]];
        for trip in 0..count {
            let row = if $reverse { count - 1 - trip } else { trip };
            let x = numbers(row + 4);
            for i in 0..width {
                ys[row * width + i] = a[i] + x[i] * c[i];
                zs[row * width + i] = b[i];
                (a[i], b[i]) = (b[i], a[i] * 0.5 + b[i] * 0.75 + x[i]);
            }
        }
        for (found, expected) in found.iter().zip([a, b, c, ys, zs]) {
            assert_eq!(found.len(), expected.len());
            let off = |(a, b): (&$element, &$element)| f64::from((a - b).abs()) <= $tolerance;
            assert!(found.iter().zip(&expected).all(off), "{found} is not {expected:?}");
        }
    }};
}

#[test]
fn states_take_turns_and_rows_go_either_way() {
    for (width, count) in [(1, 3), (3, 0), (3, 1), (3, 2), (3, 7), (8, 4), (9, 5), (32, 6)] {
        for reverse in [false, true] {
            turns!(f64, width, count, reverse, 1e-12);
            turns!(f32, width, count, reverse, 1e-4);
        }
    }
}

/// A step of which the derivatives need the state before it.
fn step<'g>(x: Tensor<'g, f64>, w: Tensor<'g, f64>) -> Tensor<'g, f64> {
    x * w - x * x * 0.1
}

#[test]
fn loops_of_open_length_are_those_of_known_length() {
    for times in [0_usize, 1, 2, 9] {
        let g = Graph::new();
        let x = g.variable("x", arr1(&[0.3, -0.8, 1.2])).tensor();
        let w = g.variable("w", 0.9).tensor();
        let limit = g.variable("limit", times as f64).tensor();
        let known = g.fori(times, |_, x| step(x, w), x);
        let counted = g.fori(g.constant(times as i64), |_, x| step(x, w), x);
        let (_, open) = g.while_loop(
            |(t, _): (Tensor<'_, f64>, _)| t.less(limit),
            |(t, x)| (t + 1.0, step(x, w)),
            (g.constant(0.0), x),
        );
        // Twice in the outer loop, so that the inner one reads what the outer one has just written.
        let nested = g.fori(2, |_, x| g.fori(times, |_, x| step(x, w), x), x);
        let unrolled = (0..2 * times).fold(x, |x, _| step(x, w));
        let all = |y: Tensor<'_, f64>| {
            let gradients = Gradients::of([y.reduce_sum(..)]).wrt_or_zeros(&[x, w]);
            everywhere!(f64, &g, [&[y][..], &gradients].concat(), 1e-12)
        };
        let close = |a: &[ArrayD<f64>], b: &[ArrayD<f64>]| {
            for (a, b) in a.iter().zip(b) {
                assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12), "{a} is not {b}");
            }
        };
        let first = all(known);
        close(&all(counted), &first);
        close(&all(open), &first);
        close(&all(nested), &all(unrolled));
    }
}

#[test]
fn the_counter_counts_where_it_is_read() {
    let g = Graph::new();
    let x = g.variable("x", arr1(&[1.0, 2.0])).tensor();
    let y = g.fori(5, |i, x| x * 0.5 + i.cast::<f64>(), x);
    let found = everywhere!(f64, &g, vec![y], 1e-12);
    assert_eq!(found[0], arr1(&[6.15625, 6.1875]).into_dyn());
}

/// The line of the program that is the loop.
fn looped(g: &Graph, fetch: Tensor<'_, f64>) -> String {
    let text = Session::builder(g).threads(1).build().unwrap().explain(fetch).unwrap();
    let mut lines = text.lines().filter(|line| line.contains("= loop"));
    let found = lines.next().unwrap_or_else(|| panic!("no loop in\n{text}")).to_owned();
    assert_eq!(lines.next(), None, "{text}");
    found
}

#[test]
fn what_nobody_needs_is_no_state() {
    let g = Graph::new();
    let [x, y] = [("x", 1.0), ("y", 2.0)].map(|(name, value)| g.variable(name, value).tensor());
    // The counter is not read, and neither is the last of `y`, whose value goes into itself alone.
    let (last, _) = g.fori(4, |_, (x, y)| (x * 0.5, y * 2.0), (x, y));
    let text = looped(&g, last);
    assert!(text.contains("4 times of [state 0]"), "{text}");
    // What a state that is read needs stays, if by a detour, with all that this needs.
    let (last, ..) = g.fori(4, |_, (_, y, z, u)| (y * 0.5, z, z + 1.0, u * 3.0), (x, y, x, y));
    let text = looped(&g, last);
    assert!(text.contains("4 times of [state 1, state 2]"), "{text}");
    assert_eq!(Session::new(&g).unwrap().run(last).unwrap().sum(), 1.5);
    // What stays the same is fed as it is, and its last value is its first.
    let (last, same) = g.fori(4, |_, (x, y)| (x * y, y), (x, y));
    let text = looped(&g, last + same);
    assert!(text.contains("4 times of [state 0, whole 1]"), "{text}");
    assert_eq!(Session::new(&g).unwrap().run(last + same).unwrap().sum(), 18.0);
    // The condition needs the counter.
    let times = g.constant(4_i64);
    let text = looped(&g, g.fori(times, |_, x| x * 0.5, x));
    assert!(text.contains("while"), "{text}");
    assert_eq!(text.matches("state").count(), 2, "{text}");
}

#[test]
fn what_is_checked_keeps_what_it_reads() {
    let g = Graph::new();
    let divisor = g.constant(2_i64);
    let x = g.variable("x", 1.0).tensor();
    // Nobody reads the last quotient, but the iteration that has none must say so.
    let (last, ..) = g.fori(
        4,
        |_, (x, d, q): (Tensor<'_, f64>, Tensor<'_, i64>, Tensor<'_, i64>)| {
            (x * 0.5, d - 1, q + g.constant(6_i64) / d)
        },
        (x, divisor, divisor),
    );
    let error = Session::new(&g).unwrap().run(last).unwrap_err();
    assert!(matches!(error, Error::Iteration { iteration: 2, .. }), "{error}");
}

#[test]
fn a_line_of_calls_ends_with_its_time() {
    let g = Graph::new();
    let x = g.variable("x", 1.0).tensor();
    let endless = g.while_loop(|x: Tensor<'_, f64>| x.less(2.0), |x| x * 0.5 + 0.5, x);
    let session = Session::new(&g).unwrap().with_timeout(Duration::from_millis(20));
    assert!(session.run(endless).is_err());
}

/// Loops that are one function, by how often they run: what ends them comes between calls of it, or within one.
#[test]
fn a_loop_of_one_program_runs_as_often_as_it_is_told() {
    for times in [0_i64, 1, 2, 1023, 1024, 1025, 5000] {
        let g = Graph::new();
        let end = g.placeholder::<i64>("end", []);
        let counted = g.while_loop(|i: Tensor<'_, i64>| i.less(end), |i| i + 1, g.constant(0));
        let at_most = While::new().maximum_iterations(2000);
        let cut_short = g.while_with(at_most, |i: Tensor<'_, i64>| i.less(end), |i| i + 1, g.constant(0));
        let fixed = g.fori(times as usize, |_, x: Tensor<'_, f64>| x + 1.0, g.constant(0.0));
        for code in [true, false] {
            let session = Session::builder(&g).machine_code(code).build().unwrap();
            let (counted, cut_short, fixed) =
                session.feed(end, times).run((counted, cut_short, fixed)).unwrap();
            assert_eq!(counted.item().unwrap(), times);
            assert_eq!(cut_short.item().unwrap(), times.min(2000));
            assert_eq!(fixed.item().unwrap(), times as f64);
        }
    }
}

/// Loops that become one function where there is machine code, and loops that cannot.
#[test]
fn small_loops_become_functions() {
    const FUNCTION: &str = ": one function, with ";
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", []);
    let rows = g.placeholder::<f64>("rows", [5, 3]);
    let counted = g.while_loop(|i: Tensor<'_, i64>| i.less(100), |i| i + 1, g.constant(0));
    let last = g.while_loop(|x: Tensor<'_, f64>| x.greater(1e-3), |x| x * 0.5, x);
    let [slope] = last.gradients([x]);
    let backward = Scan::new().reverse();
    let (vector, ()) =
        g.scan_with(backward, g.zeros([3]), rows, |s: Tensor<'_, f64>, row| (s * 0.5 + row, ()));
    let swapped = g.fori(7, |_, (a, b): (Tensor<'_, f64>, Tensor<'_, f64>)| (b, a), (x, x * 2.0)).0;
    let functions = [
        ("counted", counted.op()),
        ("slope", slope.op()),
        ("vector", vector.op()),
        ("swapped", swapped.op()),
    ];
    let mixed = g.while_loop(
        |(i, _): (Tensor<'_, i64>, Tensor<'_, f64>)| i.less(9),
        |(i, x)| (i + 1, x * 0.5),
        (g.constant(0), x),
    );
    let long = g.fori(7, |_, s: Tensor<'_, f64>| s * 0.5 + 1.0, g.zeros([9]));
    let lines = [("mixed", mixed.1.op()), ("long", long.op())];
    let session = Session::new(&g).unwrap();
    let data = Array::from_elem((5, 3), 0.5);
    let explained = |of| session.feed(x, 2.0).feed(rows, &data).explain(of).unwrap();
    // Whether there is machine code at all.
    let has_code = explained((x * 2.0 + 1.0).tanh().op()).contains("machine code: ");
    for (name, of) in functions {
        assert_eq!(explained(of).contains(FUNCTION), has_code, "{name}: {}", explained(of));
    }
    for (name, of) in lines {
        assert!(!explained(of).contains(FUNCTION), "{name}: {}", explained(of));
    }
}

#[test]
fn tapes_grow_as_a_function_goes_on() {
    let g = Graph::new();
    let w = g.placeholder::<f64>("w", []);
    // Rows of 8 bytes on some pages.
    let last = g.while_loop(|x: Tensor<'_, f64>| x.greater(1e-3), |x| x * w + x * x * 1e-4, g.constant(1.0));
    let [dw] = last.gradients([w]);
    for number in [0.5, 0.99, 0.998] {
        let found = [true, false].map(|code| {
            let session = Session::builder(&g).machine_code(code).build().unwrap();
            [(); 2].map(|()| session.feed(w, number).run([last, dw]).unwrap())
        });
        assert_eq!(found[0], found[1]);
        let (mut x, mut slope) = (1.0_f64, 0.0);
        while x > 1e-3 {
            slope = slope * (number + x * 2e-4) + x;
            x = x * number + x * x * 1e-4;
        }
        assert!((found[0][0][0].sum() - x).abs() < 1e-12);
        assert!((found[0][1][1].sum() / slope - 1.0).abs() < 1e-9, "{number}: {slope}");
    }
}

/// A step with totals of rows, of columns and of all.
fn reduced(x: Tensor<'_, f64>) -> Tensor<'_, f64> {
    let rows = x.reduce_sum(1).expand_dims(1) * 0.125;
    let columns = x.reduce_max(0) - x.reduce_sum(0) * 0.25;
    x * 0.5 + rows + columns + x.square().reduce_mean(..)
}

#[test]
fn totals_begin_anew_in_each_iteration() {
    for dims in [[1, 1], [3, 4], [9, 1], [1, 32], [40, 7]] {
        let g = Graph::new();
        let numbers = (0..dims[0] * dims[1]).map(|i| ((i * 7) % 11) as f64 / 19.0 - 0.3);
        let x = g.variable("x", Array::from_shape_vec(dims, numbers.collect()).unwrap()).tensor();
        let found = everywhere!(f64, &g, vec![g.fori(3, |_, x| reduced(x), x)], 1e-12);
        let expected = Session::new(&g).unwrap().run((0..3).fold(x, |x, _| reduced(x))).unwrap();
        let off = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
        assert!(found[0].iter().zip(&expected).all(off), "{} is not {expected}", found[0]);
    }
}
