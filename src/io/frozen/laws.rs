//! The laws of all ops, for models: a model of each op, and of its gradients, is what it was frozen from.

use std::collections::BTreeSet;

use ndarray::ArrayD;

use super::FrozenError;
use crate::graph::AnyTensor;
use crate::ops;
use crate::ops::laws::bits;
use crate::prelude::*;
use crate::session::Feeding;
use crate::testing::laws::{placeholders, views};

/// Ops that no file of a graph has: those of closures.
const NOT_IN_FILES: [&str; 4] = ["callback", "cube", "inspect", "root"];

/// A model of each op, and of its first and second gradients, gives the same bits when it has been a text.
#[test]
fn models_in_files_are_what_they_were_frozen_from() {
    let (mut broken, mut lacking) = (Vec::new(), BTreeSet::new());
    for example in ops::examples() {
        let g = Graph::with_seed(3);
        let xs: Vec<Tensor<'_, f64>> = placeholders(&g, &views(&example.inputs), true);
        let y = (example.build)(&g, &xs);
        if y.any().is_invalid() {
            continue;
        }
        let gradients: Vec<Tensor<'_, f64>> = Gradients::of([y]).wrt(&xs).into_iter().flatten().collect();
        let inputs: Vec<AnyTensor<'_>> = xs.iter().map(|x| x.any()).collect();
        let second = Gradients::of(gradients.iter().copied()).wrt(&xs).into_iter().flatten().collect();
        for outputs in [vec![y], gradients, second] {
            let session = Session::builder(&g).threads(1).build().unwrap();
            let given: Vec<AnyTensor<'_>> = outputs.iter().map(|y| y.any()).collect();
            let model = match session.freeze(&inputs, &given).map(|model| model.through_text()) {
                Ok(model) => model,
                Err(FrozenError::Ops { ops }) => {
                    lacking.extend(ops.into_iter().map(|lacking| lacking.op));
                    continue;
                }
                // An op that changes variables is for training.
                Err(FrozenError::Assigns { .. }) => continue,
                Err(error) => {
                    broken.push(format!("{}: {error}", example.name));
                    continue;
                }
            };
            let fed = xs.iter().zip(&example.inputs);
            let expected =
                fed.fold(Feeding::of(&session), |run, (&x, input)| run.feed(x, input)).run(outputs);
            let found = model.call(&example.inputs);
            match (expected, found) {
                (Ok(expected), Ok(found)) => {
                    let found: Vec<ArrayD<f64>> = found.into_iter().filter_map(Value::into_array).collect();
                    if bits(&found) != bits(&expected) {
                        broken.push(format!("{}: {found:?} is not {expected:?}", example.name));
                    }
                }
                (expected, found) => broken.push(format!("{}: {found:?}, {expected:?}", example.name)),
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert_eq!(lacking.iter().map(String::as_str).collect::<Vec<_>>(), NOT_IN_FILES);
}
