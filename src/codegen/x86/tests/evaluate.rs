//! A program evaluated one instruction and one element at a time.

use std::fmt::Debug;

use crate::codegen::program::{Binary, Compare, Inst, Logic, Segment, Target, Unary};
use crate::codegen::{Program, Stream, Value};
use crate::element::DType;
use crate::ir::Reduce;

/// Numbers as the evaluation sees them.
pub(super) trait Lane: Copy + PartialEq + PartialOrd + Debug + 'static {
    const DTYPE: DType;
    const IDENTITIES: [Self; 4];
    fn of_bits(bits: u64) -> Self;
    fn bits(self) -> u64;
    fn unary(self, unary: Unary) -> Self;
    fn binary(self, binary: Binary, other: Self) -> Self;
    fn mul_add(self, b: Self, c: Self) -> Self;
    fn shifted(self, left: bool, by: u8) -> Self;
    fn from_f64(x: f64) -> Self;
}

macro_rules! lanes {
    ($($type:ident $bits:ident $integer:ident $dtype:ident;)*) => {$(
        impl Lane for $type {
            const DTYPE: DType = DType::$dtype;
            const IDENTITIES: [Self; 4] = [0.0, 1.0, $type::NEG_INFINITY, $type::INFINITY];
            fn of_bits(bits: u64) -> Self {
                $type::from_bits(bits as $bits)
            }
            fn bits(self) -> u64 {
                u64::from(self.to_bits())
            }
            fn unary(self, unary: Unary) -> Self {
                match unary {
                    Unary::Sqrt => self.sqrt(),
                    Unary::Floor => self.floor(),
                    Unary::Ceil => self.ceil(),
                    Unary::Round => self.round_ties_even(),
                }
            }
            fn binary(self, binary: Binary, other: Self) -> Self {
                let (a, b) = (self.to_bits(), other.to_bits());
                match binary {
                    Binary::Add => self + other,
                    Binary::Sub => self - other,
                    Binary::Mul => self * other,
                    Binary::Div => self / other,
                    Binary::Larger => if self > other { self } else { other },
                    Binary::Smaller => if self < other { self } else { other },
                    Binary::And => $type::from_bits(a & b),
                    Binary::Or => $type::from_bits(a | b),
                    Binary::Xor => $type::from_bits(a ^ b),
                    Binary::AddBits => $type::from_bits(a.wrapping_add(b)),
                    Binary::SubBits => $type::from_bits(a.wrapping_sub(b)),
                }
            }
            fn mul_add(self, b: Self, c: Self) -> Self {
                $type::mul_add(self, b, c)
            }
            fn shifted(self, left: bool, by: u8) -> Self {
                $type::from_bits(if left { self.to_bits() << by } else { self.to_bits() >> by })
            }
            fn from_f64(x: f64) -> Self {
                x as $type
            }
        }
    )*};
}
lanes! {
    f32 u32 i32 F32;
    f64 u64 i64 F64;
}

macro_rules! whole_lanes {
    ($($type:ident $bits:ident $dtype:ident;)*) => {$(
        impl Lane for $type {
            const DTYPE: DType = DType::$dtype;
            // Nothing folds whole numbers.
            const IDENTITIES: [Self; 4] = [0; 4];
            fn of_bits(bits: u64) -> Self {
                (bits as $bits).cast_signed()
            }
            fn bits(self) -> u64 {
                u64::from(self.cast_unsigned())
            }
            fn unary(self, unary: Unary) -> Self {
                panic!("{unary:?} of whole numbers")
            }
            fn binary(self, binary: Binary, other: Self) -> Self {
                match binary {
                    Binary::And => self & other,
                    Binary::Or => self | other,
                    Binary::Xor => self ^ other,
                    Binary::AddBits => self.wrapping_add(other),
                    Binary::SubBits => self.wrapping_sub(other),
                    _ => panic!("{binary:?} of whole numbers"),
                }
            }
            fn mul_add(self, _: Self, _: Self) -> Self {
                panic!("products of whole numbers")
            }
            fn shifted(self, left: bool, by: u8) -> Self {
                let bits = self.cast_unsigned();
                (if left { bits << by } else { bits >> by }).cast_signed()
            }
            fn from_f64(x: f64) -> Self {
                x as $type
            }
        }
    )*};
}
whole_lanes! {
    i32 u32 I32;
    i64 u64 I64;
}

