//! The fuzz targets: functions that take any bytes and must not panic, hang or take memory without bound.
//!
//! Each stands in a file of its own. A program of `fuzz_targets/` hands it to libFuzzer, and `tests/files/fuzz.rs` of
//! flowgrad, which takes this file as a module, runs it on all of `corpus/`.

pub mod checkpoint;
pub mod csv;
mod file;
pub mod frozen;
#[cfg(feature = "graphdef")]
pub mod graph_def;
#[cfg(feature = "keras")]
pub mod keras;
pub mod npz;
#[cfg(feature = "onnx")]
pub mod onnx;
pub mod safetensors;
#[cfg(feature = "graphdef")]
pub mod saved_model;
#[cfg(feature = "graphdef")]
pub mod tensor_bundle;

/// What runs on the bytes that a fuzzer makes up.
pub type Target = fn(&[u8]);

/// The targets by the names of their programs and of their directories in `corpus/`.
pub const TARGETS: &[(&str, Target)] = &[
    ("checkpoint", checkpoint::run),
    ("csv", csv::run),
    ("frozen", frozen::run),
    #[cfg(feature = "graphdef")]
    ("graph_def", graph_def::run),
    #[cfg(feature = "keras")]
    ("keras", keras::run),
    ("npz", npz::run),
    #[cfg(feature = "onnx")]
    ("onnx", onnx::run),
    ("safetensors", safetensors::run),
    #[cfg(feature = "graphdef")]
    ("saved_model", saved_model::run),
    #[cfg(feature = "graphdef")]
    ("tensor_bundle", tensor_bundle::run),
];
