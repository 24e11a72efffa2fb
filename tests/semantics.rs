//! What a session promises, line by line. The number in a test's name is that of the promise, which
//! the test's first sentence tells; `cargo test line_10` runs the tests of line 10.

#[path = "semantics/bits.rs"]
mod bits;
#[path = "semantics/bounds.rs"]
mod bounds;
#[path = "semantics/corners.rs"]
mod corners;
#[path = "semantics/ends.rs"]
mod ends;
#[path = "semantics/extremes.rs"]
mod extremes;
#[path = "semantics/fetches_and_feeds.rs"]
mod fetches_and_feeds;
#[path = "semantics/fuzz.rs"]
mod fuzz;
#[path = "semantics/gradients.rs"]
mod gradients;
#[path = "semantics/lacking_memory.rs"]
mod lacking_memory;
#[path = "semantics/nan.rs"]
mod nan;
#[path = "semantics/nesting.rs"]
mod nesting;
#[path = "semantics/norms.rs"]
mod norms;
#[path = "semantics/offenders.rs"]
mod offenders;
#[path = "semantics/products.rs"]
mod products;
#[path = "semantics/races.rs"]
mod races;
#[path = "semantics/random.rs"]
mod random;
#[path = "semantics/readers.rs"]
mod readers;
#[path = "semantics/second_order.rs"]
mod second_order;
#[path = "semantics/shapes.rs"]
mod shapes;
#[path = "semantics/sums.rs"]
mod sums;
#[path = "semantics/threads.rs"]
mod threads;
#[path = "semantics/untaken.rs"]
mod untaken;
#[path = "semantics/variables_and_order.rs"]
mod variables_and_order;
