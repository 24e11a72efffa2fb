//! What every iteration of a loop would compute alike is computed once, before the loop.
//!
//! Invariant: nothing is hoisted that could fail or that somebody could see run, for the loop may not run at all. What it
//! costs then is paid for nothing, which is the price of all others.

use super::Trace;
use super::early::{Most, is_gathered, says_all, worth_computing};
use crate::element::DType;
use crate::ir::{Args, Callee, Dims, Inst, Loop, LoopOperand, Prim, Program, Trips, Val, size};

/// Bytes of all that is computed before one loop, and lies in memory until it has run.
const MAX_BYTES: usize = 64 << 20;

/// The program in which the iterations of its loops read what they would all compute.
pub(super) fn with_invariants_before_loops(program: Program, trace: &mut Trace) -> Program {
    program.rebuilt(|around, mut inst| {
        if let Prim::Loop(of) = &mut inst.prim {
            let targets = invariants(of, trace.left());
            let inside = of.callee.program();
            for &target in &targets {
                trace.note("hoist", "the same in each iteration", inside, inside.inst(target));
            }
            hoist(around, of, &mut inst.args, &targets);
        }
        around.push(inst)
    })
}

/// The values of a loop's program that are the same in each iteration and worth computing before the first, so many at
/// most. What depends on constants alone is none: it is computed when the plan is made, and the rules of the loop's
/// program know it.
fn invariants(of: &Loop, most: usize) -> Vec<Val> {
    if matches!(of.trips, Trips::Known(0 | 1)) {
        return Vec::new();
    }
    let program = of.callee.program();
    // What an iteration checks stays before the check, or another check would come first and be told.
    let mut is_checked = vec![false; program.insts.len()];
    for inst in &program.insts {
        if matches!(inst.prim, Prim::Map(function) if function.can_fail(inst.dtype)) {
            inst.args.iter().for_each(|arg| is_checked[arg.index()] = true);
        }
    }
    let mut known: Vec<Option<usize>> = Vec::with_capacity(program.insts.len());
    let mut is_fed: Vec<bool> = Vec::with_capacity(program.insts.len());
    for (inst, is_checked) in program.insts.iter().zip(is_checked) {
        let arg = |position: usize| known[inst.args[position].index()];
        let bytes = size(&inst.dims) * inst.dtype.size();
        let is_known = match &inst.prim {
            Prim::Feed(position) => matches!(of.operands[*position as usize], LoopOperand::Whole(_)),
            Prim::Scalar(_) | Prim::Constant(_) | Prim::Iota { .. } => true,
            _ => says_all(inst) && (0..inst.args.len()).all(|position| arg(position).is_some()),
        };
        let is_shown = matches!(inst.prim, Prim::View(_)) && !is_gathered(program, inst);
        let bytes = if is_shown { arg(0) } else { Some(bytes) };
        let is_source = inst.prim.is_source();
        known.push(bytes.filter(|_| is_known && (is_source || !is_checked)));
        is_fed.push(matches!(inst.prim, Prim::Feed(_)) || inst.args.iter().any(|arg| is_fed[arg.index()]));
    }
    let mut invariants = worth_computing(program, &known, Most { results: usize::MAX, bytes: MAX_BYTES });
    invariants.retain(|val| is_fed[val.index()]);
    invariants.truncate(most);
    invariants
}

/// Computes values of a loop's program in the program around, and has the loop read them.
fn hoist(around: &mut Program, of: &mut Loop, args: &mut Args, targets: &[Val]) {
    if targets.is_empty() {
        return;
    }
    let mut inside = of.callee.program().clone();
    let made = computed_before(around, of, args, targets);
    let mut types: Vec<(DType, Dims)> = of.callee.operands().to_vec();
    for &target in targets {
        let val = made[target.index()];
        let position = args.iter().position(|&arg| arg == val).unwrap_or_else(|| {
            args.push(val);
            args.len() - 1
        });
        let inst = &mut inside.insts[target.index()];
        inst.prim = Prim::Feed(types.len() as u32);
        inst.args.clear();
        types.push((inst.dtype, inst.dims.clone()));
        of.operands.push(LoopOperand::Whole(position as u32));
    }
    of.callee = Callee::new(of.callee.function().to_owned(), types, inside.pruned());
}

/// Has the program around compute values of a loop's program; by value of that, the one of the program around.
fn computed_before(around: &mut Program, of: &Loop, args: &Args, targets: &[Val]) -> Vec<Val> {
    let from = of.callee.program();
    let mut needed = vec![false; from.insts.len()];
    for target in targets {
        needed[target.index()] = true;
    }
    for (index, inst) in from.insts.iter().enumerate().rev() {
        if needed[index] {
            inst.args.iter().for_each(|arg| needed[arg.index()] = true);
        }
    }
    let mut made: Vec<Val> = Vec::with_capacity(from.insts.len());
    for (inst, needed) in from.insts.iter().zip(needed) {
        let prim = match &inst.prim {
            _ if !needed => {
                made.push(Val(u32::MAX));
                continue;
            }
            Prim::Feed(position) => {
                // What is the same in each iteration depends on no other kind of operand.
                if let LoopOperand::Whole(arg) = of.operands[*position as usize] {
                    made.push(args[arg as usize]);
                }
                continue;
            }
            prim => around.take_prim(from, prim),
        };
        let args = inst.args.iter().map(|arg| made[arg.index()]).collect();
        made.push(around.push(Inst { prim, args, ..inst.clone() }));
    }
    made
}
