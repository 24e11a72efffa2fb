//! What a person sees of a training on stderr: a bar of the epoch where that is a terminal, and lines.

use std::fmt;
use std::time::{Duration, Instant};

use super::display::{Display, Left, Pace};
use super::{Epoch, Every, Metrics};

/// The least time between the lines of two epochs where nobody says how often: as many as a person can read. Of what
/// was held back, the last is told in the end.
const READABLE: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(super) struct Console {
    display: Display,
    every: Option<Every>,
    /// The epochs that are to be trained, and the steps of one.
    epochs: usize,
    batches: usize,
    /// The pace of steps, since the training went on, and that of rows, since it went on in this epoch.
    paces: [Pace; 2],
    /// The epoch, counted from 1.
    epoch: usize,
    /// When the last line was told.
    told: Option<Instant>,
    /// The line of the last epoch, if it has not been told.
    held: Option<String>,
}

impl Console {
    pub(super) fn new(is_quiet: bool, every: Option<Every>, epochs: usize, batches: usize) -> Self {
        Console {
            display: Display::new(is_quiet),
            every,
            epochs,
            batches,
            paces: [Pace::from(0); 2],
            epoch: 0,
            told: None,
            held: None,
        }
    }

    /// The training goes on behind so many steps.
    pub(super) fn go_on(&mut self, steps: usize) {
        self.paces[0] = Pace::from(steps);
    }

    /// Begins an epoch of so many rows, some of which may have been done before.
    pub(super) fn begin(&mut self, epoch: usize, rows: usize, done: usize) {
        self.paces[1] = Pace::from(done);
        self.epoch = epoch;
        self.display.begin(|| format!("epoch {epoch}/{}", self.epochs), rows, done);
    }

    /// Shows how far the epoch is, after so many steps of the training and rows of the epoch.
    pub(super) fn step(&mut self, steps: usize, rows: usize, metrics: impl Fn() -> Metrics) {
        let (paces, total) = (self.paces, self.total());
        let speed = || Speed::of(paces, [steps, rows], total);
        self.display.at(rows, || format!("{}, {}", speed(), metrics()));
        let is_due = match self.every {
            Some(Every::Steps(every)) => steps.is_multiple_of(every.max(1)),
            // Where an epoch ends, its line says more.
            Some(Every::Time(time)) => !steps.is_multiple_of(self.batches) && self.is_due(time),
            _ => false,
        };
        if is_due && !self.display.is_quiet() {
            let (epoch, epochs) = (self.epoch, self.epochs);
            self.tell(&format!("step {steps} (epoch {epoch}/{epochs}): {} ({})", metrics(), speed()));
        }
    }

    /// Shows what has come of an epoch, and how fast its steps were.
    pub(super) fn end(&mut self, epoch: &Epoch, speed: &Speed) {
        if self.display.is_quiet() {
            return;
        }
        let line = format!("epoch {}/{}: {epoch} ({speed})", epoch.epoch, self.epochs);
        let is_due = match self.every {
            None => self.is_due(READABLE),
            Some(Every::Time(time)) => self.is_due(time),
            Some(Every::Epochs(every)) => epoch.epoch.is_multiple_of(every.max(1)),
            Some(Every::Steps(_)) => false,
        };
        if is_due { self.tell(&line) } else { self.held = Some(line) }
    }

    /// How fast it goes now, after so many steps of the training and rows of the epoch.
    pub(super) fn speed(&self, steps: usize, rows: usize) -> Speed {
        Speed::of(self.paces, [steps, rows], self.total())
    }

    /// The steps of all epochs.
    fn total(&self) -> usize {
        self.epochs.saturating_mul(self.batches)
    }

    /// Shows a line, behind that of the last epoch.
    pub(super) fn say(&mut self, line: &str) {
        self.tell_held();
        self.display.say(line);
    }

    /// Whether the last line was told so long ago.
    fn is_due(&self, time: Duration) -> bool {
        self.told.is_none_or(|told| told.elapsed() >= time)
    }

