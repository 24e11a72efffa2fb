//! How nodes come into a graph: with the context in which they are built, their inputs checked, their types inferred, and
//! their names made unique.

use std::panic::Location;
use std::sync::Arc;

use smallvec::SmallVec;

use super::arena::{Draft, Inputs, NewNode};
use super::context::{self, Context};
#[cfg(any(feature = "graphdef", feature = "onnx"))]
use super::names::Holder;
use super::op::{self, MultiOp};
use super::tensor::sum_of_nothing;
use super::{AnyTensor, BodyId, Graph, Modes, NodeId, Role, TensorId};
use crate::element::{DType, Numeric};
use crate::error::Fault;
use crate::shape::TensorType;

impl Graph {
    /// Adds a node named after its op.
    #[track_caller]
    pub(crate) fn apply<'g>(&'g self, op: impl MultiOp, inputs: &[AnyTensor<'g>]) -> AnyTensor<'g> {
        self.apply_as(op, Role::Pure, inputs)
    }

    /// Adds a node named after its op; gives all its outputs.
    #[track_caller]
    pub(crate) fn apply_all<'g>(&'g self, op: impl MultiOp, inputs: &[AnyTensor<'g>]) -> Vec<AnyTensor<'g>> {
        self.apply_all_as(op, Role::Pure, inputs)
    }

    /// The same for a node that does more in a run than to compute values.
    #[track_caller]
    pub(super) fn apply_all_as<'g>(
        &'g self,
        op: impl MultiOp,
        role: Role,
        inputs: &[AnyTensor<'g>],
    ) -> Vec<AnyTensor<'g>> {
        let first = self.apply_as(op, role, inputs);
        let (graph, node) = (first.graph(), first.node());
        let count = graph.shared.read().node(node).outputs.len();
        node.outputs(count).map(|output| graph.tie(output)).collect()
    }

    /// Adds a node, named after its op, of an op that there is already.
    #[track_caller]
    pub(crate) fn apply_shared<'g>(
        &'g self,
        op: Arc<dyn MultiOp>,
        inputs: &[AnyTensor<'g>],
    ) -> AnyTensor<'g> {
        let name = op.name();
        self.apply_named(op, Role::Pure, inputs, name)
    }

