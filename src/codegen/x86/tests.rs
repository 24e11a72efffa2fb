//! Programs run as machine code give the bits that their instructions give one element at a time.

mod evaluate;
mod iterated;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use evaluate::{Lane, evaluate};

use crate::codegen::build::Class;
use crate::codegen::program::{Binary, Compare, Fold, Logic, Target, Unary};
use crate::codegen::{Builder, FIRST_STREAM, Program, Stream, Value, emit, place};
use crate::ir::Reduce;
use crate::kernel::isa::Isa;
use crate::kernel::tile::FOLD_BYTES;
use crate::kernel::vector::LANE_BYTES;

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
            // Those that are kept end with a whole vector.
            let row = width.next_multiple_of(LANE_BYTES / size_of::<T>());
            let elements = (rows * step / size_of::<T>() + row).max(FOLD_BYTES / size_of::<T>());
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

/// A fold of a value, or of its product with another one; what it comes to, if that is read in the row.
fn random_fold(random: &mut StdRng, builder: &mut Builder, a: Value, b: Value) -> Option<Value> {
    let reduce = [Reduce::Sum, Reduce::Prod, Reduce::Max, Reduce::Min][random.random_range(0..4)];
    let is_product = random.random_range(0..2) == 0;
    let (reduce, b) = if is_product { (Reduce::Sum, Some(b)) } else { (reduce, None) };
    if builder.is_by_rows() {
        return builder.fold_row(reduce, a, b);
    }
    let lanes = builder.stream(0);
    builder.fold_lanes(reduce, lanes, a, b);
    None
}

/// A program at random, of so many instructions, for rows of so many elements or for one row.
fn random_program<T: Lane>(random: &mut StdRng, length: usize, width: Option<usize>, most: usize) -> Program {
    let element = size_of::<T>();
    let (mut builder, is_float) = (Builder::new(T::DTYPE, width, most), T::DTYPE.is_float());
    let is_exact = random.random_range(0..2) == 0;
    if is_exact {
        builder = builder.exactly();
    }
    let mut numbers: Vec<Value> = if is_float {
        vec![builder.number(0.5), builder.number(-1.25), builder.number(0.0)]
    } else {
        [2, u64::MAX, 0].map(|bits| builder.bits(bits)).to_vec()
    };
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
        let choice = random.random_range(0..25);
        let made = match choice {
            0..=17 | 22..=24 if !is_float => {
                let all = [Binary::AddBits, Binary::SubBits, Binary::And, Binary::Or, Binary::Xor];
                builder.binary(all[choice % 5], a, b)
            }
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
            18 => {
                let less = builder.shift_right(a, 3);
                Some(builder.shift_left(less, 3))
            }
            19 => {
                let compare = [
                    Compare::Equal,
                    Compare::NotLessEqual,
                    Compare::Less,
                    Compare::LessEqual,
                    Compare::NotEqual,
                    Compare::Unordered,
                ][random.random_range(0..if is_float { 6 } else { 2 })];
                let both = if random.random_range(0..4) == 0 { (a, a) } else { (a, b) };
                booleans.extend(builder.compare(compare, both.0, both.1));
                None
            }
            20 if booleans.len() > 1 => {
                let (a, b) = (pick(random, &booleans), pick(random, &booleans));
                let logic = [Logic::And, Logic::Or, Logic::Xor][random.random_range(0..3)];
                let made = if random.random_range(0..3) == 0 {
                    Some(builder.not(a))
                } else {
                    builder.logic(logic, a, b)
                };
                booleans.extend(made);
                None
            }
            21 if !booleans.is_empty() => {
                let mask = pick(random, &booleans);
                builder.select(mask, a, b)
            }
            22 if folds < 3 && matches!(builder.class(a), Class::Loop(_)) => {
                folds += 1;
                random_fold(random, &mut builder, a, b)
            }
            _ => builder.binary(if is_float { Binary::Add } else { Binary::AddBits }, a, c),
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
    if is_exact && width.is_none() && most == 1 {
        for &boolean in booleans.iter().rev().take(2) {
            let stream = builder.stream(0);
            builder.store(stream, boolean, true);
        }
    }
    builder.finish()
}

fn random_programs_agree<T: Lane>(seed: u64, isa: Isa, programs: usize) {
    let lanes = FOLD_BYTES / size_of::<T>();
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
            // Behind a row that is kept lies what nobody reads.
            let is_kept = program.kept.contains(&Stream(stream as u16));
            let reach = if is_kept { width } else { theirs.len() };
            for (at, (&ours, &theirs)) in ours.iter().zip(theirs).take(reach).enumerate() {
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
        random_programs_agree::<i32>(200_000, isa, 1500);
        random_programs_agree::<i64>(300_000, isa, 1500);
    }
}
