//! Why an ONNX model is not imported.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Fault;
use crate::io::missing::{self, Unsupported};
use crate::quote::quoted;

/// Why an ONNX model is not imported.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// A file cannot be opened or read.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        error: Arc<io::Error>,
    },

    /// The bytes are no message of ONNX.
    #[error("expected an ONNX model (a `ModelProto`), got other bytes: {reason}")]
    NotAModel {
        /// What the decoder says.
        reason: String,
    },

    /// The model contradicts itself, or what ONNX allows.
    #[error("{place}: {reason}")]
    Model {
        /// The part of the model, such as `` initializer `w` ``.
        place: String,
        /// What was expected, and what was got.
        reason: String,
    },

    /// Ops, or attributes and types of ops, that are not supported: all there are.
    #[error(
        "expected ops that can be imported, got {} that cannot; `ImportOptions::custom` adds ops:{}",
        nodes.len(),
        missing::listed(nodes)
    )]
    Unsupported {
        /// Each op and detail, with its node.
        nodes: Vec<Unsupported>,
    },

    /// Values that shapes and the like are made of, and that are known only in a run.
    #[error(
        "expected values that are known while importing, got none for{}\n`ImportOptions::bind` gives an input a value",
        needs(values)
    )]
    Unknown {
        /// What needs each value.
        values: Vec<Needed>,
    },

    /// Nodes whose inputs do not go together.
    #[error("expected nodes that can be built, got{}", faulty(nodes))]
    Nodes {
        /// Each of them.
        nodes: Vec<FaultyNode>,
    },

    /// Something else is wrong with what was built.
    #[error(transparent)]
    Build(#[from] crate::Error),
}

/// A value that must be known while importing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Needed {
    /// The op that needs it.
    pub op: String,
    /// The node.
    pub node: String,
    /// The value's name.
    pub value: String,
}

/// A node that cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FaultyNode {
    /// The op.
    pub op: String,
    /// The node.
    pub node: String,
    /// What was expected, and what was got.
    pub reason: String,
}

fn needs(values: &[Needed]) -> String {
    let line = |it: &Needed| {
        format!("\n  `{}`, which {} (node `{}`) needs", quoted(&it.value), quoted(&it.op), quoted(&it.node))
    };
    values.iter().map(line).collect()
}

fn faulty(nodes: &[FaultyNode]) -> String {
    let line =
        |it: &FaultyNode| format!("\n  {} (node `{}`): {}", quoted(&it.op), quoted(&it.node), it.reason);
    nodes.iter().map(line).collect()
}

impl OnnxError {
    pub(super) fn model(place: impl Into<String>, reason: impl Into<String>) -> Self {
        OnnxError::Model { place: place.into(), reason: reason.into() }
    }
}

crate::io::error_of_its_own!(OnnxError);

/// Why one node is not built.
#[derive(Debug)]
pub(super) enum NodeFault {
    /// An attribute, a type or a combination that is not supported.
    Unsupported(String),
    /// The value of that name is not known.
    NotKnown(String),
    /// The node contradicts what ONNX says of its op.
    Invalid(String),
}

impl From<Fault> for NodeFault {
    fn from(fault: Fault) -> Self {
        NodeFault::Invalid(fault.to_string())
    }
}

/// What is not supported, in words.
pub(super) fn unsupported<T>(detail: impl Into<String>) -> Result<T, NodeFault> {
    Err(NodeFault::Unsupported(detail.into()))
}

/// What is wrong, in words.
pub(super) fn invalid<T>(reason: impl Into<String>) -> Result<T, NodeFault> {
    Err(NodeFault::Invalid(reason.into()))
}

/// The most nodes of each kind that an error lists.
const MOST: usize = 1000;

/// What has gone wrong so far.
#[derive(Debug, Default)]
pub(super) struct Faults {
    missing: Vec<Unsupported>,
    unknown: Vec<Needed>,
    invalid: Vec<FaultyNode>,
    /// What ends the import at once.
    fatal: Option<OnnxError>,
}

impl Faults {
    pub(super) fn missing(&mut self, op: &str, node: &str, detail: Option<String>) {
        if self.missing.len() < MOST {
            self.missing.push(Unsupported { op: op.to_owned(), node: node.to_owned(), detail });
        }
    }

    pub(super) fn node(&mut self, op: &str, node: &str, fault: NodeFault) {
        let (op, node) = (op.to_owned(), node.to_owned());
        match fault {
            NodeFault::Unsupported(detail) => self.missing(&op, &node, Some(detail)),
            NodeFault::NotKnown(value) if self.unknown.len() < MOST => {
                self.unknown.push(Needed { op, node, value });
            }
            NodeFault::Invalid(reason) if self.invalid.len() < MOST => {
                self.invalid.push(FaultyNode { op, node, reason });
            }
            NodeFault::NotKnown(_) | NodeFault::Invalid(_) => {}
        }
    }

    pub(super) fn fatal(&mut self, error: OnnxError) {
        self.fatal.get_or_insert(error);
    }

    pub(super) fn is_fatal(&self) -> bool {
        self.fatal.is_some()
    }

    /// The error that tells all, if anything has gone wrong.
    pub(super) fn into_result(self) -> Result<(), OnnxError> {
        match self {
            Faults { fatal: Some(error), .. } => Err(error),
            Faults { missing: nodes, .. } if !nodes.is_empty() => Err(OnnxError::Unsupported { nodes }),
            Faults { invalid: nodes, .. } if !nodes.is_empty() => Err(OnnxError::Nodes { nodes }),
            Faults { unknown: values, .. } if !values.is_empty() => Err(OnnxError::Unknown { values }),
            _ => Ok(()),
        }
    }
}
