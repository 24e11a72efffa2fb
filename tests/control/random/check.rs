//! Running a program in all ways that must agree.
//!
//! What runs on any number of threads, interpreted, or once more must agree to the bit. What runs without rewrites, and
//! what the loops and branches come to when each is written out, must agree within rounding.

use std::collections::BTreeMap;

use flowgrad::ndarray::{ArrayD, IxDyn};
use flowgrad::prelude::*;
use flowgrad::{Isa, SessionBuilder};

use super::build::{Build, Keep, Leaves, Scope, Unroll, number};
use super::program::{Kind, Numbers, Program};

/// What placeholders are fed.
struct Fed<T> {
    floats: [ArrayD<T>; 3],
    int: i64,
    bool: bool,
}

impl<T: Float> Fed<T> {
    fn of(program: &Program) -> Self {
        let mut numbers = Numbers::of(program.seed ^ 0x5EED);
        let n = program.width;
        let floats = [vec![], vec![n], vec![n, n]]
            .map(|dims| ArrayD::from_shape_simple_fn(IxDyn(&dims), || number(numbers.float() * 0.9)));
        Fed { floats, int: numbers.below(6) as i64 - 1, bool: numbers.below(2) == 0 }
    }

    fn feed<'s, 'g, 'v>(
        &'v self,
        session: &'s Session,
        leaves: &Leaves<'g, T>,
    ) -> flowgrad::Feeding<'s, 'g, 'v> {
        let mut feeding = session.feed(leaves.int, self.int).feed(leaves.bool, self.bool);
        for (tensor, array) in leaves.floats.iter().zip(&self.floats) {
            feeding = feeding.feed(*tensor, array);
        }
        feeding
    }
}

/// Decides by a run of what is built so far.
struct ByRun<'a, 'g, T> {
    graph: &'g Graph,
    leaves: &'a Leaves<'g, T>,
    fed: &'a Fed<T>,
}

impl<T: Float> Unroll for ByRun<'_, '_, T> {
    fn keeps(&self) -> bool {
        false
    }

    fn decide(&self, condition: Tensor<'_, bool>) -> Option<bool> {
        self.number(condition.cast::<i64>()).map(|number| number != 0)
    }

    fn number(&self, number: Tensor<'_, i64>) -> Option<i64> {
        // Variables stand at their starts in a new session.
        let session = Session::builder(self.graph).threads(1).optimize(false).machine_code(false).build();
        let session = session.unwrap_or_else(|error| panic!("{error}\n{}", self.graph));
        let found = self.fed.feed(&session, self.leaves).run(number);
        Some(found.unwrap_or_else(|error| panic!("{error}\n{}", self.graph)).sum())
    }
}

/// All that a run gives, with what each float is.
struct Outcome {
    floats: Vec<(String, ArrayD<f64>)>,
    ints: Vec<ArrayD<i64>>,
    bools: Vec<ArrayD<bool>>,
}

/// What is fetched.
struct Fetches<'g, T> {
    floats: Vec<(String, Tensor<'g, T>)>,
    ints: Vec<Tensor<'g, i64>>,
    bools: Vec<Tensor<'g, bool>>,
    operations: Vec<Operation<'g>>,
}

