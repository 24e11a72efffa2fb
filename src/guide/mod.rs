//! Pages to read: the table of all ops.

/// What every op gives, with its gradient.
#[doc = include_str!("ops.md")]
pub mod ops {}
