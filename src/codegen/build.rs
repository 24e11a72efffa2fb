//! Programs made instruction by instruction: each value once, in the loop or the row code where it is known first.

use foldhash::HashMap;

use super::program::{
    Binary, Compare, Fold, FoldId, Inst, Logic, Program, Segment, Stream, Target, Unary, Value, bits_of,
    number_of,
};
use crate::element::DType;
use crate::ir::Reduce;

/// How often a value is computed, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Once for all rows.
    Once,
    /// Once a row, in the row code before the loop with this number.
    Row(usize),
    /// For each element, in the loop with this number.
    Loop(usize),
}

impl Class {
    /// The loop, or the one before which it is.
    fn number(self) -> usize {
        match self {
            Class::Once => 0,
            Class::Row(number) | Class::Loop(number) => number,
        }
    }
}

/// A program that is being made.
#[derive(Debug)]
pub(crate) struct Builder {
    dtype: DType,
    width: Option<usize>,
    most: usize,
    is_exact: bool,
    streams: Vec<usize>,
    folds: Vec<Fold>,
    insts: Vec<Inst>,
    /// The class of each instruction.
    classes: Vec<Class>,
    known: HashMap<(Inst, Class), Value>,
    /// Where values of loops lie for later ones.
    kept: HashMap<Value, Stream>,
    /// Streams of a row each, which the program itself writes and reads.
    rows: Vec<Stream>,
}

impl Builder {
    /// Of numbers of a type, of floats or of integers, in rows of so many elements, or in one row of any length up to
    /// `most`.
    pub(crate) fn new(dtype: DType, width: Option<usize>, most: usize) -> Self {
        Builder {
            dtype,
            width,
            most: width.unwrap_or(most),
            is_exact: width.is_some(),
            streams: Vec::new(),
            folds: Vec::new(),
            insts: Vec::new(),
            classes: Vec::new(),
            known: HashMap::default(),
            kept: HashMap::default(),
            rows: Vec::new(),
        }
    }

    /// Says that the one row has as many elements as it may have.
    pub(crate) fn exactly(mut self) -> Self {
        self.is_exact = true;
        self
    }

    /// A new stream that moves by so many bytes from row to row.
    pub(crate) fn stream(&mut self, row_bytes: usize) -> Stream {
        self.streams.push(row_bytes);
        Stream((self.streams.len() - 1) as u16)
    }

    pub(crate) fn dtype(&self) -> DType {
        self.dtype
    }

    pub(crate) fn class(&self, value: Value) -> Class {
        self.classes[value.index()]
    }

    pub(crate) fn is_boolean(&self, value: Value) -> bool {
        self.insts[value.index()].is_boolean()
    }

    /// A number that is known.
    pub(crate) fn known_number(&self, value: Value) -> Option<f64> {
        match self.insts[value.index()] {
            Inst::Number(bits) if self.dtype.is_float() => Some(number_of(self.dtype, bits)),
            _ => None,
        }
    }

    fn add(&mut self, inst: Inst, class: Class) -> Value {
        if inst.is_pure()
            && let Some(&value) = self.known.get(&(inst, class))
        {
            return value;
        }
        let value = Value::new(self.insts.len());
        self.insts.push(inst);
        self.classes.push(class);
        if inst.is_pure() {
            self.known.insert((inst, class), value);
        }
        value
    }

    pub(crate) fn bits(&mut self, bits: u64) -> Value {
        self.add(Inst::Number(bits), Class::Once)
    }

    pub(crate) fn number(&mut self, number: f64) -> Value {
        self.bits(bits_of(self.dtype, number))
    }

    /// The elements of a stream along rows.
    pub(crate) fn load(&mut self, stream: Stream) -> Value {
        self.add(Inst::Load(stream), Class::Loop(0))
    }

    /// A stream's element for each row, or for all.
    pub(crate) fn row(&mut self, stream: Stream) -> Value {
        let class = if self.streams[stream.index()] == 0 { Class::Once } else { Class::Row(0) };
        self.add(Inst::Row(stream), class)
    }

    /// A boolean computed once more, in a later class: there is no memory for booleans between.
    fn again(&mut self, value: Value, class: Class) -> Option<Value> {
        let inst = match self.insts[value.index()] {
            Inst::Compare(compare, a, b) => {
                Inst::Compare(compare, self.in_class(a, class)?, self.in_class(b, class)?)
            }
            Inst::Logic(logic, a, b) => {
                Inst::Logic(logic, self.in_class(a, class)?, self.in_class(b, class)?)
            }
            Inst::Not(a) => Inst::Not(self.in_class(a, class)?),
            _ => return None,
        };
        Some(self.add(inst, class))
    }

