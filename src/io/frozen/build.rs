//! A model as a graph: its nodes are built by name, in order.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::Arc;

use foldhash::HashSet;

use super::error::Lacking;
use super::{
    ARRAY, CONSTANT, DTYPE, Frozen, FrozenError, FrozenFault, MAX_NODES, Model, NodeDef, PLACEHOLDER, SHAPE,
};
use crate::element::{DType, with_element};
use crate::error::Fault;
use crate::graph::op::{self, Attribute};
use crate::graph::{AnyTensor, Graph, Node};
use crate::io::export::built_in::{built_type, type_of};
use crate::ir::TensorId;
use crate::ops::definition;
use crate::shape::Shape;
use crate::{Session, Value};

/// Why no graph is made of a model.
pub(super) enum Unbuilt {
    /// The model is no model.
    Fault(FrozenFault),
    Other(FrozenError),
}

impl From<FrozenFault> for Unbuilt {
    fn from(fault: FrozenFault) -> Self {
        Unbuilt::Fault(fault)
    }
}

impl From<crate::Error> for Unbuilt {
    fn from(error: crate::Error) -> Self {
        Unbuilt::Other(error.into())
    }
}

impl From<Vec<Lacking>> for Unbuilt {
    fn from(ops: Vec<Lacking>) -> Self {
        Unbuilt::Other(FrozenError::Ops { ops })
    }
}

/// What a model's node was frozen from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    /// The type of its op.
    of: TypeId,
    location: &'static Location<'static>,
}

impl Origin {
    pub(super) fn of(node: &Node) -> Self {
        Origin { of: type_of(&*node.op), location: node.location }
    }
}

/// What each node was frozen from, where it is known.
pub(super) type Origins = Vec<Option<Origin>>;

/// Adds an op to those that lack, once.
pub(super) fn lacks(lacking: &mut Vec<Lacking>, node: &NodeDef, origin: Option<Origin>) {
    if lacking.iter().all(|known| known.op != node.op) {
        let location = origin.map(|origin| origin.location);
        lacking.push(Lacking { op: node.op.clone(), node: node.name.clone(), location });
    }
}

impl Frozen {
    /// Builds a model, attributed to a line of the caller. Ops that have the name but not the type of what the model was
    /// frozen from are other ops.
    pub(super) fn build(
        model: Model,
        origins: &Origins,
        location: &'static Location<'static>,
    ) -> Result<Self, Unbuilt> {
        let unknown = |node: &&NodeDef| !is_own(&node.op) && definition(&node.op).is_none();
        let mut lacking = Vec::new();
        model.nodes.iter().filter(unknown).for_each(|node| lacks(&mut lacking, node, None));
        if !lacking.is_empty() {
            return Err(lacking.into());
        }
        let graph = Graph::with_seed(model.seed);
        let (inputs, outputs) = {
            let built = graph.attributed(location, || built(&graph, &model, origins))?;
            let missing = |node: usize| FrozenFault::Graph { node: Some(node) };
            let tensor = |(node, output): (usize, u32)| -> Result<TensorId, FrozenFault> {
                let outputs = built.get(node).ok_or_else(|| missing(node))?;
                Ok(outputs.get(output as usize).ok_or_else(|| missing(node))?.id())
            };
            let (mut inputs, mut fed) = (Vec::new(), HashSet::default());
            for &place in &model.inputs {
                let is_placeholder = model.nodes.get(place).is_some_and(|node| node.op == PLACEHOLDER);
                let input = tensor((place, 0))?;
                if !is_placeholder || !fed.insert(place) {
                    return Err(missing(place).into());
                }
                inputs.push(input);
            }
            if let Some(place) = (0..model.nodes.len())
                .find(|place| model.nodes[*place].op == PLACEHOLDER && !fed.contains(place))
            {
                return Err(missing(place).into());
            }
            (inputs, model.outputs.iter().map(|&output| tensor(output)).collect::<Result<_, _>>()?)
        };
        graph.check()?;
        let session = Session::new(&graph)?;
        Ok(Frozen { model, graph, session, inputs, outputs })
    }
}

