//! Any bytes as a graph of TensorFlow.

use flowgrad::io::graph_def::{ImportOptions, import};
use flowgrad::{Graph, Session};

/// Longer files are not tried: a node of a few bytes may cut a tensor into thousands of parts.
const LONGEST: usize = 1 << 16;

/// Imports the bytes: what is refused leaves nothing, and what is not is a graph that sessions take.
pub fn run(bytes: &[u8]) {
    if bytes.len() > LONGEST {
        return;
    }
    let g = Graph::new();
    match import(&g, bytes, &ImportOptions::new().widen()) {
        Ok(model) => {
            let _ = model.left_out().count();
            Session::new(&g).expect("what was imported has no build error");
        }
        Err(error) => assert!(g.is_empty(), "what is refused leaves nothing: {error}"),
    }
}
