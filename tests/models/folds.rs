//! Parts for cross-validation: each row is tested on once, and classes have their shares, as scikit-learn 1.9.1 deals
//! them out.

use std::collections::BTreeSet;

use flowgrad::data::Dataset;
use flowgrad::ndarray::{Array1, Array2};
use proptest::prelude::*;

fn numbered(rows: usize) -> Dataset<f32, i64> {
    let inputs = Array2::from_shape_fn((rows, 2), |(row, _)| row as f32);
    Dataset::new(inputs, Array1::from_iter(0..rows as i64)).unwrap()
}

/// The rows to train on and to test on, in order, of each part.
fn rows(folds: impl Iterator<Item = (Dataset<f32, i64>, Dataset<f32, i64>)>) -> Vec<[Vec<i64>; 2]> {
    folds.map(|(train, test)| [train, test].map(|part| part.targets().iter().copied().collect())).collect()
}

proptest! {
    #[test]
    fn each_row_is_tested_on_once((count, k) in (2..60_usize).prop_flat_map(|n| (Just(n), 2..=n)), seed: u64) {
        let data = numbered(count);
        let labels: Array1<i64> = (0..count as i64).map(|row| row * row % 3).collect();
        for folds in [data.folds(k, seed).unwrap(), data.stratified_folds(k, &labels, seed).unwrap()] {
            prop_assert_eq!(folds.len(), k);
            let parts = rows(folds);
            let mut tested: Vec<i64> = Vec::new();
            for [train, test] in &parts {
                prop_assert!(test.len() == count / k || test.len() == count / k + 1);
                let all: BTreeSet<i64> = train.iter().chain(test).copied().collect();
                prop_assert_eq!((all.len(), train.len() + test.len()), (count, count));
                prop_assert!(train.is_sorted() && test.is_sorted());
                tested.extend(test);
            }
            tested.sort_unstable();
            prop_assert!(tested.into_iter().eq(0..count as i64));
        }
    }
}

/// The sizes of `KFold(5, shuffle=True)`, and the rows of each class that `StratifiedKFold(5, shuffle=True)` gives to
/// each part. Which rows is random in both.
#[test]
fn parts_have_the_sizes_of_scikit_learn() {
    let data = numbered(83);
    let sizes: Vec<usize> = data.folds(5, 0).unwrap().map(|(_, test)| test.len()).collect();
    assert_eq!(sizes, [17, 17, 17, 16, 16]);
    let labels: Array1<i64> = (0..83_i64)
        .map(|row| ((row * 7919 + 13) % 1009 % 7).min(4))
        .map(|class| [4, 1, 2, 3, 0].iter().position(|&other| other == class).unwrap() as i64)
        .collect();
    for seed in 0..5 {
        let counts = data.stratified_folds(5, &labels, seed).unwrap().map(|(_, test)| {
            let mut counts = [0; 5];
            test.targets().iter().for_each(|&row| counts[labels[row as usize] as usize] += 1);
            counts
        });
        let expected = [[7, 3, 2, 3, 2], [7, 3, 2, 3, 2], [7, 2, 3, 2, 3], [7, 2, 3, 2, 2], [7, 2, 3, 2, 2]];
        assert!(counts.eq(expected));
    }
}

/// The orders that later releases must give.
#[test]
fn parts_are_a_function_of_the_seed() {
    let of = |seed: u64| rows(numbered(10).folds(3, seed).unwrap());
    assert_eq!(of(7), of(7));
    assert_ne!(of(7), of(8));
    let tested: Vec<Vec<i64>> = of(7).into_iter().map(|[_, test]| test).collect();
    insta::assert_compact_debug_snapshot!(tested, @"[[2, 3, 4, 8], [0, 1, 6], [5, 7, 9]]");
    let labels = Array1::from_iter((0..10).map(|row| row % 2 == 0));
    let stratified = rows(numbered(10).stratified_folds(3, &labels, 7).unwrap());
    let tested: Vec<Vec<i64>> = stratified.into_iter().map(|[_, test]| test).collect();
    insta::assert_compact_debug_snapshot!(tested, @"[[0, 2, 3, 5], [1, 4, 9], [6, 7, 8]]");
}

#[test]
fn parts_that_cannot_be_are_refused() {
    let data = numbered(4);
    for k in [0, 1, 5, usize::MAX] {
        let expected = format!("expected from 2 to 4 parts of 4 rows, got {k}");
        assert_eq!(data.folds(k, 0).map(drop).unwrap_err().to_string(), expected);
        let stratified = data.stratified_folds(k, data.targets(), 0).map(drop);
        assert_eq!(stratified.unwrap_err().to_string(), expected);
    }
    let refused =
        |labels: Array1<f64>| data.stratified_folds(2, &labels, 0).map(drop).unwrap_err().to_string();
    assert_eq!(refused(Array1::zeros(3)), "expected a label for each of 4 rows, got labels of shape [3]");
    assert_eq!(
        refused(Array1::from_elem(4, 0.5)),
        "labels: expected a class, counted from 0, got 0.5 in row 0"
    );
}