    /// A value in a class that is not before its own: one of an earlier loop lies in memory between.
    fn in_class(&mut self, value: Value, class: Class) -> Option<Value> {
        if self.is_boolean(value) && self.class(value) != class {
            return self.again(value, class);
        }
        let (Class::Loop(from), Class::Loop(to)) = (self.class(value), class) else { return Some(value) };
        if from == to {
            return Some(value);
        }
        let stream = match (self.insts[value.index()], self.kept.get(&value)) {
            (Inst::Load(stream), _) | (_, Some(&stream)) => stream,
            _ => {
                let stream = self.stream(0);
                self.rows.push(stream);
                self.add(Inst::Store(stream, value), Class::Loop(from));
                self.kept.insert(value, stream);
                stream
            }
        };
        Some(self.add(Inst::Load(stream), class))
    }

    /// The class of what is computed of these values.
    fn joint_class(&self, values: &[Value]) -> Class {
        let classes = || values.iter().map(|&value| self.class(value));
        let most = classes().map(Class::number).max().unwrap_or(0);
        if classes().any(|class| matches!(class, Class::Loop(_))) {
            Class::Loop(most)
        } else if classes().any(|class| matches!(class, Class::Row(_))) {
            Class::Row(most)
        } else {
            Class::Once
        }
    }

    /// The operands where they are computed with each other.
    fn together<const N: usize>(&mut self, values: [Value; N]) -> Option<([Value; N], Class)> {
        let class = self.joint_class(&values);
        let mut moved = values;
        for value in &mut moved {
            *value = self.in_class(*value, class)?;
        }
        Some((moved, class))
    }

    pub(crate) fn unary(&mut self, unary: Unary, a: Value) -> Option<Value> {
        let ([a], class) = self.together([a])?;
        Some(self.add(Inst::Unary(unary, a), class))
    }

    pub(crate) fn binary(&mut self, binary: Binary, a: Value, b: Value) -> Option<Value> {
        let ([a, b], class) = self.together([a, b])?;
        Some(self.add(Inst::Binary(binary, a, b), class))
    }

    pub(crate) fn mul_add(&mut self, a: Value, b: Value, c: Value) -> Option<Value> {
        let sign = self.sign_bit();
        let mut negate = false;
        let mut positive = |builder: &Self, value: Value| match builder.insts[value.index()] {
            Inst::Binary(Binary::Xor, of, bits) if builder.insts[bits.index()] == Inst::Number(sign) => {
                negate = !negate;
                of
            }
            _ => value,
        };
        let (a, b) = (positive(self, a), positive(self, b));
        let ([a, b, c], class) = self.together([a, b, c])?;
        Some(self.add(Inst::MulAdd { negate, a, b, c }, class))
    }

    pub(crate) fn shift_left(&mut self, a: Value, by: u8) -> Value {
        let class = self.class(a);
        self.add(Inst::ShiftLeft(a, by), class)
    }

    pub(crate) fn shift_right(&mut self, a: Value, by: u8) -> Value {
        let class = self.class(a);
        self.add(Inst::ShiftRight(a, by), class)
    }

    pub(crate) fn compare(&mut self, compare: Compare, a: Value, b: Value) -> Option<Value> {
        let ([a, b], class) = self.together([a, b])?;
        Some(self.add(Inst::Compare(compare, a, b), class))
    }

    pub(crate) fn logic(&mut self, logic: Logic, a: Value, b: Value) -> Option<Value> {
        let ([a, b], class) = self.together([a, b])?;
        Some(self.add(Inst::Logic(logic, a, b), class))
    }

    pub(crate) fn not(&mut self, a: Value) -> Value {
        let class = self.class(a);
        self.add(Inst::Not(a), class)
    }

    pub(crate) fn select(&mut self, mask: Value, then: Value, otherwise: Value) -> Option<Value> {
        // What a machine has an instruction for.
        if let (true, Inst::Compare(Compare::Less, a, b)) = (self.dtype.is_float(), self.insts[mask.index()])
        {
            if (then, otherwise) == (a, b) {
                return self.binary(Binary::Smaller, a, b);
            }
            if (then, otherwise) == (b, a) {
                return self.binary(Binary::Larger, b, a);
            }
        }
        let ([mask, then, otherwise], class) = self.together([mask, then, otherwise])?;
        Some(self.add(Inst::Select(mask, then, otherwise), class))
    }

    /// The first where it is NaN, else the second.
    pub(crate) fn nan_or(&mut self, a: Value, b: Value) -> Option<Value> {
        let ([a, b], class) = self.together([a, b])?;
        Some(self.add(Inst::NanOr(a, b), class))
    }

    /// The bit that is the sign of a number.
    pub(crate) fn sign_bit(&self) -> u64 {
        debug_assert!(self.dtype.is_float(), "of whole numbers there is no such bit alone");
        if self.dtype == DType::F32 { 1 << 31 } else { 1 << 63 }
    }

