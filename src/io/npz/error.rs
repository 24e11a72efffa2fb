//! What is wrong with an npz file.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use zip::result::ZipError;

use crate::DType;

/// Why an npz file is not read or written.
#[derive(Clone)]
pub struct NpzError {
    /// The file.
    pub path: PathBuf,
    /// The array in it, where the mistake is in one.
    pub array: Option<String>,
    /// What is wrong.
    pub fault: NpzFault,
}

impl fmt::Display for NpzError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(array) = &self.array {
            write!(f, ", array `{}`", array.escape_debug())?;
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

    /// The file is no zip archive, or a damaged one.
    #[error("{0}")]
    Archive(#[source] Arc<dyn Error + Send + Sync>),

    /// The archive claims more bytes of an entry than there are.
    #[error("the archive claims {claimed} bytes of it, but holds {found}")]
    Size {
        /// The size that the archive gives.
        claimed: u64,
        /// Bytes that are there.
        found: usize,
    },

    /// An entry of the archive is no npy file.
    #[error("does not begin as an npy file of version 1, 2 or 3")]
    NotNpy,

    /// The header is longer than the file or than any header is.
    #[error("the header claims {claimed} bytes, more than there are or than {most}")]
    HeaderLength {
        /// The length that the file gives.
        claimed: u32,
        /// The most that is read.
        most: usize,
    },

    /// The header is not one of a plain array: of records, or of nothing at all.
    #[error("the header `{header}` is not of an array of numbers")]
    NotPlain {
        /// The beginning of the header.
        header: String,
    },

    /// The header lacks an entry, or has one too many.
    #[error("{0}")]
    Header(#[source] Arc<dyn Error + Send + Sync>),

    /// Elements of a type that flowgrad does not have.
    #[error("elements of type `{descriptor}` have no like in flowgrad")]
    Element {
        /// NumPy's name for the type.
        descriptor: String,
    },

    /// Another number of bytes than the shape counts.
    #[error("elements of type `{descriptor}` and shape {shape:?} do not take up {found} bytes")]
    Length {
        /// NumPy's name for the type.
        descriptor: String,
        /// The shape that the header gives.
        shape: Vec<usize>,
        /// Bytes that are there.
        found: usize,
    },

    /// The elements are not what the type allows.
    #[error("{0}")]
    Array(#[source] Arc<dyn Error + Send + Sync>),

    /// The arrays take up more than is read.
    #[error("the arrays take up more than {limit} bytes; `read_npz_within` sets how many are read")]
    TooLong {
        /// The most bytes of all arrays together.
        limit: u64,
    },

    /// There is no array of that name.
    #[error("there is no array of that name; there are {names:?}")]
    Missing {
        /// The names of all arrays.
        names: Vec<String>,
    },

    /// The elements are not of the type that is asked for.
    #[error("the elements are {found}, but {expected} is asked for")]
    OtherType {
        /// The type that is asked for.
        expected: DType,
        /// The type of the array.
        found: DType,
    },

    /// Two arrays have one name.
    #[error("there are two arrays of that name")]
    SameName,
}

impl NpzFault {
    pub(super) fn header(error: impl Error + Send + Sync + 'static) -> Self {
        NpzFault::Header(Arc::new(error))
    }

    pub(super) fn array(error: impl Error + Send + Sync + 'static) -> Self {
        NpzFault::Array(Arc::new(error))
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
