//! A part of a session's graph as a model.
//!
//! Takes the tensors that are fed and those that are wanted; goes through what lies between in the order in which it was
//! built. Calls of functions become the nodes of their bodies, variables the arrays that they hold, constants theirs.
//! What nothing needs in the end, such as a result of a call that nobody uses, is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;
use std::sync::Arc;

use foldhash::HashMap;

use super::build::{Origin, Origins, Unbuilt, lacks};
use super::{
    ARRAY, CONSTANT, DTYPE, Frozen, FrozenError, MAX_NODES, Model, NodeDef, Output, PLACEHOLDER, Place, SHAPE,
};
use crate::Session;
use crate::element::Value;
use crate::error::Error;
use crate::graph::op::{Attributes, Form};
use crate::graph::{AnyTensor, Arena, BodyRun, CallId, Role, Walk};
use crate::io::safetensors::METADATA;
use crate::ir::{NodeId, TensorId};
use crate::ops::definition;
use crate::shape::{Shape, TensorType};

/// The op that passes its input on.
const IDENTITY: &str = "identity";

impl Session {
    /// The part of the graph that gives the outputs for the inputs, with the values that the variables have now, as a value
    /// of its own: a model that is [called](Frozen::call), [saved](Frozen::save), and [loaded](Frozen::load) in another
    /// program, without the code that built it. What only trains is left out.
    ///
    /// Inputs may be any tensors, as for [`feed`](Session::feed); what they are computed from is not part of the model.
    /// Lengths that are not known stay so; what layers check of them is left out. Calls of functions are replaced by what
    /// the functions do, which may round otherwise than a large function that a session plans apart. Random ops draw what
    /// they draw here for the same [count of runs](Session::run_count), which begins at 0, unless they have a
    /// [seed of their own](crate::Graph::seed_scope): those draw by their names.
    ///
    /// There is an example at [`Frozen`].
    ///
    /// # Errors
    /// Build errors and tensors of another graph; [`FrozenError::NotFed`] for placeholders that are not among the inputs,
    /// [`FrozenError::Ops`] for custom ops and closures, which no other program could build; [`FrozenError::Assigns`] for a
    /// model that changes variables. The first two name all that lack.
    #[track_caller]
    pub fn freeze(&self, inputs: &[AnyTensor<'_>], outputs: &[AnyTensor<'_>]) -> Result<Frozen, FrozenError> {
        let location = Location::caller();
        let (variables, _) = self.moment()?;
        let arena = self.graph_of(inputs.iter().chain(outputs).copied())?;
        let ids = |tensors: &[AnyTensor<'_>]| tensors.iter().map(|any| any.id()).collect::<Vec<_>>();
        let mut freezing = Freezing::new(&arena, variables);
        let model = freezing.model(self.seed(), &ids(inputs), &ids(outputs))?;
        Frozen::build(model, &freezing.origins, location).map_err(|unbuilt| match unbuilt {
            Unbuilt::Other(error) => error,
            // What was just made is a model.
            Unbuilt::Fault(fault) => FrozenError::Run(Error::Other(Arc::new(fault))),
        })
    }
}

/// A run of a function's body, by a call, or of what belongs to no function.
#[derive(Debug)]
struct Frame {
    /// What tensors have become.
    run: BodyRun<Option<Output>>,
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

/// The frame of what belongs to no function.
const TOP: usize = 0;

struct Freezing<'a> {
    arena: &'a Arena,
    variables: BTreeMap<String, Value>,
    nodes: Vec<NodeDef>,
    /// What they come from, where another program must know the op.
    origins: Origins,
    arrays: BTreeMap<String, Arc<Value>>,
    frames: Vec<Frame>,
    /// The frame of each call, by the frame in which it is made.
    runs: HashMap<(usize, NodeId), usize>,
    /// The placeholders that are not fed, with their places.
    open: Vec<(Place, NodeId)>,
}

impl<'a> Freezing<'a> {
    fn new(arena: &'a Arena, variables: BTreeMap<String, Value>) -> Self {
        Freezing {
            arena,
            variables,
            nodes: Vec::new(),
            origins: Vec::new(),
            arrays: BTreeMap::new(),
            frames: vec![Frame::of(BodyRun::top(None), Vec::new())],
            runs: HashMap::default(),
            open: Vec::new(),
        }
    }

