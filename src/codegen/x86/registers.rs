//! Registers for a straight line of instructions: each value gets one when it is made, and the value whose next use is
//! farthest gives up its register when there is none left.

use std::ops::Range;

use smallvec::SmallVec;

use super::encoder::{Encoder, Reg, Rm};
use super::vector::Machine;

/// A value of one copy of a loop's body, by its place among them.
pub(super) type Key = usize;

/// The places of the instructions that read each value, in ascending order.
#[derive(Debug)]
pub(super) struct Uses {
    places: Vec<u32>,
    /// Which of the places are a value's, from the next one on.
    of: Vec<Range<u32>>,
}

impl Uses {
    /// Those of so many values, of each read in ascending order; `reads` is gone through twice.
    pub(super) fn of(count: usize, reads: impl Iterator<Item = (Key, u32)> + Clone) -> Self {
        let mut of = vec![0..0; count];
        for (key, _) in reads.clone() {
            of[key].end += 1;
        }
        let mut end = 0;
        for range in &mut of {
            let start = end;
            end += range.end;
            *range = start..start;
        }
        let mut places = vec![0; end as usize];
        for (key, place) in reads {
            places[of[key].end as usize] = place;
            of[key].end += 1;
        }
        Uses { places, of }
    }

    fn next(&self, key: Key) -> Option<u32> {
        self.places[self.of[key].start as usize..self.of[key].end as usize].first().copied()
    }

    fn last(&self, key: Key) -> Option<u32> {
        self.places[self.of[key].start as usize..self.of[key].end as usize].last().copied()
    }

    /// Leaves those up to a place behind; gives whether there are more.
    fn pass(&mut self, key: Key, place: u32) -> bool {
        while self.next(key).is_some_and(|next| next <= place) {
            self.of[key].start += 1;
        }
        !self.of[key].is_empty()
    }
}

/// The registers of a straight line.
#[derive(Debug)]
pub(super) struct Registers {
    machine: Machine,
    uses: Uses,
    register: Vec<Option<Reg>>,
    /// The memory that holds a value, or its element for all lanes.
    home: Vec<Option<Rm>>,
    /// What each register holds; those that are not for this line hold nothing and are not free.
    holds: Vec<Holds>,
    /// The registers that the instruction at hand reads or makes.
    locked: SmallVec<[u8; 8]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Nothing,
    Value(Key),
    /// A value that stays.
    Pinned,
    /// A value that the instruction at hand reads.
    Locked(Key),
}

/// A place on the stack, by its number.
pub(super) type SlotOf<'a> = &'a mut dyn FnMut() -> Rm;

impl Registers {
    /// For values that are read so; `free` are the registers to use.
    pub(super) fn new(machine: Machine, mut uses: Uses, free: impl Iterator<Item = Reg>) -> Self {
        let mut holds = vec![Holds::Pinned; machine.registers()];
        for Reg(reg) in free {
            holds[usize::from(reg)] = Holds::Nothing;
        }
        // One more, for what an instruction needs for itself.
        uses.of.push(0..0);
        let count = uses.of.len();
        let (register, home) = (vec![None; count], vec![None; count]);
        Registers { machine, uses, register, home, holds, locked: SmallVec::new() }
    }

    /// Says where a value lies that this line does not make.
    pub(super) fn lies_at(&mut self, key: Key, place: Rm) {
        self.home[key] = Some(place);
    }

    /// Says which register a value lies in that this line does not make, and which keeps it.
    pub(super) fn stays_in(&mut self, key: Key, reg: Reg) {
        self.register[key] = Some(reg);
        self.holds[usize::from(reg.0)] = Holds::Pinned;
    }

