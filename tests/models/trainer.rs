//! Trainers: what they compute against a loop written by hand, how they resume, stop and evaluate, and what they
//! refuse.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flowgrad::data::Dataset;
use flowgrad::io::checkpoint::{Checkpoint, CheckpointError};
use flowgrad::ndarray::{Array1, Array2, Axis, arr1};
use flowgrad::prelude::*;
use flowgrad::train::{EarlyStopping, Ended, Epoch, Metrics, Report, TrainError, Trainer};

use crate::model_file::file;

const SEED: u64 = 11;
const BATCH: usize = 8;

/// Rows of three numbers in no order, and a line through them with some noise; `rows` is no multiple of [`BATCH`].
fn data(rows: usize) -> Dataset<f64, f64> {
    let number = |at: usize| ((at * 7919 + 13) % 1009) as f64 / 504.5 - 1.0;
    let x = Array2::from_shape_fn((rows, 3), |(row, axis)| number(row * 3 + axis));
    let y: Array1<f64> = (0..rows).map(|row| x.row(row).sum() + 0.1 * number(row * 31)).collect();
    Dataset::new(x, y).unwrap()
}

/// A linear model whose training drops inputs at random and counts its steps.
struct Model<'g> {
    x: Tensor<'g, f64>,
    y: Tensor<'g, f64>,
    /// With dropout, and without.
    loss: Tensor<'g, f64>,
    predicted_loss: Tensor<'g, f64>,
    /// The mean of the predictions.
    mean: Tensor<'g, f64>,
    w: Variable<'g, f64>,
    step: Operation<'g>,
}

impl<'g> Model<'g> {
    fn new(g: &'g Graph) -> Self {
        let x = g.placeholder::<f64>("x", [None, Some(3)]);
        let y = g.placeholder::<f64>("y", [None]);
        let w = g.variable("w", arr1(&[0.0; 3]));
        let velocity = g.non_trainable_variable("w/velocity", arr1(&[0.0; 3]));
        let count = g.non_trainable_variable("global_step", 0_i64);
        let dropped = x.bernoulli_like(0.25).select(0.0, x / 0.75);
        let predict = |x: Tensor<'g, f64>| (x * w).reduce_sum(-1);
        let loss = (predict(dropped) - y).square().reduce_mean(..);
        let predicted_loss = (predict(x) - y).square().reduce_mean(..);
        let [gradient] = loss.gradients([w]);
        let velocity = velocity.assign(0.5 * velocity + gradient);
        let step = g.group([w.assign_sub(0.05 * velocity).op(), count.assign_add(1).op()]);
        Model { x, y, loss, predicted_loss, mean: predict(x).reduce_mean(..), w, step }
    }

    fn trainer(&self) -> Trainer<'g, f64, f64, f64> {
        Trainer::new(self.x, self.y, self.loss, self.step)
            .metric("mean", self.mean)
            .batch_size(BATCH)
            .seed(SEED)
            .quiet()
    }

    /// One that validates as well.
    fn validated(&self) -> Trainer<'g, f64, f64, f64> {
        self.trainer().validate(&data(13), self.predicted_loss, [("mean", self.mean)])
    }
}

/// The variables, bit for bit, and the count of runs.
fn state(session: &Session) -> (Vec<(String, Vec<u64>)>, u64) {
    let bits = |value: Value| match value {
        Value::F64(array) => array.iter().map(|x| x.to_bits()).collect(),
        Value::I64(array) => array.iter().map(|&x| x as u64).collect(),
        _ => Vec::new(),
    };
    let values = session.variable_values().unwrap();
    (values.into_iter().map(|(name, value)| (name, bits(value))).collect(), session.run_count())
}

// -- what is computed ----------------------------------------------------------------------------

