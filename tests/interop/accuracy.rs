//! The models of the examples `mlp_digits`, `cnn_digits` and `char_rnn`, trained for a moment, are as often right in
//! TensorFlow and in ONNX Runtime as here: on all rows for testing they give the same classes, and the same probabilities
//! within 1e-5.
//!
//! `check_graph_def.py` and `check_onnx.py` have them run, where a Python has both.

#[allow(dead_code, reason = "models have signatures, and no operations")]
#[path = "tensorflow/cases.rs"]
mod cases;
#[allow(dead_code, reason = "nothing here is packed")]
#[path = "tensorflow/fixture.rs"]
mod fixture;
#[path = "tensorflow/numbers.rs"]
mod numbers;
#[path = "../common/python.rs"]
mod python;
#[allow(dead_code, reason = "nothing here is packed")]
#[path = "../common/stored.rs"]
mod stored;

use std::collections::{BTreeMap, BTreeSet};

use flowgrad::data::{Csv, Dataset};
use flowgrad::io::npz::write_npz;
use flowgrad::io::onnx::{self, ExportOptions};
use flowgrad::io::saved_model::{self, ExportSignature};
use flowgrad::ndarray::{Array2, ArrayD};
use flowgrad::nn::{
    Conv2d, Dense, Dropout, Embedding, Flatten, GruCell, Layer, MaxPool2d, Mode, Rnn, Sequential,
};
use flowgrad::optimizer::{Adam, AdamW};
use flowgrad::train::Trainer;
use flowgrad::{AnyTensor, Value, prelude::*};
use tempfile::TempDir;

use self::cases::Run;
use self::numbers::stored;

/// How far probabilities may be apart.
const APART: f64 = 1e-5;

