//! What holds for all readers of files: they read those of other programs, take regular files only, take memory in
//! proportion to what they read, and say so where there is none.

#[path = "readers/foreign.rs"]
mod foreign;
#[path = "readers/kinds.rs"]
mod kinds;
#[path = "readers/memory.rs"]
mod memory;
