//! TensorFlow's own numbers.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use flowgrad::io::graph_def::{GraphDefError, ImportOptions};
use flowgrad::io::saved_model::{SavedModelFault, SavedModelOptions, import, import_meta_graph};
use flowgrad::ndarray::ArrayD;
use flowgrad::{Value, prelude::*};
use serde::Deserialize;
use tempfile::TempDir;

use crate::fixture::{numbers, unpacked, value};
use crate::stored::Stored;

/// A call of a signature.
#[derive(Deserialize)]
struct Call {
    signature: String,
    feeds: BTreeMap<String, Stored>,
    outputs: BTreeMap<String, Stored>,
}

/// Steps of training from what the model holds.
#[derive(Deserialize)]
struct Train {
    feeds: BTreeMap<String, Stored>,
    losses: Stored,
    after: BTreeMap<String, Stored>,
    v: Stored,
}

#[derive(Deserialize)]
struct Model {
    name: String,
    calls: Vec<Call>,
    train: Option<Train>,
}

fn packed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/saved_model")
}

/// A folder with the unpacked files of a model.
pub(crate) fn folder(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut open = vec![(packed().join(name), folder.path().to_owned())];
    while let Some((from, to)) = open.pop() {
        fs::create_dir_all(&to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let file = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                open.push((path.clone(), to.join(file)));
            } else {
                fs::write(to.join(file.strip_suffix(".gz").unwrap()), unpacked(&path)).unwrap();
            }
        }
    }
    folder
}

fn models() -> Vec<Model> {
    serde_json::from_slice(&unpacked(&packed().join("expected.json.gz"))).unwrap()
}

/// Fails unless both are the same but for so much of the largest element.
fn assert_near(found: &Value, expected: &Stored, apart: f64, what: &str) {
    let expected_value = value(expected);
    assert_eq!((found.dtype(), found.shape()), (expected_value.dtype(), expected_value.shape()), "{what}");
    let (found, expected) = (numbers(found), numbers(&expected_value));
    let largest = expected.iter().fold(f64::MIN_POSITIVE, |most, x| most.max(x.abs()));
    let worst = found.iter().zip(&expected).map(|(x, y)| (x - y).abs() / largest).fold(0.0, f64::max);
    assert!(worst <= apart, "{what}: off by {worst:e}: {found} and {expected}");
}

#[test]
fn signatures_give_what_tensorflow_gives() {
    for model in models() {
        let folder = folder(&model.name);
        let g = Graph::new();
        let imported = import(&g, folder.path(), &SavedModelOptions::new()).unwrap();
        assert!(imported.version().starts_with("2."), "{}", imported.version());
        assert_eq!(imported.tags(), ["serve"]);
        let session = Session::new(&g).unwrap();
        for (place, call) in model.calls.iter().enumerate() {
            let signature = imported.signature(&call.signature).unwrap();
            let names: Vec<&String> = signature.inputs().keys().collect();
            assert_eq!(names, call.feeds.keys().collect::<Vec<_>>());
            let feeds: BTreeMap<&String, Value> =
                call.feeds.iter().map(|(name, stored)| (name, value(stored))).collect();
            let run = feeds.iter().fold(session.feeds(), |run, (name, value)| {
                run.feed_value(signature.input(name).unwrap(), value)
            });
            let names: Vec<&String> = signature.outputs().keys().collect();
            assert_eq!(names, call.outputs.keys().collect::<Vec<_>>());
            let tensors: Vec<_> = signature.outputs().values().copied().collect();
            let found = run.run(tensors).unwrap();
            for (value, (name, expected)) in found.iter().zip(&call.outputs) {
                let what = format!("{}, call {place}, `{name}`", model.name);
                assert_near(value, expected, if value.dtype() == DType::F64 { 1e-12 } else { 2e-6 }, &what);
            }
        }
    }
}

#[test]
fn what_is_no_number_is_named() {
    let (one, two) = (folder("of_one"), folder("of_two"));
    let g = Graph::new();
    let options = SavedModelOptions::new();
    let model = import(&g, one.path(), &options).unwrap();
    let signature = model.signature("serving_default").unwrap();
    assert_eq!(signature.left_out(), ["words"]);
    assert_eq!(signature.method(), "tensorflow/serving/predict");
    assert_eq!(model.collection("train_op").unwrap()[0], "train");
    assert!(model.graph().operation("train").is_none(), "no signature needs it");
    let options = options.graph(ImportOptions::new().prefix("two"));
    assert_eq!(import(&g, two.path(), &options).unwrap().assets(), ["words.txt"]);
}

