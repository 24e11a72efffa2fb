//! Loops before all else is rewritten: constants that they are fed become [part of them](inline_constants), what each
//! iteration would compute alike goes [before the loop](hoist), what one loop stacks for another is [computed
//! again](recompute) where that takes less, what they only add up is added up [behind them](accumulate), and what nobody
//! reads then is [dropped](unread).

use foldhash::HashMap;

use super::inline_constants::with_constants_inside;
use super::{Applied, Trace, accumulate, hoist, recompute, unread};
use crate::ir::{Callee, Inst, Prim, Program};

/// The program whose loops do less, and likewise what it calls, by `limit` rewrites at most, and a record of these.
pub(crate) fn rewrite_loops(program: Program, limit: usize) -> (Program, Vec<Applied>) {
    let trace = &mut Trace::of(limit);
    let mut program = with_constants_inside(program, trace);
    let mut by: HashMap<Callee, Callee> = HashMap::default();
    let callees: Vec<Callee> = program.callees().into_iter().cloned().collect();
    for callee in callees {
        if callee.program().insts.iter().any(|inst| inst.prim.runs_programs()) {
            let mut called = callee.program().clone();
            called.replace_callees(&by);
            by.insert(callee.clone(), callee.with_program(rewrite_own_loops(called, trace)));
        }
    }
    program.replace_callees(&by);
    (rewrite_own_loops(program, trace), std::mem::take(&mut trace.applied))
}

fn rewrite_own_loops(program: Program, trace: &mut Trace) -> Program {
    let is_loop = |inst: &Inst| matches!(inst.prim, Prim::Loop(_));
    if !program.insts.iter().any(is_loop) {
        return program;
    }
    let program = unread::with_unchanged_states_whole(program, trace);
    // Before, so that what is the same in each iteration is stacked for no other loop.
    let program = hoist::with_invariants_before_loops(program, trace);
    let program = recompute::with_rows_computed(program, trace);
    // And behind, for what a loop computes again of what was the same in each iteration of another.
    let program = hoist::with_invariants_before_loops(program, trace);
    let program = accumulate::with_sums_behind_loops(program, trace);
    unread::without_unread(program.pruned(), trace)
}
