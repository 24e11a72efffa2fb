//! A trace as a table of its steps.

use std::cmp::Reverse;
use std::fmt;

use super::{Trace, TracedStep, part};

/// What the run took as a whole, then each step with its share of the time in steps, its time, the number of
/// its tasks, and its label; those that took longest come first.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut threads: Vec<usize> = self.events.iter().map(|event| event.thread).collect();
        threads.sort_unstable();
        threads.dedup();
        let busy = part(self.busy, self.running);
        writeln!(
            f,
            "run {:.2?}: in steps {:.2?} on threads {threads:?}, {busy:.2} busy on average; outside steps {:.2?}",
            self.running,
            self.busy,
            self.outside_steps(),
        )?;
        writeln!(
            f,
            "before it: planning {:.2?}, first values of variables {:.2?}",
            self.planning, self.initialization
        )?;
        writeln!(f, "{:>7} {:>10} {:>6}  step", "share", "time", "tasks")?;
        let mut steps: Vec<&TracedStep> = self.steps.iter().collect();
        steps.sort_by_key(|step| Reverse(step.time));
        steps.into_iter().try_for_each(|step| {
            let TracedStep { label, tasks, time, .. } = step;
            writeln!(f, "{:>6.1}% {time:>10.2?} {tasks:>6}  {label}", 100.0 * part(step.time, self.busy))
        })
    }
}
