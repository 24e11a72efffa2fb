//! Graphs, bodies and functions of a model, node by node.
//!
//! Takes nodes and what names stand for around them; gives what names stand for behind them. What cannot be built is
//! noted, and what is built on it is left out, so that one error tells all.
//!
//! Invariant: nodes are built behind what they need, whatever their order in the file, and no more of them than the
//! importer's budget, however functions call each other.

use std::cell::{Cell, RefCell};

use foldhash::{HashMap, HashSet};

use super::error::{Faults, NodeFault, OnnxError};
use super::fold::fold;
use super::item::Item;
use super::messages::{AttributeProto, FunctionProto, GraphProto, NodeProto, OperatorSetId};
use super::node::{At, Built};
use super::options::{CustomNode, ImportOptions};
use super::table;
use super::tensor::Reader;
use crate::graph::Graph;
use crate::io::import::order::sorted;
use crate::ir::NodeId;
use crate::quote::quoted;

/// The most nodes that are built, those of called functions counted for each call.
const MOST_NODES: usize = 1 << 20;

/// Functions and bodies one inside the other.
const MOST_NESTED: usize = 32;

/// What a function is called by: domain, name, overload.
type FunctionKey<'a> = (&'a str, &'a str, &'a str);

/// What all of a model is imported with.
pub(super) struct Importer<'a, 'g> {
    pub(super) graph: &'g Graph,
    pub(super) options: &'a ImportOptions<'a>,
    pub(super) functions: HashMap<FunctionKey<'a>, &'a FunctionProto>,
    pub(super) faults: RefCell<Faults>,
    pub(super) notes: RefCell<Vec<String>>,
    pub(super) reader: RefCell<Reader>,
    nodes_left: Cell<usize>,
}

/// What names stand for, in one graph, body or function.
pub(super) struct Scope<'a, 'g> {
    pub(super) importer: &'a Importer<'a, 'g>,
    outer: Option<&'a Scope<'a, 'g>>,
    names: HashMap<String, Item<'g>>,
    /// The version of each domain's set of ops.
    versions: HashMap<&'a str, i64>,
    depth: usize,
}

/// The domain of ONNX's own ops has two names.
pub(super) fn domain(name: &str) -> &str {
    if name == "ai.onnx" { "" } else { name }
}

/// The versions that a model or a function asks for.
pub(super) fn versions(sets: &[OperatorSetId]) -> HashMap<&str, i64> {
    sets.iter().map(|set| (domain(&set.domain), set.version)).collect()
}

impl<'a, 'g> Importer<'a, 'g> {
    pub(super) fn new(graph: &'g Graph, options: &'a ImportOptions<'a>, reader: Reader) -> Self {
        Importer {
            graph,
            options,
            functions: HashMap::default(),
            faults: RefCell::default(),
            notes: RefCell::default(),
            reader: RefCell::new(reader),
            nodes_left: Cell::new(MOST_NODES),
        }
    }

    pub(super) fn note(&self, note: String) {
        let mut notes = self.notes.borrow_mut();
        if notes.len() < 1000 && !notes.contains(&note) {
            notes.push(note);
        }
    }
}

/// Names that the nodes of a body take from around it.
fn captured<'p>(body: &'p GraphProto, names: &mut Vec<&'p str>) {
    for node in &body.node {
        names.extend(node.input.iter().map(String::as_str));
        bodies(node).for_each(|inner| captured(inner, names));
    }
    // What a body gives may be a value of around it as it is.
    names.extend(body.output.iter().map(|output| &*output.name));
}

/// The bodies of a node.
fn bodies(node: &NodeProto) -> impl Iterator<Item = &GraphProto> {
    node.attribute.iter().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs))
}

/// All names that a node needs.
fn needed(node: &NodeProto) -> Vec<&str> {
    let mut names: Vec<&str> = node.input.iter().map(String::as_str).collect();
    bodies(node).for_each(|body| captured(body, &mut names));
    names
}

impl<'a, 'g> Scope<'a, 'g> {
    pub(super) fn new(importer: &'a Importer<'a, 'g>, versions: HashMap<&'a str, i64>) -> Self {
        Scope { importer, outer: None, names: HashMap::default(), versions, depth: 0 }
    }

    pub(super) fn define(&mut self, name: &str, item: Item<'g>) {
        self.names.insert(name.to_owned(), item);
    }

