//! The inputs that a fuzz target keeps.

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn corpus(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}
