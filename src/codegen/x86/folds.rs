//! Folds: how accumulators are set up, how they take in vectors, and what they come to.
//!
//! A maximum or a minimum passes over NaN, so what is NaN is noted beside: by a mask register or a vector in which lanes
//! stay set as long as all of their elements are numbers.

use super::emit::{Function, SPARE, STACK, base};
use super::encoder::{Condition, Encoder, Label, Lanes, Reg, Rm};
use super::line::{Emitter, at};
use super::vector::{self, Machine, Order};
use crate::codegen::program::{Binary, Compare, FoldId, Inst, Logic, Target, Value, bits_of};
use crate::ir::Reduce;

impl Function<'_> {
    /// Sets up accumulators: to what folds of nothing are, or to the lanes that are there.
    pub(super) fn start_folds(&mut self, folds: impl Iterator<Item = usize>) {
        let (machine, program, code) = (self.machine, self.program, &mut self.code);
        for fold in folds {
            let Some((first, count)) = self.accumulators[fold] else { continue };
            let registers = (first..first + count).map(|reg| Reg(reg as u8));
            match program.folds[fold].target {
                Target::Lanes(stream) => {
                    let base = base(code, stream);
                    for (index, reg) in registers.enumerate() {
                        machine.load(code, reg, Rm::Mem(at(base, (index * machine.vector()) as i32)));
                    }
                }
                Target::Row => {
                    let identity = identity(program.folds[fold].reduce);
                    number(machine, code, Reg(first as u8), bits_of(program.dtype, identity));
                    registers.skip(1).for_each(|reg| machine.load(code, reg, Rm::Reg(Reg(first as u8))));
                }
            }
            match self.ordered[fold] {
                Some(reg) if machine.is_512 => vector::full_mask(code, reg),
                Some(reg) => vector::all_bits(code, reg),
                None => {}
            }
        }
    }

    /// Hands on what folds have come to.
    pub(super) fn finish_folds(&mut self, folds: impl Iterator<Item = usize>) {
        let (machine, program, code) = (self.machine, self.program, &mut self.code);
        for fold in folds {
            let Some((first, count)) = self.accumulators[fold] else { continue };
            let reduce = program.folds[fold].reduce;
            // A total has NaN in one of its accumulators, a row in its result.
            let into = match program.folds[fold].target {
                Target::Lanes(_) => Reg(first as u8),
                Target::Row => {
                    machine.fold_vectors(code, reduce, first, count);
                    machine.fold_lanes(code, reduce);
                    Reg(0)
                }
            };
            if let Some(ordered) = self.ordered[fold] {
                let behind = skip_if_ordered(machine, code, ordered);
                number(machine, code, into, bits_of(program.dtype, f64::NAN));
                code.land(behind);
            }
            match program.folds[fold].target {
                Target::Lanes(stream) => {
                    let base = base(code, stream);
                    for index in 0..count {
                        let to = at(base, (index * machine.vector()) as i32);
                        machine.store(code, to, Reg((first + index) as u8));
                    }
                }
                Target::Row => {
                    machine.broadcast(code, Reg(0), Rm::Reg(Reg(0)));
                    let is_result = |inst: &Inst| matches!(inst, Inst::Folded(id) if id.index() == fold);
                    if let Some(value) = program.insts.iter().position(is_result)
                        && let Some(Rm::Mem(place)) = self.outer[value]
                    {
                        machine.store(code, place, Reg(0));
                    }
                }
            }
        }
    }
}

impl Emitter<'_, '_> {
    /// Takes a value, or its product with another one, into a fold's accumulator.
    pub(super) fn fold(
        &mut self,
        code: &mut Encoder,
        function: &Function<'_>,
        fold: FoldId,
        (a, b): (Value, Option<Value>),
        copy: usize,
    ) -> Option<()> {
        let machine = self.line.machine;
        let reduce = self.line.program.folds[fold.index()].reduce;
        let acc = function.accumulator(fold.index(), self.line.first + copy);
        let (a, b) = (self.key(a, copy), b.map(|b| self.key(b, copy)));
        let a = self.read(code, a)?;
        let b = match b {
            Some(b) => Some(self.read_anywhere(code, b)?),
            None => None,
        };
        let take_in = |code: &mut Encoder, lanes: Lanes, acc: Reg| match b {
            Some(b) => machine.mul_add(code, Order::O231, false, lanes, acc, a, b),
            None => machine.fold(code, reduce, lanes, acc, [acc, a]),
        };
        match self.line.lanes.mask() {
            Some(mask) if !machine.is_512 => {
                let temporary = self.temporary(code)?;
                machine.load(code, temporary, Rm::Reg(acc));
                take_in(code, Lanes::All, temporary);
                machine.select(code, acc, mask, Rm::Reg(temporary), acc);
                self.give_back(temporary);
            }
            mask => take_in(code, mask.map_or(Lanes::All, Lanes::In), acc),
        }
        match function.ordered(fold.index()) {
            Some(ordered) => self.note_nan(code, ordered, a),
            None => Some(()),
        }
    }

    /// Notes NaN in the lanes that the line works on. What lies in others is 0, or made of it, and may be NaN.
    fn note_nan(&mut self, code: &mut Encoder, ordered: Reg, a: Reg) -> Option<()> {
        let machine = self.line.machine;
        match self.line.lanes.mask() {
            None if machine.is_512 => machine.ordered(code, Lanes::In(ordered), ordered, a),
            Some(mask) if machine.is_512 => {
                let unordered = self.free_mask()?;
                machine.compare(code, Compare::Unordered, Lanes::In(mask), unordered, a, Rm::Reg(a));
                vector::not(code, unordered, unordered);
                vector::logic(code, Logic::And, ordered, ordered, unordered);
            }
            mask => {
                let temporary = self.temporary(code)?;
                machine.ordered(code, Lanes::All, temporary, a);
                if let Some(mask) = mask {
                    machine.select(code, temporary, mask, Rm::Reg(temporary), ordered);
                }
                machine.binary(code, Binary::And, ordered, ordered, Rm::Reg(temporary));
                self.give_back(temporary);
            }
        }
        Some(())
    }
}

/// Jumps where no element was NaN.
fn skip_if_ordered(machine: Machine, code: &mut Encoder, ordered: Reg) -> Label {
    machine.number_of(code, SPARE, ordered);
    let lanes = machine.vector() / machine.element();
    // A mask register has more bits than there are lanes.
    code.and_number(SPARE, (1 << lanes) - 1);
    code.compare_number(SPARE, (1 << lanes) - 1);
    code.jump_ahead(Condition::Equal)
}

/// A number in all lanes, that is not in the pool: by way of the red zone below the stack, which is the function's own.
fn number(machine: Machine, code: &mut Encoder, reg: Reg, bits: u64) {
    if bits == 0 {
        // x ^ x
        return machine.binary(code, Binary::Xor, reg, reg, Rm::Reg(reg));
    }
    // Low and high half, as an immediate number has 32 bits.
    code.set_in_memory(at(STACK, -16), bits as i32);
    code.set_in_memory(at(STACK, -12), (bits >> 32) as i32);
    machine.broadcast(code, reg, Rm::Mem(at(STACK, -16)));
}

/// What a fold of nothing is.
fn identity(reduce: Reduce) -> f64 {
    match reduce {
        Reduce::Sum => 0.0,
        Reduce::Prod => 1.0,
        Reduce::Max => f64::NEG_INFINITY,
        Reduce::Min => f64::INFINITY,
    }
}
