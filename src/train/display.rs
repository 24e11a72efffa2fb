//! Where progress is shown on stderr: as a bar and lines above it where that is a terminal, and else as lines. That
//! nobody can read it is no failure.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What is worked on, a bar, how much of it is done in numbers, and a message, cut at the terminal's width.
const TEMPLATE: &str = "{prefix} [{bar:20}] {pos}/{len} {wide_msg}";

/// How long the bar stands still at least. More often than the eye sees, it would cost more than a small step.
const STILL: Duration = Duration::from_millis(50);

/// Where it is shown.
#[derive(Debug)]
enum Sink {
    Bar(ProgressBar),
    Lines,
    Nothing,
}

/// What a person sees of work that takes a while.
#[derive(Debug)]
pub(super) struct Display {
    sink: Sink,
    /// When the bar was last drawn.
    drawn: Option<Instant>,
}

impl Display {
    pub(super) fn new(is_quiet: bool) -> Self {
        let sink = match (is_quiet, io::stderr().is_terminal()) {
            (true, _) => Sink::Nothing,
            (false, true) => Sink::Bar(bar(ProgressDrawTarget::stderr())),
            (false, false) => Sink::Lines,
        };
        Display { sink, drawn: None }
    }

    /// A bar on a terminal in memory.
    #[cfg(test)]
    pub(super) fn on(terminal: &indicatif::InMemoryTerm) -> Self {
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        Display { sink: Sink::Bar(bar(target)), drawn: None }
    }

    /// Whether nobody sees anything.
    pub(super) fn is_quiet(&self) -> bool {
        matches!(self.sink, Sink::Nothing)
    }

    /// Whether there are lines alone, and no bar.
    pub(super) fn is_lines(&self) -> bool {
        matches!(self.sink, Sink::Lines)
    }

    /// Begins a bar of so many of what is worked on, some of which may be done.
    pub(super) fn begin(&mut self, prefix: impl FnOnce() -> String, length: usize, done: usize) {
        if let Sink::Bar(bar) = &self.sink {
            bar.set_prefix(prefix());
            bar.set_length(length as u64);
            bar.set_position(done as u64);
            bar.set_message("");
        }
    }

    /// Moves the bar, if it has stood still for long enough.
    pub(super) fn at(&mut self, done: usize, message: impl FnOnce() -> String) {
        let Sink::Bar(bar) = &self.sink else { return };
        if self.drawn.is_none_or(|drawn| drawn.elapsed() >= STILL) {
            bar.set_position(done as u64);
            bar.set_message(message());
            self.drawn = Some(Instant::now());
        }
    }

    /// Shows a line.
    pub(super) fn say(&self, line: &str) {
        match &self.sink {
            Sink::Bar(bar) => bar.println(line),
            // One write, so that lines of threads do not mix.
            Sink::Lines => drop(io::stderr().write_all(format!("{line}\n").as_bytes())),
            Sink::Nothing => {}
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if let Sink::Bar(bar) = &self.sink {
            bar.finish_and_clear();
        }
    }
}

fn bar(target: ProgressDrawTarget) -> ProgressBar {
    let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(None, target).with_style(style.progress_chars("=> "))
}

/// How fast work goes that went on at a moment, when some of it had been done before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    began: Instant,
    before: usize,
}

impl Pace {
    pub(super) fn from(before: usize) -> Self {
        Pace { began: Instant::now(), before }
    }

    /// The units a second since then.
    pub(super) fn rate(&self, done: usize) -> f64 {
        done.saturating_sub(self.before) as f64 / self.began.elapsed().as_secs_f64()
    }

    /// How long the rest takes at this pace; `None` while nothing is done or nothing is left.
    pub(super) fn left(&self, done: usize, total: usize) -> Option<Left> {
        let rest = total.checked_sub(done).filter(|&rest| rest > 0)? as f64;
        let seconds = rest / self.rate(done);
        // Nobody waits for longer than a thousand years.
        (seconds <= 3.2e10).then(|| Left(Duration::from_secs_f64(seconds)))
    }
}

/// The time that is left, in the two largest units that count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left(Duration);

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        const DAY: u64 = 24 * HOUR;
        let seconds = self.0.as_secs_f64().ceil() as u64;
        match seconds {
            0..MINUTE => write!(f, "{seconds} s left"),
            MINUTE..HOUR => write!(f, "{} min {} s left", seconds / MINUTE, seconds % MINUTE),
            HOUR..DAY => write!(f, "{} h {} min left", seconds / HOUR, seconds % HOUR / MINUTE),
            _ => write!(f, "{} d {} h left", seconds / DAY, seconds % DAY / HOUR),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_told_in_the_units_that_count() {
        let told = |seconds: f64| Left(Duration::from_secs_f64(seconds)).to_string();
        for (seconds, expected) in [
            (0.2, "1 s left"),
            (59.0, "59 s left"),
            (59.5, "1 min 0 s left"),
            (3599.0, "59 min 59 s left"),
            (3600.0, "1 h 0 min left"),
            (86_399.0, "23 h 59 min left"),
            (90_000.0, "1 d 1 h left"),
        ] {
            assert_eq!(told(seconds), expected);
        }
    }

    #[test]
    fn nothing_is_left_at_the_end_and_nobody_knows_at_the_beginning() {
        let began = Instant::now().checked_sub(Duration::from_secs(10)).unwrap();
        let pace = Pace { began, before: 100 };
        assert!(pace.left(100, 1000).is_none() && pace.left(1000, 1000).is_none());
        assert!(pace.left(2000, 1000).is_none());
        let left = pace.left(200, 400).unwrap().0.as_secs_f64();
        assert!((20.0..21.0).contains(&left), "{left}");
        assert!((9.0..=10.0).contains(&pace.rate(200)));
    }
}
