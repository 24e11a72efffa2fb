//! Files that other programs read and write, each format behind the feature of its name.
//!
//! - [`checkpoint`]: what a session holds, as a safetensors file, from which a training goes on.
//! - [`frozen`]: a model with its weights, which another program runs without the code that built it.
//! - [`graph_def`]: graphs of TensorFlow 1, as nodes of one's own graph.
//! - [`keras`]: weights by name, as Keras keeps them.
//! - [`npz`]: arrays by name, as NumPy keeps them.
//! - [`onnx`]: models that PyTorch and others export, as part of a graph.
//! - [`safetensors`]: arrays by name, as PyTorch and others keep them.
//! - [`saved_model`]: models of TensorFlow with their signatures and variables.
//! - [`tensor_bundle`]: variables as TensorFlow keeps them.
//! - [`tensorboard`]: curves, histograms and the graph, for TensorBoard.
//!
//! Reading trusts no file: whatever is wrong with one is an error that names it, and no memory is asked for on the
//! word of a header alone. Only regular files and links to them are read, never pipes or devices, which may never end.
//! Files are replaced as a whole, so that a crash leaves the old or the new one.

/// Makes an error of a module that is built on sessions one of the crate's. Like theirs, its `Debug` form is the message.
macro_rules! error_of_its_own {
    ($error:ty) => {
        impl From<$error> for $crate::error::Error {
            fn from(error: $error) -> Self {
                $crate::error::Error::Other(std::sync::Arc::new(error))
            }
        }

        impl std::fmt::Debug for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    };
}
pub(crate) use error_of_its_own;

#[cfg(feature = "safetensors")]
pub mod checkpoint;
// Models of ONNX are written alone.
#[cfg(any(
    feature = "graphdef",
    feature = "keras",
    feature = "npz",
    feature = "onnx",
    feature = "safetensors"
))]
#[cfg_attr(
    not(any(feature = "graphdef", feature = "npz", feature = "safetensors")),
    allow(dead_code, unreachable_pub)
)]
mod elements;
// Frozen models take less of it than graphs for other programs.
#[cfg(any(feature = "graphdef", feature = "onnx", feature = "safetensors"))]
#[cfg_attr(not(all(feature = "graphdef", feature = "onnx")), allow(dead_code))]
mod export;
#[cfg(feature = "safetensors")]
pub mod frozen;
#[cfg(feature = "graphdef")]
pub mod graph_def;
// One of the two may have no use for a part.
#[cfg(any(feature = "graphdef", feature = "onnx"))]
#[cfg_attr(not(all(feature = "graphdef", feature = "onnx")), allow(dead_code))]
mod import;
#[cfg(any(feature = "graphdef", feature = "onnx"))]
mod missing;
#[cfg(any(feature = "graphdef", feature = "onnx"))]
pub use missing::Unsupported;
#[cfg(feature = "safetensors")]
mod json;
#[cfg(feature = "keras")]
pub mod keras;
#[cfg(any(feature = "graphdef", feature = "tensorboard"))]
mod masked_crc;
#[cfg(feature = "npz")]
pub mod npz;
#[cfg(feature = "onnx")]
pub mod onnx;
#[cfg(any(feature = "graphdef", feature = "npz", feature = "onnx", feature = "safetensors"))]
mod replace;
#[cfg(feature = "safetensors")]
pub mod safetensors;
#[cfg(feature = "graphdef")]
pub mod saved_model;
#[cfg(any(
    feature = "graphdef",
    feature = "keras",
    feature = "npz",
    feature = "onnx",
    feature = "safetensors"
))]
// Models have those of 16 bits alone.
#[cfg_attr(not(feature = "safetensors"), allow(dead_code))]
mod small_float;
#[cfg(any(
    feature = "csv",
    feature = "graphdef",
    feature = "keras",
    feature = "npz",
    feature = "onnx",
    feature = "safetensors"
))]
pub(crate) mod source;
#[cfg(feature = "graphdef")]
pub mod tensor_bundle;
#[cfg(feature = "tensorboard")]
pub mod tensorboard;
// To draw a graph takes less of the messages than to read one.
#[cfg(any(feature = "graphdef", feature = "tensorboard"))]
#[cfg_attr(not(feature = "graphdef"), allow(dead_code))]
mod tensorflow;
