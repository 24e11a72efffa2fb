//! Programs run as machine code give the bits that their instructions give one element at a time.

use std::fmt::Debug;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::codegen::build::Class;
use crate::codegen::program::{Binary, Compare, Fold, Inst, Logic, Segment, Target, Unary};
use crate::codegen::{Builder, FIRST_STREAM, Program, Stream, Value, emit, place};
use crate::element::DType;
use crate::ir::Reduce;
use crate::kernel::isa::Isa;

/// Numbers as the evaluation below sees them.
trait Lane: Copy + PartialEq + PartialOrd + Debug + 'static {
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

/// Evaluates a program element by element, on memory as so many elements for each stream. The folds' lanes are as many as
/// a machine's four vectors have. Gives whether there was NaN whose bits have been looked at: these may differ.
fn evaluate<T: Lane>(
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
    let vector = lanes / 4;
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
            let lane = |at: usize| if at < width / lanes * lanes { at % lanes } else { at % vector };
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
                    let a = number(a);
                    memory[stream.index()][row * step(stream) + at.unwrap_or(0)] = a;
                    continue;
                }
                Inst::Fold(fold, a) => {
                    let a = number(a);
                    let place = &mut accumulators[fold.index()][lane(at.unwrap())];
                    *place = folded(program.folds[fold.index()].reduce, *place, a);
                    continue;
                }
                Inst::FoldProduct(fold, a, b) => {
                    let (a, b) = (number(a), number(b));
                    let place = &mut accumulators[fold.index()][lane(at.unwrap())];
                    *place = a.mul_add(b, *place);
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
                            Inst::Fold(fold, _) | Inst::FoldProduct(fold, ..) => Some(fold.index()),
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
                                let all = &accumulators[fold];
                                let pair = |a: usize, b: usize| -> Vec<T> {
                                    (0..vector)
                                        .map(|lane| {
                                            folded(reduce, all[a * vector + lane], all[b * vector + lane])
                                        })
                                        .collect()
                                };
                                let (low, high) = (pair(0, 1), pair(2, 3));
                                let mut left: Vec<T> =
                                    low.iter().zip(&high).map(|(&a, &b)| folded(reduce, a, b)).collect();
                                while left.len() > 1 {
                                    let half = left.len() / 2;
                                    left = (0..half)
                                        .map(|lane| {
                                            let (a, b) = (left[lane], left[lane + half]);
                                            match reduce {
                                                // Of equal ones the second is taken, as by the machine's instruction.
                                                Reduce::Max if a == b => b,
                                                Reduce::Min if a == b => b,
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

/// Runs a program as machine code on the same memory.
fn run<T: Lane>(program: &Program, rows: usize, width: usize, isa: Isa, memory: &mut [Vec<T>]) -> bool {
    let Some(code) = emit(program, isa) else { return false };
    let function = &place(&[code]).expect("memory for code")[0];
    let mut words = vec![0; FIRST_STREAM + memory.len()];
    words[0] = rows as u64;
    words[1] = (width * size_of::<T>()) as u64;
    for (word, stream) in words[FIRST_STREAM..].iter_mut().zip(&mut *memory) {
        *word = stream.as_mut_ptr() as u64;
    }
    // SAFETY: the streams are as long as the program leads, by `memory_for`.
    unsafe { function.call(&mut words) };
    true
}

/// Elements at random, some of them special, for each stream.
fn memory_for<T: Lane>(random: &mut StdRng, program: &Program, rows: usize, width: usize) -> Vec<Vec<T>> {
    let special = [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.0, -1.0];
    let specials = random.random_range(0..3) == 0;
    program
        .streams
        .iter()
        .map(|&step| {
            // The lanes of folds are at most 64.
            let elements = (rows * step / size_of::<T>() + width).max(64);
            let element = |_| {
                if specials && random.random_range(0..8) == 0 {
                    T::from_f64(special[random.random_range(0..special.len())])
                } else {
                    T::from_f64(random.random_range(-4.0..4.0))
                }
            };
            (0..elements).map(element).collect()
        })
        .collect()
}

fn is_same<T: Lane>(a: T, b: T) -> bool {
    a.bits() == b.bits() || (a.partial_cmp(&a).is_none() && b.partial_cmp(&b).is_none())
}

/// A program at random, of so many instructions, for rows of so many elements or for one row.
fn random_program<T: Lane>(random: &mut StdRng, length: usize, width: Option<usize>, most: usize) -> Program {
    let element = size_of::<T>();
    let mut builder = Builder::new(T::DTYPE, width, most);
    let mut numbers: Vec<Value> = vec![builder.number(0.5), builder.number(-1.25), builder.number(0.0)];
    let mut booleans: Vec<Value> = Vec::new();
    for _ in 0..random.random_range(1..4) {
        let stream = builder.stream(width.unwrap_or(0) * element);
        numbers.push(builder.load(stream));
    }
    let single = builder.stream(0);
    numbers.push(builder.row(single));
    if width.is_some() {
        let rows = builder.stream(element);
        numbers.push(builder.row(rows));
    }
    let pick = |random: &mut StdRng, values: &[Value]| values[random.random_range(0..values.len())];
    let mut folds = 0;
    for _ in 0..length {
        let late = numbers.len().saturating_sub(random.random_range(2..24));
        let (a, b, c) = (pick(random, &numbers[late..]), pick(random, &numbers), pick(random, &numbers));
        let made = match random.random_range(0..25) {
            0..=3 => builder.binary(Binary::Add, a, b),
            4..=5 => builder.binary(Binary::Sub, a, b),
            6..=8 => builder.binary(Binary::Mul, a, b),
            9 => builder.binary(Binary::Div, a, b),
            10 => builder.binary(Binary::Larger, a, b),
            11 => builder.binary(Binary::Smaller, a, b),
            12 => builder.neg(a),
            13 => builder.copy_sign(a, b),
            14 => builder
                .unary([Unary::Sqrt, Unary::Floor, Unary::Ceil, Unary::Round][random.random_range(0..4)], a),
            15..=17 => builder.mul_add(a, b, c),
            23 => builder.nan_or(a, b),
            18 => builder.shift_right(a, 3).and_then(|a| builder.shift_left(a, 3)),
            19 => {
                let compare = [
                    Compare::Equal,
                    Compare::Less,
                    Compare::LessEqual,
                    Compare::NotEqual,
                    Compare::NotLessEqual,
                    Compare::Unordered,
                ][random.random_range(0..6)];
                let both = if random.random_range(0..4) == 0 { (a, a) } else { (a, b) };
                booleans.extend(builder.compare(compare, both.0, both.1));
                None
            }
            20 if booleans.len() > 1 => {
                let (a, b) = (pick(random, &booleans), pick(random, &booleans));
                let logic = [Logic::And, Logic::Or, Logic::Xor][random.random_range(0..3)];
                let made =
                    if random.random_range(0..3) == 0 { builder.not(a) } else { builder.logic(logic, a, b) };
                booleans.extend(made);
                None
            }
            21 if !booleans.is_empty() => {
                let mask = pick(random, &booleans);
                builder.select(mask, a, b)
            }
            22 if folds < 3 && matches!(builder.class(a), Class::Loop(_)) => {
                folds += 1;
                let reduce = [Reduce::Sum, Reduce::Prod, Reduce::Max, Reduce::Min][random.random_range(0..4)];
                match width {
                    Some(_) if random.random_range(0..2) == 0 => builder.fold_product_row(a, b),
                    Some(_) => builder.fold_row(reduce, a),
                    None => {
                        let lanes = builder.stream(0);
                        if random.random_range(0..2) == 0 {
                            builder.fold_product_lanes(lanes, a, b);
                        } else {
                            builder.fold_lanes(reduce, lanes, a);
                        }
                        None
                    }
                }
            }
            _ => builder.binary(Binary::Add, a, c),
        };
        numbers.extend(made);
    }
    for &value in numbers.iter().rev().take(random.random_range(1..6)) {
        let for_each_element = width.is_none()
            || matches!(builder.class(value), Class::Loop(_))
            || random.random_range(0..4) == 0;
        let stream = builder.stream(if for_each_element { width.unwrap_or(0) * element } else { element });
        builder.store(stream, value, for_each_element);
    }
    builder.finish()
}

fn random_programs_agree<T: Lane>(seed: u64, isa: Isa, programs: usize) {
    let lanes = 4 * if isa == Isa::Avx512 { 64 } else { 32 } / size_of::<T>();
    let mut expressed = 0;
    for index in 0..programs {
        let mut random = StdRng::seed_from_u64(seed + index as u64);
        let width =
            [1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 100, 130, 200][random.random_range(0..16)];
        let is_rows = random.random_range(0..2) == 0;
        let rows = if is_rows { random.random_range(1..5) } else { 1 };
        let length = random.random_range(2..60);
        let program = random_program::<T>(&mut random, length, is_rows.then_some(width), width);
        let before = memory_for::<T>(&mut random, &program, rows, width);
        let mut ours = before.clone();
        if !run(&program, rows, width, isa, &mut ours) {
            continue;
        }
        expressed += 1;
        let mut theirs = before;
        if evaluate(&program, rows, width, lanes, &mut theirs) {
            continue;
        }
        let is_nan = |x: &T| x.partial_cmp(x).is_none();
        for (stream, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            let has_lanes = |fold: &Fold| {
                matches!(fold.reduce, Reduce::Max | Reduce::Min)
                    && fold.target == Target::Lanes(Stream(stream as u16))
            };
            if program.folds.iter().any(has_lanes) && theirs[..lanes].iter().any(is_nan) {
                // Which lane has it is open.
                assert!(ours[..lanes].iter().any(is_nan), "{isa}, program {index}\n{program}");
                continue;
            }
            for (at, (&ours, &theirs)) in ours.iter().zip(theirs).enumerate() {
                assert!(
                    is_same(ours, theirs),
                    "{isa}, program {index}, stream {stream} at {at}: {ours:?}, not {theirs:?}, width {width}, {rows} rows\n{program}"
                );
            }
        }
    }
    assert!(expressed * 100 > programs * 95, "only {expressed} of {programs} can be expressed");
}

/// Those that this machine has.
fn sets() -> impl Iterator<Item = Isa> {
    [Isa::Avx2, Isa::Avx512].into_iter().filter(|&isa| isa <= Isa::detected())
}

#[test]
#[cfg_attr(miri, ignore = "runs machine code")]
fn random_programs_give_the_bits_of_their_instructions() {
    for isa in sets() {
        random_programs_agree::<f32>(1, isa, 1500);
        random_programs_agree::<f64>(100_000, isa, 1500);
    }
}
