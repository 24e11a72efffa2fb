//! The graph as text: one line a node, stable from run to run, and as a DOT drawing.

use std::fmt::{self, Write};

use petgraph::dot::{Config, Dot};
use petgraph::visit::EdgeRef as _;

use super::walk::{Edge, EdgeTo};
use super::{Arena, BodyId, Graph, Node, NodeId, Role, TensorId, VariableId, Walk};
use crate::ir::Named;

impl Named for Arena {
    fn node_name(&self, id: NodeId) -> &str {
        &self.node(id).name
    }

    fn variable_name(&self, id: VariableId) -> &str {
        &self.variables[id.index()].name
    }
}

/// A tensor: `%id` for the first output of a node, `%id:1` for the second.
fn tensor(TensorId { node, output }: TensorId) -> String {
    match output {
        0 => format!("%{}", node.0),
        _ => format!("%{}:{output}", node.0),
    }
}

/// One line: id, op, name, inputs, attributes, type.
fn write_node(f: &mut impl Write, index: usize, node: &Node) -> fmt::Result {
    let inputs = node.inputs.iter().copied().map(tensor).collect::<Vec<_>>().join(", ");
    write!(f, "%{index} = {}({inputs})", node.op.name())?;
    let attributes = node.op.attributes();
    if !attributes.is_empty() {
        write!(f, " [{attributes}]")?;
    }
    if !node.control.is_empty() {
        let control = node.control.iter().map(|id| format!("%{}", id.0)).collect::<Vec<_>>().join(", ");
        write!(f, " after {control}")?;
    }
    match node.fault {
        None => write!(f, " : {}", types(node))?,
        Some(_) => write!(f, " : invalid")?,
    }
    writeln!(f, "  \"{}\"", node.name)
}

/// A function: its parameters, captures and results, and its nodes.
pub(super) fn write_body(f: &mut impl Write, arena: &Arena, id: BodyId) -> fmt::Result {
    let body = arena.body(id);
    let typed = |id: &TensorId| format!("{}: {}", tensor(*id), arena.tensor(*id));
    let list = |ids: &[TensorId], one: &dyn Fn(&TensorId) -> String| {
        ids.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    write!(f, "function `{}`({})", body.name, list(&body.parameters, &typed))?;
    if !body.captures.is_empty() {
        write!(f, " of {}", list(&body.captures, &typed))?;
    }
    writeln!(f, " -> {}", list(&body.results, &|&id| tensor(id)))?;
    let inside = body.nodes.iter().filter(|&&id| arena.node(id).role != Role::Parameter);
    inside.into_iter().try_for_each(|&id| {
        f.write_str("  ")?;
        write_node(f, id.index(), arena.node(id))
    })
}

/// The types of a node's outputs.
fn types(node: &Node) -> String {
    node.outputs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The text form: one line a node in the order of building, `%id = op(inputs) [attributes] : types  "name"`. An
/// input is the first output of a node, `%id`, or another one, `%id:1`. Functions
/// stand behind, each with the nodes of its body.
impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arena = self.shared().snapshot();
        let outside = arena.nodes.iter().enumerate().filter(|(_, node)| node.body.is_none());
        outside.into_iter().try_for_each(|(index, node)| write_node(f, index, node))?;
        (0..arena.bodies.len()).try_for_each(|index| write_body(f, &arena, BodyId(index as u32)))
    }
}

impl Graph {
    /// The graph in Graphviz's DOT language; dashed edges are control dependencies.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let _ = g.constant(1.0) + 2.0;
    /// assert!(g.to_dot().starts_with("digraph"));
    /// ```
    pub fn to_dot(&self) -> String {
        let arena = self.shared().snapshot();
        let edge = |_, edge: EdgeTo| match edge.weight() {
            Edge::Value(0) => String::new(),
            // Another output than the first, as in the tensor's name.
            Edge::Value(output) => format!("label = \":{output}\""),
            Edge::Order => "style = dashed".to_owned(),
        };
        let node = |_, (_, node): (u32, &Node)| {
            let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
            let label = format!("{}\\n{} {}", quoted(&node.name), node.op.name(), types(node));
            format!("shape = box label = \"{label}\"")
        };
        let config = [Config::NodeNoLabel, Config::EdgeNoLabel];
        let dot = Dot::with_attr_getters(Walk::all(&arena), &config, &edge, &node);
        format!("{dot:?}")
    }
}
