//! Why a checkpoint cannot be written, read, or restored.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::file::CURRENT;
use crate::DType;
use crate::io::safetensors::{Flaw, FormatFault};
use crate::op::TensorType;
use crate::quote::{list::LISTED, quoted};

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
    #[error(
        "{} does not match the session: {}{}",
        origin(path.as_ref()),
        told(differences),
        remedy(differences)
    )]
    Differs {
        /// The file that it was loaded from, if it was.
        path: Option<PathBuf>,
        /// All that differs: the seed first, and then by name.
        differences: Vec<Difference>,
    },

    /// There is no array of that name in the checkpoint, or it has elements of another type.
    #[error(
        "`{}` of {}: expected elements of {expected}, got {}",
        quoted(name),
        origin(path.as_ref()),
        found.map_or("nothing".to_owned(), |found| found.to_string())
    )]
    Array {
        /// The file that the checkpoint was loaded from, if it was.
        path: Option<PathBuf>,
        /// The name.
        name: String,
        /// The element type that was asked for.
        expected: DType,
        /// That of the array, if there is one.
        found: Option<DType>,
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
    #[error("expected a file in the safetensors format: {0}")]
    Format(#[from] FormatFault),

    /// Another program than flowgrad wrote it.
    #[error(
        "expected a flowgrad checkpoint, got metadata without `{key}`; `io::safetensors` reads the files of other programs"
    )]
    Foreign {
        /// What the metadata of every checkpoint has.
        key: &'static str,
    },

    /// Another release of flowgrad wrote it, which changed the format.
    #[error("expected version {CURRENT}, which this program reads, got `{}`", quoted(version))]
    Version {
        /// Its version.
        version: String,
    },

    /// The contents are not those that were written.
    #[error("expected contents of the checksum `{}`, got {found:08x}: the file is damaged", quoted(expected))]
    Checksum {
        /// The checksum in the file.
        expected: String,
        /// The checksum of its contents.
        found: u32,
    },

    /// An entry of the metadata that is to be a number is none.
    #[error("`{key}` of its metadata: expected a count, got `{}`", quoted(value))]
    Number {
        /// The entry.
        key: &'static str,
        /// What it says.
        value: String,
    },

    /// A tensor of elements that no variable has.
    #[error(
        "tensor `{}`: expected elements of BOOL, I32, I64, F32 or F64, as variables have, got {}",
        quoted(name),
        quoted(dtype)
    )]
    ElementType {
        /// The tensor.
        name: String,
        /// Its element type.
        dtype: String,
    },

    /// A boolean that is neither 0 nor 1, or a shape that cannot be addressed.
    #[error(
        "tensor `{}`: expected the bytes of a {dtype} array of shape {shape:?}, got others",
        quoted(name)
    )]
    Tensor {
        /// The tensor.
        name: String,
        /// Its element type.
        dtype: DType,
        /// Its shape.
        shape: Vec<usize>,
    },

    /// A variable or text whose name means something else in the format.
    #[error("the name `{}` is reserved for the format", quoted(name))]
    Reserved {
        /// The name.
        name: String,
    },
}

impl FileFault {
    /// What it is where a file is read.
    pub(in crate::io) fn read(flaw: impl Into<Flaw>) -> Self {
        match flaw.into() {
            Flaw::Io(error) => FileFault::Read(Arc::new(error)),
            Flaw::Format(fault) => fault.into(),
        }
    }

    /// What it is where one is written.
    pub(in crate::io) fn written(flaw: impl Into<Flaw>) -> Self {
        match flaw.into() {
            Flaw::Io(error) => FileFault::Write(Arc::new(error)),
            Flaw::Format(fault) => fault.into(),
        }
    }
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
                write!(f, "expected the seed {session} of the session's graph, got {checkpoint}")
            }
            Difference::Missing { name, expected } => {
                write!(f, "variable `{}`: expected {expected}, got nothing", quoted(name))
            }
            Difference::Unexpected { name, found } => {
                write!(f, "`{}`: expected the name of a variable of the session, got {found}", quoted(name))
            }
            Difference::Shape { name, expected, found }
            | Difference::ElementType { name, expected, found } => {
                write!(f, "variable `{}`: expected {expected}, got {found}", quoted(name))
            }
        }
    }
}

fn origin(path: Option<&PathBuf>) -> String {
    path.map_or("the checkpoint".to_owned(), |path| format!("checkpoint `{}`", path.display()))
}

/// All differences: those of one kind together, the names of variables that are missing or too many first.
fn told(differences: &[Difference]) -> String {
    let named = |name: &str, of: &TensorType| format!("`{}` ({of})", quoted(name));
    let lacking = differences.iter().filter_map(|difference| match difference {
        Difference::Missing { name, expected } => Some(named(name, expected)),
        _ => None,
    });
    let unexpected = differences.iter().filter_map(|difference| match difference {
        Difference::Unexpected { name, found } => Some(named(name, found)),
        _ => None,
    });
    let is_of_both =
        |other: &&Difference| !matches!(other, Difference::Missing { .. } | Difference::Unexpected { .. });
    let others = differences.iter().filter(is_of_both).map(Difference::to_string);
    let lists = [
        ("it lacks the session's ", lacking.collect::<Vec<_>>(), ", "),
        ("the session lacks its ", unexpected.collect(), ", "),
        ("", others.collect(), "; "),
    ];
    let lists = lists.into_iter().filter(|(_, items, _)| !items.is_empty());
    lists
        .map(|(before, items, between)| before.to_owned() + &first(&items, between))
        .collect::<Vec<_>>()
        .join("; ")
}

/// The first of several, and how many there are besides.
fn first(items: &[String], between: &str) -> String {
    match items.len().saturating_sub(LISTED) {
        0 => items.join(between),
        more => format!("{} and {more} more", items[..LISTED].join(between)),
    }
}

/// What to do where all variables of the session are there, as they should be.
fn remedy(differences: &[Difference]) -> &'static str {
    let is_beside = |difference: &Difference| {
        matches!(difference, Difference::Seed { .. } | Difference::Unexpected { .. })
    };
    if differences.iter().all(is_beside) {
        "; `restore_model` takes the session's variables alone"
    } else {
        ""
    }
}

crate::io::error_of_its_own!(CheckpointError);
