//! A straight line of a program's instructions, for one vector or several at once.

use super::emit::{Function, base, elements};
use super::encoder::{Encoder, Gpr, Lanes, Mem, Reg, Rm};
use super::loops::WHOLE;
use super::registers::{Key, Registers, Uses};
use super::vector::{self, Machine, Order};
use crate::codegen::program::{Binary, Compare, Inst, Program, Stream, Value};

/// Where a value lies that is made elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outer {
    Memory(Rm),
    Register(Reg),
}

/// A straight line: what of a program, for how many vectors at once.
pub(super) struct Line<'a> {
    pub(super) machine: Machine,
    pub(super) program: &'a Program,
    pub(super) insts: &'a [Value],
    /// Vectors.
    pub(super) copies: usize,
    /// The first vector's place among those of a pass through the loop.
    pub(super) first: usize,
    pub(super) lanes: Part,
    /// Whether it stands in a loop.
    pub(super) is_loop: bool,
    /// How many mask registers there are for booleans, from the second on: the first is for the lanes of what fills no
    /// vector.
    pub(super) masks: u8,
    /// What the line leaves at its end, and where.
    pub(super) carried: &'a [(Value, To)],
}

/// Where a value goes at the end of a line.
#[derive(Clone, Copy, Debug)]
pub(super) enum To {
    /// A register that is not for the line's own values.
    Register(Reg),
    /// The elements of a stream.
    Memory(Stream),
}

/// What of a vector a line works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    /// The lanes that a mask register says, or a vector.
    Masked(Reg),
    /// The first element.
    First,
}

impl Part {
    pub(super) fn mask(self) -> Option<Reg> {
        match self {
            Part::Masked(mask) => Some(mask),
            Part::Whole | Part::First => None,
        }
    }

    /// Loads what lies there.
    pub(super) fn load(self, code: &mut Encoder, machine: Machine, dst: Reg, from: Mem) {
        match self {
            Part::Whole => machine.load(code, dst, Rm::Mem(from)),
            Part::Masked(mask) => machine.load_some(code, mask, dst, from),
            Part::First => machine.load_first(code, dst, from),
        }
    }

    /// Writes a register there.
    pub(super) fn store(self, code: &mut Encoder, machine: Machine, to: Mem, from: Reg) {
        match self {
            Part::Whole => machine.store(code, to, from),
            Part::Masked(mask) => machine.store_some(code, mask, to, from),
            Part::First => machine.store_first(code, to, from),
        }
    }
}

/// Mask registers for booleans and for what notes NaN in folds.
pub(super) const MASKS: u8 = 6;

