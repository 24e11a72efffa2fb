//! [`ExportOptions`]: what a model is called by, and what it changes.

use std::collections::BTreeMap;

use crate::graph::{AnyTensor, Operation};

/// How a part of a graph is exported.
///
/// ```
/// use flowgrad::io::onnx::ExportOptions;
/// let options = ExportOptions::new().axis("images", 0, "batch").axis("labels", 0, "batch");
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ExportOptions<'g> {
    pub(super) axes: BTreeMap<(String, usize), String>,
    pub(super) updates: Vec<AnyTensor<'g>>,
}

impl<'g> ExportOptions<'g> {
    /// Lengths that are not known are named after their inputs.
    pub fn new() -> Self {
        ExportOptions::default()
    }

    /// The name of the length of an input's axis, which is not known: `images_0` unless it is given one. Axes that are given
    /// one name are of one length.
    pub fn axis(mut self, input: &str, axis: usize, name: &str) -> Self {
        self.axes.insert((input.to_owned(), axis), name.to_owned());
        self
    }

    /// Exports what an operation assigns, as a step of training does, beside the outputs.
    pub fn updates(mut self, operation: Operation<'g>) -> Self {
        self.updates.push(operation.any);
        self
    }
}
