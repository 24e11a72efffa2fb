//! A file of the given bytes, for readers that take a path.

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

thread_local! {
    /// Removed when the thread ends.
    static DIRECTORY: RefCell<Option<TempDir>> = const { RefCell::new(None) };
}

/// Runs `f` on a file of this name that holds these bytes.
pub(crate) fn with_file<R>(name: &str, bytes: &[u8], f: impl FnOnce(&Path) -> R) -> R {
    DIRECTORY.with_borrow_mut(|directory| {
        let directory = directory.get_or_insert_with(|| TempDir::new().expect("a temporary directory"));
        let path = directory.path().join(name);
        fs::write(&path, bytes).expect("a temporary file");
        f(&path)
    })
}
