//! Iterations give the bits of as many evaluations of their program, one after the other.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::evaluate::{Lane, evaluate};
use super::{is_same, sets};
use crate::codegen::program::{Binary, Compare};
use crate::codegen::{Builder, FIRST_STREAM, Iterated, Program, Role, Stream, Value, emit_iterated, place};
use crate::kernel::tile::FOLD_BYTES;

/// A program at random, what its streams are, and copies beside it.
struct Turning {
    program: Program,
    roles: Vec<Role>,
    copies: Vec<(Stream, Stream)>,
    states: usize,
}

impl Turning {
    /// For rows of so many elements of so many bytes, from the last to the first if that is so.
    fn random<T: Lane>(random: &mut StdRng, width: usize, is_reverse: bool) -> Turning {
        let mut builder = Builder::new(T::DTYPE, None, width).exactly();
        let row_bytes = (width * size_of::<T>()) as isize;
        let moves = Role::Moves(if is_reverse { -row_bytes } else { row_bytes });
        let states = random.random_range(1..14);
        let mut roles: Vec<Role> = (0..states).map(Role::Before).chain([moves, Role::Still]).collect();
        let mut numbers: Vec<Value> = (0..states + 2)
            .map(|_| {
                let stream = builder.stream(0);
                builder.load(stream)
            })
            .collect();
        if width > 1 {
            let single = builder.stream(0);
            numbers.push(builder.row(single));
            roles.push(Role::Still);
        }
        let is_float = T::DTYPE.is_float();
        numbers.push(if is_float { builder.number(0.5) } else { builder.bits(3) });
        for _ in 0..random.random_range(0..40) {
            let pick = |random: &mut StdRng| numbers[random.random_range(0..numbers.len())];
            let [a, b, c] = [pick(random), pick(random), pick(random)];
            let made = match (is_float, random.random_range(0..5)) {
                (true, 0) => builder.binary(Binary::Mul, a, b),
                (true, 1) => builder.binary(Binary::Sub, a, b),
                (true, 2) => builder.mul_add(a, b, c),
                (true, _) => builder.binary(Binary::Add, a, b),
                (false, 0) => builder.binary(Binary::SubBits, a, b),
                (false, 1) => builder.binary(Binary::Xor, a, b),
                (false, _) => builder.binary(Binary::AddBits, a, b),
            };
            numbers.extend(made);
        }
        let mut copies = Vec::new();
        // What each value of the state becomes, and what is stacked, if it is made; all others are copied.
        let left = (0..states).map(Role::After).chain([moves, moves]);
        for (index, role) in left.enumerate() {
            if index == 0 || random.random_range(0..4) > 0 {
                let stream = builder.stream(0);
                builder.store(stream, numbers[random.random_range(0..numbers.len())], true);
                roles.push(role);
            } else {
                copies.push((Stream(random.random_range(0..=states) as u16), role));
            }
        }
        if width == 1 && random.random_range(0..2) == 0 {
            let (a, b) = (numbers[numbers.len() - 1], numbers[0]);
            let goes_on = builder.compare(Compare::Equal, a, b).map(|equal| builder.not(equal));
            let stream = builder.stream(0);
            builder.store(stream, goes_on.unwrap_or(a), true);
            roles.push(Role::Condition);
        }
        let copies = copies.into_iter().map(|(from, role)| {
            roles.push(role);
            (from, Stream(roles.len() as u16 - 1))
        });
        let copies = copies.collect();
        Turning { program: builder.finish(), roles, copies, states }
    }

    /// The elements of each stream's memory before the first iteration: of what moves, a row for each.
    fn memory<T: Lane>(&self, random: &mut StdRng, width: usize, iterations: usize) -> Vec<Vec<T>> {
        let rows = |role: &Role| if matches!(role, Role::Moves(_)) { iterations } else { 1 };
        let least = FOLD_BYTES / size_of::<T>();
        let of = |role: &Role| -> Vec<T> {
            let elements = (rows(role) * width).max(least);
            (0..elements).map(|_| T::from_f64(random.random_range(-2.0..2.0))).collect()
        };
        self.roles.iter().map(of).collect()
    }

    /// Evaluates iterations one by one; gives how many there were, or nothing where the bits of NaN have been looked at.
    fn evaluated<T: Lane>(
        &self,
        memory: &mut [Vec<T>],
        width: usize,
        iterations: usize,
        is_reverse: bool,
    ) -> Option<usize> {
        let lanes = FOLD_BYTES / size_of::<T>();
        for iteration in 0..iterations {
            let row = if is_reverse { iterations - 1 - iteration } else { iteration };
            let at = |role: Role| if matches!(role, Role::Moves(_)) { row * width } else { 0 };
            let mut of_row: Vec<Vec<T>> =
                memory.iter().zip(&self.roles).map(|(all, &role)| all[at(role)..].to_vec()).collect();
            for (from, to) in &self.copies {
                let row = of_row[from.index()][..width].to_vec();
                of_row[to.index()][..width].copy_from_slice(&row);
            }
            if evaluate(&self.program, 1, width, lanes, &mut of_row[..self.program.streams.len()]) {
                return None;
            }
            let mut goes_on = true;
            for (index, &role) in self.roles.iter().enumerate() {
                match role {
                    Role::After(state) => {
                        let (row, place) = (of_row[index][..width].to_vec(), state);
                        memory[place][..width].copy_from_slice(&row);
                    }
                    Role::Condition => goes_on = of_row[index][0].bits() & 0xff != 0,
                    Role::Moves(_) => {
                        memory[index][at(role)..][..width].copy_from_slice(&of_row[index][..width]);
                    }
                    Role::Still | Role::Before(_) => {}
                }
            }
            if !goes_on {
                return Some(iteration + 1);
            }
        }
        Some(iterations)
    }

