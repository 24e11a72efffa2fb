//! Misuse that the compiler must refuse: each program in `tests/graph/compile_fail` marks the lines that must not compile
//! with the error's code and, where it is the crate's own, the sentence that a person reads, `//~ E0277 sentence`; every
//! other line must compile. Errors about lifetimes cannot be given a sentence of the crate's own; but they show the line
//! of the crate that asks for `'static`, and the comment on it says the way out.
//!
//! Codes, lines and the crate's sentences are compared, not the whole text as `trybuild` does: that changes from compiler
//! to compiler, and lists every implementation of a trait, which changes with each op. The programs are compiled against
//! the library as it was built for this test, so nothing is built a second time.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::cargo::{FEATURES, cargo, profile};

/// Where rustc finds the library that this test was built with.
struct Library {
    rlib: PathBuf,
    dependencies: PathBuf,
}

impl Library {
    /// Asks cargo, which has built it and says where it lies.
    fn find() -> Self {
        let dependencies = profile().join("deps");
        let args = ["test", "--no-run", "--quiet", "--test", "graph", "--message-format=json"];
        let output = cargo(&args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let artifacts = String::from_utf8(output.stdout).unwrap();
        let is_library = |artifact: &Value| {
            let target = &artifact["target"];
            target["name"] == "flowgrad" && target["kind"][0] == "lib" && artifact["profile"]["test"] == false
        };
        let files = artifacts
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(is_library)
            .unwrap();
        let files = files["filenames"].as_array().unwrap().iter().filter_map(Value::as_str);
        let rlib = files.map(PathBuf::from).find(|file| file.extension().is_some_and(|e| e == "rlib"));
        Library { rlib: rlib.unwrap(), dependencies }
    }

    /// The errors of a program: their lines and codes, and all that each says.
    fn errors_of(&self, program: &Path) -> BTreeMap<Mark, String> {
        let out = TempDir::new().unwrap();
        let output = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
            .args(["--edition=2024", "--crate-type=bin", "--emit=metadata", "--error-format=json"])
            .arg("--extern")
            .arg(format!("flowgrad={}", self.rlib.display()))
            .arg("-L")
            .arg(format!("dependency={}", self.dependencies.display()))
            .arg("--out-dir")
            .arg(out.path())
            .arg(program)
            .output()
            .unwrap();
        String::from_utf8(output.stderr)
            .unwrap()
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|message| message["level"] == "error")
            .filter_map(|message| {
                let spans = message["spans"].as_array()?;
                // "Aborting due to" so many errors has no place.
                let primary = spans.iter().find(|span| span["is_primary"] == true)?;
                let code = message["code"]["code"].as_str().unwrap_or("without a code");
                Some(((primary["line_start"].as_u64()?, code.to_owned()), sentences(&message)))
            })
            .collect()
    }
}

/// A line and the code of its error.
type Mark = (u64, String);

/// What an error says: its message, the labels at its places, and its notes with the lines that they show.
fn sentences(message: &Value) -> String {
    fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
        value[key].as_array().into_iter().flatten()
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let labels = list(message, "spans").map(|span| text(&span["label"]));
    let notes = list(message, "children").map(|note| text(&note["message"]));
    let shown = list(message, "children").flat_map(|note| list(note, "spans"));
    let lines = shown.flat_map(|span| list(span, "text")).map(|line| text(&line["text"]));
    let all = std::iter::once(text(&message["message"])).chain(labels).chain(notes).chain(lines);
    all.collect::<Vec<_>>().join("\n")
}

/// The errors that a program says it has, each with a sentence, which may be empty.
fn expected_in(source: &str) -> BTreeMap<Mark, String> {
    let marked = source.lines().zip(1..).filter_map(|(line, number)| {
        let mark = line.split_once("//~")?.1.trim();
        let (code, sentence) = mark.split_once(' ').unwrap_or((mark, ""));
        Some(((number, code.to_owned()), sentence.to_owned()))
    });
    marked.collect()
}

#[test]
fn misuse_does_not_compile() {
    let library = Library::find();
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/graph/compile_fail");
    let mut failures = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(programs).unwrap() {
        let program = entry.unwrap().path();
        let name = program.file_name().unwrap().display().to_string();
        let expected = expected_in(&fs::read_to_string(&program).unwrap());
        let found = library.errors_of(&program);
        for ((line, code), sentence) in &expected {
            match found.get(&(*line, code.clone())) {
                None => failures.push(format!("{name}:{line} compiles, or not for {code}")),
                Some(says) if !says.contains(&**sentence) => {
                    failures.push(format!("{name}:{line} does not say `{sentence}` but\n{says}"));
                }
                Some(_) => {}
            }
        }
        for ((line, code), says) in found.iter().filter(|(mark, _)| !expected.contains_key(mark)) {
            failures.push(format!("{name}:{line} does not compile: {code}, {says}"));
        }
        count += 1;
    }
    failures.sort();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(count >= 15, "{count} programs");
}

/// Or else what is built for a test would be built with other features, for minutes.
#[test]
fn cargo_is_told_of_all_features_that_are_off_by_default() {
    let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    let features = manifest.split("[features]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let mut lines = features.lines().filter_map(|line| line.split_once(" = "));
    let (_, default) = lines.next().unwrap();
    let off = lines.map(|(name, _)| name).filter(|name| !default.contains(&format!("\"{name}\"")));
    assert!(off.eq(FEATURES.iter().map(|(name, _)| *name)));
}
