//! The results as text: a table for people, JSON for programs.

use serde::Serialize;

use crate::args::Args;
use crate::error::Error;
use crate::experiment::{End, Experiment, Outcome};
use crate::ways::{Scalar, Way};

/// The table: a line on the experiment, a line of titles, a line for each way.
pub(crate) fn table<T: Scalar>(args: &Args, experiment: &Experiment<T>, results: &[Outcome]) -> String {
    let rows = counted(experiment.points.x.len(), "row");
    let epochs = counted(experiment.epochs, "epoch");
    let threads = counted(experiment.threads, "thread");
    let plain = results.iter().find(|result| result.way == Way::PlainLoop).map(|result| result.seconds);

    let mut lines = vec![
        format!("{rows}, {epochs}, mu {:?}, {}, sessions on {threads}", args.mu, T::DTYPE),
        String::new(),
        line("way", "time", "x plain loop", ["w0", "w1", "mse"].map(str::to_owned)),
    ];
    for Outcome { way, seconds, end } in results {
        let (time, ratio) = (time(*seconds), ratio(plain, *seconds));
        lines.push(match end {
            End::Fitted { w: [w0, w1], mse } => line(way.name(), &time, &ratio, [*w0, *w1, *mse].map(number)),
            End::Diverged { epoch } => {
                line(way.name(), &time, &ratio, [format!("  diverged at epoch {epoch}")])
            }
            End::Overflowed => line(way.name(), &time, &ratio, [format!("  overflows {}", T::DTYPE)]),
        });
    }
    lines.join("\n") + "\n"
}

/// One line of the table.
fn line<const N: usize>(way: &str, time: &str, ratio: &str, reached: [String; N]) -> String {
    let columns = reached.map(|column| format!("{column:>14}"));
    format!("{way:<16}{time:>11}{ratio:>14}{}", columns.concat())
}

/// The JSON of a run; numbers that are not finite do not occur in it.
pub(crate) fn json<T: Scalar>(
    args: &Args,
    experiment: &Experiment<T>,
    results: &[Outcome],
) -> Result<String, Error> {
    let document = Document {
        n: experiment.points.x.len(),
        epochs: experiment.epochs,
        mu: args.mu,
        dtype: T::DTYPE.to_string(),
        threads: experiment.threads,
        results: results.iter().map(Row::from).collect(),
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// The outermost object.
#[derive(Debug, Serialize)]
struct Document {
    n: usize,
    epochs: usize,
    mu: f64,
    dtype: String,
    threads: usize,
    results: Vec<Row>,
}

/// One way.
#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    seconds: f64,
    w: Option<[f64; 2]>,
    mse: Option<f64>,
    /// Present where it is true.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    diverged: bool,
}

impl From<&Outcome> for Row {
    fn from(outcome: &Outcome) -> Self {
        let (w, mse) = match outcome.end {
            End::Fitted { w, mse } => (Some(w), Some(mse)),
            End::Diverged { .. } | End::Overflowed => (None, None),
        };
        Row { name: outcome.way.name(), seconds: outcome.seconds, w, mse, diverged: w.is_none() }
    }
}

/// A count with its noun.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A time in the unit that gives one to three digits before the point.
fn time(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 1e-3 => format!("{:.2} ms", s * 1e3),
        s => format!("{:.2} us", s * 1e6),
    }
}

/// How many times as fast as the plain loop, where that was run and the time can be told from none.
fn ratio(plain: Option<f64>, seconds: f64) -> String {
    match plain {
        Some(plain) if seconds > 0.0 => format!("{:.2}", plain / seconds),
        _ => "-".to_owned(),
    }
}

/// A number with six decimals, or six digits and an exponent where those would show nothing or too much.
fn number(value: f64) -> String {
    if value == 0.0 || (1e-3..1e6).contains(&value.abs()) {
        format!("{value:.6}")
    } else {
        format!("{value:.5e}")
    }
}
