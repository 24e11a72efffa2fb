//! Runs plans.
//!
//! - [`arena`]: what one run needs beside its plan, lent by the session.
//! - [`feed`] and [`store`]: where a run's inputs lie, and its variables; [`spare`]: these in several runs as one.
//! - [`turn`] and [`nesting`]: whose turn it is to assign, and which runs ask for it from inside of a kernel.
//! - [`addresses`]: where buffers lie.
//! - [`steps`]: one step, or one task of a step that is split; [`programs`]: of a region, by machine
//!   code; [`call`]: a step that runs the plan of a function; [`control`]: of one of several, or again and again;
//!   [`straight`]: again and again as a line of calls, or once; [`loop_function`]: again and again as one function.
//! - [`context`]: what the steps of a run share; [`tapes`]: what loops stack without knowing how much.
//! - [`schedule`]: all steps, in order on one thread or as they become ready on several.
//! - [`record`]: what was done when, and on which thread, of a run that is traced.
//! - [`progress`], [`parallel`] and [`workers`]: which tasks may be done, the threads that do them, and the pool of
//!   those beside the caller.
//!
//! A run finds the address of each buffer, runs the steps, and copies out what is fetched. It gives
//! errors as [`Failure`]s, for which the session finds the words; the store keeps assigned values only
//! if there is none.

mod addresses;
mod arena;
mod call;
mod context;
mod control;
mod feed;
mod kernel;
mod loop_function;
mod nesting;
mod parallel;
mod programs;
mod progress;
mod record;
mod schedule;
mod spare;
mod steps;
mod store;
mod straight;
mod tapes;
mod turn;
mod workers;

use std::time::Instant;

use crate::element::Value;
use crate::ir::{KernelError, NodeId};
use crate::memory::OutOfMemory;
use crate::plan::{Fallible, Lacking, Owner, Place, Plan};

use addresses::{Addresses, lay_out, lay_out_parts, lay_out_words};
use arena::Arena;
use context::Context;
use feed::value_at;
use nesting::Level;

pub(crate) use feed::FedArray;
pub(crate) use feed::Ready;
pub(crate) use nesting::{Nested, planning};
#[cfg(feature = "trace")]
pub(crate) use record::CALLER;
pub(crate) use record::{Record, Span, Work};
pub(crate) use schedule::Threads;
pub(crate) use store::{Moment, NotSet, Store, Terms};

/// A step that could not be done.
#[derive(Clone, Debug)]
struct Fault {
    /// The step's index, so that the first of several is reported, whatever finished first.
    step: usize,
    /// The step's task that it was.
    task: usize,
    /// Boxed, so that success, which passes through many hands, is a word.
    cause: Box<Cause>,
}

impl Fault {
    /// The fault, with what a step of its plan needs memory for.
    fn owned_in(mut self, plan: &Plan) -> Self {
        // What a call lacks memory for, the plan inside has said already.
        if let Cause::OutOfMemory(lacking @ Lacking { owner: Owner::Whole, .. }) = &mut *self.cause {
            lacking.owner = plan.owner(self.step);
        }
        self
    }

    /// Faults are reported in the order in which one thread would meet them.
    fn place(&self) -> (usize, usize) {
        (self.step, self.task)
    }
}

/// Why a step could not be done.
#[derive(Clone, Debug)]
pub(crate) enum Cause {
    /// A function had no value.
    Function(Fallible),
    /// A kernel said so.
    Kernel { node: NodeId, error: KernelError },
    /// There is no memory for tiles.
    OutOfMemory(Lacking),
    /// The run has taken longer than it may.
    Deadline,
    /// An iteration of a node's loop could not be done.
    Iteration { node: NodeId, iteration: usize, cause: Box<Cause> },
}

impl Cause {
    /// The same, of an iteration of a node's loop.
    // It passes through hands that have it boxed.
    #[allow(clippy::unnecessary_box_returns)]
    fn in_iteration(self: Box<Self>, node: NodeId, iteration: usize) -> Box<Self> {
        match *self {
            // What memory is for is known already, and the time has run out for all.
            Cause::OutOfMemory(_) | Cause::Deadline => self,
            _ => Box::new(Cause::Iteration { node, iteration, cause: self }),
        }
    }
}

/// When a run is: how many came before it, and when it is to be given up.
#[derive(Clone, Copy, Debug)]
struct Moments {
    count: i64,
    deadline: Option<Instant>,
}