/// Whether an op is built by what it is and not by name.
fn is_own(op: &str) -> bool {
    op == PLACEHOLDER || op == CONSTANT
}

/// The outputs of each node.
fn built<'g>(graph: &'g Graph, model: &Model, origins: &Origins) -> Result<Vec<Vec<AnyTensor<'g>>>, Unbuilt> {
    let mut all: Vec<Vec<AnyTensor<'g>>> = Vec::new();
    let (mut lacking, mut count) = (Vec::new(), 0);
    for (place, node) in model.nodes.iter().enumerate() {
        let refuse = |expected, found| FrozenFault::Node { node: node.name.clone(), expected, found };
        let input = |&(before, output): &(usize, u32)| {
            let found = all.get(before).and_then(|outputs| outputs.get(output as usize));
            found
                .copied()
                .ok_or_else(|| refuse("an output of a node before it", format!("{before}:{output}")))
        };
        let inputs = node.inputs.iter().map(input).collect::<Result<Vec<_>, _>>()?;
        let ordered = |&before: &usize| {
            let found = all.get(before).and_then(|outputs| outputs.first());
            found.map(|any| any.op()).ok_or_else(|| refuse("a node before it", before.to_string()))
        };
        let control = node.control.iter().map(ordered).collect::<Result<Vec<_>, _>>()?;
        let outputs = graph.control_dependencies(&control, || one(graph, node, &inputs, &model.arrays))?;
        if outputs.iter().any(|output| output.is_invalid()) {
            graph.check()?;
        }
        if let Some(first) = outputs.first() {
            let origin = origins.get(place).copied().flatten();
            if origin.is_some_and(|origin| origin.of != built_type(*first)) {
                lacks(&mut lacking, node, origin);
            }
            if !node.name.is_empty() && first.name() != node.name {
                first.rename(&node.name);
            }
        }
        count += outputs.len();
        if count > MAX_NODES {
            return Err(Unbuilt::Other(FrozenError::TooLarge { most: MAX_NODES }));
        }
        all.push(outputs);
    }
    if lacking.is_empty() { Ok(all) } else { Err(lacking.into()) }
}

/// The outputs of one node.
fn one<'g>(
    graph: &'g Graph,
    node: &NodeDef,
    inputs: &[AnyTensor<'g>],
    arrays: &BTreeMap<String, Arc<Value>>,
) -> Result<Vec<AnyTensor<'g>>, Unbuilt> {
    let refuse = |expected, found| FrozenFault::Node { node: node.name.clone(), expected, found };
    let attribute = |fault: Fault| refuse("its attributes", fault.to_string());
    match node.op.as_str() {
        PLACEHOLDER if inputs.is_empty() => {
            let dtype: DType = node.attributes.value(DTYPE).map_err(attribute)?;
            let shape: Shape = node.attributes.value(SHAPE).map_err(attribute)?;
            Ok(vec![with_element!(dtype, T => graph.placeholder::<T>(&node.name, shape).any())])
        }
        CONSTANT if inputs.is_empty() => {
            let name: String = node.attributes.value(ARRAY).map_err(attribute)?;
            let array =
                arrays.get(&name).ok_or_else(|| refuse("an array of the file", format!("`{name}`")))?;
            let dims = match node.attributes.get(SHAPE) {
                None => array.shape().to_vec(),
                Some(Attribute::Shape(shape)) => {
                    let is_repeated = crate::shape::broadcast(&Shape::from(array.shape()), shape)
                        .is_ok_and(|both| both == *shape);
                    let known = shape.known().filter(|_| is_repeated);
                    known.ok_or_else(|| refuse("a shape that its array is repeated to", shape.to_string()))?
                }
                Some(other) => return Err(refuse("a shape", other.to_string()).into()),
            };
            Ok(vec![graph.apply(op::Constant::shared(Arc::clone(array), dims), &[])])
        }
        PLACEHOLDER | CONSTANT => Err(refuse("no inputs", inputs.len().to_string()).into()),
        // Ops that lack have been refused.
        name => Ok(definition(name).map_or(Vec::new(), |op| op.build(graph, inputs, &node.attributes))),
    }
}
