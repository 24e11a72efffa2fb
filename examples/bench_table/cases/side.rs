//! One side of a comparison: something that runs a number of times and tells how long that took.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Runs so many times; gives the time of all of them.
pub(crate) type Side = Box<dyn FnMut(u64) -> Duration>;

/// What one run of a case does at least, to tell how near its time is to what the machine can do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// Bytes read and written, each operand and result once.
    Bytes(f64),
    /// Floating-point operations.
    Flops(f64),
    /// Nothing worth a rate.
    Uncounted,
}

/// The side that calls `run` and drops what it gives.
pub(crate) fn timed<R>(mut run: impl FnMut() -> R + 'static) -> Side {
    Box::new(move |times| {
        let start = Instant::now();
        for _ in 0..times {
            black_box(run());
        }
        start.elapsed()
    })
}

/// Rounds in which candidates are compared, each getting one turn a round.
const ROUNDS: usize = 40;
/// Rounds that there are at least.
const FEWEST_ROUNDS: usize = 5;
/// Time after which there are no more rounds.
const LIMIT: Duration = Duration::from_secs(2);
/// Time of a turn: a multiple of what waking a thread takes, and short, so that some turns are undisturbed.
const TURN: Duration = Duration::from_micros(500);

/// The candidate with the shortest turn: the one that other programs on the machine have disturbed least.
///
/// # Panics
/// If there is no candidate.
pub(crate) fn fastest(candidates: Vec<(String, Side)>) -> (String, Side) {
    let mut rated: Vec<_> = candidates
        .into_iter()
        .map(|(name, mut side)| (runs_within(&mut side, TURN), f64::INFINITY, name, side))
        .collect();
    let start = Instant::now();
    for round in 0..ROUNDS {
        if round >= FEWEST_ROUNDS && start.elapsed() > LIMIT {
            break;
        }
        for (runs, best, _, side) in &mut rated {
            *best = best.min(seconds_a_run(side, *runs));
        }
    }
    let winner = rated.into_iter().min_by(|a, b| a.1.total_cmp(&b.1));
    let (_, _, name, side) = winner.expect("every case has a candidate");
    (name, side)
}

/// How many runs fit into `time`, at least one; found by doubling.
pub(crate) fn runs_within(side: &mut Side, time: Duration) -> u64 {
    let mut runs = 1;
    loop {
        let taken = side(runs);
        if taken * 2 >= time || runs >= 1 << 40 {
            let fitting = runs as f64 * time.as_secs_f64() / taken.as_secs_f64().max(1e-9);
            return (fitting as u64).max(1);
        }
        runs *= 2;
    }
}

/// The mean time of so many runs.
pub(crate) fn seconds_a_run(side: &mut Side, runs: u64) -> f64 {
    side(runs).as_secs_f64() / runs as f64
}
