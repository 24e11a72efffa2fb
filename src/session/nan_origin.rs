//! Which node made the number that a check has found not to be finite.
//!
//! Takes the request that failed; gives the node to name. All floats from which the checked value is computed are
//! computed again, one instruction after the other and without rewriting, from the same feeds and variables and
//! with the same draws. From the checked value the numbers are then followed back to one that was made of finite
//! numbers, or of none.

use std::sync::Arc;

use super::Core;
use super::prepared::Prepared;
use crate::element::Value;
use crate::error::Error;
use crate::exec::{FedArray, Ready, Terms, planning};
use crate::graph::Float;
use crate::ir::{Inst, NodeId, Prim, Program, Scalar, Val, View};
use crate::lower::{Lowered, specialise};
use crate::plan::{self, Options};

/// A node, and the number that it made.
type Made = (NodeId, f64);

impl Prepared {
    /// What is wrong with a run, before which there were `count`, that failed at the check of a node.
    pub(super) fn not_finite(&self, core: &Core, feeds: &[FedArray<'_>], check: NodeId, count: i64) -> Error {
        let dims: Vec<Vec<usize>> = feeds.iter().map(|feed| feed.dims().to_vec()).collect();
        let search = |number: usize| {
            let program = planning(&core.graph, || {
                specialise(
                    &core.graph.snapshot(),
                    Lowered { in_place: true, ..core.lowered() },
                    &self.request,
                    &dims,
                )
            });
            Search::new(program.ok()?.ok()?, check, number)
        };
        // A node of a function has a check in each of its calls.
        let mut checked = None;
        let mut made = None;
        for search in (0..).map_while(search) {
            checked = checked.or(Some(search.checked));
            let mut found = Vec::new();
            let run =
                recompute(self, core, feeds, &search.program, count, |value| found.push(not_finite(&value)));
            made = run.and_then(|()| search.origin(&found));
            if made.is_some() {
                break;
            }
        }
        let arena = core.graph.snapshot();
        // A check is a node that gives its operand, unless it was the session that had it checked.
        let is_node = checked.is_some_and(|checked| checked != check);
        let checked =
            if is_node { arena.node(check).inputs.first().map_or(check, |input| input.node) } else { check };
        // Another run may have changed the variables, and optimization may have rounded otherwise.
        let (origin, value) = made.map_or((checked, None), |(origin, value)| (origin, Some(value)));
        let checked = arena.node(checked).name.to_string();
        Error::NotFinite { site: arena.node(origin).site(), value, checked }
    }
}

/// Runs a program of a request that has failed, one instruction after the other, from the same feeds and with the same
/// draws; `None` if it fails.
pub(super) fn recompute(
    prepared: &Prepared,
    core: &Core,
    feeds: &[FedArray<'_>],
    program: &Program,
    count: i64,
    mut fetched: impl FnMut(Value),
) -> Option<()> {
    let dims: Vec<Vec<usize>> = feeds.iter().map(|feed| feed.dims().to_vec()).collect();
    let options = Options { fuse: false, ..core.options() };
    let plan = plan::plan(program, options, &core.constants, &prepared.fed_types(&dims)).ok()?;
    let ready = Ready::new(&Arc::new(plan), feeds)?;
    let terms = Terms { again: Some(count), ..Terms::default() };
    core.store.run(&ready, &core.graph, &core.threads, terms, None, &mut fetched).ok()
}

/// What is computed again.
struct Search {
    /// Fetches the floats on which the checked value depends, views of all of another apart, and that value last.
    program: Program,
    /// Where the checked value comes from.
    checked: NodeId,
}

impl Search {
    /// The search for what a check of a node has found in a run of the program: the one of that number.
    fn new(mut program: Program, check: NodeId, number: usize) -> Option<Self> {
        let is_check = |inst: &&Inst| inst.prim == Prim::Map(Scalar::Finite) && inst.origin == check;
        let found = program.insts.iter().filter(is_check).nth(number)?.args[0];
        let checked = program.inst(found).origin;
        // Values go past all checks, which would fail again.
        let mut passed: Vec<Val> = Vec::with_capacity(program.insts.len());
        for (index, inst) in program.insts.iter_mut().enumerate() {
            inst.args.iter_mut().for_each(|arg| *arg = passed[arg.index()]);
            let is_check = inst.prim == Prim::Map(Scalar::Finite);
            passed.push(if is_check { inst.args[0] } else { Val(index as u32) });
        }
        let found = passed[found.index()];
        program.checks.clear();
        program.commits.clear();
        program.fetches = vec![found];
        let live = program.live();
        let is_fetched = |&val: &Val| {
            let inst = program.inst(val);
            live[val.index()] && inst.dtype.is_float() && val != found && !shows_all(&inst.prim)
        };
        let fetched = (0..found.0).map(Val).filter(is_fetched);
        program.fetches = fetched.chain([found]).collect();
        Some(Search { program: program.pruned(), checked })
    }

    /// The node that made the number that is not finite in the last fetch, given such a number of each fetch.
    fn origin(&self, found: &[Option<f64>]) -> Option<Made> {
        let program = &self.program;
        let mut numbers: Vec<Option<f64>> = vec![None; program.insts.len()];
        for (val, &number) in program.fetches.iter().zip(found) {
            numbers[val.index()] = number;
        }
        for (index, inst) in program.insts.iter().enumerate() {
            if shows_all(&inst.prim) {
                numbers[index] = numbers[inst.args[0].index()];
            }
        }
        let mut reached = vec![false; program.insts.len()];
        reached[program.fetches.last()?.index()] = true;
        let mut made = None;
        for (index, inst) in program.insts.iter().enumerate().rev() {
            let Some(number) = numbers[index].filter(|_| reached[index]) else { continue };
            made = Some((inst.origin, number));
            // A NaN comes from NaNs, if there are any, rather than from an infinity that only stands beside them.
            let bad = || inst.args.iter().filter_map(|arg| Some((arg, numbers[arg.index()]?)));
            let of_kind = |&(_, of): &(&Val, f64)| of.is_nan() == number.is_nan();
            let any_of_kind = bad().any(|arg| of_kind(&arg));
            for (arg, _) in bad().filter(|arg| !any_of_kind || of_kind(arg)) {
                reached[arg.index()] = true;
            }
        }
        made
    }
}

/// Whether an instruction is a view of all elements of its operand.
fn shows_all(prim: &Prim) -> bool {
    matches!(prim, Prim::View(View::Reshape | View::Permute(_) | View::Broadcast))
}

/// NaN if it is among the elements, or else the first infinity, if there is one.
fn not_finite(value: &Value) -> Option<f64> {
    fn worst<T: Float>(elements: impl Iterator<Item = T>) -> Option<f64> {
        let mut bad = elements.filter(|element| !element.is_finite()).map(crate::Numeric::as_f64);
        let first = bad.next()?;
        if first.is_nan() { Some(first) } else { bad.find(|number| number.is_nan()).or(Some(first)) }
    }
    match value {
        Value::F32(array) => worst(array.iter().copied()),
        Value::F64(array) => worst(array.iter().copied()),
        Value::I32(_) | Value::I64(_) | Value::Bool(_) => None,
    }
}
