//! Any bytes as an npz file.

use flowgrad::io::npz::read_npz_within;

use super::file::with_file;

/// Bytes of arrays that are read at most.
const LIMIT: u64 = 1 << 20;

/// Reads the bytes.
pub fn run(bytes: &[u8]) {
    with_file("t.npz", bytes, |path| {
        let _ = read_npz_within(path, LIMIT);
    });
}
