//! What models are made of and trained with: layers, optimizers, datasets, trainers, and whole models.

mod data;
mod folds;
mod metrics;
mod minimizers;
mod models;
mod nn;
mod optimizers;
mod parameters;
#[cfg(all(feature = "csv", feature = "train"))]
mod several;
#[cfg(feature = "train")]
mod trainer;
#[cfg(feature = "train")]
mod training;

#[cfg(feature = "train")]
#[path = "../common/model_file.rs"]
mod model_file;
