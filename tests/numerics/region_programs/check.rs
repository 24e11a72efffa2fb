//! Programs of one region as bytes decide them, whose machine code must have the bits of the interpreter.
//!
//! A stream of bytes decides everything, and each byte more decides a little more. All that is made is read once more at
//! the end, the last first: with some dozens of steps there are more values at once than registers.

use flowgrad::ndarray::{ArrayD, IxDyn};
use flowgrad::prelude::*;
use flowgrad::{Float, Integer, Isa};

/// Steps of a program at most: more than a region compiles at once.
const MOST_STEPS: usize = 96;

/// Elements of a row, by a byte: about the lengths of vectors, and of several.
const WIDTHS: [usize; 16] = [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 260];

/// Rows, by a byte: few, and more than a tile has.
const ROWS: [usize; 8] = [1, 1, 2, 3, 5, 17, 40, 300];

/// What is left of the bytes; zeros follow.
struct Bytes<'b>(&'b [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }

    /// One of the last few, or of all.
    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        let byte = self.byte();
        let from = if byte & 1 == 0 { 0 } else { all.len().saturating_sub(8) };
        all[from + usize::from(byte >> 1) % (all.len() - from)]
    }
}

/// Runs the program that bytes say in all ways that must agree.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    let mut bytes = Bytes(bytes);
    match bytes.byte() % 8 {
        0..=2 => floats::<f32>(&mut bytes),
        3..=5 => floats::<f64>(&mut bytes),
        6 => integers::<i32>(&mut bytes),
        _ => integers::<i64>(&mut bytes),
    }
}

/// A number by a place and a seed; some of them special, if the seed says so.
fn number(index: usize, seed: u8) -> f64 {
    const SPECIAL: [f64; 7] = [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e-310, 1e300];
    let mixed = (index * 1_103 + usize::from(seed) * 12_345 + 7) % 65_537;
    if seed % 4 == 3 && mixed.is_multiple_of(9) {
        SPECIAL[mixed / 9 % 7]
    } else {
        mixed as f64 / 8_192.0 - 4.0
    }
}

/// The lengths of what is fed: two arrays, one with an element for each row, and a single element.
fn fed_lengths(bytes: &mut Bytes<'_>) -> [Vec<usize>; 4] {
    let [rows, width] = [bytes.one_of(&ROWS), bytes.one_of(&WIDTHS)];
    [vec![rows, width], vec![rows, width], vec![rows, 1], vec![1, 1]]
}

fn floats<T: Float + Into<f64>>(bytes: &mut Bytes<'_>) -> Result<(), String> {
    let graph = Graph::new();
    let lengths = fed_lengths(bytes);
    let seeds: [u8; 4] = std::array::from_fn(|_| bytes.byte());
    let fed: Vec<Tensor<'_, T>> = lengths.iter().map(|dims| graph.placeholder("x", &dims[..])).collect();
    let (mut numbers, mut booleans) = (fed.clone(), Vec::new());
    let mut outputs = Vec::new();
    for _ in 0..MOST_STEPS {
        if bytes.0.is_empty() {
            break;
        }
        let step = bytes.byte();
        let (a, b) = (bytes.pick(&numbers), bytes.pick(&numbers));
        numbers.push(match step % 32 {
            0 | 1 => a + b,
            2 => a - b,
            3 | 4 => a * b,
            5 => a / b,
            6 => a.maximum(b),
            7 => a.minimum(b),
            8..=10 => a * b + bytes.pick(&numbers),
            11 => a * T::from_f64(0.75) - b,
            12 => -a,
            13 => a.abs().sqrt(),
            14 => a.floor(),
            15 => a.round(),
            16 => a.exp(),
            17 => a.tanh(),
            18 => a.sigmoid(),
            19 => a.ln(),
            20 => a.relu(),
            21 => a.square(),
            22 => a.erf(),
            23 => a.clip(T::from_f64(-0.5), T::from_f64(1.5)),
            24 => {
                let compared = match bytes.byte() % 4 {
                    0 => a.less(b),
                    1 => a.less_equal(b),
                    2 => a.equal(b),
                    _ => a.not_equal(b),
                };
                booleans.push(compared);
                compared.select(b, a)
            }
            25 if !booleans.is_empty() => {
                let (p, q) = (bytes.pick(&booleans), bytes.pick(&booleans));
                let both = match bytes.byte() % 3 {
                    0 => p.logical_and(q),
                    1 => p.logical_or(q),
                    _ => p.logical_not(),
                };
                booleans.push(both);
                both.select(a, b)
            }
            26 => a.reduce_sum(Axes::of([-1]).keep_dims()),
            27 => (a * b).reduce_sum(Axes::of([-1]).keep_dims()),
            28 => a.reduce_max(Axes::of([-1]).keep_dims()),
            29 => a.reduce_min(Axes::of([-1]).keep_dims()),
            30 => {
                outputs.push((a * b).reduce_sum(..));
                a - b
            }
            31 => {
                outputs.push(a.reduce_max(..));
                a + b
            }
            _ => b * b,
        });
    }
    let last = numbers.iter().rev().copied().reduce(|sum, value| sum * T::from_f64(0.5) + value);
    outputs.extend(last);
    outputs.extend(numbers.iter().rev().take(3).copied());
    let values = fed_arrays(&lengths, seeds, |number| T::from_f64(number));
    let runs = runs(&graph, &fed, &values, &outputs)?;
    agree(&graph, &runs, |a, b| {
        let [a, b]: [f64; 2] = [a.into(), b.into()];
        a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
    })
}

