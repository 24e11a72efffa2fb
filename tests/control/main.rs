//! Conditionals and loops.

mod branches;
mod loops;
mod peers;
mod random;
mod small;
