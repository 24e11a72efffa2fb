//! What a session keeps: bytes held behind 40 batch lengths, behind 60 requests that share a constant, behind a burst
//! of 64 runs, and behind a million runs, each beside what one run needs; and how long a reader waits beside a long
//! training step. Fails where either is beyond its bound.
//!
//! ```text
//! cargo run --release --example memory
//! ```

#[allow(dead_code, reason = "each example uses its part")]
mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use common::bars::{self, Bar};
use common::parsed;
use flowgrad::ndarray::{Array1, Array2};
use flowgrad::prelude::*;

/// Measure what a session keeps
#[derive(Parser)]
struct Args {
    /// Draw what is held beside what one run needs, as SVG
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

/// Counts the bytes that the process holds.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most that may be held, times what one run needs.
const BOUND: f64 = 1.5;

/// The longest that a reader may wait.
const WAIT_BOUND: Duration = Duration::from_millis(5);

/// What is held when `run` is over, beyond what was before; what it gives is part of that.
fn held<R>(run: impl FnOnce() -> Result<R>) -> Result<usize> {
    let before = HELD.load(Ordering::Relaxed);
    let given = run()?;
    let held = HELD.load(Ordering::Relaxed).saturating_sub(before);
    drop(given);
    Ok(held)
}

/// A perceptron 784-256-128-10 and what is done with it.
struct Model<'g> {
    x: Tensor<'g>,
    classes: Tensor<'g, i64>,
    train: Operation<'g>,
    predicted: Tensor<'g, i64>,
}

impl<'g> Model<'g> {
    fn new(g: &'g Graph) -> Self {
        let x = g.placeholder::<f32>("x", [None, Some(784)]);
        let classes = g.placeholder::<i64>("classes", [None]);
        let model = Sequential::new()
            .add(Dense::new(g, "first", 784, 256))
            .add(Tensor::relu)
            .add(Dense::new(g, "second", 256, 128))
            .add(Tensor::relu)
            .add(Dense::new(g, "logits", 128, 10));
        let logits = model.call(x, Mode::Train);
        let loss = logits.sparse_softmax_cross_entropy(classes).reduce_mean(..);
        Model { x, classes, train: Sgd::new(0.01).minimize(loss), predicted: logits.argmax(-1) }
    }
}

/// Rows of pixels, and their classes.
fn batch(rows: usize) -> (Array2<f32>, Array1<i64>) {
    (Array2::ones((rows, 784)), Array1::zeros(rows))
}

/// A training step that is fed batches of several lengths.
fn lengths() -> Result<[usize; 2]> {
    let g = Graph::new();
    let model = Model::new(&g);
    let batches: Vec<_> = (1..=40).map(|length| batch(length * 16)).collect();
    let run = |batches: &[(Array2<f32>, Array1<i64>)]| {
        let session = Session::new(&g)?;
        let step = session.make_callable((model.x, model.classes), model.train)?;
        batches.iter().try_for_each(|(x, classes)| step.call((x, classes)))?;
        Ok((session, step))
    };
    run(&batches)?;
    Ok([held(|| run(&batches[39..]))?, held(|| run(&batches))?])
}

/// Requests each of which multiplies the same 15 MB, which are laid out by columns for it.
fn constant() -> Result<[usize; 2]> {
    const SHAPE: (usize, usize) = (1_920_000, 2);
    let g = Graph::new();
    let x = g.constant(Array2::from_shape_fn(SHAPE, |(row, column)| (row + column) as f32));
    let w = g.variable("w", Array2::<f32>::ones((SHAPE.1, 1)));
    let fetches: Vec<Tensor<'_>> =
        (0..60).map(|index| (x.matmul(w) - index as f32).square().reduce_mean(..)).collect();
    let gradients: Vec<[Tensor<'_>; 1]> = fetches.iter().map(|loss| loss.gradients([w])).collect();
    let run = |gradients: &[[Tensor<'_>; 1]]| {
        let session = Session::new(&g)?;
        gradients.iter().try_for_each(|gradient| session.run(*gradient).map(drop))?;
        Ok(session)
    };
    let of_graph = SHAPE.0 * SHAPE.1 * size_of::<f32>();
    run(&gradients[..2])?;
    Ok([of_graph + held(|| run(&gradients[..1]))?, of_graph + held(|| run(&gradients))?])
}

/// Threads that predict and train at once.
fn burst() -> Result<[usize; 2]> {
    const RUNS: usize = 64;
    let g = Graph::new();
    let model = Model::new(&g);
    let (x, classes) = batch(256);
    let run = |threads: usize| {
        let session = Session::new(&g)?;
        let step = session.make_callable((model.x, model.classes), model.train)?;
        let predict = session.make_callable(model.x, model.predicted)?;
        let together = Barrier::new(threads);
        let once = || {
            together.wait();
            predict.call(&x)?;
            step.call((&x, &classes))
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(once)).collect();
            threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Ok(())))
        })?;
        Ok((session, step, predict))
    };
    run(RUNS)?;
    Ok([held(|| run(1))?, held(|| run(RUNS))?])
}

