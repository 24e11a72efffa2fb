//! [`Operation`]: a node that is run for its effect.

use super::AnyTensor;

/// A `Copy` handle to a node that is run for its effect: an assignment, a group, the initializer,
/// or any tensor whose value is not wanted ([`Tensor::op`](super::Tensor::op)).
#[derive(Clone, Copy, Debug)]
pub struct Operation<'g> {
    pub(crate) any: AnyTensor<'g>,
}

impl Operation<'_> {
    /// The node's name.
    pub fn name(&self) -> String {
        self.any.name()
    }

    /// Gives the node another name, inside the current scope; a name taken becomes `n_1`.
    pub fn named(self, name: &str) -> Self {
        self.any.rename(name);
        self
    }
}
