//! [`Importer`]: builds nodes in an order in which each stands behind what it needs.
//!
//! Takes nodes and options, and a graph that is built in. Gives what each node became. What cannot be built is collected,
//! and so is nothing that needs it: one import tells all that is not supported.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};

use super::control::{self, Branched};
use super::error::GraphDefError;
use super::lists::Counters;
use super::nodes::{Node, Nodes, Port, port_of_graph};
use super::ops::{At, Refusal};
use super::options::{CustomNode, ImportOptions};
use super::restore::Starts;
use super::table;
use super::value::Val;
use crate::graph::{AnyTensor, Graph, Operation};
use crate::io::import::budget::Budget;
use crate::io::import::order::sorted;
use crate::io::missing::Missing;

/// The most nodes that are built, those of functions for each call.
const MAX_NODES: usize = 1 << 20;

/// The most functions, loops and branches that lie in each other: each takes some of the thread's stack.
const MAX_DEPTH: usize = 32;

/// What a file says.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) nodes: &'a Nodes,
    pub(super) functions: &'a HashMap<String, Nodes>,
    /// Its bytes.
    pub(super) length: usize,
    /// What variables start from, if not from zeros.
    pub(super) starts: Option<&'a Starts<'a>>,
}

/// What the nodes of a graph became.
pub(super) struct Built<'g> {
    pub(super) values: Vec<Option<Vec<Val<'g>>>>,
    pub(super) operations: Vec<Option<Operation<'g>>>,
    pub(super) placeholders: Vec<(String, AnyTensor<'g>)>,
    pub(super) variables: Vec<(String, AnyTensor<'g>)>,
}

/// What is built so far of the nodes of a graph, of a function's body, or of a branch or a loop's body among them.
pub(super) struct Scope<'a, 'g> {
    pub(super) nodes: &'a Nodes,
    pub(super) values: HashMap<usize, Vec<Val<'g>>>,
    /// What orders others behind a node, if it has an effect or needs what has one.
    pub(super) operations: HashMap<usize, Operation<'g>>,
    /// Outputs that stand for something else inside.
    pub(super) given: HashMap<Port, Val<'g>>,
    /// What is around it.
    pub(super) around: Option<&'a Scope<'a, 'g>>,
    /// What loops and conditionals gave that are built.
    pub(super) loops: RefCell<HashMap<usize, Vec<Val<'g>>>>,
    pub(super) branches: RefCell<HashMap<usize, Branched<'g>>>,
}

impl<'a, 'g> Scope<'a, 'g> {
    /// Of these nodes, none of them built.
    pub(super) fn new(nodes: &'a Nodes) -> Self {
        Scope {
            nodes,
            values: HashMap::new(),
            operations: HashMap::new(),
            given: HashMap::new(),
            around: None,
            loops: RefCell::default(),
            branches: RefCell::default(),
        }
    }

    /// A scope inside this one, with other values for some outputs.
    pub(super) fn inside<'b>(&'b self, given: HashMap<Port, Val<'g>>) -> Scope<'b, 'g>
    where
        'a: 'b,
    {
        Scope { given, around: Some(self), ..Scope::new(self.nodes) }
    }

    /// What an output is, if it is built.
    pub(super) fn value(&self, port: Port) -> Option<&Val<'g>> {
        // What is missing or left out is so with all its outputs.
        let whole = |values: &'_ [Val<'g>]| matches!(values, [Val::Missing | Val::LeftOut]);
        let output = |values: &[Val<'g>]| if whole(values) { 0 } else { port.output };
        let own = self
            .given
            .get(&port)
            .or_else(|| self.values.get(&port.node).and_then(|all| all.get(output(all))));
        own.or_else(|| self.around?.value(port))
    }

    /// Whether a node is built.
    pub(super) fn has(&self, node: usize) -> bool {
        self.values.contains_key(&node) || self.around.is_some_and(|around| around.has(node))
    }

    /// What orders others behind a node.
    fn operation(&self, node: usize) -> Option<Operation<'g>> {
        let own = self.operations.get(&node).copied();
        // A body is ordered as a whole behind what is around it.
        if self.values.contains_key(&node) { own } else { None }
    }

    fn has_effect(&self, node: usize) -> bool {
        self.operations.contains_key(&node) || self.around.is_some_and(|around| around.has_effect(node))
    }
}

