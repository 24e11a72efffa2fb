//! Timing two sides in turns.
//!
//! A turn is short: on a machine that does other work as well, a side then has most of its turns to itself, and the
//! median is that of an undisturbed one. Both sides' turns are equally long: a fast side does not suffer each time from
//! what a slow one has left in the caches.

use std::time::{Duration, Instant};

use crate::cases::{Side, runs_within, seconds_a_run};

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Turns of each side.
    pub(crate) repeats: usize,
    /// Time of a turn, in which a side runs as often as it can; it is as long as one run of the slower side if that
    /// is longer.
    pub(crate) turn: Duration,
    /// Time after which a row gets no more turns, if it has had [`ENOUGH`].
    pub(crate) limit: Duration,
}

/// Turns of which a median can be taken.
const ENOUGH: usize = 5;

/// Microseconds of a run of either side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// The median of the library's turns.
    pub(crate) ours: f64,
    /// The median of the reference's turns.
    pub(crate) reference: f64,
    /// The quartiles of the ratios of neighboring turns: how much other work on the machine disturbed.
    pub(crate) quartiles: [f64; 2],
    /// The ratio of the shortest turns: what the medians' ratio comes to on an idle machine.
    pub(crate) undisturbed: f64,
}

impl Times {
    /// Both sides measured once, without any error.
    pub(crate) fn exactly(ours: f64, reference: f64) -> Self {
        let ratio = ours / reference;
        Times { ours, reference, quartiles: [ratio; 2], undisturbed: ratio }
    }

    /// The times of one of so many units.
    pub(crate) fn per(self, units: f64) -> Self {
        Times { ours: self.ours / units, reference: self.reference / units, ..self }
    }
}

/// Times both sides, which take turns.
pub(crate) fn compare(ours: &mut Side, reference: &mut Side, effort: &Effort) -> Times {
    let once = |side: &mut Side| {
        let runs = runs_within(side, effort.turn);
        Duration::from_secs_f64(seconds_a_run(side, runs))
    };
    let turn = effort.turn.max(once(ours)).max(once(reference));
    let runs = [runs_within(ours, turn), runs_within(reference, turn)];
    let start = Instant::now();
    let mut turns: Vec<[f64; 2]> = Vec::new();
    while turns.len() < effort.repeats && (turns.len() < ENOUGH || start.elapsed() < effort.limit) {
        turns.push([seconds_a_run(ours, runs[0]) * 1e6, seconds_a_run(reference, runs[1]) * 1e6]);
    }
    let of = |value: fn(&[f64; 2]) -> f64, fraction| quantile(turns.iter().map(value).collect(), fraction);
    Times {
        ours: of(|turn| turn[0], 0.5),
        reference: of(|turn| turn[1], 0.5),
        quartiles: [0.25, 0.75].map(|fraction| of(|turn| turn[0] / turn[1], fraction)),
        undisturbed: of(|turn| turn[0], 0.0) / of(|turn| turn[1], 0.0),
    }
}

/// The value below which lies this fraction of the values, interpolated.
fn quantile(mut values: Vec<f64>, fraction: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = fraction * values.len().saturating_sub(1) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    values[below] + (values[above] - values[below]) * place.fract()
}
