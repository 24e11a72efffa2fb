//! A step that runs a kernel, and the threads that the kernel is lent for parts of its work.

use ndarray::{ArrayViewD, ArrayViewMutD, IxDyn, ShapeBuilder};
use smallvec::SmallVec;

use super::Cause;
use super::addresses::Addresses;
use super::context::Context;
use super::workers::RunQueue;
use crate::element::{ArrayMut, ArrayRef, DType, with_element};
use crate::ir::{Dims, KernelError, NodeId, Share, Workers, size};
use crate::plan::{KernelCall, KernelOperand};

/// Runs a task of a kernel, on this thread and, if the kernel shares its work, on helpers.
///
/// # Safety
/// As for [`run_task`](super::steps::run_task).
// Apart, so that a step of any other kind does not pay for its frame.
#[inline(never)]
pub(super) unsafe fn run(
    call: &KernelCall,
    task: usize,
    addresses: Addresses<'_>,
    context: &Context<'_>,
    helpers: Option<&RunQueue>,
) -> Result<(), Box<Cause>> {
    let lent =
        helpers.filter(|_| call.is_shared).map(|queue| Lent { inside: Inside(context, call.node), queue });
    let workers = lent.as_ref().map_or(Workers::NONE, |lent| Workers::of(lent));
    context
        // SAFETY: the caller's promise.
        .run_kernel(call.node, || unsafe { run_task(call, task, addresses, workers) })
        .map_err(|error| Box::new(Cause::Kernel { node: call.node, error }))
}

/// The threads that a kernel is lent: this one and those that answer the queue.
struct Lent<'a> {
    inside: Inside<'a>,
    queue: &'a RunQueue,
}

impl Share for Lent<'_> {
    fn share(&self, parts: usize, nanoseconds: f64, part: &(dyn Fn(usize) + Sync)) {
        let inside = &self.inside;
        let shared = self.queue.lend();
        // The run is lent to this one alone.
        shared.run_parts(parts, nanoseconds, &|index| inside.run(|| part(index)), self.queue);
        self.queue.take_back(shared);
    }
}

/// What each part of a kernel is inside of, on whatever thread.
struct Inside<'a>(&'a Context<'a>, NodeId);

// SAFETY: all threads of a run share its context, which never changes; it is not `Sync` by itself as the level in it has
// pointers, which lead to what outlives the run.
unsafe impl Sync for Inside<'_> {}

impl Inside<'_> {
    fn run(&self, part: impl FnOnce()) {
        self.0.run_kernel(self.1, part);
    }
}

/// Runs a kernel on its operands as they lie, or on a task's part of them.
///
/// # Safety
/// As for [`run`].
unsafe fn run_task(
    call: &KernelCall,
    task: usize,
    addresses: Addresses<'_>,
    workers: Workers<'_>,
) -> Result<(), KernelError> {
    let part = call.indices(task);
    // The lengths of an array's part, and where it starts.
    let cut = |start: *mut u8, dtype: DType, dims: &Dims, stride: Option<&usize>| {
        let mut dims = dims.clone();
        match (&part, stride) {
            (Some(part), Some(stride)) => {
                dims[0] = part.len();
                (dims, start.wrapping_add(part.start * stride * dtype.size()))
            }
            _ => (dims, start),
        }
    };
    let input = |operand: &KernelOperand| {
        let KernelOperand { start, dtype, dims, strides } = operand;
        let (dims, start) = cut(addresses.at(*start), *dtype, dims, strides.first());
        let shape = IxDyn(&dims).strides(IxDyn(strides));
        with_element!(*dtype, T => {
            // SAFETY: the buffer reaches all elements that the lengths and strides lead to, of this type, which
            // an earlier step has written and none writes now. A part lies within: each operand of a kernel that is
            // cut has the axis along which it is.
            ArrayRef::of(unsafe { ArrayViewD::from_shape_ptr(shape, start.cast::<T>()) })
        })
    };
    let inputs: SmallVec<[ArrayRef<'_>; 4]> = call.operands.iter().map(input).collect();
    let stride = size(call.dims.get(1..).unwrap_or_default());
    let (dims, start) = cut(addresses.of(call.dst), call.dtype, &call.dims, Some(&stride));
    if call.dtype == DType::Bool {
        // What other steps left there need not be booleans.
        // SAFETY: the buffer holds as many bytes, and this task alone touches them.
        unsafe { start.write_bytes(0, size(&dims)) };
    }
    let shape = IxDyn(&dims);
    let output = with_element!(call.dtype, T => {
        // SAFETY: the buffer holds as many elements of this type, initialized as arena memory is, and this task
        // alone touches them.
        ArrayMut::of(unsafe { ArrayViewMutD::from_shape_ptr(shape, start.cast::<T>()) })
    });
    let ran = call.kernel.run_with(&inputs, output, workers);
    ran.map_err(|error| error.behind(part.map_or(0, |part| part.start)))
}
