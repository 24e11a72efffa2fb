//! What is wrong with an npz file.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use zip::result::ZipError;

use crate::io::elements::{ArrayFault, Unreadable};
use crate::quote::quoted;

/// Why an npz file is not read or written.
#[derive(Clone)]
pub struct NpzError {
    /// The file.
    pub path: PathBuf,
    /// The array in it, where the fault is in one.
    pub array: Option<String>,
    /// What is wrong.
    pub fault: NpzFault,
}

impl fmt::Display for NpzError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(array) = &self.array {
            write!(f, ", array `{}`", quoted(array))?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl Error for NpzError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.fault.source()
    }
}

/// What is wrong with an npz file.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NpzFault {
    /// The file cannot be opened, read or written.
    #[error("{0}")]
    Io(#[source] Arc<io::Error>),

    /// The file is not a zip archive.
    #[error("expected an npz file (a zip archive): {0}")]
    NotAnArchive(#[source] Arc<dyn Error + Send + Sync>),

    /// The archive is damaged, or of a kind that is not supported.
    #[error("{0}")]
    Archive(#[source] Arc<dyn Error + Send + Sync>),

    /// The archive claims more bytes of an entry than there are.
    #[error("expected {claimed} bytes by the archive, got fewer")]
    Size {
        /// The size that the archive gives.
        claimed: u64,
    },

    /// An entry of the archive is no npy file.
    #[error("expected an npy file of version 1, 2 or 3, got other bytes")]
    NotNpy,

    /// The header is longer than the file or than any header is.
    #[error("expected a header of at most {most} bytes that are there, got a claim of {claimed}")]
    HeaderLength {
        /// The length that the file gives.
        claimed: u32,
        /// The most that is read.
        most: u32,
    },

    /// The header is not one of a plain array: of records, or of nothing at all.
    #[error("expected the header of an array of numbers, got `{}`", quoted(header))]
    NotPlain {
        /// The header.
        header: String,
    },

    /// The header lacks an entry, or has something else in its place.
    #[error("`{key}`: expected {expected}, got the header `{}`", quoted(header))]
    Header {
        /// The entry.
        key: &'static str,
        /// What is expected there.
        expected: &'static str,
        /// The header.
        header: String,
    },

    /// Another number of bytes than the shape counts.
    #[error(
        "expected as many bytes as elements of type `{}` and shape {shape:?} take, got {found}",
        quoted(descriptor)
    )]
    Length {
        /// NumPy's name for the type.
        descriptor: String,
        /// The shape that the header gives.
        shape: Vec<usize>,
        /// Bytes that are there.
        found: u64,
    },

    /// An array that is asked for is not there, or not as it is asked for.
    #[error(transparent)]
    Array(#[from] ArrayFault),

    /// The arrays take up more than is read.
    #[error(
        "expected arrays of at most {limit} bytes, got more; `read_npz_within` and `Npz::limit` set how many are read"
    )]
    TooLong {
        /// The most bytes of all arrays together.
        limit: u64,
    },

    /// Two arrays have one name.
    #[error("expected one array of that name, got two")]
    SameName,
}

impl NpzFault {
    /// What it is where a file is opened.
    pub(super) fn opened(error: ZipError) -> Self {
        match error {
            ZipError::InvalidArchive(_) => NpzFault::NotAnArchive(Arc::new(error)),
            error => error.into(),
        }
    }
}

impl From<io::Error> for NpzFault {
    fn from(error: io::Error) -> Self {
        NpzFault::Io(Arc::new(error))
    }
}

impl From<ZipError> for NpzFault {
    fn from(error: ZipError) -> Self {
        match error {
            ZipError::Io(error) => error.into(),
            error => NpzFault::Archive(Arc::new(error)),
        }
    }
}

impl From<Unreadable> for NpzFault {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Io(error) => error.into(),
            Unreadable::Array(fault) => fault.into(),
        }
    }
}

crate::io::error_of_its_own!(NpzError);
