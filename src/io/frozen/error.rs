//! Why a model cannot be frozen, written, read or called.

use std::fmt;
use std::panic::Location;
use std::path::PathBuf;

use crate::error::Site;
use crate::io::checkpoint::FileFault;
use crate::quote::quoted;

/// Why a model cannot be frozen, saved, loaded or called.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FrozenError {
    /// A file cannot be written, or what was read of it is no model.
    #[error("frozen model `{}`: {fault}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: FrozenFault,
    },

    /// The model is made of ops that cannot be built by name: custom ops, closures, and ops of another release.
    #[error("expected ops that are built by name, got {}{}", listed(ops), remedy(ops))]
    Ops {
        /// All of them, each once, with the first node of each.
        ops: Vec<Lacking>,
    },

    /// The model needs placeholders that are not among its inputs.
    #[error("expected all placeholders among the inputs, got none for {}", listed(placeholders))]
    NotFed {
        /// All of them.
        placeholders: Vec<Site>,
    },

    /// The model changes a variable.
    #[error("expected a model that changes no variable, got {site}; freeze what predicts, not what trains")]
    Assigns {
        /// What changes it.
        site: Site,
    },

    /// The model has a conditional or a loop, for which the format has no nodes yet.
    #[error("expected a model without conditionals and loops, got {site}; freeze what is around it")]
    Control {
        /// The conditional or the loop.
        site: Site,
    },

    /// The model is larger than what is frozen: it calls functions that call each other too often.
    #[error("expected a model of at most {most} nodes, got more")]
    TooLarge {
        /// How many there may be.
        most: usize,
    },

    /// A call is given another number of arrays than the model takes.
    #[error("expected {expected} inputs, got {found}")]
    InputCount {
        /// How many the model takes.
        expected: usize,
        /// How many it was given.
        found: usize,
    },

    /// Building or running the model failed.
    #[error(transparent)]
    Run(#[from] crate::Error),
}

/// An op that cannot be built by name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lacking {
    /// The op.
    pub op: String,
    /// The first node of it.
    pub node: String,
    /// File and line of the caller that built the node; `None` for a model that was read from a file.
    pub location: Option<&'static Location<'static>>,
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.location {
            Some(location) => {
                write!(f, "`{}` ({}) built at {location}", quoted(&self.node), quoted(&self.op))
            }
            None => write!(f, "`{}` (node `{}`)", quoted(&self.op), quoted(&self.node)),
        }
    }
}

/// What to do about ops that lack, where the model is made and where it is read.
fn remedy(ops: &[Lacking]) -> &'static str {
    if ops.iter().all(|op| op.location.is_some()) {
        "; a file holds no code of custom ops and closures: express what they do by methods of tensors, or make their \
         results inputs of the model"
    } else {
        "; this program's release of flowgrad does not have them: load the model with the release that froze it, or a later \
         one"
    }
}

/// What is wrong with the file of a frozen model.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrozenFault {
    /// The file as such: it cannot be read or written, has another version, or is damaged.
    #[error("{0}")]
    File(FileFault),

    /// Another program wrote it, or it is something else that flowgrad writes.
    #[error("expected a model that `Session::freeze` made, got metadata without `{key}`")]
    Foreign {
        /// What the metadata of every frozen model has.
        key: &'static str,
    },

    /// The header says what was written, but not as it was written.
    #[error("expected the header that flowgrad writes for its contents, got another: the file is damaged")]
    Header,

    /// The text of the graph is not in the format.
    #[error("expected a graph in the format of version 1, got something else{}", place(node.as_ref()))]
    Graph {
        /// The place among the nodes of the one that is wrong, if it is one.
        node: Option<usize>,
    },

    /// A node uses what does not come before it, or an array that is not there.
    #[error("node `{}`: expected {expected}, got {found}", quoted(node))]
    Node {
        /// Its name.
        node: String,
        /// What it needs.
        expected: &'static str,
        /// What there is.
        found: String,
    },
}

fn place(node: Option<&usize>) -> String {
    node.map_or(String::new(), |node| format!(" at node {node}"))
}

fn listed<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

crate::io::error_of_its_own!(FrozenError);
