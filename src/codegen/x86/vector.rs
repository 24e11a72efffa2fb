//! The vector instructions that a program's instructions become, for a machine and an element type.

use super::encoder::{Encoder, Gpr, Lanes, Length, Mem, Opcode, Reg, Rm};
use crate::codegen::program::{Binary, Compare, Logic, Unary};
use crate::element::DType;
use crate::ir::Reduce;
use crate::kernel::vector::LANE_BYTES;

/// The instruction set and the element type that code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Machine {
    /// Whether vectors may have 512 bits and there are masks; 256 if not.
    pub(super) is_512: bool,
    /// Whether elements have 64 bits, not 32.
    pub(super) is_double: bool,
    pub(super) is_integer: bool,
    /// Of the vectors that are worked on.
    pub(super) length: Length,
}

/// The three orders in which a multiply-add takes its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// `dst = dst·third + second`
    O132,
    /// `dst = second·dst + third`
    O213,
    /// `dst = second·third + dst`
    O231,
}

impl Machine {
    /// A machine whose vectors are the longest that it has.
    pub(super) fn new(is_512: bool, dtype: DType) -> Self {
        Machine {
            is_512,
            is_double: dtype.size() == 8,
            is_integer: !dtype.is_float(),
            length: if is_512 { Length::L512 } else { Length::L256 },
        }
    }

    /// The same with vectors no longer than so many bytes need: some machines take twice as long for vectors of 512 bits.
    pub(super) fn for_bytes(self, bytes: usize) -> Self {
        let lengths = [Length::L128, Length::L256];
        let length = lengths.into_iter().find(|length| bytes <= length.bytes()).unwrap_or(self.length);
        Machine { length, ..self }
    }

    pub(super) fn element(self) -> usize {
        if self.is_double { 8 } else { 4 }
    }

    /// Bytes of a vector.
    pub(super) fn vector(self) -> usize {
        self.length.bytes()
    }

    /// How many vector registers there are.
    pub(super) fn registers(self) -> usize {
        if self.is_512 { 32 } else { 16 }
    }

    /// An opcode of packed floats, which the prefix `66` and the bit for wide elements make one of doubles.
    fn packed(self, byte: u8) -> Opcode {
        Opcode { byte, map: 1, prefix: u8::from(self.is_double), wide: self.is_double }
    }

    /// An opcode that has the prefix `66` for both types.
    fn prefixed(self, map: u8, byte: u8) -> Opcode {
        Opcode { byte, map, prefix: 1, wide: self.is_double }
    }

    /// What a short offset of a memory operand counts in, in the EVEX form.
    fn unit(self, rm: Rm) -> i32 {
        match rm {
            Rm::Every(_) => self.element() as i32,
            Rm::Reg(_) | Rm::Mem(_) => self.vector() as i32,
        }
    }

    /// An instruction of three operands, or of two where the second is 0, on whole vectors.
    #[allow(clippy::too_many_arguments, reason = "all of it is one instruction")]
    fn emit(
        self,
        code: &mut Encoder,
        opcode: Opcode,
        lanes: Lanes,
        dst: Reg,
        second: Reg,
        rm: Rm,
        last: Option<u8>,
    ) {
        if self.is_512 {
            let unit = self.unit(rm);
            code.evex(opcode, self.length, lanes, dst.0, second.0, rm, unit, last);
        } else {
            code.vex(opcode, self.length, dst.0, second.0, rm, last);
        }
    }

    fn binary_opcode(self, binary: Binary) -> Opcode {
        match binary {
            Binary::Add => self.packed(0x58),
            Binary::Mul => self.packed(0x59),
            Binary::Sub => self.packed(0x5c),
            Binary::Smaller => self.packed(0x5d),
            Binary::Div => self.packed(0x5e),
            Binary::Larger => self.packed(0x5f),
            Binary::And => self.prefixed(1, 0xdb),
            Binary::Or => self.prefixed(1, 0xeb),
            Binary::Xor => self.prefixed(1, 0xef),
            Binary::AddBits => self.prefixed(1, if self.is_double { 0xd4 } else { 0xfe }),
            Binary::SubBits => self.prefixed(1, if self.is_double { 0xfb } else { 0xfa }),
        }
    }

    pub(super) fn binary(self, code: &mut Encoder, binary: Binary, dst: Reg, a: Reg, b: Rm) {
        self.emit(code, self.binary_opcode(binary), Lanes::All, dst, a, b, None);
    }

