//! Which element a function has no value for: the label out of range, the division by zero.
//!
//! Takes the request that failed and the function; gives the place of the first such element. A run only tells that
//! there is one, so the function's operands are computed again, as [`nan_origin`](super::nan_origin) does it for numbers that
//! are not finite.

use ndarray::{ArrayD, IxDyn};

use super::Core;
use super::nan_origin::recompute;
use super::prepared::Prepared;
use crate::element::Value;
use crate::error::Error;
use crate::exec::{FedArray, planning};
use crate::ir::{BadLabel, Dims, Prim, Program, Scalar, unraveled};
use crate::lower::{Lowered, specialise};
use crate::plan::Fallible;

/// The element, and where it is.
struct Offender {
    at: Vec<usize>,
    /// What the function was given there.
    operands: [i64; 2],
}

impl Prepared {
    /// What is wrong with a run, before which there were `count`, in which a function had no value.
    pub(super) fn no_value(
        &self,
        core: &Core,
        feeds: &[FedArray<'_>],
        Fallible { node: id, function }: Fallible,
        count: i64,
    ) -> Error {
        let dims: Vec<Vec<usize>> = feeds.iter().map(|feed| feed.dims().to_vec()).collect();
        let program = planning(&core.graph, || {
            specialise(
                &core.graph.snapshot(),
                Lowered { in_place: true, ..core.lowered() },
                &self.request,
                &dims,
            )
        });
        let offender = program.ok().and_then(Result::ok).and_then(|mut program| {
            let is_it = Prim::Map(function);
            let of_node = program.insts.iter().filter(|inst| inst.origin == id && inst.prim == is_it);
            let found: Vec<_> = of_node.map(|inst| (inst.args.clone(), inst.dims.clone())).collect();
            program.fetches = found.iter().flat_map(|(args, _)| args).copied().collect();
            let values = operands(self, core, feeds, program, count)?;
            let mut pairs = values.chunks_exact(2).zip(&found);
            pairs.find_map(|(pair, (_, dims))| first(function, [&pair[0], &pair[1]], dims))
        });
        let site = core.graph.snapshot().blamed_site(id);
        match function {
            Scalar::Checked => {
                let label = offender.map(|Offender { at: row, operands: [label, classes] }| BadLabel {
                    label,
                    row,
                    classes: classes as usize,
                });
                Error::IndexOutOfRange { site, label }
            }
            _ => Error::DivisionByZero { site, at: offender.map(|offender| offender.at) },
        }
    }
}

/// What a program fetches, computed again without its checks: operands of one function after the other.
fn operands(
    prepared: &Prepared,
    core: &Core,
    feeds: &[FedArray<'_>],
    mut program: Program,
    count: i64,
) -> Option<Vec<Value>> {
    program.checks.clear();
    program.commits.clear();
    let mut values = Vec::with_capacity(program.fetches.len());
    recompute(prepared, core, feeds, &program.pruned(), count, |value| values.push(value))?;
    Some(values)
}

/// The first element, of so many in all, for which a function of two integers has no value.
fn first(function: Scalar, operands: [&Value; 2], dims: &Dims) -> Option<Offender> {
    let [a, b] = operands.map(integers);
    let (a, b) = (a?, b?);
    let (left, right) = (a.broadcast(IxDyn(dims))?, b.broadcast(IxDyn(dims))?);
    let has_none = |&(a, b): &(&i64, &i64)| match function {
        Scalar::Checked => *a < 0 || a >= b,
        _ => *b == 0,
    };
    let (position, (&a, &b)) = left.iter().zip(&right).enumerate().find(|(_, pair)| has_none(pair))?;
    Some(Offender { at: unraveled(position, dims), operands: [a, b] })
}

/// The elements of a value of integers.
fn integers(value: &Value) -> Option<ArrayD<i64>> {
    match value {
        Value::I32(array) => Some(array.mapv(i64::from)),
        Value::I64(array) => Some(array.clone()),
        Value::F32(_) | Value::F64(_) | Value::Bool(_) => None,
    }
}
