//! Arrays that a run is fed, and the proof that they are what a plan was made for.

use std::marker::PhantomData;
use std::sync::Arc;

use ndarray::{CowArray, Dimension, IxDyn};

use super::OutOfMemory;
use crate::dtype::{DType, Element};
use crate::plan::Plan;
use crate::value::Value;

/// A fed array of any element type, in row-major order: borrowed if it was so already.
#[derive(Debug)]
pub struct FedArray<'v> {
    dtype: DType,
    dims: IxDyn,
    start: *const u8,
    /// Keeps the elements if they had to be copied, or says that they could not be.
    copy: Result<Option<Box<Value>>, OutOfMemory>,
    _borrow: PhantomData<&'v ()>,
}

impl<'v> FedArray<'v> {
    pub(crate) fn new<T: Element>(array: CowArray<'v, T, IxDyn>) -> Self {
        let (dtype, dims) = (T::DTYPE, array.raw_dim());
        if array.is_view() && array.is_standard_layout() {
            // The view ends here, but what it shows is borrowed for 'v.
            return FedArray {
                dtype,
                dims,
                start: array.as_ptr().cast(),
                copy: Ok(None),
                _borrow: PhantomData,
            };
        }
        // Boxed, since feeds that are borrowed pass through the same hands. Moving the copy does not move its elements.
        let copy = Value::row_major(array).map(Box::new);
        let start = copy.as_ref().map_or(std::ptr::null(), |copy| copy.as_ptr());
        FedArray { dtype, dims, start, copy: copy.map(Some), _borrow: PhantomData }
    }

    pub(crate) fn dims(&self) -> &[usize] {
        self.dims.slice()
    }

    /// The memory that a copy would have needed, if there is none.
    pub(crate) fn lacking(&self) -> Option<OutOfMemory> {
        self.copy.as_ref().err().copied()
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
    /// The two together, if they match and the feeds have elements.
    pub(crate) fn new(plan: &Arc<Plan>, feeds: &'f [FedArray<'f>]) -> Option<Self> {
        let matches =
            plan.fed.len() == feeds.len()
                && plan.fed.iter().zip(feeds).all(|((dtype, dims), fed)| {
                    *dtype == fed.dtype && dims == fed.dims() && fed.copy.is_ok()
                });
        matches.then(|| Ready { plan: Arc::clone(plan), feeds })
    }

    pub(crate) fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    pub(super) fn feeds(&self) -> &'f [FedArray<'f>] {
        self.feeds
    }
}
