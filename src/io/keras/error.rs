//! What is wrong with a file of weights.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use zip::result::ZipError;

use super::MEMBER;
use crate::io::elements::{ArrayFault, Unreadable};
use crate::quote::quoted;

/// Why a file of weights is not read.
#[derive(Clone)]
pub struct KerasError {
    /// The file.
    pub path: PathBuf,
    /// The array in it, where the fault is in one.
    pub array: Option<String>,
    /// What is wrong.
    pub fault: KerasFault,
}

impl fmt::Display for KerasError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(array) = &self.array {
            write!(f, ", array `{}`", quoted(array))?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl Error for KerasError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.fault.source()
    }
}

crate::io::error_of_its_own!(KerasError);

/// What is wrong with a file of weights.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KerasFault {
    /// The file cannot be opened or read.
    #[error("{0}")]
    Io(#[source] Arc<io::Error>),

    /// The file is no HDF5 file, damaged, or of a kind that is not supported.
    #[error("expected an HDF5 file: {}", quoted(&.0.to_string()))]
    Hdf5(#[source] Arc<dyn Error + Send + Sync>),

    /// The archive is damaged, or has no weights in it.
    #[error("expected a zip archive with `{MEMBER}`: {}", quoted(&.0.to_string()))]
    Archive(#[source] Arc<dyn Error + Send + Sync>),

    /// Groups hold each other, or there are millions of them or of arrays.
    #[error(
        "expected groups within groups like folders, got one that is in two places, or too many, at `{}`",
        quoted(group)
    )]
    NoTree {
        /// Where.
        group: String,
    },

    /// Names of groups that are said again and again in the places of arrays.
    #[error("expected places of arrays and names of layers that take at most {most} bytes, got longer ones")]
    Names {
        /// 8 times the bytes of the file, and 64 KiB.
        most: u64,
    },

    /// There is more to read than the limit.
    #[error("expected at most {limit} bytes, got more")]
    TooLong {
        /// The limit.
        limit: u64,
    },

    /// Two arrays are given one name.
    #[error("expected one array of this name, got two")]
    SameName,

    /// The array cannot be had.
    #[error("{0}")]
    Array(#[source] ArrayFault),
}

impl From<io::Error> for KerasFault {
    fn from(error: io::Error) -> Self {
        KerasFault::Io(Arc::new(error))
    }
}

impl From<hdf5_reader::error::Error> for KerasFault {
    fn from(error: hdf5_reader::error::Error) -> Self {
        match error {
            hdf5_reader::error::Error::Io(error) => error.into(),
            error => KerasFault::Hdf5(Arc::new(error)),
        }
    }
}

impl From<ZipError> for KerasFault {
    fn from(error: ZipError) -> Self {
        match error {
            ZipError::Io(error) => error.into(),
            error => KerasFault::Archive(Arc::new(error)),
        }
    }
}

impl From<ArrayFault> for KerasFault {
    fn from(fault: ArrayFault) -> Self {
        KerasFault::Array(fault)
    }
}

impl From<Unreadable> for KerasFault {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Io(error) => error.into(),
            Unreadable::Array(fault) => fault.into(),
        }
    }
}
