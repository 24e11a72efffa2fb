//! [`Nodes`]: the nodes of a graph or of a function's body, with inputs as places among them.
//!
//! Takes messages as they are read. Gives nodes of which every input exists; whether they need themselves is found when
//! they are put in order.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};

use super::error::GraphDefError;
use super::frames::Frames;
use super::table;
use crate::io::tensorflow::{Attr, AttrValue, FunctionDef, NodeDef};

/// An output of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Port {
    pub(super) node: usize,
    pub(super) output: usize,
}

/// A node.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) op: String,
    pub(super) inputs: Vec<Port>,
    /// Nodes that run before it.
    pub(super) control: Vec<usize>,
    pub(super) attr: BTreeMap<String, AttrValue>,
}

impl Node {
    /// The value of an attribute.
    pub(super) fn attr(&self, name: &str) -> Option<&Attr> {
        self.attr.get(name)?.value.as_ref()
    }
}

/// The nodes of a graph, or of the body of a function.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    pub(super) all: Vec<Node>,
    pub(super) by_name: HashMap<String, usize>,
    /// The nodes that stand for the parameters of a function, which come first.
    pub(super) parameters: usize,
    /// What a function gives.
    pub(super) results: Vec<Port>,
    /// What a call of a function runs for its effect.
    pub(super) effects: Vec<usize>,
    frames: OnceCell<Frames>,
}

/// The op of a parameter.
pub(super) const PARAMETER: &str = "_Arg";

/// How the name of an output is read, among nodes by their names.
type PortOf = fn(&str, &HashMap<String, usize>, &[Node]) -> Option<Port>;

impl Nodes {
    /// The nodes of a graph.
    pub(super) fn of_graph(nodes: Vec<NodeDef>) -> Result<Self, GraphDefError> {
        Nodes::of(Vec::new(), nodes, port_of_graph)
    }

    /// The body of a function, and its name.
    pub(super) fn of_function(function: FunctionDef) -> Result<(String, Self), GraphDefError> {
        let signature = function.signature.unwrap_or_default();
        let parameter =
            |name: &str| Node { name: name.to_owned(), op: PARAMETER.to_owned(), ..Node::default() };
        let parameters = signature.input_arg.iter().map(|arg| parameter(&arg.name)).collect();
        let mut nodes = Nodes::of(parameters, function.node_def, port_of_function)?;
        let refuse = |expected: &str, found: &str| {
            let node = signature.name.clone();
            GraphDefError::Node {
                node,
                expected: expected.to_owned(),
                found: format!("`{}`", crate::quote::quoted(found)),
            }
        };
        for result in &signature.output_arg {
            let port = function
                .ret
                .get(&result.name)
                .ok_or_else(|| refuse("a result of each name", &result.name))?;
            let found = port_of_function(port, &nodes.by_name, &nodes.all);
            let port = found.ok_or_else(|| refuse("results that its nodes give", port))?;
            nodes.results.push(port);
        }
        for effect in function.control_ret.values() {
            let node = nodes.by_name.get(effect).copied();
            nodes.effects.push(node.ok_or_else(|| refuse("effects of its nodes", effect))?);
        }
        nodes.effects.sort_unstable();
        Ok((signature.name, nodes))
    }

    fn of(mut all: Vec<Node>, nodes: Vec<NodeDef>, port: PortOf) -> Result<Self, GraphDefError> {
        let parameters = all.len();
        let mut inputs = Vec::with_capacity(nodes.len());
        for node in nodes {
            inputs.push(node.input);
            all.push(Node { name: node.name, op: node.op, attr: node.attr, ..Node::default() });
        }
        let mut by_name = HashMap::with_capacity(all.len());
        for (place, node) in all.iter().enumerate() {
            if by_name.insert(node.name.clone(), place).is_some() {
                let (node, expected) = (node.name.clone(), "a name of its own".to_owned());
                return Err(GraphDefError::Node {
                    node,
                    expected,
                    found: "a second node of the name".to_owned(),
                });
            }
        }
        for (place, inputs) in inputs.into_iter().enumerate() {
            let place = place + parameters;
            for input in inputs {
                let lacking = || GraphDefError::Node {
                    node: all[place].name.clone(),
                    expected: "inputs that nodes of the graph give".to_owned(),
                    found: format!("`{}`", crate::quote::quoted(&input)),
                };
                if let Some(control) = input.strip_prefix('^') {
                    let control = by_name.get(control).copied().ok_or_else(lacking)?;
                    all[place].control.push(control);
                } else {
                    let port = port(&input, &by_name, &all).ok_or_else(lacking)?;
                    all[place].inputs.push(port);
                }
            }
        }
        Ok(Nodes { all, by_name, parameters, ..Nodes::default() })
    }

    /// Which nodes belong to loops and branches.
    pub(super) fn frames(&self) -> &Frames {
        self.frames.get_or_init(|| Frames::of(self))
    }
}

/// The most outputs that a node has.
const MAX_OUTPUTS: usize = 1 << 16;

/// `node` or `node:1`.
pub(super) fn port_of_graph(input: &str, by_name: &HashMap<String, usize>, _: &[Node]) -> Option<Port> {
    let (name, output) = match input.rsplit_once(':') {
        Some((name, output)) => (name, output.parse().ok()?),
        None => (input, 0),
    };
    (output < MAX_OUTPUTS).then_some(Port { node: *by_name.get(name)?, output })
}

/// `parameter`, or `node:name of outputs:1`, of which the op says what stands before those of the name.
fn port_of_function(input: &str, by_name: &HashMap<String, usize>, nodes: &[Node]) -> Option<Port> {
    let mut parts = input.split(':');
    let node = *by_name.get(parts.next()?)?;
    let Some(name) = parts.next() else { return Some(Port { node, output: 0 }) };
    let index: usize = parts.next().map_or(Some(0), |index| index.parse().ok())?;
    let before = table::outputs(&nodes.get(node)?.op).iter().position(|output| *output == name).unwrap_or(0);
    let output = before.checked_add(index).filter(|&output| output < MAX_OUTPUTS)?;
    Some(Port { node, output })
}
