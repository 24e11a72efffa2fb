//! The reference experiment: one straight line, fitted five ways, in one table.
//!
//! Reads the command line ([`args`]), makes the points ([`points`]) or reads them from a file ([`table`]),
//! fits them by each way that was asked for ([`ways`], driven and timed by [`experiment`]), and gives the
//! table and the JSON ([`report`]), the picture ([`plot`]) and the graph as DOT. Invalid input ends
//! in one line on stderr and exit code 2 ([`error`]); nothing long is begun before the input is checked and
//! the output files are open ([`output`]).
//!
//! ```text
//! cargo run --release --example linreg
//! cargo run --release --example linreg -- --dtype f32 --ways plain_loop,session_autodiff --json -
//! cargo run --release --example linreg -- --csv points.csv --mu 0.01 --plot fit.svg
//! ```

mod args;
mod error;
mod experiment;
mod output;
mod plot;
mod points;
mod progress;
mod report;
mod table;
mod ways;

use std::process::ExitCode;

use args::{Args, Dtype};
use error::Error;
use experiment::{End, Experiment};
use output::{Output, OutputFile};
use points::Points;
use ways::Scalar;

/// Exit code when a way reached no finite result.
const DIVERGED: u8 = 1;
/// Exit code of bad input, the same that clap gives to a bad command line.
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    let args = match Args::read() {
        Ok(args) => args,
        Err(code) => return code,
    };
    let run = match args.dtype {
        Dtype::F32 => run::<f32>,
        Dtype::F64 => run::<f64>,
    };
    run(&args).unwrap_or_else(|error| {
        output::complain(&format!("error: {error}"));
        ExitCode::from(BAD_INPUT)
    })
}

/// The whole command, computed in `T`: check, open, fit, report.
fn run<T: Scalar>(args: &Args) -> Result<ExitCode, Error> {
    args.check::<T>()?;
    let points = match &args.csv {
        Some(path) => table::read::<T>(path)?,
        None => made::<T>(args)?,
    };
    let json = args.json.as_deref().map(Output::open).transpose()?;
    let plot = args.plot.as_deref().map(OutputFile::open).transpose()?;
    let dot = args.dot.as_deref().map(OutputFile::open).transpose()?;

    let experiment = Experiment {
        problem: points.problem::<T>(args.mu),
        points,
        epochs: args.epochs,
        threads: args.threads(),
    };
    let results = args.ways.iter().map(|&way| experiment.fit(way)).collect::<Result<Vec<_>, _>>()?;

    let table = report::table(args, &experiment, &results);
    match json {
        // Of what goes to stderr for people, what it does not take is lost.
        Some(Output::Stdout) => drop(output::to_stderr(&table)),
        _ => output::to_stdout(&table)?,
    }
    if let Some(json) = json {
        json.write(&report::json(args, &experiment, &results)?)?;
    }
    if let Some(plot) = plot {
        plot.write(&plot::svg(&experiment, &results)?)?;
    }
    if let Some(dot) = dot {
        dot.write(&experiment.dot())?;
    }
    let finite = results.iter().all(|result| matches!(result.end, End::Fitted { .. }));
    Ok(if finite { ExitCode::SUCCESS } else { ExitCode::from(DIVERGED) })
}

/// The data that the options describe, all of it finite in `T`.
fn made<T: Scalar>(args: &Args) -> Result<Points, Error> {
    let points = Points::on_the_line(args.n, args.sigma, args.seed);
    if points.d.iter().all(|&d| T::from_f64(d).is_finite()) {
        Ok(points)
    } else {
        Err(Error::Noise { sigma: args.sigma, dtype: T::DTYPE })
    }
}
