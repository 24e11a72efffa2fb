//! The laws of all ops, for graphs of TensorFlow: what is exported of each op, and of its gradients, gives the same when it is
//! imported again, and in TensorFlow.

#[path = "../../../../tests/interop/tensorflow/cases.rs"]
mod cases;

use std::collections::BTreeSet;

use ndarray::ArrayD;

use self::cases::{Numbers, Run};
use super::{ExportError, export};
use crate::graph::AnyTensor;
use crate::io::graph_def::{ImportOptions, import};
use crate::ops;
use crate::prelude::*;
use crate::session::Feeding;
use crate::testing::laws::{placeholders, views};

/// Ops for which TensorFlow has nothing that is written.
const NOT_WRITTEN: [&str; 0] = [];

fn numbers(array: &ArrayD<f64>) -> Numbers {
    Numbers { dtype: "f64", shape: array.shape().to_vec(), numbers: array.iter().copied().collect() }
}

/// Of each op and its gradients.
#[test]
fn exported_ops_give_the_same_in_tensorflow() {
    let folder = tempfile::tempdir().unwrap();
    let (mut broken, mut lacking) = (Vec::new(), BTreeSet::new());
    let mut reasons = BTreeSet::new();
    for (index, example) in ops::examples().into_iter().enumerate() {
        for is_known in [true, false] {
            let g = Graph::with_seed(3);
            let xs: Vec<Tensor<'_, f64>> = placeholders(&g, &views(&example.inputs), !is_known);
            let y = (example.build)(&g, &xs);
            if y.any().is_invalid() {
                continue;
            }
            let gradients: Vec<Tensor<'_, f64>> = Gradients::of([y]).wrt(&xs).into_iter().flatten().collect();
            let outputs: Vec<Tensor<'_, f64>> = std::iter::once(y).chain(gradients).collect();
            let session = Session::builder(&g).threads(1).build().unwrap();
            let given: Vec<AnyTensor<'_>> = outputs.iter().map(|y| y.any()).collect();
            let exported = match export(&session, &given, &[]) {
                Ok(exported) => exported,
                Err(ExportError::Unsupported { all }) => {
                    for one in all {
                        reasons.insert(format!("{} {is_known}: {one}", example.name));
                        if is_known {
                            lacking.insert(one.op);
                        }
                    }
                    continue;
                }
                Err(error) => {
                    broken.push(format!("{}: {error}", example.name));
                    continue;
                }
            };
            let fed = xs.iter().zip(&example.inputs);
            let expected =
                fed.fold(Feeding::of(&session), |run, (&x, input)| run.feed(x, input)).run(outputs);
            let Ok(expected) = expected else { continue };
            let feeds =
                xs.iter().zip(&example.inputs).map(|(x, input)| (format!("{}:0", x.name()), numbers(input)));
            let placed: Vec<&String> = exported.placeholders().iter().map(|(_, name)| name).collect();
            let feeds = feeds.filter(|(name, _)| placed.contains(&name)).collect();
            let fetches = exported.outputs().iter().cloned().zip(expected.iter().map(numbers)).collect();
            let name = format!("{index}_{}_{}", example.name, if is_known { "known" } else { "fed" });
            let run = Run { feeds, operations: Vec::new(), fetches };
            cases::write(folder.path(), &name, exported.bytes(), exported.initializer(), &[run], 1e-9);
            let other = Graph::new();
            if let Err(error) = import(&other, exported.bytes(), &ImportOptions::new()) {
                reasons.insert(format!("import {name}: {error}"));
            }
        }
    }
    for reason in &reasons {
        eprintln!("{reason}");
    }
    if let Err(differs) = cases::check(folder.path()) {
        broken.push(differs);
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert_eq!(lacking.iter().map(String::as_str).collect::<Vec<_>>(), NOT_WRITTEN);
}
