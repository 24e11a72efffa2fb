//! Where results go. Files are opened before the work, so that a wrong path costs no minute of waiting, and
//! keep what they hold until there is something to put in its place.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// A file open for writing, or stdout.
#[derive(Debug)]
pub(crate) enum Output {
    /// Named by `-`.
    Stdout,
    /// Named by its path.
    File(OutputFile),
}

impl Output {
    /// Opens the file at `path`, or stdout for `-`.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        Ok(if path == Path::new("-") { Output::Stdout } else { Output::File(OutputFile::open(path)?) })
    }

    /// Writes all of `text` as the only contents.
    pub(crate) fn write(self, text: &str) -> Result<(), Error> {
        match self {
            Output::Stdout => to_stdout(text),
            Output::File(file) => file.write(text),
        }
    }
}

/// A file open for writing, not yet emptied.
#[derive(Debug)]
pub(crate) struct OutputFile {
    path: PathBuf,
    file: File,
}

impl OutputFile {
    /// Opens or creates the file at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = file.map_err(|source| Error::Write { path: path.into(), source })?;
        Ok(Self { path: path.into(), file })
    }

    /// Writes all of `text` as the only contents.
    pub(crate) fn write(mut self, text: &str) -> Result<(), Error> {
        let write = |file: &mut File| {
            // A pipe or a device has no length to cut.
            if file.metadata()?.is_file() {
                file.set_len(0)?;
            }
            file.write_all(text.as_bytes())
        };
        write(&mut self.file).map_err(|source| Error::Write { path: self.path, source })
    }
}

/// Tells why the command ends without a result. Where stderr takes nothing, only the exit code is left to tell it.
pub(crate) fn complain(line: &str) {
    let _ = to_stderr(&format!("{line}\n"));
}

/// Writes `text` to stdout.
pub(crate) fn to_stdout(text: &str) -> Result<(), Error> {
    print("standard output", io::stdout().lock(), text)
}

/// Writes `text` to stderr.
pub(crate) fn to_stderr(text: &str) -> Result<(), Error> {
    print("standard error", io::stderr().lock(), text)
}

/// Writes `text` to a standard stream. A reader that has seen enough, as `head` has, is no failure.
fn print(name: &str, mut stream: impl Write, text: &str) -> Result<(), Error> {
    match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::Write { path: name.into(), source })
        }
        _ => Ok(()),
    }
}
