//! Arrays that a run is fed, and the proof that they are what a plan was made for.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;

use ndarray::{ArrayD, ArrayView, Dimension, IxDyn};
use smallvec::{SmallVec, smallvec};

use crate::element::{DType, Element, Value, with_array};
use crate::memory::OutOfMemory;
use crate::plan::Plan;

/// A fed array of any element type, in row-major order: borrowed if it was so already.
#[derive(Debug)]
pub struct FedArray<'v> {
    dtype: DType,
    dims: SmallVec<[usize; 4]>,
    elements: Elements,
    _borrow: PhantomData<&'v ()>,
}

/// Where the elements of a fed array are.
#[derive(Debug)]
enum Elements {
    /// They start there, for as long as the array is borrowed.
    Borrowed(*const u8),
    /// There is one, and this is it.
    Here(MaybeUninit<u64>),
    /// They had to be copied. Boxed, since feeds that are borrowed pass through the same hands.
    Copied(Box<Value>),
    /// There is no memory for a copy.
    Lacking(OutOfMemory),
}

// SAFETY: it is borrowed or owned elements of plain types, which nobody changes as long as it is there.
unsafe impl Send for FedArray<'_> {}
// SAFETY: the same.
unsafe impl Sync for FedArray<'_> {}

impl<'v> FedArray<'v> {
    #[inline(always)]
    pub(crate) fn of_view<T: Element, D: Dimension>(view: ArrayView<'v, T, D>) -> Self {
        let dims = SmallVec::from_slice(view.shape());
        let elements = if view.is_standard_layout() {
            // The view ends here, but what it shows is borrowed for 'v.
            Elements::Borrowed(view.as_ptr().cast())
        } else {
            Value::row_major(view).map_or_else(Elements::Lacking, |copy| Elements::Copied(Box::new(copy)))
        };
        FedArray { dtype: T::DTYPE, dims, elements, _borrow: PhantomData }
    }

    pub(crate) fn of_value(value: &'v Value) -> Self {
        with_array!(value, array => FedArray::of_view(array.view()))
    }

    #[inline(always)]
    pub(crate) fn of_scalar<T: Element>(scalar: T) -> Self {
        const { assert!(size_of::<T>() <= size_of::<u64>() && align_of::<T>() <= align_of::<u64>()) };
        let mut word = MaybeUninit::<u64>::uninit();
        // SAFETY: the word has room for the scalar, and its alignment.
        unsafe { word.as_mut_ptr().cast::<T>().write(scalar) };
        FedArray { dtype: T::DTYPE, dims: smallvec![], elements: Elements::Here(word), _borrow: PhantomData }
    }

    /// The same array, lent for as long as this one is.
    pub(crate) fn lend(&self) -> FedArray<'_> {
        let elements = match &self.elements {
            Elements::Lacking(lacking) => Elements::Lacking(*lacking),
            Elements::Here(word) => Elements::Here(*word),
            Elements::Borrowed(_) | Elements::Copied(_) => Elements::Borrowed(self.start()),
        };
        FedArray { dtype: self.dtype, dims: self.dims.clone(), elements, _borrow: PhantomData }
    }

    pub(crate) fn dtype(&self) -> DType {
        self.dtype
    }

    pub(crate) fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// The memory that a copy would have needed, if there is none.
    pub(crate) fn lacking(&self) -> Option<OutOfMemory> {
        match self.elements {
            Elements::Lacking(lacking) => Some(lacking),
            Elements::Borrowed(_) | Elements::Here(_) | Elements::Copied(_) => None,
        }
    }

    /// Where the first element lies while this does not move.
    pub(super) fn start(&self) -> *const u8 {
        match &self.elements {
            Elements::Borrowed(start) => *start,
            Elements::Here(word) => word.as_ptr().cast(),
            Elements::Copied(copy) => copy.as_ptr(),
            Elements::Lacking(_) => ptr::null(),
        }
    }

    /// A copy of the array.
    pub(crate) fn to_value(&self) -> Result<Value, OutOfMemory> {
        match self.lacking() {
            Some(lacking) => Err(lacking),
            // SAFETY: as many elements as the lengths say lie at the start, borrowed or owned, of this type.
            None => unsafe { value_at(self.start(), self.dtype, &self.dims) },
        }
    }
}

/// A plan together with feeds of the element types and lengths that it was made for.
#[derive(Debug)]
pub(crate) struct Ready<'f> {
    plan: Cow<'f, Arc<Plan>>,
    feeds: &'f [FedArray<'f>],
}

impl<'f> Ready<'f> {
    /// The two together, if they match and the feeds have elements.
    pub(crate) fn new(plan: &Arc<Plan>, feeds: &'f [FedArray<'f>]) -> Option<Self> {
        match_up(plan, feeds).then(|| Ready { plan: Cow::Owned(Arc::clone(plan)), feeds })
    }

    /// The same with a plan that stays where it is meanwhile, which takes less time.
    #[inline]
    pub(crate) fn borrowed(plan: &'f Arc<Plan>, feeds: &'f [FedArray<'f>]) -> Option<Self> {
        match_up(plan, feeds).then_some(Ready { plan: Cow::Borrowed(plan), feeds })
    }

    pub(crate) fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    pub(super) fn feeds(&self) -> &'f [FedArray<'f>] {
        self.feeds
    }
}

/// Whether a plan was made for feeds like these, and they have elements.
#[inline]
fn match_up(plan: &Plan, feeds: &[FedArray<'_>]) -> bool {
    let is_fed_like = |((dtype, dims), fed): (&(DType, Vec<usize>), &FedArray<'_>)| {
        *dtype == fed.dtype && dims[..] == fed.dims[..] && fed.lacking().is_none()
    };
    plan.fed.len() == feeds.len() && plan.fed.iter().zip(feeds).all(is_fed_like)
}

/// An array of the elements at an address.
///
/// # Safety
/// As many elements of the type as the lengths say must lie there, initialized, aligned and unchanging.
pub(crate) unsafe fn value_at(
    address: *const u8,
    dtype: DType,
    dims: &[usize],
) -> Result<Value, OutOfMemory> {
    /// # Safety
    /// As for `value_at`.
    unsafe fn array<T: Element>(address: *const u8, dims: &[usize]) -> Result<Value, OutOfMemory> {
        let count = dims.iter().product();
        // SAFETY: the caller's promise.
        let elements = unsafe { std::slice::from_raw_parts(address.cast::<T>(), count) };
        let mut copy = Vec::new();
        copy.try_reserve_exact(count).map_err(|_| OutOfMemory::elements::<T>(count))?;
        copy.extend_from_slice(elements);
        let shape = IxDyn(dims);
        let array = if count > 0 {
            // SAFETY: the copy has as many elements as the lengths say.
            unsafe { ArrayD::from_shape_vec_unchecked(shape, copy) }
        } else {
            // The lengths were checked when the plan was made: their product without zeros fits an isize.
            ArrayD::from_shape_vec(shape, copy).unwrap_or_default()
        };
        Ok(Value::wrap(array))
    }
    // SAFETY: the caller's promise, for the type that `dtype` names.
    unsafe {
        match dtype {
            DType::F32 => array::<f32>(address, dims),
            DType::F64 => array::<f64>(address, dims),
            DType::I32 => array::<i32>(address, dims),
            DType::I64 => array::<i64>(address, dims),
            DType::Bool => array::<bool>(address, dims),
        }
    }
}
