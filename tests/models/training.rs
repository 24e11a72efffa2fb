//! What trainers keep, measure and average beyond the loop itself.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use flowgrad::Value;
use flowgrad::data::Dataset;
use flowgrad::io::checkpoint::Checkpoint;
use flowgrad::metrics::{ConfusionMatrix, roc_auc};
use flowgrad::ndarray::{Array1, Array2, ArrayD};
use flowgrad::optimizer::{Averages, Ema};
use flowgrad::prelude::*;
use flowgrad::train::{EarlyStopping, Keep, Report, Trainer, checkpoints};

use crate::model_file::file;

/// Two classes that a line parts, but for some rows.
fn data(rows: usize) -> Dataset<f64, i64> {
    let number = |at: usize| ((at * 7919 + 13) % 1009) as f64 / 504.5 - 1.0;
    let x = Array2::from_shape_fn((rows, 2), |(row, axis)| number(row * 2 + axis));
    let labels: Array1<i64> = (0..rows)
        .map(|row| i64::from(x[[row, 0]] + 0.5 * x[[row, 1]] + 0.4 * number(row * 31) > 0.0))
        .collect();
    Dataset::new(x, labels).unwrap()
}

struct Model<'g> {
    x: Tensor<'g, f64>,
    labels: Tensor<'g, i64>,
    logit: Tensor<'g, f64>,
    loss: Tensor<'g, f64>,
    predicted_loss: Tensor<'g, f64>,
    step: Operation<'g>,
    averages: Averages<'g, f64>,
}

impl<'g> Model<'g> {
    /// Gradients of two batches make a step.
    fn new(g: &'g Graph) -> Self {
        let (x, labels) = (g.placeholder("x", [None, Some(2)]), g.placeholder("labels", [None]));
        let (w, bias) = (g.variable("w", random_normal([2], 0.0, 0.1)), g.variable("bias", 0.0));
        let logit = |x: Tensor<'g, f64>| (x * w).reduce_sum(-1) + bias;
        let of = |logit: Tensor<'g, f64>| logit.sigmoid_cross_entropy(labels.cast()).reduce_mean(..);
        let loss = of(logit(x.bernoulli_like(0.2).select(0.0, x)));
        let averages = Ema::new(0.8).warmed_up().of(g, &[w, bias]);
        let step = Adam::new(0.1).accumulate(2).minimize(loss);
        let (logit, predicted_loss) = (logit(x), of(logit(x)));
        Model { x, labels, logit, loss, predicted_loss, step, averages }
    }

    /// One that validates averages by scores, and accumulates gradients across epochs: each has 7 batches or 4.
    fn trainer(&self) -> Trainer<'g, f64, i64, f64> {
        Trainer::new(self.x, self.labels, self.loss, self.step)
            .validate(&data(21), self.predicted_loss, [])
            .score("auc", self.logit, |scores, labels| roc_auc(labels, scores))
            .score("f1", self.logit.greater(0.0), |found, labels| {
                ConfusionMatrix::of(labels, found).map(|confusion| confusion.f1(1))
            })
            .average(&self.averages)
            .batch_size(8)
            .seed(3)
            .quiet()
    }
}

fn variables(session: &Session) -> (BTreeMap<String, Value>, u64) {
    (session.variable_values().unwrap(), session.run_count())
}

/// The steps in the names of the checkpoints that are kept.
fn kept(path: &Path) -> Vec<usize> {
    let step = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        name.strip_prefix("model-step").unwrap().parse().unwrap()
    };
    checkpoints(path).unwrap().into_iter().map(step).collect()
}

/// A training of some epochs in a session and graph of its own, which goes on from what is there.
fn fit(path: &Path, epochs: usize, of: impl for<'g> FnOnce(TrainerOf<'g>) -> TrainerOf<'g>) -> Left {
    let g = Graph::with_seed(5);
    let model = Model::new(&g);
    let session = Session::new(&g).unwrap();
    let trainer = of(model.trainer().checkpoint(path).resume(true));
    let report = trainer.fit(&session, &data(29), epochs).unwrap();
    (report, variables(&session))
}

type TrainerOf<'g> = Trainer<'g, f64, i64, f64>;
type Left = (Report, (BTreeMap<String, Value>, u64));

