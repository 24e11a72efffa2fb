//! From a graph, or a body, to a [`Part`].
//!
//! Takes the tensors that are given and those that are wanted; goes through what lies between in the order in which it
//! was built. Calls of functions become the nodes of their bodies. A reader of a variable is given what it sees: the
//! value from before the run, or what the last assignment gives that it is ordered after. What nothing needs in the end is
//! left out.

use foldhash::HashMap;

use super::part::{Item, Kind, MAX_ITEMS, Output, Part, Place, WalkError};
use crate::error::Error;
use crate::graph::{Arena, BodyRun, CallId, LoopOutput, Node, Role, Walk};
use crate::ir::{NodeId, TensorId, VariableId};
use crate::lower::{Order, Versions};
use crate::shape::TensorType;

impl<'a> Part<'a> {
    /// What lies between tensors of the graph that belong to no body.
    pub(crate) fn of(arena: &'a Arena, inputs: &[TensorId], outputs: &[TensorId]) -> Result<Self, WalkError> {
        let mut count = 0;
        let mut walker = Walker::new(arena, &mut count, true);
        walker.is_top = true;
        for &id in inputs {
            if walker.frames[TOP].run.get(id).is_some() {
                return Err(Error::FedTwice(arena.site(id)).into());
            }
            walker.give(id);
        }
        walker.visit_wanted(outputs, &[])?;
        let given: Option<Vec<Output>> = outputs.iter().map(|&id| walker.frames[TOP].run.get(id)).collect();
        // All that is wanted has been visited.
        Ok(walker.finish(given.unwrap_or_default()))
    }
}

/// A run of a function's body, by a call, or of what the part itself is of.
#[derive(Debug)]
pub(super) struct Frame {
    /// What tensors have become.
    pub(super) run: BodyRun<Option<Output>>,
    /// What each node that was visited is done with: its own place, or those of a call's results.
    places: HashMap<NodeId, Vec<Place>>,
    /// What runs before all nodes.
    control: Vec<Place>,
}

impl Frame {
    fn of(run: BodyRun<Option<Output>>, control: Vec<Place>) -> Self {
        Frame { run, places: HashMap::default(), control }
    }
}

/// The frame of what the part itself is of.
pub(super) const TOP: usize = 0;

/// What an output of a conditional or a loop is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wanted {
    Branches(Vec<Option<TensorId>>),
    Loop(LoopOutput),
}

pub(super) struct Walker<'a, 'c> {
    pub(super) arena: &'a Arena,
    pub(super) items: Vec<Item<'a>>,
    pub(super) inputs: Vec<Place>,
    pub(super) frames: Vec<Frame>,
    /// The frame of each call, by the frame in which it is made.
    runs: HashMap<(usize, NodeId), usize>,
    /// What each output of the run of a conditional or a loop has become, likewise.
    pub(super) given: HashMap<(usize, NodeId), Vec<(Wanted, Output)>>,
    pub(super) order: Order<Output>,
    /// Whether it may assign, so that readers are ordered after assignments.
    is_ordered: bool,
    /// Whether what it is given is fed, which is what it is whatever is assigned.
    is_top: bool,
    /// The items of all parts.
    pub(super) count: &'c mut usize,
}

impl<'a, 'c> Walker<'a, 'c> {
    pub(super) fn new(arena: &'a Arena, count: &'c mut usize, is_ordered: bool) -> Self {
        Walker {
            arena,
            items: Vec::new(),
            inputs: Vec::new(),
            frames: vec![Frame::of(BodyRun::top(None), Vec::new())],
            runs: HashMap::default(),
            given: HashMap::default(),
            order: Order::of(arena.variables.len()),
            is_ordered,
            is_top: false,
            count,
        }
    }

