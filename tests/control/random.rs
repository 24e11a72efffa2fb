//! Random programs with loops and branches: in whatever way one runs, it gives the same.

mod build;
mod check;
mod nested;
mod program;

use std::panic::{AssertUnwindSafe, catch_unwind};

use check::Effort;
use program::Program;

/// What is wrong with a program, if anything is; a panic is.
fn fault(program: &Program, effort: Effort) -> Option<String> {
    let checked = catch_unwind(AssertUnwindSafe(|| check::check(program, effort)));
    match checked {
        Ok(checked) => checked.err(),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            Some(
                text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                    .unwrap_or_default(),
            )
        }
    }
}

/// The faults of programs of these seeds, each made as small as it gets.
fn faults(seeds: impl Iterator<Item = u64>, effort: Effort) -> Vec<String> {
    seeds
        .filter_map(|seed| {
            let program = Program::drawn(seed);
            fault(&program, effort)?;
            let smallest = program.smallest(|program| fault(program, effort).is_some());
            Some(format!("seed {seed}: {}\n{smallest:?}", fault(&smallest, effort)?))
        })
        .collect()
}

/// Optimized and not, as machine code and interpreted, on one thread and two, in one run and the next, kept and written
/// out.
#[test]
fn a_thousand_programs_give_the_same_in_all_ways() {
    let faults = faults(0..1000, Effort::Some);
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n\n"));
}

/// As many as `PROGRAMS` says from `FIRST_SEED` on: `PROGRAMS=20000 cargo test --release --test control -- --ignored many`.
#[test]
#[ignore = "takes as long as is asked for"]
fn many_programs_give_the_same_in_all_ways() {
    let asked = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = asked("FIRST_SEED").unwrap_or(1000);
    let faults = faults(first..first + asked("PROGRAMS").unwrap_or(1000), Effort::All);
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n\n"));
}