// -- checkpoints ---------------------------------------------------------------------------------

#[test]
fn the_last_checkpoints_stay_and_each_is_whole() {
    let (_directory, path) = file();
    let (report, _) = fit(&path, 5, |it| it.keep(3));
    assert_eq!(kept(&path), [12, 16, 20]);
    for (saved, epoch) in checkpoints(&path).unwrap().into_iter().zip(3..) {
        let checkpoint = Checkpoint::load(saved).unwrap();
        let (_elsewhere, alone) = file();
        let (_, (expected, runs)) = fit(&alone, epoch, |it| it);
        assert_eq!((checkpoint.variables(), checkpoint.run_count()), (&expected, runs));
    }
    // It goes on from the newest, and an earlier training's are gone once another has begun.
    assert_eq!(fit(&path, 5, |it| it.keep(3)).0, report);
    assert_eq!(fit(&path, 6, |it| it.keep(3)).0.history[..5], report.history[..]);
    assert_eq!(kept(&path), [16, 20, 24]);
    fit(&path, 1, |it| it.keep(3).resume(false));
    assert_eq!(kept(&path), [4]);
    assert!(!path.exists());
}

#[test]
fn the_best_checkpoints_stay_with_the_last() {
    let (_directory, path) = file();
    let (report, _) = fit(&path, 12, |it| it.keep(Keep::best(2).maximize("auc")));
    let mut epochs: Vec<_> = report.history.iter().collect();
    let auc = |epoch: &flowgrad::train::Epoch| epoch.validation.as_ref().unwrap().get("auc").unwrap();
    epochs.sort_by(|a, b| auc(b).total_cmp(&auc(a)));
    let mut expected: Vec<usize> = epochs[..2].iter().map(|epoch| epoch.step).collect();
    expected.push(48);
    expected.sort_unstable();
    expected.dedup();
    assert_eq!(kept(&path), expected);
}

/// Stopped after any step, with what is newest damaged or not: the same bits as never stopped.
#[test]
fn a_training_resumes_from_the_newest_whole_checkpoint_with_the_same_bits() {
    let (_directory, path) = file();
    let (_other, whole) = file();
    let stopping = || EarlyStopping::patience(100).maximize("f1").restore_best();
    let expected = fit(&whole, 4, |it| it.early_stopping(stopping()));
    for stop in 1..4 {
        for damage in [None, Some("cut"), Some("flipped")] {
            let again =
                |epochs| fit(&path, epochs, |it| it.early_stopping(stopping()).keep(3).checkpoint_every(3));
            again(stop);
            let files = checkpoints(&path).unwrap();
            let newest = files.last().unwrap();
            let mut bytes = fs::read(newest).unwrap();
            match damage {
                Some("cut") => bytes.truncate(bytes.len() / 2),
                Some(_) => *bytes.last_mut().unwrap() ^= 1,
                None => {}
            }
            fs::write(newest, bytes).unwrap();
            assert_eq!(again(4), expected, "after {stop} epochs, {damage:?}");
            assert_eq!(kept(&path).last(), Some(&16));
            checkpoints(&path).unwrap().into_iter().for_each(|file| fs::remove_file(file).unwrap());
        }
    }
    // Where all are damaged, nothing is trained and nothing removed.
    fit(&path, 2, |it| it.keep(2));
    let files = checkpoints(&path).unwrap();
    for file in &files {
        fs::write(file, "nothing").unwrap();
    }
    let g = Graph::with_seed(5);
    let trainer = Model::new(&g).trainer().checkpoint(&path).keep(2).resume(true);
    let error = trainer.fit(&Session::new(&g).unwrap(), &data(29), 4).unwrap_err().to_string();
    assert!(error.starts_with(&format!("checkpoint `{}`: ", files[1].display())), "{error}");
    assert_eq!(checkpoints(&path).unwrap(), files);
}

#[test]
fn several_are_kept_of_a_training_that_began_with_one() {
    let (_directory, path) = file();
    let (_other, whole) = file();
    fit(&path, 2, |it| it);
    let resumed = fit(&path, 4, |it| it.keep(1));
    assert_eq!(resumed, fit(&whole, 4, |it| it));
    assert_eq!(kept(&path), [16]);
    assert!(path.exists());
}

