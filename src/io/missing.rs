//! [`Missing`]: ops and attributes that an importer or an exporter does not support, collected so that one error tells them
//! all.

use std::fmt;

use crate::quote::quoted;

/// What is not supported of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsupported {
    /// The op, as the file that is read names it, or the graph that is written.
    pub op: String,
    /// The node.
    pub node: String,
    /// What of the op is not supported; `None` for all of it.
    pub detail: Option<String>,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (node `{}`)", quoted(&self.op), quoted(&self.node))?;
        self.detail.as_ref().map_or(Ok(()), |detail| write!(f, ": {detail}"))
    }
}

/// All that is not supported, in the order in which it was met.
#[derive(Debug, Default)]
pub(crate) struct Missing(Vec<Unsupported>);

impl Missing {
    /// An op that is not supported.
    pub(crate) fn op(&mut self, op: &str, node: &str) {
        self.0.push(Unsupported { op: op.to_owned(), node: node.to_owned(), detail: None });
    }

    /// Something of an op that is not supported.
    pub(crate) fn detail(&mut self, op: &str, node: &str, detail: impl Into<String>) {
        self.0.push(Unsupported { op: op.to_owned(), node: node.to_owned(), detail: Some(detail.into()) });
    }

    /// All of it, if there is any.
    pub(crate) fn into_all(self) -> Option<Vec<Unsupported>> {
        if self.0.is_empty() { None } else { Some(self.0) }
    }
}

/// One line for each.
pub(crate) fn listed(all: &[Unsupported]) -> String {
    all.iter().fold(String::new(), |lines, one| lines + "\n  " + &one.to_string())
}
