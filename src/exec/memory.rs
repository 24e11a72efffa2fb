//! Aligned bytes, and arrays copied in and out of them.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, IxDyn};

use crate::dtype::{DType, Element};
use crate::graph::{NodeId, VariableId};
use crate::value::{Value, with_array};

/// The machine has no memory for so many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory {
    pub(crate) bytes: usize,
    pub(crate) owner: Owner,
}

/// What memory is for, as far as it is known where it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// All that a run computes, or what the caller knows better.
    Whole,
    Variable(VariableId),
    /// What a run gives, by its place among the values that are fetched.
    Fetch(usize),
    /// The value of a node, or that and smaller ones.
    Node(NodeId),
}

impl OutOfMemory {
    pub(crate) const fn bytes(bytes: usize) -> Self {
        OutOfMemory { bytes, owner: Owner::Whole }
    }

    /// So many elements, which may be more than an address space holds bytes.
    pub(crate) const fn elements<T>(count: usize) -> Self {
        OutOfMemory::bytes(count.saturating_mul(size_of::<T>()))
    }

    /// The same, with what the memory is for.
    pub(crate) fn owned_by(self, owner: Owner) -> Self {
        OutOfMemory { owner, ..self }
    }
}

/// Where memory starts, and buffers in an arena: a cache line, and the widest vector.
pub(crate) const ALIGNMENT: usize = 64;

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

impl Default for Memory {
    fn default() -> Self {
        Memory::empty()
    }
}

impl Memory {
    /// No bytes at all, at an aligned address.
    pub(crate) const fn empty() -> Self {
        Memory { start: NonNull::<Aligned>::dangling().cast(), bytes: 0 }
    }

    /// Bytes that are all 0: initialized, and valid for every element type.
    pub(crate) fn zeroed(bytes: usize) -> Result<Self, OutOfMemory> {
        if bytes == 0 {
            return Ok(Memory::empty());
        }
        let layout = Layout::from_size_align(bytes, ALIGNMENT).map_err(|_| OutOfMemory::bytes(bytes))?;
        // SAFETY: the layout has a size other than 0.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or(OutOfMemory::bytes(bytes))?;
        Ok(Memory { start, bytes })
    }

    /// A copy of the elements of a value.
    pub(crate) fn of(value: &Value) -> Result<Self, OutOfMemory> {
        with_array!(value, array => Memory::of_view(array.view()))
    }

    /// A copy of the elements of a value with the axes in the opposite order.
    pub(crate) fn transposed(value: &Value) -> Result<Self, OutOfMemory> {
        with_array!(value, array => Memory::of_view(array.t()))
    }

    /// A copy of the elements of a view, in row-major order.
    fn of_view<T: Element>(view: ArrayViewD<'_, T>) -> Result<Self, OutOfMemory> {
        let memory = Memory::zeroed(OutOfMemory::elements::<T>(view.len()).bytes)?;
        if let Some(elements) = view.as_slice() {
            // SAFETY: the memory holds as many elements as the view, and does not overlap it.
            unsafe {
                std::ptr::copy_nonoverlapping(elements.as_ptr(), memory.start().cast(), elements.len());
            }
        } else {
            // SAFETY: the memory holds as many elements as the view, all 0, which is valid for every type; it starts
            // aligned for any, and nothing else refers to it.
            let mut copy =
                unsafe { ArrayViewMutD::from_shape_ptr(view.raw_dim(), memory.start().cast::<T>()) };
            copy.assign(&view);
        }
        Ok(memory)
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
        // The lengths were checked when the plan was made, and their product is the number of elements.
        Ok(T::wrap(ArrayD::from_shape_vec(IxDyn(dims), copy).unwrap_or_default()))
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
