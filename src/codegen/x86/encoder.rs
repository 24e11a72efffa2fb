//! Machine instructions of x86-64, as bytes: VEX and EVEX forms of vector instructions, and the few of integers that loops
//! need.
//!
//! What stands where in the bytes is in volume 2 of the Intel 64 manual, chapter 2.

/// A general register, by its number: 0 is rax, 1 rcx, 2 rdx, 3 rbx, 4 rsp, 5 rbp, 6 rsi, 7 rdi, then r8 and on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gpr(pub(super) u8);

/// A vector register, by its number; or a mask register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Reg(pub(super) u8);

/// A place in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mem {
    /// Bytes from a register, and the bytes in another one from there.
    At { base: Gpr, index: Option<Gpr>, offset: i32 },
    /// So many bytes from the start of the code.
    Code(usize),
}

/// The second or third operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rm {
    Reg(Reg),
    Mem(Mem),
    /// One element, for all lanes.
    Every(Mem),
}

/// Bits of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    L128 = 0,
    L256 = 1,
    L512 = 2,
}

impl Length {
    /// Bytes of a vector.
    pub(super) fn bytes(self) -> usize {
        16 << self as usize
    }
}

/// An opcode: the byte, the map it is in (1 of `0F`, 2 of `0F 38`, 3 of `0F 3A`), the prefix (1 of `66`, 2 of `F3`, 3 of
/// `F2`) and the bit that often tells the width of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opcode {
    pub(super) byte: u8,
    pub(super) map: u8,
    pub(super) prefix: u8,
    pub(super) wide: bool,
}

/// Which lanes an instruction of 512 bits works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lanes {
    All,
    /// Those in a mask; the others stay.
    In(Reg),
    /// Those in a mask; the others become 0.
    OrZero(Reg),
}

/// A condition of a jump, by its four bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Below = 2,
    NotBelow = 3,
    Equal = 4,
    NotEqual = 5,
}

/// A place to jump to, or a jump whose place is yet to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label(usize);

/// Bytes of code.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    pub(super) bytes: Vec<u8>,
}

impl Encoder {
    fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    fn word(&mut self, word: i32) {
        self.bytes.extend_from_slice(&word.to_le_bytes());
    }

    /// The byte that names the operands, and what follows it for memory. `unit` is what a short offset counts in, and
    /// `behind` how many bytes the instruction has after this.
    fn operands(&mut self, reg: u8, rm: Rm, unit: i32, behind: i32) {
        let reg = (reg & 7) << 3;
        match rm {
            Rm::Reg(Reg(rm)) => self.byte(0xc0 | reg | (rm & 7)),
            Rm::Mem(Mem::Code(place)) | Rm::Every(Mem::Code(place)) => {
                self.byte(reg | 5);
                let next = self.bytes.len() as i32 + 4 + behind;
                self.word(place as i32 - next);
            }
            Rm::Mem(Mem::At { base: Gpr(base), index, offset })
            | Rm::Every(Mem::At { base: Gpr(base), index, offset }) => {
                let short =
                    (offset % unit == 0).then_some(offset / unit).and_then(|short| i8::try_from(short).ok());
                // rbp and r13 without an offset would mean something else.
                let mode = match short {
                    Some(0) if base & 7 != 5 => 0x00,
                    Some(_) => 0x40,
                    None => 0x80,
                };
                match index {
                    Some(Gpr(index)) => {
                        self.byte(mode | reg | 4);
                        self.byte((index & 7) << 3 | (base & 7));
                    }
                    None if base & 7 == 4 => {
                        self.byte(mode | reg | 4);
                        self.byte(0x24);
                    }
                    None => self.byte(mode | reg | (base & 7)),
                }
                match (mode, short) {
                    (0x00, _) => {}
                    (0x40, Some(short)) => self.byte(short as u8),
                    _ => self.word(offset),
                }
            }
        }
    }

