//! Numbers that tell how good predictions are, of arrays: what a classifier confuses ([`ConfusionMatrix`], with
//! precision, recall and F1), and how well scores rank ([`roc_auc`]).
//!
//! They are of all rows at once, and no means over batches, so graphs do not compute them.
//! [`Trainer::score`](crate::train::Trainer::score) computes them of the validation data after each epoch.
//!
//! ```
//! use flowgrad::metrics::{ConfusionMatrix, roc_auc};
//! use flowgrad::ndarray::array;
//! # fn main() -> Result<(), flowgrad::metrics::MetricError> {
//! let labels = array![0_i64, 0, 1, 1];
//! let scores = array![0.1_f32, 0.6, 0.35, 0.8];
//! assert_eq!(roc_auc(&labels, &scores)?, 0.75);
//!
//! let predicted = scores.mapv(|score| score > 0.5);
//! let confusion = ConfusionMatrix::of(&labels, &predicted)?;
//! assert_eq!(confusion.counts(), array![[1, 1], [1, 1]]);
//! assert_eq!((confusion.precision(1), confusion.recall(1), confusion.f1(1)), (0.5, 0.5, 0.5));
//! # Ok(())
//! # }
//! ```

mod confusion;
mod error;
mod label;
mod ranking;

pub use confusion::ConfusionMatrix;
pub use error::MetricError;
pub use label::Label;
pub(crate) use label::classes;
pub use ranking::roc_auc;