    fn model(&mut self, seed: u64, inputs: &[TensorId], outputs: &[TensorId]) -> Result<Model, FrozenError> {
        let arena = self.arena;
        let mut fed = Vec::new();
        for &id in inputs {
            if self.frames[TOP].run.get(id).is_some() {
                return Err(Error::FedTwice(arena.site(id)).into());
            }
            fed.push(self.placeholder(id));
        }
        let is_fed = |id: TensorId| self.frames[TOP].run.get(id).is_some();
        let needed = Walk::all(arena).ancestors_short_of(outputs.iter().copied(), is_fed);
        for id in needed {
            self.visit(TOP, id)?;
        }
        let given: Option<Vec<Output>> = outputs.iter().map(|&id| self.frames[TOP].run.get(id)).collect();
        // All that is wanted has been visited.
        let given = given.unwrap_or_default();
        let places = self.prune(&fed, &given);
        self.refuse_what_lacks(&places)?;
        let arrays = std::mem::take(&mut self.arrays);
        let held: BTreeSet<String> =
            self.nodes.iter().filter_map(|node| node.attributes.value(ARRAY).ok()).collect();
        Ok(Model {
            seed,
            nodes: std::mem::take(&mut self.nodes),
            inputs: fed.iter().map(|&place| places[&place]).collect(),
            outputs: given.iter().map(|(place, output)| (places[place], *output)).collect(),
            arrays: arrays.into_iter().filter(|(name, _)| held.contains(name)).collect(),
        })
    }

    /// A placeholder in the place of a tensor.
    fn placeholder(&mut self, id: TensorId) -> Place {
        let TensorType { dtype, shape } = self.arena.tensor(id).clone();
        let attributes = Attributes::new().with(DTYPE, dtype).with(SHAPE, shape);
        let place = self.nodes.len();
        let name = self.arena.tensor_name(id).replace(':', "_");
        self.push(NodeDef {
            op: PLACEHOLDER.to_owned(),
            name,
            inputs: Vec::new(),
            control: Vec::new(),
            attributes,
        });
        self.frames[TOP].run.set(id, Some((place, 0)));
        place
    }

    fn push(&mut self, node: NodeDef) {
        self.nodes.push(node);
        self.origins.push(None);
    }

    /// Freezes a node as it is in a frame.
    fn visit(&mut self, frame: usize, id: NodeId) -> Result<(), FrozenError> {
        let arena = self.arena;
        let node = arena.node(id);
        if let Some(fault) = node.fault {
            return Err(arena.error(fault).into());
        }
        if self.nodes.len() >= MAX_NODES {
            return Err(FrozenError::TooLarge { most: MAX_NODES });
        }
        let start = self.nodes.len();
        let input = |freezing: &Self, input: TensorId| {
            // Inputs exist before their users, and what a body uses is bound by its call.
            freezing.frames[frame].run.get(input).unwrap_or((Place::MAX, 0))
        };
        let inputs: Vec<Output> = node.inputs.iter().map(|&id| input(self, id)).collect();
        let before = node.control.iter().filter_map(|before| self.frames[frame].places.get(before));
        let mut control: Vec<Place> = before.flatten().copied().collect();
        control.extend(&self.frames[frame].control);
        control.sort_unstable();
        control.dedup();
        let name = self.frames[frame].run.name_of(node).into_owned();
        let outputs = match node.role {
            Role::Writes(_) | Role::WritesAll => return Err(FrozenError::Assigns { site: node.site() }),
            Role::Calls(call) => self.call(frame, id, call, inputs, control)?,
            Role::Branches(_) | Role::Loops(_) => return Err(FrozenError::Control { site: node.site() }),
            // No variable changes, and what is not an input has its default.
            Role::ReadsAsSeen | Role::Defaults => vec![inputs[0]],
            Role::Reads(_) => {
                let value = self.variables.get(&*node.name).cloned().map(Arc::new);
                self.constant(name, value, None)
            }
            Role::Placeholder => {
                self.open.push((start, id));
                vec![(self.placeholder(id.into()), 0)]
            }
            Role::Pure | Role::Parameter => match node.op.held() {
                Some((value, dims)) => {
                    let repeated = (dims != value.shape()).then(|| Shape::from(dims));
                    self.constant(name, Some(value), repeated)
                }
                // A check that a layer makes of its input, which this program has made.
                None if node.op.form() == Form::Same && definition(node.op.name()).is_none() => {
                    let (op, attributes) = (IDENTITY.to_owned(), Attributes::new());
                    let inputs = inputs.into_iter().take(1).collect();
                    self.push(NodeDef { op, name, inputs, control, attributes });
                    vec![(start, 0)]
                }
                None => {
                    let attributes = node.op.attributes();
                    let op = node.op.name().to_owned();
                    self.push(NodeDef { op, name, inputs, control, attributes });
                    self.origins[start] = Some(Origin::of(node));
                    (0..node.outputs.len() as u32).map(|output| (start, output)).collect()
                }
            },
        };
        let frame = &mut self.frames[frame];
        let mut places: Vec<Place> = outputs.iter().map(|&(place, _)| place).collect();
        places.dedup();
        frame.places.insert(id, places);
        frame.run.set_outputs(id, outputs.into_iter().map(Some));
        Ok(())
    }

