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
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::nesting::{self, Nested};
use crate::error::Nesting;

/// The right to change the variables of a session, for one at a time: where runs wait that want it. Whether one has it
/// stands in the state of the session, under its lock, which is taken anyway.
#[derive(Debug, Default)]
pub(super) struct Turn {
    over: Condvar,
    /// How many wait, or are about to, under the state's lock.
    waiting: AtomicUsize,
}

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
    /// Waits, if that can end, until nobody has the turn, and gives the state locked as it then is.
    #[inline]
    pub(super) fn wait<'s, S>(
        &self,
        state: MutexGuard<'s, S>,
        is_taken: fn(&S) -> bool,
    ) -> Result<MutexGuard<'s, S>, Nested> {
        if is_taken(&state) { self.wait_until_over(state, is_taken) } else { Ok(state) }
    }

    #[cold]
    fn wait_until_over<'s, S>(
        &self,
        state: MutexGuard<'s, S>,
        is_taken: fn(&S) -> bool,
    ) -> Result<MutexGuard<'s, S>, Nested> {
        let listed = if nesting::is_inside() { self.list() } else { Ok(None) };
        let listed = match listed {
            Ok(listed) => listed,
            Err(reason) => {
                // The words ask ops for their names, which is the user's code.
                drop(state);
                let inside = match reason {
                    Nesting::Itself => nesting::kernel_within(self),
                    _ => nesting::innermost_kernel(),
                };
                return Err(Nested { inside, reason });
            }
        };
        // Read and written under the state's lock, or, by the run that tells of the turn's end, after it.
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let mut state = state;
        // And not `wait_while`, which ends with the first wakeup where a panic has passed through the lock.
        while is_taken(&state) {
            state = self.over.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        if let Some(wait) = listed {
            let mut waits = waits();
            if let Some(index) = waits.iter().position(|listed| *listed == wait) {
                waits.swap_remove(index);
            }
        }
        Ok(state)
    }

    /// Lists the wait of a kernel, or of what an op is asked, if it can end.
    fn list(&self) -> Result<Option<Wait>, Nesting> {
        let held: Vec<usize> = nesting::held_turns().map(<*const Turn>::addr).collect();
        let wait = Wait { held, wanted: ptr::from_ref(self).addr() };
        if wait.held.contains(&wait.wanted) {
            return Err(Nesting::Itself);
        }
        let mut waits = waits();
        // Whichever wait would close a ring finds the others listed.
        if wait.closes_ring(&waits) {
            return Err(Nesting::EachOther);
        }
        waits.push(wait.clone());
        Ok(Some(wait))
    }

    /// Tells one of the runs that wait, if any, that the turn is over.
    #[inline]
    pub(super) fn end(&self) {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.over.notify_one();
        }
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
