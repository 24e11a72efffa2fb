//! The command line: what can be asked for, and the checks that clap does not make.

use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf, absolute};
use std::process::ExitCode;
use std::thread;

use clap::{Parser, ValueEnum};

use crate::BAD_INPUT;
use crate::error::Error;
use crate::output;
use crate::ways::{Scalar, Way};

/// Most rows that are made, for memory: the ways together hold some 100 bytes a row, so 10⁸ rows are 10 GB.
/// One more zero would end in the kernel killing the process instead of in a message.
const MAX_ROWS: usize = 100_000_000;
/// Most threads that a session is asked for: far beyond the cores of any machine, far below where starting
/// them fails.
const MAX_THREADS: usize = 1024;

/// Fit the line d = w0 + w1·x by least squares in five ways, and compare their times.
///
/// The data is d = 3 + 2·x + noise at n points x, evenly spaced over [0, 2], or what --csv reads.
/// The closed form is the pseudo-inverse; the four others are the same full-batch gradient descent
/// from w = 0, and the last way is the one that the library is for.
#[derive(Debug, Parser)]
#[command(name = "linreg", version, verbatim_doc_comment, after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Rows of data to make (no effect with --csv)
    #[arg(long, default_value_t = 10_000, allow_hyphen_values = true)]
    pub(crate) n: usize,

    /// Steps of the gradient descents; 0 leaves w at its start, zero
    #[arg(long, default_value_t = 10_000, allow_hyphen_values = true)]
    pub(crate) epochs: usize,

    /// Step size of the gradient descents
    #[arg(long, default_value_t = 0.001, allow_hyphen_values = true)]
    pub(crate) mu: f64,

    /// Standard deviation of the Gaussian noise in the data made (no effect with --csv)
    #[arg(long, default_value_t = 0.1, allow_hyphen_values = true)]
    pub(crate) sigma: f64,

    /// Seed of that noise: the same seed makes the same data (no effect with --csv)
    #[arg(long, default_value_t = 0, allow_hyphen_values = true)]
    pub(crate) seed: u64,

    /// Element type of the ways; the closed form computes in f64 either way
    #[arg(long, value_enum, default_value_t = Dtype::F64)]
    pub(crate) dtype: Dtype,

    /// Threads of the sessions [default: all cores]; the other ways use one
    #[arg(long, allow_hyphen_values = true)]
    threads: Option<usize>,

    /// Ways to run, comma-separated, in this order; speed is relative to the plain loop, if that is run
    #[arg(
        long,
        value_enum,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "closed_form,plain_loop,eager_ndarray,session_manual,session_autodiff",
        hide_possible_values = true
    )]
    pub(crate) ways: Vec<Way>,

    /// Fit the data in this file: a header line, then two columns of numbers, input and output
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,

    /// Write the results as JSON; with `-` stdout holds only the JSON, and the table goes to stderr
    #[arg(long, value_name = "FILE|-", allow_hyphen_values = true)]
    pub(crate) json: Option<PathBuf>,

    /// Draw the data with the fitted line and the falling loss of the descent, as SVG
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) plot: Option<PathBuf>,

    /// Write the graph with the gradient by autodiff in Graphviz's DOT language
    #[arg(long, value_name = "FILE")]
    pub(crate) dot: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
Time is what a user waits for a way: its matrices or vectors made, all epochs, the weights
read. For the session ways that includes building the graph, making the session and planning.
Making or reading the data is not timed. The mean squared error (mse) is computed in f64 from
the final weights of each way.

Exit codes: 0 when all ways reached finite weights; 1 when some way diverged or overflowed,
which the table says, and the JSON with \"diverged\": true and null for w and mse; 2 on bad
input, which one line on stderr tells.";

/// The element type of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dtype {
    /// 32-bit floats.
    F32,
    /// 64-bit floats.
    F64,
}

impl Args {
    /// Reads the process's command line; `Err` is the exit code after help or clap's complaint has been
    /// printed.
    pub(crate) fn read() -> Result<Self, ExitCode> {
        let mut args = Args::try_parse().map_err(|error| {
            if error.use_stderr() {
                output::complain(&one_line(&error.to_string()));
            } else if let Err(error) = output::to_stdout(&help(&error)) {
                output::complain(&format!("error: {error}"));
                return ExitCode::from(BAD_INPUT);
            }
            ExitCode::from(error.exit_code() as u8)
        })?;
        let mut ways = Vec::new();
        for way in args.ways {
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
        args.ways = ways;
        Ok(args)
    }

    /// The threads of a session: as asked for, or one a core.
    pub(crate) fn threads(&self) -> usize {
        self.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from))
    }

    /// Whether all numbers are in range, and finite in the element type `T`, and no file is written over
    /// another.
    pub(crate) fn check<T: Scalar>(&self) -> Result<(), Error> {
        for (option, value, max) in
            [("--n", self.n, MAX_ROWS), ("--threads", self.threads.unwrap_or(1), MAX_THREADS)]
        {
            if value == 0 || value > max {
                return Err(Error::Count { option, value, max });
            }
        }
        for (option, value) in [("--mu", self.mu), ("--sigma", self.sigma)] {
            if !T::from_f64(value).is_finite() {
                return Err(Error::NotFinite { option, value, dtype: T::DTYPE });
            }
        }
        if self.sigma < 0.0 {
            return Err(Error::NegativeSigma { value: self.sigma });
        }
        self.check_files_differ()
    }

    /// Whether no output goes to the file of the data or of another output.
    fn check_files_differ(&self) -> Result<(), Error> {
        let files =
            [("--csv", &self.csv), ("--json", &self.json), ("--plot", &self.plot), ("--dot", &self.dot)];
        let mut seen: Vec<(&str, PathBuf)> = Vec::new();
        for (option, path) in files {
            let Some(path) = path.as_deref().filter(|path| !is_device(path)) else {
                continue;
            };
            // What does not exist yet is known by its name only.
            let file = path.canonicalize().or_else(|_| absolute(path)).unwrap_or_else(|_| path.into());
            if let Some((first, _)) = seen.iter().find(|(_, other)| *other == file) {
                return Err(Error::SameFile { first, second: option, path: path.to_path_buf() });
            }
            seen.push((option, file));
        }
        Ok(())
    }
}

/// What help and version say, colored for a terminal.
fn help(told: &clap::Error) -> String {
    let text = told.render();
    if stdout().is_terminal() { text.ansi().to_string() } else { text.to_string() }
}

/// Whether several outputs may go to `path` because nothing is kept there, as with `/dev/null`.
fn is_device(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| !metadata.is_file())
}

/// clap's complaint without its summary of the usage, in one line.
fn one_line(complaint: &str) -> String {
    let lines = complaint.lines().map(str::trim);
    let said =
        lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"));
    said.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ").replace(" tip: ", "; ")
}
