//! Files that other programs read and write, each format behind the feature of its name.
//!
//! - [`checkpoint`]: what a session holds, as a safetensors file, from which a training goes on.
//! - [`npz`]: arrays by name, as NumPy keeps them.
//! - [`tensorboard`]: curves, histograms and the graph, for TensorBoard.
//!
//! Reading trusts no file: whatever is wrong with one is an error that names it, and no memory is asked for on the
//! word of a header alone. Files are replaced as a whole, so that a crash leaves the old or the new one.

#[cfg(feature = "safetensors")]
pub mod checkpoint;
#[cfg(feature = "npz")]
pub mod npz;
#[cfg(any(feature = "npz", feature = "safetensors"))]
mod replace;
#[cfg(feature = "tensorboard")]
pub mod tensorboard;
