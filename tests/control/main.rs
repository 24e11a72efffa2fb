//! Conditionals and loops.

mod branches;
mod hoisting;
mod loops;
mod rows;
mod small;