impl Line<'_> {
    /// The lanes of a stream's elements. What is kept has room for whole vectors, and waits for no mask: what is
    /// written under one, processors do not hand on to what is read there next.
    fn lanes_of(&self, stream: Stream) -> Part {
        if self.program.kept.contains(&stream) { Part::Whole } else { self.lanes }
    }

    /// The places of the instructions that read each value of the line, and of those from outside, as there are copies.
    fn uses(&self, made: &[bool]) -> Uses {
        let each = self.insts.iter().flat_map(|value| (0..self.copies).map(move |copy| (value, copy)));
        let reads = (0..).zip(each).flat_map(|(place, (&value, copy))| {
            let operands = self.program.inst(value).operands();
            operands.map(move |operand| (self.key(made, operand, copy), place))
        });
        let at_end = self.carried.iter().enumerate();
        let at_end = at_end.map(|(index, &(value, _))| (self.key(made, value, 0), self.end_place(index)));
        Uses::of(self.program.insts.len() * self.copies, reads.chain(at_end))
    }

    /// The place, behind all instructions, at which the line leaves a value.
    fn end_place(&self, index: usize) -> u32 {
        (self.insts.len() * self.copies + index) as u32
    }

    /// A value as a copy sees it: all see the same one from outside.
    fn key(&self, made: &[bool], value: Value, copy: usize) -> Key {
        let copy = if made[value.index()] { copy } else { 0 };
        value.index() * self.copies + copy
    }

    /// The most vectors, and the most masks, that are alive at once in one copy, of those that the line makes.
    pub(super) fn pressure(machine: Machine, program: &Program, insts: &[Value]) -> (usize, usize) {
        let mut last = vec![0; program.insts.len()];
        for (place, &value) in insts.iter().enumerate() {
            program.inst(value).operands().for_each(|operand| last[operand.index()] = place);
        }
        let most = |counts: &dyn Fn(Inst) -> bool| {
            let mut alive: Vec<Value> = Vec::new();
            let mut most = 0;
            for (place, &value) in insts.iter().enumerate() {
                if counts(program.inst(value)) {
                    alive.push(value);
                }
                most = most.max(alive.len());
                alive.retain(|value| last[value.index()] > place);
            }
            most
        };
        let is_mask = |inst: Inst| machine.is_512 && inst.is_boolean();
        (most(&|inst| inst.is_pure() && !is_mask(inst)), most(&is_mask))
    }

    /// Emits the line within these registers; `slot` gives a new place on the stack. `None` if it cannot be.
    pub(super) fn emit(
        &self,
        code: &mut Encoder,
        function: &Function<'_>,
        free: impl Iterator<Item = Reg>,
        slot: &mut dyn FnMut() -> Rm,
        mut made_row: impl FnMut(&mut Encoder, Value, Reg),
    ) -> Option<()> {
        let mut made = vec![false; self.program.insts.len()];
        for value in self.insts {
            made[value.index()] = true;
        }
        let mut registers = Registers::new(self.machine, self.uses(&made), free);
        for &value in self.insts {
            for operand in self.program.inst(value).operands().filter(|value| !made[value.index()]) {
                let key = self.key(&made, operand, 0);
                match function.outer(operand)? {
                    Outer::Memory(place) => registers.lies_at(key, place),
                    Outer::Register(reg) => registers.stays_in(key, reg),
                }
            }
        }
        let mut emitter = Emitter { line: self, registers, made, masks: Vec::new(), slot };
        for (place, &value) in self.insts.iter().enumerate() {
            for copy in 0..self.copies {
                let at_place = (place * self.copies + copy) as u32;
                let result = emitter.inst(code, function, value, copy, at_place)?;
                if let (Made::Vector(reg), false) = (result, self.is_loop) {
                    made_row(code, value, reg);
                }
                emitter.registers.done(at_place);
                emitter.free_masks(at_place);
            }
        }
        for (index, &(value, to)) in self.carried.iter().enumerate() {
            let key = emitter.key(value, 0);
            let reg = emitter.read(code, key)?;
            match to {
                To::Register(to) => self.machine.load(code, to, Rm::Reg(reg)),
                To::Memory(stream) => {
                    let to = elements(code, stream, 0);
                    self.lanes.store(code, self.machine, to, reg);
                }
            }
            emitter.registers.done(self.end_place(index));
        }
        Some(())
    }
}

/// What an instruction has come to.
#[derive(Clone, Copy, Debug)]
enum Made {
    /// A vector, in a register.
    Vector(Reg),
    /// A mask, a change of memory or of an accumulator.
    NoVector,
}

/// A line as it is emitted.
pub(super) struct Emitter<'a, 'b> {
    pub(super) line: &'a Line<'a>,
    registers: Registers,
    /// Whether the line makes each value.
    made: Vec<bool>,
    /// The booleans in mask registers.
    masks: Vec<(Key, Reg)>,
    slot: &'b mut dyn FnMut() -> Rm,
}

impl Emitter<'_, '_> {
    pub(super) fn key(&self, value: Value, copy: usize) -> Key {
        self.line.key(&self.made, value, copy)
    }

    pub(super) fn read(&mut self, code: &mut Encoder, key: Key) -> Option<Reg> {
        self.registers.read(key, code, self.slot)
    }

    pub(super) fn read_anywhere(&mut self, code: &mut Encoder, key: Key) -> Option<Rm> {
        self.registers.read_anywhere(key, code, self.slot)
    }

    fn make(&mut self, code: &mut Encoder, key: Key) -> Option<Reg> {
        self.registers.make(key, code, self.slot)
    }

    /// A mask register that is free.
    pub(super) fn free_mask(&self) -> Option<Reg> {
        (2..2 + self.line.masks).map(Reg).find(|reg| self.masks.iter().all(|(_, taken)| taken != reg))
    }

    /// A mask register for a boolean.
    fn make_mask(&mut self, key: Key) -> Option<Reg> {
        let reg = self.free_mask()?;
        self.masks.push((key, reg));
        Some(reg)
    }

    /// Frees the mask registers of booleans that nothing reads behind a place.
    fn free_masks(&mut self, place: u32) {
        let registers = &self.registers;
        self.masks.retain(|&(key, _)| registers.is_read_behind(key, place));
    }

    /// The mask of a boolean: a mask register, or a vector.
    fn mask(&mut self, code: &mut Encoder, key: Key) -> Option<Reg> {
        if self.line.machine.is_512 {
            self.masks.iter().find(|(masked, _)| *masked == key).map(|&(_, reg)| reg)
        } else {
            self.read(code, key)
        }
    }

