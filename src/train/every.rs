//! [`Every`]: how often something is told.

use std::time::Duration;

/// How often a trainer tells how it goes; see [`Trainer::report_every`](super::Trainer::report_every).
///
/// ```
/// use std::time::Duration;
/// use flowgrad::train::Every;
/// assert_eq!(Every::from(Duration::from_secs(5)), Every::Time(Duration::from_secs(5)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Every {
    /// After so many steps, counted from the beginning of the training; 0 counts as 1.
    Steps(usize),
    /// After so many epochs; 0 counts as 1.
    Epochs(usize),
    /// With the first step or epoch that ends so long after the last report.
    Time(Duration),
}

impl From<Duration> for Every {
    fn from(time: Duration) -> Self {
        Every::Time(time)
    }
}
