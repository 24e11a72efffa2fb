//! TensorFlow's own numbers.

use std::collections::BTreeMap;
use std::path::Path;

use flowgrad::io::graph_def::{ImportOptions, Imported, import};
use flowgrad::ndarray::ArrayD;
use flowgrad::{AnyTensor, Feeding, Value, prelude::*};
use serde::Deserialize;

use crate::fixture::{self, numbers, value};
use crate::stored::Stored;

/// A graph, what was fed, and what came of it.
#[derive(Deserialize)]
struct Case {
    name: String,
    feeds: BTreeMap<String, Stored>,
    fetches: BTreeMap<String, Stored>,
    /// Of what, by what.
    gradients: Vec<(String, String, Stored)>,
    #[serde(default)]
    variables: BTreeMap<String, Stored>,
    train: Option<Train>,
}

/// Steps of training: the loss before each, and variables after the last.
#[derive(Deserialize)]
struct Train {
    op: String,
    loss: String,
    losses: Stored,
    after: BTreeMap<String, Stored>,
}

/// A file of the folder, unpacked.
pub(crate) fn unpacked(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/graph_def");
    fixture::unpacked(&folder.join(name.to_owned() + ".gz"))
}

fn cases() -> Vec<Case> {
    serde_json::from_slice(&unpacked("expected.json")).unwrap()
}

/// How far apart numbers may be, in units of the largest of an array, also after twenty steps of training: of `f32`, and
/// of `f64`.
const APART: [f64; 2] = [1e-6, 1e-12];

/// Graphs whose values may be farther apart: TensorFlow's gradients of batch normalization in single precision are off by
/// 2.0e-6 and 2.5e-6 from what the same formulas give in double precision, ours by 4e-7 and 2e-7.
const FARTHER: [(&str, f64); 2] = [("batch_norm", 3e-6), ("channels_first", 3e-6)];

/// How far apart numbers of a graph may be.
fn limits(name: &str) -> [f64; 2] {
    let farther = FARTHER.iter().find(|row| row.0 == name);
    farther.map_or(APART, |&(_, apart)| [apart, APART[1]])
}

/// What differs, in words.
fn difference(name: &str, found: Value, expected: &Stored, apart: [f64; 2]) -> Option<String> {
    let types = [("f32", DType::F32), ("f64", DType::F64), ("i32", DType::I32), ("i64", DType::I64)];
    let dtype = types.iter().find(|(text, _)| *text == expected.dtype).map(|row| row.1);
    if Some(found.dtype()) != dtype || found.shape() != expected.shape {
        return Some(format!(
            "{name}: expected {}{:?}, got {}{:?}",
            expected.dtype,
            expected.shape,
            found.dtype(),
            found.shape()
        ));
    }
    let limit = match found.dtype() {
        DType::F32 => apart[0],
        DType::F64 => apart[1],
        _ => 0.0,
    };
    let (found, expected) = (numbers(&found), expected.numbers());
    let largest =
        expected.iter().filter(|x| x.is_finite()).fold(f64::MIN_POSITIVE, |most, x| most.max(x.abs()));
    let is_near = |x: f64, y: f64| x == y || (x - y).abs() <= limit * largest || x.is_nan() && y.is_nan();
    let far = found.iter().zip(&expected).filter(|&(&x, &y)| !is_near(x, y)).collect::<Vec<_>>();
    let worst = far.iter().map(|(x, y)| (*x - *y).abs() / largest).fold(0.0, f64::max);
    (!far.is_empty())
        .then(|| format!("{name}: {} of {} differ, by {worst:e}: {:?}", far.len(), found.len(), far[0]))
}

impl Case {
    fn named(name: &str) -> Case {
        cases().into_iter().find(|case| case.name == name).unwrap()
    }

