//! Functions as instructions of a program.
//!
//! The formulas of vector math are those of the kernels: they are asked for on a [`Recorded`] lane, whose operators add
//! instructions where a number's would compute.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Shl, Shr, Sub};

use super::build::Builder;
use super::program::{Binary, Compare, Logic, Unary, Value};
use crate::element::DType;
use crate::ir::Scalar;
use crate::kernel::math::Fused;
use crate::kernel::math::lane::{Lane, LaneBits};
use crate::kernel::scalar::formula;

/// The value of a function of one operand; `None` where the vocabulary has none.
pub(crate) fn unary(builder: &mut Builder, function: Scalar, x: Value) -> Option<Value> {
    match function {
        Scalar::Not if builder.is_boolean(x) => Some(builder.not(x)),
        Scalar::Neg if !builder.dtype().is_float() => {
            let zero = builder.bits(0);
            builder.binary(Binary::SubBits, zero, x)
        }
        _ if !builder.dtype().is_float() => None,
        Scalar::Neg => builder.neg(x),
        Scalar::Abs => builder.abs(x),
        Scalar::Sign => {
            let (zero, one) = (builder.number(0.0), builder.number(1.0));
            let sign = builder.copy_sign(one, x)?;
            let is_zero = builder.compare(Compare::Equal, x, zero)?;
            let or_zero = builder.select(is_zero, zero, sign)?;
            let is_nan = builder.compare(Compare::Unordered, x, x)?;
            builder.select(is_nan, x, or_zero)
        }
        Scalar::Square => builder.binary(Binary::Mul, x, x),
        Scalar::Sqrt => builder.unary(Unary::Sqrt, x),
        Scalar::Floor => builder.unary(Unary::Floor, x),
        Scalar::Ceil => builder.unary(Unary::Ceil, x),
        Scalar::Round => builder.unary(Unary::Round, x),
        // Those of large arguments are the standard library's.
        Scalar::Sin | Scalar::Cos => None,
        _ => recorded(builder, function, &[x]),
    }
}

/// The value of a function of two operands; `None` where the vocabulary has none.
pub(crate) fn binary(builder: &mut Builder, function: Scalar, a: Value, b: Value) -> Option<Value> {
    match function {
        Scalar::And if builder.is_boolean(a) => builder.logic(Logic::And, a, b),
        Scalar::Or if builder.is_boolean(a) => builder.logic(Logic::Or, a, b),
        Scalar::Xor if builder.is_boolean(a) => builder.logic(Logic::Xor, a, b),
        _ if !builder.dtype().is_float() => of_integers(builder, function, a, b),
        Scalar::Add => builder.binary(Binary::Add, a, b),
        Scalar::Sub => builder.binary(Binary::Sub, a, b),
        Scalar::Mul => builder.binary(Binary::Mul, a, b),
        Scalar::Div => builder.binary(Binary::Div, a, b),
        Scalar::Scaled => {
            let zero = builder.number(0.0);
            let product = builder.binary(Binary::Mul, a, b)?;
            let is_zero = builder.compare(Compare::Equal, a, zero)?;
            builder.select(is_zero, zero, product)
        }
        Scalar::Maximum => extreme(builder, Binary::Larger, a, b),
        Scalar::Minimum => extreme(builder, Binary::Smaller, a, b),
        Scalar::Equal => builder.compare(Compare::Equal, a, b),
        Scalar::NotEqual => builder.compare(Compare::NotEqual, a, b),
        Scalar::Less => builder.compare(Compare::Less, a, b),
        Scalar::LessEqual => builder.compare(Compare::LessEqual, a, b),
        _ => recorded(builder, function, &[a, b]),
    }
}

/// The same of integers, whose sums wrap around.
fn of_integers(builder: &mut Builder, function: Scalar, a: Value, b: Value) -> Option<Value> {
    match function {
        Scalar::Add => builder.binary(Binary::AddBits, a, b),
        Scalar::Sub => builder.binary(Binary::SubBits, a, b),
        Scalar::And => builder.binary(Binary::And, a, b),
        Scalar::Or => builder.binary(Binary::Or, a, b),
        Scalar::Xor => builder.binary(Binary::Xor, a, b),
        Scalar::Equal => builder.compare(Compare::Equal, a, b),
        Scalar::NotEqual => {
            let is_equal = builder.compare(Compare::Equal, a, b)?;
            Some(builder.not(is_equal))
        }
        Scalar::Less => builder.compare(Compare::NotLessEqual, b, a),
        Scalar::LessEqual => {
            let is_larger = builder.compare(Compare::NotLessEqual, a, b)?;
            Some(builder.not(is_larger))
        }
        Scalar::Maximum => {
            let is_larger = builder.compare(Compare::NotLessEqual, a, b)?;
            builder.select(is_larger, a, b)
        }
        Scalar::Minimum => {
            let is_larger = builder.compare(Compare::NotLessEqual, a, b)?;
            builder.select(is_larger, b, a)
        }
        _ => None,
    }
}

