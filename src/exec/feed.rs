//! Arrays that a run is fed, and the proof that they are what a plan was made for.

use std::marker::PhantomData;
use std::sync::Arc;

use ndarray::{CowArray, Dimension, IxDyn};

use crate::dtype::{DType, Element};
use crate::plan::Plan;
use crate::value::Value;

/// A fed array of any element type, in row-major order: borrowed if it was so already.
#[derive(Debug)]
pub struct FedArray<'v> {
    dtype: DType,
    dims: IxDyn,
    start: *const u8,
    /// Keeps the elements if they had to be copied.
    _copy: Option<Value>,
    _borrow: PhantomData<&'v ()>,
}

impl<'v> FedArray<'v> {
    pub(crate) fn new<T: Element>(array: CowArray<'v, T, IxDyn>) -> Self {
        let (dtype, dims) = (T::DTYPE, array.raw_dim());
        if array.is_view() && array.is_standard_layout() {
            // The view ends here, but what it shows is borrowed for 'v.
            return FedArray { dtype, dims, start: array.as_ptr().cast(), _copy: None, _borrow: PhantomData };
        }
        // Moving the copy does not move its elements.
        let copy = Value::row_major(array);
        FedArray { dtype, dims, start: copy.as_ptr(), _copy: Some(copy), _borrow: PhantomData }
    }

    pub(crate) fn dims(&self) -> &[usize] {
        self.dims.slice()
    }

    /// Where the first element lies.
    pub(super) fn start(&self) -> *const u8 {
        self.start
    }
}

/// A plan together with feeds of the element types and lengths that it was made for.
#[derive(Debug)]
pub(crate) struct Ready<'f> {
    plan: Arc<Plan>,
    feeds: &'f [FedArray<'f>],
}

impl<'f> Ready<'f> {
    /// The two together, if they match.
    pub(crate) fn new(plan: &Arc<Plan>, feeds: &'f [FedArray<'f>]) -> Option<Self> {
        let matches = plan.fed.len() == feeds.len()
            && plan
                .fed
                .iter()
                .zip(feeds)
                .all(|((dtype, dims), fed)| *dtype == fed.dtype && dims == fed.dims());
        matches.then(|| Ready { plan: Arc::clone(plan), feeds })
    }

    pub(crate) fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    pub(super) fn feeds(&self) -> &'f [FedArray<'f>] {
        self.feeds
    }
}
