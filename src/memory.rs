//! Aligned bytes, and the lack of them.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::{self, NonNull};

use ndarray::{ArrayViewD, ArrayViewMutD};

/// The machine has no memory for so many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory {
    pub(crate) bytes: usize,
}

impl OutOfMemory {
    pub(crate) const fn bytes(bytes: usize) -> Self {
        OutOfMemory { bytes }
    }

    /// So many elements, which may be more than an address space holds bytes.
    pub(crate) const fn elements<T>(count: usize) -> Self {
        OutOfMemory::bytes(count.saturating_mul(size_of::<T>()))
    }
}

/// A type of which bytes that are all 0 are a value.
///
/// # Safety
/// They must be.
pub(crate) unsafe trait Zeroable: Copy {}

// SAFETY: all five have a value whose bytes are all 0.
unsafe impl Zeroable for f32 {}
// SAFETY: the same.
unsafe impl Zeroable for f64 {}
// SAFETY: the same.
unsafe impl Zeroable for i32 {}
// SAFETY: the same.
unsafe impl Zeroable for i64 {}
// SAFETY: the same.
unsafe impl Zeroable for bool {}

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
// SAFETY: through a shared reference only the address can be read; code that follows it must prove that
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

    /// A copy of the elements of a view, in row-major order.
    pub(crate) fn of_view<T: Zeroable>(view: ArrayViewD<'_, T>) -> Result<Self, OutOfMemory> {
        let memory = Memory::zeroed(OutOfMemory::elements::<T>(view.len()).bytes)?;
        if let Some(elements) = view.as_slice() {
            // SAFETY: the memory holds as many elements as the view, and does not overlap it.
            unsafe {
                ptr::copy_nonoverlapping(elements.as_ptr(), memory.start().cast(), elements.len());
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
