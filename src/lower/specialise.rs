//! From the part of the graph that a run needs to a program, for the lengths that the run is fed.
//!
//! An assignment is its new value, and each reader of a variable is given the version it must see:
//! the result of the last assignment that it is ordered after (by values or control dependencies),
//! or else the value from before the run. What a variable is left with is a result of the program
//! like a fetch, so the program is free of effects and may be reordered at will.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::{Inst, Lowering, Prim, Program, Val};
use crate::error::{BuildError, Error, Result};
use crate::exec::OutOfMemory;
use crate::graph::{Arena, Node, NodeId, VariableId, Walk};
use crate::op::Role;
use crate::shape::{TensorType, is_addressable};

/// What a run asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Request {
    pub(crate) feeds: Vec<NodeId>,
    pub(crate) fetches: Vec<Fetched>,
}

/// One fetch: a node, and whether its value is wanted or only its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fetched {
    pub(crate) node: NodeId,
    pub(crate) value: bool,
}

/// The last assignment to each variable that a node is ordered after, if there is one.
type Versions = Arc<BTreeMap<VariableId, NodeId>>;

/// Lowers what the request needs, for feeds of the given lengths.
pub(crate) fn specialise(arena: &Arena, seed: u64, request: &Request, fed: &[Vec<usize>]) -> Result<Program> {
    let feeds: HashSet<NodeId> = request.feeds.iter().copied().collect();
    let wanted = request.fetches.iter().map(|fetch| fetch.node);
    let needed = Walk::all(arena).ancestors_short_of(wanted, |id| feeds.contains(&id));
    let variables = arena.variables.iter().map(|variable| (variable.dtype, variable.dims.clone())).collect();
    let mut specialiser = Specialiser {
        arena,
        seed,
        program: Program::new(Arc::new(variables)),
        vals: HashMap::with_capacity(needed.len()),
        versions: HashMap::with_capacity(needed.len()),
        written: HashMap::new(),
        last_writer: BTreeMap::new(),
    };
    for (position, (&id, dims)) in request.feeds.iter().zip(fed).enumerate() {
        let dtype = arena.node(id).output.dtype;
        let val = Lowering::new(&mut specialiser.program, id).feed(position, dtype, dims.clone());
        specialiser.vals.insert(id, val);
        specialiser.versions.insert(id, Versions::default());
    }
    for id in needed.into_iter().filter(|id| !feeds.contains(id)) {
        specialiser.visit(id)?;
    }
    Ok(specialiser.finish(request))
}

/// Orders a reader after one more assignment. Of two to the same variable the later one counts:
/// should they not be ordered among themselves, planning fails anyway.
fn include(versions: &mut Versions, variable: VariableId, writer: NodeId) {
    if versions.get(&variable).is_none_or(|&known| known < writer) {
        Arc::make_mut(versions).insert(variable, writer);
    }
}

struct Specialiser<'a> {
    arena: &'a Arena,
    seed: u64,
    program: Program,
    /// What each visited node has become.
    vals: HashMap<NodeId, Val>,
    versions: HashMap<NodeId, Versions>,
    /// What each assignment leaves in its variable.
    written: HashMap<(NodeId, VariableId), Val>,
    last_writer: BTreeMap<VariableId, NodeId>,
}

