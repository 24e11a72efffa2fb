//! The modules of the crate are layers: each imports from those below it alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::rust_files::rust_files;

/// The layers from the bottom up; modules of one layer may import each other.
///
/// `prelude` and `guide` only name what others have.
const LAYERS: &[&[&str]] = &[
    &["memory", "quote"],
    &["element"],
    &["shape"],
    &["ir"],
    &["kernel"],
    &["codegen"],
    &["error", "weak_map"],
    &["initializer"],
    &["graph", "gradient"],
    &["ops"],
    &["linalg", "op", "special"],
    &["lower"],
    &["rewrite"],
    &["plan"],
    &["exec"],
    &["trace"],
    &["session"],
    &["testing"],
    &["io"],
    &["metrics"],
    &["data"],
    &["distributions", "nn", "optimizer"],
    &["train"],
];

/// Files that are test modules as a whole.
const TESTS: &[&str] = &["tests.rs", "laws.rs", "structural.rs"];

/// How far up a module is.
fn height(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The top-level modules that a source names behind `crate::`, outside of comments and tests.
fn imports(source: &str) -> BTreeSet<&str> {
    let (code, _) = source.split_once("#[cfg(test)]\nmod").unwrap_or((source, ""));
    let code = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    let paths = code.flat_map(|line| line.split("crate::").skip(1));
    paths
        .map(|path| path.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default())
        .collect()
}

#[test]
fn imports_go_downwards() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = BTreeSet::new();
    let mut upward = Vec::new();
    for path in rust_files(&src) {
        let inside = path.strip_prefix(&src).unwrap();
        let first = inside.iter().next().unwrap().to_str().unwrap();
        let module = first.strip_suffix(".rs").unwrap_or(first);
        let is_test = TESTS.iter().any(|&test| path.ends_with(test));
        if ["lib", "prelude", "guide"].contains(&module) || is_test && module != "testing" {
            continue;
        }
        let own = height(module).unwrap_or_else(|| panic!("`{module}` belongs to no layer"));
        seen.insert(module.to_owned());
        let source = fs::read_to_string(&path).unwrap();
        for other in imports(&source) {
            if height(other).is_some_and(|height| height > own) {
                upward.push(format!("{} imports `{other}`", inside.display()));
            }
        }
    }
    assert!(upward.is_empty(), "imports go downwards only, but {}", upward.join(", "));
    let listed = LAYERS.iter().copied().flatten().map(|&module| module.to_owned()).collect();
    assert_eq!(seen, listed, "the modules and the layers");
}

#[test]
fn imports_are_found_in_code_and_not_in_comments_or_tests() {
    let source = "use crate::graph::Graph; // crate::exec\nlet x = crate::op::f();\n#[cfg(test)]\nmod tests { crate::io }";
    assert_eq!(imports(source), BTreeSet::from(["graph", "op"]));
}