    /// One instruction for a copy.
    #[allow(clippy::too_many_lines, reason = "an arm for each instruction")]
    fn inst(
        &mut self,
        code: &mut Encoder,
        function: &Function<'_>,
        value: Value,
        copy: usize,
        place: u32,
    ) -> Option<Made> {
        let line = self.line;
        let machine = line.machine;
        let key = self.key(value, copy);
        let offset = (line.first + copy) * machine.vector();
        let dst = match line.program.inst(value) {
            Inst::Number(_) | Inst::Folded(_) => return Some(Made::NoVector),
            Inst::Row(stream) => {
                let from = at(base(code, stream), 0);
                let dst = self.make(code, key)?;
                machine.broadcast(code, dst, Rm::Mem(from));
                dst
            }
            Inst::Load(stream) => {
                let from = elements(code, stream, offset);
                let dst = self.make(code, key)?;
                line.lanes_of(stream).load(code, machine, dst, from);
                dst
            }
            Inst::Unary(unary, a) => {
                let a = self.key(a, copy);
                let a = self.read_anywhere(code, a)?;
                self.registers.done(place);
                let dst = self.make(code, key)?;
                machine.unary(code, unary, dst, a);
                dst
            }
            Inst::Binary(binary, a, b) => {
                let (a, b) = (self.key(a, copy), self.key(b, copy));
                let commutes = !matches!(
                    binary,
                    Binary::Sub | Binary::Div | Binary::Larger | Binary::Smaller | Binary::SubBits
                );
                let swaps = commutes && !self.registers.is_in_register(a) && self.registers.is_in_register(b);
                let (a, b) = if swaps { (b, a) } else { (a, b) };
                let a = self.read(code, a)?;
                let b = self.read_anywhere(code, b)?;
                self.registers.done(place);
                let dst = self.make(code, key)?;
                machine.binary(code, binary, dst, a, b);
                dst
            }
            Inst::MulAdd { negate, a, b, c } => {
                let [a, b, c] = [a, b, c].map(|value| self.key(value, copy));
                self.mul_add(code, key, negate, [a, b, c], place)?
            }
            Inst::ShiftLeft(a, by) | Inst::ShiftRight(a, by) => {
                let left = matches!(line.program.inst(value), Inst::ShiftLeft(..));
                let a = self.key(a, copy);
                let a = self.read(code, a)?;
                self.registers.done(place);
                let dst = self.make(code, key)?;
                machine.shift(code, left, dst, a, by);
                dst
            }
            Inst::Compare(compare, a, b) => {
                let (a, b) = (self.key(a, copy), self.key(b, copy));
                let a = self.read(code, a)?;
                let b = self.read_anywhere(code, b)?;
                if machine.is_512 {
                    let dst = self.make_mask(key)?;
                    machine.compare(code, compare, Lanes::All, dst, a, b);
                    return Some(Made::NoVector);
                }
                self.registers.done(place);
                let dst = self.make(code, key)?;
                machine.compare(code, compare, Lanes::All, dst, a, b);
                dst
            }
            Inst::Logic(logic, a, b) => {
                let (a, b) = (self.key(a, copy), self.key(b, copy));
                let (a, b) = (self.mask(code, a)?, self.mask(code, b)?);
                if machine.is_512 {
                    let dst = self.make_mask(key)?;
                    vector::logic(code, logic, dst, a, b);
                    return Some(Made::NoVector);
                }
                self.registers.done(place);
                let dst = self.make(code, key)?;
                machine.binary(code, logic.of_bits(), dst, a, Rm::Reg(b));
                dst
            }
            Inst::Not(a) => {
                let a = self.key(a, copy);
                let a = self.mask(code, a)?;
                if machine.is_512 {
                    let dst = self.make_mask(key)?;
                    vector::not(code, dst, a);
                    return Some(Made::NoVector);
                }
                let dst = self.make(code, key)?;
                vector::all_bits(code, dst);
                machine.binary(code, Binary::Xor, dst, dst, Rm::Reg(a));
                dst
            }
            Inst::Select(mask, then, otherwise) => {
                let [mask, then, otherwise] = [mask, then, otherwise].map(|value| self.key(value, copy));
                let mask = self.mask(code, mask)?;
                let otherwise = self.read(code, otherwise)?;
                let then = self.read_anywhere(code, then)?;
                self.registers.done(place);
                let dst = self.make(code, key)?;
                machine.select(code, dst, mask, then, otherwise);
                dst
            }
            Inst::NanOr(a, b) => {
                let [a, b] = [a, b].map(|value| self.key(value, copy));
                self.nan_or(code, key, [a, b], function.nan_table(), place)?
            }
            Inst::Store(stream, a) if line.program.inst(a).is_boolean() => {
                let mask = self.key(a, copy);
                let mask = self.mask(code, mask)?;
                machine.number_of(code, WHOLE, mask);
                code.and_number(WHOLE, 1);
                let to = at(base(code, stream), 0);
                code.store_byte(to, WHOLE);
                return Some(Made::NoVector);
            }
            Inst::Store(stream, a) => {
                let a = self.key(a, copy);
                let a = self.read(code, a)?;
                if line.is_loop {
                    let to = elements(code, stream, offset);
                    line.lanes_of(stream).store(code, machine, to, a);
                } else {
                    let to = at(base(code, stream), 0);
                    machine.store_first(code, to, a);
                }
                return Some(Made::NoVector);
            }
            Inst::Fold(fold, a, b) => {
                self.fold(code, function, fold, (a, b), copy)?;
                return Some(Made::NoVector);
            }
        };
        Some(Made::Vector(dst))
    }

