//! What a run costs beside its kernels: an addition to a scalar variable, against an empty loop.

use flowgrad::prelude::*;

use super::error::same;
use super::side::timed;
use super::{Case, CaseError, Side, Work};

/// By a callable.
pub(crate) fn call_overhead() -> Result<Case, CaseError> {
    let graph = Graph::new();
    let (session, count, increment) = counter(&graph)?;
    let step = session.make_callable((), increment)?;
    step.call(())?;
    step.call(())?;
    same("call_overhead", "counting", session.run(count)?, [2.0], 0.0)?;
    Ok(case(timed(move || step.call(()))))
}

/// By `session.run`.
pub(crate) fn run_overhead() -> Result<Case, CaseError> {
    // A handle borrows its graph, and what is timed owns what it needs: this graph lives as long as the program.
    let graph: &'static Graph = Box::leak(Box::new(Graph::new()));
    let (session, count, increment) = counter(graph)?;
    session.run(increment)?;
    session.run(increment)?;
    same("run_overhead", "counting", session.run(count)?, [2.0], 0.0)?;
    Ok(case(timed(move || session.run(increment))))
}

fn counter(graph: &Graph) -> Result<(Session, Variable<'_, f32>, Operation<'_>)> {
    let count = graph.variable("count", 0.0_f32);
    let increment = count.assign_add(1.0).op();
    let session = Session::new(graph)?;
    session.run(graph.initializer())?;
    Ok((session, count, increment))
}

fn case(ours: Side) -> Case {
    Case {
        ours,
        reference: timed(|| ()),
        chosen: "an empty loop".to_owned(),
        work: Work::Uncounted,
        units: 1.0,
    }
}
