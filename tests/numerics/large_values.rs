//! Graphs whose values are large enough to be computed again rather than kept: the same numbers in whatever way they run.

use flowgrad::SessionBuilder;
use flowgrad::ndarray::{Array2, ArrayD};
use flowgrad::prelude::*;

const ROWS: usize = 700;
const COLUMNS: usize = 60;

/// Numbers between -1 and 1 in no order.
fn numbers(step: f64) -> Array2<f64> {
    Array2::from_shape_fn((ROWS, COLUMNS), |(i, j)| ((i * COLUMNS + j) as f64 * step).sin())
}

type Of = for<'g> fn([Tensor<'g, f64>; 2]) -> Vec<Tensor<'g, f64>>;

/// By the mean and the variance of each column, and of each row; a value that two later regions read, in chains; one that
/// is fetched too, or read turned round; and one of which the lengths are not those of the region that reads it.
const CASES: [(&str, Of); 6] = [
    ("columns", |[x, y]| {
        let centered = x - x.reduce_mean(0);
        let normal = centered / (centered.square().reduce_mean(0) + 1e-3).sqrt();
        let loss = (normal * y).square().reduce_sum(..);
        let [dx, dy] = loss.gradients([x, y]);
        vec![normal, dx, dy]
    }),
    ("rows", |[x, y]| {
        let mean = x.reduce_mean(Axes::of([1]).keep_dims());
        let centered = (x - mean) * 2.0;
        let normal = centered * y.reduce_max(0);
        let again = normal - normal.reduce_mean(0);
        vec![again / (again.abs().reduce_max(0) + centered.reduce_min(0))]
    }),
    ("chains", |[x, y]| {
        let a = x * 3.0 - y;
        let b = a + a.reduce_sum(0);
        let c = b - b.reduce_max(0) * y.reduce_min(0);
        let d = c * 0.5 + c.reduce_mean(0);
        vec![d - d.reduce_mean(..), d.reduce_sum(1)]
    }),
    ("fetched", |[x, y]| {
        let a = x - y.reduce_sum(0);
        let b = a * a.reduce_max(0);
        vec![a, b - b.reduce_min(0)]
    }),
    ("turned", |[x, y]| {
        let a = x * 2.0 + y.reduce_max(0);
        let sums = a.reduce_sum(0);
        vec![a.transpose() * sums.expand_dims(1), a - sums, a.slice(1..) + sums]
    }),
    ("joined", |[x, y]| {
        let a = x - x.reduce_mean(0);
        let b = a * y.reduce_sum(0);
        let joined = x.graph().concat(&[a, b], 0);
        vec![joined - joined.reduce_max(0), b - b.reduce_max(0)]
    }),
];

fn found(of: Of, build: impl FnOnce(SessionBuilder<'_>) -> SessionBuilder<'_>) -> Vec<ArrayD<f64>> {
    let g = Graph::new();
    let [x, y] = ["x", "y"].map(|name| g.placeholder::<f64>(name, [Some(ROWS), Some(COLUMNS)]));
    let session = build(Session::builder(&g)).build().unwrap();
    let results = of([x, y]);
    session.feed(x, &numbers(1.7)).feed(y, &numbers(0.37)).run(results).unwrap()
}

#[test]
fn values_that_are_computed_again_have_the_same_bits_on_any_threads_and_interpreted() {
    for (name, of) in CASES {
        let once = found(of, |session| session.threads(1));
        assert!(once == found(of, |session| session.threads(3)), "{name}: threads");
        assert!(once == found(of, |session| session.threads(1).machine_code(false)), "{name}: interpreted");
    }
}

#[test]
fn values_that_are_computed_again_are_those_of_each_op_by_itself() {
    for (name, of) in CASES {
        let fused = found(of, |session| session.threads(2));
        let apart = found(of, |session| session.optimize(false));
        for (a, b) in fused.iter().zip(&apart) {
            let scale = b.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
            let worst = (a - b).iter().fold(0.0_f64, |most, x| most.max(x.abs()));
            assert!(worst <= 1e-11 * scale, "{name}: {worst} of {scale}");
        }
    }
}
