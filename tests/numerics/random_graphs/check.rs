//! Running the graphs of a case in all ways that must agree.
//!
//! What runs on any number of threads, once more, or prepared, must agree to the bit. What runs with and without
//! rewrites must agree within rounding, of which rounding errors at each step may make more: if results differ by
//! more than [`CLOSE`], the graph is built once more with each rounded step disturbed by a part in 1/[`NOISE`], and
//! may differ by the [`LENIENCE`]th part of what that does. So how ill-conditioned a graph is, is measured, not
//! guessed; nothing is left out.

use std::collections::BTreeMap;
use std::fmt::Debug;

use flowgrad::Isa;
use flowgrad::ndarray::ArrayD;
use flowgrad::prelude::*;

use super::build::{Build, Variant};
use super::case::Case;
use super::trace::{Fed, Trace};

/// Largest difference from rounding alone, as a part of the largest magnitude that is met.
const CLOSE: f64 = 1e-12;

/// The length of a sum to which that refers; errors of longer ones grow with it.
const USUAL_LENGTH: f64 = 256.0;

/// By what part each rounded step is disturbed, to see how much rounding errors grow.
const NOISE: f64 = 1e-9;

/// What part of the disturbance's effect rounding may have: as if each step lost four digits.
const LENIENCE: f64 = 1e-3;

/// All that a run gives.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) floats: Vec<ArrayD<f64>>,
    pub(crate) ints: Vec<ArrayD<i64>>,
    pub(crate) bools: Vec<ArrayD<bool>>,
    pub(crate) variables: BTreeMap<String, Value>,
}

/// The fetches of a graph.
pub(crate) struct Fetches<'g> {
    /// Each with what it is.
    pub(crate) floats: Vec<(String, Tensor<'g, f64>)>,
    pub(crate) ints: Vec<(usize, Tensor<'g, i64>)>,
    pub(crate) bools: Vec<(usize, Tensor<'g, bool>)>,
    pub(crate) operations: Vec<Operation<'g>>,
}

/// The least instruction set that gives the bits of the one that sessions have; `None` if that one may be alone.
fn least_of_same_bits() -> Option<Isa> {
    #[cfg(target_arch = "x86_64")]
    if Isa::detected() >= Isa::Avx2 && std::env::var("FLOWGRAD_ISA").as_deref() != Ok("baseline") {
        return Some(Isa::Avx2);
    }
    None
}

type All<'g> = (Vec<Tensor<'g, f64>>, Vec<Tensor<'g, i64>>, Vec<Tensor<'g, bool>>, Vec<Operation<'g>>);

impl<'g> Fetches<'g> {
    /// All items of a graph, and the gradients of its loss by each leaf.
    pub(crate) fn of(build: &Build<'g>) -> Self {
        let items = build.all::<f64>().into_iter().map(|(index, tensor)| (format!("t{index}"), tensor));
        let mut floats: Vec<(String, Tensor<'g, f64>)> = items.collect();
        if let Some(loss) = build.loss() {
            let leaves = build.float_leaves();
            let targets: Vec<Tensor<'g, f64>> = leaves.iter().map(|&(_, tensor)| tensor).collect();
            let gradients = Gradients::of([loss]).wrt(&targets);
            let found = leaves.iter().zip(gradients);
            floats.extend(
                found.filter_map(|((leaf, _), found)| Some((format!("gradient by t{leaf}"), found?))),
            );
        }
        Fetches { floats, ints: build.all(), bools: build.all(), operations: build.operations.clone() }
    }

    pub(crate) fn all(&self) -> All<'g> {
        let tensors = |(_, tensor): &(_, Tensor<'g, f64>)| *tensor;
        (
            self.floats.iter().map(tensors).collect(),
            self.ints.iter().map(|&(_, tensor)| tensor).collect(),
            self.bools.iter().map(|&(_, tensor)| tensor).collect(),
            self.operations.clone(),
        )
    }
}

/// A session whose variables stand at their starts at the beginning of each run, and whose runs all draw the
/// same random numbers.
pub(crate) struct Fresh {
    pub(crate) session: Session,
    starts: BTreeMap<String, Value>,
}

impl Fresh {
    pub(crate) fn new(graph: &Graph, threads: usize, optimize: bool) -> Result<Self> {
        let session = Session::builder(graph).threads(threads).always_share().optimize(optimize).build()?;
        let starts = session.variable_values()?;
        Ok(Fresh { session, starts })
    }

    /// One that interprets what others compile to machine code, on the least instruction set that has their bits.
    pub(crate) fn interpreted(graph: &Graph) -> Result<Self> {
        let builder = Session::builder(graph).threads(1).always_share().machine_code(false);
        let session = match least_of_same_bits() {
            Some(isa) => builder.isa(isa).build()?,
            None => builder.build()?,
        };
        let starts = session.variable_values()?;
        Ok(Fresh { session, starts })
    }

    pub(crate) fn reset(&self) -> Result<&Session> {
        self.session.load(self.starts.clone())?;
        self.session.set_run_count(0);
        Ok(&self.session)
    }

    /// The session with these values for some variables.
    pub(crate) fn with(&self, values: impl IntoIterator<Item = (String, Value)>) -> Result<&Session> {
        self.reset()?.load(values)?;
        Ok(&self.session)
    }

    pub(crate) fn run<'g>(&self, build: &Build<'g>, fetches: &Fetches<'g>, fed: &Fed) -> Result<Outcome> {
        let (floats, ints, bools, _) = fed.feed(self.reset()?, build).run(fetches.all())?;
        self.outcome(floats, ints, bools)
    }

    /// The same by a callable, called twice; and whether both calls gave the same.
    pub(crate) fn call<'g>(
        &self,
        build: &Build<'g>,
        fetches: &Fetches<'g>,
        fed: &Fed,
    ) -> Result<[Outcome; 2]> {
        let feeds = (build.fed[0], build.fed[1], build.fed[2], build.fed_ints[0], build.fed_bools[0]);
        let callable = self.session.make_callable(feeds, fetches.all())?;
        let call = || {
            self.reset()?;
            let [a, b, c] = std::array::from_fn(|i| fed.floats[i].view());
            let (floats, ints, bools, _) =
                callable.call((a, b, c, fed.ints[0].view(), fed.bools[0].view()))?;
            self.outcome(floats, ints, bools)
        };
        Ok([call()?, call()?])
    }

    fn outcome(
        &self,
        floats: Vec<ArrayD<f64>>,
        ints: Vec<ArrayD<i64>>,
        bools: Vec<ArrayD<bool>>,
    ) -> Result<Outcome> {
        Ok(Outcome { floats, ints, bools, variables: self.session.variable_values()? })
    }
}

impl Outcome {
    /// Every float with what it is: the fetches and the variables that are left behind.
    fn floats(&self, names: &[String]) -> Vec<(String, ArrayD<f64>)> {
        let fetched = names.iter().cloned().zip(self.floats.iter().cloned());
        let left = self.variables.iter().map(|(name, value)| {
            let array = value.clone().into_array::<f64>().unwrap_or_default();
            (format!("variable {name}"), array)
        });
        fetched.chain(left).collect()
    }
}

/// Two outcomes that must have the same bits; NaNs are all the same.
pub(crate) fn same_bits(
    what: &str,
    names: &[String],
    found: &Outcome,
    expected: &Outcome,
) -> Result<(), String> {
    equal(what, &found.ints, &expected.ints)?;
    equal(what, &found.bools, &expected.bools)?;
    for ((name, found), (_, expected)) in found.floats(names).iter().zip(expected.floats(names)) {
        equal(&format!("{what}: shape of {name}"), &found.shape(), &expected.shape())?;
        for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let same = found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
            if !same {
                return Err(format!("{what}: {name} at {index} is {found:e} instead of {expected:e}"));
            }
        }
    }
    Ok(())
}

