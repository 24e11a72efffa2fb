//! Why a saved model is not imported.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::io::graph_def::GraphDefError;
use crate::io::tensor_bundle::BundleError;
use crate::quote::{list::listed, quoted};

/// Why a saved model of TensorFlow is not imported. Nothing is added to the graph then.
#[derive(Clone)]
pub struct SavedModelError {
    /// The folder, or the file.
    pub path: PathBuf,
    /// What is wrong.
    pub fault: SavedModelFault,
}

impl fmt::Display for SavedModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.fault)
    }
}

impl std::error::Error for SavedModelError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.fault.source()
    }
}

/// What is wrong with a saved model of TensorFlow.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SavedModelFault {
    /// A file cannot be opened or read, or there is no memory for what is in it.
    #[error("cannot be read: {0}")]
    Read(#[source] Arc<io::Error>),

    /// The folder has a model that is written as text.
    #[error("expected `saved_model.pb`, got `saved_model.pbtxt`: a model as text is not read")]
    Text,

    /// The bytes are no message.
    #[error("expected a message of TensorFlow, got {length} bytes that are none: {reason}")]
    Decode {
        /// How many bytes there are.
        length: usize,
        /// What is wrong with them.
        reason: String,
    },

    /// The file has no graph of these tags, or not one alone.
    #[error(
        "expected one graph with the tags {}, got graphs with {}",
        listed(tags.iter().map(String::as_str), tags.len()),
        quoted(found)
    )]
    Tags {
        /// What is asked for.
        tags: Vec<String>,
        /// The tags of each graph, in words.
        found: String,
    },

    /// There is no signature of that name.
    #[error(
        "expected a signature `{}`, got {}",
        quoted(name),
        listed(found.iter().map(String::as_str), found.len())
    )]
    NoSignature {
        /// The name.
        name: String,
        /// Those that there are.
        found: Vec<String>,
    },

    /// A signature names no tensor.
    #[error(
        "signature `{}`: expected a tensor of the graph as `{}`, got {}",
        quoted(signature),
        quoted(tensor),
        if name.is_empty() { "one of several parts".to_owned() } else { format!("`{}`", quoted(name)) }
    )]
    Tensor {
        /// The signature.
        signature: String,
        /// The input or output.
        tensor: String,
        /// The name that it has in the graph; empty for one of several parts, as sparse ones are.
        name: String,
    },

    /// The graph has variables, and the folder has no values for them.
    #[error("expected the values of {count} variables in `variables/variables.index`, got no such file")]
    NoVariables {
        /// How many there are.
        count: usize,
    },

    /// The values of variables cannot be read.
    #[error(transparent)]
    Variables(Box<BundleError>),

    /// The graph cannot be imported.
    #[error(transparent)]
    Graph(Box<GraphDefError>),
}

impl From<BundleError> for SavedModelFault {
    fn from(error: BundleError) -> Self {
        SavedModelFault::Variables(Box::new(error))
    }
}

impl From<GraphDefError> for SavedModelFault {
    fn from(error: GraphDefError) -> Self {
        SavedModelFault::Graph(Box::new(error))
    }
}

impl From<io::Error> for SavedModelFault {
    fn from(error: io::Error) -> Self {
        SavedModelFault::Read(Arc::new(error))
    }
}

crate::io::error_of_its_own!(SavedModelError);
