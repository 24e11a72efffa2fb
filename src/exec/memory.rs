//! Aligned bytes, and arrays copied in and out of them.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use ndarray::{ArrayD, IxDyn};

use crate::dtype::{DType, Element};
use crate::value::{Value, with_array};

/// A cache line, and the widest vector.
const ALIGNMENT: usize = 64;

/// Bytes that start at a multiple of 64.
#[derive(Debug)]
pub(crate) struct Memory {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the memory is plain bytes that the value owns alone.
unsafe impl Send for Memory {}
// SAFETY: through a shared reference only the address can be had; who follows it must prove that
// nobody writes.
unsafe impl Sync for Memory {}

impl Memory {
    /// Bytes that are all 0: initialised, and valid for every element type.
    pub(crate) fn zeroed(bytes: usize) -> Self {
        let dangling = Memory { start: NonNull::<Aligned>::dangling().cast(), bytes: 0 };
        if bytes == 0 {
            return dangling;
        }
        let Ok(layout) = Layout::from_size_align(bytes, ALIGNMENT) else {
            return dangling;
        };
        // SAFETY: the layout has a size other than 0.
        match NonNull::new(unsafe { alloc_zeroed(layout) }) {
            Some(start) => Memory { start, bytes },
            None => handle_alloc_error(layout),
        }
    }

    /// A copy of the elements of a value in row-major order.
    pub(crate) fn of(value: &Value) -> Self {
        let bytes = value.shape().iter().product::<usize>() * value.dtype().size();
        let memory = Memory::zeroed(bytes);
        debug_assert!(with_array!(value, array => array.is_standard_layout()));
        // SAFETY: a value in row-major order holds `bytes` consecutive bytes, and the new memory as
        // many; the two do not overlap.
        unsafe { std::ptr::copy_nonoverlapping(value.as_ptr(), memory.start(), bytes) };
        memory
    }

    pub(crate) fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Gives the dangling address of empty memory its alignment.
#[repr(align(64))]
struct Aligned;

impl Drop for Memory {
    fn drop(&mut self) {
        if let (1.., Ok(layout)) = (self.bytes, Layout::from_size_align(self.bytes, ALIGNMENT)) {
            // SAFETY: allocated in `zeroed` with this layout.
            unsafe { dealloc(self.start.as_ptr(), layout) };
        }
    }
}

/// An array of the elements at an address.
///
/// # Safety
/// As many elements of the type as the lengths say must lie there, initialised, aligned and unchanging.
pub(crate) unsafe fn value_at(address: *const u8, dtype: DType, dims: &[usize]) -> Value {
    /// # Safety
    /// As for `value_at`.
    unsafe fn array<T: Element>(address: *const u8, dims: &[usize]) -> Value {
        let count = dims.iter().product();
        // SAFETY: the caller's promise.
        let elements = unsafe { std::slice::from_raw_parts(address.cast::<T>(), count) };
        // The number of elements is the product of the lengths, so the shape fits.
        T::wrap(ArrayD::from_shape_vec(IxDyn(dims), elements.to_vec()).unwrap_or_default())
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
