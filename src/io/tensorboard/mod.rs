//! TensorBoard: what a training run tells of itself, as event files that TensorBoard draws.
//!
//! Takes scalars, arrays and images by tag and step, and graphs; gives one file of records in a log directory
//! ([`SummaryWriter`]). Invariant: the file holds whole events in the order of the calls, at most the last of
//! them cut short, where a reader waits for the rest.
//!
//! The steps: an event is a protocol buffer (`proto`), made of a number, of the buckets of an array
//! (`histogram`), of an image (`image`, `png`), or of the nodes of a graph (`graph_def`); `record` frames it with checksums and writes it.
//!
//! `tensorboard --logdir DIR` shows every run below a directory. A run is a directory of its own: to compare two,
//! write them to `DIR/a` and `DIR/b`.

mod error;
mod graph_def;
mod histogram;
mod image;
mod png;
mod proto;
mod record;
mod writer;

pub use error::SummaryError;
pub use writer::SummaryWriter;
