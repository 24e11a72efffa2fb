//! Region programs as machine code of x86-64.
//!
//! - [`encoder`]: instructions as bytes; [`vector`]: which ones a program's become.
//! - [`registers`]: which register holds what, along a straight line.
//! - [`line`]: a straight line of a program's instructions, for some vectors at once; [`folds`]: of those that fold.
//! - [`loops`]: over the elements of a row; [`emit`]: rows, and what lies around them; [`iterated`]: in their
//!   place, the iterations of a loop.
//!
//! **Calls.** The code is a function in the C convention of System V that takes the address of a call's words: how many
//! rows there are, the bytes of a row where the program leaves that open, then the address of each stream in the first row.
//!
//! **Order of folds.** Accumulators have as many lanes in all, whatever the machine: two registers with AVX-512, four with
//! AVX2. A row's elements go on to one lane after the other, and over again. It is the order of the interpreter's loops.

mod emit;
mod encoder;
mod folds;
mod iterated;
mod line;
mod loops;
mod registers;
mod vector;

#[cfg(test)]
mod tests;

pub(super) use emit::{emit, emit_iterated};
