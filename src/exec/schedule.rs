//! All steps of a plan: in order on the caller's thread, or as they become ready on a pool's.

use std::sync::atomic::Ordering;
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
    /// Rayon's global pool: one thread for each core.
    All,
    /// A pool of the session's own.
    Pool(Arc<rayon::ThreadPool>),
}

impl Threads {
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
    if plan.order.inline {
        // SAFETY: the caller's promise; in order, each step finds done what it reads.
        return unsafe { run_in_order(plan, addresses) };
    }
    let parallel = Parallel { plan, arena, addresses, fault: Mutex::new(None) };
    for (waiting, &count) in arena.waiting.iter().zip(&plan.order.waits_for) {
        waiting.store(count, Ordering::Relaxed);
    }
    match threads {
        // SAFETY: as above.
        Threads::One => return unsafe { run_in_order(plan, addresses) },
        Threads::All => rayon::scope(|scope| parallel.start(scope)),
        Threads::Pool(pool) => pool.scope(|scope| parallel.start(scope)),
    }
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
        let task = |task: usize| -> Result<(), Fallible> {
            // SAFETY: the steps that this one waits for are done, and the plan lets no step that may run
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
                let mut earliest = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
                *earliest = Some(earliest.map_or(fault, |known| known.min(fault)));
            }
        }
    }
}