impl Specialiser<'_> {
    fn visit(&mut self, id: NodeId) -> Result<()> {
        let arena = self.arena;
        let node = arena.node(id);
        if let Some(mistake) = node.mistake {
            return Err(arena.error(mistake));
        }
        if node.op.role() == Role::Placeholder {
            let TensorType { dtype, shape } = node.output.clone();
            return Err(Error::NotFed { node: node.name.clone(), dtype, shape, location: node.location });
        }
        let versions = self.versions_before(node);
        let reading = match node.op.role() {
            Role::ReadsAsSeen => self.versions.get(&node.inputs[1]).unwrap_or(&versions),
            _ => &versions,
        };
        let inputs: Vec<Val> = node.inputs.iter().map(|&input| self.seen(input, reading)).collect();
        self.check_shapes(node, &inputs)?;
        let val = node.op.lower(&inputs, &mut Lowering::new(&mut self.program, id));
        match node.op.role() {
            Role::Writes(variable) => self.write(id, variable, val, &versions)?,
            Role::WritesAll => {
                for (index, record) in arena.variables.iter().enumerate() {
                    let start = record
                        .starting_value(self.seed)
                        .map_err(|OutOfMemory { bytes }| Error::OutOfMemory { bytes })?;
                    let start = Lowering::new(&mut self.program, id).constant(start);
                    self.write(id, VariableId(index as u32), start, &versions)?;
                }
            }
            Role::Pure | Role::Placeholder | Role::Reads(_) | Role::ReadsAsSeen => {}
        }
        self.vals.insert(id, val);
        self.versions.insert(id, versions);
        Ok(())
    }

    /// The assignments that a node is ordered after: those that its predecessors are, and those
    /// that its predecessors make.
    fn versions_before(&self, node: &Node) -> Versions {
        let mut merged = Versions::default();
        for id in node.predecessors() {
            match self.versions.get(&id) {
                // Most nodes are ordered after nothing, or after what one predecessor is: share its map.
                Some(earlier) if merged.is_empty() => merged = Arc::clone(earlier),
                Some(earlier) if !Arc::ptr_eq(earlier, &merged) => {
                    earlier.iter().for_each(|(&variable, &writer)| include(&mut merged, variable, writer));
                }
                _ => {}
            }
            match self.arena.node(id).op.role() {
                Role::Writes(variable) if self.written.contains_key(&(id, variable)) => {
                    include(&mut merged, variable, id);
                }
                Role::WritesAll => {
                    let all = 0..self.arena.variables.len() as u32;
                    all.for_each(|index| include(&mut merged, VariableId(index), id));
                }
                _ => {}
            }
        }
        merged
    }

    /// The value that a reader with these versions sees in an input.
    fn seen(&self, input: NodeId, versions: &Versions) -> Val {
        if let Role::Reads(variable) = self.arena.node(input).op.role() {
            let is_fed = matches!(self.program.inst(self.vals[&input]).prim, Prim::Feed(_));
            if let (false, Some(&writer)) = (is_fed, versions.get(&variable)) {
                return self.written[&(writer, variable)];
            }
        }
        self.vals[&input]
    }

    /// Asks the op's shape rule once more, now that every length is known.
    fn check_shapes(&self, node: &Node, inputs: &[Val]) -> Result<()> {
        let types: Vec<TensorType> = inputs
            .iter()
            .map(|&input| self.program.inst(input))
            .map(|inst| TensorType::new(inst.dtype, inst.dims.as_slice()))
            .collect();
        let fault = |mistake| {
            let (node, op, location) = (node.name.clone(), node.op.name(), node.location);
            Error::Build(Box::new(BuildError { node, op, location, mistake }))
        };
        let output = node.op.infer(&types.iter().collect::<Vec<_>>()).map_err(fault)?;
        if output.shape.known().is_some_and(|lengths| is_addressable(&lengths, output.dtype)) {
            return Ok(());
        }
        Err(Error::TooLarge { node: node.name.clone(), shape: output.shape, location: node.location })
    }

    fn write(&mut self, writer: NodeId, variable: VariableId, val: Val, before: &Versions) -> Result<()> {
        if let Some(&other) = self.last_writer.get(&variable)
            && before.get(&variable) != Some(&other)
        {
            let (first, second) = (self.arena.node(other), self.arena.node(writer));
            return Err(Error::UnorderedAssigns {
                variable: self.arena.variables[variable.index()].name.clone(),
                first: first.name.clone(),
                first_at: first.location,
                second: second.name.clone(),
                second_at: second.location,
            });
        }
        self.last_writer.insert(variable, writer);
        self.written.insert((writer, variable), val);
        Ok(())
    }

    fn finish(mut self, request: &Request) -> Program {
        let valued = request.fetches.iter().filter(|fetch| fetch.value);
        self.program.fetches = valued.map(|fetch| self.vals[&fetch.node]).collect();
        let last = self.last_writer.into_iter();
        self.program.commits =
            last.map(|(variable, writer)| (variable, self.written[&(writer, variable)])).collect();
        let can_fail =
            |inst: &Inst| matches!(inst.prim, Prim::Map(function) if function.can_fail(inst.dtype));
        let vals = (0..self.program.insts.len() as u32).map(Val);
        self.program.checks = vals.filter(|&val| can_fail(self.program.inst(val))).collect();
        self.program.pruned()
    }
}