/// What builds.
pub(super) struct Importer<'a, 'g> {
    pub(super) graph: &'g Graph,
    pub(super) source: &'a Source<'a>,
    pub(super) options: &'a ImportOptions<'g>,
    pub(super) missing: RefCell<Missing>,
    pub(super) placeholders: RefCell<Vec<(String, AnyTensor<'g>)>>,
    pub(super) variables: RefCell<Vec<(String, AnyTensor<'g>)>>,
    pub(super) budget: RefCell<Budget>,
    /// Variables that only optimizers read and change, by their nodes' names.
    pub(super) slots: HashSet<String>,
    calls: RefCell<Vec<String>>,
    /// Loops with lists around what is built, each with what counts its iterations.
    pub(super) counters: RefCell<Counters>,
    /// How many functions, loops and branches lie around what is built.
    depth: Cell<usize>,
    loops: Cell<usize>,
    built: Cell<usize>,
}

impl<'a, 'g> Importer<'a, 'g> {
    pub(super) fn new(graph: &'g Graph, source: &'a Source<'a>, options: &'a ImportOptions<'g>) -> Self {
        Importer {
            graph,
            source,
            options,
            missing: RefCell::default(),
            placeholders: RefCell::default(),
            variables: RefCell::default(),
            budget: RefCell::new(Budget::of_file(source.length)),
            slots: super::ops::slots(source.nodes),
            calls: RefCell::default(),
            counters: RefCell::default(),
            depth: Cell::new(0),
            loops: Cell::new(0),
            built: Cell::new(0),
        }
    }

    /// Builds all nodes, or those that the options ask for.
    pub(super) fn import(self) -> Result<Built<'g>, GraphDefError> {
        let nodes = self.source.nodes;
        let lacking = |name: &String| GraphDefError::NoSuchNode { name: name.clone() };
        let named = self.options.inputs.keys().chain(self.options.shapes.keys());
        if let Some(name) = named.into_iter().find(|name| !nodes.by_name.contains_key(*name)) {
            return Err(lacking(name));
        }
        let roots: Vec<usize> = if let Some(outputs) = &self.options.outputs {
            let node = |name: &String| {
                port_of_graph(name, &nodes.by_name, &[]).map(|port| port.node).ok_or_else(|| lacking(name))
            };
            outputs.iter().map(node).collect::<Result<_, _>>()?
        } else {
            let read: HashSet<usize> =
                nodes.all.iter().flat_map(|node| node.inputs.iter().map(|port| port.node)).collect();
            let is_wanted = |place: &usize| nodes.all[*place].op != "Placeholder" || read.contains(place);
            control::roots(nodes).into_iter().filter(is_wanted).collect()
        };
        let mut scope = Scope::new(nodes);
        self.evaluate(&mut scope, &roots)?;
        if let Some(all) = self.missing.into_inner().into_all() {
            return Err(GraphDefError::Unsupported { all });
        }
        let Scope { mut values, operations, .. } = scope;
        let places = 0..nodes.all.len();
        Ok(Built {
            values: places.clone().map(|place| values.remove(&place)).collect(),
            operations: places.map(|place| operations.get(&place).copied()).collect(),
            placeholders: self.placeholders.into_inner(),
            variables: self.variables.into_inner(),
        })
    }

    /// Builds nodes and what they need.
    pub(super) fn evaluate(&self, scope: &mut Scope<'_, 'g>, roots: &[usize]) -> Result<(), GraphDefError> {
        let nodes = scope.nodes;
        let order = {
            let scope = &*scope;
            let needs =
                |place: usize| if scope.has(place) { Vec::new() } else { control::needs(scope, place) };
            sorted(nodes.all.len(), Some(roots), needs)
        };
        let order = order.map_err(|cycle| {
            let nodes = cycle.iter().filter_map(|&place| nodes.all.get(place)).map(|node| node.name.clone());
            GraphDefError::Cycle { nodes: nodes.collect() }
        })?;
        for place in order {
            if !scope.has(place) {
                self.node(scope, place)?;
            }
        }
        Ok(())
    }

    /// Builds a node, for which all that it needs is built.
    fn node(&self, scope: &mut Scope<'_, 'g>, place: usize) -> Result<(), GraphDefError> {
        self.built.set(self.built.get() + 1);
        if self.built.get() > MAX_NODES {
            return Err(GraphDefError::TooLarge { most: MAX_NODES });
        }
        let nodes = scope.nodes;
        let Some(node) = nodes.all.get(place) else { return Ok(()) };
        let before = self.graph.len();
        let mut ordered: Vec<Operation<'g>> =
            node.control.iter().filter_map(|&control| scope.operation(control)).collect();
        ordered.extend(node.inputs.iter().filter_map(|&port| order_of(scope, port)));
        let within = Cell::new(false);
        let values = self.values(scope, place, node, &ordered, &within)?;
        let is_effect = table::has_effect(&node.op)
            || within.get()
            || node.inputs.iter().any(|port| scope.has_effect(port.node))
            || !ordered.is_empty();
        let first = values.first().and_then(|value| match value {
            Val::Tensor(tensor) | Val::Variable { after: Some(tensor), .. } => Some(*tensor),
            _ => None,
        });
        // What was there before has a name.
        if let Some(first) = first.filter(|first| first.node().index() >= before && node.op != "Placeholder")
        {
            first.rename(&node.name);
        }
        if is_effect {
            let is_own = first.is_some_and(|first| first.node().index() >= before);
            let operation = match first {
                Some(first) if is_own || ordered.is_empty() => first.op(),
                first => {
                    ordered.extend(first.map(AnyTensor::op));
                    let group = self.graph.group(ordered);
                    let is_named =
                        scope.around.is_none() && values.iter().any(|value| matches!(value, Val::Effect));
                    if is_named { group.named(&node.name) } else { group }
                }
            };
            scope.operations.insert(place, operation);
        }
        scope.values.insert(place, values);
        Ok(())
    }

    /// The outputs of a node.
    fn values(
        &self,
        scope: &Scope<'_, 'g>,
        place: usize,
        node: &Node,
        ordered: &[Operation<'g>],
        has_effect: &Cell<bool>,
    ) -> Result<Vec<Val<'g>>, GraphDefError> {
        if scope.around.is_none()
            && std::ptr::eq(scope.nodes, self.source.nodes)
            && let Some(&tensor) = self.options.inputs.get(&node.name)
        {
            return Ok(vec![Val::Tensor(tensor)]);
        }
        let controlled = || control::built(self, scope, place, has_effect);
        let controlled = if ordered.is_empty() {
            controlled()
        } else {
            self.graph.control_dependencies(ordered, controlled)
        };
        match controlled {
            Ok(None) => {}
            Ok(Some(values)) => return Ok(values),
            Err(refusal) => {
                self.refuse(refusal, node)?;
                return Ok(vec![Val::Missing]);
            }
        }
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for port in &node.inputs {
            if let Some(value) = scope.value(*port) {
                inputs.push(value.clone());
            } else {
                let giver = scope.nodes.all.get(port.node);
                let giver = giver.map_or(String::new(), |giver| giver.name.clone());
                return Err(GraphDefError::Node {
                    node: node.name.clone(),
                    expected: "inputs that nodes of the graph give".to_owned(),
                    found: format!("output {} of `{}`", port.output, crate::quote::quoted(&giver)),
                });
            }
        }
        if inputs.iter().any(|input| matches!(input, Val::Missing)) {
            return Ok(vec![Val::Missing]);
        }
        let is_left_out =
            table::is_left_out(node) || inputs.iter().any(|input| matches!(input, Val::LeftOut));
        if is_left_out {
            return Ok(vec![Val::LeftOut]);
        }
        let at = At { importer: self, nodes: scope.nodes, node, inputs };
        let build = || match (self.options.custom.get(&node.op), table::find(&node.op)) {
            (Some(custom), _) => {
                let inputs: Result<Vec<AnyTensor<'g>>, Refusal> =
                    (0..at.inputs.len()).map(|input| at.tensor(input)).collect();
                let outputs = custom(self.graph, &CustomNode { node }, &inputs?);
                Ok(outputs.into_iter().map(Val::Tensor).collect())
            }
            (None, Some(build)) => build(&at),
            (None, None) => Err(Refusal::Op),
        };
        let built =
            if ordered.is_empty() { build() } else { self.graph.control_dependencies(ordered, build) };
        match built {
            Ok(values) => Ok(values),
            Err(refusal) => {
                self.refuse(refusal, node)?;
                Ok(vec![Val::Missing])
            }
        }
    }

    /// Keeps what is not supported of a node.
    fn refuse(&self, refusal: Refusal, node: &Node) -> Result<(), GraphDefError> {
        let mut missing = self.missing.borrow_mut();
        match refusal {
            Refusal::Fault(fault) => return Err(*fault),
            Refusal::Told => {}
            Refusal::Op => missing.op(&node.op, &node.name),
            Refusal::Detail(detail) => missing.detail(&node.op, &node.name, detail),
        }
        Ok(())
    }

    /// Enters a function, unless it calls itself.
    pub(super) fn entered<R>(
        &self,
        function: &str,
        node: &Node,
        call: impl FnOnce(&'a Nodes) -> Result<R, Refusal>,
    ) -> Result<R, Refusal> {
        let Some((name, nodes)) = self.source.functions.get_key_value(function) else {
            return Err(Refusal::Detail(format!(
                "expected a function of the library, got `{}`",
                crate::quote::quoted(function)
            )));
        };
        let is_within = self.calls.borrow().contains(name);
        if is_within {
            let mut cycle: Vec<String> = self.calls.borrow().clone();
            cycle.push(name.clone());
            return Err(GraphDefError::Cycle { nodes: cycle }.into());
        }
        self.calls.borrow_mut().push(name.clone());
        let called = self.nested(node, || call(nodes));
        self.calls.borrow_mut().pop();
        called
    }

    /// Builds what belongs to a loop or a branch.
    pub(super) fn deeper<R>(
        &self,
        place: usize,
        nodes: &Nodes,
        build: impl FnOnce() -> Result<R, Refusal>,
    ) -> Result<R, Refusal> {
        match nodes.all.get(place) {
            Some(node) => self.nested(node, build),
            None => build(),
        }
    }

    /// A number for a loop, which no other has.
    pub(super) fn next_loop(&self) -> usize {
        self.loops.set(self.loops.get() + 1);
        self.loops.get()
    }

    fn nested<R>(&self, node: &Node, build: impl FnOnce() -> Result<R, Refusal>) -> Result<R, Refusal> {
        if self.depth.get() >= MAX_DEPTH {
            let expected =
                format!("functions, loops and branches of which at most {MAX_DEPTH} lie in each other");
            return Err(
                GraphDefError::Node { node: node.name.clone(), expected, found: "more".to_owned() }.into()
            );
        }
        self.depth.set(self.depth.get() + 1);
        let built = build();
        self.depth.set(self.depth.get() - 1);
        built
    }
}

/// What a reader of an output is ordered behind, unless reading does that: where the output is no tensor of the node's
/// own, such as a number that is known.
fn order_of<'g>(scope: &Scope<'_, 'g>, port: Port) -> Option<Operation<'g>> {
    let operation = scope.operation(port.node)?;
    let is_read = match scope.value(port)? {
        Val::Tensor(tensor) | Val::Variable { after: Some(tensor), .. } => {
            tensor.node() == operation.any.node()
        }
        _ => false,
    };
    (!is_read).then_some(operation)
}
