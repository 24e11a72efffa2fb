//! No op is left out of the table: told from the registry, and from graphs that the rows build.

use std::collections::BTreeSet;

use flowgrad::op::{OpDef, registry};
use flowgrad::prelude::*;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::build::Variant;
use super::case::{Case, Step};
use super::check::Fetches;
use super::drawn::cases;
use super::table::{Row, rows};
use super::trace::Trace;

/// Ops that no row applies, and which come into the graphs here in no other way.
const WITHOUT_ROW: [&str; 1] = [
    // It writes to the standard error, and passes its operand on as `inspect` does.
    "print",
];

/// Graphs that are built of each row.
const GRAPHS: usize = 40;

/// The ops of a graph, and the names of its nodes without scopes and numbers: what several nodes make up is named after
/// the method that composes it.
fn names(graph: &Graph) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in graph.to_string().lines() {
        names.extend(line.split_once(" = ").and_then(|(_, node)| node.split('(').next()).map(str::to_owned));
        names.extend(line.strip_suffix('"').and_then(|line| line.rsplit(['"', '/']).next()).map(unnumbered));
    }
    names
}

/// A name without the number that tells it from others.
fn unnumbered(name: &str) -> String {
    match name.rsplit_once('_') {
        Some((name, number)) if number.bytes().all(|digit| digit.is_ascii_digit()) => name.to_owned(),
        _ => name.to_owned(),
    }
}

/// What comes into graphs of one step, with their gradients; and whether the row ever fitted.
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
        all.extend(names(&graph));
    }
    (all, fitted)
}

#[test]
fn every_op_has_a_row() {
    let mut runner = TestRunner::deterministic();
    let mut all = BTreeSet::new();
    for row in rows() {
        let (names, fitted) = met(row, &mut runner);
        assert!(fitted, "{} has never found operands", row.name);
        all.extend(names);
        all.insert(row.name.to_owned());
    }
    let ops = registry().map(OpDef::name);
    let left_out: Vec<&str> = ops.filter(|&op| !all.contains(op) && !WITHOUT_ROW.contains(&op)).collect();
    assert!(
        left_out.is_empty(),
        "ops that no row of tests/numerics/random_graphs/table applies: {left_out:?}"
    );
    for name in WITHOUT_ROW {
        assert!(!all.contains(name), "{name} is met and no exception any more");
    }
}
