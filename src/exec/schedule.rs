//! All steps of a plan: in order on the caller's thread, or as they become ready on a pool's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::Scope;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::steps::{Addresses, finish, run_task};
use super::{Arena, Fault};
use crate::plan::{Fallible, Plan};

/// The threads that a session's runs may use.
#[derive(Clone, Debug)]
pub(crate) enum Threads {
    /// The caller's only.
    One,
    /// Those of a pool. It is never rayon's global one: a thread of ours that waits there could take up
    /// a task of the user's, which runs the session and waits for the variables that our run holds.
    Pool(Arc<rayon::ThreadPool>),
}

impl Threads {
    /// As many threads as asked for; 0 is one for each core, in a pool that all sessions share.
    pub(crate) fn new(count: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        static SHARED: Mutex<Option<Arc<rayon::ThreadPool>>> = Mutex::new(None);
        let pool = |count| rayon::ThreadPoolBuilder::new().num_threads(count).build().map(Arc::new);
        match count {
            0 => {
                let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
                let pool = match &*shared {
                    Some(pool) => Arc::clone(pool),
                    None => Arc::clone(shared.insert(pool(0)?)),
                };
                Ok(if pool.current_num_threads() > 1 { Threads::Pool(pool) } else { Threads::One })
            }
            1 => Ok(Threads::One),
            count => pool(count).map(Threads::Pool),
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
pub(super) unsafe fn run(plan: &Plan, threads: &Threads, arena: &Arena) -> Result<(), Fault> {
    let addresses = Addresses(&arena.addresses);
    let pool = match threads {
        // A thread of a rayon pool that waits for another pool takes up its own pool's tasks meanwhile;
        // one that runs this session would wait for the variables that this run holds.
        Threads::Pool(pool) if !plan.order.inline && rayon::current_thread_index().is_none() => pool,
        // SAFETY: the caller's promise; in order, each step finds done what it reads.
        _ => return unsafe { run_in_order(plan, addresses) },
    };
    for (waiting, &count) in arena.waiting.iter().zip(&plan.order.waits_for) {
        waiting.store(count, Ordering::Relaxed);
    }
    let parallel =
        Parallel { plan, arena, addresses, fault: Mutex::new(None), has_failed: AtomicBool::new(false) };
    pool.scope(|scope| parallel.start(scope));
    parallel.fault.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

/// # Safety
/// As for [`run`].
unsafe fn run_in_order(plan: &Plan, addresses: Addresses<'_>) -> Result<(), Fault> {
    for (index, step) in plan.steps.iter().enumerate() {
        for task in 0..step.tasks() {
            // SAFETY: the caller's promise; one task after the other.
            unsafe { run_task(step, task, addresses) }.map_err(|of| Fault { step: index, of })?;
        }
        // SAFETY: all tasks of the step are done.
        unsafe { finish(step, addresses) };
    }
    Ok(())
}

/// A run on several threads.
struct Parallel<'a> {
    plan: &'a Plan,
    arena: &'a Arena,
    addresses: Addresses<'a>,
    /// The fault of the earliest step that had one.
    fault: Mutex<Option<Fault>>,
    /// Set with the first fault: what runs behind it must not read what was not written.
    has_failed: AtomicBool,
}

// SAFETY: the arena's addresses are followed by steps only, which the plan orders; the rest of it is atomics.
unsafe impl Sync for Parallel<'_> {}

impl Parallel<'_> {
    fn start<'scope>(&'scope self, scope: &Scope<'scope>) {
        for step in self.plan.order.first() {
            scope.spawn(move |scope| self.run_from(scope, step));
        }
    }

    /// Runs a step, then those that waited for it alone: one on this thread, the others as tasks.
    fn run_from<'scope>(&'scope self, scope: &Scope<'scope>, first: usize) {
        let mut next = Some(first);
        while let Some(step) = next.take() {
            self.run_step(step);
            for &successor in &self.plan.order.successors[step] {
                let successor = successor as usize;
                // Release what this step wrote to whoever brings the count to 0, who acquires it.
                if self.arena.waiting[successor].fetch_sub(1, Ordering::AcqRel) != 1 {
                    continue;
                }
                match next {
                    None => next = Some(successor),
                    Some(_) => scope.spawn(move |scope| self.run_from(scope, successor)),
                }
            }
        }
    }

    fn run_step(&self, index: usize) {
        let step = &self.plan.steps[index];
        // A step that waited for the failed one sees the flag, which was set before the count went down.
        if self.has_failed.load(Ordering::Relaxed) {
            return;
        }
        let task = |task: usize| -> Result<(), Fallible> {
            // SAFETY: the steps that this one waits for have succeeded, and the plan lets no step that may run
            // at the same time touch what this one writes; tasks of one step write apart.
            unsafe { run_task(step, task, self.addresses) }
        };
        let result = match step.tasks() {
            1 => task(0),
            tasks => {
                let failed = (0..tasks).into_par_iter().filter_map(|index| task(index).err());
                failed.min().map_or(Ok(()), Err)
            }
        };
        match result {
            // SAFETY: all tasks of the step are done.
            Ok(()) => unsafe { finish(step, self.addresses) },
            Err(of) => {
                let fault = Fault { step: index, of };
                self.has_failed.store(true, Ordering::Relaxed);
                let mut earliest = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
                *earliest = Some(earliest.map_or(fault, |known| known.min(fault)));
            }
        }
    }
}
