//! Conditionals and loops.

mod branches;
mod loops;
mod small;
