//! Rewriting: from a program to one that gives the same results, within rounding, for less work.
//!
//! A [`Rule`] looks at one instruction, whose operands have been rewritten already, and may propose
//! a [`Rewrite`]: a small tree of instructions to stand in its place, and the reason. Rules read the
//! lowering vocabulary and never an op, so a new op is rewritten without being known here. Only the
//! driver applies rewrites: in one forward sweep it offers each instruction to the rules in the
//! order of [`RULES`] until none fires, offers what a rewrite brings in likewise, and shares
//! instructions that are equal. One sweep is enough because operands are final before their users,
//! and its time is linear in the program.
//!
//! Before the sweep, [`rewrite_loops`] has loops do once what each iteration would do alike, do again what is cheaper
//! done again than kept from one loop to the other, and leave sums to one product behind them.
//! Behind it, [`fold_constants`] finds what depends on constants alone, to be computed once.

mod accumulate;
mod algebra;
mod broadcast;
mod constants;
mod early;
mod fold;
mod hoist;
mod inline_constants;
mod joins;
mod linear;
mod loops;
mod recompute;
mod repeats;
mod shared;
mod stable;
mod stacks;
mod trace;
mod unread;
mod views;

use crate::element::DType;
use crate::ir::{Dims, Inst, NodeId, Prim, Program, Scalar, ScalarValue, Val, size};

pub(crate) use constants::fold_constants;
pub(crate) use loops::rewrite_loops;
use shared::Shared;
use trace::Trace;
pub(crate) use trace::{Applied, trace_text};

/// Proposes to replace an instruction.
type Rule = fn(&Program, &Inst) -> Option<Rewrite>;

/// All rules, in the order in which an instruction is offered to them.
///
/// Views first, because the others look through them; broadcasts next, so that scalars stand bare
/// before arithmetic on them is folded; what is linear last, because it moves factors that the rules
/// before have gathered.
const RULES: &[(&str, Rule)] = &[
    ("views", views::compose),
    ("views", views::reduce_within),
    ("joins", joins::flatten),
    ("joins", joins::cut),
    ("broadcast", broadcast::imply),
    ("fold", fold::scalars),
    ("algebra", algebra::identities),
    ("algebra", algebra::signs),
    ("algebra", algebra::factors),
    ("algebra", algebra::powers),
    ("stable", stable::logarithms),
    ("stable", stable::differences),
    ("repeats", repeats::reduce_once),
    ("linear", linear::factor_out),
];

/// How often rules may fire where one instruction stood. Every rule shrinks an instruction or moves
/// a factor outwards, so a handful is the rule; the bound turns a defect of a rule into a missed rewrite.
const FIRINGS_PER_INSTRUCTION: usize = 32;

/// A proposal: what stands in an instruction's place, and why that is better.
pub(crate) struct Rewrite {
    by: Tree,
    reason: &'static str,
}

/// Instructions yet to be added, over values that exist.
pub(crate) enum Tree {
    Val(Val),
    Inst { prim: Prim, args: Vec<Tree>, dtype: DType, dims: Dims },
}

impl Tree {
    fn map(scalar: Scalar, args: Vec<Tree>, like: &Inst) -> Tree {
        Tree::Inst { prim: Prim::Map(scalar), args, dtype: like.dtype, dims: like.dims.clone() }
    }

    fn scalar(number: ScalarValue, dtype: DType) -> Tree {
        Tree::Inst { prim: Prim::Scalar(number), args: Vec::new(), dtype, dims: Dims::new() }
    }
}

/// Rewrites the whole program; stops applying rules after `limit` rewrites, which finds the one that
/// spoils a result by bisection.
pub(crate) fn rewrite(program: Program, limit: usize) -> (Program, Vec<Applied>) {
    let mut driver = Driver { shared: Shared::with_capacity(program.insts.len()), trace: Trace::of(limit) };
    let program = program.rebuilt(|out, inst| driver.add(out, inst, &mut { FIRINGS_PER_INSTRUCTION }));
    (program.pruned(), driver.trace.applied)
}

struct Driver {
    /// The instructions so far, by what they compute.
    shared: Shared,
    trace: Trace,
}

impl Driver {
    fn add(&mut self, out: &mut Program, inst: Inst, budget: &mut usize) -> Val {
        if self.trace.left() > 0 && *budget > 0 {
            let proposal = RULES.iter().find_map(|(name, rule)| Some((name, rule(out, &inst)?)));
            if let Some((rule, Rewrite { by, reason })) = proposal {
                *budget -= 1;
                let origin = inst.origin;
                self.trace.note(rule, reason, out, &inst);
                return self.plant(out, by, origin, budget);
            }
        }
        self.shared.find_or_push(out, inst)
    }

    fn plant(&mut self, out: &mut Program, tree: Tree, origin: NodeId, budget: &mut usize) -> Val {
        match tree {
            Tree::Val(val) => val,
            Tree::Inst { prim, args, dtype, dims } => {
                let args = args.into_iter().map(|arg| self.plant(out, arg, origin, budget)).collect();
                self.add(out, Inst { prim, args, dtype, dims, origin }, budget)
            }
        }
    }
}

/// The number that a value is, if it is one known now, in whatever shape of a single element.
fn known_scalar(program: &Program, val: Val) -> Option<ScalarValue> {
    let inst = program.inst(val);
    match inst.prim {
        Prim::Scalar(number) => Some(number),
        Prim::View(_) if size(&inst.dims) == 1 => known_scalar(program, inst.args[0]),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
