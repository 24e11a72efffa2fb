//! [`Writer`]: the items of a part as nodes of TensorFlow.
//!
//! A variable is a resource. It is read once in a run, before any assignment, and an assignment is behind that; who sees
//! what an assignment gives is given that, so that nothing depends on when TensorFlow runs what is not ordered.

use std::collections::BTreeMap;

use foldhash::HashMap;

use super::at::{At, Row};
use super::block::{Block, Port, number, of_shape, of_type};
use super::{lengths, matrices, moves, parts, program, random, scattered, special};
use crate::element::Value;
use crate::graph::Arena;
use crate::graph::op::Form;
use crate::io::export::built_in::BuiltIn;
use crate::io::export::expand::{Unexpanded, expanded};
use crate::io::export::names::Unique;
use crate::io::export::{Item, Kind, Part};
use crate::io::missing::Missing;
use crate::io::tensorflow::{Attr, FunctionDef, legal_name};
use crate::ir::VariableId;
use crate::ops::definition;
use crate::shape::TensorType;

/// The tables of ops that are written in a way of their own; all others as what they compute.
const FAMILIES: &[&[Row]] =
    &[matrices::OPS, moves::OPS, parts::OPS, random::OPS, scattered::OPS, special::OPS];

/// The tables of ops that are written so only where what they compute is no formula of lengths.
const OTHERWISE: &[&[Row]] = &[lengths::OF_UNKNOWN, parts::PUT_BACK];

/// Ops of the tables that are written as what they compute where lengths are known.
const BY_LENGTHS: [&str; 10] = [
    "broadcast_along",
    "broadcast_like",
    "concat_extent",
    "concat_part",
    "concat_part_transposed",
    "pad",
    "reshape_like",
    "roll",
    "roll_back",
    "sum_like",
];

/// Ops that tensors may tell lengths.
const TOLD_LENGTHS: [&str; 2] = ["broadcast_to", "reshape"];

/// A variable as it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handle {
    pub(super) resource: Port,
    /// Its value from before the run.
    pub(super) read: Port,
}

/// What an item has become.
#[derive(Clone, Debug, Default)]
pub(super) struct Done {
    pub(super) ports: Vec<Port>,
    /// The nodes that are done when it is.
    pub(super) nodes: Vec<usize>,
}

