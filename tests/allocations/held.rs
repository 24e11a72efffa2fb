//! What a session holds of a graph's constants: each once, in each order in which some plan reads it, however many
//! requests use it; and nothing when nobody does.

use std::sync::atomic::Ordering;

use flowgrad::ndarray::{Array1, Array2, ArrayD};
use flowgrad::prelude::*;

use super::{HELD, alone};

/// Different requests for one constant.
const REQUESTS: usize = 60;

/// Rows of a constant of two columns of `f64`, 4 MB.
const ROWS: usize = 250_000;

const BYTES_OF_CONSTANT: usize = ROWS * 2 * 8;

/// Bytes that are held now.
fn held() -> usize {
    HELD.load(Ordering::Relaxed)
}

fn table(g: &Graph) -> Tensor<'_, f64> {
    g.constant(Array2::from_shape_fn((ROWS, 2), |(row, column)| (row % 10 + column) as f64))
}

/// Asserts that a session which has served many requests holds at most half as much again as after the first.
fn assert_held_once(request: for<'g> fn(&'g Graph, Tensor<'g, f64>, usize) -> Tensor<'g, f64>) {
    let _alone = alone();
    let before = held();
    let g = Graph::new();
    let table = table(&g);
    let session = Session::builder(&g).threads(1).build().unwrap();
    let run = |index| session.run(request(&g, table, index)).map(drop).unwrap();
    run(0);
    let one = held() - before;
    (1..REQUESTS).for_each(run);
    let all = held() - before;
    assert!(all <= one + one / 2, "{one} bytes after a request, {all} after {REQUESTS}");
}

#[test]
fn a_constant_read_by_columns_is_laid_out_once() {
    assert_held_once(|g, table, index| {
        let weights = g.variable(&format!("w{index}"), zeros([2, 1]));
        table.matmul(weights).reduce_sum(..)
    });
}

#[test]
fn what_is_computed_of_a_constant_is_held_once() {
    assert_held_once(|g, table, index| {
        // Built anew each time, but the same.
        let normal = (table - table.reduce_mean(0)) / 3.0;
        (normal * g.variable(&format!("w{index}"), 1.0)).reduce_sum(..)
    });
}

#[test]
fn what_a_kernel_makes_of_a_constant_is_held_once() {
    let _alone = alone();
    let before = held();
    let g = Graph::new();
    let part = table(&g).slice((1.., ..)).named("part");
    let session = Session::builder(&g).threads(1).build().unwrap();
    let run =
        |index| session.run((part * g.variable(&format!("w{index}"), 1.0)).reduce_sum(..).op()).unwrap();
    run(0);
    let one = held() - before;
    (1..REQUESTS).for_each(run);
    let all = held() - before;
    assert!(all <= one + one / 2, "{one} bytes after a request, {all} after {REQUESTS}");
}

#[test]
fn kernels_of_other_lengths_are_told_apart() {
    let g = Graph::new();
    let rows = g.constant(Array1::from_iter((0..6).map(f64::from)));
    let x = g.placeholder::<f64>("x", [None]);
    // The part depends on how many rows are fed before it.
    let both = g.concat(&[x, rows], 0);
    let [slope] = Gradients::of([both]).grad_ys([g.concat(&[rows, x], 0)]).wrt(&[rows])[..] else { panic!() };
    let session = Session::builder(&g).threads(1).build().unwrap();
    for length in [2, 0, 1] {
        let fed = Array1::from_elem(length, 9.0);
        let expected: Vec<f64> = (length..6).map(|row| row as f64).chain(vec![9.0; length]).collect();
        let found = session.feed(x, &fed).run(slope.unwrap()).unwrap();
        assert_eq!(found, Array1::from(expected).into_dyn());
    }
}

#[test]
fn results_that_all_differ_are_let_go() {
    let _alone = alone();
    let before = held();
    let g = Graph::new();
    let table = table(&g);
    let session = Session::builder(&g).threads(1).build().unwrap();
    let mut most = 0;
    for index in 0..REQUESTS {
        let scaled = (table + index as f64).sqrt();
        let sum = session.run((scaled * g.variable(&format!("w{index}"), 1.0)).reduce_sum(..)).unwrap();
        let expected: f64 =
            (0..ROWS).flat_map(|row| [row % 10, row % 10 + 1]).map(|x| ((x + index) as f64).sqrt()).sum();
        assert!((sum.sum() - expected).abs() < 1e-6 * expected.max(1.0));
        most = most.max(held() - before);
    }
    // The budget is 64 MB, and what comes until it is found to be spent.
    assert!(most < 40 * BYTES_OF_CONSTANT, "{most} bytes");
}

#[test]
fn constants_go_with_the_session_and_its_callables() {
    let _alone = alone();
    let g = Graph::new();
    let normal = table(&g).sqrt() * g.variable("w", 1.0);
    let before = held();
    let session = Session::builder(&g).threads(1).build().unwrap();
    let calls =
        [0, 1].map(|index| session.make_callable((), (normal + f64::from(index)).reduce_sum(..)).unwrap());
    for call in &calls {
        call.call(()).unwrap();
    }
    drop(session);
    assert!(held() - before >= BYTES_OF_CONSTANT);
    drop(calls);
    let left = held() - before;
    assert!(left < BYTES_OF_CONSTANT / 10, "{left} bytes are left");
}

#[test]
fn the_starts_of_variables_are_not_kept() {
    let _alone = alone();
    let g = Graph::new();
    let v = g.variable::<f64>("v", random_normal([ROWS, 2], 0.0, 1.0));
    let session = Session::builder(&g).threads(1).build().unwrap();
    let start = session.run(v).unwrap();
    // An assignment makes room for the next value.
    session.run(v.assign_add(1.0).op()).unwrap();
    let before = held();
    let initialize = session.make_callable((), g.initializer()).unwrap();
    initialize.call(()).unwrap();
    let left = held().saturating_sub(before);
    assert!(left < BYTES_OF_CONSTANT / 10, "{left} bytes are left");
    assert_eq!(session.run(v).unwrap(), start);
    // Variables that came later are initialized as well.
    let late = g.variable("late", 1.0_f64);
    session.run(late.assign_add(1.0)).unwrap();
    initialize.call(()).unwrap();
    assert_eq!(session.run(late).unwrap(), ArrayD::from_elem(vec![], 1.0));
}
