//! [`NodeInfo`]: what there is to tell of a node, for tools that list, draw or export graphs.

use std::panic::Location;

use super::{Arena, Graph, Node};
use crate::graph::op::Attributes;
use crate::shape::TensorType;

/// A node as [`Graph::nodes`] lists it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NodeInfo {
    /// The unique name, scopes included.
    pub name: String,
    /// The op's name.
    pub op: &'static str,
    /// The op's attributes.
    pub attributes: Attributes,
    /// The names of the tensors that it takes, in order: `node` for the first output of a node, `node:1` for the second.
    pub inputs: Vec<String>,
    /// The names of the nodes that run before it although it does not take their values.
    pub control_inputs: Vec<String>,
    /// The element type and shape of each of its outputs; there is one at least.
    pub outputs: Vec<TensorType>,
    /// The function to whose body it belongs, if it does to one.
    pub function: Option<String>,
    /// The line that built it.
    pub location: &'static Location<'static>,
}

impl NodeInfo {
    fn of(arena: &Arena, node: &Node) -> Self {
        NodeInfo {
            name: node.name.to_string(),
            op: node.op.name(),
            attributes: node.op.attributes(),
            inputs: node.inputs.iter().map(|&input| arena.tensor_name(input)).collect(),
            control_inputs: node.control.iter().map(|&id| arena.node(id).name.to_string()).collect(),
            outputs: node.outputs.to_vec(),
            function: node.body.map(|body| arena.body(body).name.clone()),
            location: node.location,
        }
    }
}

impl Graph {
    /// All nodes, in the order in which they were built: each behind those that it takes values of.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [None]);
    /// let _ = (x + x).named("y");
    /// let nodes = g.nodes();
    /// let y = &nodes[1];
    /// assert_eq!((y.name.as_str(), y.op, y.inputs.as_slice()), ("y", "add", &["x".into(), "x".into()][..]));
    /// ```
    pub fn nodes(&self) -> Vec<NodeInfo> {
        let arena = self.shared().snapshot();
        arena.nodes.iter().map(|node| NodeInfo::of(&arena, node)).collect()
    }
}
