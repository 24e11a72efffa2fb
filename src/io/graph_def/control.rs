//! Conditionals and loops that are written as `Switch`, `Merge`, `Enter`, `Exit` and `NextIteration`, built as our own.
//!
//! A conditional is built where the first of its results is needed, with all of them. So is a loop, of which a node is a
//! part of the state if an iteration changes it, and stays what it was otherwise.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};

use super::build::{Importer, Scope};
use super::frames::{Joined, Loop, op, source};
use super::functions::{kept, tensors_of, truth};
use super::lists::{self, Scanned};
use super::nodes::{Nodes, Port};
use super::ops::Refusal;
use super::value::Val;
use crate::graph::AnyTensor;

/// The nodes that an import builds where it is asked for all: the others are built with what they are in.
pub(super) fn roots(nodes: &Nodes) -> Vec<usize> {
    let is_own = |&place: &usize| !nodes.frames().is_inside(place) && op(&nodes.all[place]) != "Switch";
    (0..nodes.all.len()).filter(is_own).collect()
}

/// What a node needs before it is built.
pub(super) fn needs(scope: &Scope<'_, '_>, place: usize) -> Vec<usize> {
    let nodes = scope.nodes;
    let frames = nodes.frames();
    let Some(node) = nodes.all.get(place) else { return Vec::new() };
    if let Some(&(number, _)) = frames.exits.get(&place) {
        return frames.loops.get(number).map_or(Vec::new(), |of| of.enters.clone());
    }
    if let Some(joined) = frames.joined.get(&place) {
        // All results are built with the first one, for which the branches are looked through once.
        let first = frames.results(joined).first().copied().filter(|&first| first != place);
        return first.map_or_else(|| needs_of_branches(scope, joined), |first| vec![first]);
    }
    let inputs = node.inputs.iter().filter(|port| scope.value(**port).is_none()).map(|port| port.node);
    // What stands for a loop or a conditional itself orders nothing.
    let is_ordered =
        |control: &usize| !frames.structural.contains_key(control) && op(&nodes.all[*control]) != "Switch";
    inputs.chain(node.control.iter().copied().filter(is_ordered)).collect()
}

/// What branches use from around them.
fn needs_of_branches(scope: &Scope<'_, '_>, joined: &Joined) -> Vec<usize> {
    let nodes = scope.nodes;
    let frames = nodes.frames();
    let decided = scope.value(joined.condition).is_none().then_some(joined.condition.node);
    let mut needed: Vec<usize> = decided.into_iter().collect();
    let mut seen = HashSet::new();
    let results = frames.results(joined);
    let sides = results.iter().filter_map(|result| frames.joined.get(result)).flat_map(|result| result.sides);
    let mut open: Vec<usize> =
        sides.filter(|port| scope.value(*port).is_none()).map(|port| port.node).collect();
    while let Some(place) = open.pop() {
        let Some(node) = nodes.all.get(place).filter(|_| seen.insert(place)) else { continue };
        if frames.condition(place) == Some(joined.condition) {
            let data = node.inputs.first().filter(|port| scope.value(**port).is_none());
            needed.extend(data.map(|port| port.node));
        } else if frames.is_in_branch(place, joined.condition) {
            open.extend(
                node.inputs.iter().filter(|port| scope.value(**port).is_none()).map(|port| port.node),
            );
            open.extend(&node.control);
        } else {
            needed.push(place);
        }
    }
    needed.retain(|&place| !frames.structural.contains_key(&place));
    needed
}

/// The outputs of a node that belongs to a conditional or a loop; whether it has an effect is noted.
pub(super) fn built<'g>(
    importer: &Importer<'_, 'g>,
    scope: &Scope<'_, 'g>,
    place: usize,
    has_effect: &Cell<bool>,
) -> Result<Option<Vec<Val<'g>>>, Refusal> {
    let frames = scope.nodes.frames();
    if let Some(&(number, state)) = frames.exits.get(&place) {
        let Some(of) = frames.loops.get(number) else { return Ok(None) };
        let there =
            scope.loops.borrow().get(&number).and_then(|last: &Vec<Val<'g>>| last.get(state).cloned());
        if let Some(value) = there {
            return Ok(Some(vec![value]));
        }
        let last = importer.deeper(place, scope.nodes, || looped(importer, scope, of))?;
        let value = last.get(state).cloned();
        scope.loops.borrow_mut().insert(number, last);
        return Ok(value.map(|value| vec![value]));
    }
    let Some(joined) = frames.joined.get(&place) else { return Ok(None) };
    if matches!(scope.value(joined.condition), Some(Val::LeftOut)) {
        return Ok(Some(vec![Val::LeftOut]));
    }
    let results = frames.results(joined);
    let first = *results.first().unwrap_or(&place);
    let at = results.iter().position(|&result| result == place).unwrap_or(0);
    let there = scope.branches.borrow().get(&first).cloned();
    let (all, effect) = if let Some(there) = there {
        there
    } else {
        let built = importer.deeper(place, scope.nodes, || branched(importer, scope, joined, results))?;
        scope.branches.borrow_mut().insert(first, built.clone());
        built
    };
    has_effect.set(effect);
    let input = scope
        .nodes
        .all
        .get(place)
        .and_then(|node| node.inputs.iter().position(|port| *port == joined.sides[1]));
    let input = input.unwrap_or(0) as f64;
    let condition = tensor(importer, scope, joined.condition)?;
    let number = |input: f64| importer.graph.constant(input as i32).any();
    let index = truth(condition).select(number(input), number(1.0 - input));
    Ok(all.get(at).cloned().map(|value| vec![value, Val::Tensor(index)]))
}

