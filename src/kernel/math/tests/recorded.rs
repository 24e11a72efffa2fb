//! Formulas recorded as programs: [`Lane`] is all that it takes, and the programs compute the bits that numbers do.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Shl, Shr, Sub};

use super::super::lane::LaneBits;
use super::super::{Fused, Lane, MulAdd, Separate, VectorMath};
use super::Arguments;

/// What a program's values are, each in the low bits of a word.
trait Word: Copy {
    fn pack(self) -> u64;
    fn unpack(word: u64) -> Self;
}

macro_rules! words {
    ($($type:ty: $x:ident => $pack:expr, $word:ident => $unpack:expr;)*) => {$(
        impl Word for $type {
            fn pack(self) -> u64 {
                let $x = self;
                $pack
            }
            fn unpack($word: u64) -> Self {
                $unpack
            }
        }
    )*};
}
words! {
    f32:  x => x.to_bits().into(), word => f32::from_bits(word as u32);
    f64:  x => x.to_bits(),        word => f64::from_bits(word);
    u32:  x => x.into(),           word => word as u32;
    u64:  x => x,                  word => word;
    bool: x => x.into(),           word => word != 0;
}

/// Each gives a value, by which later ones know it.
enum Instruction {
    Operand(usize),
    Constant(u64),
    Function(fn(&[u64]) -> u64, Vec<usize>),
}

type Program = RefCell<Vec<Instruction>>;

/// A value of type `T` of a program.
struct Value<'p, T> {
    program: &'p Program,
    index: usize,
    of: PhantomData<T>,
}

impl<T> Clone for Value<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Value<'_, T> {}

impl<'p, T: Word> Value<'p, T> {
    fn new(program: &'p Program, instruction: Instruction) -> Self {
        let mut instructions = program.borrow_mut();
        instructions.push(instruction);
        Value { program, index: instructions.len() - 1, of: PhantomData }
    }
}

/// The value of an expression in values: `record!(a: f32, b: f32 => a + b)`.
macro_rules! record {
    ($($x:ident: $type:ty),+ => $result:expr) => {{
        let program = [$($x.program),+][0];
        let function = |words: &[u64]| {
            let mut words = words.iter();
            $(let $x = <$type>::unpack(*words.next().unwrap());)+
            ($result).pack()
        };
        Value::new(program, Instruction::Function(function, vec![$($x.index),+]))
    }};
}

/// Operators and other functions of two values of a type.
macro_rules! operators {
    ($type:ty: $($trait:ident $name:ident |$a:ident, $b:ident: $other:ty| $result:expr;)*) => {$(
        impl<'p> $trait for Value<'p, $type> {
            type Output = Self;
            fn $name(self, $b: Self) -> Self {
                let $a = self;
                record!($a: $type, $b: $other => $result)
            }
        }
    )*};
}
macro_rules! lanes {
    ($($type:ident $bits:ident),*) => {$(
        operators! { $type:
            Add add |a, b: $type| a + b;
            Sub sub |a, b: $type| a - b;
            Mul mul |a, b: $type| a * b;
            Div div |a, b: $type| a / b;
        }
        impl Neg for Value<'_, $type> {
            type Output = Self;
            fn neg(self) -> Self {
                let a = self;
                record!(a: $type => -a)
            }
        }
        impl<'p> Lane for Value<'p, $type> {
            type Number = $type;
            type Bits = Value<'p, $bits>;
            type Mask = Value<'p, bool>;
            type Wide = Value<'p, f64>;
            fn number(self, number: $type) -> Self {
                Value::new(self.program, Instruction::Constant(number.pack()))
            }
            fn fused_mul_add(self, b: Self, c: Self) -> Self {
                let a = self;
                record!(a: $type, b: $type, c: $type => a.mul_add(b, c))
            }
            fn abs(self) -> Self {
                let a = self;
                record!(a: $type => a.abs())
            }
            fn copysign(self, sign: Self) -> Self {
                let a = self;
                record!(a: $type, sign: $type => a.copysign(sign))
            }
            fn less(self, b: Self) -> Self::Mask {
                let a = self;
                record!(a: $type, b: $type => a < b)
            }
            fn less_equal(self, b: Self) -> Self::Mask {
                let a = self;
                record!(a: $type, b: $type => a <= b)
            }
            fn equal(self, b: Self) -> Self::Mask {
                let a = self;
                record!(a: $type, b: $type => a == b)
            }
            fn select(mask: Self::Mask, then: Self, otherwise: Self) -> Self {
                record!(mask: bool, then: $type, otherwise: $type => if mask { then } else { otherwise })
            }
            fn to_bits(self) -> Self::Bits {
                let a = self;
                record!(a: $type => a.to_bits())
            }
            fn from_bits(bits: Self::Bits) -> Self {
                record!(bits: $bits => $type::from_bits(bits))
            }
            fn widened(self) -> Self::Wide {
                let a = self;
                record!(a: $type => f64::from(a))
            }
            fn narrowed(wide: Self::Wide) -> Self {
                record!(wide: f64 => wide as $type)
            }
        }

        operators! { $bits:
            BitAnd bitand |a, b: $bits| a & b;
            BitOr  bitor  |a, b: $bits| a | b;
            BitXor bitxor |a, b: $bits| a ^ b;
        }
        impl Shl<u32> for Value<'_, $bits> {
            type Output = Self;
            fn shl(self, count: u32) -> Self {
                let a = self;
                let count = Value::<u32>::new(a.program, Instruction::Constant(count.pack()));
                record!(a: $bits, count: u32 => a << count)
            }
        }
        impl Shr<u32> for Value<'_, $bits> {
            type Output = Self;
            fn shr(self, count: u32) -> Self {
                let a = self;
                let count = Value::<u32>::new(a.program, Instruction::Constant(count.pack()));
                record!(a: $bits, count: u32 => a >> count)
            }
        }
        impl<'p> LaneBits for Value<'p, $bits> {
            type Word = $bits;
            type Mask = Value<'p, bool>;
            fn word(self, word: $bits) -> Self {
                Value::new(self.program, Instruction::Constant(word.pack()))
            }
            fn wrapping_add(self, b: Self) -> Self {
                let a = self;
                record!(a: $bits, b: $bits => a.wrapping_add(b))
            }
            fn wrapping_sub(self, b: Self) -> Self {
                let a = self;
                record!(a: $bits, b: $bits => a.wrapping_sub(b))
            }
            fn wrapping_mul(self, b: Self) -> Self {
                let a = self;
                record!(a: $bits, b: $bits => a.wrapping_mul(b))
            }
            fn is_zero(self) -> Self::Mask {
                let a = self;
                record!(a: $bits => a == 0)
            }
        }
    )*};
}
lanes!(f32 u32, f64 u64);