    pub(super) fn unary(self, code: &mut Encoder, unary: Unary, dst: Reg, a: Rm) {
        let rounding =
            |mode: u8| (self.prefixed(3, if self.is_double { 0x09 } else { 0x08 }), Some(8 | mode));
        let (opcode, last) = match unary {
            Unary::Sqrt => (self.packed(0x51), None),
            Unary::Round => rounding(0),
            Unary::Floor => rounding(1),
            Unary::Ceil => rounding(2),
        };
        self.emit(code, opcode, Lanes::All, dst, Reg(0), a, last);
    }

    /// One of the three orders of `±a·b + c`, on some lanes.
    #[allow(clippy::too_many_arguments, reason = "all of it is one instruction")]
    pub(super) fn mul_add(
        self,
        code: &mut Encoder,
        order: Order,
        negate: bool,
        lanes: Lanes,
        dst: Reg,
        second: Reg,
        third: Rm,
    ) {
        let byte = match order {
            Order::O132 => 0x98,
            Order::O213 => 0xa8,
            Order::O231 => 0xb8,
        };
        let opcode = self.prefixed(2, if negate { byte + 4 } else { byte });
        self.emit(code, opcode, lanes, dst, second, third, None);
    }

    /// Shifts the bits of each element.
    pub(super) fn shift(self, code: &mut Encoder, left: bool, dst: Reg, a: Reg, by: u8) {
        let opcode = self.prefixed(1, if self.is_double { 0x73 } else { 0x72 });
        // The register field says which shift it is, and the second operand is the result.
        let which = Reg(if left { 6 } else { 2 });
        self.emit(code, opcode, Lanes::All, which, dst, Rm::Reg(a), Some(by));
    }

    /// Compares, into a mask register or into a vector of all bits or none.
    pub(super) fn compare(self, code: &mut Encoder, compare: Compare, lanes: Lanes, dst: Reg, a: Reg, b: Rm) {
        if self.is_integer {
            debug_assert!(matches!(compare, Compare::Equal | Compare::NotLessEqual), "{compare:?}");
            return self.compare_integers(code, compare == Compare::Equal, lanes, dst, a, b);
        }
        let predicate = match compare {
            Compare::Equal => 0,
            Compare::Less => 0x11,
            Compare::LessEqual => 0x12,
            Compare::Unordered => 3,
            Compare::NotEqual => 4,
            Compare::NotLessEqual => 0x16,
        };
        self.emit(code, self.packed(0xc2), lanes, dst, a, b, Some(predicate));
    }

    /// Whether integers are equal, or else whether the first is larger.
    fn compare_integers(self, code: &mut Encoder, equal: bool, lanes: Lanes, dst: Reg, a: Reg, b: Rm) {
        if self.is_512 {
            let predicate = if equal { 0 } else { 6 };
            return self.emit(code, self.prefixed(3, 0x1f), lanes, dst, a, b, Some(predicate));
        }
        let opcode = match (equal, self.is_double) {
            (true, false) => self.prefixed(1, 0x76),
            (true, true) => self.prefixed(2, 0x29),
            (false, false) => self.prefixed(1, 0x66),
            (false, true) => self.prefixed(2, 0x37),
        };
        self.emit(code, opcode, lanes, dst, a, b, None);
    }

    /// Those lanes, into a mask register or a vector, where the element is not NaN.
    pub(super) fn ordered(self, code: &mut Encoder, lanes: Lanes, dst: Reg, a: Reg) {
        self.emit(code, self.packed(0xc2), lanes, dst, a, Rm::Reg(a), Some(7));
    }

    /// `then` in the lanes of a mask, `otherwise` in the others: a mask register, or a vector.
    pub(super) fn select(self, code: &mut Encoder, dst: Reg, mask: Reg, then: Rm, otherwise: Reg) {
        if self.is_512 {
            self.emit(code, self.prefixed(2, 0x65), Lanes::In(mask), dst, otherwise, then, None);
        } else {
            let byte = if self.is_double { 0x4b } else { 0x4a };
            let opcode = Opcode { byte, map: 3, prefix: 1, wide: false };
            code.vex(opcode, self.length, dst.0, otherwise.0, then, Some(mask.0 << 4));
        }
    }

    /// Changes elements of a register to those of another one, as a table says for what these are: with AVX-512 only.
    pub(super) fn fix_up(self, code: &mut Encoder, dst: Reg, by: Reg, table: Rm) {
        self.emit(code, self.prefixed(3, 0x54), Lanes::All, dst, by, table, Some(0));
    }

    /// A copy of a register, or a vector from memory.
    pub(super) fn load(self, code: &mut Encoder, dst: Reg, from: Rm) {
        match from {
            Rm::Every(mem) => self.broadcast(code, dst, Rm::Mem(mem)),
            from => self.emit(code, self.packed(0x10), Lanes::All, dst, Reg(0), from, None),
        }
    }

