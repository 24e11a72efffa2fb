//! [`ImportOptions`]: what an import is told beside the file.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::nodes::Node;
use super::tensor;
use crate::element::with_element;
use crate::graph::op::Attribute;
use crate::graph::{AnyTensor, Graph};
use crate::io::tensorflow::Attr;
use crate::shape::Shape;

/// What builds the nodes of an op.
type Build = dyn for<'a> Fn(&'a Graph, &CustomNode<'_>, &[AnyTensor<'a>]) -> Vec<AnyTensor<'a>> + Send + Sync;

/// What an [`import`](super::import) is told beside the file.
///
/// ```
/// use flowgrad::io::graph_def::{ImportOptions, import};
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let options = ImportOptions::new()
///     .prefix("teacher")
///     .shape("x", [None, Some(784)])
///     .custom("Cube", |_, _, inputs| vec![inputs[0] * inputs[0] * inputs[0]]);
/// let nothing = import(&g, &[], &options);
/// assert!(nothing.unwrap_err().to_string().contains("`x`"));
/// ```
#[derive(Clone, Default)]
pub struct ImportOptions<'g> {
    pub(super) prefix: String,
    pub(super) inputs: BTreeMap<String, AnyTensor<'g>>,
    pub(super) shapes: BTreeMap<String, Shape>,
    pub(super) custom: BTreeMap<String, Arc<Build>>,
    pub(super) outputs: Option<Vec<String>>,
    pub(super) widen: bool,
    pub(crate) checkpoint: Option<PathBuf>,
}

impl fmt::Debug for ImportOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportOptions")
            .field("prefix", &self.prefix)
            .field("inputs", &self.inputs)
            .field("shapes", &self.shapes)
            .field("custom", &self.custom.keys())
            .field("outputs", &self.outputs)
            .field("widen", &self.widen)
            .field("checkpoint", &self.checkpoint)
            .finish()
    }
}

impl<'g> ImportOptions<'g> {
    /// Imports all nodes, under their own names.
    pub fn new() -> Self {
        ImportOptions::default()
    }

    /// Imports under this scope of names.
    #[must_use]
    pub fn prefix(mut self, scope: &str) -> Self {
        scope.clone_into(&mut self.prefix);
        self
    }

    /// Uses a tensor of the graph in place of a node's first output: what a placeholder would be fed.
    #[must_use]
    pub fn input(mut self, node: &str, tensor: impl Into<AnyTensor<'g>>) -> Self {
        self.inputs.insert(node.to_owned(), tensor.into());
        self
    }

    /// Gives a placeholder this shape, of which the file may know less.
    #[must_use]
    pub fn shape(mut self, placeholder: &str, shape: impl Into<Shape>) -> Self {
        self.shapes.insert(placeholder.to_owned(), shape.into());
        self
    }

    /// Imports these nodes, and what they need, alone: `node` or `node:1`.
    #[must_use]
    pub fn outputs<N: Into<String>>(mut self, nodes: impl IntoIterator<Item = N>) -> Self {
        self.outputs = Some(nodes.into_iter().map(Into::into).collect());
        self
    }

    /// Imports these nodes as well, where not all are imported.
    pub(crate) fn and_outputs(mut self, nodes: impl IntoIterator<Item = String>) -> Self {
        self.outputs.get_or_insert_default().extend(nodes);
        self
    }

    /// Builds all nodes of an op by this: of the graph, the node and its inputs, the outputs. It goes before what is
    /// supported under that name. It may be called more than once for a node, with other graphs as well, in which it is
    /// tried whether the import succeeds.
    #[must_use]
    pub fn custom(
        mut self,
        op: &str,
        build: impl for<'a> Fn(&'a Graph, &CustomNode<'_>, &[AnyTensor<'a>]) -> Vec<AnyTensor<'a>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.custom.insert(op.to_owned(), Arc::new(build));
        self
    }

    /// Takes constants of narrower elements, which are held exactly: half, bfloat16 and floats of 8 bits as `f32`, (u)int8
    /// and (u)int16 as `i32`, uint32 as `i64`, and uint64, if all are below 2⁶³. What is computed of them is then rounded
    /// as these are.
    #[must_use]
    pub fn widen(self) -> Self {
        ImportOptions { widen: true, ..self }
    }

    /// Variables start from their values in a checkpoint, as `Saver.restore(session, prefix)` gives them: in a graph that
    /// has a `Saver` those that it restores, in another one all.
    /// [`Imported::restore`](super::Imported::restore) gives them to a session later.
    ///
    /// ```no_run
    /// use flowgrad::io::graph_def::{ImportOptions, import};
    /// use flowgrad::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let g = Graph::new();
    /// let options = ImportOptions::new().checkpoint("model/model.ckpt-100");
    /// let model = import(&g, &std::fs::read("model/graph.pb")?, &options)?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn checkpoint(mut self, prefix: impl AsRef<Path>) -> Self {
        self.checkpoint = Some(prefix.as_ref().to_owned());
        self
    }

    /// The same for another graph: with placeholders like the inputs.
    pub(super) fn of_trial<'t>(&self, trial: &'t Graph) -> ImportOptions<'t> {
        let like = |tensor: &AnyTensor<'g>| with_element!(tensor.dtype(), T => trial.placeholder::<T>("input", tensor.shape()).any());
        ImportOptions {
            prefix: self.prefix.clone(),
            inputs: self.inputs.iter().map(|(name, tensor)| (name.clone(), like(tensor))).collect(),
            shapes: self.shapes.clone(),
            custom: self.custom.clone(),
            outputs: self.outputs.clone(),
            widen: self.widen,
            checkpoint: self.checkpoint.clone(),
        }
    }
}

/// A node for which [`ImportOptions::custom`] builds something.
#[derive(Debug)]
pub struct CustomNode<'a> {
    pub(super) node: &'a Node,
}

impl CustomNode<'_> {
    /// The node's name.
    pub fn name(&self) -> &str {
        &self.node.name
    }

    /// An attribute of the node: a number, a flag, a text, a list of numbers, an element type or a shape. None for other
    /// kinds, and if there is none of that name.
    pub fn attribute(&self, name: &str) -> Option<Attribute> {
        Some(match self.node.attr(name)? {
            Attr::Int(number) => Attribute::Int(*number),
            Attr::Float(number) => Attribute::Float(f64::from(*number)),
            Attr::Bool(flag) => Attribute::Bool(*flag),
            Attr::Bytes(text) => Attribute::Text(String::from_utf8(text.clone()).ok()?.into()),
            Attr::List(list) => Attribute::Ints(list.i.clone()),
            Attr::Type(number) => Attribute::DType(tensor::dtype(*number, true).ok()?),
            Attr::Shape(shape) => Attribute::Shape(tensor::shape(shape)?),
            Attr::Tensor(_) | Attr::Func(_) => return None,
        })
    }
}
