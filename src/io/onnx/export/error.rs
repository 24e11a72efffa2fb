//! Why a part of a graph is not exported.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Site;
use crate::io::export::WalkError;
use crate::io::missing::{self, Unsupported};
use crate::quote::list::listed;

/// Why a part of a graph is not exported.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxExportError {
    /// The file cannot be written.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        error: Arc<io::Error>,
    },

    /// Ops that ONNX has nothing for, all there are.
    #[error("expected ops that ONNX has, got {} that it has not:{}", nodes.len(), missing::listed(nodes))]
    Unsupported {
        /// Each op, with its node.
        nodes: Vec<Unsupported>,
    },

    /// The model needs placeholders that are not among its inputs.
    #[error("expected all placeholders among the inputs, got none for {}", listed(placeholders.iter().map(|site| &*site.node), placeholders.len()))]
    NotFed {
        /// All of them.
        placeholders: Vec<Site>,
    },

    /// An option names the axis of an input that there is not.
    #[error("option for axis {axis} of `{input}`: expected an axis of an input, got one of none")]
    Axis {
        /// The input.
        input: String,
        /// The axis.
        axis: usize,
    },

    /// The arrays are more than a message holds.
    #[error("expected constants and variables of at most {most} bytes in one file, got {found}")]
    TooLarge {
        /// The most bytes.
        most: usize,
        /// How many there are.
        found: usize,
    },

    /// Functions call each other so often that the model is larger than any file.
    #[error("expected a model of at most {most} nodes, got more")]
    TooManyNodes {
        /// How many there may be.
        most: usize,
    },

    /// The graph has a fault, or a tensor belongs to another one.
    #[error(transparent)]
    Build(#[from] crate::Error),
}

crate::io::error_of_its_own!(OnnxExportError);

impl From<WalkError> for OnnxExportError {
    fn from(error: WalkError) -> Self {
        match error {
            WalkError::Error(error) => error.into(),
            WalkError::TooLarge { most } => OnnxExportError::TooManyNodes { most },
        }
    }
}
