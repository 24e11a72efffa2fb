//! The ways of `examples/linreg` on its default data, in f64 and f32: the time of 100 epochs beside that of the plain
//! loop, with which each takes turns, and of the closed form. Graphs and sessions, matrices and vectors are made before
//! the clock starts.

// The names of columns are for plots.
#[allow(dead_code)]
#[path = "../examples/linreg/points.rs"]
mod points;
mod turns;
#[path = "../examples/linreg/ways/mod.rs"]
mod ways;

use std::hint::black_box;
use std::time::Duration;

use clap::ValueEnum;

use points::Points;
use turns::{Effort, medians, side};
use ways::{Descent, Problem, Scalar, Way, WayError, closed_form};

/// Rows of data: two columns of them fill a first-level cache several times over and fit a second-level one.
const ROWS: usize = 10_000;
/// Epochs in one measured iteration: enough that a call into the descent is nothing beside them.
const EPOCHS: usize = 100;
/// Threads of the sessions: an epoch of this size is too short to be shared.
const THREADS: usize = 1;
/// How long each way is measured.
const EFFORT: Effort = Effort { turns: 31, turn: Duration::from_millis(10), limit: Duration::from_secs(10) };

/// Makes the epochs of one iteration.
fn descend<T: Scalar>(descent: &mut dyn Descent<T>) {
    let descended = (0..EPOCHS).try_for_each(|_| descent.epoch());
    descended.unwrap_or_else(|error| panic!("an epoch failed: {error}"));
}

/// Microseconds of an iteration of a way, and of one of the plain loop.
fn measure<T: Scalar>(way: Way, problem: &Problem<T>) -> Result<[f64; 2], WayError> {
    let beside_plain_loop = |run: &mut dyn FnMut()| {
        Way::PlainLoop.with_descent(problem, THREADS, |plain| {
            let measured = medians(&mut side(run), &mut side(|| descend(plain)), &EFFORT);
            Ok(measured)
        })
    };
    let descended = way.with_descent(problem, THREADS, |descent| {
        let times = beside_plain_loop(&mut || descend(descent))?;
        let w = descent.weights()?;
        assert!(w.iter().all(|w| w.is_finite()), "{} diverged: {w:?}", way.name());
        Ok(times)
    })?;
    let times = match descended {
        Some(times) => times,
        None => beside_plain_loop(&mut || {
            black_box(closed_form::fit(problem));
        })?,
    };
    Ok(times.unwrap_or([f64::NAN; 2]))
}

/// Measures every way in `T`.
fn linreg<T: Scalar>(name: &str) {
    let problem = Points::on_the_line(ROWS, 0.1, 0).problem::<T>(0.001);
    for way in Way::value_variants() {
        let measured = measure(*way, &problem);
        let [time, plain] = measured.unwrap_or_else(|error| panic!("{} failed: {error}", way.name()));
        println!("{name} {:18} {time:12.1} us, {:6.3} of the plain loop", way.name(), time / plain);
    }
}

/// Both element types.
fn main() {
    linreg::<f64>("f64");
    linreg::<f32>("f32");
}