fn equal<T: PartialEq + Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?} instead of {expected:?}")) }
}

/// Two outcomes that must agree within rounding; see the head of this file. `disturbed` gives what the disturbed
/// graph gives.
pub(crate) fn close(
    what: &str,
    names: &[String],
    found: &Outcome,
    expected: &Outcome,
    disturbed: impl FnOnce() -> Result<Outcome, String>,
) -> Result<(), String> {
    equal(what, &found.ints, &expected.ints)?;
    equal(what, &found.bools, &expected.bools)?;
    let (found, expected) = (found.floats(names), expected.floats(names));
    let finite = expected.iter().flat_map(|(_, array)| array).filter(|x| x.is_finite());
    let largest = finite.fold(1.0, |most: f64, x| most.max(x.abs()));
    let longest =
        expected.iter().map(|(_, array)| array.len()).fold(USUAL_LENGTH, |most, len| most.max(len as f64));
    let rounding = CLOSE * largest * longest / USUAL_LENGTH;
    let mut far = Vec::new();
    for ((name, found), (_, expected)) in found.iter().zip(&expected) {
        equal(&format!("{what}: shape of {name}"), &found.shape(), &expected.shape())?;
        let difference = difference(found, expected);
        if difference > rounding {
            far.push((name, difference, found, expected));
        }
    }
    if far.is_empty() {
        return Ok(());
    }
    let disturbed = disturbed()?.floats(names);
    for (name, distance, found, expected) in far {
        let effect = disturbed.iter().find(|(other, _)| other == name);
        let effect = effect.map_or(0.0, |(_, disturbed)| difference(disturbed, expected));
        if distance > LENIENCE * effect + rounding {
            return Err(format!(
                "{what}: {name} differs by {distance:e}, where magnitudes reach {largest:e} and a disturbance of \
                 {NOISE:e} has an effect of {effect:e}\nfound {found}\nexpected {expected}"
            ));
        }
    }
    Ok(())
}

