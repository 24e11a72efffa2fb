//! No op is left out of the table: told from the sources of the crate, and from graphs that the rows build.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use flowgrad::prelude::*;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::build::Variant;
use super::case::{Case, Step};
use super::check::Fetches;
use super::drawn::cases;
use super::table::{Row, rows};
use super::trace::Trace;
use crate::rows::elementwise_rows;

/// Ops that no row applies, and which come into the graphs here in no other way.
const WITHOUT_ROW: [&str; 2] = [
    // It has no result to compare; runs begin with variables at their starts.
    "initializer",
    // It writes to the standard error, and passes its operand on as `inspect` does.
    "print",
];

/// Public functions in the files of ops that are no ops, or none with a row.
const NO_OPS: [&str; 14] = [
    "cotangent",
    "dilations",
    "groups",
    "input",
    "inputs",
    "of",
    "output",
    "padded",
    "padding",
    "print",
    "same",
    "step",
    "strides",
    "valid",
];

/// Graphs that are built of each row.
const GRAPHS: usize = 40;

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    files.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

/// The names of nodes that each file of ops registers.
fn registered() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (path, source) in sources("src/ops") {
        if let Some((_, list)) = source.split_once("pub(super) const OPS: &[&str] =") {
            let (list, _) =
                list.split_once("];").unwrap_or_else(|| panic!("{}: a list without end", path.display()));
            names.extend(list.split('"').skip(1).step_by(2).map(str::to_owned));
        }
        names.extend(elementwise_rows(&source).into_iter().map(str::to_owned));
        names.extend(other_ops(&source).into_iter().map(str::to_owned));
    }
    assert!(names.len() > 60, "the lists of ops are written in another way now: {names:?}");
    names
}

/// The names of the other ops of a file with a table of functions: the list before the rows.
fn other_ops(source: &str) -> Vec<&str> {
    let tables = source.split("\nelementwise! {\n    [").skip(1).filter_map(|rest| rest.split(']').next());
    tables.flat_map(|list| list.split('"').skip(1).step_by(2)).collect()
}

/// The words of a source.
fn words(source: &str) -> impl Iterator<Item = &str> {
    source.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// The ops of a graph.
fn ops(graph: &Graph) -> BTreeSet<String> {
    let text = graph.to_string();
    let nodes = text.lines().filter_map(|line| line.split_once(" = "));
    nodes.filter_map(|(_, node)| Some(node.split_once('(')?.0.to_owned())).collect()
}

/// Which ops come into graphs of one step, with their gradients; and whether the row ever fitted.
fn met(row: &'static Row, runner: &mut TestRunner) -> (BTreeSet<String>, bool) {
    let (mut all, mut fitted) = (BTreeSet::new(), false);
    for _ in 0..GRAPHS {
        let drawn = cases(1, true, false).new_tree(runner).unwrap().current();
        let steps = drawn.steps.into_iter().map(|step| Step { row, ..step }).collect();
        let case = Case { steps, smooth: false, ..drawn };
        let trace = Trace::of(&case).unwrap_or_else(|error| panic!("{}: {error}", row.name));
        let graph = Graph::with_seed(4);
        let build = trace.build(&graph, &case, Variant { unknown: true, noise: 0.0 });
        fitted |= build.replaced == 0;
        Fetches::of(&build);
        all.extend(ops(&graph));
    }
    (all, fitted)
}

#[test]
fn every_op_has_a_row() {
    let mut runner = TestRunner::deterministic();
    let mut all = BTreeSet::new();
    for row in rows() {
        let (ops, fitted) = met(row, &mut runner);
        assert!(fitted, "{} has never found operands", row.name);
        all.extend(ops);
    }
    let mut left_out = registered();
    left_out.retain(|name| !all.contains(name) && !WITHOUT_ROW.contains(&name.as_str()));
    assert_eq!(
        left_out,
        BTreeSet::new(),
        "are registered by src/ops, but no row of tests/numerics/random_graphs/table uses them"
    );
    for name in WITHOUT_ROW {
        assert!(!all.contains(name), "{name} is met and no exception any more");
    }
}

#[test]
fn every_method_has_a_row() {
    let table: Vec<(PathBuf, String)> = sources("tests/numerics/random_graphs/table");
    let used: BTreeSet<&str> = table.iter().flat_map(|(_, source)| words(source)).collect();
    let declared = sources("src/ops");
    let methods = declared.iter().flat_map(|(_, source)| source.split("pub fn ").skip(1));
    let written = methods.filter_map(|method| words(method).next()).filter(|name| !name.is_empty());
    let names = declared.iter().flat_map(|(_, source)| elementwise_rows(source)).chain(written);
    let left_out: BTreeSet<&str> =
        names.filter(|name| !used.contains(name) && !NO_OPS.contains(name)).collect();
    assert_eq!(
        left_out,
        BTreeSet::new(),
        "are methods of src/ops that no row of tests/numerics/random_graphs/table calls"
    );
}
