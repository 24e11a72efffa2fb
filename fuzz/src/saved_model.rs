//! Any bytes as the graph of a saved model of TensorFlow.

use flowgrad::io::graph_def::ImportOptions;
use flowgrad::io::saved_model::{SavedModelOptions, import};
use flowgrad::io::tensor_bundle::write_bundle;
use flowgrad::ndarray::arr1;
use flowgrad::{Graph, Session, Value};

use super::file::with_file;

/// Longer files are not tried: a node of a few bytes may cut a tensor into thousands of parts.
const LONGEST: usize = 1 << 16;

/// Imports the bytes, beside a checkpoint with one variable: what is refused leaves nothing, and what is not is a graph
/// that sessions take.
pub fn run(bytes: &[u8]) {
    if bytes.len() > LONGEST {
        return;
    }
    with_file("saved_model.pb", bytes, |path| {
        let folder = path.parent().expect("a folder around the file");
        let prefix = folder.join("checkpoint");
        if !prefix.with_extension("index").exists() {
            write_bundle(&prefix, [("v", Value::from(arr1(&[1.0_f32, 2.0])))]).expect("a temporary file");
        }
        let g = Graph::new();
        let graph = ImportOptions::new().checkpoint(prefix).widen();
        match import(&g, folder, &SavedModelOptions::new().graph(graph)) {
            Ok(_) => drop(Session::new(&g).expect("what was imported has no build error")),
            Err(error) => assert!(g.is_empty(), "what is refused leaves nothing: {error}"),
        }
    });
}
