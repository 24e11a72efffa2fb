//! Datasets, their splits and batches, against plain indexing of the arrays that they were made of.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use flowgrad::Float;
use flowgrad::data::{Batches, DataError, Dataset, Prefetch as _, Standardiser};
use flowgrad::ndarray::{Array, Array1, Array2, ArrayD, Axis, IxDyn, ShapeBuilder, array};
use proptest::prelude::*;

/// A dataset whose every element says which row and place it is of: inputs `[rows, width..]`, targets `[rows]`.
fn numbered(rows: usize, row: &[usize]) -> Dataset<f32, i64> {
    let shape: Vec<usize> = [rows].into_iter().chain(row.iter().copied()).collect();
    let width: usize = row.iter().product();
    let inputs = Array::from_shape_fn(IxDyn(&shape), |index| {
        let place = (1..shape.len()).fold(0, |place, axis| place * shape[axis] + index[axis]);
        (index[0] * width + place) as f32
    });
    Dataset::new(inputs, Array1::from_iter(0..rows as i64)).unwrap()
}

/// The rows that batches give, by their targets, after checking that inputs and targets belong together.
fn rows_of(
    dataset: &Dataset<f32, i64>,
    batches: impl Iterator<Item = (ArrayD<f32>, ArrayD<i64>)>,
) -> Vec<usize> {
    let mut seen = Vec::new();
    for (inputs, targets) in batches {
        let rows: Vec<usize> = targets.iter().map(|&row| row as usize).collect();
        assert_eq!(inputs, dataset.inputs().select(Axis(0), &rows));
        assert!(inputs.is_standard_layout());
        seen.extend(rows);
    }
    seen
}

