//! Metrics of arrays against scikit-learn 1.9.1, small cases by hand, and brute force.

use flowgrad::metrics::{ConfusionMatrix, MetricError, roc_auc};
use flowgrad::ndarray::{Array1, array};
use proptest::prelude::*;

const ROWS: i64 = 500;

fn label(row: i64) -> i64 {
    (row * 7919 + 13) % 1009
}

/// Four classes, and predictions that are right in two thirds of the rows.
fn classified() -> (Array1<i64>, Array1<i64>) {
    let labels: Array1<i64> = (0..ROWS).map(|row| label(row) % 4).collect();
    let guess = |row: i64| {
        if (row * 104_729 + 7) % 97 < 60 { label(row) % 4 } else { ((row * 31 + 5) % 101) % 4 }
    };
    (labels, (0..ROWS).map(guess).collect())
}

#[track_caller]
fn assert_near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-15, "expected {expected}, got {found}");
}

/// `confusion_matrix`, `accuracy_score` and `precision_recall_fscore_support`.
#[test]
fn classes_are_confused_as_scikit_learn_counts() {
    let (labels, predicted) = classified();
    let confusion = ConfusionMatrix::of(&labels, &predicted).unwrap();
    assert_eq!(
        confusion.counts(),
        array![[88, 11, 11, 11], [14, 85, 13, 13], [13, 11, 91, 14], [11, 10, 11, 93]]
    );
    assert_near(confusion.accuracy(), 0.714);
    let precision =
        [0.698_412_698_412_698_4, 0.726_495_726_495_726_5, 0.722_222_222_222_222_2, 0.709_923_664_122_137_4];
    let recall = [0.727_272_727_272_727_3, 0.68, 0.705_426_356_589_147_3, 0.744];
    let f1 = [0.712_550_607_287_449_3, 0.702_479_338_842_975_3, 0.713_725_490_196_078_4, 0.726_562_5];
    for class in 0..4 {
        assert_near(confusion.precision(class), precision[class]);
        assert_near(confusion.recall(class), recall[class]);
        assert_near(confusion.f1(class), f1[class]);
    }
    assert_near(confusion.macro_precision(), 0.714_263_577_813_196);
    assert_near(confusion.macro_recall(), 0.714_174_770_965_468_7);
    assert_near(confusion.macro_f1(), 0.713_829_484_081_625_7);
    assert_eq!([0, 1, 2, 3].map(|class| confusion.support(class)), [121, 125, 129, 125]);
}

/// With `zero_division=0`: class 3 is nowhere, and class 4 is predicted but never there.
#[test]
fn a_share_of_no_rows_is_zero_and_a_class_that_is_nowhere_does_not_count() {
    let confusion = ConfusionMatrix::of(&array![0, 0, 1, 1, 2, 2, 2], &array![0, 1, 1, 1, 4, 2, 0]).unwrap();
    let five = [0, 1, 2, 3, 4];
    assert_eq!(five.map(|class| confusion.precision(class)), [0.5, 2.0 / 3.0, 1.0, 0.0, 0.0]);
    assert_eq!(five.map(|class| confusion.recall(class)), [0.5, 1.0, 1.0 / 3.0, 0.0, 0.0]);
    assert_eq!(five.map(|class| confusion.f1(class)), [0.5, 0.8, 0.5, 0.0, 0.0]);
    assert_near(confusion.macro_precision(), 0.541_666_666_666_666_6);
    assert_near(confusion.macro_recall(), 0.458_333_333_333_333_3);
    assert_near(confusion.macro_f1(), 0.45);
    assert_eq!((confusion.precision(7), confusion.support(7)), (0.0, 0));
    assert_eq!((ConfusionMatrix::none(2).accuracy(), ConfusionMatrix::none(2).macro_f1()), (0.0, 0.0));
}

#[test]
fn counts_of_parts_add_up() {
    let (labels, predicted) = classified();
    let whole = ConfusionMatrix::of(&labels, &predicted).unwrap();
    let part = |from: usize, to: usize| {
        let cut = |array: &Array1<i64>| array.slice(flowgrad::ndarray::s![from..to]).to_owned();
        (cut(&labels), cut(&predicted))
    };
    let mut added = ConfusionMatrix::none(4);
    for (from, to) in [(0, 7), (7, 300), (300, 500)] {
        let (labels, predicted) = part(from, to);
        added.add(&labels, &predicted).unwrap();
    }
    assert_eq!(added, whole);
    let (few, more) = (array![[1, 0], [2, 0]], array![[1, 0, 0], [0, 0, 0], [0, 0, 3]]);
    let two = ConfusionMatrix::of(&array![0, 1, 1], &array![0, 0, 0]).unwrap();
    let three = ConfusionMatrix::of(&array![0, 2, 2, 2], &array![0, 2, 2, 2]).unwrap();
    assert_eq!((two.counts(), three.counts()), (few.view(), more.view()));
    for (mut one, other) in [(two.clone(), &three), (three.clone(), &two)] {
        one += other;
        assert_eq!(one.counts(), array![[2, 0, 0], [2, 0, 0], [0, 0, 3]]);
    }
}

