//! The speed of the library beside loops written by hand, as ratios measured in one run.
//!
//! For each row of the table ([`row`]) a case ([`cases`]) gives two ways to do the same, which have been checked to
//! give the same numbers. They are timed in turns ([`measure`]), ours, reference, ours, reference and so on, so that
//! whatever else the machine does meets both; the ratio is that of the medians. Figures mean most on an idle machine.
//!
//! ```text
//! cargo run --release --example bench_table
//! cargo run --release --example bench_table -- --rows linreg_f64,chain --json -
//! cargo run --release --example bench_table -- --plot ratios.svg
//! ```

mod args;
#[allow(dead_code, unused_imports, reason = "the benches measure cases that the table lacks")]
mod cases;
#[path = "../common/mod.rs"]
#[allow(dead_code, reason = "each example uses its part")]
mod common;
mod measure;
mod report;
mod row;

use std::io::{Write, stderr};
use std::process::ExitCode;

use args::Args;
use clap::Parser;
use report::Sink;

fn main() -> ExitCode {
    let args = Args::parse();
    run(&args).unwrap_or_else(|error| {
        // Where stderr takes nothing, only the exit code is left to tell it.
        let _ = writeln!(stderr(), "error: {error}");
        ExitCode::from(2)
    })
}

/// Measures every row that was asked for, and reports each as soon as it is there.
fn run(args: &Args) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let json = args.json.as_deref();
    let mut sink = Sink::open(json).map_err(|error| match json {
        Some(path) => format!("{}: {error}", path.display()),
        None => error.to_string(),
    })?;
    sink.heading()?;
    let mut results = Vec::new();
    for row in args.rows() {
        let result = row.measure(&args.effort()).map_err(|error| format!("{}: {error}", row.name()))?;
        sink.row(&result)?;
        results.push(result);
        if sink.is_unread() {
            break;
        }
    }
    if let Some(path) = &args.plot {
        report::draw(path, &results)?;
    }
    sink.finish(&results)?;
    Ok(ExitCode::SUCCESS)
}
