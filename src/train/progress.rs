//! [`Progress`]: what a trainer shows, for a custom training loop.

use std::time::{Duration, Instant};

use super::display::{Display, Pace};

/// How long there is no line at least, where there is no terminal for a bar.
const LINES: Duration = Duration::from_secs(10);

/// Shows on stderr how far a loop is: as a bar where that is a terminal, and as a line now and then where it is not.
///
/// The bar goes when this is dropped. Showing costs next to nothing between two drawings, so it can be told of each
/// step; what it says is only then made into text.
///
/// ```
/// use flowgrad::prelude::*;
/// use flowgrad::train::{CtrlC, Progress};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let g = Graph::new();
/// # let w = g.variable("w", 3.0_f64);
/// # let loss = w.square();
/// # let session = Session::new(&g)?;
/// let step = session.make_callable((), (loss, Sgd::new(0.1).minimize(loss)))?;
/// let ctrl_c = CtrlC::listen()?;
/// let mut progress = Progress::new("step", 1000);
/// for done in 1..=1000 {
///     let (loss, ()) = step.call(())?;
///     progress.at(done, || format!("loss {:.4}", loss[[]]));
///     if ctrl_c.is_pressed() {
///         break; // and save what is done
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Progress {
    display: Display,
    what: String,
    total: usize,
    pace: Pace,
    /// The least time between two lines, and when the last was.
    every: Duration,
    told: Instant,
}

impl Progress {
    /// Of so many steps in all, called `what`: `"step"`, `"epoch"`.
    pub fn new(what: &str, total: usize) -> Self {
        Progress::on(Display::new(false), what, total)
    }

    fn on(mut display: Display, what: &str, total: usize) -> Self {
        display.begin(|| what.to_owned(), total, 0);
        let what = what.to_owned();
        Progress { display, what, total, pace: Pace::from(0), every: LINES, told: Instant::now() }
    }

    /// Goes on behind steps that were done before, as of a training that is resumed: speed and time left are of what
    /// is done from here on.
    pub fn resumed_at(self, done: usize) -> Self {
        Progress { pace: Pace::from(done), ..self }
    }

    /// How long there is no line at least where there is no terminal: 10 seconds, until told otherwise.
    pub fn report_every(self, time: Duration) -> Self {
        Progress { every: time, ..self }
    }

    /// Shows that so many steps are done, with what is to be said of that.
    pub fn at(&mut self, done: usize, said: impl Fn() -> String) {
        let (pace, total) = (self.pace, self.total);
        let left = || pace.left(done, total).map(|left| format!("{left}, ")).unwrap_or_default();
        let rate = || format!("{:.1}/s, {}", pace.rate(done), left());
        self.display.at(done, || rate() + &said());
        // The last step is told in any case, and so is where the loop is now and then.
        if self.display.is_lines() && (done == total || self.told.elapsed() >= self.every) {
            self.display.say(&format!("{} {done}/{total}: {}{}", self.what, rate(), said()));
            self.told = Instant::now();
        }
    }

    /// Shows a line, above the bar if there is one.
    pub fn say(&self, line: &str) {
        self.display.say(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::InMemoryTerm;

    #[test]
    fn a_bar_shows_a_loop_and_goes_with_it() {
        let terminal = InMemoryTerm::new(10, 100);
        let mut progress = Progress::on(Display::on(&terminal), "step", 1000).resumed_at(400);
        progress.at(500, || "loss 0.5".to_owned());
        let shown = terminal.contents();
        assert!(shown.starts_with("step [==========>         ] 500/1000 "), "{shown}");
        assert!(shown.ends_with("/s, 1 s left, loss 0.5"), "{shown}");
        progress.say("half");
        assert_eq!(terminal.contents().lines().next(), Some("half"));
        // Beyond the end, and of nothing.
        progress.at(2000, String::new);
        drop(progress);
        assert_eq!(terminal.contents(), "half");
        Progress::on(Display::on(&terminal), "step", 0).at(0, String::new);
    }
}