/// A million steps on a scalar.
fn runs() -> Result<[usize; 2]> {
    let g = Graph::new();
    let v = g.variable("v", 0.0_f64);
    let add = v.assign_add(1.0).op();
    let run = |count: usize| {
        let session = Session::new(&g)?;
        let step = session.make_callable((), add)?;
        (0..count).try_for_each(|_| step.call(()))?;
        Ok((session, step))
    };
    run(1)?;
    Ok([held(|| run(1))?, held(|| run(1_000_000))?])
}

/// A training step's time, and the longest and the median wait of a reader beside such steps.
fn waits(threads: usize) -> Result<[Duration; 3]> {
    /// Rows for which a step takes some 100 ms on one thread.
    const ROWS: usize = 12_000;
    const READS: usize = 2_000;
    let g = Graph::new();
    let model = Model::new(&g);
    let session = Session::builder(&g).threads(threads).build()?;
    let step = session.make_callable((model.x, model.classes), model.train)?;
    let predict = session.make_callable(model.x, model.predicted)?;
    let ((x, classes), (row, _)) = (batch(ROWS), batch(1));
    step.call((&x, &classes))?;
    predict.call(&row)?;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let training = scope.spawn(|| {
            let (start, mut steps) = (Instant::now(), 0);
            while !is_over.load(Ordering::Relaxed) {
                step.call((&x, &classes))?;
                steps += 1;
            }
            Ok(start.elapsed() / steps.max(1))
        });
        let mut waits: Vec<Duration> = Vec::with_capacity(READS);
        let mut read = || {
            for _ in 0..READS {
                thread::sleep(Duration::from_micros(500));
                let start = Instant::now();
                predict.call(&row)?;
                waits.push(start.elapsed());
            }
            Ok(())
        };
        let outcome = read();
        is_over.store(true, Ordering::Relaxed);
        let step: Result<Duration> = training.join().unwrap_or(Ok(Duration::ZERO));
        outcome.and(step).map(|step| {
            waits.sort_unstable();
            [step, waits[READS - 1], waits[READS / 2]]
        })
    })
}

/// A case's name, and what it holds behind one run and in the end.
type Case = (&'static str, fn() -> Result<[usize; 2]>);

fn print(args: &Args) -> common::Result<bool> {
    let mut out = io::stdout();
    let mut drawn = Vec::new();
    writeln!(out, "{:<44}{:>12}{:>12}{:>8}{:>8}", "bytes held", "one run", "then", "ratio", "bound")?;
    let mut is_bounded = true;
    let cases: [Case; 4] = [
        ("a training step on 40 batch lengths", lengths),
        ("60 requests with a constant of 15 MB", constant),
        ("a burst of 64 predictions and steps", burst),
        ("1,000,000 runs", runs),
    ];
    for (name, case) in cases {
        let [one, then] = case()?;
        let ratio = then as f64 / one as f64;
        is_bounded &= ratio <= BOUND;
        writeln!(out, "{name:<44}{one:>12}{then:>12}{ratio:>8.2}{BOUND:>8}")?;
        let [one, then] = [one, then].map(size);
        let text = format!("{ratio:.2}: {then}, one run {one}");
        drawn.push(Bar { name: name.to_owned(), length: ratio, bound: BOUND, text });
    }
    if let Some(path) = &args.plot {
        let measure = "bytes held, divided by those behind one run; marks: the most that may be held";
        bars::save(path, "what a session keeps", measure, &drawn)?;
    }
    writeln!(
        out,
        "\n{:<44}{:>12}{:>12}{:>12}{:>8}",
        "a prediction beside training steps", "step", "median", "worst", "bound"
    )?;
    for threads in [1, 2] {
        let [step, worst, median] = waits(threads)?;
        is_bounded &= worst <= WAIT_BOUND;
        let threads = format!("{threads} threads");
        writeln!(out, "{threads:<44}{step:>12.1?}{median:>12.1?}{worst:>12.1?}{WAIT_BOUND:>8.0?}")?;
    }
    Ok(is_bounded)
}

/// Bytes in a unit that leaves few digits.
fn size(bytes: usize) -> String {
    match bytes as f64 {
        bytes if bytes < 1e6 => format!("{:.1} kB", bytes / 1e3),
        bytes => format!("{:.1} MB", bytes / 1e6),
    }
}

fn main() -> ExitCode {
    match print(&parsed()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Where nobody can read it, nothing is lost.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}
