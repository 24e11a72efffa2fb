//! Graphs as `TensorBoard` draws them: one `NodeDef` a node, grouped by the scopes in the names.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::proto::DataType;
use crate::io::tensorflow::{Attr, AttrValue, GraphDef, ListValue, NodeDef, TensorShapeProto, legal_name};
use crate::{DType, Graph, NodeInfo};

impl GraphDef {
    /// Every node with its op, the names of its inputs, and as attributes the element type and shape of its value,
    /// what its op adds, and the line that built it.
    pub(super) fn of(graph: &Graph) -> Self {
        // A call stands for what is inside of its function.
        let mut nodes = graph.nodes();
        nodes.retain(|node| node.function.is_none());
        let names = legal_names(&nodes);
        let name = |name: &String| names.get(name.as_str()).cloned();
        // Another output than the first of a node is `node:1`.
        let input = |input: &String| {
            let of_several = || {
                let (node, output) = input.rsplit_once(':')?;
                Some(format!("{}:{output}", names.get(node)?))
            };
            name(input).or_else(of_several)
        };
        let node_def = |node: &NodeInfo| NodeDef {
            name: name(&node.name).unwrap_or_default(),
            op: op_name(node.op).to_owned(),
            input: (node.inputs.iter().filter_map(input))
                .chain(node.control_inputs.iter().filter_map(name).map(|name| format!("^{name}")))
                .collect(),
            attr: attributes(node),
        };
        GraphDef { node: nodes.iter().map(node_def).collect(), ..GraphDef::default() }
    }
}

/// An op as it is named here, but for constants: `TensorBoard` draws a `Const`, which is their name in TensorFlow,
/// as a dot beside what reads it, and any other op as a node.
fn op_name(op: &str) -> &str {
    if op == "constant" { "Const" } else { op }
}

fn attributes(node: &NodeInfo) -> BTreeMap<String, AttrValue> {
    let text = |text: String| Attr::Bytes(text.into_bytes());
    let mut attributes = vec![
        ("T", Attr::Type(data_type(node.outputs[0].dtype).into())),
        (
            "_output_shapes",
            Attr::List(ListValue {
                shape: node.outputs.iter().map(|output| TensorShapeProto::of(&output.shape)).collect(),
                ..ListValue::default()
            }),
        ),
        ("built_at", text(node.location.to_string())),
    ];
    if !node.attributes.is_empty() {
        attributes.push(("attributes", text(node.attributes.to_string())));
    }
    attributes.into_iter().map(|(key, value)| (key.to_owned(), AttrValue { value: Some(value) })).collect()
}

fn data_type(dtype: DType) -> DataType {
    match dtype {
        DType::F32 => DataType::Float,
        DType::F64 => DataType::Double,
        DType::I32 => DataType::Int32,
        DType::I64 => DataType::Int64,
        DType::Bool => DataType::Bool,
    }
}

/// Each node's name as it may stand in a `GraphDef`, unique as the names of the graph are.
fn legal_names(nodes: &[NodeInfo]) -> HashMap<&str, String> {
    let mut taken: HashSet<String> = nodes.iter().map(|node| node.name.clone()).collect();
    let mut unique = |node: &NodeInfo| {
        let mut name = legal_name(&node.name);
        while name != node.name && !taken.insert(name.clone()) {
            name.push('_');
        }
        name
    };
    nodes.iter().map(|node| (node.name.as_str(), unique(node))).collect()
}
