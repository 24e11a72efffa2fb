//! What is wrong with a checkpoint of TensorFlow.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::io::elements::{ArrayFault, Unreadable};
use crate::quote::quoted;

/// Why a checkpoint of TensorFlow is not read or written.
#[derive(Clone)]
pub struct BundleError {
    /// The file, or what the names of the files begin with.
    pub path: PathBuf,
    /// The tensor in it, where the fault is in one.
    pub tensor: Option<String>,
    /// What is wrong.
    pub fault: BundleFault,
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(tensor) = &self.tensor {
            write!(f, ", tensor `{}`", quoted(tensor))?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl Error for BundleError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.fault.source()
    }
}

/// What is wrong with a checkpoint of TensorFlow.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleFault {
    /// There are no files whose names begin so.
    #[error("expected a checkpoint: a file of that name, or with `.index` or `-00000-of-00001` behind it")]
    NoFile,

    /// A file cannot be opened or read, or there is no memory for what is in it.
    #[error("cannot be read: {0}")]
    Read(#[source] Arc<io::Error>),

    /// A file cannot be written.
    #[error("cannot be written: {0}")]
    Write(#[source] Arc<io::Error>),

    /// It is no checkpoint, or not a whole one.
    #[error("expected a checkpoint of TensorFlow: {0}")]
    Format(#[source] Box<BundleFormatFault>),

    /// A tensor that is asked for is not there, or not as it is asked for.
    #[error(transparent)]
    Array(#[from] ArrayFault),

    /// Two tensors have one name, as they are to be written or once they are renamed.
    #[error("expected one tensor of that name, got two")]
    SameName,

    /// A tensor is to be written under a name that means something else in the format.
    #[error("expected a name that is not empty and does not begin with a 0 byte")]
    Reserved,
}

/// Why bytes are no checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleFormatFault {
    /// Too few bytes for a table.
    #[error("expected a table with a footer of 48 bytes, got {bytes} bytes")]
    NoFooter {
        /// Bytes of the file.
        bytes: u64,
    },

    /// Another number at the end than tables have.
    #[error("expected a table, which ends in db4775248b80fb57, got {found:016x}")]
    Magic {
        /// The number there.
        found: u64,
    },

    /// A block that lies outside of the file.
    #[error("expected a block inside of {bytes} bytes, got {size} bytes from {offset} on")]
    Place {
        /// Where it begins.
        offset: u64,
        /// How long it is.
        size: u64,
        /// Bytes of the file.
        bytes: u64,
    },

    /// A block whose bytes are not those that were written.
    #[error("block at {offset}: expected the checksum {stated:08x}, got {computed:08x}")]
    BlockChecksum {
        /// Where it begins.
        offset: u64,
        /// What it says.
        stated: u32,
        /// That of its bytes.
        computed: u32,
    },

    /// A block that is compressed, as TensorFlow writes none.
    #[error("block at {offset}: expected one that is not compressed, got one by Snappy")]
    Compressed {
        /// Where it begins.
        offset: u64,
    },

    /// A block that is no list of keys in order with their values.
    #[error("block at {offset}: expected keys in order with their values, got other bytes")]
    Block {
        /// Where it begins.
        offset: u64,
    },

    /// Blocks that lie on each other.
    #[error(
        "expected blocks one behind the other, got one at {offset}, before the end of the last one at {end}"
    )]
    BlockOrder {
        /// Where it begins.
        offset: u64,
        /// Where the one before ends.
        end: u64,
    },

    /// Keys that say again and again what others begin with.
    #[error("expected keys that take at most 8 times the bytes of the file, got longer ones")]
    Keys,

    /// The value of a key is not the message that it should be.
    #[error("expected a message under the key `{}`: {reason}", quoted(key))]
    Message {
        /// The key.
        key: String,
        /// What is wrong.
        reason: String,
    },

    /// Nothing says what the table is.
    #[error("expected a header under the empty key, got none")]
    NoHeader,

    /// The checkpoint is for a later version of TensorFlow.
    #[error("expected a checkpoint for readers of version {most} at most, got one for {found}")]
    Version {
        /// The latest that is understood.
        most: i32,
        /// What it needs.
        found: i32,
    },

    /// A shape without lengths.
    #[error("expected lengths that are known, got {found:?}")]
    Lengths {
        /// The lengths; -1 for an unknown one.
        found: Vec<i64>,
    },

    /// A file among those that hold elements that there is not.
    #[error("expected a shard among {count}, got {shard}")]
    Shard {
        /// How many there are.
        count: i32,
        /// Which one is named.
        shard: i32,
    },

    /// Parts that are not, together, the whole tensor.
    #[error("expected parts that make {shape:?}, each element once, got others")]
    Parts {
        /// The shape of the whole.
        shape: Vec<usize>,
    },

    /// A part that is not in the file which should have it.
    #[error("expected all parts of the tensor, got none of the key `{}`", quoted(key))]
    NoPart {
        /// The key of the part.
        key: String,
    },

    /// A number of bytes or of elements that is not that of the shape.
    #[error("expected {expected} for the shape {shape:?}, got {found}")]
    Length {
        /// As many as the shape says.
        expected: String,
        /// The shape.
        shape: Vec<usize>,
        /// As many as there are.
        found: String,
    },

    /// Elements that lie outside of their file.
    #[error("expected elements inside of {bytes} bytes, got {size} bytes from {offset} on")]
    Elements {
        /// Where they begin.
        offset: i64,
        /// How many bytes they take.
        size: i64,
        /// Bytes of the file.
        bytes: u64,
    },

    /// Two tensors, or parts of them, with the same bytes.
    #[error(
        "expected a place in the file for each tensor and part, got two with the byte {offset} of shard {shard}"
    )]
    Shared {
        /// The file of elements.
        shard: i32,
        /// The first byte that both have.
        offset: i64,
    },

    /// Elements that are not those that were written.
    #[error("expected elements of the checksum {stated:08x}, got {computed:08x}")]
    Checksum {
        /// What the index says.
        stated: u32,
        /// That of the bytes.
        computed: u32,
    },
}

/// What stops a reader.
#[derive(Debug)]
pub(super) enum Flaw {
    Read(Arc<io::Error>),
    Format(Box<BundleFormatFault>),
    Array(ArrayFault),
}

impl From<io::Error> for Flaw {
    fn from(error: io::Error) -> Self {
        Flaw::Read(Arc::new(error))
    }
}

impl From<BundleFormatFault> for Flaw {
    fn from(fault: BundleFormatFault) -> Self {
        Flaw::Format(Box::new(fault))
    }
}

impl From<Unreadable> for Flaw {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Io(error) => error.into(),
            Unreadable::Array(fault) => Flaw::Array(fault),
        }
    }
}

impl From<Flaw> for BundleFault {
    fn from(flaw: Flaw) -> Self {
        match flaw {
            Flaw::Read(error) => BundleFault::Read(error),
            Flaw::Format(fault) => BundleFault::Format(fault),
            Flaw::Array(fault) => BundleFault::Array(fault),
        }
    }
}

crate::io::error_of_its_own!(BundleError);
