//! Opening files to be read: regular files only, named for what they are when they are something else.
//!
//! A pipe without a writer would be waited for without end, and so would be a device; a length that the file system
//! gives means something for regular files alone.

use std::fs::{File, FileType};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Opens the regular file at `path`, or the one that a link there leads to.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    expect_regular(path.metadata()?.file_type())?;
    let file = File::open(path)?;
    // Something else may have taken its place since.
    expect_regular(file.metadata()?.file_type())?;
    Ok(file)
}

/// An error that says what this is, unless it is a regular file.
pub(crate) fn expect_regular(kind: FileType) -> io::Result<()> {
    if kind.is_file() {
        return Ok(());
    }
    let code = if kind.is_dir() { ErrorKind::IsADirectory } else { ErrorKind::InvalidInput };
    Err(io::Error::new(code, format!("expected a regular file, got {}", name(kind))))
}

fn name(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        match () {
            () if kind.is_fifo() => return "a named pipe",
            () if kind.is_socket() => return "a socket",
            () if kind.is_block_device() => return "a block device",
            () if kind.is_char_device() => return "a character device",
            () => {}
        }
    }
    if kind.is_dir() { "a directory" } else { "something else" }
}
