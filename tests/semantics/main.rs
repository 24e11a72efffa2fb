//! What a session promises, line by line. The number in a test's name is that of the promise, which
//! the test's first sentence tells; `cargo test line_10` runs the tests of line 10.

mod bits;
mod bounds;
mod control;
mod corners;
mod ends;
mod extremes;
mod fetches_and_feeds;
mod fuzz;
mod gradients;
mod instruction_sets;
mod lacking_memory;
mod lists_of_feeds;
mod nan;
mod nesting;
mod norms;
mod offenders;
mod products;
mod races;
mod random;
mod readers;
mod scalars;
mod second_order;
mod shapes;
mod sums;
mod threads;
mod untaken;
mod variables_and_order;

#[path = "../common/choices.rs"]
mod choices;
#[path = "../common/seeded.rs"]
mod seeded;