    /// The words of a call for iterations on this memory, where a value of the state is read where it is left.
    fn words<T>(&self, memory: &mut [Vec<T>], width: usize, iterations: usize, is_reverse: bool) -> Vec<u64> {
        let mut words = vec![iterations as u64, 0];
        let starts: Vec<*mut T> = memory.iter_mut().map(Vec::as_mut_ptr).collect();
        for (&start, role) in starts.iter().zip(&self.roles) {
            let start = match role {
                Role::After(state) => starts[*state],
                Role::Moves(_) if is_reverse => start.wrapping_add((iterations - 1) * width),
                _ => start,
            };
            words.push(start as u64);
        }
        words
    }
}

fn iterations_agree<T: Lane>(seed: u64, count: usize) {
    for isa in sets() {
        for index in 0..count {
            let mut random = StdRng::seed_from_u64(seed + index as u64);
            // What fits into a vector of AVX2.
            let width = random.random_range(1..=32 / size_of::<T>());
            let is_reverse = random.random_range(0..2) == 0;
            let turning = Turning::random::<T>(&mut random, width, is_reverse);
            let Turning { program, roles, copies, states } = &turning;
            let iterated = Iterated::new(program, roles, copies, *states).expect("all of it can be carried");
            let function =
                &place(&[emit_iterated(&iterated, isa).expect("it fits")]).expect("memory for code")[0];
            let times = random.random_range(1..7);
            let mut theirs = turning.memory::<T>(&mut random, width, times);
            let mut ours = theirs.clone();
            let Some(done) = turning.evaluated(&mut theirs, width, times, is_reverse) else { continue };
            let mut words = turning.words(&mut ours, width, times, is_reverse);
            // In two calls, the second of which goes on where the first has left off.
            let first = random.random_range(1..=times);
            words[0] = first as u64;
            // SAFETY: the streams are as long as the iterations lead, by `memory` and `words`.
            unsafe { function.call(&mut words) };
            let mut found = first - words[0] as usize;
            assert_eq!(found, done.min(first), "{isa}, iterations {index}\n{program}");
            if found < done {
                words[0] = (times - first) as u64;
                // SAFETY: the same.
                unsafe { function.call(&mut words) };
                found += times - first - words[0] as usize;
            }
            assert_eq!(found, done, "{isa}, iterations {index}\n{program}");
            assert_eq!(words.len(), FIRST_STREAM + roles.len());
            for (stream, role) in roles.iter().enumerate() {
                if matches!(role, Role::After(_) | Role::Condition) {
                    continue;
                }
                for (at, (&ours, &theirs)) in ours[stream].iter().zip(&theirs[stream]).enumerate() {
                    assert!(
                        is_same(ours, theirs),
                        "{isa}, iterations {index}, {role:?} at {at}: {ours:?}, not {theirs:?}, width {width}\n{program}"
                    );
                }
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "runs machine code")]
fn iterations_give_the_bits_of_one_run_after_the_other() {
    iterations_agree::<f32>(1, 400);
    iterations_agree::<f64>(100_000, 400);
    iterations_agree::<i32>(200_000, 400);
    iterations_agree::<i64>(300_000, 400);
}

/// What it reads of its own state behind what it has left, what has no next value, and rows that are no part of a vector.
#[test]
fn what_cannot_be_carried_is_refused() {
    let iterations = |width: usize, roles: &dyn Fn(usize) -> Vec<Role>| {
        let mut builder = Builder::new(crate::element::DType::F64, None, width).exactly();
        let [from, to] = [builder.stream(0), builder.stream(0)];
        let value = builder.load(from);
        let sum = builder.binary(Binary::Add, value, value).unwrap();
        builder.store(to, sum, true).unwrap();
        Iterated::new(&builder.finish(), &roles(0), &[], 1)
    };
    assert!(iterations(1, &|state| vec![Role::Before(state), Role::After(state)]).is_some());
    assert!(iterations(1, &|state| vec![Role::After(state), Role::After(state)]).is_none());
    assert!(iterations(1, &|state| vec![Role::Before(state), Role::Before(state)]).is_none());
    assert!(iterations(1, &|state| vec![Role::Before(state), Role::Still]).is_none());
    let wide = iterations(64, &|state| vec![Role::Before(state), Role::After(state)]).unwrap();
    assert!(sets().all(|isa| emit_iterated(&wide, isa).is_none()));
}
