//! What a run is fed, one array after the other.

use ndarray::{ArrayBase, ArrayView, ArrayView1, Data, Dimension};
use smallvec::SmallVec;

use super::fetch::{FetchList, Fetched};
use super::{Fetch, Session};
use crate::element::{Element, Value};
use crate::error::Result;
use crate::exec::{FedArray, Record};
use crate::graph::{AnyTensor, Tensor};
use crate::trace::Trace;

/// A value that can be fed for a tensor of `T`: a reference to an array or to a list of elements, a view, or a scalar.
/// Row-major arrays are not copied.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be fed for a tensor of `{T}`",
    label = "expected a reference to an array, a view, or a number of `{T}`",
    note = "an array is lent: `&array` or `array.view()`; elements are not converted: `array.mapv(f64::from)`"
)]
pub trait Feedable<'v, T: Element> {
    #[doc(hidden)]
    fn into_fed(self) -> FedArray<'v>;
}

impl<'v, T: Element, S: Data<Elem = T>, D: Dimension> Feedable<'v, T> for &'v ArrayBase<S, D> {
    #[inline(always)]
    fn into_fed(self) -> FedArray<'v> {
        FedArray::of_view(self.view())
    }
}

impl<'v, T: Element, D: Dimension> Feedable<'v, T> for ArrayView<'v, T, D> {
    #[inline(always)]
    fn into_fed(self) -> FedArray<'v> {
        FedArray::of_view(self)
    }
}

/// Declares lists of elements, which are lent like arrays.
macro_rules! lists {
    ($(($($generics:tt)*) $list:ty;)*) => {$(
        impl<'v, T: Element, $($generics)*> Feedable<'v, T> for &'v $list {
            #[inline(always)]
            fn into_fed(self) -> FedArray<'v> {
                FedArray::of_view(ArrayView1::from(self))
            }
        }
    )*};
}
lists! {
    () [T];
    () Vec<T>;
    (const N: usize) [T; N];
}

impl<T: Element> Feedable<'_, T> for T {
    #[inline(always)]
    fn into_fed(self) -> FedArray<'static> {
        FedArray::of_scalar(self)
    }
}

/// A run under preparation: what it is fed so far; see [`Session::feeds`] and [`Session::feed`].
#[derive(Debug)]
#[must_use = "nothing runs before `run` is called"]
pub struct Feeding<'s, 'g, 'v> {
    pub(super) session: &'s Session,
    pub(super) tensors: FeedList<'g>,
    pub(super) arrays: Vec<FedArray<'v>>,
}

/// A run that is fed nothing.
impl<'s> From<&'s Session> for Feeding<'s, '_, '_> {
    fn from(session: &'s Session) -> Self {
        Feeding::of(session)
    }
}

impl<'s, 'g, 'v> Feeding<'s, 'g, 'v> {
    pub(crate) fn of(session: &'s Session) -> Self {
        Feeding { session, tensors: FeedList::default(), arrays: Vec::new() }
    }

    /// The session that is to run.
    pub(crate) fn session(&self) -> &'s Session {
        self.session
    }

    /// Feeds one more tensor.
    pub fn feed<T: Element>(mut self, tensor: impl Into<Tensor<'g, T>>, value: impl Feedable<'v, T>) -> Self {
        self.tensors.tensors.push(tensor.into().any());
        self.arrays.push(value.into_fed());
        self
    }

    /// Feeds one more tensor, whose element type is known only at run time.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f64>("x", [None]).any();
    /// let fed = Value::from(ndarray::arr1(&[1.0, 4.0]));
    /// let y = Session::new(&g)?.feed_value(x, &fed).run(x.sqrt())?;
    /// assert_eq!(y, Value::from(ndarray::arr1(&[1.0, 2.0])));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn feed_value(self, tensor: impl Into<AnyTensor<'g>>, value: &'v Value) -> Self {
        self.feed_array(tensor.into(), FedArray::of_value(value))
    }

    /// Feeds one more tensor with an array of any element type.
    pub(crate) fn feed_array(mut self, tensor: AnyTensor<'g>, array: FedArray<'v>) -> Self {
        self.tensors.tensors.push(tensor);
        self.arrays.push(array);
        self
    }

    /// Computes the fetches from what is fed; see [`Session::run`].
    ///
    /// # Errors
    /// As for [`Session::run`], and when a fed array does not fit its tensor, a tensor is fed twice,
    /// or belongs to another graph.
    pub fn run<F: Fetch<'g>>(self, fetches: F) -> Result<F::Output> {
        let list = FetchList::of(&fetches);
        let core = &self.session.core;
        let prepared = core.prepare(&self.tensors, &list)?;
        let mut values = Fetched::default();
        core.run(&prepared, &self.arrays, self.session.terms, &mut |value| values.push(value))?;
        Ok(values.into_output(&list.lengths))
    }

    /// Computes the fetches, and tells which step was done when and on which thread; see
    /// [`Session::run_traced`].
    ///
    /// # Errors
    /// As for [`run`](Feeding::run).
    pub fn run_traced<F: Fetch<'g>>(self, fetches: F) -> Result<(F::Output, Trace)> {
        let record = Record::begin();
        let list = FetchList::of(&fetches);
        let core = &self.session.core;
        let prepared = core.prepare(&self.tensors, &list)?;
        let mut values = Fetched::default();
        let trace = core.run_traced(&prepared, &self.arrays, self.session.terms, record, &mut |value| {
            values.push(value);
        })?;
        Ok((values.into_output(&list.lengths), trace))
    }
}

/// The tensors that a run feeds, in order.
#[derive(Debug, Default)]
pub struct FeedList<'g> {
    pub(crate) tensors: SmallVec<[AnyTensor<'g>; 4]>,
    /// Where each list of a callable's feeds begins among them, and its length, in the order in which they are met.
    pub(super) lists: Vec<(usize, usize)>,
}
