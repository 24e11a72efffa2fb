//! Any bytes as a safetensors file.

use flowgrad::io::checkpoint::Checkpoint;

use super::file::with_file;

/// Reads the bytes.
pub fn run(bytes: &[u8]) {
    with_file("t.safetensors", bytes, |path| {
        let _ = Checkpoint::load(path);
    });
}
