//! Line 25 and 28: random graphs of steps that may run at once, on several threads, over and over.

use std::thread;

use flowgrad::ndarray::{Array2, ArrayD};
use flowgrad::prelude::*;
use proptest::prelude::{ProptestConfig, any, prop, proptest};

use crate::seeded::seeded;

/// One node: what it computes, and from which earlier ones; taken modulo what there is.
type Node = (u8, [usize; 3]);

/// Lengths of the square matrices: a product of two is a step of some microseconds, the estimate of a few of
/// them enough for several threads.
const SIDE: usize = 40;
/// Nodes whose values are kept: many, so that the steps are many.
const MOST_NODES: usize = 40;
/// Runs of each session, of the same plan: a race shows only now and then.
const RUNS: usize = 6;

/// What a random graph gives when it is run.
struct Built<'g> {
    fetched: Vec<Tensor<'g, f32>>,
    step: Operation<'g>,
    kept: Vec<Variable<'g, f32>>,
    /// An integer quotient for each of the fed divisors, deep in the graph: 0 is a fault.
    quotients: Vec<Tensor<'g, i32>>,
}

fn build<'g>(g: &'g Graph, nodes: &[Node], divisors: [Tensor<'g, i32>; 3]) -> Built<'g> {
    let start = |seed: usize| {
        g.constant(Array2::from_shape_fn((SIDE, SIDE), |(row, column)| {
            ((row * 31 + column * 17 + seed * 7) % 29) as f32 / 58.0 - 0.25
        }))
    };
    let mut values: Vec<Tensor<'g, f32>> = (0..3).map(start).collect();
    let (mut kept, mut assigned, mut quotients): (Vec<Variable<'g, f32>>, Vec<_>, Vec<_>) =
        Default::default();
    for &(what, from) in nodes {
        let [a, b, c] = from.map(|index| values[values.len() - 1 - index % values.len().min(12)]);
        let value = match what % 8 {
            0..=2 => a.matmul(b) * 0.5,
            3 => a.matmul(b).relu() - c,
            4 => (a * b + c).tanh(),
            5 => a.transpose() - b.reduce_mean(0),
            6 => {
                let v = g.variable(&format!("v{}", kept.len()), Array2::<f32>::ones((SIDE, SIDE)));
                assigned.push(v.assign_add(a * 0.125).op());
                kept.push(v);
                v * b
            }
            _ => {
                let divisor = divisors[from[2] % 3];
                let quotient = a.reduce_sum(..).cast::<i32>() / divisor;
                quotients.push(quotient);
                b + quotient.cast::<f32>() * 0.01
            }
        };
        values.push(value);
    }
    let last = values.len().saturating_sub(6);
    let fetched = values[last..].to_vec();
    Built { fetched, step: g.group(assigned), kept, quotients }
}

fn bits(arrays: &[ArrayD<f32>]) -> Vec<u32> {
    arrays.iter().flatten().map(|x| x.to_bits()).collect()
}

/// What each of several runs gives, or the words of its error, and what the variables are left with.
fn outcomes<'g>(
    session: &Session,
    built: &Built<'g>,
    divisors: [Tensor<'g, i32>; 3],
    fed: [i32; 3],
) -> Vec<std::result::Result<Vec<u32>, String>> {
    let run = |_| {
        let fetches = (built.fetched.clone(), built.quotients.clone(), built.step);
        let [a, b, c] = divisors;
        let found = session.feed(a, fed[0]).feed(b, fed[1]).feed(c, fed[2]).run(fetches);
        found.map(|(found, quotients, ())| {
            let mut found = bits(&found);
            found.extend(quotients.iter().flatten().map(|quotient| *quotient as u32));
            found
        })
    };
    let mut outcomes: Vec<_> =
        (0..RUNS).map(run).map(|found| found.map_err(|error| error.to_string())).collect();
    outcomes.push(session.run(built.kept.clone()).map(|kept| bits(&kept)).map_err(|error| error.to_string()));
    outcomes
}

/// A case is dozens of runs of up to a millisecond, so there are fewer than usual.
fn config() -> ProptestConfig {
    let seeded = seeded(25);
    ProptestConfig { cases: seeded.cases / 8, ..seeded }
}

proptest! {
    #![proptest_config(config())]

    /// Line 25: on any number of threads, alone and beside other runs of the session, every run gives the
    /// same bits, or the fault that a run in order meets first, and leaves the variables the same.
    #[test]
    fn line_25_random_graphs_give_the_same_on_any_threads(
        nodes in prop::collection::vec(any::<Node>(), 8..MOST_NODES),
        fed in [0..4_i32, 1..4_i32, 1..4_i32],
    ) {
        let g = Graph::new();
        let divisors = ["a", "b", "c"].map(|name| g.placeholder::<i32>(name, ()));
        let built = build(&g, &nodes, divisors);
        let on = |threads| Session::builder(&g).threads(threads).build().unwrap();
        let expected = outcomes(&on(1), &built, divisors, fed);
        for threads in [2, 5, 8] {
            let session = on(threads);
            assert!(outcomes(&session, &built, divisors, fed) == expected, "{threads} threads\n{g}");
        }
        if built.kept.is_empty() {
            let session = on(3);
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| assert!(outcomes(&session, &built, divisors, fed) == expected, "{g}"));
                }
            });
        }
    }
}
