//! Region programs as machine code of x86-64.
//!
//! - [`encoder`]: instructions as bytes; [`vector`]: which ones a program's become.
//! - [`registers`]: which register holds what, along a straight line.
//! - [`line`]: a straight line of a program's instructions, for some vectors at once; [`folds`]: of those that fold.
//! - [`emit`]: loops, rows, and what lies around them.
//!
//! **Calls.** The code is a function in the C convention of System V that takes the address of a call's words: how many
//! rows there are, the bytes of a row where the program leaves that open, then the address of each stream in the first row.
//!
//! **Order of folds.** A loop works on four vectors at a time while there are that many, each with an accumulator of its own,
//! then on one after the other and last on part of one, all with the first accumulator. It is the order of the interpreter's
//! loops.

mod emit;
mod encoder;
mod folds;
mod line;
mod registers;
mod vector;

#[cfg(test)]
mod tests;

pub(super) use emit::emit;
