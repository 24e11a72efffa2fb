//! Functions of the library: calls, conditionals and loops that name them.

use std::cell::RefCell;

use super::build::{Importer, Scope};
use super::frames::source;
use super::lists::{self, Scanned};
use super::nodes::{Nodes, Port};
use super::ops::{At, Outputs, Refusal, Row};
use super::value::Val;
use crate::element::DType;
use crate::graph::{AnyTensor, Graph};

pub(super) const OPS: &[Row] = &[
    ("Case", chosen),
    ("If", conditional),
    ("PartitionedCall", call),
    ("StatefulPartitionedCall", call),
    ("StatelessCase", chosen),
    ("StatelessIf", conditional),
    ("StatelessWhile", repeated),
    ("While", repeated),
];

/// The results of a function for arguments, built where building stands.
fn applied<'g>(at: &At<'_, 'g>, function: &str, arguments: &[Val<'g>]) -> Outputs<'g> {
    at.importer.entered(function, at.node, |nodes| {
        if nodes.parameters != arguments.len() {
            let (expected, found) = (nodes.parameters, arguments.len());
            return Err(format!("expected {expected} arguments of a function, got {found}").into());
        }
        let mut scope = Scope::new(nodes);
        for (place, argument) in arguments.iter().enumerate() {
            scope.values.insert(place, vec![argument.clone()]);
        }
        let results = nodes.results.iter().map(|port| port.node);
        let roots: Vec<usize> = results.chain(nodes.effects.iter().copied()).collect();
        at.importer.evaluate(&mut scope, &roots)?;
        let effects: Vec<_> =
            nodes.effects.iter().filter_map(|effect| scope.operations.get(effect).copied()).collect();
        let ordered = |value: &Val<'g>| match value {
            // What a call gives is there once its effects are.
            Val::Tensor(tensor) if !effects.is_empty() => {
                Val::Tensor(at.graph().control_dependencies(&effects, || tensor.identity()))
            }
            value => value.clone(),
        };
        let result = |port: &Port| scope.value(*port).map(ordered);
        let results: Option<Vec<Val<'g>>> = nodes.results.iter().map(result).collect();
        Ok(results.ok_or("expected results that the function's nodes give, got others")?)
    })
}

fn call<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    applied(at, &at.function("f")?, &at.inputs)
}

/// The tensors among values, for what a branch or a loop gives.
pub(super) fn tensors_of<'g>(
    importer: &Importer<'_, 'g>,
    values: &[Val<'g>],
) -> Result<Vec<AnyTensor<'g>>, Refusal> {
    let variables = importer.variables.borrow();
    let tensor = |value: &Val<'g>| {
        value.tensor(importer.graph, &variables).ok_or(match value {
            // What is missing has been told.
            Val::Missing => Refusal::Told,
            _ => Refusal::Detail(
                "expected tensors as results of branches and loops, got something else".to_owned(),
            ),
        })
    };
    values.iter().map(tensor).collect()
}

/// Keeps the first refusal of closures that build.
pub(super) fn kept<'g>(
    refusal: &RefCell<Option<Refusal>>,
    found: Result<Vec<AnyTensor<'g>>, Refusal>,
) -> Vec<AnyTensor<'g>> {
    found.unwrap_or_else(|found| {
        refusal.borrow_mut().get_or_insert(found);
        Vec::new()
    })
}

fn conditional<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let (accepted, rejected) = (at.function("then_branch")?, at.function("else_branch")?);
    let condition = truth(at.tensor(0)?);
    let refusal = RefCell::new(None);
    let branch = |function: &str| {
        let results = applied(at, function, at.inputs.get(1..).unwrap_or_default());
        kept(&refusal, results.and_then(|results| tensors_of(at.importer, &results)))
    };
    let results = at.graph().cond(condition, || branch(&accepted), || branch(&rejected));
    match refusal.into_inner() {
        Some(refusal) => Err(refusal),
        None => Ok(results.into_iter().map(Val::Tensor).collect()),
    }
}

/// The most functions of which one is chosen: each lies in the one before.
const MOST_BRANCHES: usize = 32;

/// One of several functions, by its number; the last one where there is none of that number.
fn chosen<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let functions: Vec<String> = at.list("branches")?.func.into_iter().map(|one| one.name).collect();
    if functions.is_empty() || functions.len() > MOST_BRANCHES {
        let found = functions.len();
        return Err(format!("expected from 1 to {MOST_BRANCHES} branches, got {found}").into());
    }
    let index = at.tensor(0)?;
    let refusal = RefCell::new(None);
    let branch = |function: &str| {
        let results = applied(at, function, at.inputs.get(1..).unwrap_or_default());
        kept(&refusal, results.and_then(|results| tensors_of(at.importer, &results)))
    };
    let results = one_of(at.graph(), index, 0, &functions, &branch);
    match refusal.into_inner() {
        Some(refusal) => Err(refusal),
        None => Ok(results.into_iter().map(Val::Tensor).collect()),
    }
}