/// The same training as a plain loop over the public API.
#[test]
fn a_training_is_its_steps_in_order() {
    let (g, rows) = (Graph::with_seed(5), 29);
    let (model, data) = (Model::new(&g), data(rows));
    let session = Session::new(&g).unwrap();
    let report = model.trainer().fit(&session, &data, 3).unwrap();

    let by_hand = Session::new(&g).unwrap();
    for epoch in 0..3_usize {
        let (mut loss, mut mean) = (0.0, 0.0);
        for (x, y) in data.batches(BATCH).unwrap().shuffled(SEED, epoch as u64) {
            let fetches = (model.loss, model.mean, model.step);
            let run = by_hand.feed(model.x, &x).feed(model.y, &y).run(fetches).unwrap();
            loss += run.0.sum() * y.len() as f64;
            mean += run.1.sum() * y.len() as f64;
        }
        let train =
            Metrics { loss: loss / rows as f64, named: vec![("mean".to_owned(), mean / rows as f64)] };
        let expected = Epoch { epoch: epoch + 1, step: (epoch + 1) * 4, train, validation: None };
        assert_eq!(report.history[epoch], expected);
    }
    assert_eq!(state(&session), state(&by_hand));
    assert_eq!(session.variable_values().unwrap()["global_step"], ndarray::arr0(12_i64).into());
    assert_eq!((report.steps, report.ended, report.best_epoch), (12, Ended::Completed, None));
    assert_eq!(report.last(), Some(&report.history[2]));
    assert_eq!(report.best(), None);
}

#[test]
fn rows_are_taken_in_order_and_smaller_batches_dropped_where_asked() {
    let g = Graph::new();
    let model = Model::new(&g);
    let data = data(29);
    let session = Session::new(&g).unwrap();
    let report = model.trainer().in_order().drop_last().fit(&session, &data, 2).unwrap();
    let by_hand = Session::new(&g).unwrap();
    for _ in 0..2 {
        for start in (0..24).step_by(BATCH) {
            let rows: Vec<usize> = (start..start + BATCH).collect();
            let [x, y] = [data.inputs(), data.targets()].map(|array| array.select(Axis(0), &rows));
            by_hand.feed(model.x, &x).feed(model.y, &y).run(model.step).unwrap();
        }
    }
    assert_eq!(state(&session), state(&by_hand));
    assert_eq!(report.steps, 6);
}

#[test]
fn batches_that_another_thread_prepares_are_the_same() {
    let g = Graph::new();
    let model = Model::new(&g);
    let [a, b] = [Session::new(&g).unwrap(), Session::new(&g).unwrap()];
    let report = model.validated().fit(&a, &data(29), 2).unwrap();
    assert_eq!(model.validated().prefetched().fit(&b, &data(29), 2).unwrap(), report);
    assert_eq!(state(&a), state(&b));
}

/// The mean over all rows, not that of the batches' means.
#[test]
fn an_evaluation_counts_each_row_once() {
    let g = Graph::new();
    let model = Model::new(&g);
    let data = data(29);
    let session = Session::new(&g).unwrap();
    session.load([("w".to_owned(), arr1(&[0.5, 1.5, -1.0]).into())]).unwrap();
    let metrics = model.validated().evaluate(&session, &data).unwrap();
    let at_once = session.feed(model.x, data.inputs()).feed(model.y, data.targets());
    let [loss, mean] = at_once.run([model.predicted_loss, model.mean]).unwrap();
    assert!((metrics.loss - loss.sum()).abs() < 1e-12);
    assert!((metrics.get("mean").unwrap() - mean.sum()).abs() < 1e-12);
    assert_eq!(metrics.get("loss"), Some(metrics.loss));
}

#[test]
fn what_runs_between_the_steps_changes_nothing_of_a_training() {
    let g = Graph::new();
    let model = Model::new(&g);
    let [alone, watched] = [Session::new(&g).unwrap(), Session::new(&g).unwrap()];
    model.trainer().fit(&alone, &data(29), 4).unwrap();
    let (evaluator, noise) = (model.trainer(), g.random_normal([2], 0.0_f64, 1.0));
    let trainer = model.validated().after_epoch(|_| {
        // The loss with its dropout draws random numbers as well.
        evaluator.evaluate(&watched, &data(5))?;
        watched.run(noise)?;
        Ok::<(), TrainError>(())
    });
    trainer.fit(&watched, &data(29), 4).unwrap();
    assert_eq!(state(&watched), state(&alone));
    evaluator.evaluate(&watched, &data(5)).unwrap();
    assert_eq!(state(&watched), state(&alone));
}

// -- resumed = not interrupted -------------------------------------------------------------------

/// What is left of a training: its report, the session, and the file.
#[derive(Debug, PartialEq)]
struct Left {
    report: Report,
    session: (Vec<(String, Vec<u64>)>, u64),
    file: BTreeMap<String, Value>,
}

