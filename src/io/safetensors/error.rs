//! What is wrong with a safetensors file.

use std::error::Error;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::header::Flaw;
use crate::io::elements::{ArrayFault, Unreadable};
use crate::quote::quoted;

/// Why a safetensors file is not read or written.
#[derive(Clone)]
pub struct SafeTensorsError {
    /// The file.
    pub path: PathBuf,
    /// The tensor in it, where the fault is in one.
    pub tensor: Option<String>,
    /// What is wrong.
    pub fault: SafeTensorsFault,
}

impl fmt::Display for SafeTensorsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(tensor) = &self.tensor {
            write!(f, ", tensor `{}`", quoted(tensor))?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl Error for SafeTensorsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.fault.source()
    }
}

/// What is wrong with a safetensors file.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SafeTensorsFault {
    /// The file cannot be opened or read, or there is no memory for what is in it.
    #[error("cannot be read: {0}")]
    Read(#[source] Arc<io::Error>),

    /// The file cannot be written; what was there before is still there.
    #[error("cannot be written: {0}")]
    Write(#[source] Arc<io::Error>),

    /// It is no safetensors file, or not a whole one; or what is to be written would make none.
    #[error("expected a file in the safetensors format: {0}")]
    Format(#[source] Box<FormatFault>),

    /// A tensor that is asked for is not there, or not as it is asked for.
    #[error(transparent)]
    Array(#[from] ArrayFault),

    /// Two tensors have one name, as they are to be written or once they are renamed.
    #[error("expected one tensor of that name, got two")]
    SameName,

    /// A tensor is to be written under a name that means something else in the format.
    #[error("the name is reserved for the format")]
    Reserved,
}

impl SafeTensorsFault {
    /// What it is where a file is written.
    pub(super) fn written(flaw: Flaw) -> Self {
        match flaw {
            Flaw::Io(error) => SafeTensorsFault::Write(Arc::new(error)),
            Flaw::Format(_) => flaw.into(),
        }
    }
}

/// Where a file is read.
impl From<io::Error> for SafeTensorsFault {
    fn from(error: io::Error) -> Self {
        SafeTensorsFault::Read(Arc::new(error))
    }
}

/// Where a file is read.
impl From<Flaw> for SafeTensorsFault {
    fn from(flaw: Flaw) -> Self {
        match flaw {
            Flaw::Io(error) => error.into(),
            Flaw::Format(fault) => SafeTensorsFault::Format(Box::new(fault)),
        }
    }
}

impl From<Unreadable> for SafeTensorsFault {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Io(error) => error.into(),
            Unreadable::Array(fault) => fault.into(),
        }
    }
}

/// Why bytes are no safetensors file, or cannot become one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatFault {
    /// Too few bytes to say how long the header is.
    #[error("expected 8 bytes for the length of the header, got {bytes}")]
    NoHeader {
        /// Bytes of the file.
        bytes: u64,
    },

    /// A header that is longer than the file, or than 100 MB.
    #[error("expected {stated} bytes of header by the first 8 bytes, got {behind}")]
    HeaderLength {
        /// Bytes that it is said to have.
        stated: u64,
        /// Bytes of the file behind the length.
        behind: u64,
    },

    /// Names and texts that are too long together to be saved.
    #[error("expected a header of at most 100 MB, got {bytes} bytes of names and texts")]
    HeaderTooLong {
        /// Bytes of the header.
        bytes: usize,
    },

    /// A header that is no JSON object.
    #[error("expected a JSON object as header, got other bytes")]
    NotJson,

    /// Metadata other than texts by name.
    #[error("expected texts by name as metadata, got other JSON")]
    Metadata,

    /// Two sets of metadata.
    #[error("expected one entry `__metadata__` in the header, got two")]
    TwoMetadata,

    /// An entry of the header that describes no tensor.
    #[error("`{}`: expected the description of a tensor in the header, got other JSON", quoted(name))]
    Entry {
        /// The name of the entry.
        name: String,
    },

    /// A tensor that has not as many bytes as its shape says.
    #[error(
        "tensor `{}`: expected as many bytes as {}{shape:?} takes, got the bytes {data:?}",
        quoted(name),
        quoted(type_name)
    )]
    TensorLength {
        /// The tensor.
        name: String,
        /// Its element type.
        type_name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Where its elements are, counted from the end of the header.
        data: Range<u64>,
    },

    /// A tensor that does not begin where the one before it ends, or ends behind the file.
    #[error(
        "tensor `{}`: expected bytes that begin at {expected}, of {bytes}, got the bytes {data:?}",
        quoted(name)
    )]
    TensorPlace {
        /// The tensor.
        name: String,
        /// Where its elements are, counted from the end of the header.
        data: Range<u64>,
        /// Where the tensor before it ends.
        expected: u64,
        /// Bytes behind the header.
        bytes: u64,
    },

    /// Bytes that are of no tensor.
    #[error("expected tensors in all {bytes} bytes behind the header, got {covered}")]
    NotCovered {
        /// Bytes of tensors.
        covered: u64,
        /// Bytes behind the header.
        bytes: u64,
    },
}

crate::io::error_of_its_own!(SafeTensorsError);