/// A function by its formula.
fn recorded(builder: &mut Builder, function: Scalar, operands: &[Value]) -> Option<Value> {
    let dtype = builder.dtype();
    let taken = std::mem::replace(builder, Builder::new(dtype, None, 0));
    let recorder = Recorder { builder: RefCell::new(taken), is_void: Cell::new(false) };
    let value = if dtype == DType::F32 {
        formula::<_, Fused>(function, &recorder.lanes::<f32>(operands)).map(|lane| lane.value)
    } else {
        formula::<_, Fused>(function, &recorder.lanes::<f64>(operands)).map(|lane| lane.value)
    };
    let is_void = recorder.is_void.get();
    *builder = recorder.builder.into_inner();
    value.filter(|_| !is_void)
}

/// What writes formulas down.
#[derive(Debug)]
struct Recorder {
    builder: RefCell<Builder>,
    /// Whether something has been asked for that has no instruction.
    is_void: Cell<bool>,
}

impl Recorder {
    fn lane<N>(&self, value: Value) -> Recorded<'_, N> {
        Recorded { recorder: self, value, number: PhantomData }
    }

    fn lanes<N>(&self, values: &[Value]) -> Vec<Recorded<'_, N>> {
        values.iter().map(|&value| self.lane(value)).collect()
    }

    /// The value of an instruction; any, where there is none.
    fn value<N>(&self, add: impl FnOnce(&mut Builder) -> Option<Value>) -> Recorded<'_, N> {
        let mut builder = self.builder.borrow_mut();
        let value = add(&mut builder).unwrap_or_else(|| {
            self.is_void.set(true);
            builder.number(0.0)
        });
        drop(builder);
        self.lane(value)
    }
}

/// A value of a program where a formula computes: a number, its bits, or a boolean.
#[derive(Debug)]
struct Recorded<'r, N> {
    recorder: &'r Recorder,
    value: Value,
    number: PhantomData<N>,
}

impl<N> Clone for Recorded<'_, N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<N> Copy for Recorded<'_, N> {}

impl<'r, N> Recorded<'r, N> {
    fn constant<M>(self, bits: u64) -> Recorded<'r, M> {
        self.recorder.value(|builder| Some(builder.bits(bits)))
    }

    fn unary<M>(self, add: impl FnOnce(&mut Builder, Value) -> Option<Value>) -> Recorded<'r, M> {
        self.recorder.value(|builder| add(builder, self.value))
    }

    fn binary<K, M>(
        self,
        other: Recorded<'r, K>,
        add: impl FnOnce(&mut Builder, Value, Value) -> Option<Value>,
    ) -> Recorded<'r, M> {
        self.recorder.value(|builder| add(builder, self.value, other.value))
    }
}

/// Operators that add an instruction: for a value of which type, the operator, and what adds it.
macro_rules! operators {
    ($($type:ty: $trait:ident $name:ident = $method:ident $instruction:expr;)*) => {$(
        impl $trait for Recorded<'_, $type> {
            type Output = Self;
            fn $name(self, other: Self) -> Self {
                self.binary(other, |builder, a, b| builder.$method($instruction, a, b))
            }
        }
    )*};
}
operators! {
    bool: BitAnd bitand = logic Logic::And;
    bool: BitOr  bitor  = logic Logic::Or;
    bool: BitXor bitxor = logic Logic::Xor;
}

impl Not for Recorded<'_, bool> {
    type Output = Self;
    fn not(self) -> Self {
        self.unary(|builder, a| Some(builder.not(a)))
    }
}

