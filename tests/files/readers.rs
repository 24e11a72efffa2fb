//! What holds for all readers of files: they read those of other programs, take regular files only, take memory in
//! proportion to what they read, and say so where there is none.

mod foreign;
#[cfg(all(feature = "csv", feature = "npz"))]
mod kinds;
#[cfg(all(feature = "csv", feature = "npz"))]
pub(crate) mod memory;
