//! Programs: the examples and their command lines, and trainings in processes that are interrupted and killed.

#[cfg(all(feature = "csv", feature = "tensorboard", feature = "train"))]
mod examples_cli;
#[cfg(feature = "safetensors")]
mod frozen_process;
mod linreg_cli;
#[cfg(feature = "train")]
mod trainer_process;

#[path = "../common/cargo.rs"]
mod cargo;