/// Trains with a checkpoint after each step, resuming where the file stands, and calls `before_step` whenever a step
/// is taken.
fn train(
    path: &Path,
    epochs: usize,
    stopping: EarlyStopping,
    before_step: impl Fn() + Send + Sync + 'static,
) -> Left {
    let g = Graph::with_seed(5);
    let model = Model::new(&g);
    let session = Session::new(&g).unwrap();
    let report = Trainer::new(model.x, model.y, model.loss.inspect(move |_| before_step()), model.step)
        .metric("mean", model.mean)
        .validate(&data(13), model.predicted_loss, [("mean", model.mean)])
        .batch_size(BATCH)
        .early_stopping(stopping)
        .checkpoint(path)
        .checkpoint_every(1)
        .resume(true)
        .quiet()
        .fit(&session, &data(29), epochs)
        .unwrap();
    let file = Checkpoint::load(path).unwrap().variables().clone();
    Left { report, session: state(&session), file }
}

/// The file is kept as it is before each step, and a training resumed from each.
#[test]
fn a_training_resumed_after_any_step_ends_with_the_same_bits() {
    let (directory, path) = file();
    let stopping = || EarlyStopping::patience(2).min_delta(0.1).restore_best();
    let kept = |step: usize| directory.path().join(format!("{step}"));
    let taken = Arc::new(AtomicUsize::new(0));
    let keep = {
        let (directory, path, taken) = (directory.path().to_owned(), path.clone(), Arc::clone(&taken));
        move || {
            let step = taken.fetch_add(1, Ordering::SeqCst);
            if step > 0 {
                fs::copy(&path, directory.join(format!("{step}"))).unwrap();
            }
        }
    };
    let expected = train(&path, 20, stopping(), keep);
    let best = expected.report.best_epoch.unwrap();
    assert_eq!(expected.report.ended, Ended::EarlyStopped);
    assert_eq!(expected.report.history.len(), best + 2);
    assert_eq!(expected.report.steps, taken.load(Ordering::SeqCst));
    for step in 1..expected.report.steps {
        let resumed = train(&kept(step), 20, stopping(), || ());
        assert_eq!(resumed, expected, "after {step} steps");
    }
    // And once more from the end.
    assert_eq!(train(&path, 20, stopping(), || panic!("a step was taken")), expected);
}

/// The best variables, which a training that is over has in their place, are not what it goes on from.
#[test]
fn a_training_that_is_over_goes_on_when_more_epochs_are_asked_for() {
    let (directory, path) = file();
    let stopping = || EarlyStopping::patience(100).maximize("mean").restore_best();
    let expected = train(&path, 5, stopping(), || ());
    assert!(expected.report.best_epoch < Some(3), "the best epoch must not be the last");
    let grown = directory.path().join("grown");
    for epochs in 1..=5 {
        let left = train(&grown, epochs, stopping(), || ());
        assert_eq!(left.report.history, expected.report.history[..epochs]);
        if epochs == 5 {
            assert_eq!(left, expected);
        }
    }
}

#[test]
fn a_training_begins_anew_where_there_is_no_file_or_it_is_not_to_be_resumed() {
    let (_directory, path) = file();
    let g = Graph::new();
    let model = Model::new(&g);
    let fit = |resume: bool| {
        let session = Session::new(&g).unwrap();
        let trainer = model.trainer().checkpoint(&path).resume(resume);
        let report = trainer.fit(&session, &data(29), 2).unwrap();
        let saved = Checkpoint::load(&path).unwrap();
        assert_eq!(saved.variables(), &session.variable_values().unwrap());
        assert_eq!(saved.run_count(), session.run_count());
        (report, state(&session))
    };
    let first = fit(true);
    assert_eq!(fit(false), first);
}

// -- ends ----------------------------------------------------------------------------------------

