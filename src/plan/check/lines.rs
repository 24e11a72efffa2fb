//! A plan's steps as a line of calls: whether they do what the steps do, on the same memory.

use super::super::{
    Accumulator, Anchor, Base, Buffer, Kind, LoopCall, LoopFeed, LoopFunction, Part, Piece, Place, Plan,
    Region, RunLine, Slot, Start, Straight, StraightCall, Word,
};
use crate::codegen::{Role, Stream};

/// Whether a line is what a plan's steps do.
pub(super) fn is_line_of(line: &Straight, plan: &Plan) -> bool {
    let mut calls = &line.calls[..];
    for (index, step) in plan.steps.iter().enumerate() {
        let of_step = calls.iter().take_while(|call| call.step == index).count();
        let (own, others) = calls.split_at(of_step);
        calls = others;
        let is_done = match (&step.kind, own) {
            (Kind::Region(region), _) => is_region(line, plan, region, own),
            (Kind::Copy { src, dst, .. }, [StraightCall { part: Part::Copy, words, .. }]) => {
                let to = Start { buffer: *dst, offset: 0 };
                matches!(&line.words[words.clone()], &[a, b] if lies_at(plan, a, *src) && lies_at(plan, b, to))
            }
            (Kind::Reduce { reduce, src, dst }, [StraightCall { part: Part::Reduce, words, .. }]) => {
                let to = Start { buffer: *dst, offset: 0 };
                let scratch = Word::Address { of: Anchor::Scratch, offset: 0 };
                step.tasks() == 1
                    && reduce.scratch_bytes() <= line.scratch_bytes
                    && matches!(&line.words[words.clone()], &[a, b, c]
                        if lies_at(plan, a, *src) && lies_at(plan, b, to) && c == scratch)
            }
            _ => false,
        };
        if !is_done {
            return false;
        }
    }
    calls.is_empty()
}

/// Whether a line is what a session's plan does, and renews in each run what is elsewhere in each.
pub(super) fn is_run_line_of(RunLine { line, given, scratch }: &RunLine, plan: &Plan) -> bool {
    let is_renewed = |(index, word): (usize, &Word)| match *word {
        Word::Number(_) | Word::Address { of: Anchor::Constant(_) | Anchor::Arena, .. } => true,
        Word::Address { of: Anchor::Scratch, offset } => scratch.contains(&(index, offset)),
        Word::Address { of: Anchor::Given(buffer), offset } => {
            given.contains(&(index, Start { buffer, offset }))
        }
        Word::Address { of: Anchor::Fed(position), offset } => {
            let is_it = |&&(place, start): &&(usize, Start)| place == index && start.offset == offset;
            let fed = given.iter().find(is_it).map(|(_, start)| plan.buffers[start.buffer.index()].place);
            fed == Some(Place::Feed(position))
        }
        Word::Address { of: Anchor::Left(_), .. } => false,
    };
    plan.is_for_one_thread
        && is_line_of(line, plan)
        && line.words.iter().enumerate().all(is_renewed)
        && given.len() + scratch.len() <= line.words.len()
}

/// Whether a function does what a loop's line does: its streams are those of the line's program and of its copies, each is
/// what the loop has there, and a row is as long in all.
pub(super) fn is_function_of(function: &LoopFunction, call: &LoopCall) -> bool {
    let Some(line) = &call.straight else { return false };
    let (mut programs, mut copies) = (Vec::new(), Vec::new());
    for called in &line.calls {
        let words = &line.words[called.words.clone()];
        match (called.part, words, call.native(called)) {
            (Part::Program(_), [_, _, streams @ ..], Some(native)) => programs.push((streams, native)),
            (Part::Copy, &[from, to], _) => copies.push((called.step, from, to)),
            _ => return false,
        }
    }
    let [(streams, native)] = programs[..] else { return false };
    let row_bytes = native.program.most * native.program.dtype.size();
    let stream = |stream: Stream| function.streams.get(stream.index()).copied();
    let is_copy = |(&(step, from, to), &(a, b)): (&(usize, Word, Word), &(Stream, Stream))| {
        let bytes = if let Kind::Copy { bytes, .. } = call.plan.steps[step].kind { bytes } else { 0 };
        bytes == row_bytes && stream(a) == Some(from) && stream(b) == Some(to)
    };
    let is_of_copies =
        |index: usize| function.copies.iter().any(|(a, b)| a.index() == index || b.index() == index);
    function.row_bytes == row_bytes
        && function.streams.len() == function.roles.len()
        && function.streams.starts_with(streams)
        && (streams.len()..function.streams.len()).all(is_of_copies)
        && function.copies.len() == copies.len()
        && copies.iter().zip(&function.copies).all(is_copy)
        && function.streams.iter().zip(&function.roles).all(|(&word, &role)| is_role_of(word, role, call))
        && call.states.iter().all(|state| state.bytes == row_bytes)
        && (0..call.states.len()).all(|state| function.roles.contains(&Role::After(state)))
        && function.roles.contains(&Role::Condition) == call.condition().is_some()
}

