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
mod unread;
mod views;

use smallvec::SmallVec;

use crate::element::DType;
use crate::ir::{Dims, Inst, Names, NodeId, Prim, Program, Scalar, ScalarValue, Val, size};

pub(crate) use constants::fold_constants;
pub(crate) use loops::rewrite_loops;
use shared::Shared;

/// Proposes to replace an instruction.
type Rule = fn(&Program, &Inst) -> Option<Rewrite>;

/// All rules, in the order in which an instruction is offered to them.
///
/// Views first, because the others look through them; broadcasts next, so that scalars stand bare
/// before arithmetic on them is folded; what is linear last, because it moves factors that the rules
/// before have gathered.
const RULES: &[(&str, Rule)] = &[
    ("views", views::compose),
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

/// A record of one applied rewrite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Applied {
    rule: &'static str,
    reason: &'static str,
    before: Inst,
    /// The operands of `before`, which may be gone from the program by now.
    operands: SmallVec<[Operand; 3]>,
}

/// An operand as a trace tells it: a number, or the node that the value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operand {
    Number(ScalarValue),
    Of(NodeId),
}

impl Applied {
    fn new(rule: &'static str, reason: &'static str, program: &Program, before: Inst) -> Self {
        let operand = |&arg: &Val| match *program.inst(arg) {
            Inst { prim: Prim::Scalar(number), .. } => Operand::Number(number),
            Inst { origin, .. } => Operand::Of(origin),
        };
        Applied { operands: before.args.iter().map(operand).collect(), rule, reason, before }
    }

    /// A line: the number, the rule, the instruction, the node that it comes from, and the reason.
    fn text(&self, number: usize, names: Names<'_>) -> String {
        let Applied { rule, reason, before, operands } = self;
        let operand = |operand: &Operand| match *operand {
            Operand::Number(number) => number.to_string(),
            Operand::Of(node) => names.node(node),
        };
        let operands = operands.iter().map(operand).collect::<Vec<_>>().join(", ");
        let (action, of, Inst { dtype, dims, .. }) =
            (before.action(names), names.node(before.origin), before);
        format!("{number}. {rule}: {action} {operands} : {dtype}{dims:?} in {of} ({reason})\n")
    }
}

/// A trace as text: one numbered line a rewrite.
pub(crate) fn trace_text(trace: &[Applied], names: Names<'_>) -> String {
    (1..).zip(trace).fold(String::new(), |text, (number, applied)| text + &applied.text(number, names))
}

/// Rewrites the whole program; stops applying rules after `limit` rewrites, which finds the one that
/// spoils a result by bisection.
pub(crate) fn rewrite(mut program: Program, limit: usize) -> (Program, Vec<Applied>) {
    let insts = std::mem::take(&mut program.insts);
    program.insts.reserve(insts.len());
    let shared = Shared::with_capacity(insts.len());
    let mut driver = Driver { out: program, shared, trace: Vec::new(), limit };
    let mut renumbered: Vec<Val> = Vec::with_capacity(insts.len());
    let renumber = |renumbered: &[Val], val: &mut Val| *val = renumbered[val.index()];
    for mut inst in insts {
        inst.args.iter_mut().for_each(|arg| renumber(&renumbered, arg));
        let mut budget = FIRINGS_PER_INSTRUCTION;
        renumbered.push(driver.add(inst, &mut budget));
    }
    let Driver { mut out, trace, .. } = driver;
    out.results_mut().for_each(|val| renumber(&renumbered, val));
    (out.pruned(), trace)
}

struct Driver {
    out: Program,
    /// The instructions so far, by what they compute.
    shared: Shared,
    trace: Vec<Applied>,
    limit: usize,
}

impl Driver {
    fn add(&mut self, inst: Inst, budget: &mut usize) -> Val {
        if self.trace.len() < self.limit && *budget > 0 {
            let proposal = RULES.iter().find_map(|(name, rule)| Some((name, rule(&self.out, &inst)?)));
            if let Some((rule, Rewrite { by, reason })) = proposal {
                *budget -= 1;
                let origin = inst.origin;
                self.trace.push(Applied::new(rule, reason, &self.out, inst));
                return self.plant(by, origin, budget);
            }
        }
        self.shared.find_or_push(&mut self.out, inst)
    }

    fn plant(&mut self, tree: Tree, origin: NodeId, budget: &mut usize) -> Val {
        match tree {
            Tree::Val(val) => val,
            Tree::Inst { prim, args, dtype, dims } => {
                let args = args.into_iter().map(|arg| self.plant(arg, origin, budget)).collect();
                self.add(Inst { prim, args, dtype, dims, origin }, budget)
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
