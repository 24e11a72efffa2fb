//! Whole numbers counted up, as lowerings need them to tell places from each other: made by a kernel, so that the
//! plan knows of their memory.

use super::{Kernel, KernelError};
use crate::element::{ArrayMut, ArrayRef};

/// Counts up from a number.
#[derive(Debug)]
pub(super) struct Iota {
    pub(super) first: i64,
}

impl Kernel for Iota {
    fn run(&self, _: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        for (element, place) in output.into_view::<i64>()?.iter_mut().zip(0..) {
            *element = self.first.saturating_add(place);
        }
        Ok(())
    }
}