    pub(super) fn finish(self, outputs: Vec<Output>) -> Part<'a> {
        let mut part = Part { items: self.items, inputs: self.inputs, outputs };
        part.prune();
        part
    }

    pub(super) fn push(&mut self, item: Item<'a>) -> Place {
        self.items.push(item);
        *self.count += 1;
        self.items.len() - 1
    }

    /// Something that the part is given in the place of a tensor.
    pub(super) fn give(&mut self, id: TensorId) {
        let place = self.push_given(id);
        self.frames[TOP].run.set(id, Some((place, 0)));
    }

    pub(super) fn push_given(&mut self, id: TensorId) -> Place {
        let arena = self.arena;
        let place = self.push(Item {
            node: arena.node(id.node),
            kind: Kind::Given,
            name: arena.tensor_name(id).replace(':', "_"),
            inputs: Vec::new(),
            control: Vec::new(),
            types: vec![arena.tensor(id).clone()],
        });
        self.inputs.push(place);
        place
    }

    /// Visits what these tensors and nodes need.
    pub(super) fn visit_wanted(&mut self, wanted: &[TensorId], also: &[NodeId]) -> Result<(), WalkError> {
        let is_there = |id: TensorId| self.frames[TOP].run.get(id).is_some();
        let also = also.iter().map(|&node| TensorId::from(node));
        let all = wanted.iter().copied().chain(also);
        let needed = Walk::all(self.arena).ancestors_short_of(all, is_there);
        self.visit_all(TOP, &needed)
    }

    /// Visits nodes as they are in a frame, each with those that give more of the same run.
    fn visit_all(&mut self, frame: usize, needed: &[NodeId]) -> Result<(), WalkError> {
        let begun_by = |id: NodeId| match self.arena.node(id).role {
            Role::Calls(call) => Some(self.arena.call(call).begun_by(id)),
            Role::Branches(of) => Some(self.arena.branch(of).begun_by(id)),
            Role::Loops(of) => Some(self.arena.looped(of).begun_by(id)),
            _ => None,
        };
        let mut runs: HashMap<NodeId, Vec<NodeId>> = HashMap::default();
        for &id in needed {
            if let Some(first) = begun_by(id) {
                runs.entry(first).or_default().push(id);
            }
        }
        let runs: HashMap<NodeId, Vec<NodeId>> = runs
            .into_values()
            .flat_map(|of| of.clone().into_iter().map(move |id| (id, of.clone())))
            .collect();
        for &id in needed {
            self.visit(frame, id, runs.get(&id).map_or(&[], Vec::as_slice))?;
        }
        Ok(())
    }

    /// What a reader with these versions sees in an input.
    fn seen(&self, frame: usize, input: TensorId, versions: &Versions) -> Output {
        // Inputs exist before their users, and what a body uses is bound by its call.
        let there = self.frames[frame].run.get(input).unwrap_or((Place::MAX, 0));
        if versions.is_empty() {
            return there;
        }
        let Role::Reads(variable) = self.arena.node(input.node).role else { return there };
        let is_fed =
            self.is_top && self.items.get(there.0).is_some_and(|item| matches!(item.kind, Kind::Given));
        let writer = versions.get(variable).filter(|_| !is_fed);
        writer.and_then(|writer| self.order.written(writer, variable)).unwrap_or(there)
    }

    /// Visits a node, which gives tensors of the same run as others.
    fn visit(&mut self, frame: usize, id: NodeId, of_run: &[NodeId]) -> Result<(), WalkError> {
        let arena = self.arena;
        let node = arena.node(id);
        if let Some(fault) = node.fault {
            return Err(arena.error(fault).into());
        }
        if *self.count >= MAX_ITEMS {
            return Err(WalkError::TooLarge { most: MAX_ITEMS });
        }
        let is_ordered = self.is_ordered && frame == TOP;
        let versions =
            if is_ordered { self.order.versions_before(node) } else { Versions::of(arena.variables.len()) };
        let reading = match node.role {
            Role::ReadsAsSeen if is_ordered => self.order.before(node.inputs[1].node),
            _ => &versions,
        };
        let inputs: Vec<Output> = node.inputs.iter().map(|&id| self.seen(frame, id, reading)).collect();
        let before = node.control.iter().filter_map(|before| self.frames[frame].places.get(before));
        let mut control: Vec<Place> = before.flatten().copied().collect();
        control.extend(&self.frames[frame].control);
        control.sort_unstable();
        control.dedup();
        let mut assigned = Vec::new();
        let outputs = match node.role {
            Role::Calls(call) => self.call(frame, id, call, of_run, (inputs, control))?,
            Role::Branches(of) => {
                let record = arena.branch(of);
                let run = (frame, record.begun_by(id));
                if !self.given.contains_key(&run) {
                    assigned = self.branches(run, id, record, of_run, (inputs, control))?;
                }
                self.given_to(run, record.outputs.iter().cloned().map(Wanted::Branches))
            }
            Role::Loops(of) => {
                let record = arena.looped(of);
                let run = (frame, record.begun_by(id));
                if !self.given.contains_key(&run) {
                    self.looped(run, id, record, of_run, (inputs, control))?;
                }
                self.given_to(run, record.outputs.iter().copied().map(Wanted::Loop))
            }
            Role::ReadsAsSeen => vec![inputs[0]],
            role => {
                let kind = match role {
                    Role::Placeholder => Kind::Placeholder,
                    Role::Defaults => Kind::Default,
                    Role::Reads(variable) => Kind::Variable(variable),
                    Role::Writes(variable) => Kind::Assign { variable, op: node.op.name() },
                    Role::WritesAll => Kind::Initialize,
                    _ => node.op.held().map_or(Kind::Op, |(value, dims)| Kind::Constant(value, dims)),
                };
                let types = self.types(node, &kind, &inputs);
                let count = types.len() as u32;
                let name = self.frames[frame].run.name_of(node).into_owned();
                let place = self.push(Item { node, kind, name, inputs, control, types });
                match role {
                    Role::Writes(variable) => assigned.push((variable, (place, 0))),
                    Role::WritesAll => {
                        assigned = (0..count).map(|index| (VariableId(index), (place, index))).collect();
                    }
                    _ => {}
                }
                (0..node.outputs.len() as u32).map(|output| (place, output)).collect()
            }
        };
        if !assigned.is_empty() {
            self.order.assign(arena, id, assigned, &versions)?;
        }
        if !versions.is_empty() {
            self.order.note_before(id, versions);
        }
        let frame = &mut self.frames[frame];
        let mut places: Vec<Place> = outputs.iter().map(|&(place, _)| place).collect();
        places.dedup();
        frame.places.insert(id, places);
        frame.run.set_outputs(id, outputs.into_iter().map(Some));
        Ok(())
    }

    /// The types of an item's outputs: those of the node, or what its op gives for inputs of which more is known, as arguments
    /// of a call are.
    fn types(&self, node: &Node, kind: &Kind<'_>, inputs: &[Output]) -> Vec<TensorType> {
        if matches!(kind, Kind::Initialize) {
            let variables = self.arena.variables.iter();
            return variables.map(|record| TensorType::new(record.dtype, record.dims.as_slice())).collect();
        }
        let found = inputs.iter().map(|&(place, output)| self.items.get(place)?.types.get(output as usize));
        if let (Some(found), Kind::Op) = (found.collect::<Option<Vec<&TensorType>>>(), kind)
            && node.inputs.iter().zip(&found).any(|(&built, &found)| self.arena.tensor(built) != found)
            && let Ok(inferred) = node.op.infer(&found)
        {
            return inferred.to_vec();
        }
        node.outputs.to_vec()
    }

    /// The nodes of a function's body in the place of a call.
    fn call(
        &mut self,
        frame: usize,
        id: NodeId,
        call: CallId,
        of_run: &[NodeId],
        (inputs, control): (Vec<Output>, Vec<Place>),
    ) -> Result<Vec<Output>, WalkError> {
        let arena = self.arena;
        let call = arena.call(call);
        let run = (frame, call.begun_by(id));
        let inner = if let Some(&inner) = self.runs.get(&run) {
            inner
        } else {
            let inputs: Vec<Option<Output>> = inputs.into_iter().map(Some).collect();
            let begun = self.frames[frame].run.begin(arena, run.1, call.body, &inputs);
            self.frames.push(Frame::of(begun, control));
            let inner = self.frames.len() - 1;
            self.runs.insert(run, inner);
            let calls = of_run.iter().filter_map(|&node| match arena.node(node).role {
                Role::Calls(call) => Some(&arena.call(call).results),
                _ => None,
            });
            let wanted: Vec<TensorId> = calls.flatten().copied().collect();
            let is_there = |id: TensorId| self.frames[inner].run.get(id).is_some();
            let needed = Walk::all(arena).ancestors_short_of(wanted, is_there);
            self.visit_all(inner, &needed)?;
            inner
        };
        let outputs: Option<Vec<Output>> =
            call.results.iter().map(|&result| self.frames[inner].run.get(result)).collect();
        // All results have been visited.
        Ok(outputs.unwrap_or_default())
    }
}
