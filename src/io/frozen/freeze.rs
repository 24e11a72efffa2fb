//! A part of a session's graph as a model.
//!
//! Takes a [`Part`], in which calls of functions have become the nodes of their bodies; gives a node of the model for each of
//! its items. Variables become the arrays that they hold, constants theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;
use std::sync::Arc;

use super::build::{Origin, Origins, Unbuilt, lacks};
use super::{ARRAY, CONSTANT, DTYPE, Frozen, FrozenError, Model, NodeDef, Output, PLACEHOLDER, Place, SHAPE};
use crate::Session;
use crate::element::Value;
use crate::error::{Error, Site};
use crate::graph::AnyTensor;
use crate::graph::op::{Attributes, Form};
use crate::io::export::{Item, Kind, Part, WalkError};
use crate::io::safetensors::METADATA;
use crate::ops::definition;
use crate::shape::Shape;

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
        let part = Part::of(&arena, &ids(inputs), &ids(outputs))?;
        let mut freezing = Freezing::new(&part, variables);
        let model = freezing.model(self.seed())?;
        Frozen::build(model, &freezing.origins, location).map_err(|unbuilt| match unbuilt {
            Unbuilt::Other(error) => error,
            // What was just made is a model.
            Unbuilt::Fault(fault) => FrozenError::Run(Error::Other(Arc::new(fault))),
        })
    }
}

impl From<WalkError> for FrozenError {
    fn from(error: WalkError) -> Self {
        match error {
            WalkError::Error(error) => error.into(),
            WalkError::TooLarge { most } => FrozenError::TooLarge { most },
        }
    }
}

struct Freezing<'a> {
    part: &'a Part<'a>,
    variables: BTreeMap<String, Value>,
    nodes: Vec<NodeDef>,
    /// What they come from, where another program must know the op.
    origins: Origins,
    arrays: BTreeMap<String, Arc<Value>>,
    /// What each item of the part has become, whose outputs are those of a node.
    places: Vec<Place>,
}

impl<'a> Freezing<'a> {
    fn new(part: &'a Part<'a>, variables: BTreeMap<String, Value>) -> Self {
        Freezing {
            part,
            variables,
            nodes: Vec::new(),
            origins: Vec::new(),
            arrays: BTreeMap::new(),
            places: Vec::new(),
        }
    }

    fn model(&mut self, seed: u64) -> Result<Model, FrozenError> {
        let part = self.part;
        let open = part.items.iter().filter(|item| matches!(item.kind, Kind::Placeholder));
        let placeholders: Vec<Site> = open.map(|item| item.node.site()).collect();
        for item in &part.items {
            self.item(item)?;
        }
        if !placeholders.is_empty() {
            return Err(FrozenError::NotFed { placeholders });
        }
        self.refuse_what_lacks()?;
        let arrays = std::mem::take(&mut self.arrays);
        let held: BTreeSet<String> =
            self.nodes.iter().filter_map(|node| node.attributes.value(ARRAY).ok()).collect();
        Ok(Model {
            seed,
            nodes: std::mem::take(&mut self.nodes),
            inputs: part.inputs.iter().map(|&place| self.places[place]).collect(),
            outputs: part.outputs.iter().map(|&(place, output)| (self.places[place], output)).collect(),
            arrays: arrays.into_iter().filter(|(name, _)| held.contains(name)).collect(),
        })
    }

    /// Freezes an item, behind those that it uses.
    fn item(&mut self, item: &Item<'_>) -> Result<(), FrozenError> {
        let site = || item.node.site();
        let name = item.name.clone();
        let inputs: Vec<Output> =
            item.inputs.iter().map(|&(place, output)| (self.places[place], output)).collect();
        let mut control: Vec<Place> = item.control.iter().map(|&place| self.places[place]).collect();
        control.sort_unstable();
        control.dedup();
        let place = self.nodes.len();
        match &item.kind {
            Kind::Assign { .. } | Kind::Initialize => return Err(FrozenError::Assigns { site: site() }),
            Kind::Branches(_) | Kind::Loop(_) | Kind::Behind => {
                return Err(FrozenError::Control { site: site() });
            }
            // What is not an input has its default.
            Kind::Default => {
                self.places.push(inputs[0].0);
                return Ok(());
            }
            Kind::Variable(_) => {
                let value = self.variables.get(&*item.node.name).cloned().map(Arc::new);
                self.constant(name, value, None);
            }
            Kind::Given | Kind::Placeholder => {
                let of = &item.types[0];
                let attributes = Attributes::new().with(DTYPE, of.dtype).with(SHAPE, of.shape.clone());
                let (op, inputs, control) = (PLACEHOLDER.to_owned(), Vec::new(), Vec::new());
                self.push(NodeDef { op, name, inputs, control, attributes });
            }
            Kind::Constant(value, dims) => {
                let repeated = (*dims != value.shape()).then(|| Shape::from(*dims));
                self.constant(name, Some(Arc::clone(value)), repeated);
            }
            // A check that a layer makes of its input, which this program has made.
            Kind::Op if item.node.op.form() == Form::Same && definition(item.node.op.name()).is_none() => {
                let (op, attributes) = (IDENTITY.to_owned(), Attributes::new());
                let inputs = inputs.into_iter().take(1).collect();
                self.push(NodeDef { op, name, inputs, control, attributes });
            }
            Kind::Op => {
                let (op, attributes) = (item.node.op.name().to_owned(), item.node.op.attributes());
                self.push(NodeDef { op, name, inputs, control, attributes });
                self.origins[place] = Some(Origin::of(item.node));
            }
        }
        self.places.push(place);
        Ok(())
    }

    fn push(&mut self, node: NodeDef) {
        self.nodes.push(node);
        self.origins.push(None);
    }

    /// A constant, whose array gets a name of its own.
    fn constant(&mut self, name: String, value: Option<Arc<Value>>, repeated: Option<Shape>) {
        let is_taken = |array: &String| array == METADATA || self.arrays.contains_key(array);
        let numbered = (1_usize..).map(|number| format!("{name}_{number}"));
        let array = std::iter::once(name.clone()).chain(numbered).find(|array| !is_taken(array));
        let array = array.unwrap_or_default();
        let mut attributes = Attributes::new().with(ARRAY, array.clone());
        if let Some(shape) = repeated {
            attributes = attributes.with(SHAPE, shape);
        }
        self.arrays.extend(value.map(|value| (array, value)));
        let (op, inputs, control) = (CONSTANT.to_owned(), Vec::new(), Vec::new());
        self.push(NodeDef { op, name, inputs, control, attributes });
    }

    /// Refuses ops that cannot be built by name, all of them at once.
    fn refuse_what_lacks(&self) -> Result<(), FrozenError> {
        let mut ops = Vec::new();
        for (node, &origin) in self.nodes.iter().zip(&self.origins) {
            if origin.is_some() && definition(&node.op).is_none() {
                lacks(&mut ops, node, origin);
            }
        }
        if ops.is_empty() { Ok(()) } else { Err(FrozenError::Ops { ops }) }
    }
}
