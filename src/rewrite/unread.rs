//! What loops do for nobody is left out: values of the state that nothing needs, stacks that nobody reads, operands that
//! the program does not look at, and turns that a value takes through the state without ever changing.

use foldhash::{HashMap, HashSet};

use super::Trace;
use crate::ir::{Args, Callee, Inst, Loop, LoopOperand, Prim, Program, Trips, Val};

/// The program whose loops are fed as a whole what is in their state and stays the same.
pub(super) fn with_unchanged_states_whole(mut program: Program, trace: &mut Trace) -> Program {
    let mut by: Vec<Val> = (0..program.insts.len() as u32).map(Val).collect();
    for index in 0..program.insts.len() {
        let mut inst = program.insts[index].clone();
        inst.args.iter_mut().for_each(|arg| *arg = by[arg.index()]);
        if let Prim::Loop(of) = &mut inst.prim {
            let unchanged: Vec<bool> = (0..of.states).map(|state| is_unchanged(of, state)).collect();
            let is_some = unchanged.contains(&true) && trace.left() > 0;
            if is_some {
                trace.note("unchanged", "a state that stays the same", &program, &program.insts[index]);
            }
            for operand in of.operands.iter_mut().filter(|_| is_some) {
                if let LoopOperand::State(state) = *operand
                    && unchanged[state as usize]
                {
                    *operand = LoopOperand::Whole(state);
                }
            }
        } else if let Prim::Output(position) = inst.prim
            && let looped = program.inst(inst.args[0])
            && let Prim::Loop(of) = &looped.prim
            && position < of.states
            && is_handed_on(of, position)
        {
            // However often the loop runs, the last is the first.
            by[index] = looped.args[position as usize];
        }
        program.insts[index] = inst;
    }
    program.results_mut().for_each(|val| *val = by[val.index()]);
    program
}

/// Whether each iteration hands a value of the state on as it has got it.
fn is_unchanged(of: &Loop, state: u32) -> bool {
    is_next(of, state, LoopOperand::State(state))
}

/// The same, once the loop is fed the value as a whole.
fn is_handed_on(of: &Loop, state: u32) -> bool {
    is_next(of, state, LoopOperand::Whole(state))
}

/// Whether what is fed becomes a value of the state.
fn is_next(of: &Loop, state: u32, fed: LoopOperand) -> bool {
    let program = of.callee.program();
    match program.inst(program.outputs[state as usize]).prim {
        Prim::Feed(position) => of.operands[position as usize] == fed,
        _ => false,
    }
}

/// The program whose loops neither keep nor stack nor are fed what nobody reads.
pub(super) fn without_unread(mut program: Program, trace: &mut Trace) -> Program {
    // A loop that is fed less may leave what another one gives unread, and that comes before it.
    while trace.left() > 0 {
        let before = program.insts.len();
        program = with_less_given(program, trace).pruned();
        if program.insts.len() == before {
            break;
        }
    }
    program
}

fn with_less_given(mut program: Program, trace: &mut Trace) -> Program {
    let outputs = program.insts.iter().filter_map(|inst| match inst.prim {
        Prim::Output(position) => Some((inst.args[0], position)),
        _ => None,
    });
    let read: HashSet<(Val, u32)> = outputs.collect();
    let mut places: HashMap<(Val, u32), u32> = HashMap::default();
    for index in 0..program.insts.len() {
        let (val, mut inst) = (Val(index as u32), program.insts[index].clone());
        match &mut inst.prim {
            Prim::Loop(of) => {
                let mut own_places = Vec::new();
                let less = of_what_is_read(of, val, &read, &mut own_places);
                let kept: Vec<u32> = own_places.iter().map(|&((_, position), _)| position).collect();
                let states = kept.partition_point(|&position| position < of.states);
                feed_what_is_read(&mut inst, less, &kept[..states]);
                if is_less(&inst, &program.insts[index]) && trace.left() > 0 {
                    trace.note("unread", "nobody reads all of it", &program, &program.insts[index]);
                    places.extend(own_places);
                } else {
                    inst = program.insts[index].clone();
                }
                with_less_given_inside(&mut inst, trace);
            }
            Prim::Output(position) => {
                if let Some(&place) = places.get(&(inst.args[0], *position)) {
                    *position = place;
                }
            }
            _ => {}
        }
        program.insts[index] = inst;
    }
    program
}

/// Whether a loop keeps, gives or is fed less than another.
fn is_less(inst: &Inst, than: &Inst) -> bool {
    let [less, more] = [inst, than].map(|inst| match &inst.prim {
        Prim::Loop(of) => of.callee.program().outputs.len() + of.operands.len() + of.states as usize,
        _ => 0,
    });
    less < more
}

