//! What every iteration of a loop would compute alike is computed once, which changes no result.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flowgrad::ndarray::{Array3, ArrayD, arr1, arr2};
use flowgrad::op::{ArrayMut, ArrayRef, Fault, Kernel, KernelError, Lowering, Op, TensorType, Val};
use flowgrad::prelude::*;

/// Squares, and counts how often it does.
#[derive(Clone, Debug)]
struct Counted {
    runs: Arc<AtomicUsize>,
    must_run: bool,
}

impl Op for Counted {
    fn name(&self) -> &'static str {
        "counted"
    }

    fn infer(&self, inputs: &[&TensorType]) -> std::result::Result<TensorType, Fault> {
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dims = to.dims(inputs[0]).to_vec();
        to.kernel(self.clone(), inputs, DType::F64, dims)
    }

    fn pullback(&self, at: &mut flowgrad::op::Pullback<'_>) {
        let x = at.input(0);
        at.scale(0, || x * 2.0);
    }
}

impl Kernel for Counted {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> std::result::Result<(), KernelError> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        output.into_view::<f64>()?.assign(&inputs[0].view::<f64>()?.mapv(|x| x * x));
        Ok(())
    }

    fn must_run(&self) -> bool {
        self.must_run
    }
}

/// How often a run of a loop squares a captured vector, in forward and gradient.
fn squarings(trips: i64, must_run: bool, optimize: bool) -> (usize, Vec<ArrayD<f64>>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let g = Graph::new();
    let w = g.variable("w", arr1(&[0.5, -0.25, 0.125]));
    let x = g.placeholder::<f64>("x", [3]);
    let count = g.placeholder::<i64>("count", []);
    let counted = Counted { runs: Arc::clone(&runs), must_run };
    let (_, y) = g.while_loop(
        |(i, _): (Tensor<i64>, Tensor<f64>)| i.less(count),
        |(i, y)| {
            let squares: Tensor<f64> = g.custom(counted.clone(), &[w.tensor().any()]);
            (i + 1, y * 0.5 + (squares * y).sin())
        },
        (g.constant(0_i64), x),
    );
    let [by_w, by_x] = y.reduce_sum(..).gradients([w.tensor(), x]);
    let session = Session::builder(&g).optimize(optimize).build().unwrap();
    let given = session.feed(x, &arr1(&[1.0, 2.0, 3.0])).feed(count, trips).run(vec![y, by_w, by_x]).unwrap();
    (runs.load(Ordering::Relaxed), given)
}

#[test]
fn what_each_iteration_would_compute_is_computed_once() {
    let (once, found) = squarings(20, false, true);
    assert_eq!(once, 1);
    let (each, expected) = squarings(20, false, false);
    assert!(each >= 20, "{each}");
    assert_eq!(found, expected);
}

#[test]
fn what_can_be_seen_runs_in_each_iteration_and_in_no_other() {
    assert!(squarings(20, true, true).0 >= 20);
    assert_eq!(squarings(0, true, true).0, 0);
    assert_eq!(squarings(0, false, true).1, squarings(0, false, false).1);
}

#[test]
fn what_can_fail_does_not_fail_before_the_loop() {
    let g = Graph::new();
    let (count, by) = (g.placeholder::<i64>("count", []), g.placeholder::<i64>("by", []));
    let sum = g.while_loop(
        |(i, _): (Tensor<i64>, Tensor<i64>)| i.less(count),
        |(i, sum)| (i + 1, sum + g.constant(12_i64) / by),
        (g.constant(0_i64), g.constant(0_i64)),
    );
    let session = Session::new(&g).unwrap();
    let run = |count_is: i64, by_is: i64| session.feed(count, count_is).feed(by, by_is).run(sum.1);
    assert_eq!(run(0, 0).unwrap().item().unwrap(), 0);
    assert_eq!(run(3, 4).unwrap().item().unwrap(), 9);
    let error = run(3, 0).unwrap_err().to_string();
    assert!(error.contains("iteration 0"), "{error}");
}