fn integers<T: Integer + From<i32>>(bytes: &mut Bytes<'_>) -> Result<(), String> {
    let graph = Graph::new();
    let lengths = fed_lengths(bytes);
    let seeds: [u8; 4] = std::array::from_fn(|_| bytes.byte());
    let fed: Vec<Tensor<'_, T>> = lengths.iter().map(|dims| graph.placeholder("x", &dims[..])).collect();
    let mut numbers = fed.clone();
    for _ in 0..MOST_STEPS {
        if bytes.0.is_empty() {
            break;
        }
        let step = bytes.byte();
        let (a, b) = (bytes.pick(&numbers), bytes.pick(&numbers));
        numbers.push(match step % 12 {
            0 | 1 => a + b,
            2 | 3 => a - b,
            4 => a.maximum(b),
            5 => a.minimum(b),
            6 => a.bitwise_and(b),
            7 => a.bitwise_or(b),
            8 => a.bitwise_xor(b),
            9 => -a,
            10 => a.less(b).select(b, a),
            _ => a.equal(b).logical_or(a.less_equal(b)).select(a, b),
        });
    }
    let last = numbers.iter().rev().copied().reduce(|sum, value| sum.bitwise_xor(value));
    let outputs: Vec<Tensor<'_, T>> = last.into_iter().chain(numbers.iter().rev().take(3).copied()).collect();
    let values = fed_arrays(&lengths, seeds, |number| T::from((number * 1e9) as i32));
    agree(&graph, &runs(&graph, &fed, &values, &outputs)?, |a, b| a == b)
}

/// What is fed, by its lengths and seeds.
fn fed_arrays<T: Element>(
    lengths: &[Vec<usize>; 4],
    seeds: [u8; 4],
    of: impl Fn(f64) -> T,
) -> Vec<ArrayD<T>> {
    let array = |(dims, seed): (&Vec<usize>, u8)| {
        let mut index = 0;
        ArrayD::from_shape_simple_fn(IxDyn(dims), || {
            index += 1;
            of(number(index, seed))
        })
    };
    lengths.iter().zip(seeds).map(array).collect()
}

/// How it was run, and what the outputs are.
type Ran<T> = (String, Vec<ArrayD<T>>);

/// What the outputs are interpreted and as machine code, on each instruction set of this machine with the same bits.
fn runs<'g, T: Element>(
    graph: &'g Graph,
    fed: &[Tensor<'g, T>],
    values: &[ArrayD<T>],
    outputs: &[Tensor<'g, T>],
) -> Result<Vec<Ran<T>>, String> {
    #[cfg(target_arch = "x86_64")]
    let sets = [Isa::Avx2, Isa::Avx512].into_iter().filter(|&isa| isa <= Isa::detected());
    // Elsewhere there is no machine code, and all is interpreted.
    #[cfg(not(target_arch = "x86_64"))]
    let sets = [Isa::detected()].into_iter();
    let ways = sets.flat_map(|isa| [(isa, false), (isa, true)]);
    ways.map(|(isa, machine_code)| {
        let builder = Session::builder(graph).isa(isa).threads(1).machine_code(machine_code);
        let run = builder.build().and_then(|session| {
            let feeds = fed.iter().zip(values);
            feeds.fold(session.feeds(), |feeds, (&x, value)| feeds.feed(x, value)).run(outputs.to_vec())
        });
        let name = format!("{isa}, {}", if machine_code { "machine code" } else { "interpreted" });
        run.map(|run| (name.clone(), run)).map_err(|error| format!("{name}: {error}\n{graph}"))
    })
    .collect()
}

/// Whether all have the same bits as the first.
fn agree<T: Element>(graph: &Graph, runs: &[Ran<T>], is_same: impl Fn(T, T) -> bool) -> Result<(), String> {
    let Some(((first, expected), others)) = runs.split_first() else { return Ok(()) };
    for (name, found) in others {
        for (output, (found, expected)) in found.iter().zip(expected).enumerate() {
            let pairs = found.iter().zip(expected);
            if let Some((place, (found, expected))) =
                pairs.enumerate().find(|(_, (found, expected))| !is_same(**found, **expected))
            {
                return Err(format!(
                    "output {output} at {place} is {found:?} with {name}, {expected:?} with {first}\n{graph}"
                ));
            }
        }
    }
    Ok(())
}