fn message<T>(result: Result<T, DataError>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn arrays_of_any_kind_make_a_dataset() {
    let inputs = array![[1.0_f64, 2.0], [3.0, 4.0], [5.0, 6.0]];
    let targets = array![1_i32, 2, 3];
    let owned = Dataset::new(inputs.clone(), targets.clone()).unwrap();
    assert_eq!(Dataset::new(&inputs, targets.view()).unwrap(), owned);
    assert_eq!(Dataset::new(inputs.view().into_dyn(), &targets).unwrap(), owned);
    let fortran = Array2::from_shape_vec((3, 2).f(), vec![1.0, 3.0, 5.0, 2.0, 4.0, 6.0]).unwrap();
    assert_eq!(Dataset::new(fortran, &targets).unwrap(), owned);
    let reversed = array![[5.0, 6.0], [3.0, 4.0], [1.0, 2.0]];
    assert_eq!(Dataset::new(reversed.slice(flowgrad::ndarray::s![..;-1, ..]), &targets).unwrap(), owned);
    assert_eq!(owned.len(), 3);
    assert_eq!(Dataset::new(array![true, false], Array2::<bool>::default((2, 0))).unwrap().len(), 2);
}

#[test]
fn a_dataset_takes_owned_arrays_and_shares_them_without_copies() {
    let (inputs, targets) = (Array2::<f32>::zeros((4, 3)), Array1::<i64>::zeros(4));
    let (x, y) = (inputs.as_ptr(), targets.as_ptr());
    let dataset = Dataset::new(inputs, targets).unwrap();
    let clone = dataset.clone();
    assert_eq!((clone.inputs().as_ptr(), clone.targets().as_ptr()), (x, y));
    assert_eq!(dataset.map_inputs(f64::from).targets().as_ptr(), y);
    assert_eq!(dataset.map_targets(|label| label != 0).inputs().as_ptr(), x);
}

#[test]
fn arrays_that_do_not_pair_up_are_refused() {
    let x = Array2::<f32>::zeros((3, 2));
    assert_eq!(
        message(Dataset::new(&x, Array1::<i64>::zeros(4))),
        "expected a target for each of 3 rows of inputs, got 4"
    );
    assert_eq!(
        message(Dataset::new(Array2::<f32>::zeros((0, 2)), Array1::<i64>::zeros(0))),
        "expected inputs with at least one row, which the first axis counts, got shape [0, 2]"
    );
    assert_eq!(
        message(Dataset::new(&x, 1_i64)),
        "expected targets with at least one row, which the first axis counts, got shape []"
    );
    assert_eq!(
        message(numbered(3, &[2, 2]).reshape_inputs(&[3])),
        "expected a shape for the elements of a row of shape [2, 2], got [3]"
    );
    assert_eq!(
        message(numbered(3, &[2]).reshape_inputs(&[usize::MAX, 2])),
        format!("expected a shape for the elements of a row of shape [2], got [{}, 2]", usize::MAX)
    );
    assert_eq!(message(numbered(3, &[2]).batches(0)), "expected a batch size of at least 1, got 0");
}

#[test]
fn rows_reshape_in_row_major_order() {
    let shaped = numbered(5, &[6]).reshape_inputs(&[2, 3, 1]).unwrap();
    assert_eq!(shaped, numbered(5, &[2, 3, 1]));
}

proptest! {
    /// Batches are the rows one after the other, whatever the rank; shuffled they are each row once.
    #[test]
    fn batches_give_each_row_once(
        rows in 1_usize..40, row in prop::collection::vec(0_usize..4, 0..3), size in 1_usize..50,
        seed: u64, epoch: u64, skip in 0_usize..10,
    ) {
        let dataset = numbered(rows, &row);
        let plain = dataset.batches(size).unwrap();
        let shuffled = plain.clone().shuffled(seed, epoch);
        prop_assert_eq!(plain.len(), rows.div_ceil(size));
        prop_assert_eq!(rows_of(&dataset, plain.clone()), (0..rows).collect::<Vec<_>>());
        let order = rows_of(&dataset, shuffled.clone());
        let mut sorted = order.clone();
        sorted.sort_unstable();
        prop_assert_eq!(sorted, (0..rows).collect::<Vec<_>>());

        for batches in [plain, shuffled.clone()] {
            let all: Vec<_> = batches.clone().collect();
            prop_assert!(all.iter().rev().skip(1).all(|(x, _)| x.shape()[0] == size));
            let whole = batches.clone().drop_last();
            prop_assert_eq!(whole.len(), rows / size);
            prop_assert!(whole.eq(all.iter().filter(|(x, _)| x.shape()[0] == size).cloned()));
            prop_assert_eq!(batches.clone().skip(skip).len(), all.len().saturating_sub(skip));
            prop_assert!(batches.clone().skip(skip).eq(all.iter().skip(skip).cloned()));
            prop_assert!(batches.prefetched().unwrap().eq(all));
        }
        // The order does not depend on the size of the batches.
        prop_assert_eq!(rows_of(&dataset, dataset.batches(1).unwrap().shuffled(seed, epoch)), order);
    }

    /// A split is a partition of the rows, the same for the same seed.
    #[test]
    fn a_split_is_a_partition(rows in 2_usize..60, fraction in 0.0_f64..1.0, seed: u64) {
        let dataset = numbered(rows, &[2]);
        let first = (fraction * rows as f64).round() as usize;
        prop_assume!(first > 0 && first < rows);
        let (train, test) = dataset.split(fraction, seed).unwrap();
        prop_assert_eq!((train.len(), test.len()), (first, rows - first));
        let given = |part: &Dataset<f32, i64>| rows_of(&dataset, part.batches(7).unwrap());
        let mut all = [given(&train), given(&test)].concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..rows).collect::<Vec<_>>());
        prop_assert_eq!(dataset.split(fraction, seed).unwrap(), (train, test));
    }

    #[test]
    fn standardised_columns_are_what_the_formula_says(
        columns in prop::collection::vec((-1e3_f64..1e3, 1e-3_f64..1e3), 1..5), rows in 2_usize..30, seed: u64,
    ) {
        let noise = numbered(rows, &[]).batches(1).unwrap().shuffled(seed, 0);
        let order: Vec<f64> = noise.map(|(x, _)| f64::from(x[[0]])).collect();
        let x = Array2::from_shape_fn((rows, columns.len()), |(i, j)| columns[j].0 + columns[j].1 * order[i].sin());
        let z = Standardiser::fit(&x).unwrap().apply(&x).unwrap();
        for (j, column) in x.columns().into_iter().enumerate() {
            let (mean, deviation) = (column.mean().unwrap(), column.std(0.0));
            for (i, x) in column.iter().enumerate() {
                let expected = (x - mean) / deviation;
                prop_assert!((z[[i, j]] - expected).abs() < 1e-6 * (1.0 + expected.abs()), "{} {}", z[[i, j]], expected);
            }
        }
    }
}

