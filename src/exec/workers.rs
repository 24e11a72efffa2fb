//! The worker pool: threads that help with runs.
//!
//! A run is done by the thread that calls it; workers join while it has work for more than one. They wait
//! at a queue where runs are posted, and are called when there is something that is worth their coming.
//! No run depends on one coming: what nobody else has claimed, the caller does.
//!
//! Workers are threads of their own and of no rayon pool. Each thread of a pool looks for work at all others
//! before it sleeps, so that a thousand took seconds to start; and handing every run to a pool would cost more
//! than the queue does: from outside, `install` takes memory for each 63rd job, and until a thread of the pool
//! has woken up nothing would be done at all.

use std::cell::Cell;
use std::hint;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::parallel::Run;
use super::record::CALLER;

/// Nanoseconds of open work from which it pays to hand some to a thread that is awake: several times what
/// it takes to move a task's data from one core to another.
pub(super) const AWAKE_FROM: u64 = 5_000;

/// Nanoseconds of open work from which it pays to wake a thread, which takes 5 to 50 microseconds and costs
/// the waking one some of them.
pub(super) const ASLEEP_FROM: u64 = 15_000;

/// For how long a thread without work looks out for some before it sleeps: about as long as waking it
/// takes, so that the time lost either way is at most twice what the better choice would have cost.
const LOOKOUT: Duration = Duration::from_micros(30);

/// Glances at an atomic between two looks at the clock, which take some 30 nanoseconds.
const GLANCES: usize = 16;

/// Runs at once for which the queue has room from the start.
const USUAL_RUNS: usize = 16;

thread_local! {
    static IS_WORKER: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is a worker, of any pool.
pub(super) fn is_worker() -> bool {
    IS_WORKER.get()
}

/// Some workers, whose threads end when their queue has closed.
#[derive(Debug)]
pub(crate) struct WorkerPool {
    queue: Arc<RunQueue>,
}

impl WorkerPool {
    /// Starts workers, and waits for none of them: a run that comes before a worker does without it.
    pub(super) fn new(workers: usize) -> io::Result<Self> {
        // Where one cannot be started, the queue closes and the others end.
        let pool = WorkerPool { queue: Arc::new(RunQueue::new()) };
        for index in 0..workers {
            let queue = Arc::clone(&pool.queue);
            thread::Builder::new().name(format!("flowgrad-{index}")).spawn(move || {
                IS_WORKER.set(true);
                queue.serve(CALLER + 1 + index);
            })?;
        }
        Ok(pool)
    }

    pub(super) fn queue(&self) -> &RunQueue {
        &self.queue
    }
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        self.queue.lock().is_closed = true;
        // Those on the lookout see it before they sleep.
        self.queue.called.notify_all();
    }
}

/// Where runs are posted and workers are called.
#[derive(Debug)]
pub(super) struct RunQueue {
    state: Mutex<State>,
    called: Condvar,
    /// From how many nanoseconds of open work a call pays: a copy of what the state says, so that
    /// threads need no lock to see that nobody is to be called.
    price: AtomicU64,
    /// A copy of the calls in the state, for workers on the lookout.
    calls: AtomicUsize,
}

#[derive(Debug)]
struct State {
    runs: Vec<Arc<Run>>,
    /// What runs of functions' plans share, to be lent again.
    spare: Vec<Arc<Run>>,
    /// Workers that look out for a call.
    awake: usize,
    /// Workers that sleep.
    asleep: usize,
    /// Calls that no worker has answered, at most one for each that waits.
    calls: usize,
    is_closed: bool,
}