fn data(name: &str) -> String {
    format!("{}/examples/data/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Handwritten digits to train on, and the last rows, which other people wrote.
fn digits() -> [Dataset<f32, i64>; 2] {
    let rows = Dataset::<f32, i64>::from_csv(data("digits.csv.gz"), &Csv::new(), -1).unwrap();
    let (train, test) = rows.map_inputs(|pixel| pixel / 16.0).split_last(360).unwrap();
    [train, test]
}

/// Exports a trained classifier both ways, with what it gives for rows, of which it must be right on so many at least.
struct Bench(TempDir);

impl Bench {
    fn add(
        &self,
        name: &str,
        session: &Session,
        (inputs, targets, logits): (AnyTensor<'_>, Tensor<'_, i64>, Tensor<'_, f32>),
        (fed, labels, least): (Value, ArrayD<i64>, f64),
    ) {
        let (probabilities, classes) = (logits.softmax(-1), logits.argmax(-1));
        let right = classes.equal(targets).cast::<i64>().reduce_sum(..);
        let rows = labels.len();
        let outputs = [
            ("probabilities", probabilities.named("probabilities").any()),
            ("classes", classes.named("classes").any()),
            ("right", right.named("right").any()),
        ];
        let run = session.feeds().feed_value(inputs, &fed).feed(targets, &labels);
        let given: Vec<Value> = run.run(outputs.map(|output| output.1).to_vec()).unwrap();
        let Value::I64(count) = &given[2] else { panic!("expected a count") };
        let share = count.sum() as f64 / rows as f64;
        println!("{name}: {count} of {rows} right");
        assert!(share > least, "{name}: {share} right, which tells nothing");

        let labels = Value::from(labels);
        let [inputs_name, targets_name] = [inputs.name(), targets.name()];
        let signature = ExportSignature::new("serving_default")
            .input(&inputs_name, inputs)
            .input(&targets_name, targets.any());
        let signature = outputs.iter().fold(signature, |signature, (name, of)| signature.output(*name, *of));
        let file = |extension: &str| self.0.path().join(format!("{name}.{extension}"));
        saved_model::export(session, file("saved"), &[signature]).unwrap();
        let run = Run {
            feeds: vec![(inputs_name.clone(), stored(&fed)), (targets_name.clone(), stored(&labels))],
            operations: Vec::new(),
            fetches: outputs.iter().zip(&given).map(|(of, value)| (of.0.to_owned(), stored(value))).collect(),
        };
        cases::write_saved(self.0.path(), name, "serving_default", &run, APART);

        let tensors = outputs.map(|output| output.1);
        onnx::export_file(session, file("onnx"), &[inputs, targets.any()], &tensors, &ExportOptions::new())
            .unwrap();
        std::fs::write(file("limit"), APART.to_string()).unwrap();
        let inputs = BTreeMap::from([(inputs_name, fed), (targets_name, labels)]);
        write_npz(file("in.npz"), &inputs).unwrap();
        let outputs: BTreeMap<String, Value> =
            tensors.iter().map(|tensor| tensor.name()).zip(given).collect();
        write_npz(file("out.npz"), &outputs).unwrap();
    }

    fn check(&self) {
        if let Err(differs) = cases::check(self.0.path()) {
            panic!("{differs}");
        }
        let Some(python) = python::Python::with(&["numpy", "onnx", "onnxruntime"]) else { return };
        let checked = python.run("interop/check_onnx.py", [self.0.path()]);
        assert!(checked.is_ok(), "{}", checked.unwrap_err());
    }
}

/// Trains a model of digits for some epochs, and checks what it makes of the rows for testing.
fn check_digits<'g>(
    name: &str,
    model: &Sequential<'g, f32>,
    pixels: Tensor<'g, f32>,
    [train, test]: [Dataset<f32, i64>; 2],
    epochs: usize,
) {
    let labels = pixels.graph().placeholder::<i64>("labels", [None]);
    let loss = model.call(pixels, Mode::Train).sparse_softmax_cross_entropy(labels).reduce_mean(..);
    let step = AdamW::new(2e-3).weight_decay(0.01).minimize(loss);
    let logits = model.call(pixels, Mode::Predict);
    let session = Session::new(pixels.graph()).unwrap();
    Trainer::new(pixels, labels, loss, step).quiet().fit(&session, &train, epochs).unwrap();
    let bench = Bench(tempfile::tempdir().unwrap());
    let rows = (test.inputs().clone().into(), test.targets().clone(), 0.8);
    bench.add(name, &session, (pixels.any(), labels, logits), rows);
    bench.check();
}

#[test]
fn a_perceptron_is_as_often_right_elsewhere() {
    let g = Graph::with_seed(1);
    let model = Sequential::new()
        .add(Dense::new(&g, "fc1", 64, 256))
        .add(Tensor::relu)
        .add(Dropout::new("dropout1", 0.3))
        .add(Dense::new(&g, "fc2", 256, 128))
        .add(Tensor::relu)
        .add(Dropout::new("dropout2", 0.3))
        .add(Dense::new(&g, "logits", 128, 10));
    let pixels = g.placeholder::<f32>("pixels", [None, Some(64)]);
    check_digits("mlp_digits", &model, pixels, digits(), 3);
}

#[test]
fn a_convolutional_network_is_as_often_right_elsewhere() {
    let g = Graph::with_seed(1);
    let model = Sequential::new()
        .add(Conv2d::new(&g, "conv1", [3, 3, 1, 32], Convolution::same()))
        .add(Tensor::relu)
        .add(Conv2d::new(&g, "conv2", [3, 3, 32, 64], Convolution::same()))
        .add(Tensor::relu)
        .add(MaxPool2d(Window::of([2, 2])))
        .add(Flatten)
        .add(Dropout::new("dropout1", 0.4))
        .add(Dense::new(&g, "fc", 4 * 4 * 64, 128))
        .add(Tensor::relu)
        .add(Dropout::new("dropout2", 0.4))
        .add(Dense::new(&g, "logits", 128, 10));
    let pixels = g.placeholder::<f32>("pixels", [None, Some(8), Some(8), Some(1)]);
    let rows = digits().map(|rows| rows.reshape_inputs(&[8, 8, 1]).unwrap());
    check_digits("cnn_digits", &model, pixels, rows, 2);
}

#[test]
fn a_recurrent_network_is_as_often_right_elsewhere() {
    const STRETCH: usize = 32;
    let text = std::fs::read_to_string(data("sonnets.txt")).unwrap();
    let alphabet: Vec<char> = text.chars().collect::<BTreeSet<char>>().into_iter().collect();
    let ids: Vec<i64> = text.chars().map(|c| alphabet.binary_search(&c).unwrap() as i64).collect();
    let starts: Vec<usize> = (0..ids.len() - STRETCH).step_by(STRETCH / 2).collect();
    let cut = |on| Array2::from_shape_fn((starts.len(), STRETCH), |(row, at)| ids[starts[row] + at + on]);
    let rows = Dataset::new(cut(0), cut(1)).unwrap();
    let (train, test) = rows.split_last(rows.len() / 10).unwrap();

    let g = Graph::with_seed(1);
    let classes = alphabet.len();
    let letters = Embedding::<f32>::new(&g, "letters", classes, 32);
    let unit = Rnn::new(GruCell::new(&g, "unit", 32, 128));
    let output = Dense::new(&g, "output", 128, classes);
    let characters = g.placeholder::<i64>("characters", [None, Some(STRETCH)]);
    let following = g.placeholder::<i64>("following", [None, Some(STRETCH)]);
    let states = unit.call(letters.call(characters), Mode::Train);
    let logits = output.call(states, Mode::Train);
    let loss = logits.sparse_softmax_cross_entropy(following).reduce_mean(..);
    let step = Adam::new(4e-3).clip_by_global_norm(1.0).minimize(loss);
    let session = Session::new(&g).unwrap();
    Trainer::new(characters, following, loss, step).batch_size(16).quiet().fit(&session, &train, 4).unwrap();
    let bench = Bench(tempfile::tempdir().unwrap());
    let rows = (test.inputs().clone().into(), test.targets().clone(), 0.15);
    bench.add("char_rnn", &session, (characters.any(), following, logits), rows);
    bench.check();
}
