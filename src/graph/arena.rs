//! [`Arena`]: the nodes of a graph, their names, and what is wrong with those that are invalid.

use std::ops::BitOr;
use std::panic::Location;
use std::sync::Arc;

use foldhash::HashMap;
use smallvec::SmallVec;

use super::body::{Body, BodyId, CallRecord, GradientKey, GradientOf};
use super::control::{BranchRecord, LoopRecord, TapeRows};
use super::names::{Holder, Names};
use super::nodes::Nodes;
use super::op::{self, MultiOp, Outputs, VariableFault};
use super::{Modes, NodeId, Role, TensorId, VariableId, VariableRecord};
use crate::element::DType;
use crate::error::{BuildError, Error, Fault, Result, Site};
use crate::initializer::StartingValue;
use crate::shape::{ShapeError, TensorType, is_addressable};

/// Index of a fault in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FaultId(u32);

/// A node yet to be added.
pub(super) enum NewNode {
    Op(Arc<dyn MultiOp>, Role),
    Variable { dtype: DType, start: Result<StartingValue, Fault>, trainable: bool },
}

impl NewNode {
    /// The types of the node's outputs for inputs of these types.
    pub(super) fn infer(&self, inputs: &[&TensorType]) -> Result<Outputs<TensorType>, Fault> {
        match self {
            NewNode::Op(op, _) => op.infer(inputs).and_then(addressable),
            NewNode::Variable { start: Err(fault), .. } => Err(fault.clone()),
            NewNode::Variable { dtype, start: Ok(start), .. } => {
                let dims = start.dims();
                if is_addressable(dims, *dtype) {
                    Ok(TensorType::new(*dtype, dims).into())
                } else {
                    Err(Fault::op(VariableFault::Shape { shape: dims.to_vec().into() }))
                }
            }
        }
    }
}

/// The inputs of a node; few have more than two, and a graph holds them for each node.
pub(crate) type Inputs = SmallVec<[TensorId; 2]>;

/// What of a new node does not depend on its op.
pub(super) struct Draft {
    pub(super) inputs: Inputs,
    pub(super) control: Box<[NodeId]>,
    /// The name inside its scope, which may be taken.
    pub(super) name: String,
    pub(super) location: &'static Location<'static>,
    /// The function's body that it belongs to, if it does to one.
    pub(super) body: Option<BodyId>,
    /// The first build error among the inputs.
    pub(super) inherited: Option<FaultId>,
}

/// A node of the arena.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) op: Arc<dyn MultiOp>,
    pub(crate) role: Role,
    pub(crate) inputs: Inputs,
    /// Nodes that run before this one although it does not use their values.
    pub(crate) control: Box<[NodeId]>,
    /// What it gives; one output at least.
    pub(crate) outputs: Outputs<TensorType>,
    /// Which the table of names has as well.
    pub(crate) name: Arc<str>,
    pub(crate) location: &'static Location<'static>,
    /// The function's body that it belongs to, if it does to one.
    pub(crate) body: Option<BodyId>,
    /// The fault that makes this node invalid: its own, or the first among its inputs.
    pub(crate) fault: Option<FaultId>,
    /// Its own and those of its inputs.
    pub(crate) modes: Modes,
}

impl Node {
    /// What errors call the node.
    pub(crate) fn site(&self) -> Site {
        Site { node: self.name.to_string(), op: self.op.name(), location: self.location }
    }

    /// The nodes that run before this one, for their values or for their effects.
    pub(crate) fn predecessors(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.inputs.iter().map(|input| input.node).chain(self.control.iter().copied())
    }
}

/// All that a graph holds; a session keeps it alive and reads it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arena {
    pub(crate) nodes: Nodes,
    pub(crate) variables: Vec<VariableRecord>,
    pub(super) bodies: Vec<Body>,
    pub(super) calls: Vec<CallRecord>,
    pub(super) branches: Vec<BranchRecord>,
    pub(super) loops: Vec<LoopRecord>,
    /// Of parameters that are handles of tapes, what the rows of these are.
    pub(super) parameter_rows: HashMap<NodeId, TapeRows>,
    /// The gradients of functions, each built once.
    pub(super) gradients: HashMap<GradientKey, GradientOf>,
    pub(super) names: Names,
    /// Of nodes that check what a function was given, the node that the function gives, which is the one that its
    /// caller knows, and the function's name.
    pub(super) wholes: HashMap<NodeId, (NodeId, &'static str)>,
    /// All faults in the order in which they were found, each with its node.
    faults: Vec<(NodeId, Fault)>,
}

impl Arena {
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    /// The element type and the shape of a tensor.
    pub(crate) fn tensor(&self, id: TensorId) -> &TensorType {
        &self.node(id.node).outputs[id.output as usize]
    }

    /// The name of a tensor: its node's, and behind the first output which one it is, as in TensorFlow.
    pub(crate) fn tensor_name(&self, id: TensorId) -> String {
        let name = &self.node(id.node).name;
        if id.output == 0 { name.to_string() } else { format!("{name}:{}", id.output) }
    }

    /// What errors call a tensor.
    pub(crate) fn site(&self, id: TensorId) -> Site {
        Site { node: self.tensor_name(id), ..self.node(id.node).site() }
    }

    /// The variable of that full name.
    pub(crate) fn variable_named(&self, name: &str) -> Option<VariableId> {
        let Holder::Node(node) = self.names.holder(name) else { return None };
        match self.node(node).role {
            Role::Reads(variable) => Some(variable),
            _ => None,
        }
    }

