//! A program as a function: what lies around its straight lines.

use super::encoder::{Condition, Encoder, Gpr, Mem, Reg, Rm};
use super::line::{Line, MASKS, Outer, Part, at};
use super::loops::{BYTES, INDEX};
use super::vector::Machine;

use crate::codegen::iterated::Iterated;
use crate::codegen::program::{Inst, Program, Segment, Stream, Value};
use crate::codegen::{Code, FIRST_STREAM};
use crate::kernel::isa::Isa;

/// The address of the frame's words, which is the only argument.
pub(super) const FRAME: Gpr = Gpr(7);
/// Scratch.
pub(super) const SPARE: Gpr = Gpr(11);
pub(super) const STACK: Gpr = Gpr(4);
const STACK_BEFORE: Gpr = Gpr(5);

/// Registers for the addresses of streams: those that a function may overwrite first.
pub(super) const ADDRESSES: [Gpr; 9] =
    [Gpr(0), Gpr(1), Gpr(8), Gpr(9), Gpr(3), Gpr(12), Gpr(13), Gpr(14), Gpr(15)];
/// How many of them need not be kept.
const SCRATCH_ADDRESSES: usize = 4;

/// Bytes of the table of masks at the start of code for AVX2: a vector of all bits, then one of none.
pub(super) const MASK_TABLE: usize = 64;

/// What [`Function::nan_table`] gives: two classes of NaN, which become what they are, quiet; all others leave what there is.
const NAN_TABLE: u64 = 0x21;

/// Bytes of the stack that a function may take. A page more could lie beyond the one that guards the stack's end.
const MOST_STACK: usize = 3 << 10;

/// The code of a program; `None` where it cannot be expressed.
pub(in crate::codegen) fn emit(program: &Program, isa: Isa) -> Option<Code> {
    emit_all(program, isa, None)
}

/// The code of an iterated program.
pub(in crate::codegen) fn emit_iterated(iterated: &Iterated, isa: Isa) -> Option<Code> {
    emit_all(&iterated.program, isa, Some(iterated))
}

fn emit_all(program: &Program, isa: Isa, iterated: Option<&Iterated>) -> Option<Code> {
    let machine = Machine::new(isa == Isa::Avx512, program.dtype);
    // Folds go by the lanes that the interpreter has.
    let is_short = program.is_exact && program.folds.is_empty();
    let machine =
        if is_short { machine.for_bytes(program.most.saturating_mul(machine.element())) } else { machine };
    let mut function = Function {
        machine,
        program,
        code: Encoder::default(),
        outer: vec![None; program.insts.len()],
        slots: 0,
        hoisted: Vec::new(),
        accumulators: vec![None; program.folds.len()],
        ordered: vec![None; program.folds.len()],
        nan_table: 0,
        most_slots: 0,
    };
    function.pool();
    let entry = function.all(iterated)?;
    Some(Code { bytes: function.code.bytes, entry })
}

/// The function of a program, as it is emitted.
pub(super) struct Function<'a> {
    pub(super) machine: Machine,
    pub(super) program: &'a Program,
    pub(super) code: Encoder,
    /// Where values lie that lines read and do not make.
    pub(super) outer: Vec<Option<Rm>>,
    /// Places on the stack for values that lines leave to others.
    slots: usize,
    /// Places with those that a line has for itself.
    most_slots: usize,
    /// Values that a loop keeps in registers.
    pub(super) hoisted: Vec<(Value, Reg)>,
    /// The registers of folds: the first, and how many.
    pub(super) accumulators: Vec<Option<(usize, usize)>>,
    pub(super) ordered: Vec<Option<Reg>>,
    /// Where the pool has what [`Function::nan_table`] gives.
    nan_table: usize,
}

