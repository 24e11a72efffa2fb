//! [`Callable`]: a run prepared for hot loops.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::Core;
use super::arguments::{Arguments, FedArrays};
use super::fetch::{Output, Results};
use super::prepared::Prepared;
use crate::error::Result;
use crate::exec::Record;
use crate::trace::Trace;

/// A run prepared by [`Session::make_callable`](super::Session::make_callable): `I` names the element
/// types of what is fed, `O` is what a call gives.
///
/// It needs no graph and no session around: `Callable<(f32, i64), (ArrayD<f32>, ())>` can be kept in a
/// struct. The same callable serves different lengths of an unknown dimension; each new one is planned
/// once. It runs on the session's variables and may be called from several threads.
pub struct Callable<I, O: Output> {
    core: Arc<Core>,
    prepared: Arc<Prepared>,
    /// Where each list of feeds begins, and its length.
    fed_lists: Vec<(usize, usize)>,
    /// The lengths of lists of fetches.
    lengths: Vec<usize>,
    /// How long a run may take.
    timeout: Option<Duration>,
    types: PhantomData<fn(I) -> O>,
}

impl<I, O: Output> fmt::Debug for Callable<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callable").field("prepared", &self.prepared).finish_non_exhaustive()
    }
}

impl<I, O: Output> Clone for Callable<I, O> {
    fn clone(&self) -> Self {
        let (core, prepared) = (Arc::clone(&self.core), Arc::clone(&self.prepared));
        Callable::new(core, prepared, self.fed_lists.clone(), self.lengths.clone(), self.timeout)
    }
}

impl<I, O: Output> Callable<I, O> {
    pub(super) fn new(
        core: Arc<Core>,
        prepared: Arc<Prepared>,
        fed_lists: Vec<(usize, usize)>,
        lengths: Vec<usize>,
        timeout: Option<Duration>,
    ) -> Self {
        Callable { core, prepared, fed_lists, lengths, timeout, types: PhantomData }
    }

    /// An error if a list of what is fed is not as long as that of the feeds.
    #[inline]
    fn check_lists(&self, fed: &FedArrays<'_>) -> Result<()> {
        let mut lists = self.fed_lists.iter().zip(&fed.lengths);
        match lists.find(|((_, expected), found)| expected != *found) {
            None => Ok(()),
            Some((&(first, expected), &found)) => Err(self.prepared.miscounted(first, expected, found)),
        }
    }
}

impl<I, O: Output> Callable<I, O> {
    /// Runs on what is fed, given in the structure of the feeds: views of any dimension, references to
    /// arrays, or scalars. See [`Arguments`].
    ///
    /// # Errors
    /// As for [`Session::run`](super::Session::run), and [`Error::FeedCount`](crate::Error::FeedCount) for a list of
    /// another length than that of the feeds.
    pub fn call<'v>(&self, feeds: impl Arguments<'v, I>) -> Result<O> {
        let mut fed = FedArrays::default();
        feeds.push_to(&mut fed);
        self.check_lists(&fed)?;
        let mut values = Vec::new();
        self.core.run(&self.prepared, &fed.arrays, self.timeout, &mut |value| values.push(value))?;
        Ok(O::take(&mut Results::new(values, &self.lengths)))
    }

    /// Runs as [`call`](Callable::call) does, and tells which step was done when and on which thread; see
    /// [`Session::run_traced`](super::Session::run_traced).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [2]);
    /// let v = g.variable("v", zeros([2]));
    /// let session = Session::new(&g)?;
    /// let step = session.make_callable(x, v.assign_add(x))?;
    /// let (sum, trace) = step.call_traced(&ndarray::arr1(&[1.0, 2.0]))?;
    /// assert_eq!((sum.sum(), trace.events().len()), (3.0, 1));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`call`](Callable::call).
    pub fn call_traced<'v>(&self, feeds: impl Arguments<'v, I>) -> Result<(O, Trace)> {
        let record = Record::begin();
        let mut fed = FedArrays::default();
        feeds.push_to(&mut fed);
        self.check_lists(&fed)?;
        let mut values = Vec::new();
        let trace =
            self.core.run_traced(&self.prepared, &fed.arrays, self.timeout, record, &mut |value| {
                values.push(value);
            })?;
        Ok((O::take(&mut Results::new(values, &self.lengths)), trace))
    }
}