/// Taken from an independent `ChaCha8` (Bernstein's definition) and shuffle in Python: these orders never change.
#[test]
fn orders_are_the_same_in_every_release() {
    let dataset = numbered(12, &[]);
    let order = |seed, epoch| rows_of(&dataset, dataset.batches(5).unwrap().shuffled(seed, epoch));
    assert_eq!(order(7, 3), [3, 1, 6, 10, 9, 2, 4, 8, 0, 11, 5, 7]);
    assert_eq!(order(u64::MAX, 1 << 40), [8, 1, 6, 7, 3, 4, 9, 0, 11, 2, 10, 5]);
    let (train, test) = dataset.split(0.75, 7).unwrap();
    assert_eq!(rows_of(&dataset, train.batches(12).unwrap()), [4, 8, 7, 1, 6, 2, 9, 3, 5]);
    assert_eq!(rows_of(&dataset, test.batches(12).unwrap()), [11, 0, 10]);
}

/// Each of the 24 orders of 4 rows comes about as often as the others over 24,000 epochs: five standard
/// deviations are 155.
#[test]
fn all_orders_are_equally_likely() {
    let dataset = numbered(4, &[]);
    let mut counts = HashMap::new();
    for epoch in 0..24_000 {
        *counts.entry(rows_of(&dataset, dataset.batches(4).unwrap().shuffled(1, epoch))).or_insert(0_i32) +=
            1;
    }
    assert_eq!(counts.len(), 24);
    assert!(counts.values().all(|count| (count - 1000).abs() < 155), "{counts:?}");
}

#[test]
fn batches_may_be_larger_than_the_dataset() {
    let dataset = numbered(3, &[2]);
    let batches = dataset.batches(usize::MAX).unwrap();
    assert_eq!(rows_of(&dataset, batches.clone()), [0, 1, 2]);
    assert_eq!(batches.clone().skip(usize::MAX).count(), 0);
    assert_eq!(batches.drop_last().count(), 0);
    // The last batch was given before it was to be dropped.
    let mut all = dataset.batches(2).unwrap();
    assert_eq!(all.by_ref().count(), 2);
    assert_eq!(all.drop_last().len(), 0);
}

#[test]
fn splits_without_rows_on_a_side_are_refused() {
    let dataset = numbered(5, &[]);
    for (fraction, shown) in [(0.0, "0"), (1.0, "1"), (-0.5, "-0.5"), (1.5, "1.5"), (f64::NAN, "NaN")] {
        let expected = format!("expected a fraction between 0 and 1, both excluded, got {shown}");
        assert_eq!(message(dataset.split(fraction, 0)), expected);
    }
    assert_eq!(message(dataset.split(0.01, 0)), "expected rows in both parts, got 5 of 5 rows in the second");
    assert_eq!(message(dataset.split(0.99, 0)), "expected rows in both parts, got 0 of 5 rows in the second");
    assert_eq!(message(dataset.split_last(0)), "expected rows in both parts, got 0 of 5 rows in the second");
    assert_eq!(message(dataset.split_last(5)), "expected rows in both parts, got 5 of 5 rows in the second");
    assert_eq!(message(dataset.split_last(9)), "expected rows in both parts, got 9 of 5 rows in the second");
    let (train, test) = dataset.split_last(2).unwrap();
    assert_eq!(rows_of(&dataset, train.batches(9).unwrap()), [0, 1, 2]);
    assert_eq!(rows_of(&dataset, test.batches(9).unwrap()), [3, 4]);
}

