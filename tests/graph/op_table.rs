//! The table of all ops in the docs names every op of the registry, and nothing else but some forms of them. That what
//! it names exists is rustdoc's to say: its names are links.

use std::collections::BTreeSet;

use flowgrad::op::{OpDef, registry};

/// How the table writes the ops that have an operator.
const OPERATORS: [(&str, &str); 5] =
    [("-x", "neg"), ("a + b", "add"), ("a - b", "sub"), ("a * b", "mul"), ("a / b", "div")];

/// Ops whose method has another name, which the table has.
const BY_METHOD: [(&str, &str); 1] = [("bernoulli_of", "bernoulli")];

/// What the table names and the registry does not: longer forms of ops, which the registry has under their short
/// names; what is another op of a number; what takes a function; and what belongs to variables.
const NOT_LISTED: [&str; 18] = [
    "einsum_unary",
    "zeros",
    "ones",
    "fill",
    "split_sizes",
    "cumsum_with",
    "conv1d_transpose_to",
    "conv2d_transpose_to",
    "matmul_transposed",
    "transpose_perm",
    "custom_gradient",
    "map_with",
    "map_with_second",
    "call",
    "inspect",
    "assign",
    "assign_add",
    "assign_sub",
];

/// The tables: of all ops, and of those that have a feature and a page of their own.
const TABLES: &[&str] = &[
    include_str!("../../src/guide/ops.md"),
    #[cfg(feature = "fft")]
    include_str!("../../src/guide/ops_fft.md"),
    #[cfg(feature = "linalg")]
    include_str!("../../src/guide/linalg.md"),
];

/// The names in the first column of the tables, those of operators as the registry has them.
fn named() -> BTreeSet<&'static str> {
    let rows = TABLES.iter().flat_map(|table| table.lines()).filter_map(|line| line.strip_prefix("| "));
    let names = rows.filter_map(|row| row.trim_start_matches('[').strip_prefix('`')?.split('`').next());
    let operator = |name| OPERATORS.iter().find(|(written, _)| *written == name);
    names.map(|name| operator(name).map_or(name, |&(_, name)| name)).collect()
}

#[test]
fn the_table_of_ops_names_them_all() {
    let named = named();
    let method = |name| BY_METHOD.iter().find(|(op, _)| *op == name).map_or(name, |&(_, method)| method);
    let listed: BTreeSet<&str> = registry().map(OpDef::name).map(method).collect();
    let missing: Vec<_> = listed.difference(&named).collect();
    assert!(missing.is_empty(), "add to src/guide/ops.md or its like: {missing:?}");
    let unknown: Vec<_> = named.difference(&listed).filter(|name| !NOT_LISTED.contains(name)).collect();
    assert!(unknown.is_empty(), "not in the registry: {unknown:?}");
}

#[test]
fn every_op_says_what_it_gives() {
    let silent: Vec<&str> = registry().filter(|op| op.doc().is_empty()).map(OpDef::name).collect();
    assert!(silent.is_empty(), "ops without a doc line: {silent:?}");
}
