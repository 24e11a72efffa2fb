//! [`Straight`]: what the steps of a plan do as one straight line of calls.
//!
//! A loop whose body is small spends its time on what is around the work: it asks of each step what it is, and looks up
//! where each operand lies. If all steps are regions of one tile, reductions and copies, that is known before the loop
//! begins. The line has the kernels and programs in their order, and a table of words, the operands of all, of which an
//! iteration only renews those that move. So it is with the [runs](RunLine) of a small plan.

use std::ops::Range;

use super::{Accumulator, Base, BufferId, Kind, Piece, Place, Plan, Region, Slot, Start, TileOp};
use crate::codegen;

/// The steps of a plan as a line of calls.
#[derive(Debug, Default)]
pub(crate) struct Straight {
    pub(crate) calls: Vec<StraightCall>,
    /// What the calls are given, one behind the other.
    pub(crate) words: Vec<Word>,
    /// Bytes of the thread's own memory.
    pub(crate) scratch_bytes: usize,
}

/// One call of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StraightCall {
    /// The step that it is part of.
    pub(crate) step: usize,
    pub(crate) part: Part,
    /// Its words.
    pub(crate) words: Range<usize>,
}

/// What part of its step a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// An op of a region that is run before the others, by its place; its words are the addresses of the result and
    /// the operands.
    Once(usize),
    /// An op of a region.
    Op(usize),
    /// Sets accumulators of a region to what a total starts with; its word is their address.
    Clear(usize),
    /// Combines the lanes of accumulators; its words are their address and that of what they come to.
    Total(usize),
    /// A reduction, whole; its words are the addresses of the operand, of the result, and of memory to work in.
    Reduce,
    /// The program that is a region's piece of this place; its words are those of the function.
    Program(usize),
    /// A copy, whole; its words are from where and to where.
    Copy,
}

/// A word of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Number(usize),
    /// The address so many bytes behind one.
    Address {
        of: Anchor,
        offset: usize,
    },
}

/// What addresses count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// What the plan is fed at this position.
    Fed(usize),
    /// What it leaves at this position.
    Left(usize),
    /// One of its constants.
    Constant(usize),
    /// Its arena.
    Arena,
    /// The thread's own memory.
    Scratch,
    /// What a session has in this buffer, elsewhere in each run: a variable, or the count of runs.
    Given(BufferId),
}

/// The steps of a plan that sessions run, as a line of calls.
#[derive(Debug)]
pub(crate) struct RunLine {
    pub(crate) line: Straight,
    /// The words, by their place, that are elsewhere in each run.
    pub(crate) given: Vec<(usize, Start)>,
    /// The words that lie so many bytes into the memory of the thread that runs.
    pub(crate) scratch: Vec<(usize, usize)>,
}

impl Plan {
    /// The plan's steps as the line of a loop's iterations, to which nothing is given but by the loop.
    pub(super) fn loop_line(&self) -> Option<Straight> {
        let is_given = |word: &Word| matches!(word, Word::Address { of: Anchor::Given(_), .. });
        self.straight().filter(|line| !line.words.iter().any(is_given))
    }

    /// Makes a line of a brief plan's steps, as they are now.
    pub(super) fn set_line(&mut self) {
        self.line = if self.is_brief { self.run_line() } else { None };
    }

    /// The plan's steps as the line of a session's runs.
    fn run_line(&self) -> Option<RunLine> {
        let line = self.straight()?;
        let fed = |place: usize| {
            let is_it = |buffer: &&BufferId| self.buffers[buffer.index()].place == Place::Feed(place);
            self.given.iter().find(is_it).copied()
        };
        let (mut given, mut scratch) = (Vec::new(), Vec::new());
        for (index, &word) in line.words.iter().enumerate() {
            let Word::Address { of, offset } = word else { continue };
            match of {
                Anchor::Fed(position) => given.push((index, Start { buffer: fed(position)?, offset })),
                Anchor::Given(buffer) => given.push((index, Start { buffer, offset })),
                Anchor::Scratch => scratch.push((index, offset)),
                Anchor::Constant(_) | Anchor::Arena => (),
                // There is no caller that wants it anywhere.
                Anchor::Left(_) => return None,
            }
        }
        Some(RunLine { line, given, scratch })
    }

    /// The plan's steps as a line, if all of them are regions of one tile, reductions of one task, and copies.
    fn straight(&self) -> Option<Straight> {
        if !self.is_for_one_thread {
            return None;
        }
        let mut line = Straight::default();
        for (index, step) in self.steps.iter().enumerate() {
            match &step.kind {
                Kind::Region(region) => self.add_region(&mut line, index, region)?,
                Kind::Copy { src, dst, .. } => {
                    let to = Start { buffer: *dst, offset: 0 };
                    line.add(index, Part::Copy, vec![self.word(*src)?, self.word(to)?]);
                }
                Kind::Reduce { reduce, src, dst } if step.tasks() == 1 => {
                    let to = Start { buffer: *dst, offset: 0 };
                    let scratch = Word::Address { of: Anchor::Scratch, offset: 0 };
                    line.add(index, Part::Reduce, vec![self.word(*src)?, self.word(to)?, scratch]);
                    line.scratch_bytes = line.scratch_bytes.max(reduce.scratch_bytes());
                }
                _ => return None,
            }
        }
        Some(line)
    }

