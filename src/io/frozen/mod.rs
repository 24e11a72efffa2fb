//! [`Frozen`]: a model as a value, with what it has learned; in one file, another program predicts with it without the
//! code that built it.
//!
//! # The file
//!
//! A safetensors file, whose tensors other programs read, too. Each array is a tensor: a variable under its own name, a
//! constant under its node's. The metadata holds
//!
//! | key | is |
//! |---|---|
//! | `flowgrad.frozen.version` | the version of this format, `1` |
//! | `flowgrad.frozen.graph` | the graph, as JSON |
//! | `flowgrad.crc32c` | CRC-32C of all else, 8 hexadecimal digits, as in checkpoints |
//!
//! The graph is an object of
//!
//! | entry | is |
//! |---|---|
//! | `seed` | the graph's seed, a number |
//! | `inputs` | the nodes that are fed, by their places in `nodes` |
//! | `outputs` | the tensors that are given |
//! | `nodes` | the nodes, each behind those that it uses |
//!
//! A tensor is `[node, output]`. A node is an object of `op`, `name`, `inputs` (tensors), `control` (places of nodes that
//! run before it), and `attributes`, an object of the attributes by name. An attribute is an object with one entry, its
//! kind and its value: `{"int": "-1"}`, `{"float": "0.5"}`, `{"bool": "true"}`, `{"text": "same"}`, `{"dtype": "f32"}`,
//! `{"ints": ["0", "2"]}`, `{"shape": ["?", "3"]}`, `{"axes": ["-1"]}`, `{"kept_axes": ["-1"]}`, both with `"*"` for
//! all axes, `{"list": [..]}` of attributes, and `{"group": {..}}` of attributes by name. The op `placeholder` has the
//! attributes `dtype` and `shape`; `constant` has `array`, the name of a tensor, and `shape`, if its elements are repeated
//! to one. All others are built by name, as [`registry`](crate::op::registry) lists them, or are ops that only
//! gradients are made of.
//!
//! The header is written in one way: a file whose header says the same in another way is refused as damaged, so that
//! every byte of a file counts.

mod build;
mod call;
mod error;
mod file;
mod freeze;
#[cfg(test)]
mod laws;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::graph::Graph;
use crate::graph::op::Attributes;
use crate::ir::TensorId;
use crate::op::TensorType;
use crate::{Session, Value};

pub use error::{FrozenError, FrozenFault, Lacking};

/// A part of a graph with inputs, outputs, and the values that variables had when it was taken: what
/// [`Session::freeze`] gives, and a file holds.
///
/// ```
/// use flowgrad::prelude::*;
/// use flowgrad::ndarray::{arr2, Array2};
///
/// # fn main() -> Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("model.fgm");
/// let g = Graph::new();
/// let x = g.placeholder::<f32>("x", [None, Some(4)]);
/// let probabilities = Dense::new(&g, "dense", 4, 3).call(x, Mode::Predict).softmax(-1);
/// let session = Session::new(&g)?;
/// session.freeze(&[x.any()], &[probabilities.any()])?.save(&path)?;
/// let expected = session.feed(x, &Array2::eye(4)).run(probabilities)?;
///
/// // In another program:
/// let model = Frozen::load(&path)?;
/// assert_eq!(model.inputs()[0].0, "x");
/// let found = model.call(&[Array2::<f32>::eye(4)])?;
/// assert_eq!(found, [Value::from(expected)]);
/// // Unknown lengths have stayed unknown.
/// assert_eq!(model.call(&[arr2(&[[1.0_f32, 2.0, 3.0, 4.0]])])?[0].shape(), [1, 3]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Frozen {
    model: Model,
    graph: Graph,
    session: Session,
    /// What is fed and what is given, in the graph.
    inputs: Vec<TensorId>,
    outputs: Vec<TensorId>,
}

impl Frozen {
    /// The names and types of what a call takes, in order.
    pub fn inputs(&self) -> Vec<(String, TensorType)> {
        self.named(&self.inputs)
    }

    /// The names and types of what a call gives, in order.
    pub fn outputs(&self) -> Vec<(String, TensorType)> {
        self.named(&self.outputs)
    }

    fn named(&self, tensors: &[TensorId]) -> Vec<(String, TensorType)> {
        let tensors = tensors.iter().map(|&id| self.graph.tie(id));
        tensors.map(|any| (any.name(), TensorType::new(any.dtype(), any.shape()))).collect()
    }

    /// The arrays: what variables and constants hold, by name.
    pub fn arrays(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.model.arrays.iter().map(|(name, array)| (name.as_str(), &**array))
    }

    /// The graph that was built of it: for looking at, and for drawing.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }
}

/// The place of a node among those of a model.
type Place = usize;

/// A tensor of a model: a node and one of its outputs.
type Output = (Place, u32);

/// What a file says.
#[derive(Clone, Debug, Default)]
struct Model {
    seed: u64,
    nodes: Vec<NodeDef>,
    inputs: Vec<Place>,
    outputs: Vec<Output>,
    arrays: BTreeMap<String, Arc<Value>>,
}

/// What a file says of a node.
#[derive(Clone, Debug, PartialEq)]
struct NodeDef {
    op: String,
    name: String,
    /// Of nodes before this one.
    inputs: Vec<Output>,
    /// Nodes before this one that run before it.
    control: Vec<Place>,
    attributes: Attributes,
}

/// The most nodes, and outputs of all nodes, that a model has: more than a file of 100 MB can tell of, and less than
/// functions come to that call each other over and over, or nodes that cut tensors into thousands of parts.
const MAX_NODES: usize = 1 << 20;

/// The op of what is fed, and its attributes.
const PLACEHOLDER: &str = "placeholder";
const DTYPE: &str = "dtype";
const SHAPE: &str = "shape";

/// The op of what holds an array, and the attribute that names it.
const CONSTANT: &str = "constant";
const ARRAY: &str = "array";
