//! What models are made of and trained with: layers, optimizers, datasets, trainers, and whole models.

mod data;
mod models;
mod nn;
mod optimizers;
mod parameters;
#[cfg(feature = "train")]
mod trainer;

#[cfg(feature = "train")]
#[path = "../common/model_file.rs"]
mod model_file;
