//! All steps of a plan: in order on the caller's thread, or as they become ready on several.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::addresses::Addresses;
use super::context::Context;
use super::record::{Record, Unwatched, Watch, Work};
use super::steps::{finish, run_task};
use super::workers::{RunQueue, WorkerPool, is_worker};
use super::{Fault, parallel};
use crate::error::{Error, Result};
use crate::plan::Plan;

/// The threads that a session's runs may use.
#[derive(Clone, Debug)]
pub(crate) enum Threads {
    /// The caller's only.
    One,
    /// The caller's and those of a worker pool. They do tasks of runs and nothing else: a thread of rayon's
    /// global pool could take up a task of the user's instead, which runs the session and waits for the
    /// turn that our run holds.
    Pool(Arc<WorkerPool>),
}

impl Threads {
    /// The most that may be asked for: more than the cores of most machines. Each takes its time to start, and some
    /// memory.
    pub(crate) const MOST: usize = 1024;

    /// As many threads as asked for, at most [`MOST`](Self::MOST), the caller's among them; 0 is one for each core,
    /// however many these are, with a worker pool that all sessions share.
    pub(crate) fn new(count: usize) -> Result<Self> {
        static SHARED: Mutex<Option<Arc<WorkerPool>>> = Mutex::new(None);
        let pool = |workers| match WorkerPool::new(workers) {
            Ok(pool) => Ok(Arc::new(pool)),
            Err(error) => Err(Error::Threads(Arc::new(error))),
        };
        match count {
            0 => {
                let cores = thread::available_parallelism().map_or(1, usize::from);
                if cores == 1 {
                    return Ok(Threads::One);
                }
                let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
                let pool = match &*shared {
                    Some(pool) => Arc::clone(pool),
                    None => Arc::clone(shared.insert(pool(cores - 1)?)),
                };
                Ok(Threads::Pool(pool))
            }
            1 => Ok(Threads::One),
            2..=Self::MOST => pool(count - 1).map(Threads::Pool),
            _ => Err(Error::TooManyThreads { found: count, most: Self::MOST }),
        }
    }

    pub(crate) fn are_many(&self) -> bool {
        !matches!(self, Threads::One)
    }

    /// Where a run of this thread finds others to help it. A task of a rayon pool has that pool's other threads beside
    /// it, and a worker's has its worker pool's: their runs stay on their own thread.
    fn helpers(&self) -> Option<&RunQueue> {
        match self {
            Threads::Pool(pool) if !is_worker() && rayon::current_thread_index().is_none() => {
                Some(pool.queue())
            }
            _ => None,
        }
    }
}

/// Runs all steps of a session's plan.
///
/// # Safety
/// The addresses must be those of the plan's buffers, and no other run may write to what the plan reads, or use what it
/// writes. Of what is shared no other run may be under way.
pub(super) unsafe fn run(
    plan: &Plan,
    threads: &Threads,
    addresses: Addresses<'_>,
    shared: &mut Option<Arc<parallel::Run>>,
    context: &Context<'_>,
    mut record: Option<&mut Record>,
) -> Result<(), Fault> {
    if let Some(record) = record.as_deref_mut() {
        record.reserve(plan);
    }
    let helpers = if plan.is_for_one_thread { None } else { threads.helpers() };
    match helpers {
        Some(queue) if !plan.order.inline => {
            let shared = shared.get_or_insert_with(|| Arc::new(parallel::Run::new()));
            // SAFETY: the caller's promise.
            unsafe { shared.run(plan, addresses, context, queue, record) }
        }
        // SAFETY: the caller's promise; in order, each step finds done what it reads.
        _ => unsafe {
            match record {
                Some(record) => run_in_order(plan, addresses, context, helpers, record),
                None => run_in_order(plan, addresses, context, helpers, &mut Unwatched),
            }
        },
    }
}

/// Runs all steps of a function's plan, within a task of its caller's, on whose threads it may draw.
///
/// # Safety
/// As for [`run`].
pub(super) unsafe fn run_steps(
    plan: &Plan,
    helpers: Option<&RunQueue>,
    addresses: Addresses<'_>,
    context: &Context<'_>,
) -> Result<(), Fault> {
    match helpers {
        Some(queue) if !plan.order.inline => {
            let shared = queue.lend();
            // SAFETY: the caller's promise; the run is lent to this one alone.
            let ran = unsafe { shared.run(plan, addresses, context, queue, None) };
            queue.take_back(shared);
            ran
        }
        // SAFETY: the caller's promise.
        _ => unsafe { run_in_order(plan, addresses, context, helpers, &mut Unwatched) },
    }
}

/// # Safety
/// As for [`run`].
unsafe fn run_in_order(
    plan: &Plan,
    addresses: Addresses<'_>,
    context: &Context<'_>,
    helpers: Option<&RunQueue>,
    watch: &mut impl Watch,
) -> Result<(), Fault> {
    for (index, step) in plan.steps.iter().enumerate() {
        for task in 0..step.tasks() {
            // SAFETY: the caller's promise; one task after the other.
            let run = || unsafe { run_task(step, task, addresses, context, helpers) };
            let done = watch.watch(index, Work::Task(task), run);
            done.map_err(|cause| Fault { step: index, task, cause })?;
        }
        if step.is_combined() {
            // SAFETY: all tasks of the step are done.
            watch.watch(index, Work::Combine, || unsafe { finish(step, addresses) });
        }
    }
    Ok(())
}