impl<'g, T: Float> Fetches<'g, T> {
    /// All results at the top, and the gradients of a loss.
    fn of(
        program: &Program,
        leaves: &Leaves<'g, T>,
        scope: &Scope<'g, T>,
        operations: Vec<Operation<'g>>,
    ) -> Self {
        let made = |rank: usize| &scope.floats[rank][leaves.scope.floats[rank].len()..];
        let all = (0..3).flat_map(|rank| made(rank).iter().enumerate().map(move |(i, &x)| (rank, i, x)));
        let mut floats: Vec<(String, Tensor<'g, T>)> =
            all.map(|(rank, i, x)| (format!("{i} of rank {rank}"), x)).collect();
        let terms = floats.iter().enumerate();
        let terms = terms.map(|(i, &(_, x))| (x * number::<T>(1.0 + i as f64 * 0.1)).reduce_mean(..));
        let wrt: Vec<Tensor<'g, T>> =
            leaves.floats.into_iter().chain(leaves.variables.iter().map(|v| v.tensor())).collect();
        if let Some(loss) = terms.reduce(|a, b| a + b) {
            let first = Gradients::of([loss]).wrt_or_zeros(&wrt);
            let named = |order: usize, list: &[Tensor<'g, T>]| -> Vec<(String, Tensor<'g, T>)> {
                list.iter()
                    .zip(&wrt)
                    .map(|(&x, by)| (format!("gradient {order} by {}", by.name()), x))
                    .collect()
            };
            floats.extend(named(1, &first));
            if program.second {
                let squares = first.iter().map(|x| x.square().reduce_mean(..));
                let squares = squares.reduce(|a, b| a + b).unwrap_or(loss);
                floats.extend(named(2, &Gradients::of([squares]).wrt_or_zeros(&wrt)));
            }
        }
        Fetches { floats, ints: scope.ints.clone(), bools: scope.bools.clone(), operations }
    }
}

/// A program's graph, ready to be run.
struct Made<'g, T> {
    graph: &'g Graph,
    leaves: Leaves<'g, T>,
    fetches: Fetches<'g, T>,
    fed: Fed<T>,
}

/// How a program is built.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Kept,
    /// Scans keep all states.
    Unchecked,
    Unrolled,
}

impl<'g, T: Float> Made<'g, T> {
    fn of(graph: &'g Graph, program: &Program, form: Form) -> Self {
        let leaves = Leaves::<T>::of(graph, program);
        let fed = Fed::of(program);
        let by_run = ByRun { graph, leaves: &leaves, fed: &fed };
        let build = Build {
            graph,
            unroll: if form == Form::Unrolled { &by_run } else { &Keep },
            width: program.width,
            unchecked: form == Form::Unchecked,
            variables: leaves.variables,
            operations: Vec::new().into(),
        };
        let mut scope = leaves.scope.clone();
        build.steps(&mut scope, &program.steps);
        let fetches = Fetches::of(program, &leaves, &scope, build.operations.take());
        Made { graph, leaves, fetches, fed }
    }

    fn run(&self, what: &str, session: SessionBuilder<'_>) -> Result<Outcome, String> {
        let text = |error: Error| format!("{what}: {error}");
        let session = session.build().map_err(text)?;
        self.run_in(&session).map_err(text)
    }

    fn run_in(&self, session: &Session) -> flowgrad::Result<Outcome> {
        let fetches = &self.fetches;
        let floats: Vec<Tensor<'g, T>> = fetches.floats.iter().map(|&(_, x)| x).collect();
        let all = (floats, fetches.ints.clone(), fetches.bools.clone(), fetches.operations.clone());
        let (floats, ints, bools, _) = self.fed.feed(session, &self.leaves).run(all)?;
        let wide = |array: ArrayD<T>| array.mapv(Numeric::as_f64);
        let names = fetches.floats.iter().map(|(name, _)| name.clone());
        let mut floats: Vec<_> = names.zip(floats.into_iter().map(wide)).collect();
        for (name, value) in session.variable_values()? {
            floats.push((format!("variable {name}"), wide(value.into_array::<T>().unwrap_or_default())));
        }
        Ok(Outcome { floats, ints, bools })
    }
}

impl Outcome {
    /// Whether another has the same whole numbers and shapes, and floats that are near enough.
    fn agrees(&self, what: &str, other: &Outcome, near: impl Fn(f64, f64) -> bool) -> Result<(), String> {
        if self.ints != other.ints || self.bools != other.bools {
            let [found, expected] = [self, other].map(|all| format!("{:?} {:?}", all.ints, all.bools));
            return Err(format!("{what}: {found} instead of {expected}"));
        }
        for ((name, found), (_, expected)) in self.floats.iter().zip(&other.floats) {
            let same = |(a, b): (&f64, &f64)| near(*a, *b) || a.is_nan() && b.is_nan();
            if found.shape() != expected.shape() || !found.iter().zip(expected).all(same) {
                return Err(format!("{what}: {name} is {found:e} instead of {expected:e}"));
            }
        }
        Ok(())
    }

