//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::measure::Effort;
use crate::row::Row;

/// Measure the library beside loops written by hand: ratios of medians of interleaved repeats.
#[derive(Debug, Parser)]
#[command(name = "bench_table")]
pub(crate) struct Args {
    /// Write the rows as JSON; with `-` stdout holds only the JSON, and the table goes to stderr
    #[arg(long, value_name = "FILE|-", allow_hyphen_values = true)]
    pub(crate) json: Option<PathBuf>,

    /// Draw the ratios of the rows that are bound by one, as SVG
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) plot: Option<PathBuf>,

    /// Rows to measure, comma-separated [default: all]
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',')]
    rows: Vec<Row>,

    /// Turns that each side of a row gets, if they take no more than ten seconds
    #[arg(long, value_name = "N", default_value_t = 201, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    repeats: u32,

    /// A fifth of the turns and the time: a look, not a measurement
    #[arg(long)]
    quick: bool,
}

impl Args {
    /// The rows in the order of the table.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let all = Row::value_variants().iter().copied();
        all.filter(|row| self.rows.is_empty() || self.rows.contains(row)).collect()
    }

    /// How long to measure.
    pub(crate) fn effort(&self) -> Effort {
        let part = if self.quick { 5 } else { 1 };
        Effort {
            repeats: self.repeats.div_ceil(part) as usize,
            turn: Duration::from_millis(1),
            limit: Duration::from_secs(10) / part,
        }
    }
}