/// The results of the function whose number among all is the index, from one on.
fn one_of<'g>(
    graph: &'g Graph,
    index: AnyTensor<'g>,
    number: usize,
    functions: &[String],
    branch: &dyn Fn(&str) -> Vec<AnyTensor<'g>>,
) -> Vec<AnyTensor<'g>> {
    match functions {
        [] => Vec::new(),
        [last] => branch(last),
        [first, rest @ ..] => {
            let is_first = index.equal(index.scalar_like(number as f64));
            graph.cond(is_first, || branch(first), || one_of(graph, index, number + 1, rest, branch))
        }
    }
}

/// A number as a truth: whether it is not 0.
pub(super) fn truth(condition: AnyTensor<'_>) -> AnyTensor<'_> {
    if condition.dtype() == DType::Bool { condition } else { condition.not_equal(0.0) }
}

/// Which parameters of a function it gives back as they are, in their own places.
fn unchanged(nodes: &Nodes) -> Vec<bool> {
    let is_own = |(place, &port)| source(nodes, port).node == place;
    nodes.results.iter().enumerate().map(is_own).collect()
}

fn repeated<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let (condition, body) = (at.function("cond")?, at.function("body")?);
    let stays = at.importer.entered(&body, at.node, |nodes| Ok(unchanged(nodes)))?;
    if stays.len() != at.inputs.len() {
        let (expected, found) = (at.inputs.len(), stays.len());
        return Err(format!("expected a body of {expected} results, got {found}").into());
    }
    // What a loop does not change is not part of its state: shapes stay known, and variables are read where they lie.
    let moving: Vec<usize> = (0..stays.len()).filter(|&place| !stays[place]).collect();
    if at.inputs.iter().any(|input| matches!(input, Val::List(_))) {
        return scanned(at, &condition, &body, &moving);
    }
    let first: Result<Vec<AnyTensor<'g>>, Refusal> = moving.iter().map(|&place| at.tensor(place)).collect();
    let refusal = RefCell::new(None);
    let arguments = |state: &[AnyTensor<'g>]| {
        let mut all = at.inputs.clone();
        for (&place, &tensor) in moving.iter().zip(state) {
            all[place] = Val::Tensor(tensor);
        }
        all
    };
    let decides = |state: Vec<AnyTensor<'g>>| {
        let decided =
            applied(at, &condition, &arguments(&state)).and_then(|results| tensors_of(at.importer, &results));
        let decided = kept(&refusal, decided);
        decided.first().map_or_else(|| at.graph().constant(false).any(), |&decided| truth(decided))
    };
    let next = |state: Vec<AnyTensor<'g>>| {
        let results = applied(at, &body, &arguments(&state)).and_then(|results| {
            let moved: Option<Vec<Val<'g>>> =
                moving.iter().map(|&place| results.get(place).cloned()).collect();
            tensors_of(at.importer, &moved.ok_or("expected a result for each input, got fewer")?)
        });
        let results = kept(&refusal, results);
        if results.len() == state.len() { results } else { state }
    };
    let last = at.graph().while_loop(decides, next, first?);
    if let Some(refusal) = refusal.into_inner() {
        return Err(refusal);
    }
    let mut all = at.inputs.clone();
    for (&place, tensor) in moving.iter().zip(last) {
        all[place] = Val::Tensor(tensor);
    }
    Ok(all)
}

/// The same with lists among the state.
fn scanned<'g>(at: &At<'_, 'g>, condition: &str, body: &str, moving: &[usize]) -> Outputs<'g> {
    let counters: Vec<(usize, i64)> = at.importer.entered(body, at.node, |nodes| {
        let start = |&part: &usize| {
            let is_part = |port: Port| port.node == part && port.node < nodes.parameters;
            let start = lists::counts(nodes, *nodes.results.get(part)?, is_part, at.inputs.get(part)?)?;
            Some((part, start))
        };
        Ok(moving.iter().filter_map(start).collect())
    })?;
    let trips = at.importer.entered(condition, at.node, |nodes| {
        let start = |port: Port| {
            counters
                .iter()
                .find(|(part, _)| *part == port.node && *part < nodes.parameters)
                .map(|(_, start)| *start)
        };
        let bound = |port: Port| match at.inputs.get(source(nodes, port).node)? {
            Val::Known(known, _) if !moving.contains(&source(nodes, port).node) => known.one(),
            _ => None,
        };
        Ok(nodes.results.first().and_then(|&result| lists::trips(nodes, result, &start, &bound)))
    })?;
    let trips =
        trips.ok_or("expected a loop with lists to count up to a number that is known, got another")?;
    let (first, number) = (at.inputs.clone(), at.importer.next_loop());
    let tensor = |value: &Val<'g>| at.tensor_of(value);
    let next = |state: Vec<Val<'g>>| {
        let results = applied(at, body, &state)?;
        let moved: Option<Vec<Val<'g>>> = moving.iter().map(|&part| results.get(part).cloned()).collect();
        Ok(moved.ok_or("expected a result for each input, got fewer")?)
    };
    let loop_ = Scanned { first, moving, counters, trips, number };
    loop_.build(at.graph(), &at.importer.counters, &tensor, &next)
}
