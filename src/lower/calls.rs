//! Calls of functions: in the place of the call, or as programs apart.
//!
//! In its place, a body's nodes become instructions of the caller's program, where they are rewritten and fused with
//! what stands around them. A large body that is called several times, for the same types and lengths, becomes one
//! program that all calls run: it is rewritten and planned once. What a run of a body gives is what all nodes that ask
//! for tensors of it use, and nothing else.
//!
//! A program apart does the same for every call. So what differs from call to call, as random numbers do, is in place.

use foldhash::HashMap;
use smallvec::SmallVec;

use super::specialise::{Frame, Specialiser, with_checks};
use crate::element::DType;
use crate::error::Result;
use crate::graph::op::Outputs;
use crate::graph::{BodyId, CallId, LoopOutput, Role, Walk};
use crate::ir::{Callee, Dims, Identity, Lowering, NodeId, Prim, Program, ScalarValue, TensorId, Val};

/// Nodes from which a body that is called several times is a program apart. To hand it operands and results through
/// memory takes as long as a few of its nodes; each call that need not be planned saves the planning of all of them.
const MIN_APART: usize = 128;

/// The runs of bodies that calls begin in a frame.
#[derive(Debug, Default)]
pub(super) struct Runs {
    /// By the call that begins the run, the tensors of the body that somebody uses, in ascending order.
    wanted: HashMap<NodeId, Vec<TensorId>>,
    /// How many runs there are of each body.
    count: HashMap<BodyId, usize>,
    /// By the conditional that begins the run, the outputs that somebody uses, each once.
    pub(super) branches: HashMap<NodeId, Vec<Vec<Option<TensorId>>>>,
    /// The same for loops.
    pub(super) loops: HashMap<NodeId, Vec<LoopOutput>>,
}

/// What makes the programs of two calls the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ApartKey {
    body: BodyId,
    wanted: Vec<TensorId>,
    operands: Vec<Given>,
}

/// What is known of an operand when a body is lowered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Given {
    Number(ScalarValue),
    Array(DType, Dims),
}

/// A body as a program apart.
#[derive(Clone, Debug)]
pub(super) struct Apart {
    callee: Callee,
    operands: Vec<Operand>,
}

/// What a call hands to a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    /// The call's input at a position.
    Input(usize),
    RunCount,
}