/// 0.1 has no exact mean over 1000 rows when it is summed plainly; the column must become 0 all the same.
#[test]
fn a_column_that_does_not_vary_becomes_zero() {
    let x = Array2::from_shape_fn((1000, 2), |(i, j)| if j == 0 { 0.1 } else { i as f32 });
    let standardiser = Standardiser::fit(&x).unwrap();
    assert_eq!((standardiser.mean()[0], standardiser.deviation()[0]), (0.1, 0.0));
    let z = standardiser.apply(&x).unwrap();
    assert!(z.index_axis(Axis(1), 0).iter().all(|&z| z == 0.0) && z.iter().all(|z| z.is_finite()));
}

/// A billion beside a spread of one: a sum of squares would have lost the spread.
#[test]
fn statistics_survive_a_large_mean() {
    let x = Array1::from_iter([-1.0, 1.0, -1.0, 1.0].map(|x| 1e9 + x));
    let standardiser = Standardiser::fit(&x).unwrap();
    assert_eq!((standardiser.mean().sum(), standardiser.deviation().sum()), (1e9, 1.0));
    assert_eq!(standardiser.apply(&x).unwrap(), array![-1.0, 1.0, -1.0, 1.0].into_dyn());
}

/// Columns of numbers near either end of the range, whose sums, distances or squares are beyond it.
#[test]
fn statistics_survive_the_ends_of_the_range() {
    fn check<A: Float>(least: A, largest: A) {
        for (low, high) in [(-largest, largest), (largest / A::from_f64(2.0), largest), (-least, least)] {
            let x = Array1::from_iter((0..1000).map(|row| if row % 4 < 2 { low } else { high }));
            let standardiser = Standardiser::fit(&x).unwrap();
            let (mean, deviation) =
                (high.as_f64() / 2.0 + low.as_f64() / 2.0, high.as_f64() / 2.0 - low.as_f64() / 2.0);
            let close = |found: A, expected: f64| (found.as_f64() - expected).abs() <= 1e-6 * high.as_f64();
            assert!(close(standardiser.mean().sum(), mean), "{standardiser:?} of {low} and {high}");
            assert!(close(standardiser.deviation().sum(), deviation), "{standardiser:?} of {low} and {high}");
            let z = standardiser.apply(&x).unwrap();
            for (&x, z) in x.iter().zip(&z) {
                let expected = if x == low { -1.0 } else { 1.0 };
                assert!((z.as_f64() - expected).abs() < 1e-5, "{z} of {x} by {standardiser:?}");
            }
        }
    }
    check(1e-44_f32, f32::MAX);
    check(1e-200_f64, f64::MAX);
    let equal = Array1::from_elem(1000, f64::MAX);
    let standardiser = Standardiser::fit(&equal).unwrap();
    assert_eq!((standardiser.mean().sum(), standardiser.deviation().sum()), (f64::MAX, 0.0));
}

