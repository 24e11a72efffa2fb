//! Pages to read: the table of all ops, how to train, and how to test gradients.

/// What every op gives, with its gradient.
#[doc = include_str!("ops.md")]
pub mod ops {}

/// Data, the training loop, what is measured, and what is kept.
#[cfg(all(feature = "csv", feature = "tensorboard", feature = "train"))]
#[doc = include_str!("training.md")]
pub mod training {}
/// How to prove that a gradient is right: against central differences, and against one derived by hand.
#[doc = include_str!("testing_gradients.md")]
pub mod testing_gradients {}
