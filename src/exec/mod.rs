//! Runs plans.
//!
//! - [`memory`]: aligned bytes, and arrays copied in and out of them.
//! - [`Arena`]: what one run needs beside its plan, kept for the next run of the same plan.
//! - [`feed`] and [`store`]: where a run's inputs lie, and its variables.
//! - [`steps`]: one step, or one task of a step that is split.
//! - [`schedule`]: all steps, in order on one thread or as they become ready on several.
//! - [`record`]: what was done when, and by which thread, of a run that is traced.
//! - [`progress`], [`parallel`] and [`crew`]: which tasks may be done, those who do them, and those who
//!   help.
//!
//! A run finds the address of each buffer, runs the steps, and copies out what is fetched. It gives
//! errors as [`Failure`]s, for which the session finds the words; the store keeps assigned values only
//! if there is none.

mod crew;
mod feed;
mod memory;
mod parallel;
mod progress;
mod record;
mod schedule;
mod steps;
mod store;

use std::sync::{Arc, PoisonError};

use crate::graph::{NodeId, VariableId};
use crate::op::KernelError;
use crate::plan::{Fallible, Place, Plan};
use crate::value::Value;

use memory::value_at;
pub(crate) use memory::{ALIGNMENT, Memory, OutOfMemory, Owner};

pub(crate) use feed::FedArray;
pub(crate) use feed::Ready;
#[cfg(feature = "trace")]
pub(crate) use record::CALLER;
pub(crate) use record::{Record, Span, Work};
pub(crate) use schedule::Threads;
pub(crate) use store::{Initialized, Store};

/// A step that could not be done.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// The step's index, so that the first of several is reported, whatever finished first.
    step: usize,
    /// The step's task that it was.
    task: usize,
    pub(crate) cause: Cause,
}

impl Fault {
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
}

/// Why a run gives nothing.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// A step could not be done.
    Fault(Fault),
    /// There is no memory for the run.
    OutOfMemory(OutOfMemory),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Failure::Fault(fault)
    }
}

impl From<OutOfMemory> for Failure {
    fn from(error: OutOfMemory) -> Self {
        Failure::OutOfMemory(error)
    }
}

/// Where a variable's value lies, and where its next one is to be made.
#[derive(Clone, Copy, Debug)]
struct VariableMemory {
    current: *mut u8,
    next: *mut u8,
}

/// What one run needs beside its plan. Kept between runs, so that a run allocates nothing.
#[derive(Debug)]
pub(crate) struct Arena {
    _memory: Memory,
    /// The address of each buffer.
    addresses: Vec<*mut u8>,
    /// Holds the count of the runs before.
    run_count: Memory,
    /// What threads share of a run, if the plan is worth more than one. A helper may hold it longer than the
    /// arena lives, and then finds nothing in it to do.
    run: Option<Arc<parallel::Run>>,
}

// SAFETY: the addresses point into the arena's own memory, or are set anew by each run; between
// runs an arena belongs to whoever took it from the plan's list.
unsafe impl Send for Arena {}

impl Arena {
    fn new(plan: &Plan) -> Result<Self, OutOfMemory> {
        let memory = Memory::zeroed(plan.arena_bytes)?;
        let run_count = Memory::zeroed(size_of::<i64>())?;
        let address = |place: Place| match place {
            // `plan::memory` has grown the arena to hold every buffer at its offset.
            Place::Arena(offset) => memory.start().wrapping_add(offset),
            Place::RunCount => run_count.start(),
            Place::Constant(index) => plan.constants[index].start().cast_mut(),
            Place::Feed(_) | Place::Variable(_) | Place::Next(_) => std::ptr::null_mut(),
        };
        Ok(Arena {
            addresses: plan.buffers.iter().map(|buffer| address(buffer.place)).collect(),
            run: (!plan.order.inline).then(|| Arc::new(parallel::Run::new(plan))),
            _memory: memory,
            run_count,
        })
    }
}

/// Runs a plan, before which the session has run as often as `count` says, hands each fetched value to
/// `fetched`, and notes in `record`, if there is one, what was done when.
///
/// # Safety
/// `feeds` must be of the types and lengths that the plan was made for; `variable` must give the
/// addresses of as many elements as the plan's variables have, with nothing else writing the current
/// values or touching the next ones during the run.
unsafe fn run(
    plan: &Plan,
    threads: &Threads,
    count: i64,
    feeds: &[FedArray<'_>],
    variable: impl Fn(VariableId) -> VariableMemory,
    record: Option<&mut Record>,
    mut fetched: impl FnMut(Value),
) -> Result<(), Failure> {
    let idle = plan.arenas.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mut arena = match idle {
        Some(arena) => arena,
        None => Arena::new(plan)?,
    };
    for (address, buffer) in arena.addresses.iter_mut().zip(&plan.buffers) {
        match buffer.place {
            Place::Feed(position) => *address = feeds[position].start().cast_mut(),
            Place::Variable(id) => *address = variable(id).current,
            Place::Next(id) => *address = variable(id).next,
            Place::Arena(_) | Place::Constant(_) | Place::RunCount => {}
        }
    }
    // SAFETY: the memory holds one `i64`, is aligned for it, and belongs to the arena, which this run alone holds.
    unsafe { arena.run_count.start().cast::<i64>().write(count) };
    // SAFETY: the addresses are those of the plan's buffers: feeds, constants and variables by the
    // caller's promise, the rest within the arena, which this run alone holds.
    let steps = unsafe { schedule::run(plan, threads, &arena, record) };
    let result = steps.map_err(Failure::from).and_then(|()| {
        for (position, fetch) in plan.fetches.iter().enumerate() {
            let address = arena.addresses[fetch.buffer.index()];
            // SAFETY: all steps are done, so the buffer holds the value of this type and lengths.
            let value = unsafe { value_at(address, fetch.dtype, &fetch.dims) };
            fetched(value.map_err(|error| error.owned_by(Owner::Fetch(position)))?);
        }
        Ok(())
    });
    plan.arenas.lock().unwrap_or_else(PoisonError::into_inner).push(arena);
    result
}
