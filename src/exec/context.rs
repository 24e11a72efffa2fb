//! [`Context`]: what the steps of a run share beside the plan and its memory.

use std::time::Instant;

use super::Cause;
use super::nesting::Level;
use super::tapes::Tapes;

/// What the steps of a run share.
#[derive(Debug)]
pub(super) struct Context<'r> {
    /// The run as a level that its kernels are inside of.
    pub(super) level: &'r Level,
    pub(super) tapes: &'r Tapes,
    /// When the run is to be given up.
    pub(super) deadline: Option<Instant>,
}

impl Context<'_> {
    /// An error if the run has taken too long.
    #[inline]
    pub(super) fn check_deadline(&self) -> Result<(), Box<Cause>> {
        match self.deadline {
            None => Ok(()),
            Some(deadline) if Instant::now() < deadline => Ok(()),
            Some(_) => Err(Box::new(Cause::Deadline)),
        }
    }
}