    /// Bits 3 of the registers in memory operands, or bits 4 and 3 of a register: the index or the upper half, the base or
    /// the lower.
    fn extensions(rm: Rm) -> (u8, u8) {
        match rm {
            Rm::Reg(Reg(rm)) => (rm >> 4 & 1, rm >> 3 & 1),
            Rm::Mem(Mem::At { base, index, .. }) | Rm::Every(Mem::At { base, index, .. }) => {
                (index.map_or(0, |Gpr(index)| index >> 3 & 1), base.0 >> 3 & 1)
            }
            Rm::Mem(Mem::Code(_)) | Rm::Every(Mem::Code(_)) => (0, 0),
        }
    }

    /// An instruction in the VEX form, of registers below 16.
    pub(super) fn vex(
        &mut self,
        opcode: Opcode,
        length: Length,
        reg: u8,
        second: u8,
        rm: Rm,
        last: Option<u8>,
    ) {
        let Opcode { byte, map, prefix, wide } = opcode;
        let (x, b) = Encoder::extensions(rm);
        self.byte(0xc4);
        self.byte((reg >> 3 & 1 ^ 1) << 7 | (x ^ 1) << 6 | (b ^ 1) << 5 | map);
        self.byte(u8::from(wide) << 7 | (second & 15 ^ 15) << 3 | (length as u8) << 2 | prefix);
        self.byte(byte);
        self.operands(reg, rm, 1, i32::from(last.is_some()));
        self.bytes.extend(last);
    }

    /// An instruction in the EVEX form. `unit` is what a short offset of its memory operand counts in.
    #[allow(clippy::too_many_arguments, reason = "all of it is one instruction")]
    pub(super) fn evex(
        &mut self,
        opcode: Opcode,
        length: Length,
        lanes: Lanes,
        reg: u8,
        second: u8,
        rm: Rm,
        unit: i32,
        last: Option<u8>,
    ) {
        let Opcode { byte, map, prefix, wide } = opcode;
        let (x, b) = Encoder::extensions(rm);
        let (mask, zeroes) = match lanes {
            Lanes::All => (0, 0),
            Lanes::In(Reg(mask)) => (mask, 0),
            Lanes::OrZero(Reg(mask)) => (mask, 1),
        };
        let every = u8::from(matches!(rm, Rm::Every(_)));
        self.byte(0x62);
        self.byte((reg >> 3 & 1 ^ 1) << 7 | (x ^ 1) << 6 | (b ^ 1) << 5 | (reg >> 4 & 1 ^ 1) << 4 | map);
        self.byte(u8::from(wide) << 7 | (second & 15 ^ 15) << 3 | 1 << 2 | prefix);
        self.byte(zeroes << 7 | (length as u8) << 5 | every << 4 | (second >> 4 & 1 ^ 1) << 3 | mask);
        self.byte(byte);
        self.operands(reg, rm, unit, i32::from(last.is_some()));
        self.bytes.extend(last);
    }

    /// An instruction on 64-bit registers: `byte` with the registers in the order of its form.
    fn wide(&mut self, byte: u8, reg: u8, rm: Rm, behind: i32) {
        let (x, b) = Encoder::extensions(rm);
        self.byte(0x48 | (reg >> 3 & 1) << 2 | x << 1 | b);
        self.byte(byte);
        self.operands(reg, rm, 1, behind);
    }

    pub(super) fn push(&mut self, Gpr(reg): Gpr) {
        if reg >= 8 {
            self.byte(0x41);
        }
        self.byte(0x50 | (reg & 7));
    }

    pub(super) fn pop(&mut self, Gpr(reg): Gpr) {
        if reg >= 8 {
            self.byte(0x41);
        }
        self.byte(0x58 | (reg & 7));
    }

    /// `to = from`.
    pub(super) fn copy(&mut self, to: Gpr, from: Gpr) {
        self.wide(0x8b, to.0, Rm::Reg(Reg(from.0)), 0);
    }

    pub(super) fn load(&mut self, to: Gpr, from: Mem) {
        self.wide(0x8b, to.0, Rm::Mem(from), 0);
    }

    pub(super) fn store(&mut self, to: Mem, from: Gpr) {
        self.wide(0x89, from.0, Rm::Mem(to), 0);
    }

