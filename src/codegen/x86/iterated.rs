//! A program's iterations as a function: a loop around its line, with the state in registers.

use super::emit::{ADDRESSES, FRAME, Function, base, elements, word};
use super::encoder::{Condition, Gpr, Reg};
use super::line::{Line, MASKS, Part, To, at};
use super::loops::{BYTES, INDEX, TEMPORARIES};
use crate::codegen::iterated::Iterated;
use crate::codegen::program::{Segment, Stream, Value};

/// Iterations that are left. Code for a row of a known length does not ask how long it is.
const LEFT: Gpr = BYTES;

/// Registers that stay for what the line makes. The state's values beyond the others lie in memory from iteration to
/// iteration.
const LINE: usize = 6;

impl Function<'_> {
    /// The loop.
    pub(super) fn iterated(&mut self, iterated: &Iterated) -> Option<()> {
        let (machine, program) = (self.machine, self.program);
        let [Segment::Loop(insts)] = &program.segments[..] else { return None };
        let bytes = program.most * machine.element();
        if bytes > machine.vector() {
            return None;
        }
        let lanes = match bytes {
            _ if bytes == machine.element() => Part::First,
            _ if bytes == machine.vector() => Part::Whole,
            _ => Part::Masked(self.known_lanes(bytes)),
        };
        self.code.load(LEFT, at(FRAME, 0));
        self.code.clear(INDEX);
        // The state takes the highest registers, but for the one that AVX2 may have the mask in.
        let top = machine.registers() - usize::from(!machine.is_512);
        let first = top - iterated.carried.len().min(top - LINE);
        let mut insts = insts.clone();
        let mut carried: Vec<(Value, To)> = Vec::with_capacity(iterated.carried.len());
        for (state, reg) in iterated.carried.iter().zip(first..) {
            if reg >= top {
                carried.push((state.next, To::Memory(state.stream)));
                continue;
            }
            let reg = Reg(reg as u8);
            let from = elements(&mut self.code, state.stream, 0);
            lanes.load(&mut self.code, machine, reg, from);
            insts.retain(|value| !state.loads.contains(value));
            self.hoisted.extend(state.loads.iter().map(|&load| (load, reg)));
            carried.push((state.next, To::Register(reg)));
        }
        let insts = &insts[..];
        let (pressure, _) = Line::pressure(machine, program, insts);
        let others = self.hoisted.len();
        self.hoist(insts, first.saturating_sub(TEMPORARIES + pressure), first);
        let free = first - (self.hoisted.len() - others);
        let top = self.code.here();
        let line = Line {
            machine,
            program,
            insts,
            copies: 1,
            first: 0,
            lanes,
            is_loop: true,
            masks: MASKS,
            carried: &carried,
        };
        self.line(&line, (0..free).map(|reg| Reg(reg as u8)))?;
        self.move_on(&iterated.moves)?;
        self.code.add_number(LEFT, -1);
        let end = iterated.condition.map(|condition| {
            let end = self.code.jump_ahead(Condition::Equal);
            let goes_on = at(base(&mut self.code, condition), 0);
            self.code.compare_byte(goes_on);
            end
        });
        self.code.jump_back(Condition::NotEqual, top);
        if let Some(end) = end {
            self.code.land(end);
        }
        self.code.store(at(FRAME, 0), LEFT);
        for (state, (_, to)) in iterated.carried.iter().zip(carried) {
            if let To::Register(reg) = to {
                let to = elements(&mut self.code, state.stream, 0);
                lanes.store(&mut self.code, machine, to, reg);
            }
        }
        for (index, &reg) in ADDRESSES.iter().enumerate() {
            if iterated.moves.get(index).is_some_and(|&by| by != 0) {
                self.code.store(word(Stream(index as u16)), reg);
            }
        }
        self.hoisted.clear();
        Some(())
    }

    /// Moves the streams, where their addresses are.
    fn move_on(&mut self, moves: &[isize]) -> Option<()> {
        for (index, &by) in moves.iter().enumerate().filter(|(_, by)| **by != 0) {
            let by = i32::try_from(by).ok()?;
            match ADDRESSES.get(index) {
                Some(&reg) => self.code.add_number(reg, by),
                None => self.code.add_in_memory(word(Stream(index as u16)), by),
            }
        }
        Some(())
    }
}
