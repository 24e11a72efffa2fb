//! [`Prefetch`]: an iterator runs ahead on a thread of its own.

use std::fmt;
use std::iter::FusedIterator;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Builder, JoinHandle};

use super::error::DataError;

/// How many items wait, ready, beside the one that the thread is preparing.
const READY: usize = 1;

/// Prepares the items of any iterator on another thread, such as batches and what is mapped over them.
///
/// ```
/// use flowgrad::data::{Dataset, Prefetch as _};
/// use flowgrad::ndarray::{Array1, Array2};
///
/// # fn main() -> Result<(), flowgrad::data::DataError> {
/// let dataset = Dataset::new(Array2::<f32>::ones((10, 4)), Array1::<i64>::zeros(10))?;
/// let batches = dataset.batches(3)?.shuffled(7, 0).map(|(x, labels)| (x / 2.0, labels));
/// assert_eq!(batches.prefetched()?.map(|(x, _)| x.sum()).sum::<f32>(), 20.0);
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no iterator whose items can be prepared ahead",
    label = "expected an iterator",
    note = "of a data set: `dataset.batches(32)?.prefetched()?`"
)]
pub trait Prefetch: Iterator {
    /// The same items in the same order, each prepared while the one before it is used.
    ///
    /// The thread ends with the last item, or when the returned iterator is dropped, which waits for the
    /// item that is being prepared. A panic of the iterator is passed on to the caller that asks for the next item.
    ///
    /// # Errors
    ///
    /// [`DataError::Thread`], when the thread could not be started.
    fn prefetched(self) -> Result<Prefetched<Self>, DataError>
    where
        Self: Send + Sized + 'static,
        Self::Item: Send,
    {
        let expected = self.size_hint();
        let (sender, items) = sync_channel(READY);
        let work = move || self.map(|item| sender.send(item)).take_while(Result::is_ok).for_each(drop);
        let thread = Builder::new().name("flowgrad-prefetch".to_owned()).spawn(work);
        let thread = thread.map_err(|error| DataError::Thread(Arc::new(error)))?;
        Ok(Prefetched { items: Some(items), thread: Some(thread), expected })
    }
}

impl<I: Iterator> Prefetch for I {}

/// What [`Prefetch::prefetched`] gives.
pub struct Prefetched<I: Iterator> {
    /// `None` once there are no more.
    items: Option<Receiver<I::Item>>,
    /// `None` once it is joined.
    thread: Option<JoinHandle<()>>,
    /// The iterator's own size hint, less what was taken.
    expected: (usize, Option<usize>),
}

impl<I: Iterator> Iterator for Prefetched<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        if let Ok(item) = self.items.as_ref()?.recv() {
            let (low, high) = self.expected;
            self.expected = (low.saturating_sub(1), high.map(|high| high.saturating_sub(1)));
            return Some(item);
        }
        self.expected = (0, Some(0));
        self.items = None;
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
            resume_unwind(panic);
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.expected
    }
}

impl<I: ExactSizeIterator> ExactSizeIterator for Prefetched<I> {}
impl<I: Iterator> FusedIterator for Prefetched<I> {}

impl<I: Iterator> Drop for Prefetched<I> {
    fn drop(&mut self) {
        // Nobody receives any more, so the thread's next send fails and it ends.
        self.items = None;
        if let Some(thread) = self.thread.take() {
            // Its panic concerns an item that nobody asked for.
            let _ = thread.join();
        }
    }
}

impl<I: Iterator> fmt::Debug for Prefetched<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prefetched").field("expected", &self.expected).finish_non_exhaustive()
    }
}