#[test]
fn a_training_goes_on_from_a_model_and_from_a_checkpoint() {
    let train = models().into_iter().find_map(|model| model.train).unwrap();
    let (model, checkpoint) = (folder("of_one"), folder("checkpoint"));
    let prefix = checkpoint.path().join("model.ckpt-3");
    let meta = checkpoint.path().join("model.ckpt-3.meta");
    for way in ["model", "options", "restore"] {
        let g = Graph::new();
        let options = SavedModelOptions::new();
        let imported = match way {
            "model" => import(&g, model.path(), &options.graph(ImportOptions::new().outputs(["train"]))),
            "options" => {
                let graph = ImportOptions::new().checkpoint(&prefix);
                import_meta_graph(&g, &meta, &options.graph(graph))
            }
            _ => import_meta_graph(&g, &meta, &options),
        };
        let imported = imported.unwrap();
        let graph = imported.graph();
        let session = Session::new(&g).unwrap();
        if way == "restore" {
            graph.restore(&session, &prefix).unwrap();
        }
        let v = graph.variable::<f32>("v").unwrap();
        let variable = |name: &str| session.variable_values().unwrap().remove(name).unwrap();
        assert_eq!(variable(&v.name()), value(&train.v), "{way}");
        let part = graph.variable::<f32>("first/w/part_1").unwrap();
        assert_eq!(part.shape().to_string(), "[2, 5]");
        assert!(session.run(part + 0.0).unwrap().iter().all(|&w| w != 0.0));

        let feeds: BTreeMap<&String, Value> =
            train.feeds.iter().map(|(name, stored)| (name, value(stored))).collect();
        let fed = || {
            feeds.iter().fold(session.feeds(), |run, (name, value)| {
                run.feed_value(graph.tensor(name).unwrap(), value)
            })
        };
        let (step, loss) = (graph.operation("train").unwrap(), graph.tensor("loss").unwrap());
        let mut losses = Vec::new();
        for _ in 0..train.losses.shape[0] {
            losses.push(numbers(&fed().run(loss).unwrap())[[]] as f32);
            fed().run(step).unwrap();
        }
        assert_near(
            &Value::from(ArrayD::from_shape_vec(vec![20], losses).unwrap()),
            &train.losses,
            1e-5,
            way,
        );
        for (name, expected) in &train.after {
            assert_near(&variable(name), expected, 1e-4, name);
        }

        // What is saved is what a Saver takes: under its names, with partitioned variables as one.
        let saved = checkpoint.path().join("again");
        graph.save(&session, &saved).unwrap();
        let bundle = flowgrad::io::tensor_bundle::Bundle::open(&saved).unwrap();
        assert_eq!(bundle.info("first/w").unwrap().shape, [4, 5]);
        assert!(bundle.info("first/w/part_0").is_err());
        let other = Session::new(&g).unwrap();
        graph.restore(&other, &saved).unwrap();
        assert_eq!(other.variable_values().unwrap(), session.variable_values().unwrap());
    }
}

#[test]
fn tags_and_signatures_are_chosen_by_name() {
    let folder = folder("of_one");
    let g = Graph::new();
    let told = |options: &SavedModelOptions<'_>| {
        let error = import(&g, folder.path(), options).unwrap_err();
        assert!(g.is_empty(), "{error}");
        error.to_string()
    };
    let options = SavedModelOptions::new;
    let message = told(&options().tags(["tpu"]));
    assert!(message.contains("the tags `tpu`, got graphs with [serve] and [gpu, train]"), "{message}");
    let message = told(&options().signatures(["predict"]));
    assert!(message.contains("a signature `predict`, got `evaluate`, `serving_default`"), "{message}");
    let error = import(&g, folder.path().join("variables"), &options()).unwrap_err();
    assert!(matches!(error.fault, SavedModelFault::Read(_)), "{error}");
    let model = import(&g, folder.path(), &options().tags(["train", "gpu"])).unwrap();
    assert_eq!(model.signatures().keys().collect::<Vec<_>>(), ["evaluate"]);
}

#[test]
fn variables_without_values_are_told() {
    let folder = folder("of_one");
    let g = Graph::new();
    let told = |options: &SavedModelOptions<'_>| import(&g, folder.path(), options).unwrap_err();
    let empty = folder.path().join("empty");
    let nothing: [(&str, Value); 0] = [];
    flowgrad::io::tensor_bundle::write_bundle(&empty, nothing).unwrap();
    let error = told(&SavedModelOptions::new().graph(ImportOptions::new().checkpoint(&empty)));
    let SavedModelFault::Graph(fault) = &error.fault else { panic!("{error}") };
    let GraphDefError::Unsupported { all } = &**fault else { panic!("{error}") };
    assert_eq!(all.len(), 4, "{error}");
    assert!(
        error.to_string().contains("expected its value in the checkpoint as `first/w`, got none"),
        "{error}"
    );
    fs::remove_dir_all(folder.path().join("variables")).unwrap();
    let error = told(&SavedModelOptions::new());
    assert!(matches!(error.fault, SavedModelFault::NoVariables { .. }), "{error}");
    assert!(g.is_empty());
}
