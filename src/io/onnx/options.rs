//! [`ImportOptions`]: what is made of inputs and initializers, and which ops are added.

use std::collections::BTreeMap;
use std::fmt;

use super::node::At;
use crate::element::Value;
use crate::graph::{AnyTensor, Graph};
use crate::quote::quoted;
use crate::shape::Shape;

/// Builds the nodes of an op that is added.
type Build<'o> = dyn for<'a, 'g> Fn(&CustomNode<'a, 'g>) -> Result<Vec<AnyTensor<'g>>, String> + 'o;

/// Whether an initializer is to be trained.
type Choose<'o> = dyn Fn(&str) -> bool + 'o;

/// How a model is imported.
///
/// ```
/// use flowgrad::io::onnx::ImportOptions;
/// let options = ImportOptions::new()
///     .prefix("encoder")
///     .length("batch", 1)
///     .trainable(|name| name.ends_with("weight"))
///     .custom("com.example", "Double", |node| Ok(vec![node.input(0)? * 2.0]));
/// ```
#[derive(Default)]
#[must_use]
pub struct ImportOptions<'o> {
    pub(super) prefix: Option<String>,
    pub(super) bound: BTreeMap<String, Value>,
    pub(super) shapes: BTreeMap<String, Shape>,
    pub(super) lengths: BTreeMap<String, usize>,
    trainable: Option<Box<Choose<'o>>>,
    /// Of each op the domain and the name.
    custom: Vec<(String, String, Box<Build<'o>>)>,
}

impl fmt::Debug for ImportOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let custom: Vec<_> = self.custom.iter().map(|(domain, op, _)| (domain, op)).collect();
        f.debug_struct("ImportOptions")
            .field("prefix", &self.prefix)
            .field("bound", &self.bound)
            .field("shapes", &self.shapes)
            .field("lengths", &self.lengths)
            .field("custom", &custom)
            .finish_non_exhaustive()
    }
}

impl<'o> ImportOptions<'o> {
    /// Inputs are fed, and initializers are constants.
    pub fn new() -> Self {
        ImportOptions::default()
    }

    /// Nodes and variables stand in a name scope.
    pub fn prefix(mut self, name: &str) -> Self {
        self.prefix = Some(name.to_owned());
        self
    }

    /// An input that always has this value, and is not fed: one that shapes are made of, such as that of `Reshape`.
    pub fn bind(mut self, input: &str, value: impl Into<Value>) -> Self {
        self.bound.insert(input.to_owned(), value.into());
        self
    }

    /// The shape of an input, in place of the one that the file has.
    pub fn shape(mut self, input: &str, shape: impl Into<Shape>) -> Self {
        self.shapes.insert(input.to_owned(), shape.into());
        self
    }

    /// The length of all axes of inputs that the file gives this name, which are else known when they are fed.
    pub fn length(mut self, axis: &str, length: usize) -> Self {
        self.lengths.insert(axis.to_owned(), length);
        self
    }

    /// The initializers that become variables which optimizers may change, by their names: those of floats for which
    /// `choose` holds. All others are constants.
    pub fn trainable(mut self, choose: impl Fn(&str) -> bool + 'o) -> Self {
        self.trainable = Some(Box::new(choose));
        self
    }

    /// Adds an op, or replaces one. The domain of ONNX's own ops is `""`. A message of the closure is an error of the
    /// node. The closure is called for a graph that is thrown away first, and then for the one that is imported into.
    pub fn custom(
        mut self,
        domain: &str,
        op: &str,
        build: impl for<'a, 'g> Fn(&CustomNode<'a, 'g>) -> Result<Vec<AnyTensor<'g>>, String> + 'o,
    ) -> Self {
        let domain = super::scope::domain(domain);
        self.custom.push((domain.to_owned(), op.to_owned(), Box::new(build)));
        self
    }

    pub(super) fn is_trainable(&self, name: &str) -> bool {
        self.trainable.as_ref().is_some_and(|choose| choose(name))
    }

    pub(super) fn custom_op(&self, domain: &str, op: &str) -> Option<&Build<'o>> {
        let found = self.custom.iter().rev().find(|(of, name, _)| of == domain && name == op);
        found.map(|(_, _, build)| &**build)
    }
}

/// A node of an op that [`ImportOptions::custom`] adds.
#[derive(Clone, Copy)]
pub struct CustomNode<'a, 'g>(&'a At<'a, 'g>);

impl fmt::Debug for CustomNode<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomNode").field("name", &self.name()).finish_non_exhaustive()
    }
}

impl<'a, 'g> CustomNode<'a, 'g> {
    pub(super) fn new(at: &'a At<'a, 'g>) -> Self {
        CustomNode(at)
    }

    /// The graph to build in.
    pub fn graph(&self) -> &'g Graph {
        self.0.graph
    }

    /// The node's name.
    pub fn name(&self) -> &'a str {
        &self.0.node.name
    }

    /// The version of the set of ops that the op is of.
    pub fn version(&self) -> i64 {
        self.0.version
    }

    /// An input.
    ///
    /// # Errors
    /// There is none, which says how many there are.
    pub fn input(&self, index: usize) -> Result<AnyTensor<'g>, String> {
        self.0
            .optional(index)
            .ok_or_else(|| format!("expected an input {index}, got {} inputs", self.0.inputs().len()))
    }

    /// All inputs, `None` for optional ones that lack.
    pub fn inputs(&self) -> Vec<Option<AnyTensor<'g>>> {
        (0..self.0.inputs().len()).map(|index| self.0.optional(index)).collect()
    }

    /// The value of an input, if it is known while importing.
    pub fn value(&self, index: usize) -> Option<&'a Value> {
        self.0.optional_item(index)?.known_value().map(|value| &**value)
    }

    /// The number of outputs that the node has.
    pub fn outputs(&self) -> usize {
        self.0.node.output.len()
    }

    /// An attribute that is an integer, or the default.
    pub fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |attribute| attribute.i)
    }

    /// An attribute that is a float, or the default.
    pub fn float(&self, name: &str, default: f32) -> f32 {
        self.attribute(name).map_or(default, |attribute| attribute.f)
    }

    /// An attribute that is a text.
    ///
    /// # Errors
    /// There is none.
    pub fn text(&self, name: &str) -> Result<String, String> {
        let found = self.attribute(name).map(|attribute| String::from_utf8_lossy(&attribute.s).into_owned());
        found.ok_or_else(|| format!("expected an attribute `{}`, got none", quoted(name)))
    }

    /// An attribute that is a list of integers; none if it lacks.
    pub fn ints(&self, name: &str) -> &'a [i64] {
        self.attribute(name).map_or(&[], |attribute| &attribute.ints)
    }

    /// An attribute that is a list of floats; none if it lacks.
    pub fn floats(&self, name: &str) -> &'a [f32] {
        self.attribute(name).map_or(&[], |attribute| &attribute.floats)
    }

    fn attribute(self, name: &str) -> Option<&'a super::messages::AttributeProto> {
        self.0.node.attribute.iter().find(|attribute| attribute.name == name)
    }
}
