//! Constants that loops and branches are fed become part of what these run: there the rules see the numbers, arrays are
//! laid out for the steps that read them, and what depends on them alone is computed when the plan is made.

use foldhash::HashMap;

use super::Trace;
use crate::ir::{Branch, Callee, LoopOperand, Prim, Program, Val};

/// The program whose loops and branches have in them the constants that they were fed, and likewise what it calls.
pub(super) fn with_constants_inside(program: Program, trace: &mut Trace) -> Program {
    Inlining { done: HashMap::default(), trace }.inline(program)
}

struct Inlining<'t> {
    /// What functions that are fed no constants have become: instructions that run the same do so still.
    done: HashMap<Callee, Callee>,
    trace: &'t mut Trace,
}

impl Inlining<'_> {
    fn inline(&mut self, mut program: Program) -> Program {
        for index in 0..program.insts.len() {
            if !program.insts[index].prim.runs_programs() {
                continue;
            }
            let mut inst = program.insts[index].clone();
            let known = |arg: u32| known(&program, inst.args[arg as usize]);
            let mut fed: Vec<Vec<Option<Val>>> = match &inst.prim {
                Prim::Branch(of) => {
                    let known =
                        |branch: &Branch| branch.operands.iter().map(|&operand| known(operand)).collect();
                    of.branches.iter().map(known).collect()
                }
                Prim::Loop(of) => {
                    let known = |operand: &LoopOperand| match *operand {
                        LoopOperand::Whole(arg) => known(arg),
                        _ => None,
                    };
                    vec![of.operands.iter().map(known).collect()]
                }
                _ => vec![Vec::new()],
            };
            if self.trace.left() == 0 {
                fed.iter_mut().flatten().for_each(|known| *known = None);
            } else if fed.iter().flatten().any(Option::is_some) {
                self.trace.note("inline", "constants become part of what is run", &program, &inst);
            }
            for (callee, fed) in inst.prim.callees_mut().into_iter().zip(&fed) {
                self.inline_in(callee, &program, fed);
            }
            program.insts[index].prim = inst.prim;
        }
        program
    }

    /// The same of the program of a function that is fed this; what it is fed stays as many operands.
    fn inline_in(&mut self, callee: &mut Callee, around: &Program, fed: &[Option<Val>]) {
        let is_same = fed.iter().all(Option::is_none);
        if let (true, Some(done)) = (is_same, self.done.get(callee)) {
            *callee = done.clone();
            return;
        }
        let runs_others = callee.program().insts.iter().any(|inst| inst.prim.runs_programs());
        if is_same && !runs_others {
            return;
        }
        let mut inside = callee.program().clone();
        for index in 0..inside.insts.len() {
            if let Prim::Feed(position) = inside.insts[index].prim
                && let Some(&Some(known)) = fed.get(position as usize)
            {
                inside.insts[index].prim = inside.take_prim(around, &around.inst(known).prim);
            }
        }
        let inlined = callee.with_program(self.inline(inside));
        let before = std::mem::replace(callee, inlined.clone());
        if is_same {
            self.done.insert(before, inlined);
        }
    }
}

/// An operand, if it is known before the program runs.
fn known(program: &Program, operand: Val) -> Option<Val> {
    let is_known =
        matches!(program.inst(operand).prim, Prim::Scalar(_) | Prim::Constant(_) | Prim::Iota { .. });
    is_known.then_some(operand)
}
