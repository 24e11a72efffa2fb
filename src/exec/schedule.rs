//! All steps of a plan: in order on the caller's thread, or as they become ready on several.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::crew::Crew;
use super::record::{Record, Unwatched, Watch, Work};
use super::steps::{Addresses, finish, run_task};
use super::{Arena, Fault};
use crate::plan::Plan;

/// The threads that a session's runs may use.
#[derive(Clone, Debug)]
pub(crate) enum Threads {
    /// The caller's only.
    One,
    /// The caller's and those of a crew. They do tasks of runs and nothing else: a thread of rayon's
    /// global pool could take up a task of the user's instead, which runs the session and waits for the
    /// variables that our run holds.
    Pool(Arc<Crew>),
}

impl Threads {
    /// As many threads as asked for, the caller's among them; 0 is one for each core, with a crew that all
    /// sessions share.
    pub(crate) fn new(count: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        static SHARED: Mutex<Option<Arc<Crew>>> = Mutex::new(None);
        match count {
            0 => {
                let cores = thread::available_parallelism().map_or(1, usize::from);
                if cores == 1 {
                    return Ok(Threads::One);
                }
                let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
                let crew = match &*shared {
                    Some(crew) => Arc::clone(crew),
                    None => Arc::clone(shared.insert(Arc::new(Crew::new(cores - 1)?))),
                };
                Ok(Threads::Pool(crew))
            }
            1 => Ok(Threads::One),
            count => Ok(Threads::Pool(Arc::new(Crew::new(count - 1)?))),
        }
    }

    pub(crate) fn are_many(&self) -> bool {
        !matches!(self, Threads::One)
    }
}

/// Runs all steps.
///
/// # Safety
/// The arena must hold the addresses of the plan's buffers, and no other run may use it or write to
/// what the plan reads.
pub(super) unsafe fn run(
    plan: &Plan,
    threads: &Threads,
    arena: &Arena,
    mut record: Option<&mut Record>,
) -> Result<(), Fault> {
    if let Some(record) = record.as_deref_mut() {
        record.reserve(plan);
    }
    let addresses = Addresses(&arena.addresses);
    match (threads, &arena.run) {
        // A task of a user's pool has that pool's other threads beside it: it stays on its own.
        (Threads::Pool(crew), Some(run)) if rayon::current_thread_index().is_none() => {
            // SAFETY: the caller's promise; the run is the arena's, which no other run may use.
            unsafe { run.run(plan, addresses, crew.board(), record) }
        }
        // SAFETY: the caller's promise; in order, each step finds done what it reads.
        _ => unsafe {
            match record {
                Some(record) => run_in_order(plan, addresses, record),
                None => run_in_order(plan, addresses, &mut Unwatched),
            }
        },
    }
}

/// # Safety
/// As for [`run`].
unsafe fn run_in_order(plan: &Plan, addresses: Addresses<'_>, watch: &mut impl Watch) -> Result<(), Fault> {
    for (index, step) in plan.steps.iter().enumerate() {
        for task in 0..step.tasks() {
            // SAFETY: the caller's promise; one task after the other.
            let done = watch.watch(index, Work::Task(task), || unsafe { run_task(step, task, addresses) });
            done.map_err(|cause| Fault { step: index, task, cause })?;
        }
        if step.is_joined() {
            // SAFETY: all tasks of the step are done.
            watch.watch(index, Work::Join, || unsafe { finish(step, addresses) });
        }
    }
    Ok(())
}
