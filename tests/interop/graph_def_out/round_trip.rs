//! The graphs of TensorFlow that are imported, exported again.

use std::collections::BTreeMap;
use std::path::Path;

use flowgrad::io::graph_def::{ImportOptions, import};
use flowgrad::{AnyTensor, prelude::*};
use serde::Deserialize;

use crate::fixture::{self, value};
use crate::stored::Stored;
use crate::support::{Bench, Program};

/// A graph, and what is fed.
#[derive(Deserialize)]
struct Case {
    name: String,
    feeds: BTreeMap<String, Stored>,
    fetches: BTreeMap<String, Stored>,
    gradients: Vec<(String, String, Stored)>,
    #[serde(default)]
    variables: BTreeMap<String, Stored>,
    train: Option<Train>,
}

#[derive(Deserialize)]
struct Train {
    op: String,
    loss: String,
}

fn unpacked(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/graph_def");
    fixture::unpacked(&folder.join(name.to_owned() + ".gz"))
}

/// Graphs whose exports are not read here: gradients of loops fill lists of tensors from the end, and
/// loops of any length leave lists.
const NOT_READ_BACK: [&str; 8] = [
    "counted_frames",
    "counted_functional",
    "frames",
    "functional",
    "recurrent_frames",
    "recurrent_functional",
    "scans_frames",
    "scans_functional",
];

/// Graphs of which numbers may be farther apart than 1e-6 in single precision and 1e-12 in double precision, in units of the
/// largest of an array: TensorFlow's sums of normalized images are off by more from those in double precision, ours by less,
/// as `graph_def/peers.rs` tells.
const FARTHER: [(&str, f64); 2] = [("batch_norm", 4e-6), ("channels_first", 4e-6)];

#[test]
fn graphs_of_tensorflow_go_back() {
    let bench = Bench::new();
    let cases: Vec<Case> = serde_json::from_slice(&unpacked("expected.json")).unwrap();
    assert!(cases.len() >= 70, "{} graphs", cases.len());
    let mut errors = Vec::new();
    for case in &cases {
        let g = Graph::new();
        let model = import(&g, &unpacked(&(case.name.clone() + ".pb")), &ImportOptions::new()).unwrap();
        let tensor = |name: &String| model.tensor(name).unwrap();
        let mut outputs: Vec<AnyTensor<'_>> = case.fetches.keys().map(tensor).collect();
        for (y, x, _) in &case.gradients {
            let (y, x) = (tensor(y), tensor(x));
            outputs.push(match y.dtype() {
                DType::F32 => y.typed::<f32>().gradients([x.typed::<f32>()])[0].any(),
                _ => y.typed::<f64>().gradients([x.typed::<f64>()])[0].any(),
            });
        }
        let session = Session::new(&g).unwrap();
        let values =
            model.variables().iter().map(|(name, tensor)| (tensor.name(), value(&case.variables[name])));
        session.load(values).unwrap();
        let step = case.train.as_ref().map(|train| {
            outputs.push(tensor(&train.loss));
            outputs.extend(model.variables().iter().map(|(_, tensor)| *tensor));
            (model.operation(&train.op).unwrap(), 20)
        });
        let feeds = model.placeholders().iter().map(|(name, tensor)| (*tensor, value(&case.feeds[name])));
        let feeds: Vec<_> = feeds.collect();
        let is_single = outputs.iter().any(|output| output.dtype() == DType::F32);
        let farther = FARTHER.iter().find(|row| row.0 == case.name).map(|row| row.1);
        let apart = farther.unwrap_or(if is_single { 1e-6 } else { 1e-12 });
        let reads_back = !NOT_READ_BACK.contains(&case.name.as_str());
        let program = Program { feeds, outputs, step, apart };
        errors.extend(bench.try_add(&case.name, &session, &program, reads_back).err());
    }
    errors.extend(bench.try_check().err());
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}