/// A value of one element: a number, or a boolean.
#[derive(Clone, Copy, Debug)]
enum Element<T> {
    Number(T),
    Boolean(bool),
}

impl<T: Lane> Element<T> {
    fn number(self) -> T {
        match self {
            Element::Number(number) => number,
            Element::Boolean(_) => panic!("expected a number"),
        }
    }

    fn boolean(self) -> bool {
        match self {
            Element::Boolean(boolean) => boolean,
            Element::Number(_) => panic!("expected a boolean"),
        }
    }
}

fn folded<T: Lane>(reduce: Reduce, a: T, b: T) -> T {
    let is_nan = |x: T| x.partial_cmp(&x).is_none();
    match reduce {
        Reduce::Sum => a.binary(Binary::Add, b),
        Reduce::Prod => a.binary(Binary::Mul, b),
        // What is there stays unless the new one is larger; NaN stays in any case.
        Reduce::Max | Reduce::Min if is_nan(a) || is_nan(b) => {
            if is_nan(a) {
                a
            } else {
                b
            }
        }
        Reduce::Max => b.binary(Binary::Larger, a),
        Reduce::Min => b.binary(Binary::Smaller, a),
    }
}

/// Evaluates a program element by element, on memory as so many elements for each stream. Folds have so many lanes, on to
/// which the elements go in turn. Gives whether there was NaN whose bits have been looked at: these may differ.
#[allow(clippy::too_many_lines, reason = "an arm for each instruction")]
pub(super) fn evaluate<T: Lane>(
    program: &Program,
    rows: usize,
    width: usize,
    lanes: usize,
    memory: &mut [Vec<T>],
) -> bool {
    let mut saw_nan = false;
    let mut values: Vec<Option<Element<T>>> = vec![None; program.insts.len()];
    for (index, inst) in program.insts.iter().enumerate() {
        if let Inst::Number(bits) = inst {
            values[index] = Some(Element::Number(T::of_bits(*bits)));
        }
    }
    let step = |stream: Stream| program.streams[stream.index()] / size_of::<T>();
    let mut accumulators: Vec<Vec<T>> = vec![Vec::new(); program.folds.len()];
    let mut run = |values: &mut Vec<Option<Element<T>>>,
                   accumulators: &mut Vec<Vec<T>>,
                   memory: &mut [Vec<T>],
                   insts: &[Value],
                   row: usize,
                   at: Option<usize>| {
        for &value in insts {
            let of = |value: Value| values[value.index()].expect("a value is made before it is read");
            let number = |value: Value| Element::number(of(value));
            let result = match program.inst(value) {
                Inst::Number(_) | Inst::Folded(_) => continue,
                Inst::Row(stream) => Element::Number(memory[stream.index()][row * step(stream)]),
                Inst::Load(stream) => {
                    Element::Number(memory[stream.index()][row * step(stream) + at.unwrap()])
                }
                Inst::Unary(unary, a) => Element::Number(number(a).unary(unary)),
                Inst::Binary(binary, a, b) => Element::Number(number(a).binary(binary, number(b))),
                Inst::MulAdd { negate, a, b, c } => {
                    let a = if negate { T::from_f64(-0.0).binary(Binary::Xor, number(a)) } else { number(a) };
                    Element::Number(a.mul_add(number(b), number(c)))
                }
                Inst::ShiftLeft(a, by) => Element::Number(number(a).shifted(true, by)),
                Inst::ShiftRight(a, by) => Element::Number(number(a).shifted(false, by)),
                Inst::Compare(compare, a, b) => {
                    let (a, b) = (number(a), number(b));
                    let unordered = a.partial_cmp(&b).is_none();
                    Element::Boolean(match compare {
                        Compare::Equal => a == b,
                        Compare::NotEqual => a != b,
                        Compare::Less => a < b,
                        Compare::LessEqual => a <= b,
                        Compare::NotLessEqual => a > b || unordered,
                        Compare::Unordered => unordered,
                    })
                }
                Inst::Logic(logic, a, b) => {
                    let (a, b) = (of(a).boolean(), of(b).boolean());
                    Element::Boolean(match logic {
                        Logic::And => a && b,
                        Logic::Or => a || b,
                        Logic::Xor => a != b,
                    })
                }
                Inst::Not(a) => Element::Boolean(!of(a).boolean()),
                Inst::NanOr(a, b) => {
                    if number(a).partial_cmp(&number(a)).is_none() {
                        of(a)
                    } else {
                        of(b)
                    }
                }
                Inst::Select(mask, a, b) => {
                    if of(mask).boolean() {
                        of(a)
                    } else {
                        of(b)
                    }
                }
                Inst::Store(stream, a) => {
                    let place = &mut memory[stream.index()][row * step(stream) + at.unwrap_or(0)];
                    *place = match of(a) {
                        Element::Number(number) => number,
                        // A byte, the first of an element's.
                        Element::Boolean(boolean) => T::of_bits(place.bits() & !0xff | u64::from(boolean)),
                    };
                    continue;
                }
                Inst::Fold(fold, a, b) => {
                    let (a, b) = (number(a), b.map(number));
                    let place = &mut accumulators[fold.index()][at.unwrap() % lanes];
                    *place = match b {
                        Some(b) => a.mul_add(b, *place),
                        None => folded(program.folds[fold.index()].reduce, *place, a),
                    };
                    continue;
                }
            };
            if matches!(
                program.inst(value),
                Inst::Binary(Binary::And | Binary::Or, ..) | Inst::ShiftRight(..)
            ) {
                let is_nan = |value: Value| {
                    let x = values[value.index()].map(Element::number);
                    x.is_some_and(|x| {
                        x.partial_cmp(&x).is_none() && !matches!(program.inst(value), Inst::Number(_))
                    })
                };
                saw_nan |= program.inst(value).operands().any(is_nan);
            }
            values[value.index()] = Some(result);
        }
    };
    run(&mut values, &mut accumulators, memory, &program.once, 0, None);
    for row in 0..rows {
        for segment in &program.segments {
            match segment {
                Segment::Row(insts) => run(&mut values, &mut accumulators, memory, insts, row, None),
                Segment::Loop(insts) => {
                    let folds: Vec<usize> = insts
                        .iter()
                        .filter_map(|&value| match program.inst(value) {
                            Inst::Fold(fold, ..) => Some(fold.index()),
                            _ => None,
                        })
                        .collect();
                    for &fold in &folds {
                        accumulators[fold] = match program.folds[fold].target {
                            Target::Lanes(stream) => memory[stream.index()][..lanes].to_vec(),
                            Target::Row => vec![T::IDENTITIES[program.folds[fold].reduce as usize]; lanes],
                        };
                    }
                    for at in 0..width {
                        run(&mut values, &mut accumulators, memory, insts, row, Some(at));
                    }
                    for &fold in &folds {
                        let reduce = program.folds[fold].reduce;
                        match program.folds[fold].target {
                            Target::Lanes(stream) => {
                                memory[stream.index()][..lanes].copy_from_slice(&accumulators[fold]);
                            }
                            Target::Row => {
                                let (low, high) = accumulators[fold].split_at(lanes / 2);
                                let mut left: Vec<T> =
                                    low.iter().zip(high).map(|(&a, &b)| folded(reduce, a, b)).collect();
                                while left.len() > 1 {
                                    let half = left.len() / 2;
                                    left = (0..half)
                                        .map(|lane| {
                                            let (a, b) = (left[lane], left[lane + half]);
                                            match reduce {
                                                // Of equal ones the second is taken, as by the machine's instruction.
                                                Reduce::Max | Reduce::Min if a == b => b,
                                                _ => folded(reduce, a, b),
                                            }
                                        })
                                        .collect();
                                }
                                if reduce == Reduce::Sum {
                                    // -0 becomes 0.
                                    left[0] = left[0].binary(Binary::Add, T::from_f64(0.0));
                                }
                                let is_it =
                                    |inst: &Inst| matches!(inst, Inst::Folded(id) if id.index() == fold);
                                if let Some(index) = program.insts.iter().position(is_it) {
                                    values[index] = Some(Element::Number(left[0]));
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    saw_nan
}