#[test]
fn what_cannot_be_kept_or_scored_is_refused() {
    let (_directory, path) = file();
    let refused = |of: &dyn for<'g> Fn(&Model<'g>) -> TrainerOf<'g>| {
        let g = Graph::new();
        let trainer = of(&Model::new(&g));
        trainer.fit(&Session::new(&g).unwrap(), &data(29), 1).unwrap_err().to_string()
    };
    assert_eq!(
        refused(&|it| it.trainer().keep(3)),
        "expected a file for the checkpoints that are to be kept, got none"
    );
    let unknown = refused(&|it| it.trainer().checkpoint(&path).keep(Keep::best(1).minimize("loss_2")));
    assert_eq!(unknown, "checkpoints to keep: expected one of the metrics loss, auc, f1, got `loss_2`");
    let twice = refused(&|it| it.trainer().score("auc", it.logit, |_, _| 0.0));
    assert_eq!(twice, "expected one metric named `auc`, got two");
    assert_eq!(
        refused(&|it| {
            Trainer::new(it.x, it.labels, it.loss, it.step).score("auc", it.logit, |_, _| 0.0).quiet()
        }),
        "score `auc`: expected validation data, got none"
    );
    let scalar = refused(&|it| it.trainer().score("sum", it.loss, |_, _| 0.0));
    assert!(
        scalar.starts_with("score `sum`: expected predictions of shape [rows, ..], got `reduce_mean"),
        "{scalar}"
    );
    let longer = refused(&|it| {
        let column = it.logit.expand_dims(-1);
        let all = column.graph().concat(&[column, column], 0);
        it.trainer().score("twice", all, |_, _| 0.0)
    });
    assert!(longer.starts_with("score `twice`: expected predictions of shape [8, 1], got "), "{longer}");
    let failing = refused(&|it| it.trainer().score("bad", it.logit, |_, _| Err::<f64, _>("no reason")));
    assert_eq!(failing, "score `bad` failed: no reason");
}

// -- scores and averages -------------------------------------------------------------------------

#[test]
fn scores_are_of_all_predictions_of_the_averages() {
    let g = Graph::with_seed(5);
    let model = Model::new(&g);
    let session = Session::new(&g).unwrap();
    let trainer = model.trainer();
    let report = trainer.fit(&session, &data(29), 3).unwrap();
    let before = variables(&session);
    let evaluated = trainer.evaluate(&session, &data(21)).unwrap();
    assert_eq!(variables(&session), before, "what is swapped is swapped back");
    assert_eq!(Some(&evaluated), report.last().unwrap().validation.as_ref());

    let rows = data(21);
    let by_hand = |session: &Session| -> (f64, ArrayD<f64>) {
        let fed = session.feed(model.x, rows.inputs()).feed(model.labels, rows.targets());
        let (loss, logit) = fed.run((model.predicted_loss, model.logit)).unwrap();
        (loss.sum(), logit)
    };
    let (of_weights, _) = by_hand(&session);
    session.run(model.averages.apply()).unwrap();
    let (loss, logit) = by_hand(&session);
    assert!((evaluated.loss - loss).abs() < 1e-12 && (evaluated.loss - of_weights).abs() > 1e-6);
    assert_eq!(evaluated.get("auc"), Some(roc_auc(rows.targets(), &logit).unwrap()));
    let confusion = ConfusionMatrix::of(rows.targets(), &logit.mapv(|x| x > 0.0)).unwrap();
    assert_eq!(evaluated.get("f1"), Some(confusion.f1(1)));
    let line = report.last().unwrap().to_string();
    assert!(line.contains("; validation: loss ") && line.contains(", auc 0."), "{line}");
}

#[test]
fn a_score_that_fails_leaves_the_weights_in_their_place() {
    let g = Graph::with_seed(5);
    let model = Model::new(&g);
    let [failed, alone] = [Session::new(&g).unwrap(), Session::new(&g).unwrap()];
    let trainer = model.trainer().score("bad", model.logit, |_, _| Err::<f64, _>("no reason"));
    trainer.fit(&failed, &data(29), 1).unwrap_err();
    let once = model.trainer().after_epoch(|_| ControlFlow::Break(()));
    once.fit(&alone, &data(29), 9).unwrap();
    assert_eq!(variables(&failed), variables(&alone));
}