operators! { bool:
    BitAnd bitand |a, b: bool| a & b;
    BitOr  bitor  |a, b: bool| a | b;
    BitXor bitxor |a, b: bool| a ^ b;
}
impl Not for Value<'_, bool> {
    type Output = Self;
    fn not(self) -> Self {
        let a = self;
        record!(a: bool => !a)
    }
}

/// The last value of a program.
fn run(program: &[Instruction], operands: &[u64]) -> u64 {
    let mut values: Vec<u64> = Vec::with_capacity(program.len());
    for instruction in program {
        values.push(match instruction {
            Instruction::Operand(index) => operands[*index],
            Instruction::Constant(word) => *word,
            Instruction::Function(function, of) => {
                function(&of.iter().map(|&index| values[index]).collect::<Vec<_>>())
            }
        });
    }
    values[program.len() - 1]
}

fn arguments() -> Vec<f64> {
    let mut random = Arguments(8);
    let mut all =
        vec![0.0, -0.0, 0.5, 1.0, -1.0, 2.0, 1e-310, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MAX];
    for range in [(-1.0, 1.0), (0.0, 4.0), (-20.0, 20.0), (-1000.0, 1000.0)] {
        all.extend((0..50).map(|_| random.between(range)));
    }
    all.extend((0..100).map(|_| f64::from_bits(random.bits())));
    // As an f32 has them.
    all.extend((0..100).map(|_| f64::from(f32::from_bits(random.bits() as u32))));
    all
}

/// A function's program and the function itself, of the same arguments.
macro_rules! compare {
    ($type:ident, $way:ident: $($name:ident($($x:ident),+);)*) => {$({
        let program = Program::default();
        let mut count = 0..;
        $(let $x: Value<$type> = Value::new(&program, Instruction::Operand(count.next().unwrap()));)+
        let result = <Value<$type> as VectorMath>::$name::<$way>($($x),+);
        let program = program.borrow();
        assert_eq!(result.index, program.len() - 1);
        let arguments = arguments();
        for pair in arguments.iter().zip(arguments.iter().rev()) {
            let pair = [*pair.0 as $type, *pair.1 as $type];
            let mut operands = pair.into_iter();
            $(let $x = operands.next().unwrap();)+
            let number = <$type as VectorMath>::$name::<$way>($($x),+);
            let recorded = $type::unpack(run(&program, &pair.map(Word::pack)));
            let same = number.to_bits() == recorded.to_bits() || number.is_nan() && recorded.is_nan();
            let (name, way) = (stringify!($name), $way::FUSED);
            assert!(same, "{name}{:?}, fused {way}: {recorded:e}, not {number:e}", ($($x),+));
        }
    })*};
}

macro_rules! compare_all {
    ($type:ident, $way:ident) => {
        compare! { $type, $way:
            exp(x); expm1(x); exp2(x); ln(x); log1p(x); log2(x); log10(x); cbrt(x); tanh(x); sigmoid(x);
            erf(x); erfc(x); normal(x); sin(x); cos(x); pow(x, y);
        }
    };
}

#[test]
fn programs_give_the_bits_of_numbers() {
    compare_all!(f32, Fused);
    compare_all!(f32, Separate);
    compare_all!(f64, Fused);
    compare_all!(f64, Separate);
}