/// An output that is built, as a tensor.
fn tensor<'g>(
    importer: &Importer<'_, 'g>,
    scope: &Scope<'_, 'g>,
    port: Port,
) -> Result<AnyTensor<'g>, Refusal> {
    let value = scope.value(port).ok_or("expected a tensor that is built, got none")?;
    let tensor = value.tensor(importer.graph, &importer.variables.borrow());
    Ok(tensor.ok_or("expected a tensor, got something else")?)
}

/// What the results of a conditional are, and whether a branch has an effect.
pub(super) type Branched<'g> = (Vec<Val<'g>>, bool);

fn branched<'g>(
    importer: &Importer<'_, 'g>,
    scope: &Scope<'_, 'g>,
    joined: &Joined,
    results: &[usize],
) -> Result<Branched<'g>, Refusal> {
    let nodes = scope.nodes;
    let frames = nodes.frames();
    let condition = truth(tensor(importer, scope, joined.condition)?);
    let (refusal, effect, left_out) = (RefCell::new(None), Cell::new(false), RefCell::new(HashSet::new()));
    let side = |side: bool| -> Result<Vec<AnyTensor<'g>>, Refusal> {
        let mut given = HashMap::new();
        for &place in frames.switches(joined.condition) {
            let data = nodes.all.get(place).and_then(|node| node.inputs.first());
            if let Some(value) = data.and_then(|&data| scope.value(data)) {
                given.insert(Port { node: place, output: usize::from(side) }, value.clone());
            }
        }
        let mut inside = scope.inside(given);
        let ports: Vec<Port> = results
            .iter()
            .filter_map(|result| frames.joined.get(result))
            .map(|result| result.sides[usize::from(side)])
            .collect();
        let roots: Vec<usize> =
            ports.iter().filter(|port| inside.value(**port).is_none()).map(|port| port.node).collect();
        importer.evaluate(&mut inside, &roots)?;
        effect.set(effect.get() || !inside.operations.is_empty());
        let mut values = Vec::new();
        for (at, &port) in ports.iter().enumerate() {
            let value = inside.value(port).ok_or("expected a result of each side, got none")?;
            if matches!(value, Val::LeftOut) {
                left_out.borrow_mut().insert(at);
                values.push(Val::Tensor(importer.graph.constant(false).any()));
            } else {
                values.push(value.clone());
            }
        }
        tensors_of(importer, &values)
    };
    // A result that one side leaves out is left out.
    let shaped = |found: Result<Vec<AnyTensor<'g>>, Refusal>| kept(&refusal, found);
    let found = importer.graph.cond(condition, || shaped(side(true)), || shaped(side(false)));
    if let Some(refusal) = refusal.into_inner() {
        return Err(refusal);
    }
    let left_out = left_out.into_inner();
    let value = |(at, tensor)| if left_out.contains(&at) { Val::LeftOut } else { Val::Tensor(tensor) };
    Ok((found.into_iter().enumerate().map(value).collect(), effect.get()))
}

/// Whether a part of the state is what it was, behind an iteration.
fn stays(nodes: &Nodes, switch: Option<usize>, next: Port) -> bool {
    let port = source(nodes, next);
    Some(port.node) == switch && port.output == 1
}