#[test]
fn the_best_variables_are_those_after_the_best_epoch() {
    let (_directory, path) = file();
    let g = Graph::with_seed(2);
    let model = Model::new(&g);
    let stopping = EarlyStopping::patience(2).min_delta(0.1);
    let fit = |epochs: usize, stopping: &EarlyStopping| {
        let session = Session::new(&g).unwrap();
        let trainer = model.validated().early_stopping(stopping.clone()).checkpoint(&path);
        let report = trainer.fit(&session, &data(29), epochs).unwrap();
        (report, session.variable_values().unwrap())
    };
    let (report, last) = fit(50, &stopping);
    let best = report.best_epoch.unwrap();
    assert_eq!((report.ended, report.history.len()), (Ended::EarlyStopped, best + 2));
    assert_eq!(report.best(), Some(&report.history[best - 1]));
    assert_eq!(fit(best + 2, &stopping).1, last);
    let (_, after_best) = fit(best, &stopping);
    assert_ne!(after_best, last);
    let (restored, variables) = fit(50, &stopping.clone().restore_best());
    assert_eq!((restored, &variables), (report, &after_best));
    assert_eq!(Checkpoint::load(&path).unwrap().variables(), &after_best);
}

#[test]
fn callbacks_see_each_epoch_and_may_end_the_training_for_good() {
    let (_directory, path) = file();
    let g = Graph::new();
    let model = Model::new(&g);
    let seen = RefCell::new(Vec::new());
    let also_seen = Cell::new(0);
    let fit = || {
        let trainer = model
            .trainer()
            .after_epoch(|epoch| {
                seen.borrow_mut().push(epoch.clone());
                if epoch.epoch == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .after_epoch(|_| also_seen.set(also_seen.get() + 1))
            .checkpoint(&path)
            .resume(true);
        trainer.fit(&Session::new(&g).unwrap(), &data(29), 10).unwrap()
    };
    let report = fit();
    assert_eq!((report.ended, report.steps), (Ended::ByCallback, 12));
    assert_eq!(*seen.borrow(), report.history);
    assert_eq!(also_seen.get(), 3);
    assert_eq!(fit(), report);
    assert_eq!(also_seen.get(), 3);
}

#[test]
fn a_callback_that_fails_ends_the_training_behind_a_saved_epoch() {
    let (_directory, path) = file();
    let g = Graph::new();
    let model = Model::new(&g);
    let fails = Cell::new(true);
    let trainer = model
        .trainer()
        .checkpoint(&path)
        .resume(true)
        .after_epoch(|epoch| if epoch.epoch == 2 && fails.get() { Err("no space") } else { Ok(()) });
    let session = Session::new(&g).unwrap();
    let error = trainer.fit(&session, &data(29), 3).unwrap_err();
    assert_eq!(error.to_string(), "what is called after epoch 2 failed: no space");
    fails.set(false);
    let report = trainer.fit(&session, &data(29), 3).unwrap();
    let uninterrupted = Session::new(&g).unwrap();
    assert_eq!(model.trainer().fit(&uninterrupted, &data(29), 3).unwrap(), report);
    assert_eq!(state(&uninterrupted), state(&session));
}

// -- losses that are not finite ------------------------------------------------------------------

/// A model whose loss is the logarithm of a variable that falls by 1 a step.
fn falling(g: &Graph) -> (Trainer<'_, f64, f64, f64>, u32) {
    let (x, y) = (g.placeholder::<f64>("x", [None]), g.placeholder::<f64>("y", [None]));
    let v = g.variable("v", 5.5_f64);
    let line = line!() + 1;
    let loss = (v.ln().named("logarithm") + (x - y).reduce_sum(..) * 0.0).named("total");
    (Trainer::new(x, y, loss, v.assign_sub(1.0).op()).batch_size(1).quiet(), line)
}

#[test]
fn a_loss_that_is_not_finite_fails_its_step_and_changes_nothing() {
    let (_directory, path) = file();
    let g = Graph::new();
    let (trainer, line) = falling(&g);
    let trainer = trainer.checkpoint(&path).checkpoint_every(1);
    let data = Dataset::new(arr1(&[1.0; 4]), arr1(&[1.0; 4])).unwrap();
    let session = Session::new(&g).unwrap();
    let error = trainer.fit(&session, &data, 3).unwrap_err();
    let expected = format!(
        "step 7 (epoch 2) failed and changed no variable: NaN in `logarithm` (ln) built at {}:{line}:",
        file!()
    );
    assert_eq!(error.to_string()[..expected.len()], expected);
    assert!(error.to_string().ends_with(", found by the check of `total`"));
    assert!(error.source().is_some());
    let v = ndarray::arr0(-0.5).into();
    assert_eq!(session.variable_values().unwrap()["v"], v);
    assert_eq!(Checkpoint::load(&path).unwrap().variables()["v"], v);
}

#[test]
fn any_loss_is_accepted_where_asked() {
    let g = Graph::new();
    let data = Dataset::new(arr1(&[1.0; 4]), arr1(&[1.0; 4])).unwrap();
    let stopping = EarlyStopping::patience(1);
    let trainer = falling(&g).0.accept_any_loss().early_stopping(stopping);
    let report = trainer.fit(&Session::new(&g).unwrap(), &data, 3).unwrap();
    assert_eq!((report.steps, report.ended, report.best_epoch), (8, Ended::EarlyStopped, Some(1)));
    assert!(report.history[1].train.loss.is_nan());
}

// -- what is refused -----------------------------------------------------------------------------

/// What the trainer that `of` makes says of 29 rows, before any step.
#[track_caller]
fn refused<'g>(g: &'g Graph, of: impl FnOnce(&Model<'g>) -> Trainer<'g, f64, f64, f64>) -> String {
    let session = Session::new(g).unwrap();
    let trainer = of(&Model::new(g));
    let error = trainer.fit(&session, &data(29), 1).unwrap_err();
    assert_eq!(session.run_count(), 0);
    error.to_string()
}

#[test]
fn batches_that_cannot_be_fed_are_refused() {
    let with_x = |shape: Shape| {
        let g = Graph::new();
        let x = g.placeholder::<f64>("images", shape);
        let y = g.placeholder::<f64>("y", [None]);
        let w = g.variable("w", 0.0);
        let loss = (x * w).reduce_mean(..) + y.reduce_mean(..);
        let trainer = Trainer::new(x, y, loss, w.assign_add(1.0).op()).batch_size(BATCH).quiet();
        let fit = trainer.fit(&Session::new(&g).unwrap(), &data(29), 1);
        let without_last = trainer.drop_last().fit(&Session::new(&g).unwrap(), &data(29), 1);
        [fit, without_last].map(|report| report.map_or_else(|error| error.to_string(), |_| "fine".to_owned()))
    };
    let message = |expected: &str, found: &str| {
        format!(
            "`images`: expected inputs of shape {expected}, got a batch of the training data of shape {found}"
        )
    };
    let both = |expected: &str| [message(expected, "[8, 3]"), message(expected, "[8, 3]")];
    assert_eq!(with_x([None, Some(4)].into()), both("[?, 4]"));
    assert_eq!(with_x([None].into()), both("[?]"));
    assert_eq!(with_x([None, None, None].into()), both("[?, ?, ?]"));
    assert_eq!(with_x([7, 3].into()), both("[7, 3]"));
    assert_eq!(with_x([8, 3].into()), [message("[8, 3]", "[5, 3]"), "fine".to_owned()]);
    assert_eq!(with_x([None, None].into()), ["fine", "fine"]);
}

#[test]
fn data_to_validate_and_evaluate_by_that_cannot_be_fed_are_refused() {
    let flat = |rows: usize| Dataset::new(Array1::<f64>::zeros(rows), Array1::<f64>::zeros(rows)).unwrap();
    let message = |data: &str| {
        format!("`x`: expected inputs of shape [?, 3], got a batch of the {data} data of shape [8]")
    };
    let g = Graph::new();
    let error = refused(&g, |model| model.trainer().validate(&flat(29), model.loss, []));
    assert_eq!(error, message("validation"));
    let g = Graph::new();
    let error = Model::new(&g).trainer().evaluate(&Session::new(&g).unwrap(), &flat(9)).unwrap_err();
    assert_eq!(error.to_string(), message("evaluated"));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let g = Graph::new;
    let not_scalar = |what: &str| format!("{what}: expected a single number, got `w` of shape [3]");
    for (message, error) in [
        (not_scalar("loss"), refused(&g(), |it| Trainer::new(it.x, it.y, it.w.into(), it.step).quiet())),
        (not_scalar("metric `mass`"), refused(&g(), |it| it.trainer().metric("mass", it.w.into()))),
        (
            not_scalar("metric `mass`"),
            refused(&g(), |it| it.trainer().validate(&data(1), it.loss, [("mass", it.w.into())])),
        ),
        (
            "expected one metric named `mean`, got two".into(),
            refused(&g(), |it| it.trainer().metric("mean", it.loss)),
        ),
        (
            "expected one metric named `loss`, got two".into(),
            refused(&g(), |it| it.trainer().metric("loss", it.loss)),
        ),
        ("expected a batch size of at least 1, got 0".into(), refused(&g(), |it| it.trainer().batch_size(0))),
        (
            "expected at least 30 rows, as smaller batches are dropped, got 29".into(),
            refused(&g(), |it| it.trainer().batch_size(30).drop_last()),
        ),
        (
            "early stopping: expected one of the metrics loss, mean, got `accuracy`".into(),
            refused(&g(), |it| it.trainer().early_stopping(EarlyStopping::patience(1).maximize("accuracy"))),
        ),
        (
            "early stopping: expected a least improvement of at least 0, got -0.5".into(),
            refused(&g(), |it| it.trainer().early_stopping(EarlyStopping::patience(1).min_delta(-0.5))),
        ),
        (
            "early stopping: expected a least improvement of at least 0, got NaN".into(),
            refused(&g(), |it| it.trainer().early_stopping(EarlyStopping::patience(1).min_delta(f64::NAN))),
        ),
        (
            "expected a file for checkpoints to resume from, got none".into(),
            refused(&g(), |it| it.trainer().resume(true)),
        ),
    ] {
        assert_eq!(error, message);
    }
}

#[test]
fn a_checkpoint_that_cannot_be_written_is_refused_before_any_step() {
    let (directory, path) = file();
    let g = Graph::new();
    let missing = directory.path().join("missing").join("model.safetensors");
    let error = refused(&g, |it| it.trainer().checkpoint(&missing));
    let expected = format!(
        "checkpoint `{}`: it could not be written: the directory `{}` does not exist",
        missing.display(),
        directory.path().join("missing").display()
    );
    assert_eq!(error, expected);
    fs::create_dir(&path).unwrap();
    let g = Graph::new();
    let error = refused(&g, |it| it.trainer().checkpoint(&path));
    assert_eq!(
        error,
        format!(
            "checkpoint `{}`: it could not be written: expected a regular file, got a directory",
            path.display()
        )
    );
}

#[test]
fn a_build_error_is_told_before_what_follows_from_it() {
    let g = Graph::new();
    let error = refused(&g, |it| Trainer::new(it.x, it.y, it.loss.reduce_sum(3), it.step).quiet());
    assert!(error.starts_with("expected an axis of a tensor of rank 0, got 3, in `reduce_sum_"), "{error}");
}

#[test]
fn a_step_of_another_graph_is_refused() {
    let (g, other) = (Graph::new(), Graph::new());
    let step = Model::new(&other).step;
    let error = refused(&g, |it| Trainer::new(it.x, it.y, it.loss, step).quiet());
    assert!(error.contains("expected a tensor of the session's graph, got one of another graph"), "{error}");
}

type TrainerOf<'g> = Trainer<'g, f64, f64, f64>;

fn plain<'g>(model: &Model<'g>) -> TrainerOf<'g> {
    model.trainer()
}