impl Specialiser<'_> {
    /// Notes which runs of bodies the calls among a frame's nodes begin, and what of them is used.
    pub(super) fn note_calls(&mut self, frame: usize, nodes: &[NodeId]) {
        let arena = self.arena;
        let mut runs = Runs::default();
        for &id in nodes {
            match arena.node(id).role {
                Role::Branches(of) => {
                    let of = arena.branch(of);
                    let used = self.used_of(frame, id, &of.outputs);
                    runs.branches.entry(of.begun_by(id)).or_default().extend(used);
                }
                Role::Loops(of) => {
                    let of = arena.looped(of);
                    let used = self.used_of(frame, id, &of.outputs);
                    runs.loops.entry(of.begun_by(id)).or_default().extend(used);
                }
                _ => {}
            }
            let Role::Calls(call) = arena.node(id).role else { continue };
            let call = arena.call(call);
            let begins = call.begun_by(id);
            if begins == id {
                *runs.count.entry(call.body).or_default() += 1;
            }
            let used = self.used_of(frame, id, &call.results);
            runs.wanted.entry(begins).or_default().extend(used);
        }
        for wanted in runs.wanted.values_mut() {
            wanted.sort_unstable();
            wanted.dedup();
        }
        for wanted in runs.branches.values_mut() {
            wanted.sort_unstable();
            wanted.dedup();
        }
        for wanted in runs.loops.values_mut() {
            wanted.sort_unstable();
            wanted.dedup();
        }
        self.frames[frame].runs = runs;
    }

    /// What is used of what a node gives. An output that nobody uses is not computed, nor can it fail.
    fn used_of<T: Clone>(&self, frame: usize, id: NodeId, given: &[T]) -> Vec<T> {
        let outputs = given.iter().zip(id.outputs(given.len()));
        let used = outputs.filter(|&(_, output)| *self.frames[frame].is_used.get(output));
        used.map(|(given, _)| given.clone()).collect()
    }

    /// Lowers the run of a body, unless that has been done, and gives what a call gives of it.
    pub(super) fn call(
        &mut self,
        frame: usize,
        id: NodeId,
        call: CallId,
        inputs: &[Val],
    ) -> Result<Outputs<Val>> {
        let call = self.arena.call(call);
        let run = (frame, call.begun_by(id));
        if !self.given.contains_key(&run) {
            let given = self.run(run, call.body, inputs)?;
            self.given.insert(run, given);
        }
        self.given_to(id, &call.results, &self.given[&run])
    }

    /// Lowers what is wanted of the run of a body.
    fn run(&mut self, run: (usize, NodeId), body: BodyId, inputs: &[Val]) -> Result<HashMap<TensorId, Val>> {
        let runs = &mut self.frames[run.0].runs;
        let wanted = runs.wanted.remove(&run.1).unwrap_or_default();
        let is_repeated = runs.count.get(&body).is_some_and(|&count| count > 1);
        // Handles of tapes go with what is known of the rows, which a program of its own does not.
        let has_tapes = inputs.iter().any(|input| self.lanes.contains_key(input));
        if self.in_place || has_tapes || !(is_repeated || self.apart_bodies.contains_key(&body)) {
            return self.lower_in_place(run, body, &wanted, inputs);
        }
        let key = self.key(body, wanted, inputs);
        let apart = if let Some(known) = self.apart.get(&key) {
            known.clone()
        } else {
            let apart = self.lower_apart(run, &key)?;
            self.apart.insert(key.clone(), apart.clone());
            apart
        };
        match apart {
            Some(apart) => Ok(call_apart(&mut self.program, run.1, &apart, &key.wanted, inputs)),
            None => self.lower_in_place(run, body, &key.wanted, inputs),
        }
    }

    /// What the program of a call depends on: the numbers among its operands, where all calls so far have the same; else
    /// they are fed like arrays, so that calls with ever new numbers run one program.
    fn key(&mut self, body: BodyId, wanted: Vec<TensorId>, inputs: &[Val]) -> ApartKey {
        let insts = inputs.iter().map(|&input| self.program.inst(input));
        let arrays = insts.clone().map(|inst| Given::Array(inst.dtype, inst.dims.clone())).collect();
        let any_numbers = ApartKey { body, wanted, operands: arrays };
        let with_numbers = insts.zip(&any_numbers.operands).map(|(inst, array)| match inst.prim {
            Prim::Scalar(number) => Given::Number(number),
            _ => array.clone(),
        });
        let with_numbers = ApartKey { operands: with_numbers.collect(), ..any_numbers.clone() };
        let first = self.first_numbers.entry(any_numbers.clone()).or_insert_with(|| with_numbers.clone());
        if *first == with_numbers { with_numbers } else { any_numbers }
    }

    /// Lowers tensors of a body in the place of a call.
    fn lower_in_place(
        &mut self,
        run: (usize, NodeId),
        body: BodyId,
        wanted: &[TensorId],
        inputs: &[Val],
    ) -> Result<HashMap<TensorId, Val>> {
        let needed = self.needed(body, wanted);
        let frame = self.enter(run, body, inputs);
        self.lower_needed(frame, &needed, wanted)?;
        Ok(wanted.iter().map(|&tensor| (tensor, self.frames[frame].run.get(tensor))).collect())
    }

    /// Lowers tensors of a body to a program apart, if that pays and all calls do the same.
    fn lower_apart(&mut self, run: (usize, NodeId), key: &ApartKey) -> Result<Option<Apart>> {
        let needed = self.needed(key.body, &key.wanted);
        if needed.len() < MIN_APART {
            return Ok(None);
        }
        let around = std::mem::take(&mut self.program);
        let around_is_identified = std::mem::take(&mut self.is_identified);
        let lanes_around = std::mem::take(&mut self.lanes);
        let mut inside = Lowering::new(&mut self.program, run.1, Identity::default());
        let fed: SmallVec<[Val; 8]> = key
            .operands
            .iter()
            .enumerate()
            .map(|(position, operand)| match operand {
                Given::Number(number) => inside.number(*number),
                Given::Array(dtype, dims) => inside.feed(position, *dtype, dims.clone()),
            })
            .collect();
        let frame = self.enter(run, key.body, &fed);
        let lowered = self.lower_needed(frame, &needed, &key.wanted);
        let mut program = std::mem::replace(&mut self.program, around);
        let differs = std::mem::replace(&mut self.is_identified, around_is_identified);
        let lanes = std::mem::replace(&mut self.lanes, lanes_around);
        lowered?;
        let run = &self.frames[frame].run;
        program.outputs = key.wanted.iter().map(|&tensor| run.get(tensor)).collect();
        if differs || program.outputs.iter().any(|output| lanes.contains_key(output)) {
            return Ok(None);
        }
        let mut program = with_checks(program);
        let (operands, types) = renumber_feeds(&mut program);
        let count = self.apart_bodies.entry(key.body).or_insert(0);
        *count += 1;
        let name = &self.arena.body(key.body).name;
        let function = if *count == 1 { name.clone() } else { format!("{name} ({count})") };
        Ok(Some(Apart { callee: Callee::new(function, types, program), operands }))
    }

    /// The nodes of a body that some tensors of it need.
    pub(super) fn needed(&self, body: BodyId, wanted: &[TensorId]) -> Vec<NodeId> {
        let bound: foldhash::HashSet<TensorId> = self.arena.body(body).bound().collect();
        Walk::all(self.arena).ancestors_short_of(wanted.iter().copied(), |id| bound.contains(&id))
    }

    /// Begins the run of a body, and gives its frame.
    pub(super) fn enter(&mut self, (frame, call): (usize, NodeId), body: BodyId, inputs: &[Val]) -> usize {
        // A loop that does again what another has done draws the same random numbers.
        let named = self.arena.draws_as(call);
        let around = &self.frames[frame];
        let calls = [&around.calls[..], &[named]].concat();
        let run = around.run.begin(self.arena, named, body, inputs);
        self.frames.push(Frame::of(run, calls));
        self.frames.len() - 1
    }

    /// Lowers the nodes of a frame, of which some tensors are wanted.
    pub(super) fn lower_needed(
        &mut self,
        frame: usize,
        needed: &[NodeId],
        wanted: &[TensorId],
    ) -> Result<()> {
        self.mark_used(frame, needed, wanted.iter().copied());
        self.note_calls(frame, needed);
        needed.iter().try_for_each(|&node| self.visit(frame, node))
    }
}

