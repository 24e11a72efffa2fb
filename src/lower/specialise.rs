//! From the part of the graph that a run needs to a program, for the lengths that the run is fed.
//!
//! An assignment is its new value, and each reader of a variable is given the version it must see:
//! the result of the last assignment that it is ordered after (by values or control dependencies),
//! or else the value from before the run. What a variable is left with is a result of the program
//! like a fetch, so the program is free of effects and may be reordered at will.

use std::borrow::Cow;

use foldhash::HashMap;
use smallvec::SmallVec;

use super::branches::GivenByBranches;
use super::calls::{Apart, ApartKey, Runs};
use super::control::Lanes;
use super::order::Order;
use super::versions::Versions;
use crate::error::{Error, Fault, Result};
use crate::graph::op::Outputs;
use crate::graph::{Arena, BodyId, BodyRun, LoopOutput, Node, Role, TensorMap, Walk};
use crate::ir::{
    Args, Computation, Dims, Emitted, Identity, Inst, Lowering, LoweringError, NodeId, Prim, Program, Scalar,
    TensorId, Val, VariableId,
};
use crate::memory::OutOfMemory;
use crate::shape::{Shape, TensorType, is_addressable};

/// What a run asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Request {
    pub(crate) feeds: SmallVec<[TensorId; 4]>,
    pub(crate) fetches: SmallVec<[Fetched; 4]>,
}

/// One fetch: a tensor, and whether its value is wanted or only its node's effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fetched {
    pub(crate) tensor: TensorId,
    pub(crate) value: bool,
}

/// What the tensors of a node that has not been visited have become.
pub(super) const UNVISITED: Val = Val(u32::MAX);

/// How nodes are lowered beyond what their ops say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lowered {
    /// The graph's seed.
    pub(crate) seed: u64,
    /// Whether the run fails where a node makes a float that is not finite.
    pub(crate) check_numerics: bool,
    /// Whether each call becomes instructions in its place, however often a function is called.
    pub(crate) in_place: bool,
}

/// Lowers what the request needs, for feeds of the given lengths.
pub(crate) fn specialise(
    arena: &Arena,
    Lowered { seed, check_numerics, in_place }: Lowered,
    request: &Request,
    fed: &[Vec<usize>],
) -> Result<Program> {
    let mut is_fed = TensorMap::new(false);
    request.feeds.iter().for_each(|&id| is_fed.set(id, true));
    let wanted = request.fetches.iter().map(|fetch| fetch.tensor);
    let needed = Walk::all(arena).ancestors_short_of(wanted, |id| *is_fed.get(id));
    let mut specialiser = Specialiser {
        arena,
        seed,
        check_numerics,
        in_place,
        program: Program::default(),
        frames: vec![Frame::of(BodyRun::top(UNVISITED), Vec::new())],
        given: HashMap::default(),
        given_by_branches: HashMap::default(),
        given_by_loops: HashMap::default(),
        lanes: Lanes::default(),
        apart: HashMap::default(),
        apart_bodies: HashMap::default(),
        first_numbers: HashMap::default(),
        is_identified: false,
        order: Order::of(arena.variables.len()),
        assigned: HashMap::default(),
    };
    specialiser.frames[TOP].is_ordered = true;
    for (position, (&id, dims)) in request.feeds.iter().zip(fed).enumerate() {
        let dtype = arena.tensor(id).dtype;
        if !is_addressable(dims, dtype) {
            return Err(too_large(arena.node(id.node), dims.into()));
        }
        let val = Lowering::new(&mut specialiser.program, id.node, Identity::default()).feed(
            position,
            dtype,
            Dims::from_slice(dims),
        );
        specialiser.frames[TOP].run.set(id, val);
    }
    let mut calls = 0_usize;
    for &id in &needed {
        let node = arena.node(id);
        calls = calls.saturating_add(arena.calls_of(node.role));
        if calls > MAX_CALLS {
            return Err(unlowered(node, LoweringError::TooManyCalls { most: MAX_CALLS }));
        }
    }
    // Only calls ask for what of them is used.
    if calls > 0 {
        specialiser.mark_used(TOP, &needed, request.fetches.iter().map(|fetch| fetch.tensor));
        for fetched in request.fetches.iter().filter(|fetch| !fetch.value) {
            specialiser.mark_all_used(TOP, fetched.tensor.node);
        }
        specialiser.note_calls(TOP, &needed);
    }
    // Most nodes become one instruction.
    specialiser.program.insts.reserve(needed.len());
    for id in needed {
        specialiser.visit(TOP, id)?;
    }
    Ok(specialiser.finish(request))
}