/// What resuming from the file says with the trainer that `of` makes, without the name of the file.
fn resumed(path: &Path, of: impl for<'g> FnOnce(&Model<'g>) -> TrainerOf<'g>) -> String {
    let g = Graph::with_seed(5);
    let model = Model::new(&g);
    let session = Session::new(&g).unwrap();
    let before = state(&session);
    let error = of(&model).checkpoint(path).resume(true).fit(&session, &data(29), 3).unwrap_err();
    assert_eq!(state(&session), before);
    let named = format!("checkpoint `{}`", path.display());
    error.to_string().strip_prefix(&named).unwrap().to_owned()
}

#[test]
fn a_checkpoint_of_another_training_is_refused() {
    let (_directory, path) = file();
    let g = Graph::with_seed(5);
    let model = Model::new(&g);
    model.validated().checkpoint(&path).fit(&Session::new(&g).unwrap(), &data(29), 1).unwrap();
    let other = |key: &str, found: &str, here: &str| {
        format!(" of another training: expected `train.{key}` {here}, got {found}")
    };
    assert_eq!(resumed(&path, |it| it.validated().batch_size(4)), other("batch_size", "8", "4"));
    let order = "shuffled by seed 11";
    assert_eq!(resumed(&path, |it| it.validated().seed(1)), other("order", order, "shuffled by seed 1"));
    assert_eq!(resumed(&path, |it| it.validated().in_order()), other("order", order, "as given"));
    let last_batch = other("last_batch", "kept", "dropped if smaller");
    assert_eq!(resumed(&path, |it| it.validated().drop_last()), last_batch);
    let metrics = "loss, mean; of validation: loss, mean";
    assert_eq!(resumed(&path, plain), other("metrics", metrics, "loss, mean"));
    let stopping = || EarlyStopping::patience(3).restore_best();
    let best = resumed(&path, |it| it.validated().early_stopping(stopping()));
    assert_eq!(best, other("best_epoch", "none", "1"));
}