    /// Adds a node named after its op, which does more in a run than to compute a value.
    #[track_caller]
    pub(crate) fn apply_as<'g>(
        &'g self,
        op: impl MultiOp,
        role: Role,
        inputs: &[AnyTensor<'g>],
    ) -> AnyTensor<'g> {
        let name = op.name();
        self.apply_named(Arc::new(op), role, inputs, name)
    }

    #[track_caller]
    pub(super) fn apply_named<'g>(
        &'g self,
        op: Arc<dyn MultiOp>,
        role: Role,
        inputs: &[AnyTensor<'g>],
        name: &str,
    ) -> AnyTensor<'g> {
        let location = Location::caller();
        // What is built on the sum of no tensors belongs to the graph of its other operands, if it has any.
        let elsewhere = inputs.iter().position(|input| !input.is_of(self));
        let graph = match elsewhere {
            Some(operand) if self.is_nowhere() => inputs[operand].graph(),
            _ => self,
        };
        graph.tie(graph.push(NewNode::Op(op, role), inputs, name, location, None))
    }

    /// Whether it has nothing but sums of no tensors, and what is built on these alone.
    pub(super) fn is_nowhere(&self) -> bool {
        self.shared.id == sum_of_nothing().graph().shared.id
    }

    /// The handle of a tensor of this graph; that of a node stands for its first output.
    pub(crate) fn tie(&self, id: impl Into<TensorId>) -> AnyTensor<'_> {
        AnyTensor::new(self, id.into())
    }

    /// Adds a node: checks its inputs, infers its type, and names it.
    pub(super) fn push(
        &self,
        new: NewNode,
        inputs: &[AnyTensor<'_>],
        name: &str,
        location: &'static Location<'static>,
        fault: Option<Fault>,
    ) -> NodeId {
        let context = Context::of(self);
        let location = context.location.unwrap_or(location);
        let foreign = inputs.iter().position(|input| !input.is_of(self));
        let fault = self.shared.finalized().map(|at| Fault::Finalized { at }).or(fault);
        let fault = fault.or_else(|| {
            let operand = foreign?;
            Some(if inputs[operand].is_nowhere() { Fault::NoOperand } else { Fault::OtherGraph { operand } })
        });
        let inputs: Inputs =
            if foreign.is_none() { inputs.iter().map(|input| input.id()).collect() } else { Inputs::new() };
        let mut control: Vec<NodeId> = context
            .control
            .iter()
            .filter_map(|&(graph, id)| (graph == self.shared.id).then_some(id))
            .collect();
        let foreign_control = control.len() < context.control.len();
        control.sort_unstable();
        control.dedup();
        let body = match &new {
            NewNode::Variable { .. } => {
                // What reads the variable later would run what it was built after.
                control.clear();
                None
            }
            // It is fed from outside.
            NewNode::Op(_, Role::Placeholder) => None,
            NewNode::Op(..) => context.body,
        };
        let fault = fault
            .or(foreign_control.then_some(Fault::OtherGraph { operand: inputs.len() }))
            .or_else(|| self.refused_inside(&new, body, &inputs, &control));
        let control: Box<[NodeId]> = self.ordered_inside(body, control).into();

        let (inherited, types) = {
            let arena = self.shared.read();
            let predecessors = inputs.iter().map(|input| input.node).chain(control.iter().copied());
            let inherited = predecessors.into_iter().find_map(|id| arena.node(id).fault);
            let types = inputs.iter().map(|&input| arena.tensor(input).clone());
            (inherited, types.collect::<SmallVec<[TensorType; 2]>>())
        };
        // Ops are asked while nothing is locked: they may ask the graph in their turn.
        let inferred = match (fault, inherited) {
            (Some(fault), _) => Err(fault),
            (None, Some(_)) => Ok(TensorType::nothing().into()),
            (None, None) => new.infer(&types.iter().collect::<SmallVec<[&TensorType; 4]>>()),
        };
        let draft = Draft { inputs, control, name: context.scoped(name), location, body, inherited };
        self.shared.write(|arena| arena.add(new, inferred, draft))
    }

    /// Whether a node or a scope has that name, inside the current scope.
    #[cfg(any(feature = "graphdef", feature = "onnx"))]
    pub(crate) fn is_taken(&self, name: &str) -> bool {
        let scoped = Context::of(self).scoped(name);
        !matches!(self.shared.read().names.holder(&scoped), Holder::Nobody)
    }

    /// Gives a node another name; a name taken becomes `n_1`.
    pub(super) fn rename(&self, id: NodeId, name: &str) {
        let scoped = Context::of(self).scoped(name);
        self.shared.write(|arena| arena.rename(id, scoped));
    }

    /// Has the faults of a node that checks what a function was given named as those of the node that the function gives.
    pub(crate) fn blame_whole(&self, function: &'static str, part: AnyTensor<'_>, whole: AnyTensor<'_>) {
        if part.is_of(self) && whole.is_of(self) {
            self.shared.write(|arena| arena.wholes.insert(part.node(), (whole.node(), function)));
        }
    }

    pub(super) fn add_modes(&self, id: NodeId, modes: Modes) {
        self.shared.write(|arena| arena.nodes[id].modes |= modes);
    }

    /// The constant that holds one number of the given type.
    #[track_caller]
    pub(crate) fn scalar(&self, value: f64, dtype: DType) -> AnyTensor<'_> {
        let constant = match dtype {
            DType::F32 => op::Constant::scalar(f32::from_f64(value)),
            DType::F64 => op::Constant::scalar(value),
            DType::I32 => op::Constant::scalar(i32::from_f64(value)),
            DType::I64 => op::Constant::scalar(i64::from_f64(value)),
            DType::Bool => op::Constant::scalar(value != 0.0),
        };
        self.apply(constant, &[])
    }

    /// The function's body in which building stands on this thread, if it does in one.
    pub(crate) fn body_here(&self) -> Option<BodyId> {
        Context::of(self).body
    }

    /// Whether building stands under control dependencies on this thread.
    pub(crate) fn builds_in_order(&self) -> bool {
        !Context::of(self).control.is_empty()
    }

    /// The seed that a random node has of its own, and its place among those that have the same.
    pub(crate) fn own_seed(&self) -> Option<[u64; 2]> {
        Context::next_seed(self)
    }

    /// Runs `build` with every node in it attributed to the given line of the caller.
    pub(crate) fn attributed<R>(&self, location: &'static Location<'static>, build: impl FnOnce() -> R) -> R {
        Context::entered(self, context::Frame::Location(location), build)
    }

    /// Records a fault under the name of an op that has no node of its own; gives the invalid node.
    #[track_caller]
    pub(crate) fn invalid_any(&self, name: &'static str, fault: Fault) -> AnyTensor<'_> {
        let node = NewNode::Op(op::Invalid::op(name), Role::Pure);
        self.tie(self.push(node, &[], name, Location::caller(), Some(fault)))
    }
}