/// The largest difference of two elements: infinite where one is infinite or NaN and the other is not the same.
fn difference(a: &ArrayD<f64>, b: &ArrayD<f64>) -> f64 {
    let pairs = a.iter().zip(b);
    let differences = pairs.map(|(a, b)| match a == b || a.is_nan() && b.is_nan() {
        true => 0.0,
        false if a.is_finite() && b.is_finite() => (a - b).abs(),
        false => f64::INFINITY,
    });
    differences.fold(0.0, f64::max)
}

/// Everything that any graph must keep.
pub(crate) fn check_runs(case: &Case) -> Result<(), String> {
    let trace = Trace::of(case)?;
    let graph = Graph::with_seed(4);
    let build = trace.build(&graph, case, Variant { unknown: true, noise: 0.0 });
    let fetches = Fetches::of(&build);
    let names: Vec<String> = fetches.floats.iter().map(|(name, _)| name.clone()).collect();
    compare(case, &trace, &build, &fetches, &names).map_err(|error| format!("{error}\n{graph}"))
}

/// What a run gives, or its error under a name.
fn ran<T>(what: &str, outcome: Result<T>) -> Result<T, String> {
    outcome.map_err(|error| format!("{what}: {error}"))
}

fn compare<'g>(
    case: &Case,
    trace: &Trace,
    build: &Build<'g>,
    fetches: &Fetches<'g>,
    names: &[String],
) -> Result<(), String> {
    let graph = build.graph;
    let (stored, rows) = (Fed::of(case, true), Fed::of(case, false));
    let session = |threads, optimize| ran("a session", Fresh::new(graph, threads, optimize));
    let [one, two, three, plain] =
        [session(1, true)?, session(2, true)?, session(3, true)?, session(1, false)?];
    let interpreted = ran("a session", Fresh::interpreted(graph))?;
    let alone = ran("one thread", one.run(build, fetches, &stored))?;

    for (what, session, fed) in [
        ("two threads", &two, &stored),
        ("three threads", &three, &rows),
        ("once more", &one, &stored),
        ("interpreted", &interpreted, &stored),
    ] {
        same_bits(what, names, &ran(what, session.run(build, fetches, fed))?, &alone)?;
    }
    for (what, session) in [("a call on one thread", &one), ("a call on two threads", &two)] {
        for outcome in ran(what, session.call(build, fetches, &rows))? {
            same_bits(what, names, &outcome, &alone)?;
        }
    }

    let expected = ran("not optimised", plain.run(build, fetches, &stored))?;
    let disturbed = || variant(case, trace, Variant { unknown: true, noise: NOISE });
    close("optimised", names, &alone, &expected, disturbed)?;
    // Where lengths are known, gradients need not ask tensors for their shapes, and so come after fewer assignments:
    // what reads a variable beside such a gradient may see another value of it.
    if build.derivatives == 0 || build.operations.is_empty() {
        let known = variant(case, trace, Variant::default())?;
        close("all lengths known", names, &known, &expected, disturbed)?;
    }
    for ((name, tensor), array) in fetches.floats.iter().zip(&expected.floats) {
        let declared = tensor.shape();
        let lengths = declared.dims().iter().zip(array.shape());
        let admitted = declared.rank() == array.ndim()
            && lengths.clone().all(|(known, found)| known.is_none_or(|known| known == *found));
        if !admitted {
            return Err(format!("{name} is declared as {declared} and has shape {:?}", array.shape()));
        }
    }

    few(case, build, fetches, [&two, &plain], &stored, &expected, disturbed)
}

/// What the optimized session gives for another variant of a case.
fn variant(case: &Case, trace: &Trace, variant: Variant) -> Result<Outcome, String> {
    let graph = Graph::with_seed(4);
    let build = trace.build(&graph, case, variant);
    let fetches = Fetches::of(&build);
    let outcome = Fresh::new(&graph, 1, variant.noise == 0.0)
        .and_then(|session| session.run(&build, &fetches, &Fed::of(case, false)));
    outcome.map_err(|error| format!("{variant:?}: {error}\n{graph}"))
}

/// Two results fetched alone, without the others and what they assign: they are the same.
fn few<'g>(
    case: &Case,
    build: &Build<'g>,
    fetches: &Fetches<'g>,
    sessions: [&Fresh; 2],
    fed: &Fed,
    expected: &Outcome,
    disturbed: impl Fn() -> Result<Outcome, String>,
) -> Result<(), String> {
    let chosen = case.few.map(|few| usize::from(few) % fetches.floats.len());
    let tensors = chosen.map(|index| fetches.floats[index].1);
    let names: Vec<String> = chosen.iter().map(|&index| fetches.floats[index].0.clone()).collect();
    let only = |outcome: &Outcome| Outcome {
        floats: chosen.iter().map(|&index| outcome.floats[index].clone()).collect(),
        ints: Vec::new(),
        bools: Vec::new(),
        variables: BTreeMap::new(),
    };
    for session in sessions {
        let run = session.reset().and_then(|session| fed.feed(session, build).run(tensors));
        let floats = ran("a few fetches", run)?.to_vec();
        let outcome = Outcome { floats, ..only(expected) };
        close("a few fetches", &names, &outcome, &only(expected), || Ok(only(&disturbed()?)))?;
    }
    Ok(())
}
