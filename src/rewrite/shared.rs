//! Equal instructions are one: a table of a program's instructions by what they compute.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use crate::ir::{Inst, Program, Val};

/// An open table of the instructions of one program, which holds the keys.
pub(super) struct Shared {
    slots: Vec<Slot>,
    taken: usize,
}

#[derive(Clone, Copy)]
struct Slot {
    hash: u32,
    val: Val,
}

const FREE: Slot = Slot { hash: 0, val: Val(u32::MAX) };

impl Shared {
    /// A table for about so many instructions.
    pub(super) fn with_capacity(instructions: usize) -> Self {
        Shared { slots: vec![FREE; slots_for(instructions)], taken: 0 }
    }

    /// The program's instruction that computes the same as the given one, which is added if there is none.
    pub(super) fn find_or_push(&mut self, program: &mut Program, inst: Inst) -> Val {
        if slots_for(self.taken + 1) > self.slots.len() {
            self.grow();
        }
        if inst.prim.must_run_programs() {
            return program.push(inst);
        }
        let hash = hash_of(&inst);
        let mask = self.slots.len() - 1;
        let mut index = hash as usize & mask;
        loop {
            let Slot { hash: other, val } = self.slots[index];
            if val == FREE.val {
                let val = program.push(inst);
                self.slots[index] = Slot { hash, val };
                self.taken += 1;
                return val;
            }
            if other == hash && computes_same(program.inst(val), &inst) {
                return val;
            }
            index = (index + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let mut slots = vec![FREE; self.slots.len() * 2];
        let mask = slots.len() - 1;
        for &slot in self.slots.iter().filter(|slot| slot.val != FREE.val) {
            let mut index = slot.hash as usize & mask;
            while slots[index].val != FREE.val {
                index = (index + 1) & mask;
            }
            slots[index] = slot;
        }
        self.slots = slots;
    }
}

/// A power of two that leaves at least a third of the slots free, so that searches are short.
fn slots_for(instructions: usize) -> usize {
    (instructions + instructions / 2 + 2).next_power_of_two()
}

fn hash_of(inst: &Inst) -> u32 {
    let Inst { prim, args, dtype, dims, origin: _ } = inst;
    FixedState::default().hash_one((prim, args, dtype, dims)) as u32
}

/// Whether two instructions differ in nothing but the node that they come from.
fn computes_same(a: &Inst, b: &Inst) -> bool {
    a.prim == b.prim && a.args == b.args && a.dtype == b.dtype && a.dims == b.dims
}
