//! [`LoopFunction`]: a loop as one function, where its line is a single program and copies of a few elements each.
//!
//! The function does all iterations, or as many as it is told, with the state in registers. It takes the place of the line
//! where nothing in its words must be asked for anew in each iteration.

use super::{Anchor, Kind, LoopCall, LoopFeed, MOST_STREAMS, Native, Part, Piece, StraightCall, Word};
use crate::codegen::{self, Role, Stream};
use crate::element::DType;
use crate::kernel::isa::Isa;

/// What a call of the function takes at most, about: the deadline is looked at between calls.
const NANOSECONDS_PER_CALL: f64 = 1e6;

/// Iterations of a call at most: with so many the call itself counts for nothing.
const MOST_AT_ONCE: usize = 1 << 10;

/// A loop as a function.
#[derive(Debug)]
pub(crate) struct LoopFunction {
    pub(crate) function: codegen::Function,
    /// Where each of its streams lies at first.
    pub(crate) streams: Vec<Word>,
    /// What each is from iteration to iteration.
    pub(crate) roles: Vec<Role>,
    /// From which of them to which others it copies a row.
    pub(crate) copies: Vec<(Stream, Stream)>,
    /// Of what it is rows.
    pub(crate) dtype: DType,
    /// Bytes of a row, as many as each value of the state has.
    pub(crate) row_bytes: usize,
    /// Iterations that a call may do at most.
    pub(crate) most_at_once: usize,
}

impl LoopCall {
    /// The loop as a function, if it can be one.
    pub(super) fn compile(&self, isa: Isa) -> Option<LoopFunction> {
        let line = self.straight.as_ref()?;
        let is_program = |call: &&StraightCall| matches!(call.part, Part::Program(_));
        let mut programs = line.calls.iter().filter(is_program);
        let (program, None) = (programs.next()?, programs.next()) else { return None };
        let native = self.native(program)?;
        let words = |call: &StraightCall| &line.words[call.words.clone()];
        let row_bytes = native.program.most * native.program.dtype.size();
        let mut streams = words(program)[codegen::FIRST_STREAM..].to_vec();
        let mut copies = Vec::new();
        for call in line.calls.iter().filter(|call| !is_program(call)) {
            let (Part::Copy, &[from, to]) = (call.part, words(call)) else { return None };
            let Kind::Copy { bytes, .. } = self.plan.steps[call.step].kind else { return None };
            if bytes != row_bytes || !is_fed(from) {
                return None;
            }
            let mut stream = |word: Word| {
                let known = streams.iter().position(|&known| known == word);
                let index = known.unwrap_or_else(|| {
                    streams.push(word);
                    streams.len() - 1
                });
                Stream(index as u16)
            };
            copies.push((stream(from), stream(to)));
        }
        let roles: Option<Vec<Role>> = streams.iter().map(|&word| self.role(word, row_bytes)).collect();
        let roles = roles.filter(|roles| roles.len() <= MOST_STREAMS)?;
        let iterated = codegen::Iterated::new(&native.program, &roles, &copies, self.states.len())?;
        let function = codegen::place(&[codegen::emit_iterated(&iterated, isa)?])?.pop()?;
        let dtype = native.program.dtype;
        let most_at_once =
            ((NANOSECONDS_PER_CALL / self.plan.cost().max(1.0)) as usize).clamp(1, MOST_AT_ONCE);
        Some(LoopFunction { function, streams, roles, copies, dtype, row_bytes, most_at_once })
    }

    /// The program that a call runs, if it is for one row of all elements.
    pub(super) fn native(&self, call: &StraightCall) -> Option<&Native> {
        let (Kind::Region(region), Part::Program(place)) = (&self.plan.steps[call.step].kind, call.part)
        else {
            return None;
        };
        match &region.pieces[place] {
            Piece::Program(native) => native.row_bytes.map(|_| &**native),
            Piece::Op(_) => None,
        }
    }

    /// What lies there is from iteration to iteration, if it is known before the loop begins; of the state what has so many
    /// bytes.
    pub(super) fn role(&self, word: Word, bytes: usize) -> Option<Role> {
        let moves = |bytes: usize| {
            let by = isize::try_from(bytes).ok()?;
            Some(Role::Moves(if self.reverse { -by } else { by }))
        };
        let is_whole = |state: usize, offset: usize| offset == 0 && self.states[state].bytes == bytes;
        match word {
            Word::Number(_) | Word::Address { of: Anchor::Constant(_), .. } => Some(Role::Still),
            Word::Address { of: Anchor::Fed(position), offset } => match self.operands[position] {
                LoopFeed::State(state) => is_whole(state, offset).then_some(Role::Before(state)),
                LoopFeed::Row { bytes, .. } | LoopFeed::TapeRow { bytes, .. } => moves(bytes),
                LoopFeed::Whole(_) => Some(Role::Still),
                LoopFeed::RunCount(_) => None,
            },
            Word::Address { of: Anchor::Left(position), offset } => {
                if position < self.states.len() {
                    return is_whole(position, offset).then_some(Role::After(position));
                }
                match position.checked_sub(self.before_stacks()) {
                    None => Some(Role::Condition),
                    Some(stack) => moves(self.stacks[stack].row_bytes),
                }
            }
            // What lies there is handed from one call of the line to another, or is a session's, not a loop's.
            Word::Address { of: Anchor::Arena | Anchor::Scratch | Anchor::Given(_), .. } => None,
        }
    }
}

/// Whether it is what an iteration is fed, which nothing in it changes.
pub(super) fn is_fed(word: Word) -> bool {
    matches!(word, Word::Address { of: Anchor::Fed(_) | Anchor::Constant(_), .. })
}