    pub(super) fn store(self, code: &mut Encoder, to: Mem, from: Reg) {
        self.emit(code, self.packed(0x11), Lanes::All, from, Reg(0), Rm::Mem(to), None);
    }

    /// The elements in a mask, and 0 for the others.
    pub(super) fn load_some(self, code: &mut Encoder, mask: Reg, dst: Reg, from: Mem) {
        if self.is_512 {
            self.emit(code, self.packed(0x10), Lanes::OrZero(mask), dst, Reg(0), Rm::Mem(from), None);
        } else {
            self.mask_move(code, 0x2c, dst, mask, from);
        }
    }

    pub(super) fn store_some(self, code: &mut Encoder, mask: Reg, to: Mem, from: Reg) {
        if self.is_512 {
            self.emit(code, self.packed(0x11), Lanes::In(mask), from, Reg(0), Rm::Mem(to), None);
        } else {
            self.mask_move(code, 0x2e, from, mask, to);
        }
    }

    fn mask_move(self, code: &mut Encoder, byte: u8, reg: Reg, mask: Reg, mem: Mem) {
        let opcode = Opcode { byte: byte + u8::from(self.is_double), map: 2, prefix: 1, wide: false };
        code.vex(opcode, self.length, reg.0, mask.0, Rm::Mem(mem), None);
    }

    /// One element for all lanes: that in memory, or the first of a register.
    pub(super) fn broadcast(self, code: &mut Encoder, dst: Reg, from: Rm) {
        let byte = if self.is_double { 0x19 } else { 0x18 };
        if self.is_512 {
            let opcode = self.prefixed(2, byte);
            let unit = self.element() as i32;
            // Of doubles there is no form for 128 bits.
            let length = if self.length == Length::L512 { Length::L512 } else { Length::L256 };
            code.evex(opcode, length, Lanes::All, dst.0, 0, from, unit, None);
        } else {
            let opcode = Opcode { byte, map: 2, prefix: 1, wide: false };
            code.vex(opcode, Length::L256, dst.0, 0, from, None);
        }
    }

    /// Writes the first element of a register.
    pub(super) fn store_first(self, code: &mut Encoder, to: Mem, from: Reg) {
        self.move_first(code, 0x11, from, to);
    }

    /// One element into the first lane, and 0 into the others.
    pub(super) fn load_first(self, code: &mut Encoder, dst: Reg, from: Mem) {
        self.move_first(code, 0x10, dst, from);
    }

    fn move_first(self, code: &mut Encoder, byte: u8, reg: Reg, mem: Mem) {
        let prefix = if self.is_double { 3 } else { 2 };
        let opcode = Opcode { byte, map: 1, prefix, wide: self.is_double };
        if self.is_512 {
            code.evex(opcode, Length::L128, Lanes::All, reg.0, 0, Rm::Mem(mem), self.element() as i32, None);
        } else {
            code.vex(opcode, Length::L128, reg.0, 0, Rm::Mem(mem), None);
        }
    }

    /// What a fold does with two vectors, in some lanes. Where it has to choose, the first stays unless the second is larger,
    /// or smaller.
    pub(super) fn fold(self, code: &mut Encoder, reduce: Reduce, lanes: Lanes, dst: Reg, [a, b]: [Reg; 2]) {
        let [a, b] = if matches!(reduce, Reduce::Max | Reduce::Min) { [b, a] } else { [a, b] };
        self.emit(code, self.binary_opcode(folding(reduce)), lanes, dst, a, Rm::Reg(b), None);
    }

    /// Folds the accumulators from one on, of which those behind so many are as folds of nothing, into register 0: the two
    /// groups of 64 bytes with each other, then a group's registers, of which the first has the lower half.
    pub(super) fn fold_vectors(self, code: &mut Encoder, reduce: Reduce, first: usize, count: usize) {
        let group = LANE_BYTES / self.vector();
        for index in 0..group.min(count) {
            let [lower, upper] = [first + index, first + index + group].map(|reg| Reg(reg as u8));
            if index + group < count {
                self.fold(code, reduce, Lanes::All, Reg(index as u8), [lower, upper]);
            } else {
                self.load(code, Reg(index as u8), Rm::Reg(lower));
            }
        }
        if group.min(count) > 1 {
            self.emit(
                code,
                self.binary_opcode(folding(reduce)),
                Lanes::All,
                Reg(0),
                Reg(0),
                Rm::Reg(Reg(1)),
                None,
            );
        }
    }