    pub(crate) fn neg(&mut self, a: Value) -> Option<Value> {
        let sign = self.bits(self.sign_bit());
        self.binary(Binary::Xor, a, sign)
    }

    pub(crate) fn abs(&mut self, a: Value) -> Option<Value> {
        let rest = self.bits(self.sign_bit() - 1);
        self.binary(Binary::And, a, rest)
    }

    /// The magnitude of one with the sign of another.
    pub(crate) fn copy_sign(&mut self, a: Value, sign: Value) -> Option<Value> {
        let bit = self.bits(self.sign_bit());
        let (a, sign) = (self.abs(a)?, self.binary(Binary::And, sign, bit)?);
        self.binary(Binary::Or, a, sign)
    }

    /// Whether it is for rows of a known length.
    #[cfg(test)]
    pub(super) fn is_by_rows(&self) -> bool {
        self.width.is_some()
    }

    /// Whether the program is for a single element.
    pub(crate) fn is_single(&self) -> bool {
        self.width.is_none() && self.is_exact && self.most == 1
    }

    /// Writes a value for each element, or for each row. `None` for booleans of several elements, and for an element's value
    /// for a row.
    pub(crate) fn store(&mut self, stream: Stream, value: Value, for_each_element: bool) -> Option<()> {
        let is_boolean = self.is_boolean(value);
        if is_boolean && !self.is_single() {
            return None;
        }
        let class = match (self.class(value), for_each_element) {
            (Class::Loop(_), false) => return None,
            (Class::Row(number), true) => Class::Loop(number),
            (Class::Once, true) => Class::Loop(0),
            (class @ Class::Loop(_), true) | (class @ Class::Row(_), false) => class,
            (Class::Once, false) => Class::Row(0),
        };
        let value = if is_boolean { self.in_class(value, class)? } else { value };
        self.add(Inst::Store(stream, value), class);
        if let (Class::Loop(_), Class::Loop(_), false) = (self.class(value), class, is_boolean) {
            self.kept.insert(value, stream);
        }
        Some(())
    }

    /// A fold of each row's elements, or of their products with others, on to lanes that lie in memory.
    pub(crate) fn fold_lanes(
        &mut self,
        reduce: Reduce,
        stream: Stream,
        a: Value,
        b: Option<Value>,
    ) -> Option<()> {
        self.fold(Fold { reduce, target: Target::Lanes(stream) }, a, b).map(|_| ())
    }

    /// What the elements of each row, or their products with others, come to.
    pub(crate) fn fold_row(&mut self, reduce: Reduce, a: Value, b: Option<Value>) -> Option<Value> {
        let (fold, number) = self.fold(Fold { reduce, target: Target::Row }, a, b)?;
        Some(self.add(Inst::Folded(fold), Class::Row(number + 1)))
    }

    /// A fold, and in which loop it is. `None` for values that are not of elements.
    fn fold(&mut self, fold: Fold, a: Value, b: Option<Value>) -> Option<(FoldId, usize)> {
        let ([a, other], class) = self.together([a, b.unwrap_or(a)])?;
        let Class::Loop(number) = class else { return None };
        self.folds.push(fold);
        let id = FoldId((self.folds.len() - 1) as u16);
        self.add(Inst::Fold(id, a, b.map(|_| other)), class);
        Some((id, number))
    }

    /// The program: what is needed for what it writes and folds, in segments.
    pub(crate) fn finish(self) -> Program {
        let mut is_needed = vec![false; self.insts.len()];
        for (index, inst) in self.insts.iter().enumerate().rev() {
            is_needed[index] |= !inst.is_pure();
            if is_needed[index] {
                inst.operands().for_each(|operand| is_needed[operand.index()] = true);
            }
        }
        let of_class = |wanted: Class| -> Vec<Value> {
            let insts = self.insts.iter().zip(&self.classes).zip(&is_needed).enumerate();
            insts
                .filter(|(_, ((inst, class), needed))| {
                    **class == wanted && **needed && !matches!(inst, Inst::Number(_) | Inst::Folded(_))
                })
                .map(|(index, _)| Value::new(index))
                .collect()
        };
        let last = self.classes.iter().copied().map(Class::number);
        let mut segments = Vec::new();
        for number in 0..=last.max().unwrap_or(0) {
            let (row, elements) = (of_class(Class::Row(number)), of_class(Class::Loop(number)));
            segments.extend((!row.is_empty()).then_some(Segment::Row(row)));
            segments.extend((!elements.is_empty()).then_some(Segment::Loop(elements)));
        }
        Program {
            dtype: self.dtype,
            width: self.width,
            most: self.most,
            is_exact: self.is_exact,
            once: of_class(Class::Once),
            streams: self.streams,
            folds: self.folds,
            insts: self.insts,
            segments,
            kept: self.rows,
        }
    }
}