impl RunQueue {
    fn new() -> Self {
        let runs = Vec::with_capacity(USUAL_RUNS);
        RunQueue {
            state: Mutex::new(State {
                runs,
                spare: Vec::new(),
                awake: 0,
                asleep: 0,
                calls: 0,
                is_closed: false,
            }),
            called: Condvar::new(),
            price: AtomicU64::new(u64::MAX),
            calls: AtomicUsize::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets workers find a run.
    pub(super) fn post(&self, run: &Arc<Run>) {
        self.lock().runs.push(Arc::clone(run));
    }

    /// Lets no more workers find a run.
    pub(super) fn withdraw(&self, run: &Arc<Run>) {
        let runs = &mut self.lock().runs;
        if let Some(index) = runs.iter().position(|posted| Arc::ptr_eq(posted, run)) {
            runs.swap_remove(index);
        }
    }

    /// Lends what threads share of a run, for one that is part of another.
    pub(super) fn lend(&self) -> Arc<Run> {
        let spare = self.lock().spare.pop();
        spare.unwrap_or_else(|| Arc::new(Run::new()))
    }

    /// Takes it back when the run is over, unless there are enough.
    pub(super) fn take_back(&self, run: Arc<Run>) {
        let spare = &mut self.lock().spare;
        if spare.len() < USUAL_RUNS {
            spare.push(run);
        }
    }

    /// Calls a worker to a run that has so many nanoseconds of open work, if one waits and it pays.
    #[inline]
    pub(super) fn offer(&self, open: u64) {
        // Either this sees the price of a worker that waits, or that worker, which looks at the runs after
        // it has set the price, sees the work: both are in one order with the run's count of open work.
        if open >= self.price.load(Ordering::SeqCst) {
            self.call(open);
        }
    }

    #[cold]
    fn call(&self, open: u64) {
        let mut state = self.lock();
        if open < state.price() {
            return;
        }
        let wakes = state.calls >= state.awake;
        state.calls += 1;
        self.copy(&state);
        drop(state);
        if wakes {
            self.called.notify_one();
        }
    }

    /// Helps with runs, as the thread of this number, until the queue closes.
    fn serve(&self, thread: usize) {
        let mut state = self.lock();
        // Work follows work, but there was none yet: many that start would only keep each other from it.
        let mut expects_work = false;
        while !state.is_closed {
            // From here on this worker is called if there is new work, so none is missed by looking now.
            state.awake += 1;
            self.copy(&state);
            let found = state.runs.iter().find(|run| run.open() >= AWAKE_FROM).map(Arc::clone);
            if found.is_none() {
                state = self.wait(state, expects_work);
            }
            expects_work = true;
            state.awake -= 1;
            // Whichever worker goes takes a call with it, if there are as many calls as workers.
            if found.is_none() || state.calls > state.awake + state.asleep {
                state.calls = state.calls.saturating_sub(1);
            }
            self.copy(&state);
            if let Some(run) = found {
                drop(state);
                run.work(self, thread);
                drop(run);
                state = self.lock();
            }
        }
    }

    /// Waits for a call, for a while awake if one is expected.
    fn wait<'a>(&'a self, mut state: MutexGuard<'a, State>, expects_work: bool) -> MutexGuard<'a, State> {
        if expects_work {
            drop(state);
            look_out(|| self.calls.load(Ordering::Relaxed) > 0);
            state = self.lock();
        }
        if state.calls > 0 || state.is_closed {
            return state;
        }
        state.awake -= 1;
        state.asleep += 1;
        self.copy(&state);
        while state.calls == 0 && !state.is_closed {
            state = self.called.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.asleep -= 1;
        state.awake += 1;
        state
    }

    /// Brings the copies up to date.
    fn copy(&self, state: &State) {
        self.price.store(state.price(), Ordering::SeqCst);
        self.calls.store(state.calls, Ordering::Relaxed);
    }
}

impl State {
    /// From how many nanoseconds of open work calling the next worker pays.
    fn price(&self) -> u64 {
        match self.calls {
            calls if calls < self.awake => AWAKE_FROM,
            calls if calls < self.awake + self.asleep => ASLEEP_FROM,
            _ => u64::MAX,
        }
    }
}

/// Waits for something, but not for long.
pub(super) fn look_out(is_there: impl Fn() -> bool) {
    let start = Instant::now();
    while start.elapsed() < LOOKOUT {
        for _ in 0..GLANCES {
            if is_there() {
                return;
            }
            hint::spin_loop();
        }
    }
}