/// A loop's program with what somebody reads alone; and for what the loop gives of it, the loop and the position, where it
/// is then.
fn of_what_is_read(
    of: &Loop,
    val: Val,
    read: &HashSet<(Val, u32)>,
    places: &mut Vec<((Val, u32), u32)>,
) -> Program {
    let kept = needed_states(of, |position| read.contains(&(val, position)));
    let mut inner = of.callee.program().clone();
    let rows = &inner.outputs[of.before_stacks()..];
    let stacks = (of.states..).zip(rows).filter(|&(stack, _)| read.contains(&(val, stack)));
    let (stacks, rows): (Vec<u32>, Vec<Val>) = stacks.unzip();
    let states = kept.iter().map(|&state| inner.outputs[state as usize]);
    let condition = &inner.outputs[of.states as usize..of.before_stacks()];
    let outputs = states.chain(condition.iter().copied()).chain(rows).collect();
    let given = kept.into_iter().chain(stacks).zip(0..);
    places.extend(given.map(|(position, place)| ((val, position), place)));
    inner.outputs = outputs;
    inner.pruned()
}

/// The same for the loops of a loop's program.
fn with_less_given_inside(inst: &mut Inst, trace: &mut Trace) {
    let Prim::Loop(of) = &inst.prim else { return };
    let inner = of.callee.program();
    if inner.insts.iter().any(|inst| matches!(inst.prim, Prim::Loop(_))) && trace.left() > 0 {
        let states: Vec<u32> = (0..of.states).collect();
        let inner = without_unread(inner.clone(), trace);
        feed_what_is_read(inst, inner, &states);
    }
}

/// The values of a loop's state that somebody reads when it has run, or that what must be done or is read goes back to.
fn needed_states(of: &Loop, is_read: impl Fn(u32) -> bool) -> Vec<u32> {
    let program = of.callee.program();
    let mut live = vec![false; program.insts.len()];
    let others = &program.outputs[of.states as usize..of.before_stacks()];
    let rows = (of.states..).zip(&program.outputs[of.before_stacks()..]);
    let rows = rows.filter(|&(stack, _)| is_read(stack)).map(|(_, row)| row);
    program.checks.iter().chain(others).chain(rows).for_each(|val| live[val.index()] = true);
    let mut needed: Vec<bool> = (0..of.states).map(is_read).collect();
    // A state that is needed needs what makes the next, which may need another state.
    loop {
        for (&needed, next) in needed.iter().zip(&program.outputs) {
            live[next.index()] |= needed;
        }
        for (index, inst) in program.insts.iter().enumerate().rev() {
            if live[index] {
                inst.args.iter().for_each(|arg| live[arg.index()] = true);
            }
        }
        let mut has_more = false;
        for (inst, _) in program.insts.iter().zip(&live).filter(|&(_, &live)| live) {
            if let Prim::Feed(position) = inst.prim
                && let LoopOperand::State(state) = of.operands[position as usize]
            {
                has_more |= !std::mem::replace(&mut needed[state as usize], true);
            }
        }
        if !has_more {
            return (0..of.states).filter(|&state| needed[state as usize]).collect();
        }
    }
}

/// Has a loop run a program that keeps these values of the state, and be fed what the program reads and nothing else.
fn feed_what_is_read(inst: &mut Inst, mut program: Program, kept: &[u32]) {
    let Prim::Loop(of) = &mut inst.prim else { return };
    let old = of.callee.clone();
    let fed = program.insts.iter().filter_map(|inst| match inst.prim {
        Prim::Feed(position) => Some(position),
        _ => None,
    });
    let mut fed: Vec<u32> = fed.collect();
    fed.sort_unstable();
    fed.dedup();
    for inst in &mut program.insts {
        if let Prim::Feed(position) = &mut inst.prim {
            *position = fed.partition_point(|fed| fed < position) as u32;
        }
    }
    let types = fed.iter().map(|&position| old.operands()[position as usize].clone()).collect();
    // Loops that are alike stay so.
    let is_same = fed.len() == old.operands().len()
        && program.insts == old.program().insts
        && program.outputs == old.program().outputs;
    if !is_same {
        of.callee = Callee::new(old.function().to_owned(), types, program);
    }
    of.operands = fed.iter().map(|&position| of.operands[position as usize]).collect();
    // Of the instruction's own operands the first state, the condition, and behind them those that are named by position.
    let mut args: Args = kept.iter().map(|&state| inst.args[state as usize]).collect();
    args.extend_from_slice(&inst.args[of.states as usize..of.before_stacks()]);
    of.states = kept.len() as u32;
    let first = args.len();
    let mut place = |arg: &mut u32| {
        let val = inst.args[*arg as usize];
        let known = args[first..].iter().position(|&known| known == val);
        *arg = (first + known.unwrap_or(args.len() - first)) as u32;
        if known.is_none() {
            args.push(val);
        }
    };
    for operand in &mut of.operands {
        match operand {
            // What the program reads is kept.
            LoopOperand::State(state) => *state = kept.partition_point(|kept| kept < state) as u32,
            LoopOperand::Row(arg)
            | LoopOperand::TapeRow(arg)
            | LoopOperand::Whole(arg)
            | LoopOperand::RunCount(arg) => place(arg),
        }
    }
    if let Trips::Tapes(tapes) = &mut of.trips {
        tapes.iter_mut().for_each(place);
    }
    inst.args = args;
}
