//! [`Iterated`]: a program that is run again and again, each time on what it has left the time before.
//!
//! It is a loop whose state stays in registers: what an iteration leaves of the state is a value, not a place in memory, and
//! the next iteration has it for what it would load.

use super::program::{Binary, Inst, Program, Segment, Stream, Value};

/// What a stream is from one iteration to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The same place each time.
    Still,
    /// So many bytes on each time, or back.
    Moves(isize),
    /// Where a value of the state, by its number, is read; it lies where it is left.
    Before(usize),
    /// Where the next one is left.
    After(usize),
    /// Where it is left whether there is another iteration.
    Condition,
}

/// A program for a row of a few elements, to be run as often as a call says, or until it says that it is done.
///
/// A call's words are how many iterations there are at most, which it counts down, a word that is not read, and the
/// address of each stream, which it leaves moved. It reads and writes the state where the streams of [`Role::After`] lie.
#[derive(Debug)]
pub(crate) struct Iterated {
    pub(super) program: Program,
    pub(super) carried: Vec<Carried>,
    /// Bytes by which each stream moves.
    pub(super) moves: Vec<isize>,
    pub(super) condition: Option<Stream>,
}

/// A value of the state.
#[derive(Debug)]
pub(super) struct Carried {
    /// What an iteration has of it.
    pub(super) loads: Vec<Value>,
    /// What it becomes, which the loop makes, and which is no such load of any value of the state.
    pub(super) next: Value,
    /// Where it lies before the first iteration and behind the last.
    pub(super) stream: Stream,
}

impl Iterated {
    /// The iterations of a program with these streams, and of copies from one stream to another, of a row each, that are done
    /// beside it; further streams than the program's are those of copies. `None` if the state cannot be carried: the
    /// program is not one loop over a row of a known length, reads what it has left, or does not leave each value of the
    /// state once, as a number.
    pub(crate) fn new(
        program: &Program,
        roles: &[Role],
        copies: &[(Stream, Stream)],
        states: usize,
    ) -> Option<Iterated> {
        let mut program = program.clone();
        let is_one_row = program.width.is_none() && program.is_exact && program.folds.is_empty();
        let [Segment::Loop(insts)] = &mut program.segments[..] else { return None };
        let role = |stream: Stream| roles[stream.index()];
        let is_still = |value: &Value| match program.insts[value.index()] {
            Inst::Row(stream) => role(stream) == Role::Still,
            _ => true,
        };
        if !is_one_row || !program.once.iter().all(is_still) {
            return None;
        }
        program.streams.resize(roles.len(), 0);
        let mut add = |insts: &mut Vec<Value>, inst: Inst| {
            program.insts.push(inst);
            insts.push(Value::new(program.insts.len() - 1));
            Value::new(program.insts.len() - 1)
        };
        for &(from, to) in copies {
            let value = add(insts, Inst::Load(from));
            add(insts, Inst::Store(to, value));
        }
        let mut next: Vec<Option<(Value, Stream)>> = vec![None; states];
        let mut loads: Vec<Vec<Value>> = vec![Vec::new(); states];
        let mut condition = None;
        let mut kept = Vec::with_capacity(insts.len());
        for &value in &*insts {
            match program.insts[value.index()] {
                Inst::Load(stream) => match role(stream) {
                    Role::Before(state) => loads[state].push(value),
                    Role::Still | Role::Moves(_) => {}
                    Role::After(_) | Role::Condition => return None,
                },
                Inst::Store(stream, of) => match role(stream) {
                    Role::After(state) => {
                        // Of a state that is a boolean there is no value in a vector.
                        let is_number = !program.insts[of.index()].is_boolean();
                        if !is_number || next[state].replace((of, stream)).is_some() {
                            return None;
                        }
                        continue;
                    }
                    Role::Condition => condition = Some(stream),
                    Role::Still | Role::Moves(_) => {}
                    Role::Before(_) => return None,
                },
                _ => {}
            }
            kept.push(value);
        }
        let carried = loads.iter().zip(next).map(|(loads_of_it, next)| {
            let (mut next, stream) = next?;
            // What is handed on from elsewhere is made once more, so that no iteration overwrites what another value becomes.
            if !kept.contains(&next) || loads.iter().flatten().any(|&load| load == next) {
                program.insts.push(Inst::Binary(Binary::Or, next, next));
                next = Value::new(program.insts.len() - 1);
                kept.push(next);
            }
            Some(Carried { loads: loads_of_it.clone(), next, stream })
        });
        let carried: Vec<Carried> = carried.collect::<Option<_>>()?;
        program.segments = vec![Segment::Loop(kept)];
        let moves = roles.iter().map(|role| if let Role::Moves(by) = *role { by } else { 0 }).collect();
        Some(Iterated { program, carried, moves, condition })
    }
}
