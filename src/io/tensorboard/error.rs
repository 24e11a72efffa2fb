//! [`SummaryError`]: why something could not be told to TensorBoard.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// The log directory or the event file in it refused.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SummaryError {
    /// The log directory is not there and could not be made.
    #[error("the log directory `{}` could not be made: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: Arc<io::Error>,
    },

    /// No event file could be made in the log directory.
    #[error("the event file `{}` could not be made: {source}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: Arc<io::Error>,
    },

    /// An array that is no image.
    #[error(
        "expected an image of shape [height, width], [height, width, channels] or [images, height, width, channels] \
         with 1 to 4 channels and at least one pixel, got {shape:?}"
    )]
    ImageShape {
        /// The shape of the array.
        shape: Vec<usize>,
    },

    /// The event file could not be written.
    #[error("the event file `{}` could not be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: Arc<io::Error>,
    },
}

crate::io::error_of_its_own!(SummaryError);
