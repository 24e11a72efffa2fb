//! Graphs with what they must give, in a folder, which TensorFlow is asked to run.

use std::fmt::Write;
use std::path::Path;

use super::python::Python;

/// An array for the file of a case.
pub(crate) struct Numbers {
    pub(crate) dtype: &'static str,
    pub(crate) shape: Vec<usize>,
    pub(crate) elements: Vec<f64>,
}

/// A run: what is fed, which operations are done, and what tensors must be.
#[derive(Default)]
pub(crate) struct Run {
    pub(crate) feeds: Vec<(String, Numbers)>,
    pub(crate) operations: Vec<String>,
    pub(crate) fetches: Vec<(String, Numbers)>,
}

/// As JSON that Python reads: with `NaN` and `Infinity`.
fn array(Numbers { dtype, shape, elements }: &Numbers) -> String {
    let number = |x: &f64| match *x {
        x if x.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        x => format!("{x:?}"),
    };
    let numbers: Vec<String> = elements.iter().map(number).collect();
    format!("{{\"dtype\": \"{dtype}\", \"shape\": {shape:?}, \"numbers\": [{}]}}", numbers.join(", "))
}

fn arrays(of: &[(String, Numbers)]) -> String {
    let of: Vec<String> = of.iter().map(|(name, of)| format!("{name:?}: {}", array(of))).collect();
    format!("{{{}}}", of.join(", "))
}

/// Writes a graph and its runs, one behind the other in one session.
pub(crate) fn write(folder: &Path, name: &str, graph: &[u8], initializer: &str, runs: &[Run], apart: f64) {
    let file = |extension: &str| folder.join(name.replace(['/', ' ', ':', ','], "_") + extension);
    std::fs::write(file(".pb"), graph).unwrap();
    let mut text = format!("{{\"initializer\": {initializer:?}, \"apart\": {apart:?}, \"runs\": [");
    for (index, run) in runs.iter().enumerate() {
        let (feeds, fetches) = (arrays(&run.feeds), arrays(&run.fetches));
        let comma = if index == 0 { "" } else { ", " };
        let operations = &run.operations;
        write!(text, "{comma}{{\"feeds\": {feeds}, \"operations\": {operations:?}, \"fetches\": {fetches}}}")
            .unwrap();
    }
    std::fs::write(file(".json"), text + "]}").unwrap();
}

/// Writes what a signature of the `SavedModel` in `name.saved` gives.
#[allow(dead_code, reason = "the laws of ops have no signatures")]
pub(crate) fn write_saved(folder: &Path, name: &str, signature: &str, run: &Run, apart: f64) {
    let (feeds, fetches) = (arrays(&run.feeds), arrays(&run.fetches));
    let text = format!(
        "{{\"signature\": {signature:?}, \"apart\": {apart:?}, \"feeds\": {feeds}, \"fetches\": {fetches}}}"
    );
    std::fs::write(folder.join(name.to_owned() + ".json"), text).unwrap();
}

/// Has TensorFlow run what is in the folder; gives what differs. Without TensorFlow nothing is checked, and that is told.
pub(crate) fn check(folder: &Path) -> Result<(), String> {
    let Some(python) = Python::with(&["tensorflow"]) else { return Ok(()) };
    python.run("interop/check_graph_def.py", [folder]).map(drop)
}
