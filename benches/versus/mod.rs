//! What the benches share: cases of the library and their equivalents by hand, which take turns.

#[allow(dead_code, unused_imports, reason = "each bench measures a few of the cases")]
#[path = "../../examples/bench_table/cases/mod.rs"]
pub(crate) mod cases;
// Looks for `cases` at the root, where each bench names it.
#[allow(dead_code, reason = "the table also takes times that are measured once")]
#[path = "../../examples/bench_table/measure.rs"]
mod measure;

use std::time::Duration;

use cases::{Case, CaseError, Work};
use clap::Parser;
use measure::{Effort, Times, compare};

/// Measure beside equivalents by hand.
#[derive(Debug, Parser)]
struct Args {
    /// Only what has this in its name
    #[arg(default_value = "")]
    only: String,

    /// Turns of each side
    #[arg(long, default_value_t = 31)]
    turns: usize,

    /// What `cargo bench` says to all benches
    #[arg(long, hide = true)]
    bench: bool,
}

/// Measures cases, a line each.
#[derive(Debug)]
pub(crate) struct Versus {
    args: Args,
}

impl Versus {
    /// As the command line says.
    pub(crate) fn from_args() -> Self {
        println!("{:36} {:>12} {:>12} {:24}", "", "ours, us", "other, us", " ratio (its quartiles)");
        Versus { args: Args::parse() }
    }

    /// Measures both sides of a case: medians of their turns, and our rate.
    ///
    /// # Panics
    /// If the case cannot be built, or its sides give different numbers.
    pub(crate) fn case(&self, name: &str, case: impl FnOnce() -> Result<Case, CaseError>) {
        if !name.contains(&self.args.only) {
            return;
        }
        let case = case().unwrap_or_else(|error| panic!("{name}: {error}"));
        let Case { mut ours, mut reference, chosen, work, units } = case;
        let limit = Duration::from_secs(5);
        let effort = Effort { repeats: self.args.turns, turn: Duration::from_millis(5), limit };
        let Times { ours, reference, quartiles: [low, high], .. } =
            compare(&mut ours, &mut reference, &effort);
        let rate = match work {
            Work::Bytes(bytes) => format!("{:.1} GB/s", bytes / ours / 1e3),
            Work::Flops(flops) => format!("{:.1} GFLOP/s", flops / ours / 1e3),
            Work::Uncounted => String::new(),
        };
        let (ratio, [ours, reference]) = (ours / reference, [ours, reference].map(|time| time / units));
        let beside = format!("{ratio:6.3} ({low:.3} to {high:.3})");
        println!("{name:36} {ours:12.3} {reference:12.3} {beside:24} {rate:>14}  {chosen}");
    }
}