    /// What a name stands for, here or around here.
    pub(super) fn find(&self, name: &str) -> Option<&Item<'g>> {
        let mut scope = Some(self);
        while let Some(here) = scope {
            if let Some(item) = here.names.get(name) {
                return Some(item);
            }
            scope = here.outer;
        }
        None
    }

    /// Builds what outputs need, in order.
    pub(super) fn build(&mut self, nodes: &[NodeProto], outputs: &[&str]) {
        let mut producers: HashMap<&str, usize> = HashMap::default();
        for (index, node) in nodes.iter().enumerate() {
            for output in node.output.iter().filter(|output| !output.is_empty()) {
                if producers.insert(output, index).is_some() || self.names.contains_key(output) {
                    let place = format!("value `{}`", quoted(output));
                    let error =
                        OnnxError::model(place, "expected one node or initializer that gives it, got two");
                    return self.importer.faults.borrow_mut().fatal(error);
                }
            }
        }
        let roots: Vec<usize> = outputs.iter().filter_map(|&output| producers.get(output).copied()).collect();
        let needs = |index: usize| -> Vec<usize> {
            nodes.get(index).map_or(Vec::new(), |node| {
                needed(node).into_iter().filter_map(|name| producers.get(name).copied()).collect()
            })
        };
        let order = match sorted(nodes.len(), Some(&roots), needs) {
            Ok(order) => order,
            Err(cycle) => {
                let names = cycle.iter().filter_map(|&index| nodes.get(index)).map(shown).take(12);
                let names: Vec<String> = names.collect();
                let reason = format!("expected nodes without a cycle, got one of {} nodes", cycle.len());
                let error = OnnxError::model(format!("nodes {}", names.join(", ")), reason);
                return self.importer.faults.borrow_mut().fatal(error);
            }
        };
        for node in order.into_iter().filter_map(|index| nodes.get(index)) {
            if self.importer.faults.borrow().is_fatal() {
                return;
            }
            let left = self.importer.nodes_left.get();
            if left == 0 {
                let reason = format!(
                    "expected at most {MOST_NODES} nodes, those of called functions included, got more"
                );
                return self.importer.faults.borrow_mut().fatal(OnnxError::model("model", reason));
            }
            self.importer.nodes_left.set(left - 1);
            let given = self.node(node);
            for (index, name) in node.output.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
                let item = given.get(index).cloned().unwrap_or_else(Item::broken);
                self.names.insert(name.clone(), item);
            }
        }
    }

    /// What a node gives: what is broken for what it cannot give, which is noted.
    fn node(&self, node: &NodeProto) -> Vec<Item<'g>> {
        match self.built(node) {
            Ok(Some(items)) => {
                let lacking = node
                    .output
                    .iter()
                    .enumerate()
                    .find(|(index, name)| !name.is_empty() && *index >= items.len());
                if let Some((index, _)) = lacking {
                    self.fault(node, NodeFault::Unsupported(format!("output {index}")));
                }
                items
            }
            Ok(None) => Vec::new(),
            Err(fault) => {
                self.fault(node, fault);
                Vec::new()
            }
        }
    }

    fn fault(&self, node: &NodeProto, fault: NodeFault) {
        self.importer.faults.borrow_mut().node(&op_name(node), &place(node), fault);
    }

    /// What a node gives; nothing, if it is built on what could not be built.
    fn built(&self, node: &NodeProto) -> Result<Option<Vec<Item<'g>>>, NodeFault> {
        let mut inputs: Vec<Option<Item<'g>>> = Vec::new();
        for name in &node.input {
            inputs.push(match self.find(name) {
                _ if name.is_empty() => None,
                Some(item) => Some(item.clone()),
                None => {
                    return Err(NodeFault::Invalid(format!(
                        "expected a value `{}`, got none of that name",
                        quoted(name)
                    )));
                }
            });
        }
        // Optional inputs at the end may be written or not.
        while inputs.last().is_some_and(Option::is_none) {
            inputs.pop();
        }
        if inputs.iter().flatten().any(Item::is_broken) {
            return Ok(None);
        }
        let domain = domain(&node.domain);
        let graph = self.importer.graph;
        if let Some(build) = self.importer.options.custom_op(domain, &node.op_type) {
            let version = self.versions.get(domain).copied().unwrap_or(1);
            let at = At::new(graph, node, version, &inputs, Some(self));
            let tensors = build(&CustomNode::new(&at)).map_err(NodeFault::Invalid)?;
            return self.valid(node, tensors.into_iter().map(Item::run).collect()).map(Some);
        }
        if let Some(&function) = self.importer.functions.get(&(domain, &*node.op_type, &*node.overload)) {
            return self.call(node, function, inputs).map(Some);
        }
        let Some(&version) = self.versions.get(domain) else {
            return Err(NodeFault::Invalid(format!(
                "expected the version of domain `{}`, got none",
                quoted(domain)
            )));
        };
        let Some(row) = table::find(domain, &node.op_type, version) else {
            self.importer.faults.borrow_mut().missing(&op_name(node), &place(node), None);
            return Ok(None);
        };
        if let Some(items) = fold(row, node, version, &inputs) {
            return Ok(Some(items));
        }
        let before = graph.len();
        let at = At::new(graph, node, version, &inputs, Some(self));
        let items = (row.build)(&at)?;
        at.check_attributes()?;
        let items = self.valid(node, items)?;
        self.name(node, &items, before);
        Ok(Some(items))
    }

    /// The items, unless one is of an invalid node.
    fn valid(&self, node: &NodeProto, items: Vec<Item<'g>>) -> Built<'g> {
        let graph = self.importer.graph;
        for item in items
            .iter()
            .take(node.output.len())
            .filter(|item| !item.is_broken() && item.known_value().is_none())
        {
            if item.is_partly_known() {
                continue;
            }
            let tensor = item.tensor(graph);
            if !tensor.is_of(graph) {
                return Err(NodeFault::Invalid(
                    "expected a tensor of the graph, got one of another graph".to_owned(),
                ));
            }
            if tensor.is_invalid() {
                let arena = graph.shared().read();
                let error = arena.node(tensor.node()).fault.map(|fault| arena.error(fault).to_string());
                let reason = error.unwrap_or_else(|| "expected a valid node, got one that is not".to_owned());
                return Err(NodeFault::Invalid(reason));
            }
        }
        Ok(items)
    }

    /// Gives what a node has added the names that the file has for its outputs.
    fn name(&self, node: &NodeProto, items: &[Item<'g>], before: usize) {
        let graph = self.importer.graph;
        let mut named: HashSet<NodeId> = HashSet::default();
        for (item, name) in items.iter().zip(&node.output).filter(|(_, name)| !name.is_empty()) {
            if item.is_partly_known() || item.known_value().is_some() || item.is_broken() {
                continue;
            }
            let tensor = item.tensor(graph);
            if (tensor.node().0 as usize) >= before && named.insert(tensor.node()) {
                tensor.rename(name);
            }
        }
    }

    /// The results of a body for these arguments.
    pub(super) fn run_body(&self, body: &GraphProto, arguments: Vec<Item<'g>>) -> Built<'g> {
        self.check_depth()?;
        let mut inner = Scope {
            importer: self.importer,
            outer: Some(self),
            names: HashMap::default(),
            versions: self.versions.clone(),
            depth: self.depth + 1,
        };
        if body.input.len() != arguments.len() {
            let (expected, found) = (arguments.len(), body.input.len());
            return Err(NodeFault::Invalid(format!(
                "expected a body of {expected} inputs, got one of {found}"
            )));
        }
        inner.initializers(body)?;
        for (input, item) in body.input.iter().zip(arguments) {
            inner.define(&input.name, item);
        }
        let outputs: Vec<&str> = body.output.iter().map(|output| &*output.name).collect();
        inner.build(&body.node, &outputs);
        inner.results(&outputs)
    }

    /// What names stand for that a graph or a function gives.
    pub(super) fn results(&self, outputs: &[&str]) -> Built<'g> {
        let find = |name: &&str| {
            let lacks = || {
                NodeFault::Invalid(format!(
                    "expected a value `{}` to give, got none of that name",
                    quoted(name)
                ))
            };
            self.find(name).cloned().ok_or_else(lacks)
        };
        outputs.iter().map(find).collect()
    }

    /// Defines the constants of a body.
    fn initializers(&mut self, body: &GraphProto) -> Result<(), NodeFault> {
        for tensor in &body.initializer {
            let array = self.importer.reader.borrow_mut().read(tensor, "initializer");
            let array = array.map_err(|error| NodeFault::Invalid(error.to_string()))?;
            let item = Item::value(array.value).with_element(Some(array.element));
            self.define(&tensor.name, item);
        }
        Ok(())
    }

    /// Builds the tensors of what bodies capture, so that they stand outside of them.
    pub(super) fn place_captured(&self, bodies: &[&GraphProto]) {
        let mut names = Vec::new();
        for body in bodies {
            captured(body, &mut names);
        }
        for item in names.into_iter().filter_map(|name| self.find(name)).filter(|item| !item.is_broken()) {
            item.tensor(self.importer.graph);
        }
    }

    fn check_depth(&self) -> Result<(), NodeFault> {
        if self.depth < MOST_NESTED {
            return Ok(());
        }
        Err(NodeFault::Invalid(format!(
            "expected at most {MOST_NESTED} functions and bodies one inside the other, got more"
        )))
    }

    /// What a function of the model gives, built in place.
    fn call(&self, node: &NodeProto, function: &FunctionProto, inputs: Vec<Option<Item<'g>>>) -> Built<'g> {
        self.check_depth()?;
        if inputs.len() > function.input.len() {
            let (expected, found) = (function.input.len(), inputs.len());
            return Err(NodeFault::Invalid(format!("expected at most {expected} inputs, got {found}")));
        }
        let mut versions: HashMap<&str, i64> = self.versions.clone();
        versions.extend(super::scope::versions(&function.opset_import));
        let mut given: HashMap<&str, &AttributeProto> =
            function.attribute_proto.iter().map(|attribute| (&*attribute.name, attribute)).collect();
        given.extend(node.attribute.iter().map(|attribute| (&*attribute.name, attribute)));
        let nodes: Vec<NodeProto> = function.node.iter().map(|node| with_attributes(node, &given)).collect();
        let mut inner: Scope<'_, 'g> = Scope {
            importer: self.importer,
            outer: None,
            names: HashMap::default(),
            versions,
            depth: self.depth + 1,
        };
        let mut inputs = inputs.into_iter();
        let mut absent: HashSet<&str> = HashSet::default();
        for name in &function.input {
            match inputs.next().flatten() {
                Some(item) => inner.define(name, item),
                None => drop(absent.insert(name)),
            }
        }
        // An input that lacks is one that nodes lack.
        let nodes: Vec<NodeProto> = if absent.is_empty() {
            nodes
        } else {
            let without = |mut node: NodeProto| {
                node.input.iter_mut().filter(|name| absent.contains(&***name)).for_each(String::clear);
                node
            };
            nodes.into_iter().map(without).collect()
        };
        let last = node.output.iter().rposition(|name| !name.is_empty()).map_or(0, |index| index + 1);
        let outputs: Vec<&str> = function.output.iter().take(last).map(String::as_str).collect();
        inner.build(&nodes, &outputs);
        inner.results(&outputs)
    }
}

/// A node of a function's body with the attributes of the call in their places.
fn with_attributes(node: &NodeProto, given: &HashMap<&str, &AttributeProto>) -> NodeProto {
    let mut node = node.clone();
    let attributes = std::mem::take(&mut node.attribute);
    node.attribute = attributes
        .into_iter()
        .filter_map(|mut attribute| {
            if !attribute.ref_attr_name.is_empty() {
                let found = *given.get(&*attribute.ref_attr_name)?;
                return Some(AttributeProto { name: attribute.name, ..found.clone() });
            }
            let inner = attribute.g.iter_mut().chain(&mut attribute.graphs);
            for body in inner {
                body.node = body.node.iter().map(|node| with_attributes(node, given)).collect();
            }
            Some(attribute)
        })
        .collect();
    node
}

/// What messages call an op.
fn op_name(node: &NodeProto) -> String {
    match domain(&node.domain) {
        "" => node.op_type.clone(),
        domain => format!("{domain}.{}", node.op_type),
    }
}

/// What messages call a node: by its name, or what it gives.
fn place(node: &NodeProto) -> String {
    if !node.name.is_empty() {
        return node.name.clone();
    }
    node.output.iter().find(|name| !name.is_empty()).map_or_else(String::new, |name| format!("-> {name}"))
}

fn shown(node: &NodeProto) -> String {
    format!("`{}`", quoted(&place(node)))
}
