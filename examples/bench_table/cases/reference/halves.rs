//! Work in two halves, split by hand over two threads in the two ways that are worth trying, or left on one.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, Thread};

/// How two halves run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// One after the other: what is too little to be split.
    Alone,
    /// By `rayon::join`.
    Join,
    /// One half on the caller's thread, one on a thread that waits for it, at first spinning.
    Worker,
}

impl How {
    /// Those that take two threads.
    pub(crate) const SPLIT: [How; 2] = [How::Join, How::Worker];

    /// The name for tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            How::Alone => "one thread",
            How::Join => "rayon::join",
            How::Worker => "a worker thread",
        }
    }

    /// The function that runs both halves on the same input.
    pub(crate) fn both<I, O>(
        self,
        mut first: impl FnMut(I) -> O + Send + 'static,
        mut second: impl FnMut(I) -> O + Send + 'static,
    ) -> Box<dyn FnMut(I) -> [O; 2]>
    where
        I: Copy + Send + Sync + 'static,
        O: Send + 'static,
    {
        match self {
            How::Alone => Box::new(move |input| [first(input), second(input)]),
            How::Join => Box::new(move |input| {
                let (first, second) = rayon::join(|| first(input), || second(input));
                [first, second]
            }),
            How::Worker => {
                let worker = Worker::start(second);
                Box::new(move |input| {
                    worker.begin(input);
                    let first = first(input);
                    [first, worker.end()]
                })
            }
        }
    }
}

/// Turns of waiting by spinning, some 20 µs, before the thread gives way: as long as waking a thread takes.
const SPINS: u32 = 2_000;

const IDLE: u8 = 0;
const BEGUN: u8 = 1;
const DONE: u8 = 2;
const STOP: u8 = 3;

/// A thread that does one thing whenever it is told to.
struct Worker<I, O> {
    shared: Arc<Mail<I, O>>,
    thread: Option<JoinHandle<()>>,
    handle: Thread,
}

/// What the worker and its owner hand each other. The locks are never contended: `state` says whose turn it is.
struct Mail<I, O> {
    state: AtomicU8,
    input: Mutex<Option<I>>,
    output: Mutex<Option<O>>,
}

impl<I: Send + 'static, O: Send + 'static> Worker<I, O> {
    fn start(mut work: impl FnMut(I) -> O + Send + 'static) -> Self {
        let shared =
            Arc::new(Mail { state: AtomicU8::new(IDLE), input: Mutex::new(None), output: Mutex::new(None) });
        let mail = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            loop {
                let state = mail.wait_for(|state| state == BEGUN || state == STOP, thread::park);
                if state == STOP {
                    return;
                }
                if let Some(input) = take(&mail.input) {
                    put(&mail.output, work(input));
                }
                mail.state.store(DONE, Ordering::Release);
            }
        });
        let handle = thread.thread().clone();
        Worker { shared, thread: Some(thread), handle }
    }

    fn begin(&self, input: I) {
        put(&self.shared.input, input);
        self.shared.state.store(BEGUN, Ordering::Release);
        self.handle.unpark();
    }

    fn end(&self) -> O {
        self.shared.wait_for(|state| state == DONE, thread::yield_now);
        self.shared.state.store(IDLE, Ordering::Relaxed);
        take(&self.shared.output).expect("the worker has put its result")
    }
}

impl<I, O> Mail<I, O> {
    /// Spins for a while, then `rests` between looks, until the state is one that was waited for.
    fn wait_for(&self, wanted: impl Fn(u8) -> bool, rest: impl Fn()) -> u8 {
        let mut spins = 0;
        loop {
            let state = self.state.load(Ordering::Acquire);
            if wanted(state) {
                return state;
            }
            if spins < SPINS {
                spins += 1;
                spin_loop();
            } else {
                rest();
            }
        }
    }
}

fn put<T>(place: &Mutex<Option<T>>, value: T) {
    *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
}

fn take<T>(place: &Mutex<Option<T>>) -> Option<T> {
    place.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl<I, O> Drop for Worker<I, O> {
    fn drop(&mut self) {
        self.shared.state.store(STOP, Ordering::Release);
        self.handle.unpark();
        if let Some(thread) = self.thread.take() {
            // A worker that panicked has said so.
            let _ = thread.join();
        }
    }
}
