//! Hints to the machine which memory will be read next.

/// Bytes that a cache fetches at once, on all machines for which this matters.
const LINE: usize = 64;

/// Asks for the bytes to be brought near. Only a hint: nothing is read, and any address will do.
#[inline(always)]
pub(crate) fn prefetch(from: *const u8, bytes: usize) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    for offset in (0..bytes).step_by(LINE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the instruction is in the baseline of x86-64 and accesses no memory, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(from.wrapping_add(offset).cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = (from, bytes, LINE);
}