fn too_large(node: &Node, shape: Shape) -> Error {
    Error::TooLarge { site: node.site(), shape }
}

fn unlowered(node: &Node, reason: LoweringError) -> Error {
    Error::Lowering { site: node.site(), reason }
}

/// A run of a function's body, by a call, or of what belongs to no function.
#[derive(Debug)]
pub(super) struct Frame {
    /// What the tensors of visited nodes, and those that are given, have become.
    pub(super) run: BodyRun<Val>,
    /// Whether something uses a tensor.
    pub(super) is_used: TensorMap<bool>,
    /// The calls, one inside the other, whose run it is.
    pub(super) calls: Vec<NodeId>,
    /// The runs that the calls in it begin.
    pub(super) runs: Runs,
    /// Whether it may assign, so that readers are ordered after assignments.
    pub(super) is_ordered: bool,
}

impl Frame {
    pub(super) fn of(run: BodyRun<Val>, calls: Vec<NodeId>) -> Self {
        Frame { run, is_used: TensorMap::new(false), calls, runs: Runs::default(), is_ordered: false }
    }
}

/// Calls that one run may make of functions. Most are lowered in their place, and functions that call each other twice are
/// soon more than any memory holds.
const MAX_CALLS: usize = 1 << 20;

/// The frame of what belongs to no function.
pub(super) const TOP: usize = 0;

pub(super) struct Specialiser<'a> {
    pub(super) arena: &'a Arena,
    seed: u64,
    check_numerics: bool,
    pub(super) in_place: bool,
    /// What is being lowered: the run's program, or that of a function.
    pub(super) program: Program,
    pub(super) frames: Vec<Frame>,
    /// What the run of a body gives, by the frame and the call in it that begins the run.
    pub(super) given: HashMap<(usize, NodeId), HashMap<TensorId, Val>>,
    /// What the run of a conditional gives, likewise.
    pub(super) given_by_branches: HashMap<(usize, NodeId), GivenByBranches>,
    /// What the run of a loop gives, likewise.
    pub(super) given_by_loops: HashMap<(usize, NodeId), HashMap<LoopOutput, Val>>,
    /// What is known of the handles of tapes in the program that is being lowered.
    pub(super) lanes: Lanes,
    /// The programs of functions; `None` for those that must be lowered in the place of each call.
    pub(super) apart: HashMap<ApartKey, Option<Apart>>,
    /// How many programs there are of each body that has some.
    pub(super) apart_bodies: HashMap<BodyId, usize>,
    /// The numbers among the operands of the first call of each kind, which its program knows.
    pub(super) first_numbers: HashMap<ApartKey, ApartKey>,
    /// Whether something has been lowered that differs from call to call.
    pub(super) is_identified: bool,
    /// The order of assignments, of what belongs to no function or of a branch.
    pub(super) order: Order,
    /// What the variables that a conditional assigns are left with, by frame and node.
    pub(super) assigned: HashMap<(usize, NodeId), Vec<(VariableId, Val)>>,
}