#[test]
fn products_and_what_is_nested_come_before_all_loops() {
    let build = |optimize| {
        let runs = Arc::new(AtomicUsize::new(0));
        let g = Graph::new();
        let w = g.variable("w", arr2(&[[0.1, 0.2], [0.3, -0.4]]));
        let b = g.variable("b", arr1(&[0.5, 0.75]));
        let counted = Counted { runs: Arc::clone(&runs), must_run: false };
        let x = g.fori(
            5,
            |_, x: Tensor<f64>| {
                g.fori(
                    4,
                    |_, x: Tensor<f64>| {
                        let squares: Tensor<f64> = g.custom(counted.clone(), &[b.tensor().any()]);
                        x.matmul(w.matmul(w.tensor()).exp()).tanh() + squares
                    },
                    x * 0.5,
                )
            },
            g.constant(arr2(&[[1.0, 2.0]])),
        );
        let [by_w, by_b] = x.reduce_sum(..).gradients([w.tensor(), b.tensor()]);
        let session = Session::builder(&g).optimize(optimize).build().unwrap();
        (session.run(vec![x, by_w, by_b]).unwrap(), runs.load(Ordering::Relaxed))
    };
    let ((found, once), (expected, each)) = (build(true), build(false));
    assert_eq!(once, 1);
    assert!(each >= 20, "{each}");
    for (found, expected) in found.iter().zip(&expected) {
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found} is not {expected}");
    }
}

#[test]
fn the_first_operation_that_gives_no_number_is_named() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [3]);
    let y = g.fori(2, |_, s: Tensor<f64>| (s * 0.5 + x.ln().named("logarithm").sin()).tanh(), g.zeros([3]));
    for optimize in [true, false] {
        let session = Session::builder(&g).optimize(optimize).check_numerics(true).build().unwrap();
        let error = session.feed(x, &arr1(&[-1.0, 1.0, 2.0])).run(y).unwrap_err().to_string();
        assert!(error.contains("logarithm"), "{error}");
    }
}

/// The rewrites that an explanation tells, line by line.
fn rewrites(text: &str) -> Vec<&str> {
    text.lines().skip(1).take_while(|line| !line.is_empty()).collect()
}

#[test]
fn rewrites_of_loops_are_told_and_counted() {
    let g = Graph::new();
    let [u, w] = ["u", "w"].map(|name| g.variable(name, arr2(&[[0.3, -0.2], [0.1, 0.4]])).tensor());
    let xs = g.variable("xs", Array3::from_shape_fn((6, 1, 2), |(i, _, j)| (i + j) as f64 * 0.1)).tensor();
    let (scale, start) = (g.constant(arr1(&[0.1, 0.2])), g.variable("start", arr2(&[[0.5, -0.5]])).tensor());
    // Something for each: a constant from outside, what is the same each time, what nobody reads, and in the gradient a
    // cheap value and a sum of products.
    let ((y, _), ()) = g.scan((start, g.constant(0.0)), xs, |(s, unread), x| {
        let same = w.matmul(w).exp().reduce_sum(0) * scale;
        (((s + x).matmul(u).tanh() + same, unread + x.reduce_sum(..)), ())
    });
    let [by_u, by_xs] = y.square().reduce_sum(..).gradients([u, xs]);
    let fetches = vec![y, by_u, by_xs];
    let up_to = |most: usize| {
        let session = Session::builder(&g).max_rewrites(most).build().unwrap();
        (session.explain(fetches.clone()).unwrap(), session.run(fetches.clone()).unwrap())
    };
    let (all, expected) = up_to(usize::MAX);
    let all = rewrites(&all);
    for rule in ["inline", "hoist", "recompute", "sums", "unread"] {
        assert!(all.iter().any(|line| line.contains(&format!(". {rule}: "))), "{rule}: {all:#?}");
    }
    for most in 0..all.len() {
        let (text, found) = up_to(most);
        // They come one after the other, so that the last one told is the one that makes the difference.
        assert_eq!(rewrites(&text).len(), most, "{text}");
        for (found, expected) in found.iter().zip(&expected) {
            assert!(
                found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12),
                "{most}: {found} is not {expected}"
            );
        }
    }
}