#[test]
fn a_checkpoint_of_another_model_is_refused() {
    let (_directory, path) = file();
    let g = Graph::with_seed(6);
    let model = Model::new(&g);
    let _ = g.variable("bias", 1.0_f32);
    model.trainer().checkpoint(&path).fit(&Session::new(&g).unwrap(), &data(29), 1).unwrap();
    assert_eq!(
        resumed(&path, plain),
        " does not match the session: the session lacks its `bias` (f32[]); \
         expected the seed 5 of the session's graph, got 6; `restore_model` takes the session's variables alone"
    );
}

#[test]
fn a_checkpoint_that_no_trainer_has_saved_is_refused() {
    let (_directory, path) = file();
    let g = Graph::with_seed(5);
    let model = Model::new(&g);
    let session = Session::new(&g).unwrap();
    let says =
        |key: &str, value: &str| format!(": expected the position of a training as `{key}`, got {value}");
    Checkpoint::of(&session).unwrap().save(&path).unwrap();
    assert_eq!(resumed(&path, plain), says("train.rows", "none"));

    // Whatever is in the file, numbers that do not fit each other are found.
    model.trainer().checkpoint(&path).fit(&session, &data(29), 1).unwrap();
    let saved = Checkpoint::load(&path).unwrap();
    for (key, value, told) in [
        ("train.epochs", "2", "train/history"),
        ("train.epochs", "18446744073709551615", "train/history"),
        ("train.epochs", "-1", "train.epochs"),
        ("train.batches", "5", "train.batches"),
        ("train.batches", "two", "train.batches"),
        ("train.other", "best", "train.best_epoch"),
    ] {
        saved.clone().with(key, value).save(&path).unwrap();
        let value = if told == key { format!("`{value}`") } else { "none".to_owned() };
        assert_eq!(resumed(&path, plain), says(told, &value));
    }
    for (name, array) in [("train/history", arr1(&[1.0, 2.0])), ("train/sums", arr1(&[1.0]))] {
        saved.clone().with_array(name, array).save(&path).unwrap();
        assert_eq!(resumed(&path, plain), says(name, "none"));
    }
    let best = saved.clone().with("train.best_epoch", "1");
    best.clone().with("train.other", "worst").save(&path).unwrap();
    assert_eq!(resumed(&path, plain), says("train.other", "`worst`"));
    best.with("train.other", "last").save(&path).unwrap();
    assert_eq!(resumed(&path, plain), says("train/other/global_step", "none"));
}

#[test]
fn a_damaged_checkpoint_is_refused_and_left_as_it_is() {
    let (_directory, path) = file();
    let g = Graph::with_seed(5);
    let model = Model::new(&g);
    model.trainer().checkpoint(&path).fit(&Session::new(&g).unwrap(), &data(29), 1).unwrap();
    let mut contents = fs::read(&path).unwrap();
    contents.pop();
    fs::write(&path, &contents).unwrap();
    assert_eq!(
        resumed(&path, plain),
        ": expected a file in the safetensors format: tensor `w/velocity`: expected bytes that begin at 72, of 95, got the bytes 72..96"
    );
    assert_eq!(fs::read(&path).unwrap(), contents);
}

/// What errors and trainers are sent and shared as.
#[test]
fn errors_can_be_sent_and_cloned() {
    fn is_error<E: StdError + Clone + Send + Sync + 'static>() {}
    is_error::<TrainError>();
    is_error::<CheckpointError>();
}
