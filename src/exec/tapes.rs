//! [`Tapes`]: what loops stack whose rows are not counted before they run.
//!
//! A loop writes its tapes row by row, and leaves the handle of each as a number in the plan's memory; what reads rows
//! finds the tape by its handle. Tapes stay until the run ends, so that rows keep their places; their memory is taken
//! up by the tapes of the next run.

use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::memory::{Memory, OutOfMemory};

/// Rows of equal size, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Tape {
    memory: Memory,
    row_bytes: usize,
    rows: usize,
    /// How many tapes of the run were begun before.
    begun: usize,
}

/// The rows of a tape that is complete.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    start: *const u8,
    row_bytes: usize,
    pub(super) count: usize,
}

/// The tapes of a run.
#[derive(Debug, Default)]
pub(super) struct Tapes(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// The handle of a tape is its index and 1; 0 is that of a tape without rows.
    tapes: Vec<Tape>,
    /// Memory of earlier runs' tapes, for the next one last.
    idle: Vec<Memory>,
    /// How many tapes this run has begun.
    begun: usize,
}

impl Tape {
    /// Bytes that a tape has for its first rows: a page.
    const FIRST_BYTES: usize = 4096;

    /// Makes room for one more row, and gives its place, which it keeps until the next one is added.
    pub(super) fn push(&mut self) -> Result<*mut u8, OutOfMemory> {
        let place = self.rows * self.row_bytes;
        let needed = place.saturating_add(self.row_bytes);
        if needed > self.memory.bytes() {
            self.grow(needed)?;
        }
        self.rows += 1;
        Ok(self.memory.start().wrapping_add(place))
    }

    /// Makes room for one more row at least; gives the place of the next one, and how many there is room for. Those that
    /// are written there are to be [added](Self::add).
    pub(super) fn room(&mut self) -> Result<(*mut u8, usize), OutOfMemory> {
        let place = self.push()?;
        self.rows -= 1;
        let left = self.memory.bytes() - self.rows * self.row_bytes;
        Ok((place, left.checked_div(self.row_bytes).unwrap_or(usize::MAX)))
    }

    /// Adds rows that have been written.
    pub(super) fn add(&mut self, rows: usize) {
        self.rows += rows;
    }

    #[cold]
    fn grow(&mut self, needed: usize) -> Result<(), OutOfMemory> {
        // Twice as many, so that all rows are moved as often as a few are added.
        let bytes = needed.max(self.memory.bytes().saturating_mul(2)).max(Self::FIRST_BYTES);
        let memory = Memory::zeroed(bytes)?;
        // SAFETY: both hold the bytes of the rows so far, and are apart.
        unsafe {
            ptr::copy_nonoverlapping(self.memory.start(), memory.start(), self.rows * self.row_bytes);
        }
        self.memory = memory;
        Ok(())
    }

    /// Makes room for so many rows at once.
    pub(super) fn resize(&mut self, rows: usize) -> Result<(), OutOfMemory> {
        let needed = rows.saturating_mul(self.row_bytes);
        if needed > self.memory.bytes() {
            self.memory = Memory::zeroed(needed)?;
        }
        self.rows = rows;
        Ok(())
    }

    /// The place of a row that there is.
    pub(super) fn row(&self, row: usize) -> *mut u8 {
        debug_assert!(row < self.rows, "a row beyond the last");
        self.memory.start().wrapping_add(row * self.row_bytes)
    }
}

impl Rows {
    /// The place of a row of so many bytes, if there is such a row.
    pub(super) fn row(&self, row: usize, bytes: usize) -> Option<*const u8> {
        (row < self.count && bytes == self.row_bytes).then(|| self.start.wrapping_add(row * bytes))
    }
}

impl Tapes {
    /// A tape without rows yet, each of so many bytes, which the caller alone has until it is [kept](Self::keep).
    pub(super) fn begin(&self, row_bytes: usize) -> Tape {
        let mut kept = self.lock();
        let begun = kept.begun;
        kept.begun += 1;
        Tape { memory: kept.idle.pop().unwrap_or_default(), row_bytes, rows: 0, begun }
    }

    /// Keeps a tape that is complete, and gives its handle.
    pub(super) fn keep(&self, tape: Tape) -> f64 {
        let tapes = &mut self.lock().tapes;
        tapes.push(tape);
        tapes.len() as f64
    }

    /// The rows of a tape; none if there is no such tape. They stay in their place until [`end`](Self::end).
    pub(super) fn rows(&self, handle: f64) -> Rows {
        let kept = self.lock();
        let tape = (handle >= 1.0).then(|| kept.tapes.get(handle as usize - 1)).flatten();
        match tape {
            Some(tape) => Rows { start: tape.memory.start(), row_bytes: tape.row_bytes, count: tape.rows },
            None => Rows { start: ptr::null(), row_bytes: 0, count: 0 },
        }
    }

    /// Ends a run: its tapes are no more, their memory is kept for the next one. Gives the bytes of what the run has
    /// used.
    pub(super) fn end(&mut self) -> usize {
        let Kept { tapes, idle, begun } = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        *begun = 0;
        if tapes.is_empty() {
            return 0;
        }
        // Runs begin their tapes in much the same order, so each gets the memory of the one in its place.
        tapes.sort_unstable_by_key(|tape| std::cmp::Reverse(tape.begun));
        let used = tapes.iter().map(|tape| tape.memory.bytes()).sum();
        idle.extend(tapes.drain(..).map(|tape| tape.memory));
        used
    }

    /// Bytes that are kept for the next run.
    pub(super) fn idle_bytes(&mut self) -> usize {
        let kept = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        kept.idle.iter().map(Memory::bytes).sum()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_where_they_were_written_and_memory_is_used_again() {
        let mut tapes = Tapes::default();
        for run in 0..3_u8 {
            let mut tape = tapes.begin(24);
            for row in 0..500_usize {
                let place = tape.push().unwrap();
                // SAFETY: the row has so many bytes.
                unsafe { place.write_bytes(run.wrapping_add(row as u8), 24) };
            }
            let handle = tapes.keep(tape);
            let rows = tapes.rows(handle);
            assert_eq!(rows.count, 500);
            for row in 0..500 {
                let place = rows.row(row, 24).unwrap();
                // SAFETY: the row has been written.
                let bytes = unsafe { std::slice::from_raw_parts(place, 24) };
                assert!(bytes.iter().all(|&byte| byte == run.wrapping_add(row as u8)));
            }
            assert!(rows.row(500, 24).is_none() && rows.row(0, 8).is_none());
            assert_eq!(tapes.end(), 16384);
        }
        assert_eq!(tapes.idle_bytes(), 16384, "of one tape");
        // A tape that is kept before one that was begun before it leaves the memory of each to the same.
        for _ in 0..3 {
            let (mut outer, mut inner) = (tapes.begin(8), tapes.begin(8));
            outer.resize(10_000).unwrap();
            inner.resize(10).unwrap();
            tapes.keep(inner);
            tapes.keep(outer);
            tapes.end();
        }
        assert!(tapes.idle_bytes() < 100_000, "{}", tapes.idle_bytes());
        assert_eq!(tapes.rows(0.0).count + tapes.rows(1.0).count + tapes.rows(f64::NAN).count, 0);
    }
}