    /// Folds the lanes of register 0 into its first element, through register 1: halves until one is left.
    pub(super) fn fold_lanes(self, code: &mut Encoder, reduce: Reduce) {
        let opcode = self.binary_opcode(folding(reduce));
        let halve = |code: &mut Encoder, length| code.vex(opcode, length, 0, 0, Rm::Reg(Reg(1)), None);
        if self.is_512 {
            let opcode = Opcode { byte: 0x1b, map: 3, prefix: 1, wide: true };
            code.evex(opcode, Length::L512, Lanes::All, 0, 0, Rm::Reg(Reg(1)), 1, Some(1));
            halve(code, Length::L256);
        }
        let opcode = Opcode { byte: 0x19, map: 3, prefix: 1, wide: false };
        code.vex(opcode, Length::L256, 0, 0, Rm::Reg(Reg(1)), Some(1));
        halve(code, Length::L128);
        let opcode = Opcode { byte: 0x05, map: 3, prefix: 1, wide: false };
        code.vex(opcode, Length::L128, 1, 0, Rm::Reg(Reg(0)), Some(1));
        halve(code, Length::L128);
        if !self.is_double {
            let opcode = Opcode { byte: 0x04, map: 3, prefix: 1, wide: false };
            code.vex(opcode, Length::L128, 1, 0, Rm::Reg(Reg(0)), Some(1));
            halve(code, Length::L128);
        }
        if reduce == Reduce::Sum {
            // -0 becomes 0.
            self.binary(code, Binary::Xor, Reg(1), Reg(1), Rm::Reg(Reg(1)));
            halve(code, Length::L128);
        }
    }

    /// A mask as a number: of a mask register, or of the elements' highest bits.
    pub(super) fn number_of(self, code: &mut Encoder, Gpr(dst): Gpr, mask: Reg) {
        if self.is_512 {
            let opcode = Opcode { byte: 0x93, map: 1, prefix: 0, wide: false };
            code.vex(opcode, Length::L128, dst, 0, Rm::Reg(mask), None);
        } else {
            let opcode = Opcode { byte: 0x50, map: 1, prefix: u8::from(self.is_double), wide: false };
            code.vex(opcode, Length::L256, dst, 0, Rm::Reg(mask), None);
        }
    }
}

/// What a fold does with two numbers.
fn folding(reduce: Reduce) -> Binary {
    match reduce {
        Reduce::Sum => Binary::Add,
        Reduce::Prod => Binary::Mul,
        Reduce::Max => Binary::Larger,
        Reduce::Min => Binary::Smaller,
    }
}

/// A function of masks, in mask registers.
pub(super) fn logic(code: &mut Encoder, logic: Logic, dst: Reg, a: Reg, b: Reg) {
    let byte = match logic {
        Logic::And => 0x41,
        Logic::Or => 0x45,
        Logic::Xor => 0x47,
    };
    code.vex(Opcode { byte, map: 1, prefix: 0, wide: false }, Length::L256, dst.0, a.0, Rm::Reg(b), None);
}

/// The booleans that a mask has not.
pub(super) fn not(code: &mut Encoder, dst: Reg, a: Reg) {
    let opcode = Opcode { byte: 0x44, map: 1, prefix: 0, wide: false };
    code.vex(opcode, Length::L128, dst.0, 0, Rm::Reg(a), None);
}

/// A mask register with all bits.
pub(super) fn full_mask(code: &mut Encoder, dst: Reg) {
    let opcode = Opcode { byte: 0x46, map: 1, prefix: 0, wide: false };
    code.vex(opcode, Length::L256, dst.0, dst.0, Rm::Reg(dst), None);
}

/// A vector with all bits.
pub(super) fn all_bits(code: &mut Encoder, dst: Reg) {
    let opcode = Opcode { byte: 0x76, map: 1, prefix: 1, wide: false };
    code.vex(opcode, Length::L256, dst.0, dst.0, Rm::Reg(dst), None);
}

/// A mask register of the lowest bits of a general register.
pub(super) fn mask_of(code: &mut Encoder, dst: Reg, Gpr(from): Gpr) {
    let opcode = Opcode { byte: 0x92, map: 1, prefix: 0, wide: false };
    code.vex(opcode, Length::L128, dst.0, 0, Rm::Reg(Reg(from)), None);
}

/// Clears the bits of a number from one on.
pub(super) fn clear_from(code: &mut Encoder, Gpr(dst): Gpr, Gpr(from): Gpr) {
    let opcode = Opcode { byte: 0xf5, map: 2, prefix: 0, wide: true };
    code.vex(opcode, Length::L128, dst, from, Rm::Reg(Reg(dst)), None);
}
