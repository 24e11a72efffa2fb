//! Datasets of several arrays, and trainers that feed them.

use flowgrad::data::{Csv, Dataset, Prefetch as _};
use flowgrad::ndarray::{Array1, Array2, Array3, Axis, arr1};
use flowgrad::prelude::*;
use flowgrad::train::Trainer;

fn message<T>(result: Result<T, flowgrad::data::DataError>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

type Mixed = Dataset<(f64, (i64, bool)), (f64, i64)>;

/// Every element says which row it is of.
fn mixed(rows: usize) -> Mixed {
    let image = Array3::from_shape_fn((rows, 2, 3), |(row, y, x)| (row * 6 + y * 3 + x) as f64);
    let ids = Array1::from_iter(0..rows as i64);
    let flags = ids.mapv(|id| id % 3 == 0);
    let price = ids.mapv(|id| id as f64 * 0.5);
    Dataset::new((image, (&ids, flags.view())), (price, ids.clone())).unwrap()
}

/// The rows of a batch by its ids, after checking that all its arrays are of these rows.
fn rows_of(
    data: &Mixed,
    (image, (ids, flags)): &<(f64, (i64, bool)) as flowgrad::data::RowType>::Arrays,
    (price, again): &<(f64, i64) as flowgrad::data::RowType>::Arrays,
) -> Vec<usize> {
    let rows: Vec<usize> = ids.iter().map(|&id| id as usize).collect();
    let (all_image, (_, all_flags)) = data.inputs();
    assert_eq!(image, all_image.select(Axis(0), &rows));
    assert_eq!(flags, all_flags.select(Axis(0), &rows));
    assert_eq!(price, data.targets().0.select(Axis(0), &rows));
    assert_eq!(ids, again);
    rows
}

#[test]
fn rows_stay_together_in_batches_splits_and_folds() {
    let data = mixed(11);
    assert_eq!(data.len(), 11);
    for batches in [data.batches(4).unwrap(), data.batches(4).unwrap().shuffled(3, 1)] {
        let direct: Vec<_> = batches.clone().collect();
        assert!(batches.clone().prefetched().unwrap().eq(direct.clone()));
        let mut seen: Vec<usize> = direct.iter().flat_map(|(x, y)| rows_of(&data, x, y)).collect();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..11));
    }
    let (train, test) = data.split(0.7, 1).unwrap();
    let folds = data.folds(3, 1).unwrap().flat_map(|(train, test)| [train, test]);
    for part in folds.chain([train, test]) {
        assert_eq!(rows_of(&data, part.inputs(), part.targets()).len(), part.len());
    }
    // What is of one array alone is as it was.
    let pairs = Dataset::new((arr1(&[1.0, 2.0]), arr1(&[3, 4])), arr1(&[5, 6])).unwrap();
    assert_eq!(pairs.map_targets(|label| label as f32).targets(), &arr1(&[5.0, 6.0]).into_dyn());
}

#[test]
fn arrays_of_different_rows_are_refused() {
    let (two, three) = (arr1(&[1.0, 2.0]), arr1(&[1.0, 2.0, 3.0]));
    let none = Array2::<f64>::zeros((0, 3));
    assert_eq!(
        message(Dataset::new((&two, &two, &three), &two)),
        "inputs: expected 2 rows in array 2 as in array 0, got 3"
    );
    assert_eq!(
        message(Dataset::new(&two, (&two, (&three, &two)))),
        "targets: expected 2 rows in array 1 as in array 0, got 3"
    );
    assert_eq!(
        message(Dataset::new((&two, &two), &three)),
        "expected a target for each of 2 rows of inputs, got 3"
    );
    let no_rows = |shape: &str| {
        format!("expected inputs with at least one row, which the first axis counts, got shape {shape}")
    };
    assert_eq!(message(Dataset::new((&two, &none), &two)), no_rows("[0, 3]"));
    assert_eq!(message(Dataset::new((), ())), no_rows("[]"));
    assert_eq!(Dataset::new((), &three).unwrap().len(), 3);
}

/// A model of two inputs and two targets, one of which is drawn by dropout's kin.
struct Model<'g> {
    inputs: (Tensor<'g, f64>, Tensor<'g, i64>),
    targets: (Tensor<'g, f64>, Tensor<'g, f64>),
    loss: Tensor<'g, f64>,
    step: Operation<'g>,
}

