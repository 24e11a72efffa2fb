//! A place for a checkpoint.

use std::path::PathBuf;

use tempfile::TempDir;

/// The path of a file that is not there yet, in a folder of its own that is gone with the first of the two.
pub(crate) fn file() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    (directory, path)
}