impl Specialiser<'_> {
    /// Notes which tensors are used, by these nodes and beside them.
    pub(super) fn mark_used(
        &mut self,
        frame: usize,
        nodes: &[NodeId],
        also: impl IntoIterator<Item = TensorId>,
    ) {
        let arena = self.arena;
        for &id in nodes {
            let node = arena.node(id);
            for &input in &node.inputs {
                self.frames[frame].is_used.set(input, true);
            }
            for &before in &node.control {
                self.mark_all_used(frame, before);
            }
        }
        for tensor in also {
            self.frames[frame].is_used.set(tensor, true);
        }
    }

    /// Notes that a node runs as a whole, as it does for what comes behind it.
    fn mark_all_used(&mut self, frame: usize, node: NodeId) {
        for output in node.outputs(self.arena.node(node).outputs.len()) {
            self.frames[frame].is_used.set(output, true);
        }
    }

    /// Lowers a node as it is in a frame.
    pub(super) fn visit(&mut self, frame: usize, id: NodeId) -> Result<()> {
        let arena = self.arena;
        let node = arena.node(id);
        if let Some(fault) = node.fault {
            return Err(arena.error(fault));
        }
        if node.role == Role::Placeholder {
            return Err(Error::NotFed { site: node.site(), expected: node.outputs[0].clone() });
        }
        let is_ordered = self.frames[frame].is_ordered;
        let versions = if is_ordered {
            self.order.versions_before(node)
        } else {
            // A function changes no variable, and reads them as its call has seen them.
            Versions::of(arena.variables.len())
        };
        let reading = match node.role {
            Role::ReadsAsSeen if is_ordered => self.order.before(node.inputs[1].node),
            _ => &versions,
        };
        let inputs: Args = node.inputs.iter().map(|&input| self.seen(frame, input, reading)).collect();
        let vals = match node.role {
            Role::Calls(call) => self.call(frame, id, call, &inputs)?,
            Role::Branches(of) => self.branches(frame, id, of, &inputs)?,
            Role::Loops(of) => self.looped(frame, id, of, &inputs)?,
            Role::Defaults => self.default_of(id, inputs[0])?,
            _ => self.lower(frame, id, &inputs)?,
        };
        let assigned = self.assigned_by(frame, id, node.role, vals[0])?;
        if !assigned.is_empty() {
            self.order.assign(arena, id, assigned, &versions)?;
        }
        self.frames[frame].run.set_outputs(id, vals.iter().copied());
        if !versions.is_empty() {
            self.order.note_before(id, versions);
        }
        Ok(())
    }

    /// What a node assigns.
    fn assigned_by(
        &mut self,
        frame: usize,
        id: NodeId,
        role: Role,
        val: Val,
    ) -> Result<Vec<(VariableId, Val)>> {
        Ok(match role {
            Role::Writes(variable) => vec![(variable, val)],
            Role::WritesAll => {
                let mut assigned = Vec::with_capacity(self.arena.variables.len());
                for (index, record) in self.arena.variables.iter().enumerate() {
                    let site = || Some(self.arena.node(record.node).site());
                    let lacking = |OutOfMemory { bytes, .. }| Error::OutOfMemory { bytes, site: site() };
                    let start = record.starting_value(self.seed).map_err(lacking)?;
                    let start = Lowering::new(&mut self.program, id, Identity::default()).constant(start);
                    assigned.push((VariableId(index as u32), start));
                }
                assigned
            }
            Role::Branches(_) => self.assigned.remove(&(frame, id)).unwrap_or_default(),
            _ => Vec::new(),
        })
    }

    /// What stands for a node that is not fed. The node may be declared to have a shape of which less is known.
    fn default_of(&self, id: NodeId, default: Val) -> Result<Outputs<Val>> {
        let (expected, dims) = (&self.arena.node(id).outputs[0].shape, &self.program.inst(default).dims);
        if expected.admits(dims) {
            return Ok(default.into());
        }
        let fault = Fault::OtherShape { expected: expected.clone(), found: dims.as_slice().into() };
        Err(self.arena.blamed(id, fault))
    }

    /// Asks a node's op for its lowering, and checks what it gives.
    fn lower(&mut self, frame: usize, id: NodeId, inputs: &[Val]) -> Result<Outputs<Val>> {
        let node = self.arena.node(id);
        let outputs = self.check_shapes(id, node, inputs)?;
        let Frame { calls, run, .. } = &self.frames[frame];
        let name = run.name_of(node);
        let identity = Identity { seed: self.seed, name: &name, calls };
        let mut lowering = Lowering::new(&mut self.program, id, identity).of_inputs(inputs);
        let vals = node.op.lower(inputs, &mut lowering);
        let Emitted { invalid, is_identified } = lowering.emitted();
        self.is_identified |= is_identified;
        self.check_lowered(node, &vals, &outputs, invalid)?;
        for &val in vals.iter() {
            self.check_finite(id, val);
        }
        Ok(vals)
    }

    /// Asks the op's shape rule once more, now that every length is known, unless all were so before.
    fn check_shapes<'n>(
        &self,
        id: NodeId,
        node: &'n Node,
        inputs: &[Val],
    ) -> Result<Cow<'n, Outputs<TensorType>>> {
        let was_known = |&input: &TensorId| self.arena.tensor(input).shape.is_known();
        let outputs = if node.inputs.iter().all(was_known) {
            Cow::Borrowed(&node.outputs)
        } else {
            Cow::Owned(self.infer(id, node, inputs)?)
        };
        if outputs.len() != node.outputs.len() {
            let reason = LoweringError::OutputCount { promised: node.outputs.len(), found: outputs.len() };
            return Err(unlowered(node, reason));
        }
        for (output, promised) in outputs.iter().zip(node.outputs.iter()) {
            if output.dtype != promised.dtype || !output.shape.agrees_with(&promised.shape) {
                let reason = LoweringError::ShapeRule {
                    promised: Box::new(promised.clone()),
                    found: Box::new(output.clone()),
                };
                return Err(unlowered(node, reason));
            }
            if !is_addressable(output.shape.dims().iter().flatten(), output.dtype) {
                return Err(too_large(node, output.shape.clone()));
            }
            if !output.shape.is_known() {
                let reason = LoweringError::UnknownLength {
                    found: Box::new(output.clone()),
                    inputs: self.types(inputs),
                };
                return Err(unlowered(node, reason));
            }
        }
        Ok(outputs)
    }

    /// The lowering of an op must give what its shape rule has promised, out of instructions that can be.
    pub(super) fn check_lowered(
        &self,
        node: &Node,
        vals: &[Val],
        promised: &[TensorType],
        invalid: Option<String>,
    ) -> Result<()> {
        if let Some(instruction) = invalid {
            return Err(unlowered(node, LoweringError::Instruction { instruction }));
        }
        if vals.len() != promised.len() {
            let reason = LoweringError::OutputCount { promised: promised.len(), found: vals.len() };
            return Err(unlowered(node, reason));
        }
        for (val, promised) in vals.iter().zip(promised) {
            let reason = match self.program.insts.get(val.index()) {
                Some(inst) if inst.dtype == promised.dtype && promised.shape.admits(&inst.dims) => continue,
                Some(inst) => LoweringError::Type {
                    promised: Box::new(promised.clone()),
                    found_dtype: inst.dtype,
                    found: inst.dims.to_vec(),
                },
                None => LoweringError::ForeignValue,
            };
            return Err(unlowered(node, reason));
        }
        Ok(())
    }

    /// Has a node's floats looked at where all are to be, unless they are another node's, or have been already.
    fn check_finite(&mut self, id: NodeId, val: Val) {
        let inst = self.program.inst(val);
        let is_new = inst.origin == id && inst.prim != Prim::Map(Scalar::Finite);
        if self.check_numerics && is_new && inst.dtype.is_float() {
            // Nobody uses what the check gives: results are those of a run without it.
            Lowering::new(&mut self.program, id, Identity::default()).finite(val);
        }
    }

    /// The types that inputs have in this program.
    fn types(&self, inputs: &[Val]) -> Vec<TensorType> {
        let insts = inputs.iter().map(|&input| self.program.inst(input));
        insts.map(|inst| TensorType::new(inst.dtype, inst.dims.as_slice())).collect()
    }

    /// The types of a node's outputs for inputs of the lengths that they have in this program.
    fn infer(&self, id: NodeId, node: &Node, inputs: &[Val]) -> Result<Outputs<TensorType>> {
        let types = self.types(inputs);
        let inferred = node.op.infer(&types.iter().collect::<Vec<_>>());
        inferred.map_err(|fault| self.arena.blamed(id, fault))
    }

    fn finish(mut self, request: &Request) -> Program {
        let valued = request.fetches.iter().filter(|fetch| fetch.value);
        self.program.fetches = valued.map(|fetch| self.frames[TOP].run.get(fetch.tensor)).collect();
        self.program.commits = self.order.left();
        with_checks(self.program)
    }
}

/// Adds what must run for its own sake to a program's results, and prunes the rest.
pub(super) fn with_checks(mut program: Program) -> Program {
    let must_run = |inst: &Inst| match &inst.prim {
        Prim::Map(function) => function.can_fail(inst.dtype),
        Prim::Kernel(Computation { kernel, .. }) => kernel.must_run(),
        prim => prim.callees().iter().any(|callee| !callee.program().checks.is_empty()),
    };
    let vals = (0..program.insts.len() as u32).map(Val);
    program.checks = vals.filter(|&val| must_run(program.inst(val))).collect();
    program.pruned()
}