    fn same_bits(&self, what: &str, other: &Outcome) -> Result<(), String> {
        self.agrees(what, other, |a, b| a.to_bits() == b.to_bits())
    }

    /// Largest magnitude of what is finite, or 1.
    fn largest(&self) -> f64 {
        let finite = self.floats.iter().flat_map(|(_, array)| array).filter(|x| x.is_finite());
        finite.fold(1.0, |most: f64, x| most.max(x.abs()))
    }

    fn close(&self, what: &str, other: &Outcome, tolerance: f64) -> Result<(), String> {
        let off = tolerance * other.largest();
        self.agrees(what, other, |a, b| a == b || (a - b).abs() <= off)
    }
}

/// The least instruction set that gives the bits of the one that sessions have.
fn least(builder: SessionBuilder<'_>) -> SessionBuilder<'_> {
    #[cfg(target_arch = "x86_64")]
    if Isa::detected() >= Isa::Avx2 && std::env::var("FLOWGRAD_ISA").as_deref() != Ok("baseline") {
        return builder.isa(Isa::Avx2);
    }
    builder
}

/// How much is checked of a program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// What costs most is left to some of the seeds.
    Some,
    All,
}

/// Everything that a program must keep.
pub(crate) fn check(program: &Program, effort: Effort) -> Result<(), String> {
    if program.single {
        check_as::<f32>(program, effort, 2e-4)
    } else {
        check_as::<f64>(program, effort, 1e-11)
    }
}

fn check_as<T: Float>(program: &Program, effort: Effort, tolerance: f64) -> Result<(), String> {
    let graph = Graph::with_seed(4);
    let made = Made::<T>::of(&graph, program, Form::Kept);
    let text = |error: String| format!("{error}\n{graph}");
    ways(program, &made, effort, tolerance).map_err(text)
}

fn ways<T: Float>(
    program: &Program,
    made: &Made<'_, T>,
    effort: Effort,
    tolerance: f64,
) -> Result<(), String> {
    let graph = made.graph;
    let builder = || Session::builder(graph).threads(1);
    let all = effort == Effort::All;
    let text = |error: Error| format!("once more: {error}");

    let session = builder().build().map_err(text)?;
    let starts: BTreeMap<String, Value> = session.variable_values().map_err(text)?;
    let one = made.run_in(&session).map_err(|error| format!("one thread: {error}"))?;
    session.load(starts).map_err(text)?;
    session.set_run_count(0);
    made.run_in(&session).map_err(text)?.same_bits("once more", &one)?;
    let shared = Session::builder(graph).threads(2).always_share();
    made.run("two threads", shared)?.same_bits("two threads", &one)?;
    made.run("interpreted", least(builder().machine_code(false)))?.same_bits("interpreted", &one)?;
    let plain = made.run("not optimized", builder().optimize(false))?;
    one.close("optimized", &plain, tolerance)?;
    if all {
        let slow = made.run("neither", builder().optimize(false).machine_code(false))?;
        plain.same_bits("not optimized, but native", &slow)?;
    }
    // What a scan draws depends on its blocks.
    if !program.unknown
        && program.has(Kind::Scan)
        && !program.has(Kind::Draw)
        && (all || program.seed % 4 == 1)
    {
        let graph = Graph::with_seed(4);
        let unchecked = Made::<T>::of(&graph, program, Form::Unchecked);
        let unchecked = unchecked.run("all states kept", Session::builder(&graph).threads(1))?;
        one.close("with checkpoints", &unchecked, tolerance)?;
    }
    if program.can_be_unrolled() && (all || program.seed % 4 == 2) {
        let graph = Graph::with_seed(4);
        let unrolled = Made::<T>::of(&graph, program, Form::Unrolled);
        let written_out = unrolled.run("unrolled", Session::builder(&graph).threads(1).optimize(false))?;
        one.close("unrolled", &written_out, tolerance).map_err(|error| format!("{error}\n{graph}"))?;
    }
    Ok(())
}