    fn add_region(&self, line: &mut Straight, step: usize, region: &Region) -> Option<()> {
        if !region.is_one_tile() {
            return None;
        }
        line.scratch_bytes = line.scratch_bytes.max(region.scratch_bytes);
        // Where a region's first chunk has accumulators.
        let total = |offset: usize| self.word(Start { buffer: region.partial?, offset });
        for (index, accumulator) in region.accumulators.iter().enumerate() {
            line.add(step, Part::Clear(index), vec![total(accumulator.offset)?]);
        }
        let word_of = |slot: &Slot| match slot.base {
            Base::Partial => total(slot.offset),
            _ => self.word_of(slot),
        };
        let of_op = |op: &TileOp| op.operands.slots().iter().map(word_of).collect();
        for (index, op) in region.once.iter().enumerate() {
            let words: Option<Vec<Word>> = of_op(op);
            line.add(step, Part::Once(index), words?);
        }
        for (place, ops) in region.parts() {
            if let Some(Piece::Program(native)) = place.map(|place| &region.pieces[place]) {
                let bytes = native.row_bytes.unwrap_or_default() * region.rows;
                let rows = if native.row_bytes.is_some() { 1 } else { region.rows };
                let numbers: [Word; codegen::FIRST_STREAM] = [rows, bytes].map(Word::Number);
                let streams = native.streams.iter().map(word_of);
                let words: Option<Vec<Word>> = numbers.into_iter().map(Some).chain(streams).collect();
                line.add(step, Part::Program(place?), words?);
                continue;
            }
            for index in ops {
                let words: Option<Vec<Word>> = of_op(&region.ops[index]);
                line.add(step, Part::Op(index), words?);
            }
        }
        for (index, &Accumulator { buffer, offset, .. }) in region.accumulators.iter().enumerate() {
            let to = self.word(Start { buffer, offset: 0 })?;
            line.add(step, Part::Total(index), vec![total(offset)?, to]);
        }
        Some(())
    }

    /// The address of a slot that is no accumulator, for a region's first row.
    fn word_of(&self, slot: &Slot) -> Option<Word> {
        match slot.base {
            Base::Buffer(buffer) => self.word(Start { buffer, offset: slot.offset }),
            Base::Scratch => Some(Word::Address { of: Anchor::Scratch, offset: slot.offset }),
            Base::Nowhere => Some(Word::Number(0)),
            Base::Panel | Base::Partial => None,
        }
    }

    fn word(&self, Start { buffer, offset }: Start) -> Option<Word> {
        let place = |buffer: BufferId| self.buffers[buffer.index()].place;
        let (buffer, before) = match place(buffer) {
            Place::Part { of, offset } => (of, offset),
            _ => (buffer, 0),
        };
        let (of, start) = match place(buffer) {
            Place::Feed(position) => (Anchor::Fed(position), 0),
            Place::Output(position) => (Anchor::Left(position), 0),
            Place::Constant(index) => (Anchor::Constant(index), 0),
            Place::Arena(start) => (Anchor::Arena, start),
            Place::RunCount | Place::Variable(_) | Place::Next(_) => (Anchor::Given(buffer), 0),
            Place::Part { .. } => return None,
        };
        Some(Word::Address { of, offset: start + before + offset })
    }
}

impl Straight {
    fn add(&mut self, step: usize, part: Part, words: Vec<Word>) {
        let first = self.words.len();
        self.words.extend(words);
        self.calls.push(StraightCall { step, part, words: first..self.words.len() });
    }
}

impl Region {
    /// Whether all its rows are one tile, with no product before it.
    pub(super) fn is_one_tile(&self) -> bool {
        self.chunks == 1
            && (1..=self.tile_rows.min(self.chunk_rows).min(self.round_rows)).contains(&self.rows)
            && self.producer.is_none()
    }

    /// Its ops in order, each with the place of the piece whose program they are, if one runs them.
    pub(super) fn parts(&self) -> Vec<(Option<usize>, Range<usize>)> {
        if self.pieces.is_empty() {
            return vec![(None, 0..self.ops.len())];
        }
        let part = |(place, piece): (usize, &Piece)| match piece {
            Piece::Program(native) => (native.function.is_some().then_some(place), native.ops.clone()),
            Piece::Op(index) => (None, *index..index + 1),
        };
        self.pieces.iter().enumerate().map(part).collect()
    }
}