    /// A free register; the value that is used last gives one up where there is none. `None` if all are locked.
    fn free(&mut self, code: &mut Encoder, slot: SlotOf<'_>) -> Option<Reg> {
        if let Some(index) = self.holds.iter().position(|&holds| holds == Holds::Nothing) {
            return Some(Reg(index as u8));
        }
        let candidates = self.holds.iter().enumerate().filter_map(|(index, holds)| match holds {
            Holds::Value(key) => Some((index, *key)),
            _ => None,
        });
        let next_use = |key: Key| self.uses.next(key).unwrap_or(u32::MAX);
        let (index, key) = candidates.max_by_key(|&(_, key)| next_use(key))?;
        let reg = Reg(index as u8);
        if self.home[key].is_none() && self.uses.next(key).is_some() {
            let place = slot();
            if let Rm::Mem(mem) = place {
                self.machine.store(code, mem, reg);
            }
            self.home[key] = Some(place);
        }
        self.register[key] = None;
        self.holds[index] = Holds::Nothing;
        Some(reg)
    }

    /// The register of a value that is to be read, which keeps it until [`done`](Self::done).
    pub(super) fn read(&mut self, key: Key, code: &mut Encoder, slot: SlotOf<'_>) -> Option<Reg> {
        if let Some(reg) = self.register[key] {
            let holds = &mut self.holds[usize::from(reg.0)];
            if *holds != Holds::Pinned {
                *holds = Holds::Locked(key);
                self.locked.push(reg.0);
            }
            return Some(reg);
        }
        let place = self.home[key]?;
        let reg = self.free(code, slot)?;
        self.machine.load(code, reg, place);
        self.lock(key, reg);
        Some(reg)
    }

    /// A value that is to be read where memory will do.
    pub(super) fn read_anywhere(&mut self, key: Key, code: &mut Encoder, slot: SlotOf<'_>) -> Option<Rm> {
        match (self.register[key], self.home[key]) {
            (None, Some(place)) => Some(place),
            _ => self.read(key, code, slot).map(Rm::Reg),
        }
    }

    /// Whether a value is in a register.
    pub(super) fn is_in_register(&self, key: Key) -> bool {
        self.register[key].is_some()
    }

    /// Whether an instruction behind a place reads a value.
    pub(super) fn is_read_behind(&self, key: Key, place: u32) -> bool {
        self.uses.last(key).is_some_and(|last| last > place)
    }

    /// Whether the instruction at a place is the last to read a value that is in a register of its own.
    pub(super) fn dies(&self, key: Key, place: u32) -> bool {
        let own = self.register[key].is_some_and(|reg| self.holds[usize::from(reg.0)] != Holds::Pinned);
        own && !self.is_read_behind(key, place)
    }

    /// Says that the instruction at a place has read its operands: those that nothing reads any more give up their
    /// registers.
    pub(super) fn done(&mut self, place: u32) {
        // Of no other value a use has passed.
        while let Some(index) = self.locked.pop() {
            let index = usize::from(index);
            let Holds::Locked(key) = self.holds[index] else { continue };
            self.holds[index] = if self.uses.pass(key, place) {
                Holds::Value(key)
            } else {
                self.register[key] = None;
                Holds::Nothing
            };
        }
    }

    fn lock(&mut self, key: Key, reg: Reg) {
        self.register[key] = Some(reg);
        self.holds[usize::from(reg.0)] = Holds::Locked(key);
        self.locked.push(reg.0);
    }

    /// A register for the result of the instruction at hand.
    pub(super) fn make(&mut self, key: Key, code: &mut Encoder, slot: SlotOf<'_>) -> Option<Reg> {
        let reg = self.free(code, slot)?;
        self.lock(key, reg);
        Some(reg)
    }

    /// The value that stands for what an instruction needs for itself.
    pub(super) fn temporary_key(&self) -> Key {
        self.uses.of.len() - 1
    }

    /// Frees a register that an instruction needed for itself.
    pub(super) fn give_back(&mut self, reg: Reg) {
        self.holds[usize::from(reg.0)] = Holds::Nothing;
        let key = self.temporary_key();
        self.register[key] = None;
    }

    /// Gives the register of an operand to the result, which is made in it.
    pub(super) fn take_over(&mut self, operand: Key, result: Key) {
        if let Some(reg) = self.register[operand].take() {
            self.lock(result, reg);
        }
    }
}