    /// A run that is fed.
    fn fed<'s, 'g, 'v>(
        session: &'s Session,
        model: &Imported<'g>,
        feeds: &'v BTreeMap<String, Value>,
    ) -> Feeding<'s, 'g, 'v> {
        let placeholders = model.placeholders().iter();
        placeholders.fold(session.feeds(), |run, (name, tensor)| run.feed_value(*tensor, &feeds[name]))
    }

    fn check(&self) {
        let bytes = unpacked(&(self.name.clone() + ".pb"));
        let g = Graph::new();
        let model = import(&g, &bytes, &ImportOptions::new()).unwrap_or_else(|error| panic!("{error}"));
        let tensor = |name: &str| model.tensor(name).unwrap_or_else(|| panic!("no tensor `{name}`"));
        let mut differences = Vec::new();

        let mut names: Vec<String> = self.fetches.keys().cloned().collect();
        let mut wanted: Vec<AnyTensor<'_>> = names.iter().map(|name| tensor(name)).collect();
        let mut expected: Vec<&Stored> = self.fetches.values().collect();
        for (y, x, dx) in &self.gradients {
            let (y, x) = (tensor(y), tensor(x));
            let gradient = match y.dtype() {
                DType::F32 => y.typed::<f32>().gradients([x.typed::<f32>()])[0].any(),
                _ => y.typed::<f64>().gradients([x.typed::<f64>()])[0].any(),
            };
            names.push(format!("our d {} / d {}", y.name(), x.name()));
            wanted.push(gradient);
            expected.push(dx);
        }
        let apart = limits(&self.name);
        let session = Session::new(&g).unwrap();
        let feeds: BTreeMap<String, Value> =
            self.feeds.iter().map(|(name, stored)| (name.clone(), value(stored))).collect();
        let load = || {
            let values =
                model.variables().iter().map(|(name, tensor)| (tensor.name(), value(&self.variables[name])));
            session.load(values).unwrap();
        };
        load();
        for ((name, tensor), expected) in names.iter().zip(wanted).zip(expected) {
            match Case::fed(&session, &model, &feeds).run(tensor) {
                Ok(found) => differences.extend(difference(name, found, expected, apart)),
                Err(error) => differences.push(format!("{name}: {error}")),
            }
        }
        if let Some(train) = &self.train {
            load();
            let (op, loss) = (model.operation(&train.op).unwrap(), tensor(&train.loss));
            let mut losses = Vec::new();
            for _ in 0..train.losses.shape[0] {
                let loss = Case::fed(&session, &model, &feeds).run(loss).unwrap();
                losses.push(numbers(&loss).into_raw_vec_and_offset().0[0]);
                Case::fed(&session, &model, &feeds).run(op).unwrap();
            }
            let losses = ArrayD::from_shape_vec(vec![losses.len()], losses).unwrap();
            let losses = if train.losses.dtype == "f32" {
                Value::from(losses.mapv(|x| x as f32))
            } else {
                losses.into()
            };
            differences.extend(difference("losses", losses, &train.losses, apart));
            for (name, tensor) in model.variables() {
                let found = session.run(*tensor).unwrap();
                differences.extend(difference(name, found, &train.after[name], apart));
            }
            assert!(train.losses.numbers()[[0]] > train.losses.numbers()[[train.losses.shape[0] - 1]]);
        }
        assert!(differences.is_empty(), "{}:\n{}", self.name, differences.join("\n"));
    }
}

/// Declares a test for each case.
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            Case::named(stringify!($name)).check();
        })*

        #[test]
        fn all_cases_are_tested() {
            let tested = [$(stringify!($name)),*];
            let missing: Vec<String> =
                cases().into_iter().map(|case| case.name).filter(|name| !tested.contains(&name.as_str())).collect();
            assert!(missing.is_empty(), "{missing:?}");
        }
    };
}
cases![
    activations,
    attention,
    batch_norm,
    bits,
    branches_frames,
    branches_functional,
    changed_frames,
    changed_functional,
    channels_first,
    chosen,
    convolutions,
    counted_frames,
    counted_functional,
    cumulative,
    diagonals,
    dilated,
    einsums,
    elementwise_float32,
    elementwise_float64,
    frames,
    frozen_functional,
    frozen_lowered,
    functional,
    gathered,
    integers,
    losses,
    mirrored,
    order,
    products_float32,
    products_float64,
    random_shapes,
    rearranged,
    recurrent_frames,
    recurrent_functional,
    reductions,
    regularizers,
    resized,
    responses,
    scans_frames,
    scans_functional,
    scattered_variables,
    segments,
    shapes,
    signals,
    slices,
    sorted,
    special,
    train_adadelta_reference,
    train_adadelta_resource,
    train_adagrad_reference,
    train_adagrad_resource,
    train_adam_reference,
    train_adam_resource,
    train_centered_reference,
    train_centered_resource,
    train_clipped,
    train_embedding_adam_reference,
    train_embedding_adam_resource,
    train_embedding_sgd_reference,
    train_embedding_sgd_resource,
    train_ftrl_reference,
    train_ftrl_resource,
    train_images,
    train_momentum_reference,
    train_momentum_resource,
    train_nesterov_reference,
    train_nesterov_resource,
    train_rms_prop_reference,
    train_rms_prop_resource,
    train_sgd_reference,
    train_sgd_resource,
    types,
];

/// The graph's own initializer is an operation, and what savers and summaries need is left out.
#[test]
fn the_initializer_of_the_graph_runs() {
    let g = Graph::new();
    let model =
        import(&g, &unpacked("train_adam_reference.pb"), &ImportOptions::new().prefix("model")).unwrap();
    let session = Session::new(&g).unwrap();
    let w = model.variable::<f64>("w").unwrap();
    assert_eq!(w.name(), "model/w");
    assert!(session.run(w).unwrap().iter().all(|&x| x == 0.0));
    session.run(model.operation("init").unwrap()).unwrap();
    assert!(session.run(w).unwrap().iter().all(|&x| x != 0.0));
    assert!(w.is_trainable() && !model.variable::<f64>("w/Adam").unwrap().is_trainable());
    let left_out: Vec<&str> = model.left_out().collect();
    assert!(left_out.contains(&"save/SaveV2") && left_out.contains(&"loss_curve"), "{left_out:?}");
    let names: Vec<&String> = model.placeholders().iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["x", "labels"]);
}