#[test]
fn labels_may_be_of_any_type_and_say_what_is_no_class() {
    let of =
        |labels: Array1<f32>| ConfusionMatrix::of(&labels, &array![true, false]).map_err(|e| e.to_string());
    assert_eq!(of(array![1.0, 0.0]).unwrap().counts(), array![[1, 0], [0, 1]]);
    assert_eq!(
        of(array![1.0, 0.5]),
        Err("labels: expected a class, counted from 0, got 0.5 in row 1".into())
    );
    assert_eq!(
        of(array![f32::NAN, 0.0]),
        Err("labels: expected a class, counted from 0, got NaN in row 0".into())
    );
    let message = |error: MetricError| error.to_string();
    let negative = ConfusionMatrix::of(&array![0, 1], &array![0, -1]).map_err(message);
    assert_eq!(negative, Err("predictions: expected a class, counted from 0, got -1 in row 1".into()));
    let huge = ConfusionMatrix::of(&array![0, i64::MAX], &array![0_i64, 1]).map_err(message);
    assert_eq!(
        huge,
        Err("labels: expected one of 4096 classes, counted from 0, got 9223372036854775807 in row 1".into())
    );
    let shapes = ConfusionMatrix::of(&array![0, 1], &array![[0], [1]]).map_err(message);
    assert_eq!(shapes, Err("expected predictions of shape [2] as the labels have, got [2, 1]".into()));
    let none = ConfusionMatrix::of(&Array1::<i64>::zeros(0), &Array1::<i64>::zeros(0)).map_err(message);
    assert_eq!(none, Err("expected at least one label, got none".into()));
    let mut two = ConfusionMatrix::none(2);
    let third = two.add(&array![0, 0], &array![1, 2]).map_err(message);
    assert_eq!(third, Err("predictions: expected one of 2 classes, counted from 0, got 2 in row 1".into()));
    assert_eq!(two, ConfusionMatrix::none(2));
}

/// `roc_auc_score`: 28 different scores of 500, and scores that all differ.
#[test]
fn scores_rank_as_scikit_learn_says() {
    let labels: Array1<bool> = (0..ROWS).map(|row| label(row) % 3 == 0).collect();
    let tied = |row: i64| ((row * 104_729 + 7) % 97 / 4 + 3 * i64::from(label(row) % 3 == 0)) as f64 / 30.0;
    let tied: Array1<f64> = (0..ROWS).map(tied).collect();
    assert_near(roc_auc(&labels, &tied).unwrap(), 0.613_595_658_073_27);
    let apart = |row: i64| {
        ((row * 7919 * 3 + 1) % 1009) as f64 / 1009.0 + if label(row) % 3 == 0 { 0.25 } else { 0.0 }
    };
    let apart: Array1<f64> = (0..ROWS).map(apart).collect();
    assert_near(roc_auc(&labels, &apart).unwrap(), 0.726_983_265_490_728_2);
    assert_near(roc_auc(&labels, &apart.mapv(|score| -score)).unwrap(), 1.0 - 0.726_983_265_490_728_2);
}

#[test]
fn scores_that_cannot_be_ranked_are_refused() {
    let auc = |labels: Array1<i64>, scores: Array1<f64>| roc_auc(&labels, &scores).map_err(|e| e.to_string());
    let one = |class: u64| Err(format!("expected labels of both classes, 0 and 1, got {class} alone"));
    assert_eq!(auc(array![1, 1], array![0.0, 1.0]), one(1));
    assert_eq!(auc(array![0, 0], array![0.0, 1.0]), one(0));
    let nan = Err("expected scores that can be ranked, got NaN in row 1".to_owned());
    assert_eq!(auc(array![0, 1], array![0.0, f64::NAN]), nan);
    let class = Err("labels: expected one of 2 classes, counted from 0, got 2 in row 1".to_owned());
    assert_eq!(auc(array![0, 2], array![0.0, 1.0]), class);
    assert_eq!(auc(array![0, 1, 1], array![f64::NEG_INFINITY, f64::INFINITY, -0.0]), Ok(1.0));
    assert_eq!(auc(array![0, 1], array![0.0, -0.0]), Ok(0.5));
}

proptest! {
    /// Each pair of rows of both classes by itself.
    #[test]
    fn the_area_is_the_share_of_pairs_in_order(rows in prop::collection::vec((any::<bool>(), 0..6_i32), 2..60)) {
        let labels: Array1<bool> = rows.iter().map(|row| row.0).collect();
        let scores: Array1<f32> = rows.iter().map(|row| row.1 as f32).collect();
        let (mut won, mut pairs) = (0.0, 0.0);
        for (_, one) in rows.iter().filter(|row| row.0) {
            for (_, zero) in rows.iter().filter(|row| !row.0) {
                pairs += 1.0;
                won += f64::from(u8::from(one > zero)) + 0.5 * f64::from(u8::from(one == zero));
            }
        }
        match roc_auc(&labels, &scores) {
            Ok(area) => prop_assert_eq!(area, won / pairs),
            Err(error) => {
                let is_one_class = matches!(error, MetricError::OneClass { .. });
                prop_assert!(is_one_class && pairs == 0.0);
            }
        }
    }
}
