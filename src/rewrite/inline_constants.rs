//! Constants that loops and branches are fed become part of what these run: there the rules see the numbers, arrays are
//! laid out for the steps that read them, and what depends on them alone is computed when the plan is made.

use std::sync::Arc;

use foldhash::HashMap;

use crate::element::Value;
use crate::ir::{Args, Branch, Callee, LoopOperand, Prim, Program, ScalarValue};

/// Something that is known before a program runs.
#[derive(Clone)]
enum Known {
    Scalar(ScalarValue),
    Constant(Arc<Value>),
    Iota(i64),
}

/// The program whose loops and branches have in them the constants that they were fed, and likewise what it calls.
pub(super) fn with_constants_inside(program: Program) -> Program {
    Inlining::default().inline(program)
}

#[derive(Default)]
struct Inlining {
    /// What functions that are fed no constants have become: instructions that run the same do so still.
    done: HashMap<Callee, Callee>,
}

impl Inlining {
    fn inline(&mut self, mut program: Program) -> Program {
        for index in 0..program.insts.len() {
            if !program.insts[index].prim.runs_programs() {
                continue;
            }
            let mut inst = program.insts[index].clone();
            let known = |arg: u32| known(&program, &inst.args, arg);
            match &mut inst.prim {
                Prim::Call(callee) => self.inline_in(callee, &[]),
                Prim::Branch(branches) => {
                    for Branch { callee, operands } in &mut branches.branches {
                        let fed: Vec<Option<Known>> =
                            operands.iter().map(|&operand| known(operand)).collect();
                        self.inline_in(callee, &fed);
                    }
                }
                Prim::Loop(of) => {
                    let fed = of.operands.iter().map(|operand| match *operand {
                        LoopOperand::Whole(arg) => known(arg),
                        _ => None,
                    });
                    let fed: Vec<Option<Known>> = fed.collect();
                    self.inline_in(&mut of.callee, &fed);
                }
                _ => {}
            }
            program.insts[index].prim = inst.prim;
        }
        program
    }

    /// The same of the program of a function that is fed this; what it is fed stays as many operands.
    fn inline_in(&mut self, callee: &mut Callee, fed: &[Option<Known>]) {
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
                && let Some(Some(known)) = fed.get(position as usize)
            {
                inside.insts[index].prim = match known {
                    Known::Scalar(number) => Prim::Scalar(*number),
                    Known::Constant(value) => Prim::Constant(inside.hold(Arc::clone(value))),
                    Known::Iota(first) => Prim::Iota { first: *first },
                };
            }
        }
        let inlined = callee.with_program(self.inline(inside));
        let before = std::mem::replace(callee, inlined.clone());
        if is_same {
            self.done.insert(before, inlined);
        }
    }
}

/// An operand of an instruction, if it is known before the program runs.
fn known(program: &Program, args: &Args, arg: u32) -> Option<Known> {
    match program.inst(args[arg as usize]).prim {
        Prim::Scalar(number) => Some(Known::Scalar(number)),
        Prim::Constant(index) => Some(Known::Constant(Arc::clone(&program.constants[index as usize]))),
        Prim::Iota { first } => Some(Known::Iota(first)),
        _ => None,
    }
}