    /// Writes the lowest byte of a register.
    pub(super) fn store_byte(&mut self, to: Mem, from: Gpr) {
        self.wide(0x88, from.0, Rm::Mem(to), 0);
    }

    /// The address of a place.
    pub(super) fn address(&mut self, to: Gpr, of: Mem) {
        self.wide(0x8d, to.0, Rm::Mem(of), 0);
    }

    pub(super) fn set(&mut self, to: Gpr, number: i32) {
        self.wide(0xc7, 0, Rm::Reg(Reg(to.0)), 4);
        self.word(number);
    }

    pub(super) fn clear(&mut self, to: Gpr) {
        self.wide(0x31, to.0, Rm::Reg(Reg(to.0)), 0);
    }

    pub(super) fn add_number(&mut self, to: Gpr, number: i32) {
        self.wide(0x81, 0, Rm::Reg(Reg(to.0)), 4);
        self.word(number);
    }

    /// Writes 32 bits.
    pub(super) fn set_in_memory(&mut self, to: Mem, bits: i32) {
        self.byte(0xc7);
        self.operands(0, Rm::Mem(to), 1, 4);
        self.word(bits);
    }

    /// Adds to a number in memory.
    pub(super) fn add_in_memory(&mut self, to: Mem, number: i32) {
        self.wide(0x81, 0, Rm::Mem(to), 4);
        self.word(number);
    }

    pub(super) fn and_number(&mut self, to: Gpr, number: i32) {
        self.wide(0x81, 4, Rm::Reg(Reg(to.0)), 4);
        self.word(number);
    }

    pub(super) fn subtract(&mut self, from: Gpr, what: Gpr) {
        self.wide(0x2b, from.0, Rm::Reg(Reg(what.0)), 0);
    }

    pub(super) fn compare(&mut self, a: Gpr, b: Gpr) {
        self.wide(0x3b, a.0, Rm::Reg(Reg(b.0)), 0);
    }

    pub(super) fn compare_number(&mut self, a: Gpr, number: i32) {
        self.wide(0x81, 7, Rm::Reg(Reg(a.0)), 4);
        self.word(number);
    }

    /// Compares a byte in memory with 0.
    pub(super) fn compare_byte(&mut self, at: Mem) {
        self.wide(0x80, 7, Rm::Mem(at), 1);
        self.byte(0);
    }

    pub(super) fn shift_right(&mut self, what: Gpr, by: u8) {
        self.wide(0xc1, 5, Rm::Reg(Reg(what.0)), 1);
        self.byte(by);
    }

    /// `to = from` where `a` is not below `b` by the comparison before.
    pub(super) fn copy_if_not_below(&mut self, to: Gpr, from: Gpr) {
        self.byte(0x48 | (to.0 >> 3 & 1) << 2 | (from.0 >> 3 & 1));
        self.byte(0x0f);
        self.byte(0x43);
        self.operands(to.0, Rm::Reg(Reg(from.0)), 1, 0);
    }

    pub(super) fn ret(&mut self) {
        // vzeroupper: else the caller's SSE instructions would wait for the upper halves.
        self.bytes.extend([0xc5, 0xf8, 0x77, 0xc3]);
    }

    /// This place.
    pub(super) fn here(&self) -> Label {
        Label(self.bytes.len())
    }

    pub(super) fn jump_back(&mut self, condition: Condition, Label(to): Label) {
        self.bytes.extend([0x0f, 0x80 | condition as u8]);
        let next = self.bytes.len() as i32 + 4;
        self.word(to as i32 - next);
    }

    /// A jump to a place that [`land`](Self::land) tells.
    pub(super) fn jump_ahead(&mut self, condition: Condition) -> Label {
        self.bytes.extend([0x0f, 0x80 | condition as u8]);
        self.word(0);
        Label(self.bytes.len())
    }

    pub(super) fn land(&mut self, Label(next): Label) {
        let distance = (self.bytes.len() - next) as i32;
        self.bytes[next - 4..next].copy_from_slice(&distance.to_le_bytes());
    }
}
