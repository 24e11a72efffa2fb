//! Pages to read: the table of all ops, and how to train.

/// What every op gives, with its gradient.
#[doc = include_str!("ops.md")]
pub mod ops {}

/// Data, the training loop, what is measured, and what is kept.
#[cfg(all(feature = "csv", feature = "tensorboard", feature = "train"))]
#[doc = include_str!("training.md")]
pub mod training {}