    /// A register for a moment.
    pub(super) fn temporary(&mut self, code: &mut Encoder) -> Option<Reg> {
        let key = self.registers.temporary_key();
        self.make(code, key)
    }

    pub(super) fn give_back(&mut self, reg: Reg) {
        self.registers.give_back(reg);
    }

    /// `a` where it is NaN, else `b`.
    fn nan_or(
        &mut self,
        code: &mut Encoder,
        key: Key,
        [a, b]: [Key; 2],
        table: Rm,
        place: u32,
    ) -> Option<Reg> {
        let machine = self.line.machine;
        let other = self.read(code, b)?;
        let nan = self.read(code, a)?;
        if !machine.is_512 {
            let dst = self.make(code, key)?;
            machine.compare(code, Compare::Unordered, Lanes::All, dst, nan, Rm::Reg(nan));
            machine.select(code, dst, dst, Rm::Reg(nan), other);
            return Some(dst);
        }
        let dst = if self.registers.dies(b, place) && a != b {
            self.registers.take_over(b, key);
            other
        } else {
            let dst = self.make(code, key)?;
            machine.load(code, dst, Rm::Reg(other));
            dst
        };
        machine.fix_up(code, dst, nan, table);
        Some(dst)
    }

    /// `±a·b + c` in the register of what is not read any more, or in one of its own.
    fn mul_add(
        &mut self,
        code: &mut Encoder,
        key: Key,
        negate: bool,
        [a, b, c]: [Key; 3],
        place: u32,
    ) -> Option<Reg> {
        let machine = self.line.machine;
        // A factor that lies in memory stands last in the form that overwrites what is added.
        let (a, b) = if self.registers.is_in_register(a) { (a, b) } else { (b, a) };
        let dies = |registers: &Registers, key: Key, others: [Key; 2]| {
            registers.is_in_register(key) && registers.dies(key, place) && !others.contains(&key)
        };
        let emit = |code: &mut Encoder, order, dst, second, third| {
            machine.mul_add(code, order, negate, Lanes::All, dst, second, third);
        };
        if dies(&self.registers, c, [a, b]) {
            let dst = self.read(code, c)?;
            let second = self.read(code, a)?;
            let third = self.read_anywhere(code, b)?;
            emit(code, Order::O231, dst, second, third);
            self.registers.take_over(c, key);
            return Some(dst);
        }
        for (a, b) in [(a, b), (b, a)] {
            if dies(&self.registers, a, [b, c]) {
                let dst = self.read(code, a)?;
                if self.registers.is_in_register(b) {
                    let second = self.read(code, b)?;
                    let third = self.read_anywhere(code, c)?;
                    emit(code, Order::O213, dst, second, third);
                } else {
                    let second = self.read(code, c)?;
                    let third = self.read_anywhere(code, b)?;
                    emit(code, Order::O132, dst, second, third);
                }
                self.registers.take_over(a, key);
                return Some(dst);
            }
        }
        let second = self.read(code, a)?;
        let third = self.read_anywhere(code, b)?;
        let from = self.read_anywhere(code, c)?;
        let dst = self.make(code, key)?;
        machine.load(code, dst, from);
        emit(code, Order::O231, dst, second, third);
        Some(dst)
    }
}

/// The address of bytes from a general register on.
pub(super) fn at(base: Gpr, offset: i32) -> Mem {
    Mem::At { base, index: None, offset }
}