impl From<OutOfMemory> for Box<Cause> {
    fn from(error: OutOfMemory) -> Self {
        Box::new(Cause::OutOfMemory(error.into()))
    }
}

/// Why a run gives nothing.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// A step could not be done, in the run before which there were so many.
    Step { cause: Box<Cause>, count: i64 },
    /// There is no memory for the run.
    OutOfMemory(Lacking),
    /// It was asked for where it cannot be run.
    Nested(Nested),
}

impl From<Lacking> for Box<Failure> {
    fn from(error: Lacking) -> Self {
        Box::new(Failure::OutOfMemory(error))
    }
}

impl From<Nested> for Box<Failure> {
    fn from(nested: Nested) -> Self {
        Box::new(Failure::Nested(nested))
    }
}

/// Runs a plan, before which the session has run as often as the moments say, and notes in `record`, if there is one,
/// what was done when.
///
/// # Safety
/// The arena must fit the plan and have the addresses of the buffers that lie in variables, of as many elements as
/// these have, with nothing else writing the current values or touching the next ones during the run.
#[inline]
unsafe fn run(
    ready: &Ready<'_>,
    threads: &Threads,
    Moments { count, deadline }: Moments,
    level: &Level,
    arena: &mut Arena,
    record: Option<&mut Record>,
) -> Result<(), Box<Failure>> {
    let (plan, feeds) = (ready.plan(), ready.feeds());
    let Arena { memory, addresses, words, laid_out_for, shared, tapes, .. } = arena;
    let context = Context { level, tapes, deadline, iteration: None };
    let is_laid_out = *laid_out_for == plan.id;
    if !is_laid_out {
        lay_out(plan, memory.start(), addresses);
        if let Some(line) = &plan.line {
            lay_out_words(plan, line, memory.start(), words);
        }
        *laid_out_for = plan.id;
    }
    for &buffer in &plan.given {
        addresses[buffer.index()] = match plan.buffers[buffer.index()].place {
            Place::RunCount => std::ptr::from_ref(&count).cast_mut().cast(),
            Place::Feed(position) => feeds[position].start().cast_mut(),
            Place::Arena(_)
            | Place::Constant(_)
            | Place::Variable(_)
            | Place::Next(_)
            | Place::Output(_)
            | Place::Part { .. } => continue,
        };
    }
    // Parts of what a variable becomes are elsewhere in each run; all others stay where they are.
    let moved = if is_laid_out && plan.commits.is_empty() { &[][..] } else { &plan.parts };
    lay_out_parts(plan, moved, addresses);
    // SAFETY: the addresses are those of the plan's buffers: feeds match the plan, as `Ready` proves, variables do by
    // the caller's promise, nobody writes constants or the count, and the rest lies in the arena, which this run alone
    // holds. Addresses that an earlier run has left are of the same plan, which has its constants still, and of the
    // same memory, without which the arena would not be laid out for the plan.
    let steps = unsafe {
        match (&plan.line, &record) {
            (Some(line), None) => straight::run_once(plan, line, Addresses(addresses), words, &context),
            _ => schedule::run(plan, threads, Addresses(addresses), shared, &context, record),
        }
    };
    steps.map_err(|fault| {
        let Fault { cause, .. } = fault.owned_in(plan);
        Box::new(match *cause {
            Cause::OutOfMemory(lacking) => Failure::OutOfMemory(lacking),
            _ => Failure::Step { cause, count },
        })
    })
}

/// Hands each fetched value of a run that is over to `fetched`.
///
/// # Safety
/// The addresses must be those of the run, whose memory nobody has used since.
#[inline]
unsafe fn fetch(
    plan: &Plan,
    addresses: &[*mut u8],
    fetched: &mut dyn FnMut(Value),
) -> Result<(), Box<Failure>> {
    for (position, fetch) in plan.fetches.iter().enumerate() {
        let address = addresses[fetch.start.buffer.index()].wrapping_add(fetch.start.offset);
        // SAFETY: all steps are done, so the buffer holds the value of this type and lengths, from there on.
        let value = unsafe { value_at(address, fetch.dtype, &fetch.dims) };
        fetched(value.map_err(|error| error.owned_by(Owner::Fetch(position)))?);
    }
    Ok(())
}
