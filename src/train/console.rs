//! What a person sees of a training on stderr: a progress bar where it is a terminal, and a line an epoch. That nobody
//! can read it is no failure.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Epoch, Metrics};

/// Rows of the epoch as a bar and as numbers, then the rate and the means so far, cut at the terminal's width.
const TEMPLATE: &str = "epoch {prefix} [{bar:20}] {pos}/{len} {wide_msg}";

/// How long the bar stands still at least. More often than the eye sees, it would cost more than a small step.
const STILL: Duration = Duration::from_millis(50);

/// Where it is shown.
#[derive(Debug)]
enum Sink {
    Bar(ProgressBar),
    Lines,
    Nothing,
}

#[derive(Debug)]
pub(super) struct Console {
    sink: Sink,
    /// The epochs that are to be trained.
    epochs: usize,
    /// When training went on in this epoch, and how many of its rows had been done before.
    began: (Instant, usize),
    /// When the bar was last drawn.
    drawn: Option<Instant>,
}

impl Console {
    pub(super) fn new(is_quiet: bool, epochs: usize) -> Self {
        let sink = match (is_quiet, io::stderr().is_terminal()) {
            (true, _) => Sink::Nothing,
            (false, true) => Sink::Bar(bar(ProgressDrawTarget::stderr())),
            (false, false) => Sink::Lines,
        };
        Console { sink, epochs, began: (Instant::now(), 0), drawn: None }
    }

    /// Begins an epoch of so many rows, some of which may have been done before.
    pub(super) fn begin(&mut self, epoch: usize, rows: usize, done: usize) {
        self.began = (Instant::now(), done);
        if let Sink::Bar(bar) = &self.sink {
            bar.set_prefix(format!("{epoch}/{}", self.epochs));
            bar.set_length(rows as u64);
            bar.set_position(done as u64);
            bar.set_message("");
        }
    }

    /// Shows how far the epoch is.
    pub(super) fn step(&mut self, done: usize, metrics: impl FnOnce() -> Metrics) {
        let Sink::Bar(bar) = &self.sink else { return };
        if self.drawn.is_none_or(|drawn| drawn.elapsed() >= STILL) {
            bar.set_position(done as u64);
            bar.set_message(format!("{}, {}", self.rate(done), metrics()));
            self.drawn = Some(Instant::now());
        }
    }

    /// Shows what has come of an epoch, in which `done` rows are done.
    pub(super) fn end(&mut self, epoch: &Epoch, rate: &str) {
        self.say(&format!("epoch {}/{}: {epoch} ({rate})", epoch.epoch, self.epochs));
    }

    /// The speed since training went on in this epoch, in which `done` rows are done.
    pub(super) fn rate(&self, done: usize) -> String {
        let (began, before) = self.began;
        format!("{:.0} rows/s", done.saturating_sub(before) as f64 / began.elapsed().as_secs_f64())
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

impl Drop for Console {
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

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::InMemoryTerm;

    fn metrics() -> Metrics {
        Metrics { loss: 0.25, named: vec![("accuracy".to_owned(), 0.875)] }
    }

    #[test]
    fn the_bar_tells_epoch_rows_rate_and_metrics() {
        let terminal = InMemoryTerm::new(10, 100);
        let mut console = Console::new(true, 20);
        console.sink = Sink::Bar(bar(ProgressDrawTarget::term_like(Box::new(terminal.clone()))));
        console.begin(3, 100, 10);
        console.step(40, metrics);
        let shown = terminal.contents();
        assert!(shown.starts_with("epoch 3/20 [========>           ] 40/100 "), "{shown}");
        assert!(shown.ends_with(" rows/s, loss 0.2500, accuracy 0.8750"), "{shown}");

        let epoch = Epoch { epoch: 3, step: 12, train: metrics(), validation: Some(metrics()) };
        console.end(&epoch, "7 rows/s");
        let line =
            "epoch 3/20: loss 0.2500, accuracy 0.8750; validation: loss 0.2500, accuracy 0.8750 (7 rows/s)";
        assert_eq!(terminal.contents().lines().next(), Some(line));
        drop(console);
        assert_eq!(terminal.contents(), line);
    }
}