/// Lanes of a type of numbers, and of their bits.
macro_rules! lanes {
    ($($number:ident $word:ident;)*) => {$(
        operators! {
            $number: Add add = binary Binary::Add;
            $number: Sub sub = binary Binary::Sub;
            $number: Mul mul = binary Binary::Mul;
            $number: Div div = binary Binary::Div;
            $word: BitAnd bitand = binary Binary::And;
            $word: BitOr  bitor  = binary Binary::Or;
            $word: BitXor bitxor = binary Binary::Xor;
        }

        impl Neg for Recorded<'_, $number> {
            type Output = Self;
            fn neg(self) -> Self {
                self.unary(Builder::neg)
            }
        }

        impl<'r> Lane for Recorded<'r, $number> {
            type Number = $number;
            type Bits = Recorded<'r, $word>;
            type Mask = Recorded<'r, bool>;
            type Wide = Recorded<'r, f64>;

            fn number(self, number: $number) -> Self {
                self.constant(number.to_bits().into())
            }
            fn fused_mul_add(self, b: Self, c: Self) -> Self {
                self.binary(b, |builder, a, b| builder.mul_add(a, b, c.value))
            }
            fn abs(self) -> Self {
                self.unary(Builder::abs)
            }
            fn copysign(self, sign: Self) -> Self {
                self.binary(sign, Builder::copy_sign)
            }
            fn less(self, other: Self) -> Self::Mask {
                self.binary(other, |builder, a, b| builder.compare(Compare::Less, a, b))
            }
            fn less_equal(self, other: Self) -> Self::Mask {
                self.binary(other, |builder, a, b| builder.compare(Compare::LessEqual, a, b))
            }
            fn equal(self, other: Self) -> Self::Mask {
                self.binary(other, |builder, a, b| builder.compare(Compare::Equal, a, b))
            }
            fn select(mask: Self::Mask, then: Self, otherwise: Self) -> Self {
                then.binary(otherwise, |builder, then, otherwise| builder.select(mask.value, then, otherwise))
            }
            fn to_bits(self) -> Self::Bits {
                self.recorder.lane(self.value)
            }
            fn from_bits(bits: Self::Bits) -> Self {
                bits.recorder.lane(bits.value)
            }
            // Programs are of one type.
            fn widened(self) -> Self::Wide {
                self.unary(|_, _| None)
            }
            fn narrowed(wide: Self::Wide) -> Self {
                wide.unary(|_, _| None)
            }
        }

        impl<'r> LaneBits for Recorded<'r, $word> {
            type Word = $word;
            type Mask = Recorded<'r, bool>;

            fn word(self, word: $word) -> Self {
                self.constant(word.into())
            }
            fn wrapping_add(self, other: Self) -> Self {
                self.binary(other, |builder, a, b| builder.binary(Binary::AddBits, a, b))
            }
            fn wrapping_sub(self, other: Self) -> Self {
                self.binary(other, |builder, a, b| builder.binary(Binary::SubBits, a, b))
            }
            fn wrapping_mul(self, _other: Self) -> Self {
                self.unary(|_, _| None)
            }
            fn is_zero(self) -> Self::Mask {
                self.unary(|_, _| None)
            }
        }

        impl Shl<u32> for Recorded<'_, $word> {
            type Output = Self;
            fn shl(self, by: u32) -> Self {
                self.unary(|builder, a| Some(builder.shift_left(a, by as u8)))
            }
        }

        impl Shr<u32> for Recorded<'_, $word> {
            type Output = Self;
            fn shr(self, by: u32) -> Self {
                self.unary(|builder, a| Some(builder.shift_right(a, by as u8)))
            }
        }
    )*};
}
lanes! {
    f32 u32;
    f64 u64;
}

/// The larger or the smaller; NaN if either is.
fn extreme(builder: &mut Builder, which: Binary, a: Value, b: Value) -> Option<Value> {
    let is_number = |value: Value| builder.known_number(value).is_some_and(|number| !number.is_nan());
    let (a_is_number, b_is_number) = (is_number(a), is_number(b));
    // A NaN on the right is taken, as a comparison with it is false.
    if a_is_number {
        return builder.binary(which, a, b);
    }
    if b_is_number {
        let (first, second) = if which == Binary::Larger { (a, b) } else { (b, a) };
        let is_a = builder.compare(Compare::NotLessEqual, first, second)?;
        return builder.select(is_a, a, b);
    }
    let other = builder.binary(which, a, b)?;
    builder.nan_or(a, other)
}
