//! Any bytes as a model of ONNX.

use flowgrad::Graph;
use flowgrad::io::onnx::{ImportOptions, import};

/// Imports the bytes twice: the same becomes of them, and what is imported is a graph without build errors.
pub fn run(bytes: &[u8]) {
    let (graph, other) = (Graph::new(), Graph::new());
    let all = ImportOptions::new().trainable(|_| true);
    match (import(&graph, bytes, &ImportOptions::new()), import(&other, bytes, &all)) {
        (Ok(model), Ok(trainable)) => {
            graph.check().expect("what is imported is valid");
            let names = |outputs: &[(String, _)]| {
                outputs.iter().map(|(name, _)| name.clone()).collect::<Vec<String>>()
            };
            assert_eq!(names(model.outputs()), names(trainable.outputs()));
        }
        (Err(error), _) | (_, Err(error)) => assert!(!error.to_string().is_empty()),
    }
}