impl Function<'_> {
    /// Where a value lies that a line does not make.
    pub(super) fn outer(&self, value: Value) -> Option<Outer> {
        let hoisted = self.hoisted.iter().find(|(hoisted, _)| *hoisted == value);
        match hoisted {
            Some(&(_, reg)) => Some(Outer::Register(reg)),
            None => self.outer[value.index()].map(Outer::Memory),
        }
    }

    /// The accumulator of a fold for a vector.
    pub(super) fn accumulator(&self, fold: usize, vector: usize) -> Reg {
        let (first, count) = self.accumulators[fold].unwrap_or((0, 1));
        Reg((first + vector % count) as u8)
    }

    /// What an AVX-512 machine does with a number by its class: takes it, if it is NaN, and else leaves what there is.
    pub(super) fn nan_table(&self) -> Rm {
        Rm::Every(Mem::Code(self.nan_table))
    }

    /// What notes whether a fold has met NaN.
    pub(super) fn ordered(&self, fold: usize) -> Option<Reg> {
        self.ordered[fold]
    }
}

impl Function<'_> {
    /// Emits everything, the segments as rows or as iterations; gives the place where the function starts.
    fn all(&mut self, iterated: Option<&Iterated>) -> Option<usize> {
        let start = self.code.bytes.len();
        self.code.push(STACK_BEFORE);
        self.code.copy(STACK_BEFORE, STACK);
        let streams = self.program.streams.len();
        let kept = ADDRESSES.iter().take(streams).skip(SCRATCH_ADDRESSES).copied();
        kept.clone().for_each(|reg| self.code.push(reg));
        self.code.add_number(STACK, 0);
        let frame_bytes = self.code.bytes.len();
        self.code.and_number(STACK, -64);
        let behind_frame = self.code.bytes.len();
        for (index, &reg) in ADDRESSES.iter().enumerate().take(streams) {
            self.code.load(reg, word(Stream(index as u16)));
        }
        if self.program.width.is_none() {
            self.code.load(BYTES, at(FRAME, 8));
        }
        self.keep_made_elsewhere();
        self.row_code(&self.program.once)?;
        match iterated {
            None => self.rows()?,
            Some(iterated) => self.iterated(iterated)?,
        }
        let bytes = self.most_slots.max(self.slots) * self.machine.vector();
        if bytes > MOST_STACK {
            return None;
        }
        let kept_bytes = 8 * kept.clone().count();
        if bytes + kept_bytes == 0 {
            // What needs no stack starts behind the code that makes room there.
            self.code.ret();
            return Some(behind_frame);
        }
        self.code.address(STACK, at(STACK_BEFORE, -(kept_bytes as i32)));
        kept.rev().for_each(|reg| self.code.pop(reg));
        self.code.pop(STACK_BEFORE);
        self.code.ret();
        let bytes = -(bytes as i32);
        self.code.bytes[frame_bytes - 4..frame_bytes].copy_from_slice(&bytes.to_le_bytes());
        Some(start)
    }

    /// The segments, row by row.
    fn rows(&mut self) -> Option<()> {
        let program = self.program;
        let top = self.code.here();
        for segment in &program.segments {
            match segment {
                Segment::Row(insts) => self.row_code(insts)?,
                Segment::Loop(insts) => self.loops(insts)?,
            }
        }
        if program.width.is_some() {
            for (index, &bytes) in program.streams.iter().enumerate().filter(|(_, bytes)| **bytes > 0) {
                let bytes = i32::try_from(bytes).ok()?;
                match ADDRESSES.get(index) {
                    Some(&reg) => self.code.add_number(reg, bytes),
                    None => self.code.add_in_memory(word(Stream(index as u16)), bytes),
                }
            }
            self.code.add_in_memory(at(FRAME, 0), -1);
            self.code.jump_back(Condition::NotEqual, top);
        }
        Some(())
    }

    /// Writes what the code reads, before it.
    fn pool(&mut self) {
        if !self.machine.is_512 {
            self.code.bytes.resize(MASK_TABLE / 2, 0xff);
            self.code.bytes.resize(MASK_TABLE, 0);
        }
        let element = self.machine.element();
        for (index, inst) in self.program.insts.iter().enumerate() {
            let Inst::Number(bits) = inst else { continue };
            let place = Mem::Code(self.code.bytes.len());
            let copies = if self.machine.is_512 { 1 } else { self.machine.vector() / element };
            for _ in 0..copies {
                self.code.bytes.extend_from_slice(&bits.to_le_bytes()[..element]);
            }
            self.outer[index] = Some(if self.machine.is_512 { Rm::Every(place) } else { Rm::Mem(place) });
        }
        self.nan_table = self.code.bytes.len();
        self.code.bytes.extend_from_slice(&NAN_TABLE.to_le_bytes()[..element]);
        let end = self.code.bytes.len().next_multiple_of(64);
        self.code.bytes.resize(end, 0);
    }

    /// Gives a place on the stack to each value of row code that other lines read, and to what folds come to.
    fn keep_made_elsewhere(&mut self) {
        let program = self.program;
        let lines = || std::iter::once(&program.once[..]).chain(program.segments.iter().map(Segment::insts));
        let mut made_in = vec![usize::MAX; program.insts.len()];
        for (line, insts) in lines().enumerate() {
            for value in insts {
                made_in[value.index()] = line;
            }
        }
        for (line, insts) in lines().enumerate() {
            for operand in insts.iter().flat_map(|&value| program.inst(value).operands()) {
                let is_folded = matches!(program.inst(operand), Inst::Folded(_));
                if (is_folded || made_in[operand.index()] != line) && self.outer[operand.index()].is_none() {
                    self.outer[operand.index()] = Some(slot(self.machine, &mut self.slots));
                }
            }
        }
    }

    /// Code that is run once, or once a row.
    fn row_code(&mut self, insts: &[Value]) -> Option<()> {
        let line = Line {
            machine: self.machine,
            program: self.program,
            insts,
            copies: 1,
            first: 0,
            lanes: Part::Whole,
            is_loop: false,
            masks: MASKS,
            carried: &[],
        };
        let free = (0..self.machine.registers()).map(|reg| Reg(reg as u8));
        self.line(&line, free)
    }

    /// Emits a line, and keeps on the stack what others read.
    pub(super) fn line(&mut self, line: &Line<'_>, free: impl Iterator<Item = Reg>) -> Option<()> {
        let mut code = std::mem::take(&mut self.code);
        let mut slots = self.slots;
        let machine = self.machine;
        let mut slot = || slot(machine, &mut slots);
        let keep = |code: &mut Encoder, value: Value, reg: Reg| {
            if let Some(Rm::Mem(place)) = self.outer[value.index()] {
                machine.store(code, place, reg);
            }
        };
        let emitted = line.emit(&mut code, self, free, &mut slot, keep);
        self.code = code;
        self.most_slots = self.most_slots.max(slots);
        emitted
    }
}

/// The register with a stream's address.
pub(super) fn base(code: &mut Encoder, stream: Stream) -> Gpr {
    if let Some(&reg) = ADDRESSES.get(stream.index()) {
        return reg;
    }
    code.load(SPARE, word(stream));
    SPARE
}

/// A stream's elements at the loop's place, from so many bytes behind it on.
pub(super) fn elements(code: &mut Encoder, stream: Stream, offset: usize) -> Mem {
    Mem::At { base: base(code, stream), index: Some(INDEX), offset: offset as i32 }
}

/// A new place on the stack for a vector.
fn slot(machine: Machine, slots: &mut usize) -> Rm {
    *slots += 1;
    Rm::Mem(at(STACK, ((*slots - 1) * machine.vector()) as i32))
}

/// A stream's address in the frame.
pub(super) fn word(stream: Stream) -> Mem {
    at(FRAME, 8 * (FIRST_STREAM + stream.index()) as i32)
}
