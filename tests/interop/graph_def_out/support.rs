//! [`Bench`]: exports graphs, notes what they give here, and has TensorFlow run them.

use flowgrad::io::graph_def::{ImportOptions, export, import};
use flowgrad::{AnyTensor, Operation, Value, prelude::*};
use tempfile::TempDir;

use crate::cases::{self, Run};
use crate::fixture::numbers;
use crate::numbers::stored;

pub(crate) struct Bench {
    folder: TempDir,
}

/// How far apart two arrays are, in units of the largest of the second.
pub(crate) fn apart(found: &Value, expected: &Value) -> f64 {
    assert_eq!((found.dtype(), found.shape()), (expected.dtype(), expected.shape()));
    let (found, expected) = (numbers(found), numbers(expected));
    let largest =
        expected.iter().filter(|x| x.is_finite()).fold(f64::MIN_POSITIVE, |most, x| most.max(x.abs()));
    let far = |(x, y): (&f64, &f64)| {
        if x == y || x.is_nan() && y.is_nan() { 0.0 } else { (x - y).abs() / largest }
    };
    found.iter().zip(&expected).map(far).fold(0.0, f64::max)
}

/// What is done with a graph: what is fed, what is asked for, and an operation with how often it is done.
pub(crate) struct Program<'g> {
    pub(crate) feeds: Vec<(AnyTensor<'g>, Value)>,
    pub(crate) outputs: Vec<AnyTensor<'g>>,
    pub(crate) step: Option<(Operation<'g>, usize)>,
    /// How far numbers may be apart, in units of the largest of an array.
    pub(crate) apart: f64,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Bench { folder: tempfile::tempdir().unwrap() }
    }

    /// Exports what a program asks for, with the values that variables have in the session; does it here, and notes that for
    /// TensorFlow. Does it once more with what the export is imported as, if that can be.
    pub(crate) fn add(&self, name: &str, session: &Session, program: &Program<'_>, reads_back: bool) {
        self.try_add(name, session, program, reads_back).unwrap_or_else(|error| panic!("{error}"));
    }

    /// The same; an error if it cannot be exported, or gives something else when it is read back.
    pub(crate) fn try_add(
        &self,
        name: &str,
        session: &Session,
        program: &Program<'_>,
        reads_back: bool,
    ) -> Result<(), String> {
        let Program { feeds, outputs, step, apart: most } = program;
        let operations: Vec<Operation<'_>> = step.iter().map(|(step, _)| *step).collect();
        let exported = export(session, outputs, &operations).map_err(|error| format!("{name}: {error}"))?;
        let there = |tensor: &AnyTensor<'_>| {
            let placed = exported.placeholders().iter().find(|(here, _)| *here == tensor.name());
            placed.map(|(_, there)| there.clone())
        };
        let given = || {
            let run =
                feeds.iter().fold(session.feeds(), |run, (tensor, value)| run.feed_value(*tensor, value));
            run.run(outputs.clone()).unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        let fed =
            || feeds.iter().filter_map(|(tensor, value)| Some((there(tensor)?, stored(value)))).collect();
        let fetched =
            |values: &[Value]| exported.outputs().iter().cloned().zip(values.iter().map(stored)).collect();
        let first = given();
        let mut runs = vec![Run { feeds: fed(), operations: Vec::new(), fetches: fetched(&first) }];
        let times = step.as_ref().map_or(0, |(_, times)| *times);
        for _ in 0..times {
            runs.push(Run { feeds: fed(), operations: exported.operations().to_vec(), fetches: Vec::new() });
        }
        if let Some((step, times)) = step {
            for _ in 0..*times {
                let run =
                    feeds.iter().fold(session.feeds(), |run, (tensor, value)| run.feed_value(*tensor, value));
                run.run(*step).unwrap_or_else(|error| panic!("{name}: {error}"));
            }
            runs.push(Run { feeds: fed(), operations: Vec::new(), fetches: fetched(&given()) });
        }
        cases::write(self.folder.path(), name, exported.bytes(), exported.initializer(), &runs, *most);
        if reads_back {
            let g = Graph::new();
            let model = import(&g, exported.bytes(), &ImportOptions::new())
                .map_err(|error| format!("{name}, read back: {error}"))?;
            let session = Session::new(&g).unwrap();
            session.run(model.operation(exported.initializer()).unwrap()).unwrap();
            let feeds =
                feeds.iter().filter_map(|(tensor, value)| Some((model.tensor(&there(tensor)?)?, value)));
            let feeds: Vec<(AnyTensor<'_>, &Value)> = feeds.collect();
            let outputs = exported.outputs().iter().map(|output| model.tensor(output).unwrap());
            let outputs: Vec<AnyTensor<'_>> = outputs.collect();
            let run =
                feeds.iter().fold(session.feeds(), |run, (tensor, value)| run.feed_value(*tensor, value));
            let found = run.run(outputs).map_err(|error| format!("{name}, read back: {error}"))?;
            for ((found, expected), output) in found.iter().zip(&first).zip(exported.outputs()) {
                let far = apart(found, expected);
                if far > *most {
                    return Err(format!("{name}, read back: {output} is off by {far:e}"));
                }
            }
        }
        Ok(())
    }

    /// Has TensorFlow run all that was added.
    pub(crate) fn check(&self) {
        self.try_check().unwrap_or_else(|differs| panic!("{differs}"));
    }

    /// The same; an error that tells what differs.
    pub(crate) fn try_check(&self) -> Result<(), String> {
        cases::check(self.folder.path())
    }
}
