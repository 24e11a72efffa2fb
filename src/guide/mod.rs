//! Pages to read: the table of all ops, and how to test gradients.

/// What every op gives, with its gradient.
#[doc = include_str!("ops.md")]
pub mod ops {}

/// How to prove that a gradient is right: against central differences, and against one derived by hand.
#[doc = include_str!("testing_gradients.md")]
pub mod testing_gradients {}