    fn tell(&mut self, line: &str) {
        self.display.say(line);
        self.told = Some(Instant::now());
        self.held = None;
    }

    fn tell_held(&mut self) {
        if let Some(line) = self.held.take() {
            self.display.say(&line);
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.tell_held();
    }
}

/// The rows a second, and the time that the training still takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speed {
    rate: f64,
    left: Option<Left>,
}

impl Speed {
    /// By the paces of steps and rows, after so many of them, of so many steps in all.
    fn of([in_training, in_epoch]: [Pace; 2], [steps, rows]: [usize; 2], total: usize) -> Self {
        Speed { rate: in_epoch.rate(rows), left: in_training.left(steps, total) }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} rows/s", self.rate)?;
        self.left.iter().try_for_each(|left| write!(f, ", {left}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::InMemoryTerm;

    const SPEED: Speed = Speed { rate: 7.0, left: None };

    fn metrics() -> Metrics {
        Metrics { loss: 0.25, named: vec![("accuracy".to_owned(), 0.875)] }
    }

    fn console(every: Option<Every>, epochs: usize, batches: usize) -> (InMemoryTerm, Console) {
        let terminal = InMemoryTerm::new(100, 100);
        let mut console = Console::new(true, every, epochs, batches);
        console.display = Display::on(&terminal);
        (terminal, console)
    }

    #[test]
    fn the_bar_tells_epoch_rows_rate_and_metrics() {
        let (terminal, mut console) = console(None, 20, 4);
        console.go_on(8);
        console.begin(3, 100, 10);
        console.step(10, 40, metrics);
        let shown = terminal.contents();
        assert!(shown.starts_with("epoch 3/20 [========>           ] 40/100 "), "{shown}");
        assert!(shown.ends_with(" rows/s, 1 s left, loss 0.2500, accuracy 0.8750"), "{shown}");

        let epoch = Epoch { epoch: 3, step: 12, train: metrics(), validation: Some(metrics()) };
        console.end(&epoch, &SPEED);
        let line =
            "epoch 3/20: loss 0.2500, accuracy 0.8750; validation: loss 0.2500, accuracy 0.8750 (7 rows/s)";
        assert_eq!(terminal.contents().lines().next(), Some(line));
        drop(console);
        assert_eq!(terminal.contents(), line);
    }

    /// What is told of 12 epochs of 5 steps each, which take no time: the beginning of each line.
    fn told(every: Option<Every>) -> Vec<String> {
        let (terminal, mut console) = console(every, 12, 5);
        for epoch in 1..=12 {
            console.begin(epoch, 50, 0);
            (1..=5).for_each(|step| console.step((epoch - 1) * 5 + step, step * 10, metrics));
            console.end(&Epoch { epoch, step: epoch * 5, train: metrics(), validation: None }, &SPEED);
        }
        console.say("over");
        drop(console);
        let lines = terminal.contents();
        lines.lines().map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn lines_are_told_as_often_as_asked_and_the_last_in_any_case() {
        // As fast as nobody reads: the first and the last.
        assert_eq!(told(None), ["epoch 1/12", "epoch 12/12", "over"]);
        assert_eq!(told(Some(Every::Epochs(5))), ["epoch 5/12", "epoch 10/12", "epoch 12/12", "over"]);
        assert_eq!(told(Some(Every::Epochs(0))).len(), 12 + 1);
        let steps =
            ["step 17 (epoch 4/12)", "step 34 (epoch 7/12)", "step 51 (epoch 11/12)", "epoch 12/12", "over"];
        assert_eq!(told(Some(Every::Steps(17))), steps);
        let hour = Some(Every::Time(Duration::from_secs(3600)));
        assert_eq!(told(hour), ["step 1 (epoch 1/12)", "epoch 12/12", "over"]);
        // Each step, but where the line of the epoch comes in its place.
        assert_eq!(told(Some(Every::Time(Duration::ZERO))).len(), 12 * 5 + 1);
    }
}
