//! Files that are read and written. The allocator of all these tests is that of `readers::memory`: it counts for
//! each thread alone, and refuses nothing unless a test sets its thread a limit.

#[cfg(feature = "safetensors")]
mod checkpoint;
#[cfg(feature = "csv")]
mod csv;
#[cfg(feature = "csv")]
mod csv_encoding;
#[cfg(feature = "safetensors")]
mod frozen;
#[cfg(feature = "safetensors")]
mod frozen_parts;
#[cfg(all(feature = "csv", feature = "npz", feature = "safetensors"))]
mod fuzz;
#[cfg(all(feature = "npz", feature = "safetensors", feature = "tensorboard"))]
mod interop;
#[cfg(feature = "keras")]
mod keras;
#[cfg(all(feature = "csv", feature = "npz", feature = "safetensors"))]
mod mutations;
#[cfg(feature = "npz")]
mod npz;
#[cfg(feature = "safetensors")]
mod readers;
#[cfg(feature = "tensorboard")]
mod tensorboard;

#[cfg(all(feature = "csv", feature = "npz", feature = "safetensors"))]
#[path = "../common/corpus.rs"]
mod corpus;
#[cfg(any(feature = "safetensors", feature = "tensorboard"))]
#[path = "../common/crc32c.rs"]
mod crc32c;
#[cfg(feature = "safetensors")]
#[path = "../common/model_file.rs"]
mod model_file;
#[cfg(all(feature = "npz", feature = "safetensors", feature = "tensorboard"))]
#[path = "../common/python.rs"]
mod python;