/// Emits the call of a program for a node, and gives the tensors of its body.
fn call_apart(
    program: &mut Program,
    node: NodeId,
    Apart { callee, operands }: &Apart,
    wanted: &[TensorId],
    inputs: &[Val],
) -> HashMap<TensorId, Val> {
    let mut to = Lowering::new(program, node, Identity::default());
    let args: Vec<Val> = operands
        .iter()
        .map(|operand| match *operand {
            Operand::Input(position) => inputs[position],
            Operand::RunCount => to.run_count(),
        })
        .collect();
    wanted.iter().copied().zip(to.call(callee, &args)).collect()
}

/// Has a program be fed what it needs and nothing else, the count of runs included: gives what that is, and its types.
pub(super) fn renumber_feeds(program: &mut Program) -> (Vec<Operand>, Vec<(DType, Dims)>) {
    let (mut operands, mut types) = (Vec::new(), Vec::new());
    let mut run_count = None;
    for inst in &mut program.insts {
        let new = operands.len() as u32;
        let (place, operand) = match inst.prim {
            // Each is fed by one instruction.
            Prim::Feed(position) => (new, Operand::Input(position as usize)),
            Prim::RunCount => (*run_count.get_or_insert(new), Operand::RunCount),
            _ => continue,
        };
        inst.prim = Prim::Feed(place);
        if place == new {
            operands.push(operand);
            types.push((inst.dtype, inst.dims.clone()));
        }
    }
    (operands, types)
}
