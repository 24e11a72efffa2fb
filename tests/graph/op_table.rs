//! The table of all ops in the docs names every op there is. That it names no other is rustdoc's to say: its names
//! are links.

use std::collections::BTreeSet;
use std::path::Path;

use crate::rows::elementwise_rows;
use crate::rust_files::rust_files;

/// Public functions in the files of ops that are no ops: they belong to other types, or ask and do not build.
const NO_OPS: &[&str] = &[
    "cotangent",
    "dilations",
    "groups",
    "input",
    "inputs",
    "of",
    "output",
    "padded",
    "padding",
    "same",
    "seed",
    "step",
    "strides",
    "valid",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The names that the table links, as `[`name`](`.
fn listed() -> BTreeSet<String> {
    let table = std::fs::read_to_string(root().join("src/guide/ops.md")).unwrap();
    let starts = table.split("[`").skip(1);
    starts.filter_map(|rest| rest.split_once("`](")).map(|(name, _)| name.to_owned()).collect()
}

/// The names of the methods that the source declares: written out, or by a row of a table.
fn declared() -> BTreeSet<String> {
    let is_name = |word: &&str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    // Of the files of `op`, one has methods of tensors.
    let files = rust_files(&root().join("src/ops")).into_iter().chain([root().join("src/op/identity.rs")]);
    let codes: Vec<String> = files
        .map(|path| std::fs::read_to_string(path).unwrap())
        .map(|source| {
            source.split("#[cfg(test)]\npub(super) fn examples").next().unwrap_or_default().to_owned()
        })
        .collect();
    let mut names = BTreeSet::new();
    for code in &codes {
        let written = code.split("pub fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
        names.extend(written.filter(is_name).map(str::to_owned));
        names.extend(elementwise_rows(code).into_iter().map(str::to_owned));
    }
    for name in NO_OPS {
        names.remove(*name);
    }
    names
}

#[test]
fn the_table_of_ops_names_them_all() {
    let (listed, declared) = (listed(), declared());
    let missing: Vec<&String> = declared.difference(&listed).collect();
    assert!(missing.is_empty(), "add to src/guide/ops.md: {missing:?}");
    // The ones that are not methods of the files of ops.
    let elsewhere = ["assign", "assign_add", "assign_sub"];
    let unknown: Vec<&String> =
        listed.difference(&declared).filter(|name| !elsewhere.contains(&name.as_str())).collect();
    assert!(unknown.is_empty(), "not found in src/ops: {unknown:?}");
}
