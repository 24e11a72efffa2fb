//! When each task of a run was done, and on which thread.
//!
//! A run that is traced carries a [`Record`]. Any other carries none and never looks at the clock: the loop
//! that runs steps in order is compiled once for each [`Watch`], and threads that share a run ask once a task.
//! The invariant: each task that was done has one span, the spans of one thread do not overlap, and a step's
//! spans begin when those of the steps that it waits for have ended.

use std::time::Instant;

use crate::plan::Plan;

/// The number of the thread that calls a run; workers are counted from 1.
pub(crate) const CALLER: usize = 0;

/// What is done in one piece by one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// A task of a step.
    Task(usize),
    /// Adding up what the tasks of a step have left.
    Combine,
}

/// A piece of work that was done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) step: usize,
    pub(crate) work: Work,
    pub(crate) thread: usize,
    pub(crate) start: Instant,
    pub(crate) end: Instant,
}

/// A run as it was.
#[derive(Debug)]
pub(crate) struct Record {
    /// When the run was asked for.
    pub(crate) asked: Instant,
    /// When its plan was there.
    pub(crate) planned: Instant,
    /// When its variables had values.
    pub(crate) initialized: Instant,
    /// When the fetched values had been copied.
    pub(crate) over: Instant,
    /// In the order in which they were reported.
    pub(crate) spans: Vec<Span>,
}

impl Record {
    /// That of a run that is asked for now.
    pub(crate) fn begin() -> Self {
        let now = Instant::now();
        Record { asked: now, planned: now, initialized: now, over: now, spans: Vec::new() }
    }

    /// Makes room for all spans of a plan, so that nothing is allocated between two tasks.
    pub(super) fn reserve(&mut self, plan: &Plan) {
        self.spans
            .reserve(plan.steps.iter().map(|step| step.tasks() + usize::from(step.is_combined())).sum());
    }
}

/// Sees the work of a run that is done in order on the caller's thread.
pub(super) trait Watch {
    fn watch<R>(&mut self, step: usize, work: Work, run: impl FnOnce() -> R) -> R;
}

/// Looks at nothing.
pub(super) struct Unwatched;

impl Watch for Unwatched {
    #[inline(always)]
    fn watch<R>(&mut self, _: usize, _: Work, run: impl FnOnce() -> R) -> R {
        run()
    }
}

impl Watch for Record {
    fn watch<R>(&mut self, step: usize, work: Work, run: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let result = run();
        self.spans.push(Span { step, work, thread: CALLER, start, end: Instant::now() });
        result
    }
}
