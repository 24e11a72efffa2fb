//! [`Trace`]: which step of a run was done when, and on which thread.
//!
//! Takes the plan of a run and the executor's record of it; gives the steps in the graph's names, and the time
//! of each of their tasks.
//!
//! - [`label`]: what a step is called, and what it computes.
//! - [`summary`]: the steps as a table, those that took longest first.
//! - [`dot`]: the steps as a drawing, colored by the time that they took.
//! - [`chrome`]: all of it for Chrome and Perfetto.

#[cfg(feature = "trace")]
mod chrome;
mod dot;
mod label;
mod summary;

use std::time::Duration;

use crate::exec::{Record, Span, Work};
use crate::graph::Arena;
use crate::plan::{Plan, Step};

pub use label::StepKind;
pub(crate) use label::label_of;

/// A run as it was: its steps, and when each of their tasks was done on which thread. Made by
/// [`Session::run_traced`](crate::Session::run_traced) and
/// [`Callable::call_traced`](crate::Callable::call_traced).
///
/// Displayed, it is a table of the steps, those that took longest first; [`to_dot`](Trace::to_dot) draws them,
/// and [`save_chrome`](Trace::save_chrome) writes what Perfetto and Chrome show.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let x = g.variable::<f32>("x", ones([64, 64]));
/// let y = x.matmul(x).named("y");
/// let session = Session::new(&g)?;
/// let (_, trace) = session.run_traced(y)?;
/// let [step] = trace.steps() else { panic!("one product: {trace}") };
/// assert_eq!(step.label, r#"step 0: product "y""#);
/// assert_eq!(step.bytes, 2 * 64 * 64 * 4);
/// assert_eq!(trace.events().iter().map(|event| event.duration).sum::<std::time::Duration>(), trace.busy());
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Trace {
    steps: Vec<TracedStep>,
    events: Vec<TraceEvent>,
    planning: Duration,
    initialization: Duration,
    running: Duration,
    /// What all events took together.
    busy: Duration,
}

/// A step of the plan of a traced run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TracedStep {
    /// The number that [`Session::explain`](crate::Session::explain) gives it, its kind, and the nodes that it
    /// computes, some of them if there are many: `step 3: region "mul", "tanh"`.
    pub label: String,
    /// What it does.
    pub kind: StepKind,
    /// The names of the nodes whose values it computes, in the order in which it does. A node that became several
    /// instructions may be in several steps, and one that costs nothing, like a reshape, is in none.
    pub nodes: Vec<String>,
    /// The steps whose results it reads, by index.
    pub after: Vec<usize>,
    /// The tasks into which it is split; they may run at once.
    pub tasks: usize,
    /// Bytes of all that it reads or writes.
    pub bytes: usize,
    /// What the plan has estimated for it on one thread; by this it was decided what runs where.
    pub estimate: Duration,
    /// What its tasks took together.
    pub time: Duration,
}

/// A task of a step, as it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceEvent {
    /// The step, by its index in [`Trace::steps`].
    pub step: usize,
    /// Which of the step's tasks it was; `None` where what all of them had left was added up.
    pub task: Option<usize>,
    /// The thread: 0 is that of the caller, the others are the session's workers.
    pub thread: usize,
    /// Since the run was asked for.
    pub start: Duration,
    /// How long it took.
    pub duration: Duration,
}

impl TraceEvent {
    /// Since the run was asked for.
    pub fn end(&self) -> Duration {
        self.start + self.duration
    }
}

impl Trace {
    pub(crate) fn of(arena: &Arena, plan: &Plan, record: &Record) -> Self {
        let event = |&Span { step, work, thread, start, end }: &Span| TraceEvent {
            step,
            task: match work {
                Work::Task(task) => Some(task),
                Work::Combine => None,
            },
            thread,
            start: start.duration_since(record.asked),
            duration: end.duration_since(start),
        };
        let mut events: Vec<TraceEvent> = record.spans.iter().map(event).collect();
        events.sort_by_key(|event| (event.start, event.thread));
        let mut steps = steps(arena, plan);
        for event in &events {
            steps[event.step].time += event.duration;
        }
        Trace {
            steps,
            planning: record.planned.duration_since(record.asked),
            initialization: record.initialized.duration_since(record.planned),
            running: record.over.duration_since(record.initialized),
            busy: events.iter().map(|event| event.duration).sum(),
            events,
        }
    }

    /// The steps of the run's plan, in its order. What depends on constants alone was computed when the plan was
    /// made, and is in no step.
    pub fn steps(&self) -> &[TracedStep] {
        &self.steps
    }

    /// What was done, in the order in which it was begun.
    pub fn events(&self) -> &[TraceEvent] {
        &self.events
    }

    /// From when the run was asked for to when its plan was there: a look-up, or planning and folding of
    /// constants the first time.
    pub fn planning(&self) -> Duration {
        self.planning
    }

    /// What followed until all variables had values: next to nothing but for the first run that needs them.
    pub fn initialization(&self) -> Duration {
        self.initialization
    }

    /// What followed until the fetched values were there.
    pub fn running(&self) -> Duration {
        self.running
    }

    /// What all events took together; over [`running`](Trace::running), how many threads were busy on average.
    pub fn busy(&self) -> Duration {
        self.busy
    }

    /// The part of [`running`](Trace::running) in which no thread was in a step: waiting for other runs that assign,
    /// if this one does, giving tasks out, copying fetched values.
    pub fn outside_steps(&self) -> Duration {
        let mut reached = Duration::ZERO;
        let mut inside = Duration::ZERO;
        for event in &self.events {
            inside += event.end().saturating_sub(reached.max(event.start));
            reached = reached.max(event.end());
        }
        self.running.saturating_sub(inside)
    }
}

/// A time as a part of another: 0 where both are.
fn part(time: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { time.div_duration_f64(whole) }
}

/// The steps of a plan, before any time was spent on them.
fn steps(arena: &Arena, plan: &Plan) -> Vec<TracedStep> {
    let mut writer: Vec<Option<usize>> = vec![None; plan.buffers.len()];
    let traced = |(index, step): (usize, &Step)| {
        let mut after: Vec<usize> = step.reads.iter().filter_map(|read| writer[read.index()]).collect();
        after.sort_unstable();
        after.dedup();
        for written in &step.writes {
            writer[written.index()] = Some(index);
        }
        let touched = step.reads.iter().chain(&step.writes);
        let nodes = label::nodes(arena, plan, step);
        TracedStep {
            label: label::label(arena, plan, index, &nodes),
            kind: StepKind::of(step),
            nodes,
            after,
            tasks: step.tasks(),
            bytes: touched.map(|buffer| plan.buffers[buffer.index()].bytes).sum(),
            estimate: Duration::from_nanos(step.cost as u64),
            time: Duration::ZERO,
        }
    };
    plan.steps.iter().enumerate().map(traced).collect()
}
