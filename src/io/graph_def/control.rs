//! Conditionals and loops that are written as `Switch`, `Merge`, `Enter`, `Exit` and `NextIteration`.

use super::build::{Importer, Scope};
use super::error::GraphDefError;
use super::nodes::Nodes;
use super::value::Val;

/// The nodes that an import builds where it is asked for all.
pub(super) fn roots(nodes: &Nodes) -> Vec<usize> {
    (0..nodes.all.len()).collect()
}

/// What a node needs before it is built.
pub(super) fn needs(scope: &Scope<'_, '_>, place: usize) -> Vec<usize> {
    let Some(node) = scope.nodes.all.get(place) else { return Vec::new() };
    let inputs = node.inputs.iter().filter(|port| scope.value(**port).is_none()).map(|port| port.node);
    inputs.chain(node.control.iter().copied()).collect()
}

/// The outputs of a node that belongs to a conditional or a loop.
pub(super) fn built<'g>(
    _: &Importer<'_, 'g>,
    _: &Scope<'_, 'g>,
    _: usize,
) -> Result<Option<Vec<Val<'g>>>, GraphDefError> {
    Ok(None)
}
