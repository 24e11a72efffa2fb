//! [`Detached`]: a tensor without the lifetime of its graph, for plain values that may outlive it.

use super::{AnyTensor, Graph};
use crate::ir::TensorId;

/// What a plain value, such as an optimizer, keeps of a tensor: which one of which graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Detached {
    graph: u64,
    tensor: TensorId,
}

impl AnyTensor<'_> {
    /// The tensor, to be [attached](Graph::attached) to its graph again.
    pub(crate) fn detached(self) -> Detached {
        Detached { graph: self.graph().shared().id, tensor: self.id() }
    }
}

impl Graph {
    /// The tensor, if it is one of this graph.
    pub(crate) fn attached(&self, Detached { graph, tensor }: Detached) -> Option<AnyTensor<'_>> {
        (graph == self.shared().id).then(|| self.tie(tensor))
    }
}