    /// What errors call a node that is to be blamed: one that checks what a function was given goes by the name of what
    /// the function gives.
    pub(crate) fn blamed_site(&self, id: NodeId) -> Site {
        match self.wholes.get(&id) {
            Some(&(whole, function)) => Site { op: function, ..self.node(whole).site() },
            None => self.node(id).site(),
        }
    }

    /// The first build error, if there is one.
    pub(crate) fn check(&self) -> Result<()> {
        if self.faults.is_empty() { Ok(()) } else { Err(self.error(FaultId(0))) }
    }

    /// The id of the node that is added next.
    fn next_id(&self) -> NodeId {
        NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX))
    }

    /// The error of a fault that was found in building.
    pub(crate) fn error(&self, FaultId(index): FaultId) -> Error {
        let (id, fault) = &self.faults[index as usize];
        self.blamed(*id, fault.clone())
    }

    /// A node's fault as an error, under the names that the node and its variable have by now.
    pub(crate) fn blamed(&self, id: NodeId, mut fault: Fault) -> Error {
        let site = self.blamed_site(id);
        if let (Some(VariableFault::Assign { expected, found, .. }), Role::Writes(id)) =
            (fault.downcast_ref(), self.node(id).role)
        {
            let variable = self.variables[id.index()].name.clone();
            let (expected, found) = (expected.clone(), found.clone());
            fault = Fault::op(VariableFault::Assign { variable, expected, found });
        }
        if let Fault::OutOfMemory { bytes } = fault {
            return Error::OutOfMemory { bytes, site: Some(site) };
        }
        Error::Build(Box::new(BuildError { site, fault }))
    }

    /// Adds a node of the types that are inferred, or invalid by its own fault or one that it inherits.
    pub(super) fn add(
        &mut self,
        new: NewNode,
        inferred: Result<Outputs<TensorType>, Fault>,
        draft: Draft,
    ) -> NodeId {
        let Draft { inputs, control, name, location, body, inherited } = draft;
        let is_sound = inherited.is_none() && inferred.is_ok();
        let ((op, role), inferred) = match new {
            NewNode::Op(op, role) => ((op, role), inferred),
            NewNode::Variable { dtype, start: Ok(start), trainable } if is_sound => {
                match self.add_variable(&name, dtype, start, trainable) {
                    Ok(op) => (op, inferred),
                    Err(fault) => ((op::Invalid::op("variable"), Role::Pure), Err(fault)),
                }
            }
            NewNode::Variable { .. } => ((op::Invalid::op("variable"), Role::Pure), inferred),
        };
        let id = self.next_id();
        let name = self.names.claim(name, id);
        let (outputs, fault) = match inferred {
            Ok(outputs) => (outputs, inherited),
            Err(fault) => {
                self.faults.push((id, fault));
                (TensorType::nothing().into(), Some(FaultId(self.faults.len() as u32 - 1)))
            }
        };
        if let Some(body) = body {
            let (depth, calls) = (self.depth_of(role), self.calls_of(role));
            let body = &mut self.bodies[body.0 as usize];
            body.nodes.push(id);
            body.calls = body.calls.saturating_add(calls);
            body.depth = body.depth.max(depth);
        }
        let modes = inputs.iter().map(|input| self.node(input.node).modes).fold(Modes::NONE, BitOr::bitor);
        self.nodes.push(Node { op, role, inputs, control, outputs, name, location, body, fault, modes });
        id
    }

    /// Makes a new variable's op, and keeps how it starts.
    fn add_variable(
        &mut self,
        name: &str,
        dtype: DType,
        start: StartingValue,
        trainable: bool,
    ) -> Result<(Arc<dyn MultiOp>, Role), Fault> {
        let taken_at = match self.names.holder(name) {
            Holder::Nobody => {
                let id = VariableId(self.variables.len() as u32);
                let dims = start.dims().to_vec();
                let node = self.next_id();
                let op = op::VariableOp::new(id, TensorType::new(dtype, dims.as_slice()));
                let name = name.to_owned();
                self.variables.push(VariableRecord { node, name, dtype, dims, start, trainable });
                return Ok((Arc::new(op), Role::Reads(id)));
            }
            Holder::Scope => None,
            Holder::Node(node) => Some(self.node(node).location),
        };
        Err(Fault::op(VariableFault::NameTaken { name: name.to_owned(), taken_at }))
    }

    /// Gives a node another name, or a numbered one if it is taken.
    pub(super) fn rename(&mut self, id: NodeId, name: String) {
        self.names.release(&self.nodes[id].name);
        let name = self.names.claim(name, id);
        if let Role::Reads(variable) = self.node(id).role {
            self.variables[variable.index()].name = name.to_string();
        }
        self.nodes[id].name = name;
    }
}

/// The types, if there are any, and unless the lengths of one are so many that no machine could address the elements, whatever those that are
/// not known yet may be.
fn addressable(outputs: Outputs<TensorType>) -> Result<Outputs<TensorType>, Fault> {
    let is_small = |output: &&TensorType| is_addressable(output.shape.dims().iter().flatten(), output.dtype);
    if outputs.is_empty() {
        return Err(Fault::NoOutput);
    }
    match outputs.iter().find(|output| !is_small(output)) {
        Some(large) => Err(ShapeError::TooLarge { shape: large.shape.clone() }.into()),
        None => Ok(outputs),
    }
}
