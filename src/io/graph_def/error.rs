//! Why a graph is not imported.

use crate::io::Unsupported;
use crate::io::missing::listed;
use crate::io::tensor_bundle::BundleError;
use crate::quote::{self, quoted};

/// Why a graph of TensorFlow is not imported. Nothing is added to the graph then.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum GraphDefError {
    /// The bytes are no `GraphDef`.
    #[error("GraphDef: expected a GraphDef of TensorFlow, got {length} bytes that are none: {reason}")]
    Decode {
        /// How many bytes there are.
        length: usize,
        /// What is wrong with them.
        reason: String,
    },

    /// The graph is for a later version of TensorFlow than is understood.
    #[error("GraphDef: expected a graph for consumers of version {most} at most, got one for {found}")]
    Version {
        /// The latest that is understood.
        most: i32,
        /// What the graph needs.
        found: i32,
    },

    /// More nodes, counting those of functions for each call.
    #[error("GraphDef: expected at most {most} nodes, those of functions counted for each call, got more")]
    TooLarge {
        /// How many there may be.
        most: usize,
    },

    /// A node says something that is no graph: an input that there is not, a constant that contradicts itself.
    #[error("GraphDef: node `{}`: expected {expected}, got {found}", quoted(node))]
    Node {
        /// The node.
        node: String,
        /// What it needs.
        expected: String,
        /// What it has.
        found: String,
    },

    /// Nodes that need each other.
    #[error("GraphDef: expected nodes that do not need themselves, got a cycle of {}", cycle(nodes))]
    Cycle {
        /// Each needs the next, and the last the first.
        nodes: Vec<String>,
    },

    /// Ops, attributes and element types that are not supported: all of them.
    #[error("GraphDef: expected ops that can be imported, got {} that cannot:{}", all.len(), listed(all))]
    Unsupported {
        /// What is not supported, with the nodes that need it.
        all: Vec<Unsupported>,
    },

    /// An option names a node that there is not.
    #[error("GraphDef: expected nodes of the graph in the options, got `{}`", quoted(name))]
    NoSuchNode {
        /// The name.
        name: String,
    },

    /// A checkpoint cannot be read or written.
    #[error(transparent)]
    Checkpoint(#[from] BundleError),

    /// Variables that have no value in the checkpoint, or another one than they take: all of them.
    #[error("GraphDef: expected the values of all variables, got {} without one:{}", all.len(), listed(all))]
    NotRestored {
        /// The variables.
        all: Vec<Unsupported>,
    },

    /// The graph that it is imported into has a variable of that name.
    #[error(
        "GraphDef: expected names of variables that are free, got `{}`; import under a prefix",
        quoted(name)
    )]
    NameTaken {
        /// The name.
        name: String,
    },

    /// The ops do not go together: a build error, which names the node.
    #[error("GraphDef: {0}")]
    Build(#[from] crate::Error),
}

/// The nodes of a cycle, each needing the next.
fn cycle(nodes: &[String]) -> String {
    quote::list::listed(nodes.iter().map(String::as_str), nodes.len())
}

crate::io::error_of_its_own!(GraphDefError);