    /// A constant, whose array gets a name of its own.
    fn constant(&mut self, name: String, value: Option<Arc<Value>>, repeated: Option<Shape>) -> Vec<Output> {
        let is_taken = |array: &String| array == METADATA || self.arrays.contains_key(array);
        let numbered = (1_usize..).map(|number| format!("{name}_{number}"));
        let array = std::iter::once(name.clone()).chain(numbered).find(|array| !is_taken(array));
        let array = array.unwrap_or_default();
        let mut attributes = Attributes::new().with(ARRAY, array.clone());
        if let Some(shape) = repeated {
            attributes = attributes.with(SHAPE, shape);
        }
        self.arrays.extend(value.map(|value| (array, value)));
        self.push(NodeDef {
            op: CONSTANT.to_owned(),
            name,
            inputs: Vec::new(),
            control: Vec::new(),
            attributes,
        });
        vec![(self.nodes.len() - 1, 0)]
    }

    /// The nodes of a function's body in the place of a call.
    fn call(
        &mut self,
        frame: usize,
        id: NodeId,
        call: CallId,
        inputs: Vec<Output>,
        control: Vec<Place>,
    ) -> Result<Vec<Output>, FrozenError> {
        let arena = self.arena;
        let call = arena.call(call);
        let begun_by = call.begun_by(id);
        let inner = if let Some(&inner) = self.runs.get(&(frame, begun_by)) {
            inner
        } else {
            let inputs: Vec<Option<Output>> = inputs.into_iter().map(Some).collect();
            let run = self.frames[frame].run.begin(arena, begun_by, call.body, &inputs);
            self.frames.push(Frame::of(run, control));
            self.runs.insert((frame, begun_by), self.frames.len() - 1);
            self.frames.len() - 1
        };
        let is_there = |id: TensorId| self.frames[inner].run.get(id).is_some();
        let needed = Walk::all(arena).ancestors_short_of(call.results.iter().copied(), is_there);
        for node in needed {
            self.visit(inner, node)?;
        }
        let outputs: Option<Vec<Output>> =
            call.results.iter().map(|&result| self.frames[inner].run.get(result)).collect();
        // All results have been visited.
        Ok(outputs.unwrap_or_default())
    }

    /// Leaves out what neither the inputs nor the outputs need; gives the new place of each node that is left.
    fn prune(&mut self, inputs: &[Place], outputs: &[Output]) -> HashMap<Place, Place> {
        let mut is_needed = vec![false; self.nodes.len()];
        inputs
            .iter()
            .chain(outputs.iter().map(|(place, _)| place))
            .for_each(|&place| is_needed[place] = true);
        for (place, node) in self.nodes.iter().enumerate().rev() {
            if !is_needed[place] {
                continue;
            }
            for &before in node.inputs.iter().map(|(place, _)| place).chain(&node.control) {
                is_needed[before] = true;
            }
        }
        let mut places = HashMap::default();
        let (nodes, origins) = (std::mem::take(&mut self.nodes), std::mem::take(&mut self.origins));
        for (place, (mut node, origin)) in
            nodes.into_iter().zip(origins).enumerate().filter(|&(place, _)| is_needed[place])
        {
            node.inputs.iter_mut().for_each(|(before, _)| *before = places[before]);
            node.control.iter_mut().for_each(|before| *before = places[before]);
            places.insert(place, self.nodes.len());
            self.nodes.push(node);
            self.origins.push(origin);
        }
        places
    }

    /// Refuses placeholders that are not fed, and ops that cannot be built by name, all of them at once.
    fn refuse_what_lacks(&self, places: &HashMap<Place, Place>) -> Result<(), FrozenError> {
        let open = self.open.iter().filter(|(place, _)| places.contains_key(place));
        let placeholders: Vec<_> = open.map(|&(_, id)| self.arena.node(id).site()).collect();
        if !placeholders.is_empty() {
            return Err(FrozenError::NotFed { placeholders });
        }
        let mut ops = Vec::new();
        for (node, &origin) in self.nodes.iter().zip(&self.origins) {
            if origin.is_some() && definition(&node.op).is_none() {
                lacks(&mut ops, node, origin);
            }
        }
        if ops.is_empty() { Ok(()) } else { Err(FrozenError::Ops { ops }) }
    }
}
