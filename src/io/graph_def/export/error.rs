//! Why a graph is not exported.

use crate::io::Unsupported;
use crate::io::export::WalkError;
use crate::io::missing::listed;

/// Why a part of a graph is not exported for TensorFlow.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// TensorFlow has no ops for these, nor such as make them up: all of them.
    #[error("GraphDef: expected ops that TensorFlow has, got {} that it has not:{}", all.len(), listed(all))]
    Unsupported {
        /// The ops, with their nodes.
        all: Vec<Unsupported>,
    },

    /// More nodes than are exported: functions call each other too often.
    #[error("GraphDef: expected at most {most} nodes, those of functions counted for each call, got more")]
    TooLarge {
        /// How many there may be.
        most: usize,
    },

    /// A message of more bytes than TensorFlow reads.
    #[error(
        "GraphDef: expected at most {most} bytes, got {found}; a SavedModel holds variables beside the graph"
    )]
    TooLong {
        /// How many there may be.
        most: usize,
        /// How many there are.
        found: usize,
    },

    /// Two tensors would go by one name.
    #[error("signature `{signature}`: expected names that differ, got `{name}` twice")]
    NameTwice {
        /// The signature.
        signature: String,
        /// The name.
        name: String,
    },

    /// A file cannot be written.
    #[error("`{}`: expected a folder that can be written, got: {reason}", path.display())]
    File {
        /// The file or the folder.
        path: std::path::PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// The graph has an error, or tensors are of another one.
    #[error("GraphDef: {0}")]
    Build(#[from] crate::Error),
}

impl From<WalkError> for ExportError {
    fn from(error: WalkError) -> Self {
        match error {
            WalkError::Error(error) => error.into(),
            WalkError::TooLarge { most } => ExportError::TooLarge { most },
        }
    }
}

crate::io::error_of_its_own!(ExportError);
