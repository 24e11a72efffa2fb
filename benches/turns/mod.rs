//! Two ways to do the same, timed in short turns: whatever else the machine does meets both.

use std::time::{Duration, Instant};

/// Something that is done so many times.
pub(crate) type Side<'a> = Box<dyn FnMut(u64) + 'a>;

/// The side that calls `run`.
pub(crate) fn side<'a, R>(mut run: impl FnMut() -> R + 'a) -> Side<'a> {
    Box::new(move |times| {
        for _ in 0..times {
            std::hint::black_box(run());
        }
    })
}

/// How long two sides are measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Turns of each side.
    pub(crate) turns: usize,
    /// Time of a turn; longer where a single run is.
    pub(crate) turn: Duration,
    /// Time after which there are no more turns, but for the [`FEWEST`].
    pub(crate) limit: Duration,
}

/// Turns that there are at least.
const FEWEST: usize = 5;

/// The medians of both sides' turns, in microseconds a run.
pub(crate) fn medians(ours: &mut Side<'_>, theirs: &mut Side<'_>, effort: &Effort) -> [f64; 2] {
    let runs = [runs_within(ours, effort.turn), runs_within(theirs, effort.turn)];
    let start = Instant::now();
    let mut turns: [Vec<f64>; 2] = Default::default();
    while turns[0].len() < effort.turns && (turns[0].len() < FEWEST || start.elapsed() < effort.limit) {
        turns[0].push(seconds(ours, runs[0]) / runs[0] as f64);
        turns[1].push(seconds(theirs, runs[1]) / runs[1] as f64);
    }
    turns.map(|mut turns| {
        turns.sort_by(f64::total_cmp);
        turns[turns.len() / 2] * 1e6
    })
}

/// How many runs fit into `time`, at least one; found by doubling.
fn runs_within(side: &mut Side<'_>, time: Duration) -> u64 {
    let mut runs = 1;
    loop {
        let taken = seconds(side, runs);
        if 2.0 * taken >= time.as_secs_f64() {
            return ((runs as f64 * time.as_secs_f64() / taken) as u64).max(1);
        }
        runs *= 2;
    }
}

fn seconds(side: &mut Side<'_>, runs: u64) -> f64 {
    let start = Instant::now();
    side(runs);
    start.elapsed().as_secs_f64()
}
