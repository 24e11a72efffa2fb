//! The table, a line as soon as it is measured, and the JSON.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::cases::Work;
use crate::common;
use crate::common::bars::{self, Bar};
use crate::row::{Limits, Measured};

/// Where table and JSON go.
pub(crate) struct Sink {
    table: Box<dyn Write>,
    json: Option<Json>,
    /// Whether the table's reader has seen enough, as `head` has.
    reader_left: bool,
}

enum Json {
    Stdout,
    /// Opened before anything is measured, so that a wrong path costs no minute; emptied when there are results.
    File(File),
}

impl Sink {
    /// Opens the file at `json`, if any; `-` is stdout, and sends the table to stderr.
    pub(crate) fn open(json: Option<&Path>) -> io::Result<Self> {
        Ok(match json {
            None => Sink { table: Box::new(io::stdout()), json: None, reader_left: false },
            Some(path) if path == Path::new("-") => {
                Sink { table: Box::new(io::stderr()), json: Some(Json::Stdout), reader_left: false }
            }
            Some(path) => {
                let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
                Sink { table: Box::new(io::stdout()), json: Some(Json::File(file)), reader_left: false }
            }
        })
    }

    /// Whether nobody reads what is measured from here on.
    pub(crate) fn is_unread(&self) -> bool {
        self.reader_left && self.json.is_none()
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) -> io::Result<()> {
        match writeln!(self.table, "{line}").and_then(|()| self.table.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.reader_left = true;
                Ok(())
            }
            written => written,
        }
    }

    pub(crate) fn heading(&mut self) -> io::Result<()> {
        self.line(format_args!(
            "{:<17} {:<9} {:>12} {:>12} {:>7} {:>13} {:>7} {:>12} {:<6} {:>13}  reference",
            "row", "unit", "ours", "reference", "ratio", "quartiles", "of best", "bound", "", "reaches"
        ))
    }

    pub(crate) fn row(&mut self, measured: &Measured) -> io::Result<()> {
        let times = &measured.times;
        let unit = if measured.bound.limits == Limits::Ours { " µs" } else { "" };
        let second = measured.bound.microseconds.map_or_else(String::new, |bound| format!(", {bound} µs"));
        let bound = format!("≤ {}{unit}{second}", measured.bound.value);
        let quartiles = times.quartiles.map(|quartile| format!("{quartile:.3}")).join("–");
        self.line(format_args!(
            "{:<17} {:<9} {:>12.3} {:>12.3} {:>7.3} {:>13} {:>7.3} {:>12} {:<6} {:>13}  {}",
            measured.row.name(),
            measured.row.unit(),
            times.ours,
            times.reference,
            measured.ratio(),
            quartiles,
            times.undisturbed,
            bound,
            if measured.is_met() { "met" } else { "MISSED" },
            rate(measured.work, times.reference),
            measured.chosen.split(" (").next().unwrap_or_default(),
        ))
    }

    /// Writes the JSON.
    pub(crate) fn finish(self, all: &[Measured]) -> io::Result<()> {
        let rows = all.iter().map(Line::of).collect();
        let text = serde_json::to_string_pretty(&Report { rows })? + "\n";
        match self.json {
            None => Ok(()),
            Some(Json::Stdout) => match io::stdout().write_all(text.as_bytes()) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                written => written,
            },
            Some(Json::File(mut file)) => {
                if file.metadata()?.is_file() {
                    file.set_len(0)?;
                }
                file.write_all(text.as_bytes())
            }
        }
    }
}

/// Draws the ratios of the shortest turns, which other work on the machine changes least.
pub(crate) fn draw(path: &Path, all: &[Measured]) -> common::Result<()> {
    let bound = all.iter().filter(|measured| measured.bound.limits == Limits::Ratio);
    let bars: Vec<Bar> = bound
        .map(|measured| {
            let (ratio, reference) =
                (measured.times.undisturbed, measured.chosen.split(" (").next().unwrap_or_default());
            Bar {
                name: measured.row.name(),
                length: ratio,
                bound: measured.bound.value,
                text: format!("{ratio:.3} of {reference}"),
            }
        })
        .collect();
    let measure = "time of the shortest turn, or bytes, divided by the reference's; marks: the bounds";
    bars::save(path, "beside references written by hand", measure, &bars)
}

/// The JSON.
#[derive(Debug, Serialize)]
struct Report<'a> {
    rows: Vec<Line<'a>>,
}

/// A row of it.
#[derive(Debug, Serialize)]
struct Line<'a> {
    name: String,
    /// Microseconds, unless `unit` says otherwise.
    ours_us: f64,
    reference_us: f64,
    ratio: f64,
    bound: f64,
    /// Which of the fields above `bound` limits.
    bounds: &'static str,
    /// A second bound, on the times of both sides.
    bound_us: Option<f64>,
    met: bool,
    unit: &'static str,
    /// Ratio of the shortest turns.
    ratio_of_best: f64,
    /// Which candidate for the reference was the fastest.
    reference: &'a str,
}

impl<'a> Line<'a> {
    fn of(measured: &'a Measured) -> Self {
        let Measured { row, times, bound, chosen, .. } = measured;
        Line {
            name: row.name(),
            ours_us: times.ours,
            reference_us: times.reference,
            ratio: measured.ratio(),
            bound: bound.value,
            bounds: if bound.limits == Limits::Ratio { "ratio" } else { "ours_us" },
            bound_us: bound.microseconds,
            met: measured.is_met(),
            unit: row.unit(),
            ratio_of_best: times.undisturbed,
            reference: chosen,
        }
    }
}

/// What the work comes to a second.
fn rate(work: Work, microseconds: f64) -> String {
    match work {
        Work::Bytes(bytes) => format!("{:.1} GB/s", bytes / microseconds / 1e3),
        Work::Flops(flops) => format!("{:.1} GFLOP/s", flops / microseconds / 1e3),
        Work::Uncounted => String::new(),
    }
}
