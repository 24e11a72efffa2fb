//! A run on several threads.
//!
//! The caller and the workers that join it do the same: claim a task, do it, report it, until there is
//! none to claim. A worker then leaves. The caller waits for those under way, first awake and then
//! asleep, until one of them lets something run or all is done: when nothing can be claimed and the run is
//! not over, some task is under way on another thread, which reports it whatever becomes of it. So
//! every wait ends, whether or not a worker ever comes.
//!
//! All that threads share of a run lies behind one lock, which is held for some ten nanoseconds before and
//! after a task. It also hands on what tasks have written: the thread that claims a task took the lock after
//! the threads let it go that did what the task waits for.

use std::any::Any;
use std::panic::{AssertUnwindSafe, UnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use std::{mem, ptr, thread};

use super::Fault;
use super::addresses::Addresses;
use super::context::Context;
use super::progress::{Claim, Progress};
use super::record::{CALLER, Record, Span, Work};
use super::steps::{finish, run_task};
use super::workers::{ASLEEP_FROM, AWAKE_FROM, RunQueue, look_out};
use crate::plan::Plan;

/// A run that threads share; kept in its arena for the next one, of whatever plan.
#[derive(Debug)]
pub(super) struct Run {
    state: Mutex<State>,
    /// The caller may go on.
    changed: Condvar,
    /// A copy of the nanoseconds of open work, for threads without a task.
    open: AtomicU64,
    /// A copy of whether all is done.
    is_over: AtomicBool,
    /// What has been done, if the run is traced; the state's lock is left to threads that look for work.
    spans: Mutex<Vec<Span>>,
}

#[derive(Debug)]
struct State {
    progress: Progress,
    job: Job,
    /// Whether the caller sleeps and has not been woken.
    caller_sleeps: bool,
    /// Whether it is noted what is done when.
    is_traced: bool,
    /// What the first task that panicked gave.
    panic: Option<Box<dyn Any + Send>>,
}

/// What is run: see [`Job::do_task`] for when the pointers may be followed.
#[derive(Clone, Copy, Debug)]
enum Job {
    /// Nothing yet.
    None,
    /// The steps of a plan.
    Plan { plan: *const Plan, addresses: *const [*mut u8], context: *const Context<'static> },
    /// The parts of a kernel's work.
    Parts(*const Part<'static>),
}

/// Does the part of a number.
type Part<'a> = &'a (dyn Fn(usize) + Sync);

// SAFETY: the pointers are followed by those that hold a claim only, for whom the plan, the addresses, the context and the
// closure are there; plans and contexts are shared between threads and never change, `Addresses` says why those may be
// shared, and the closure is `Sync`.
unsafe impl Send for Job {}

impl Run {
    pub(super) fn new() -> Self {
        let progress = Progress::default();
        let state = State { progress, job: Job::None, caller_sleeps: false, is_traced: false, panic: None };
        Run {
            state: Mutex::new(state),
            changed: Condvar::new(),
            open: AtomicU64::new(0),
            is_over: AtomicBool::new(true),
            spans: Mutex::new(Vec::new()),
        }
    }

    /// Bytes for plans of so many steps.
    pub(super) const fn bytes(steps: usize) -> usize {
        if steps == 0 { 0 } else { size_of::<Self>() + Progress::bytes(steps) }
    }

    /// Runs all steps of a plan, on this thread and on workers.
    ///
    /// # Safety
    /// As for [`schedule::run`](super::schedule::run); no other call for this run may be under way.
    pub(super) unsafe fn run(
        self: &Arc<Self>,
        plan: &Plan,
        addresses: Addresses<'_>,
        context: &Context<'_>,
        queue: &RunQueue,
        mut record: Option<&mut Record>,
    ) -> Result<(), Fault> {
        let mut state = self.lock();
        state.job = Job::Plan { plan, addresses: addresses.0, context: ptr::from_ref(context).cast() };
        state.progress.start(plan);
        state.is_traced = record.is_some();
        if let Some(record) = &mut record {
            *self.spans() = mem::take(&mut record.spans);
        }
        self.share(state, queue);
        if let Some(record) = record {
            record.spans = mem::take(&mut self.spans());
            // A step without tasks was claimed once, and nothing was done.
            record.spans.retain(|span| plan.steps[span.step].tasks() > 0);
        }
        self.lock_unless_panicked().progress.take_fault().map_or(Ok(()), Err)
    }

    /// Does all parts of a kernel's work, which take so many nanoseconds together, on this thread and on workers. No other
    /// call for this run may be under way.
    pub(super) fn run_parts(
        self: &Arc<Self>,
        parts: usize,
        nanoseconds: f64,
        part: Part<'_>,
        queue: &RunQueue,
    ) {
        let mut state = self.lock();
        state.job = Job::Parts(ptr::from_ref(&part).cast());
        state.progress.start_parts(parts, nanoseconds);
        state.is_traced = false;
        self.share(state, queue);
        drop(self.lock_unless_panicked());
    }

    /// Does the job that the state has, on this thread and on workers. Then every claim has been reported, so nobody
    /// follows the job's pointers any more. A worker that finds the run late finds nothing to claim.
    fn share(self: &Arc<Self>, state: MutexGuard<'_, State>, queue: &RunQueue) {
        self.copy(&state);
        drop(state);
        queue.post(self);
        self.work(queue, CALLER);
        queue.withdraw(self);
    }

    /// Goes on with the panic of a task, if there was one.
    fn lock_unless_panicked(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        if let Some(panic) = state.panic.take() {
            drop(state);
            resume_unwind(panic);
        }
        state
    }

    /// Nanoseconds of open work, as last known.
    pub(super) fn open(&self) -> u64 {
        self.open.load(Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spans(&self) -> MutexGuard<'_, Vec<Span>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does tasks, as the thread of this number: all that there are, if it is the caller; else until there is
    /// none to claim.
    pub(super) fn work(&self, queue: &RunQueue, thread: usize) {
        let mut state = self.lock();
        let mut at = None;
        loop {
            let Some(claim) = state.progress.claim(at) else {
                self.copy(&state);
                if thread != CALLER || state.progress.is_over() {
                    return;
                }
                state = self.wait(state);
                continue;
            };
            at = Some(claim.step);
            self.copy(&state);
            let (job, open, is_traced) = (state.job, state.progress.open(), state.is_traced);
            let wakes_caller = open >= ASLEEP_FROM && state.caller_sleeps;
            state.caller_sleeps &= !wakes_caller;
            drop(state);
            if wakes_caller {
                self.changed.notify_one();
            }
            queue.offer(open);

            // SAFETY: this thread holds the claim.
            let task = AssertUnwindSafe(|| unsafe { job.do_task(claim, queue) });
            let outcome = if is_traced {
                self.traced(claim.step, Work::Task(claim.task), thread, task)
            } else {
                catch_unwind(task)
            };
            state = self.lock();
            let fault = state.take_panic(outcome).and_then(Result::err);
            if state.progress.report(claim, fault) {
                state = self.complete(state, job, claim.step, thread);
            }
        }
    }

    /// Does some work of a run that is traced, and takes down when. Kept apart, so that other runs need no room for
    /// what it gives.
    #[cold]
    fn traced<R>(
        &self,
        step: usize,
        work: Work,
        thread: usize,
        run: impl FnOnce() -> R + UnwindSafe,
    ) -> thread::Result<R> {
        let start = Instant::now();
        let outcome = catch_unwind(run);
        let end = Instant::now();
        self.spans().push(Span { step, work, thread, start, end });
        outcome
    }

    /// Completes a step whose last task this thread has reported.
    fn complete<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        job: Job,
        step: usize,
        thread: usize,
    ) -> MutexGuard<'a, State> {
        let Job::Plan { plan, .. } = job else {
            // Parts are all of one step, behind which nothing is left to do.
            state.progress.complete(&[]);
            self.wake_if_over(&mut state);
            return state;
        };
        // SAFETY: the run is not over before the step is complete, so the plan is there.
        let plan = unsafe { &*plan };
        if plan.steps[step].is_combined() && !state.progress.is_broken(step) {
            let is_traced = state.is_traced;
            drop(state);
            // SAFETY: all tasks of the step have been done, and it has not been completed.
            let combine = AssertUnwindSafe(|| unsafe { job.combine(step) });
            let outcome = if is_traced {
                self.traced(step, Work::Combine, thread, combine)
            } else {
                catch_unwind(combine)
            };
            state = self.lock();
            state.take_panic(outcome);
        }
        state.progress.complete(&plan.order.successors[step]);
        self.wake_if_over(&mut state);
        state
    }

    /// Wakes a caller that sleeps when all is done.
    fn wake_if_over(&self, state: &mut State) {
        if state.progress.is_over() && mem::take(&mut state.caller_sleeps) {
            self.changed.notify_one();
        }
    }

    /// Lets the caller wait until there is something to do, or all is done.
    fn wait<'a>(&'a self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        drop(state);
        look_out(|| self.open.load(Ordering::Relaxed) >= AWAKE_FROM || self.is_over.load(Ordering::Relaxed));
        let mut state = self.lock();
        if state.progress.open() < AWAKE_FROM && !state.progress.is_over() {
            state.caller_sleeps = true;
            while state.caller_sleeps {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
        state
    }

    /// Brings the copies up to date.
    fn copy(&self, state: &State) {
        self.open.store(state.progress.open(), Ordering::SeqCst);
        self.is_over.store(state.progress.is_over(), Ordering::Relaxed);
    }
}

impl State {
    /// What was given, unless it was a panic: the caller goes on with that when nobody is at work.
    fn take_panic<T>(&mut self, outcome: Result<T, Box<dyn Any + Send>>) -> Option<T> {
        match outcome {
            Ok(given) => Some(given),
            Err(panic) => {
                self.progress.stop();
                self.panic.get_or_insert(panic);
                None
            }
        }
    }
}

impl Job {
    /// Does a task, with all that there is to do for a step that is one task.
    ///
    /// # Safety
    /// The claim must be this thread's and not reported. The run is not over then: its caller keeps the plan,
    /// the addresses and the context, or the closure, until it is, and has promised that nothing else touches what they
    /// lead to.
    unsafe fn do_task(self, claim: Claim, queue: &RunQueue) -> Result<(), Fault> {
        let Claim { step, task, is_void } = claim;
        let (plan, addresses, context) = match self {
            // SAFETY: the caller's promise.
            Job::Plan { plan, addresses, context } => unsafe { (&*plan, Addresses(&*addresses), &*context) },
            Job::Parts(part) if !is_void => {
                // SAFETY: the caller's promise.
                unsafe { (*part)(task) };
                return Ok(());
            }
            Job::Parts(_) | Job::None => return Ok(()),
        };
        // A step without tasks is claimed once.
        if is_void || task >= plan.steps[step].tasks() {
            return Ok(());
        }
        // SAFETY: the steps that this one waits for have succeeded, or an earlier fault had made the claim
        // void; the plan lets no step that may run at the same time touch what this one writes; tasks of one
        // step write apart, and each is claimed once.
        let done = unsafe { run_task(&plan.steps[step], task, addresses, context, Some(queue)) };
        done.map_err(|cause| Fault { step, task, cause })
    }

    /// Adds up what the tasks of a step have left.
    ///
    /// # Safety
    /// All tasks of the step must have been done, the step not be complete, and this be the only call for it.
    unsafe fn combine(self, step: usize) {
        let Job::Plan { plan, addresses, .. } = self else { return };
        // SAFETY: the run is not over, as above.
        let (plan, addresses) = unsafe { (&*plan, Addresses(&*addresses)) };
        // SAFETY: all tasks are done, and nothing that waits for the step has begun.
        unsafe { finish(&plan.steps[step], addresses) };
    }
}