impl<'g> Model<'g> {
    fn new(g: &'g Graph) -> Self {
        let inputs = (g.placeholder("x", [None, Some(2)]), g.placeholder("id", [None]));
        let targets = (g.placeholder("a", [None]), g.placeholder("b", [None]));
        let (w, table) = (g.variable("w", arr1(&[0.0; 2])), g.variable("table", arr1(&[0.0; 4])));
        let of_x = (inputs.0.bernoulli_like(0.2).select(0.0, inputs.0) * w).reduce_sum(-1);
        let loss = (of_x - targets.0).square().reduce_mean(..)
            + (table.gather(inputs.1, 0) * of_x - targets.1).square().reduce_mean(..);
        let step = Momentum::new(0.05, 0.5).minimize(loss);
        Model { inputs, targets, loss, step }
    }

    fn trainer(&self) -> Trainer<'g, (f64, i64), (f64, f64), f64> {
        Trainer::new(self.inputs, self.targets, self.loss, self.step).batch_size(4).seed(2).quiet()
    }
}

fn data() -> Dataset<(f64, i64), (f64, f64)> {
    let x = Array2::from_shape_fn((11, 2), |(row, axis)| ((row * 7 + axis * 5) % 11) as f64 / 11.0);
    let ids: Array1<i64> = (0..11).map(|row| row % 4).collect();
    let a: Array1<f64> = x.rows().into_iter().map(|row| row.sum()).collect();
    let b = a.mapv(|a| a * 0.5);
    Dataset::new((x, ids), (a, b)).unwrap()
}

#[test]
fn several_inputs_and_targets_are_fed_as_a_loop_feeds_them() {
    let g = Graph::with_seed(5);
    let model = Model::new(&g);
    let [trained, by_hand] = [Session::new(&g).unwrap(), Session::new(&g).unwrap()];
    let report = model.trainer().fit(&trained, &data(), 3).unwrap();
    assert!(report.history[2].train.loss < report.history[0].train.loss);
    for epoch in 0..3 {
        for ((x, id), (a, b)) in data().batches(4).unwrap().shuffled(2, epoch) {
            let fed = by_hand.feed(model.inputs.0, &x).feed(model.inputs.1, &id);
            fed.feed(model.targets.0, &a).feed(model.targets.1, &b).run(model.step).unwrap();
        }
    }
    assert_eq!(trained.variable_values().unwrap(), by_hand.variable_values().unwrap());
    let prefetched = Session::new(&g).unwrap();
    model.trainer().prefetched().fit(&prefetched, &data(), 3).unwrap();
    assert_eq!(prefetched.variable_values().unwrap(), by_hand.variable_values().unwrap());
}

#[test]
fn a_batch_that_cannot_be_fed_names_its_tensor() {
    let g = Graph::new();
    let model = Model::new(&g);
    let data = data();
    let wide = Dataset::new(
        (Array2::<f64>::zeros((11, 3)), &data.inputs().1),
        (&data.targets().0, &data.targets().1),
    );
    let error = model.trainer().fit(&Session::new(&g).unwrap(), &wide.unwrap(), 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`x`: expected inputs of shape [?, 2], got a batch of the training data of shape [4, 3]"
    );
    let column = data.targets().1.clone().insert_axis(Axis(1));
    let column = Dataset::new((&data.inputs().0, &data.inputs().1), (&data.targets().0, column)).unwrap();
    let error = model.trainer().evaluate(&Session::new(&g).unwrap(), &column).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`b`: expected targets of shape [?], got a batch of the evaluated data of shape [4, 1]"
    );
}

#[test]
fn data_without_targets_are_trained_on() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let center = g.variable("center", 0.0);
    let loss = (x - center).square().reduce_mean(..);
    let session = Session::new(&g).unwrap();
    let data = Dataset::new(arr1(&[1.0, 2.0, 6.0]), ()).unwrap();
    let trainer = Trainer::new(x, (), loss, Sgd::new(0.25).minimize(loss)).quiet();
    let report = trainer.fit(&session, &data, 60).unwrap();
    assert!((session.run(center).unwrap().sum() - 3.0).abs() < 1e-12);
    assert_eq!(report.steps, 60);
    // Columns of a file are inputs of one array.
    let _: fn(&std::path::Path) -> Result<Dataset<f32, i64>, _> =
        |path| Dataset::from_csv(path, &Csv::new(), -1);
}
