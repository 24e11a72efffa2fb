//! Whose turn it is to change a session's variables.
//!
//! A run that assigns takes the session's turn before it reads the variables and keeps it until its new values are in
//! place, so no other assignment comes between. Runs that only read do not need the turn and never wait for it.
//!
//! Kernels are the user's code: while a run holds the turn, one of its kernels may start another run that wants a turn.
//! That run would wait forever in two cases, and is refused in both:
//!
//! - It wants a turn that one of the runs around the kernel holds.
//! - It wants a turn whose holder waits for a turn that one of the runs around the kernel holds, directly or through
//!   further sessions.
//!
//! Such a circle of waits passes through kernels only, so only the waits of kernels are listed.

use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use super::nesting::{self, Nested};
use crate::error::Nesting;

/// The right to change the variables of a session, for one at a time.
#[derive(Debug, Default)]
pub(super) struct Turn(Mutex<()>);

/// Keeps a turn.
pub(super) type Held<'t> = MutexGuard<'t, ()>;

/// A kernel that waits for a turn. Turns are told apart by their addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wait {
    /// The turns that the runs around the kernel hold: none of these comes back before the wait has ended.
    held: Vec<usize>,
    wanted: usize,
}

/// The waits of all sessions' kernels.
static WAITS: Mutex<Vec<Wait>> = Mutex::new(Vec::new());

impl Turn {
    /// Waits for the turn, if that can end.
    pub(super) fn take(&self) -> Result<Held<'_>, Nested> {
        if nesting::is_inside() { self.take_inside() } else { Ok(self.wait()) }
    }

    fn wait(&self) -> Held<'_> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the turn inside of a kernel, or of what an op is asked.
    #[cold]
    fn take_inside(&self) -> Result<Held<'_>, Nested> {
        if let Some((_, inside)) = nesting::held_turns().find(|&(held, _)| ptr::eq(held, self)) {
            return Err(Nested { inside, reason: Nesting::Itself });
        }
        match self.0.try_lock() {
            Ok(held) => return Ok(held),
            Err(TryLockError::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {}
        }
        let held: Vec<usize> = nesting::held_turns().map(|(held, _)| held.addr()).collect();
        let wait = Wait { held, wanted: ptr::from_ref(self).addr() };
        let mut waits = waits();
        // Whichever wait would close a ring finds the others listed.
        if wait.closes_ring(&waits) {
            return Err(Nested { inside: nesting::innermost_kernel(), reason: Nesting::EachOther });
        }
        waits.push(wait.clone());
        drop(waits);
        let held = self.wait();
        let mut waits = self::waits();
        if let Some(index) = waits.iter().position(|listed| *listed == wait) {
            waits.swap_remove(index);
        }
        Ok(held)
    }
}

fn waits() -> MutexGuard<'static, Vec<Wait>> {
    WAITS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wait {
    /// Whether the wanted turn, once this waits for it, comes back only after one that this holds.
    fn closes_ring(&self, waits: &[Wait]) -> bool {
        let mut met = vec![self.wanted];
        let mut next = 0;
        while let Some(&turn) = met.get(next) {
            next += 1;
            for wait in waits.iter().filter(|wait| wait.held.contains(&turn)) {
                if self.held.contains(&wait.wanted) {
                    return true;
                }
                if !met.contains(&wait.wanted) {
                    met.push(wait.wanted);
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::Wait;

    fn wait(held: &[usize], wanted: usize) -> Wait {
        Wait { held: held.to_vec(), wanted }
    }

    #[test]
    fn a_ring_of_waits_is_seen_by_the_one_that_closes_it() {
        let waits = [wait(&[1], 2), wait(&[2, 9], 3), wait(&[5], 3)];
        assert!(wait(&[3], 1).closes_ring(&waits));
        assert!(wait(&[7, 3], 2).closes_ring(&waits));
        assert!(wait(&[3], 9).closes_ring(&waits));
        assert!(!wait(&[3], 4).closes_ring(&waits));
        assert!(!wait(&[1], 3).closes_ring(&waits), "a sibling in the same run waits likewise");
        assert!(!wait(&[], 1).closes_ring(&waits));
    }
}
