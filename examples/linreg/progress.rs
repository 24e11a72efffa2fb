//! A progress bar on stderr for long work, when stderr is a terminal.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Rows of data times epochs between two updates: a millisecond of work at the least, of which looking at the
/// clock is a ten-thousandth. With the default 10,000 rows that is every 500 epochs.
const ROWS_BETWEEN_UPDATES: usize = 5_000_000;
/// Time before a bar shows. Shorter work is done without the terminal taking a part in its time; of longer
/// work the 20 drawings a second are less than a hundredth.
const PATIENCE: Duration = Duration::from_millis(500);

/// The bar of one descent, gone from the screen when dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    start: Instant,
}

impl Progress {
    /// The bar of `what` over `epochs` epochs.
    pub(crate) fn new(what: &str, epochs: usize) -> Self {
        let style = ProgressStyle::with_template("{msg:16} {wide_bar} {pos}/{len} epochs");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(epochs as u64).with_style(style).with_message(what.to_owned());
        Self { bar, start: Instant::now() }
    }

    /// Moves the bar to `epoch`.
    pub(crate) fn at(&self, epoch: usize) {
        if self.start.elapsed() > PATIENCE {
            self.bar.set_position(epoch as u64);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The epochs between two updates when an epoch passes over `rows` rows.
pub(crate) fn epochs_between_updates(rows: usize) -> usize {
    (ROWS_BETWEEN_UPDATES / rows.max(1)).max(1)
}
