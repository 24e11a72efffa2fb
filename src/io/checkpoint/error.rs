//! Why a checkpoint cannot be written, read, or restored.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::file::CURRENT;
use crate::DType;
use crate::op::TensorType;

/// Why a checkpoint cannot be saved, loaded or restored.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// A file cannot be written, or what was read of it is no checkpoint.
    #[error("checkpoint `{}`: {fault}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: FileFault,
    },

    /// The checkpoint is of another model than the session. Nothing was changed.
    #[error("{} does not fit the session: {}", origin(path.as_ref()), listed(differences))]
    Differs {
        /// The file that it was loaded from, if it was.
        path: Option<PathBuf>,
        /// All that differs: the seed first, and then by name.
        differences: Vec<Difference>,
    },

    /// The session could not give its variables, or take those of the checkpoint.
    #[error(transparent)]
    Session(#[from] crate::Error),
}

/// What is wrong with the file of a checkpoint.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileFault {
    /// It could not be written; what was there before is still there.
    #[error("it could not be written: {0}")]
    Write(#[source] Arc<io::Error>),

    /// It could not be read.
    #[error("it could not be read: {0}")]
    Read(#[source] Arc<io::Error>),

    /// It is no safetensors file, or not a whole one; or what is to be saved would make none.
    #[error("not in the safetensors format: {0}")]
    Format(#[from] FormatFault),

    /// Another program than flowgrad wrote it.
    #[error("its metadata has no `{key}`, so it is no checkpoint of flowgrad")]
    Foreign {
        /// What the metadata of every checkpoint has.
        key: &'static str,
    },

    /// Another release of flowgrad wrote it, which changed the format.
    #[error("its version is `{version}`, and this program reads version {CURRENT}")]
    Version {
        /// Its version.
        version: String,
    },

    /// The contents are not those that were written.
    #[error("it is damaged: the checksum of its contents is {found:08x}, but `{expected}` was written")]
    Checksum {
        /// The checksum in the file.
        expected: String,
        /// The checksum of its contents.
        found: u32,
    },

    /// An entry of the metadata that is to be a number is none.
    #[error("`{key}` is `{value}` in its metadata, where a count is expected")]
    Number {
        /// The entry.
        key: &'static str,
        /// What it says.
        value: String,
    },

    /// A tensor of elements that no variable has.
    #[error("tensor `{name}` has elements of {dtype}; those of variables are BOOL, I32, I64, F32 or F64")]
    ElementType {
        /// The tensor.
        name: String,
        /// Its element type.
        dtype: String,
    },

    /// A truth value that is neither 0 nor 1, or a shape that cannot be addressed.
    #[error("the bytes of tensor `{name}` are no {dtype} array of shape {shape:?}")]
    Tensor {
        /// The tensor.
        name: String,
        /// Its element type.
        dtype: DType,
        /// Its shape.
        shape: Vec<usize>,
    },

    /// A variable or text whose name means something else in the format.
    #[error("the name `{name}` is reserved for the format")]
    Reserved {
        /// The name.
        name: String,
    },
}

/// Why bytes are no safetensors file, or cannot become one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatFault {
    /// Too few bytes to say how long the header is.
    #[error("{bytes} bytes are too few for the length of a header")]
    NoHeader {
        /// Bytes of the file.
        bytes: usize,
    },

    /// A header that is longer than the file, or than 100 MB.
    #[error("its header is said to have {stated} bytes, with {behind} bytes to come")]
    HeaderLength {
        /// Bytes that it is said to have.
        stated: u64,
        /// Bytes of the file behind the length.
        behind: usize,
    },

    /// Names and texts that are too long together to be saved.
    #[error("its names and texts would make a header of {bytes} bytes, of which 100 MB are allowed")]
    HeaderTooLong {
        /// Bytes of the header.
        bytes: usize,
    },

    /// A header that is no JSON object.
    #[error("its header is no JSON object")]
    NotJson,

    /// Metadata other than texts by name.
    #[error("its metadata are no texts by name")]
    Metadata,

    /// An entry of the header that describes no tensor.
    #[error("what its header says of `{name}` describes no tensor")]
    Entry {
        /// The name of the entry.
        name: String,
    },

    /// A tensor that has not as many bytes as its shape says.
    #[error("tensor `{name}`, {dtype}{shape:?}, is said to be in the bytes {data:?}")]
    TensorLength {
        /// The tensor.
        name: String,
        /// Its element type.
        dtype: DType,
        /// Its shape.
        shape: Vec<usize>,
        /// Where its elements are, counted from the end of the header.
        data: Range<usize>,
    },

    /// A tensor that does not begin where the one before it ends, or ends behind the file.
    #[error(
        "tensor `{name}` is said to be in the bytes {data:?}, which must begin at {expected}, of {bytes}"
    )]
    TensorPlace {
        /// The tensor.
        name: String,
        /// Where its elements are, counted from the end of the header.
        data: Range<usize>,
        /// Where the tensor before it ends.
        expected: usize,
        /// Bytes behind the header.
        bytes: usize,
    },

    /// Bytes that are of no tensor.
    #[error("its tensors are {covered} of the {bytes} bytes behind the header")]
    NotCovered {
        /// Bytes of tensors.
        covered: usize,
        /// Bytes behind the header.
        bytes: usize,
    },
}

/// One thing in which a checkpoint differs from a session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// The graphs' random numbers derive from different seeds.
    Seed {
        /// That of the session's graph.
        session: u64,
        /// That of the checkpoint.
        checkpoint: u64,
    },
    /// The checkpoint lacks a variable.
    Missing {
        /// Its name.
        name: String,
        /// Its element type and shape.
        expected: TensorType,
    },
    /// The checkpoint has a variable that the session has not.
    Unexpected {
        /// Its name.
        name: String,
        /// Its element type and shape.
        found: TensorType,
    },
    /// A variable has another shape in the checkpoint.
    Shape {
        /// Its name.
        name: String,
        /// Its type in the session.
        expected: TensorType,
        /// Its type in the checkpoint.
        found: TensorType,
    },
    /// A variable has other elements in the checkpoint, and perhaps another shape as well.
    ElementType {
        /// Its name.
        name: String,
        /// Its type in the session.
        expected: TensorType,
        /// Its type in the checkpoint.
        found: TensorType,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Seed { session, checkpoint } => {
                write!(f, "the graph's seed is {session}, but {checkpoint} in the checkpoint")
            }
            Difference::Missing { name, expected } => {
                write!(f, "variable `{name}` ({expected}) is not in the checkpoint")
            }
            Difference::Unexpected { name, found } => {
                write!(f, "`{name}` ({found}) is no variable of the session")
            }
            Difference::Shape { name, expected, found }
            | Difference::ElementType { name, expected, found } => {
                write!(f, "variable `{name}` is {expected}, but {found} in the checkpoint")
            }
        }
    }
}

fn origin(path: Option<&PathBuf>) -> String {
    path.map_or("the checkpoint".to_owned(), |path| format!("checkpoint `{}`", path.display()))
}

fn listed(differences: &[Difference]) -> String {
    differences.iter().map(Difference::to_string).collect::<Vec<_>>().join("; ")
}