#[test]
fn a_standardiser_refuses_what_has_no_statistics() {
    let images = numbered(4, &[2, 3]);
    let fitted = Standardiser::fit(images.inputs()).unwrap();
    assert_eq!(images.standardise(&fitted).unwrap().inputs().shape(), [4, 2, 3]);
    assert_eq!(
        message(numbered(4, &[6]).standardise(&fitted)),
        "expected rows of shape [2, 3], as the statistics were taken of, got [6]"
    );
    let mut broken = images.inputs().clone();
    broken[[2, 1, 0]] = f32::NAN;
    assert_eq!(
        message(Standardiser::fit(&broken)),
        "column [1, 0]: expected a finite mean and a finite standard deviation of at least 0, got NaN and NaN"
    );
    let infinite = array![[1.0], [f64::INFINITY]];
    assert_eq!(
        message(Standardiser::fit(&infinite)),
        "column [0]: expected a finite mean and a finite standard deviation of at least 0, got inf and NaN"
    );
    assert_eq!(
        message(Standardiser::fit(&Array2::<f64>::zeros((0, 2)))),
        "expected rows with at least one row, which the first axis counts, got shape [0, 2]"
    );
    assert!(matches!(fitted.apply(&ArrayD::zeros(IxDyn(&[]))), Err(DataError::OtherRows { .. })));
    let [mean, deviation] = [fitted.mean(), fitted.deviation()].map(|statistics| statistics.to_owned());
    assert_eq!(Standardiser::new(mean.clone(), deviation.clone()).unwrap(), fitted);
    assert!(matches!(Standardiser::new(mean.clone(), -deviation), Err(DataError::Statistics { .. })));
    assert!(matches!(Standardiser::new(mean, ArrayD::zeros(IxDyn(&[2]))), Err(DataError::OtherRows { .. })));
}

#[test]
fn prefetching_counts_down_and_ends() {
    let dataset = numbered(10, &[2]);
    let mut prefetched = dataset.batches(3).unwrap().shuffled(1, 2).skip(1).prefetched().unwrap();
    for left in (0..3).rev() {
        assert!(prefetched.next().is_some());
        assert_eq!(prefetched.len(), left);
    }
    assert!(prefetched.next().is_none() && prefetched.next().is_none());
}

/// The thread owns a token; nobody else does once dropping has returned, so it has ended.
#[test]
fn dropping_a_prefetcher_ends_its_thread() {
    for taken in [0, 1, 3] {
        let token = Arc::new(());
        let held = Arc::clone(&token);
        let mut endless = std::iter::repeat_with(move || Arc::strong_count(&held)).prefetched().unwrap();
        assert!(endless.by_ref().take(taken).all(|owners| owners == 2));
        drop(endless);
        assert_eq!(Arc::strong_count(&token), 1);
    }
}

#[test]
fn no_more_items_are_prepared_than_can_wait() {
    let (sender, prepared) = std::sync::mpsc::channel();
    let prefetched = (0..100).inspect(move |i| sender.send(*i).unwrap()).prefetched().unwrap();
    // One is taken by nobody, one waits behind it; the third is never begun.
    assert_eq!([prepared.recv(), prepared.recv()], [Ok(0), Ok(1)]);
    drop(prefetched);
    assert!(prepared.iter().count() == 0);
}

#[test]
fn a_panic_is_passed_on_where_it_would_have_been_met() {
    let mut prefetched =
        (0..5).map(|i| if i == 2 { panic!("row {i} is broken") } else { i }).prefetched().unwrap();
    assert_eq!((prefetched.next(), prefetched.next()), (Some(0), Some(1)));
    let panic = catch_unwind(AssertUnwindSafe(|| prefetched.next())).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "row 2 is broken");
    assert_eq!(prefetched.next(), None);
}

#[test]
fn an_error_is_passed_on_as_any_item() {
    let sizes = [2, 0, 3].into_iter();
    let dataset = numbered(6, &[2]);
    let batches = sizes.map(move |size| dataset.batches(size).map(Batches::count)).prefetched().unwrap();
    let results: Vec<_> = batches.map(|result| result.map_err(|error| error.to_string())).collect();
    assert_eq!(results, [Ok(3), Err("expected a batch size of at least 1, got 0".to_owned()), Ok(2)]);
}

#[test]
fn datasets_batches_and_errors_cross_threads() {
    fn crosses<T: Send + Sync + Clone + 'static>() {}
    crosses::<Dataset<f32, i64>>();
    crosses::<Batches<f32, i64>>();
    crosses::<Standardiser<f32>>();
    crosses::<DataError>();
}
