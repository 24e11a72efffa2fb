//! Conditionals and loops.

mod branches;
mod hoisting;
mod loops;
mod peers;
mod random;
mod rows;
mod small;
mod sums;

#[path = "../common/stored.rs"]
mod stored;
