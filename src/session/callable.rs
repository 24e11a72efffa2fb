//! [`Callable`]: a run prepared for hot loops.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::arguments::{Arguments, FedArrays};
use super::fetch::{Fetched, Output};
use super::prepared::Prepared;
use super::{Core, RunTerms};
use crate::error::{Error, Result};
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
    terms: RunTerms,
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
        Callable::new(core, prepared, self.fed_lists.clone(), self.lengths.clone(), self.terms)
    }
}

impl<I, O: Output> Callable<I, O> {
    pub(super) fn new(
        core: Arc<Core>,
        prepared: Arc<Prepared>,
        fed_lists: Vec<(usize, usize)>,
        lengths: Vec<usize>,
        terms: RunTerms,
    ) -> Self {
        Callable { core, prepared, fed_lists, lengths, terms, types: PhantomData }
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
        self.call_as(self.terms, feeds)
    }

    /// Runs as [`call`](Callable::call) does, so many times as one run: each time on the variables as the time before has
    /// left them. Gives the results of the last time. Other runs see the variables as they were until the last time has
    /// succeeded; if one fails, all stays as it was. [`repeat_each_with`](Callable::repeat_each_with) makes each time a
    /// transaction of its own.
    ///
    /// It counts as so many runs, so random numbers are those of so many calls.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f64>("x", []);
    /// let v = g.variable("v", 1.0_f64);
    /// let session = Session::new(&g)?;
    /// let step = session.make_callable(x, v.assign(v * x))?;
    /// assert_eq!(step.repeat_with(10, 2.0)?.item()?, 1024.0);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`call`](Callable::call), and [`Error::NoRepetition`] for no times at all.
    pub fn repeat_with<'v>(&self, times: usize, feeds: impl Arguments<'v, I>) -> Result<O> {
        let more = times.checked_sub(1).ok_or(Error::NoRepetition)?;
        self.call_as(RunTerms { more, ..self.terms }, feeds)
    }

    /// Runs as [`call`](Callable::call) does, so many times, each of which is a transaction of its own: other runs see what
    /// it leaves as soon as it has succeeded, and may come between it and the next. If one fails, those before it stay done:
    /// the variables are as the last of these has left them, and the error says which one has failed. Gives the results of
    /// the last time. A timeout is for each by itself.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f64>("x", []);
    /// let v = g.variable("v", 8.0_f64);
    /// let session = Session::new(&g)?;
    /// let step = session.make_callable(x, v.assign((v - x).sqrt().check_numerics()))?;
    /// // The first gives 2, and of -2 there is no root.
    /// let error = step.repeat_each_with(5, 4.0).unwrap_err();
    /// assert!(matches!(error, Error::Repetition { repetition: 1, .. }), "{error}");
    /// assert_eq!(session.run(v.tensor())?.item()?, 2.0);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Repetition`] with an error as of [`call`](Callable::call), and [`Error::NoRepetition`] for no times at all.
    pub fn repeat_each_with<'v>(&self, times: usize, feeds: impl Arguments<'v, I>) -> Result<O> {
        let mut fed = FedArrays::default();
        feeds.push_to(&mut fed);
        self.check_lists(&fed)?;
        let mut last = None;
        for repetition in 0..times {
            let mut values = Fetched::default();
            let run = self.core.run(&self.prepared, &fed.arrays, self.terms, &mut |value| values.push(value));
            run.map_err(|error| Error::Repetition { repetition, error: Box::new(error) })?;
            last = Some(values);
        }
        let last = last.ok_or(Error::NoRepetition)?;
        Ok(last.into_output(&self.lengths))
    }

    fn call_as<'v>(&self, terms: RunTerms, feeds: impl Arguments<'v, I>) -> Result<O> {
        let mut fed = FedArrays::default();
        feeds.push_to(&mut fed);
        self.check_lists(&fed)?;
        let mut values = Fetched::default();
        self.core.run(&self.prepared, &fed.arrays, terms, &mut |value| values.push(value))?;
        Ok(values.into_output(&self.lengths))
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
        let mut values = Fetched::default();
        let trace = self.core.run_traced(&self.prepared, &fed.arrays, self.terms, record, &mut |value| {
            values.push(value);
        })?;
        Ok((values.into_output(&self.lengths), trace))
    }
}

impl<O: Output> Callable<(), O> {
    /// Runs so many times as one run, as [`repeat_with`](Callable::repeat_with) does, for a callable that is fed nothing.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let w = g.variable("w", 5.0_f64);
    /// let [dw] = (w - 3.0).square().gradients([w.tensor()]);
    /// let session = Session::new(&g)?;
    /// let step = session.make_callable((), w.assign_sub(dw * 0.1))?;
    /// let last = step.repeat(1_000)?.item()?;
    /// assert!((last - 3.0).abs() < 1e-12);
    /// assert_eq!(session.run_count(), 1_000);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`repeat_with`](Callable::repeat_with).
    pub fn repeat(&self, times: usize) -> Result<O> {
        self.repeat_with(times, ())
    }

    /// Runs so many times, each a transaction of its own, as [`repeat_each_with`](Callable::repeat_each_with) does, for a
    /// callable that is fed nothing.
    ///
    /// # Errors
    /// As for [`repeat_each_with`](Callable::repeat_each_with).
    pub fn repeat_each(&self, times: usize) -> Result<O> {
        self.repeat_each_with(times, ())
    }
}
