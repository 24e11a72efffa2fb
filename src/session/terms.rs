//! [`RunTerms`]: how long runs may take, and how many are one.

use std::time::Duration;

/// What is asked of runs beside their results.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RunTerms {
    /// How long a run may take.
    pub(super) timeout: Option<Duration>,
    /// How many times more it is done, as one.
    pub(super) more: usize,
}
