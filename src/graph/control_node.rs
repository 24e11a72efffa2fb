//! How conditionals and loops become nodes.

use std::panic::Location;

use foldhash::HashMap;

use super::body::{BodyId, Path, check_bounds};
use super::context::{self, Context};
use super::control::{
    Binding, BranchId, BranchRecord, LoopId, LoopOutput, LoopRecord, LoopTrips, Numbering, TapeRows,
};
use super::op::{Control, ControlOf};
use super::{AnyTensor, Arena, Graph, NodeId, Role, TensorId};
use crate::error::Fault;
use crate::ir::HANDLE;
use crate::shape::{Shape, TensorType};

/// A node that runs bodies, as far as it is decided.
struct Draft {
    name: &'static str,
    bodies: Vec<BodyId>,
    /// The tensors of bodies that it gives, or that the bodies make of each other's.
    given: Vec<TensorId>,
    types: Vec<TensorType>,
    /// Of each input, what lies between it and the outputs.
    paths: Vec<Path>,
    origin: Option<NodeId>,
}

impl Graph {
    /// A node that runs bodies: checks what is common to all of them, and adds it as the op and the role say.
    #[track_caller]
    fn control_node<'g>(
        &'g self,
        Draft { name, bodies, given, types, paths, origin }: Draft,
        inputs: &[AnyTensor<'g>],
        keep: impl FnOnce(&mut Arena) -> (ControlOf, Role),
    ) -> Vec<AnyTensor<'g>> {
        let count = types.len();
        // Closures do not know who called.
        let location = Context::of(self).location.unwrap_or(Location::caller());
        let refuse = |fault| self.attributed(location, || vec![self.invalid_any(name, fault); count]);
        if let Some(operand) = inputs.iter().position(|input| !input.is_of(self)) {
            return refuse(Fault::OtherGraph { operand });
        }
        if let Some(&invalid) = inputs.iter().find(|input| input.is_invalid()) {
            return vec![invalid; count];
        }
        let (control, functions, fault) = {
            let arena = self.shared().read();
            if let Some(&invalid) = given.iter().find(|result| arena.node(result.node).fault.is_some()) {
                // The fault is the body's; what is built on the node says nothing of its own.
                drop(arena);
                return vec![self.tie(invalid); count];
            }
            let bodies = || bodies.iter().map(|&body| arena.body(body));
            let here = self.body_here();
            let control: Vec<NodeId> = bodies().flat_map(|body| arena.control_from(body, here)).collect();
            let functions = bodies().map(|body| body.name.clone()).collect::<Vec<_>>();
            let (depth, calls) = (
                bodies().map(|body| body.depth).max().unwrap_or_default(),
                bodies().fold(0_usize, |sum, body| sum.saturating_add(body.calls)),
            );
            let fault = check_bounds(depth, calls).err();
            (control, functions, fault)
        };
        if let Some(fault) = fault {
            return refuse(fault);
        }
        let (of, role) = self.shared().write(keep);
        let op = Control::new(name, of, types, paths, functions);
        let control = control.into_iter().chain(origin).map(|node| (self.shared().id, node)).collect();
        self.attributed(location, || {
            Context::entered(self, context::Frame::Control(control), || self.apply_all_as(op, role, inputs))
        })
    }

    /// A conditional: gives what the branch gives that is taken.
    #[track_caller]
    pub(crate) fn branch_node<'g>(
        &'g self,
        name: &'static str,
        record: BranchRecord,
        inputs: &[AnyTensor<'g>],
    ) -> Vec<AnyTensor<'g>> {
        if record.outputs.is_empty() {
            return Vec::new();
        }
        let arena = self.shared().snapshot();
        let types = record.outputs.iter().map(|given| {
            let mut types = given.iter().flatten().map(|&given| arena.tensor(given).clone());
            let first = types.next().unwrap_or_else(TensorType::nothing);
            types
                .fold(first, |known, other| TensorType { shape: common(&known.shape, &other.shape), ..known })
        });
        let types = types.collect();
        let mut paths = vec![Path::default(); inputs.len()];
        for (index, branch) in record.branches.iter().enumerate() {
            let ys: Vec<TensorId> = record.outputs.iter().filter_map(|given| given[index]).collect();
            for (path, &input) in arena.paths(branch.body, &ys).into_iter().zip(&branch.inputs) {
                paths[input].passes |= path.passes;
                paths[input].zero_where_untaken |= path.zero_where_untaken;
            }
        }
        drop(arena);
        let bodies: Vec<BodyId> = record.branches.iter().map(|branch| branch.body).collect();
        let given: Vec<TensorId> = record.outputs.iter().flatten().flatten().copied().collect();
        let draft = Draft { name, bodies, given, types, paths, origin: record.origin };
        self.control_node(draft, inputs, |arena| {
            arena.branches.push(record);
            let id = BranchId(arena.branches.len() as u32 - 1);
            (ControlOf::Branches(id), Role::Branches(id))
        })
    }

    /// A loop: gives the state behind the last iteration, and what tensors of the body were in each.
    #[track_caller]
    pub(crate) fn loop_node<'g>(
        &'g self,
        name: &'static str,
        record: LoopRecord,
        inputs: &[AnyTensor<'g>],
    ) -> Vec<AnyTensor<'g>> {
        if record.outputs.is_empty() {
            return Vec::new();
        }
        let arena = self.shared().snapshot();
        let rows = match record.trips {
            LoopTrips::Fixed(count) => Some(count),
            LoopTrips::Rows(input) => inputs[input].shape().dims().first().copied().flatten(),
            LoopTrips::While { .. } | LoopTrips::Tapes(_) => None,
        };
        let body = arena.body(record.body);
        let types = record.outputs.iter().map(|&output| match output {
            LoopOutput::Last(state) => arena.tensor(body.parameters[state]).clone(),
            LoopOutput::Stacked(row) if !record.stacks_tapes() => {
                let row = arena.tensor(row);
                let dims: Vec<Option<usize>> =
                    std::iter::once(rows).chain(row.shape.dims().iter().copied()).collect();
                TensorType { dtype: row.dtype, shape: Shape::from(dims) }
            }
            LoopOutput::Stacked(_) | LoopOutput::Ticks => TensorType::new(HANDLE, Shape::scalar()),
        });
        let types: Vec<TensorType> = types.collect();
        let given = record.outputs.iter().filter_map(|&output| match output {
            LoopOutput::Last(state) => Some(body.results[state]),
            LoopOutput::Stacked(row) => Some(row),
            LoopOutput::Ticks => None,
        });
        let given: Vec<TensorId> = given.collect();
        let (_, mut paths) = arena.loop_paths(&record, given.clone());
        for &output in &record.outputs {
            if let LoopOutput::Last(state) = output {
                // It is the first state if there is no iteration.
                paths[state].passes |= arena.tensor(body.parameters[state]).dtype.is_float();
            }
        }
        paths.resize(inputs.len(), Path::default());
        let given: Vec<TensorId> = given.into_iter().chain(body.results.iter().copied()).collect();
        let bodies = match record.trips {
            LoopTrips::While { condition, .. } => vec![record.body, condition],
            LoopTrips::Fixed(_) | LoopTrips::Rows(_) | LoopTrips::Tapes(_) => vec![record.body],
        };
        drop(arena);
        let draft = Draft { name, bodies, given, types, paths, origin: record.origin };
        self.control_node(draft, inputs, |arena| {
            arena.loops.push(record);
            let id = LoopId(arena.loops.len() as u32 - 1);
            (ControlOf::Loops(id), Role::Loops(id))
        })
    }

    /// One more parameter of a body that is being built, for what is like a tensor.
    #[track_caller]
    pub(crate) fn parameter_like(&self, body: BodyId, of: AnyTensor<'_>) -> AnyTensor<'_> {
        // What belongs to another graph is refused when the node is built.
        let rows = if of.is_of(self) { self.shared().read().tape_rows(of.id()) } else { None };
        self.parameter_with_rows(body, &TensorType::of(of), rows)
    }

    #[track_caller]
    fn parameter_with_rows(&self, body: BodyId, of: &TensorType, rows: Option<TapeRows>) -> AnyTensor<'_> {
        let parameter = self.parameter(body, of);
        if let Some(rows) = rows {
            self.shared().write(|arena| arena.parameter_rows.insert(parameter.node(), rows));
        }
        parameter
    }

    /// The sum of two handles of tapes, or of arrays of them: that of their rows, one by one.
    #[track_caller]
    pub(crate) fn sum_of_tapes<'g>(&'g self, tapes: [AnyTensor<'g>; 2], rows: &TapeRows) -> AnyTensor<'g> {
        self.each_of_tapes("sum_of_tapes", tapes, rows, &|[x, y]| x + y)
    }

    /// The handle of a tape of zeros like another, or an array of them. Unlike the handle 0, which is of zeros too, it
    /// knows how long its rows are.
    #[track_caller]
    pub(crate) fn zeros_of_tape<'g>(&'g self, tape: AnyTensor<'g>, rows: &TapeRows) -> AnyTensor<'g> {
        self.each_of_tapes("zeros_of_tape", [tape], rows, &|[x]| x.filled(0.0))
    }

    /// What is made of the rows of tapes, one by one.
    #[track_caller]
    fn each_of_tapes<'g, const N: usize>(
        &'g self,
        name: &'static str,
        tapes: [AnyTensor<'g>; N],
        rows: &TapeRows,
        make: &dyn Fn([AnyTensor<'g>; N]) -> AnyTensor<'g>,
    ) -> AnyTensor<'g> {
        let is_array = tapes[0].shape().rank() > 0;
        let body = self.open_body(Context::of(self).body, name);
        let made = self.inside(body, || {
            let (row, inner) = if is_array {
                (tapes[0].row_type(), Some(rows.clone()))
            } else {
                (rows.row.clone(), rows.inner.as_deref().cloned())
            };
            let given = [(); N].map(|()| self.parameter_with_rows(body, &row, inner.clone()));
            match &inner {
                Some(inner) => self.each_of_tapes(name, given, inner, make),
                None => make(given),
            }
        });
        self.close_body(body, vec![made]);
        let result = self.shared().read().body(body).results[0];
        let record = LoopRecord {
            body,
            bindings: vec![Binding::Row; N],
            trips: if is_array { LoopTrips::Rows(0) } else { LoopTrips::Tapes((0..N).collect()) },
            reverse: false,
            outputs: vec![LoopOutput::Stacked(result)],
            origin: None,
            recomputes: false,
            draws_as: None,
            numbering: Numbering::Rows,
        };
        self.loop_node(name, record, &tapes)[0]
    }
}

impl AnyTensor<'_> {
    /// The type of its rows along the first axis.
    pub(crate) fn row_type(self) -> TensorType {
        let shape = self.shape();
        let dims: Vec<Option<usize>> = shape.dims().iter().skip(1).copied().collect();
        TensorType { dtype: self.dtype(), shape: Shape::from(dims) }
    }
}

/// What two shapes of one rank have in common; unknown lengths where they differ.
fn common(a: &Shape, b: &Shape) -> Shape {
    let length = |(a, b): (&Option<usize>, &Option<usize>)| if a == b { *a } else { None };
    let dims: Vec<Option<usize>> = a.dims().iter().zip(b.dims()).map(length).collect();
    Shape::from(dims)
}

/// Tensors, each once, with the position of each.
#[derive(Debug, Default)]
pub(crate) struct Positions<'g> {
    pub(crate) tensors: Vec<AnyTensor<'g>>,
    positions: HashMap<TensorId, usize>,
}

impl<'g> Positions<'g> {
    /// The position of a tensor, which is added if it is not there.
    pub(crate) fn of(&mut self, tensor: AnyTensor<'g>) -> usize {
        *self.positions.entry(tensor.id()).or_insert_with(|| {
            self.tensors.push(tensor);
            self.tensors.len() - 1
        })
    }
}