pub(super) struct Writer<'a> {
    pub(super) arena: &'a Arena,
    seed: u64,
    built_in: BuiltIn,
    pub(super) missing: Missing,
    pub(super) library: Vec<FunctionDef>,
    pub(super) functions: Unique,
    pub(super) variables: BTreeMap<VariableId, Handle>,
    /// Whether what has been written of a function draws random numbers.
    pub(super) draws: bool,
    /// How many functions are being written, one inside the other.
    pub(super) depth: usize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(arena: &'a Arena, seed: u64) -> Self {
        Writer {
            arena,
            seed,
            built_in: BuiltIn::default(),
            missing: Missing::default(),
            library: Vec::new(),
            functions: Unique::by(|name| legal_name(name).replace(['.', '/', '-'], "_")),
            variables: BTreeMap::new(),
            draws: false,
            depth: 0,
        }
    }

    /// The variable's resource and its value; the nodes are written where it is first asked for.
    pub(super) fn variable(&mut self, block: &mut Block, id: VariableId) -> Handle {
        if let Some(&known) = self.variables.get(&id) {
            return known;
        }
        let record = &self.arena.variables[id.index()];
        let (dtype, shape) = (number(record.dtype), record.dims.as_slice().into());
        let name = block.reserve(&record.name);
        // The nodes belong to no item, and are behind nothing.
        let (scope, behind) = block.leave();
        block.begin(&name, Vec::new());
        let shared = Attr::Bytes(name.clone().into_bytes());
        let attributes = vec![of_type("dtype", dtype), of_shape("shape", &shape), ("shared_name", shared)];
        let resource = block.named(name.clone(), "VarHandleOp", &[], attributes, super::block::RESOURCE);
        let read_name = block.reserve(&format!("{name}/Read/ReadVariableOp"));
        let read =
            block.named(read_name, "ReadVariableOp", &[resource], vec![of_type("dtype", dtype)], dtype);
        block.begin(&scope, behind);
        let handle = Handle { resource, read };
        self.variables.insert(id, handle);
        handle
    }

    /// An assignment, behind the reading of the variable; gives the node.
    pub(super) fn assign(&mut self, block: &mut Block, id: VariableId, value: Port) -> usize {
        let Handle { resource, read } = self.variable(block, id);
        let attributes = vec![of_type("dtype", value.dtype)];
        let assign = block.node("AssignVariableOp", &[resource, value], attributes, 0).node;
        block.order(read.node, assign);
        assign
    }

    /// Writes the items of a part, which is given these; gives what each has become.
    pub(super) fn part(&mut self, block: &mut Block, part: &Part<'a>, given: &[Port]) -> Vec<Done> {
        let mut done: Vec<Done> = Vec::with_capacity(part.items.len());
        let given: HashMap<usize, Port> = part.inputs.iter().copied().zip(given.iter().copied()).collect();
        for (place, item) in part.items.iter().enumerate() {
            if let Some(&port) = given.get(&place) {
                done.push(Done { ports: vec![port], nodes: vec![port.node] });
                continue;
            }
            let input = |&(before, output): &(usize, u32)| {
                let port = done.get(before).and_then(|done: &Done| done.ports.get(output as usize));
                port.copied().unwrap_or(NOTHING)
            };
            let inputs: Vec<Port> = item.inputs.iter().map(input).collect();
            let types: Vec<TensorType> = item
                .inputs
                .iter()
                .map(|&input| part.type_of(input).cloned().unwrap_or_else(TensorType::nothing))
                .collect();
            let behind: Vec<usize> =
                item.control.iter().flat_map(|&before| done[before].nodes.iter().copied()).collect();
            // A variable's name is its resource's.
            let name = match item.kind {
                Kind::Variable(_) => item.name.clone(),
                _ => block.reserve(&item.name),
            };
            block.begin(&name, behind);
            let first = block.len();
            let mut written = self.item(block, item, &inputs, &types).unwrap_or_else(|why| {
                let op = item.node.op.name();
                match why {
                    Some(why) => self.missing.detail(op, &item.name, why),
                    None => self.missing.op(op, &item.name),
                }
                Done { ports: vec![NOTHING; item.types.len().max(1)], nodes: Vec::new() }
            });
            if !matches!(item.kind, Kind::Variable(_)) {
                call(block, &mut written, first, name);
            }
            block.begin("", Vec::new());
            if written.nodes.is_empty() {
                written.nodes = written.ports.iter().map(|port| port.node).collect();
                written.nodes.dedup();
            }
            done.push(written);
        }
        done
    }

    /// Writes an item; nothing as the reason where TensorFlow has nothing like it.
    fn item(
        &mut self,
        block: &mut Block,
        item: &Item<'a>,
        inputs: &[Port],
        types: &[TensorType],
    ) -> Result<Done, Option<String>> {
        let one = |port: Port| Ok(Done { ports: vec![port], nodes: Vec::new() });
        match &item.kind {
            Kind::Given | Kind::Placeholder => {
                let of = &item.types[0];
                let dtype = number(of.dtype);
                let attributes = vec![of_type("dtype", dtype), of_shape("shape", &of.shape)];
                one(block.node("Placeholder", &[], attributes, dtype))
            }
            Kind::Default => {
                let of = &item.types[0];
                let attributes = vec![of_type("dtype", inputs[0].dtype), of_shape("shape", &of.shape)];
                one(block.node("PlaceholderWithDefault", &inputs[..1], attributes, inputs[0].dtype))
            }
            &Kind::Variable(id) => one(self.variable(block, id).read),
            &Kind::Assign { variable, op } => {
                let value = match op {
                    "assign_add" => block.same("AddV2", inputs),
                    "assign_sub" => block.same("Sub", inputs),
                    _ => inputs[1],
                };
                if self.depth > 0 {
                    // What a branch leaves in a variable is assigned behind the conditional.
                    return one(block.identity(value));
                }
                let assign = self.assign(block, variable, value);
                let given = block.identity(value);
                block.order(assign, given.node);
                one(given)
            }
            Kind::Initialize => self.initialize(block),
            Kind::Constant(value, dims) => {
                let constant = block.constant(value);
                if *dims == value.shape() {
                    return one(constant);
                }
                let lengths: Vec<i64> = dims.iter().map(|&length| length as i64).collect();
                let lengths = block.longs(&lengths);
                one(block.broadcast(constant, lengths))
            }
            Kind::Behind => one(block.identity(inputs[0])),
            Kind::Branches(branches) => self.branches(block, item, branches, (inputs, types)),
            Kind::Loop(of) => self.looped(block, item, of, inputs),
            Kind::Op => self.op(block, item, inputs, types),
        }
    }

    fn op(
        &mut self,
        block: &mut Block,
        item: &Item<'a>,
        inputs: &[Port],
        types: &[TensorType],
    ) -> Result<Done, Option<String>> {
        let op = &item.node.op;
        let is_own = self.built_in.is(item.node, &types.iter().collect::<Vec<_>>());
        if op.name() == "group" {
            let group = block.node("NoOp", &[], Vec::new(), 0);
            for input in inputs {
                block.order(input.node, group.node);
            }
            return Ok(Done { ports: vec![group], nodes: Vec::new() });
        }
        if op.form() == Form::Same && definition(op.name()).is_none() {
            // A check that a layer makes of its input, which this program has made.
            return Ok(Done { ports: vec![block.identity(inputs[0])], nodes: Vec::new() });
        }
        self.draws |= is_own && random::draws(op.name());
        let types: Vec<&TensorType> = types.iter().collect();
        let is_known = types.iter().all(|of| of.shape.is_known());
        let is_row = |row: &&Row| is_own && row.0 == op.name();
        let of_tables = |tables: &[&[Row]]| tables.iter().copied().flatten().find(is_row).map(|row| row.1);
        // Where lengths are known, what is repeated and summed is, too.
        let is_plain = is_known && BY_LENGTHS.contains(&op.name());
        // What tensors tell is not found from what lengths happen to be.
        let is_told = !is_known && inputs.len() > 1 && TOLD_LENGTHS.contains(&op.name());
        let told = of_tables(OTHERWISE).filter(|_| is_told);
        let row = told.or_else(|| of_tables(FAMILIES).filter(|_| !is_plain));
        let attributes = op.attributes();
        let mut at = At { block, item, inputs, types: &types, attributes: &attributes };
        if is_own && op.name() == "linear_scan" {
            return Ok(Done { ports: self.linear_scan(&mut at)?, nodes: Vec::new() });
        }
        if let Some(write) = row {
            return Ok(Done { ports: write(&mut at).map_err(Some)?, nodes: Vec::new() });
        }
        let made = expanded(item.node, &types).and_then(|of| program::write(at.block, &of, inputs));
        let ports = made.or_else(|why| match (why, of_tables(OTHERWISE)) {
            (Unexpanded::Lengths | Unexpanded::Kernel, Some(write)) => write(&mut at).map_err(Some),
            (Unexpanded::Kernel, _) => Err(None),
            (why, _) => Err(Some(why.to_string())),
        })?;
        Ok(Done { ports, nodes: Vec::new() })
    }

    /// Every variable starts anew.
    fn initialize(&mut self, block: &mut Block) -> Result<Done, Option<String>> {
        let (mut ports, mut nodes) = (Vec::new(), Vec::new());
        for (index, record) in self.arena.variables.iter().enumerate() {
            let start = record.starting_value(self.seed);
            let start = start
                .map_err(|_| Some("expected memory for the start of a variable, got none".to_owned()))?;
            let value = block.constant(&start);
            let assign = self.assign(block, VariableId(index as u32), value);
            let given = block.identity(value);
            block.order(assign, given.node);
            nodes.push(assign);
            ports.push(given);
        }
        let all = block.node("NoOp", &[], Vec::new(), 0);
        for node in nodes {
            block.order(node, all.node);
        }
        if ports.is_empty() {
            ports.push(all);
        }
        Ok(Done { ports, nodes: vec![all.node] })
    }

    /// Nodes that give variables these values; gives the node behind all of them.
    pub(super) fn initializer(&mut self, block: &mut Block, values: &BTreeMap<String, Value>) -> String {
        let mut nodes = Vec::new();
        for id in self.variables.keys().copied().collect::<Vec<_>>() {
            let record = &self.arena.variables[id.index()];
            let Some(value) = values.get(&record.name) else { continue };
            block.begin(&format!("{}/Initializer", legal_name(&record.name)), Vec::new());
            let value = block.constant(value);
            let attributes = vec![of_type("dtype", value.dtype)];
            let resource = self.variables[&id].resource;
            nodes.push(block.node("AssignVariableOp", &[resource, value], attributes, 0).node);
        }
        block.begin("", Vec::new());
        let name = block.reserve("init");
        let init = block.named(name, "NoOp", &[], Vec::new(), 0);
        for node in nodes {
            block.order(node, init.node);
        }
        block.name_of(init.node).to_owned()
    }
}

/// What stands for what could not be written.
const NOTHING: Port = Port { node: usize::MAX, output: 0, dtype: 0 };

/// Gives what was written the name of its item, by an identity where it was there already.
fn call(block: &mut Block, written: &mut Done, first: usize, name: String) {
    let Some(&port) = written.ports.first() else { return };
    if port == NOTHING {
        return;
    }
    let named = if port.node >= first && port.output == 0 {
        port.node
    } else {
        let identity = if port.dtype == 0 {
            let group = block.node("NoOp", &[], Vec::new(), 0);
            block.order(port.node, group.node);
            group
        } else {
            block.identity(port)
        };
        written.ports[0] = identity;
        identity.node
    };
    block.rename(named, name);
}
