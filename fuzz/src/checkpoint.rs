//! Any bytes as a checkpoint.

use flowgrad::io::checkpoint::Checkpoint;

use super::file::with_file;

/// Reads the bytes: what is loaded comes back as it is saved.
pub fn run(bytes: &[u8]) {
    with_file("t.safetensors", bytes, |path| {
        let Ok(checkpoint) = Checkpoint::load(path) else { return };
        checkpoint.save(path).expect("what was loaded can be saved");
        let again = Checkpoint::load(path).expect("what was saved can be loaded");
        // NaNs are not equal to themselves.
        assert_eq!(format!("{again:?}"), format!("{checkpoint:?}"));
    });
}
