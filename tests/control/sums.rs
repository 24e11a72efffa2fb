//! What a loop only adds up: products and sums of rows are added up behind it, which changes no result beyond rounding.

use flowgrad::ndarray::{ArrayD, IxDyn};
use flowgrad::prelude::*;

type T<'g> = Tensor<'g, f64>;

/// Numbers that a plan does not know.
fn numbers<'g>(g: &'g Graph, name: &str, shape: &[usize]) -> T<'g> {
    let mut index = name.len() * 77 + usize::from(name.as_bytes()[0]);
    let array = ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        index = (index * 1_103 + 12_345) % 65_537;
        index as f64 / 65_537.0 - 0.5
    });
    g.variable(name, array).tensor()
}

/// The text of the optimized program, which gives what the one that is not optimized gives.
fn checked(g: &Graph, fetches: Vec<T<'_>>) -> String {
    let session = |optimize: bool| Session::builder(g).optimize(optimize).build().unwrap();
    let run = |optimize: bool| session(optimize).run(fetches.clone()).unwrap();
    for (a, b) in run(true).iter().zip(&run(false)) {
        assert!(
            a.shape() == b.shape() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-10),
            "{a} is not {b}"
        );
    }
    session(true).explain(fetches).unwrap()
}

/// The program around the loops, and those of loops.
fn programs(text: &str) -> (&str, &str) {
    let text = text.split("plan: b are buffers").next().unwrap();
    text.split_once("program of `").unwrap()
}

#[test]
fn products_of_rows_are_one_behind_the_loop() {
    for [rows, k] in [[2, 3], [12, 3], [12, 1], [1, 3]] {
        for reverse in [false, true] {
            let g = Graph::new();
            let [a, b] = [("a", 5), ("b", 4)].map(|(name, width)| numbers(&g, name, &[rows, k, width]));
            let options = if reverse { Scan::new().reverse() } else { Scan::new() };
            let (sum, ()) = g.scan_with(options, numbers(&g, "s", &[5, 4]), (a, b), |s, (a, b)| {
                (s + a.transpose().matmul(b.sin()), ())
            });
            checked(&g, sum.square().reduce_sum(..).gradients([a, b]).to_vec());
            let text = checked(&g, vec![sum]);
            let (around, inside) = programs(&text);
            assert_eq!(around.contains("= dot "), rows > 1, "{text}");
            assert_eq!(inside.contains("= dot "), rows == 1, "{text}");
        }
    }
}

#[test]
fn sums_of_rows_go_with_the_products() {
    let g = Graph::new();
    let [a, b] = [("a", 5), ("b", 4)].map(|(name, width)| numbers(&g, name, &[9, 3, width]));
    let start = (numbers(&g, "s", &[5, 4]), numbers(&g, "t", &[4]), numbers(&g, "u", &[3, 4]));
    let ((s, t, u), ()) = g.scan(start, (a, b), |(s, t, u), (a, b)| {
        let next = (u * 0.5 + b).tanh();
        ((s + a.transpose().matmul(next), next.reduce_sum(0) + t, next), ())
    });
    let text = checked(&g, vec![s, t, u]);
    let (around, inside) = programs(&text);
    assert!(around.contains("= dot ") && around.contains("= sum 0..2"), "{text}");
    assert!(!inside.contains("= dot ") && !inside.contains("= sum "), "{text}");
}

#[test]
fn sums_that_iterations_look_at_stay_in_the_loop() {
    let g = Graph::new();
    let [a, b] = [("a", 5), ("b", 4)].map(|(name, width)| numbers(&g, name, &[9, 3, width]));
    let start = numbers(&g, "s", &[5, 4]);
    // What is added depends on the sum; the sum is stacked; it is scaled before.
    let (read, ()) = g.scan(start, (a, b), |s, (a, b)| (s + a.transpose().matmul(b * s.reduce_mean(..)), ()));
    let (last, stacked) = g.scan(start, (a, b), |s, (a, b)| {
        let next = s + a.transpose().matmul(b);
        (next, next)
    });
    let (scaled, ()) = g.scan(start, (a, b), |s, (a, b)| (s * 0.5 + a.transpose().matmul(b), ()));
    for fetches in [vec![read], vec![last, stacked], vec![scaled]] {
        let text = checked(&g, fetches);
        assert!(programs(&text).1.contains("= dot "), "{text}");
    }
    // Where nobody reads the rows, all that there is to do is one product.
    assert!(!checked(&g, vec![last]).contains("= loop `"));
}

#[test]
fn what_is_the_same_each_time_is_not_stacked() {
    let g = Graph::new();
    let h = numbers(&g, "h", &[3, 5]);
    let [by_variable, by_constant] = [numbers(&g, "c", &[3, 4]), g.constant(ndarray_of([3, 4]))].map(|c| {
        let (_, sum) = g.fori(
            50,
            |_, (x, s): (T<'_>, T<'_>)| (x * 0.9, s + (x * 1.5).transpose().matmul(c.reshape([3, 4]))),
            (h, g.zeros([5, 4])),
        );
        sum
    });
    for sum in [by_variable, by_constant] {
        let text = checked(&g, vec![sum]);
        assert!(!text.contains("[50, 3, 4]"), "{text}");
    }
}

fn ndarray_of(shape: [usize; 2]) -> ArrayD<f64> {
    ArrayD::from_shape_fn(IxDyn(&shape), |index| (index[0] * 4 + index[1]) as f64 * 0.1)
}

/// Bytes of the arena of a run's plan.
fn arena_bytes(text: &str) -> f64 {
    let line = text.lines().find(|line| line.ends_with(" without reuse")).unwrap();
    let (_, bytes) = line.rsplit_once("arena ").unwrap();
    bytes.split_once(" bytes").unwrap().0.parse().unwrap()
}

#[test]
fn checkpoints_save_what_products_would_stack() {
    const WIDTH: usize = 64;
    const STEPS: usize = 400;
    let bytes = |options: Scan| {
        let g = Graph::new();
        let xs = numbers(&g, "xs", &[STEPS, 1, WIDTH]);
        let w = numbers(&g, "w", &[WIDTH, WIDTH]) * 0.1;
        let (last, ()) =
            g.scan_with(options, numbers(&g, "s", &[1, WIDTH]), xs, |s, x| ((s.matmul(w) + x).tanh(), ()));
        let [by_w] = last.square().reduce_sum(..).gradients([w]);
        arena_bytes(&checked(&g, vec![last, by_w]))
    };
    let (few, all) = (bytes(Scan::new().checkpoint_sqrt()), bytes(Scan::new()));
    assert!(few < 0.4 * all, "{few} of {all} bytes");
}