/// Whether what lies at a word is what a loop has there from iteration to iteration.
fn is_role_of(word: Word, role: Role, call: &LoopCall) -> bool {
    let moves =
        |bytes: usize, by: isize| by.unsigned_abs() == bytes && (bytes == 0 || call.reverse == (by < 0));
    match (word, role) {
        (Word::Number(_) | Word::Address { of: Anchor::Constant(_), .. }, Role::Still) => true,
        (Word::Address { of: Anchor::Fed(position), offset }, role) => {
            match (call.operands[position], role) {
                (LoopFeed::State(state), Role::Before(before)) => state == before && offset == 0,
                (LoopFeed::Row { bytes, .. } | LoopFeed::TapeRow { bytes, .. }, Role::Moves(by)) => {
                    moves(bytes, by)
                }
                (LoopFeed::Whole(_), Role::Still) => true,
                _ => false,
            }
        }
        (Word::Address { of: Anchor::Left(position), offset }, role) => match role {
            Role::After(state) => state == position && state < call.states.len() && offset == 0,
            Role::Condition => position == call.states.len() && call.condition().is_some() && offset == 0,
            Role::Moves(by) => {
                let stack =
                    position.checked_sub(call.before_stacks()).and_then(|stack| call.stacks.get(stack));
                stack.is_some_and(|stack| moves(stack.row_bytes, by))
            }
            Role::Still | Role::Before(_) => false,
        },
        _ => false,
    }
}

/// Whether calls do what a region does: each op once, and in its turn.
fn is_region(line: &Straight, plan: &Plan, region: &Region, calls: &[StraightCall]) -> bool {
    let is_whole = region.chunks == 1
        && region.rows > 0
        && region.rows <= region.tile_rows.min(region.chunk_rows).min(region.round_rows)
        && region.producer.is_none()
        && region.scratch_bytes <= line.scratch_bytes;
    let total = |word: Word, offset: usize| {
        region.partial.is_some_and(|buffer| lies_at(plan, word, Start { buffer, offset }))
    };
    let is_at = |(&word, slot): (&Word, &Slot)| match slot.base {
        Base::Partial => total(word, slot.offset),
        _ => is_slot(plan, word, slot),
    };
    let fit =
        |words: &[Word], slots: &[Slot]| words.len() == slots.len() && words.iter().zip(slots).all(is_at);
    let (mut cleared, mut once, mut done, mut totals) = (0, 0, 0, 0);
    let are_calls = calls.iter().all(|call| {
        let words = &line.words[call.words.clone()];
        match call.part {
            Part::Clear(index) => {
                cleared += 1;
                let offset = region.accumulators[index].offset;
                index + 1 == cleared && done == 0 && matches!(*words, [word] if total(word, offset))
            }
            Part::Total(index) => {
                totals += 1;
                let Accumulator { buffer, offset, .. } = region.accumulators[index];
                let is_next = index + 1 == totals && done == region.ops.len();
                let goes = |from: Word, to: Word| {
                    total(from, offset) && lies_at(plan, to, Start { buffer, offset: 0 })
                };
                is_next && matches!(*words, [from, to] if goes(from, to))
            }
            Part::Once(op) => {
                once += 1;
                op + 1 == once && done == 0 && fit(words, &region.once[op].operands.slots())
            }
            Part::Op(op) => {
                done += 1;
                op + 1 == done && fit(words, &region.ops[op].operands.slots())
            }
            Part::Program(place) => {
                let Some(Piece::Program(native)) = region.pieces.get(place) else { return false };
                let (rows, bytes) = match native.row_bytes {
                    Some(bytes) => (1, bytes * region.rows),
                    None => (region.rows, 0),
                };
                let is_next = native.ops.start == done && native.function.is_some();
                done = native.ops.end;
                let counts = [rows, bytes].map(Word::Number);
                is_next && words.starts_with(&counts) && fit(&words[counts.len()..], &native.streams)
            }
            Part::Copy | Part::Reduce => false,
        }
    });
    let all = region.accumulators.len();
    let are_done = once == region.once.len() && done == region.ops.len();
    is_whole && are_calls && are_done && [cleared, totals] == [all; 2]
}

/// Whether a word is where a slot starts that is no accumulator.
fn is_slot(plan: &Plan, word: Word, slot: &Slot) -> bool {
    match slot.base {
        Base::Buffer(buffer) => lies_at(plan, word, Start { buffer, offset: slot.offset }),
        Base::Scratch => word == Word::Address { of: Anchor::Scratch, offset: slot.offset },
        Base::Nowhere => word == Word::Number(0),
        Base::Panel | Base::Partial => false,
    }
}

/// Whether a word is the address of a place in a buffer of the plan.
fn lies_at(plan: &Plan, word: Word, start: Start) -> bool {
    let Word::Address { of, offset } = word else { return false };
    let Buffer { place, .. } = plan.buffers[start.buffer.index()];
    match (place, of) {
        (Place::Feed(position), Anchor::Fed(fed)) => position == fed && start.offset == offset,
        (Place::Output(position), Anchor::Left(left)) => position == left && start.offset == offset,
        (Place::Constant(index), Anchor::Constant(constant)) => index == constant && start.offset == offset,
        (Place::Arena(before), Anchor::Arena) => before + start.offset == offset,
        (Place::RunCount | Place::Variable(_) | Place::Next(_), Anchor::Given(buffer)) => {
            buffer == start.buffer && start.offset == offset
        }
        (Place::Part { of: whole, offset: before }, _) => {
            let is_part = matches!(plan.buffers[whole.index()].place, Place::Part { .. });
            !is_part && lies_at(plan, word, Start { buffer: whole, offset: before + start.offset })
        }
        _ => false,
    }
}