/// The state of a loop behind its last iteration.
fn looped<'g>(
    importer: &Importer<'_, 'g>,
    scope: &Scope<'_, 'g>,
    of: &Loop,
) -> Result<Vec<Val<'g>>, Refusal> {
    let nodes = scope.nodes;
    let decision = of.condition.ok_or("expected a loop with a condition, got one without")?;
    let mut first: Vec<Val<'g>> = Vec::new();
    for state in &of.states {
        let value = scope.value(Port { node: state.enter, output: 0 });
        first.push(value.cloned().ok_or("expected a state to begin with, got none")?);
    }
    if first.iter().any(|value| matches!(value, Val::Missing)) {
        return Ok(vec![Val::Missing; first.len()]);
    }
    let moving: Vec<usize> = (0..first.len())
        .filter(|&place| !stays(nodes, of.states[place].switch, of.states[place].next))
        .collect();
    if first.iter().any(|value| matches!(value, Val::List(_))) {
        return scanned(importer, scope, of, decision, first, &moving);
    }
    let begin: Vec<Val<'g>> = moving.iter().map(|&place| first[place].clone()).collect();
    let begin = tensors_of(importer, &begin)?;
    // What a part of the state is inside, for the condition and for the body.
    let inside = |state: &[AnyTensor<'g>]| {
        let mut values = first.clone();
        for (&place, &tensor) in moving.iter().zip(state) {
            values[place] = Val::Tensor(tensor);
        }
        let given = of.states.iter().zip(values).flat_map(|(state, value)| {
            let switch = state.switch.map(|switch| (Port { node: switch, output: 1 }, value.clone()));
            [(Port { node: state.merge, output: 0 }, value)].into_iter().chain(switch)
        });
        scope.inside(given.collect())
    };
    let results = |state: &[AnyTensor<'g>], ports: &[Port]| -> Result<Vec<AnyTensor<'g>>, Refusal> {
        let mut scope = inside(state);
        let roots: Vec<usize> =
            ports.iter().filter(|port| scope.value(**port).is_none()).map(|port| port.node).collect();
        importer.evaluate(&mut scope, &roots)?;
        let values: Option<Vec<Val<'g>>> = ports.iter().map(|port| scope.value(*port).cloned()).collect();
        tensors_of(importer, &values.ok_or("expected results that are built, got none")?)
    };
    let refusal = RefCell::new(None);
    let next: Vec<Port> = moving.iter().map(|&place| of.states[place].next).collect();
    let decides = |state: Vec<AnyTensor<'g>>| {
        let decided = kept(&refusal, results(&state, &[decision]));
        decided.first().map_or_else(|| importer.graph.constant(false).any(), |&decided| truth(decided))
    };
    let body = |state: Vec<AnyTensor<'g>>| {
        let found = kept(&refusal, results(&state, &next));
        if found.len() == state.len() { found } else { state }
    };
    let last = importer.graph.while_loop(decides, body, begin);
    if let Some(refusal) = refusal.into_inner() {
        return Err(refusal);
    }
    let mut all = first;
    for (&place, tensor) in moving.iter().zip(last) {
        all[place] = Val::Tensor(tensor);
    }
    Ok(all)
}

/// The same with lists among the state.
fn scanned<'g>(
    importer: &Importer<'_, 'g>,
    scope: &Scope<'_, 'g>,
    of: &Loop,
    decision: Port,
    first: Vec<Val<'g>>,
    moving: &[usize],
) -> Result<Vec<Val<'g>>, Refusal> {
    let nodes = scope.nodes;
    let start = |&part: &usize| {
        let is_part = |port: Port| Some(port.node) == of.states[part].switch;
        Some((part, lists::counts(nodes, of.states[part].next, is_part, &first[part])?))
    };
    let counters: Vec<(usize, i64)> = moving.iter().filter_map(start).collect();
    let start = |port: Port| {
        counters.iter().find(|(part, _)| of.states[*part].merge == port.node).map(|(_, start)| *start)
    };
    let bound = |port: Port| {
        let port = source(nodes, port);
        let part =
            (0..first.len()).find(|part| of.states[*part].merge == port.node && !moving.contains(part));
        match part.map_or_else(|| scope.value(port), |part| first.get(part))? {
            Val::Known(known, _) => known.one(),
            _ => None,
        }
    };
    let trips = lists::trips(nodes, decision, &start, &bound);
    let trips =
        trips.ok_or("expected a loop with lists to count up to a number that is known, got another")?;
    let tensor = |value: &Val<'g>| {
        let found = tensors_of(importer, std::slice::from_ref(value))?;
        Ok(found.first().copied().ok_or("expected a tensor, got none")?)
    };
    let next = |state: Vec<Val<'g>>| {
        let given = of.states.iter().zip(state).flat_map(|(state, value)| {
            let switch = state.switch.map(|switch| (Port { node: switch, output: 1 }, value.clone()));
            [(Port { node: state.merge, output: 0 }, value)].into_iter().chain(switch)
        });
        let mut inside = scope.inside(given.collect());
        let ports: Vec<Port> = moving.iter().map(|&part| of.states[part].next).collect();
        let roots: Vec<usize> =
            ports.iter().filter(|port| inside.value(**port).is_none()).map(|port| port.node).collect();
        importer.evaluate(&mut inside, &roots)?;
        let values: Option<Vec<Val<'g>>> = ports.iter().map(|port| inside.value(*port).cloned()).collect();
        Ok(values.ok_or("expected results that are built, got none")?)
    };
    let loop_ = Scanned {
        first: first.clone(),
        moving,
        counters: counters.clone(),
        trips,
        number: importer.next_loop(),
    };
    loop_.build(importer.graph, &importer.counters, &tensor, &next)
}
