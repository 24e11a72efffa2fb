//! Slices, joins and what else moves numbers, at random, mixed with what computes and what is assigned: results are the
//! same bit for bit, with and without optimization, on any number of threads, and once more in the same session.

use std::collections::BTreeMap;

use flowgrad::ndarray::{Array2, ArrayD};
use flowgrad::prelude::*;

use crate::choices::Choices;
use crate::views::whole;

/// Elements beyond which nothing is made of a matrix.
const MOST: usize = 20_000;

/// Rows and columns.
fn lengths(of: Tensor<'_, f64>) -> (usize, usize) {
    let shape = of.shape().known().unwrap();
    (shape[0], shape[1])
}

/// Elements of an axis: some, none, every so many, from either end.
fn range(random: &mut Choices, length: usize) -> AxisRange {
    let [a, b] = [random.below(length + 1), random.below(length + 1)].map(|end| end as isize);
    match random.below(8) {
        0 => AxisRange::from(..).step(-1 - random.below(3) as isize),
        1 => AxisRange::of(a.min(b), a.max(b)).step(1 + random.below(3) as isize),
        2 => AxisRange::of(a.max(b) - 1, a.min(b) - 1).step(-1),
        3 => AxisRange::from(a..),
        4 => AxisRange::from(..b),
        _ => AxisRange::of(a.min(b), a.max(b)),
    }
}

/// One more matrix of whole numbers, made of some of those that there are.
fn next<'g>(g: &'g Graph, made: &[Tensor<'g, f64>], random: &mut Choices) -> Option<Tensor<'g, f64>> {
    let of = random.of(made);
    let (rows, columns) = lengths(of);
    let alike: Vec<_> = made.iter().copied().filter(|&other| lengths(other) == (rows, columns)).collect();
    Some(match random.below(20) {
        0..3 => of.modulo(7.0) * 2.0 - 1.0,
        3..6 => {
            let axis = random.below(2);
            let fits = |&other: &Tensor<'_, f64>| {
                if axis == 0 { lengths(other).1 == columns } else { lengths(other).0 == rows }
            };
            let fitting: Vec<_> = made.iter().copied().filter(fits).collect();
            let parts: Vec<_> = (0..=random.below(4)).map(|_| random.of(&fitting)).collect();
            g.concat(&parts, axis as isize)
        }
        6..9 => of.slice((range(random, rows), range(random, columns))),
        9 => {
            let paddings = [0; 2].map(|_| (random.below(3), random.below(3)));
            let with = if rows > 2 && columns > 2 && random.below(3) == 0 {
                Pad::Reflect
            } else {
                Pad::Constant(random.below(5) as f64)
            };
            of.pad(paddings, with)
        }
        10 => of.transpose(),
        11 => of.modulo(5.0).cumsum(random.below(2) as isize),
        12 => {
            let parts: Vec<_> = (0..=random.below(3)).map(|_| random.of(&alike)).collect();
            let (axis, count) = (random.below(3), parts.len());
            let dims = if axis == 0 { [count * rows, columns] } else { [rows, count * columns] };
            let dims = dims.map(|length| length as isize);
            g.stack(&parts, axis as isize).reshape(dims)
        }
        13 => {
            let fitting: Vec<_> = made.iter().copied().filter(|&other| lengths(other).0 == columns).collect();
            let other = if fitting.is_empty() { of.transpose() } else { random.of(&fitting) };
            of.modulo(5.0).matmul(other.modulo(3.0))
        }
        14 => {
            let axis = random.below(2);
            let sum = of.modulo(11.0).reduce_sum(Axes::of([axis as isize]).keep_dims());
            if random.below(2) == 0 { of + sum } else { sum }
        }
        15 => of.reshape([columns as isize, rows as isize]),
        16 => of - random.of(&alike),
        17 => {
            let axis = random.below(2);
            let length = if axis == 0 { rows } else { columns };
            let parts = (2..5).find(|parts| length % parts == 0)?;
            let parts = of.split(parts, axis as isize);
            random.of(&parts).abs()
        }
        18 => of.less(0.0).select(of * 2.0, random.of(&alike)),
        _ => {
            // Given back to what it is made of.
            let loss = (of.modulo(5.0) * of).reduce_sum(..);
            let slopes = Gradients::of([loss]).wrt(made);
            let slopes: Vec<_> = slopes.into_iter().flatten().collect();
            random.of(&slopes).modulo(13.0)
        }
    })
}

/// Fetches, twice, and what variables are left with.
type Outcome = ([Vec<ArrayD<f64>>; 2], BTreeMap<String, Value>);

fn check(seed: u64) {
    let mut random = Choices(seed);
    let g = Graph::new();
    let (rows, columns) = (1 + random.below(40), 1 + random.below(40));
    let x = g.placeholder::<f64>("x", [rows, columns]);
    let v = g.variable("v", whole(rows, columns));
    let mut made = vec![x, v.tensor(), g.constant(whole(rows, columns) + 2.0)];
    while made.len() < 26 {
        let next = next(&g, &made, &mut random);
        g.check().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        if let Some(next) = next
            && lengths(next).0 * lengths(next).1 < MOST
        {
            made.push(next);
        }
    }
    let mut operations: Vec<Operation<'_>> = Vec::new();
    let kept = random.below(4);
    for index in 0..kept {
        let tensor = random.of(&made[3..]);
        let variable = g.variable(&format!("kept{index}"), Array2::<f64>::zeros(lengths(tensor)));
        operations.push(variable.assign(tensor).op());
    }
    let fitting: Vec<_> = made.iter().copied().filter(|&other| lengths(other) == (rows, columns)).collect();
    match random.below(4) {
        0 | 1 => operations.push(v.assign(random.of(&fitting).modulo(17.0)).op()),
        2 => operations.push(v.assign(random.of(&fitting)).op()),
        _ => {}
    }
    let wanted: Vec<_> = (0..random.below(6)).map(|_| random.of(&made)).collect();
    let last = made[made.len() - 1];
    let fetches = [wanted, vec![last, last.reduce_sum(0)]].concat();
    let step = g.group(operations);
    let array = whole(rows, columns) * 3.0;
    let run = |optimize: bool, threads: usize| -> Result<Outcome> {
        let builder = Session::builder(&g).optimize(optimize).threads(threads);
        let session = if threads > 1 { builder.always_share().build()? } else { builder.build()? };
        let run = || Ok::<_, flowgrad::Error>(session.feed(x, &array).run((fetches.clone(), step))?.0);
        Ok(([run()?, run()?], session.variable_values()?))
    };
    let expected = run(false, 1).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    for (optimize, threads) in [(true, 1), (true, 2), (true, 3), (false, 2)] {
        let found = run(optimize, threads).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert!(found == expected, "seed {seed}, optimize {optimize}, {threads} threads\n{g}");
    }
}

#[test]
fn random_moves_give_what_they_do_one_by_one() {
    (0..300).for_each(check);
}
