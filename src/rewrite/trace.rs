//! [`Trace`]: the rewrites that were applied, in their order, and how many more may be.

use smallvec::SmallVec;

use crate::ir::{Inst, Names, NodeId, Prim, Program, ScalarValue, Val};

/// What was rewritten.
pub(super) struct Trace {
    pub(super) applied: Vec<Applied>,
    /// How many rewrites there may be.
    limit: usize,
}

impl Trace {
    pub(super) fn of(limit: usize) -> Self {
        Trace { applied: Vec::new(), limit }
    }

    /// How many more there may be.
    pub(super) fn left(&self) -> usize {
        self.limit - self.applied.len()
    }

    /// Notes that something goes that stands in a program; only as long as there may be more.
    pub(super) fn note(
        &mut self,
        rule: &'static str,
        reason: &'static str,
        program: &Program,
        before: &Inst,
    ) {
        debug_assert!(self.left() > 0, "one rewrite more than there may be");
        self.applied.push(Applied::new(rule, reason, program, before.clone()));
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
    pub(super) fn new(rule: &'static str, reason: &'static str, program: &Program, before: Inst) -> Self {
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
