//! [`Kernel`]: a computation that the lowering vocabulary does not have, as plain code on arrays.

use std::fmt;
use std::sync::Arc;

use ndarray::{ArrayViewD, ArrayViewMutD};

use super::Workers;
use crate::element::{ArrayMut, ArrayRef, DType, Element};

/// A computation on arrays that the framework takes as a whole: it plans memory and order around it, and
/// looks inside no further.
///
/// It is done on one thread, in parallel with what does not depend on it, or on several for parts of a
/// [batch](Kernel::is_batched), and may use [more](Kernel::run_with) for parts of one array. It must give the same
/// elements whenever it is given the same inputs.
///
/// ```
/// use flowgrad::op::{ArrayMut, ArrayRef, Kernel, KernelError};
///
/// /// The elements of a vector in ascending order.
/// #[derive(Debug)]
/// struct Sort;
///
/// impl Kernel for Sort {
///     fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
///         let mut output = output.into_view::<f64>()?;
///         output.assign(&inputs[0].view::<f64>()?);
///         if let Some(elements) = output.as_slice_mut() {
///             elements.sort_unstable_by(f64::total_cmp);
///         }
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no kernel",
    label = "expected a type that implements `Kernel`",
    note = "a closure is none: what it captures are fields of a type, and its body is the type's `run`"
)]
pub trait Kernel: fmt::Debug + Send + Sync + 'static {
    /// Fills the output, which is in row-major order and holds unspecified elements, from the inputs, which
    /// may lie in any order. Lengths and element types are those of the operands that the op was lowered with.
    ///
    /// It is not called for an output without elements, unless it [must run](Kernel::must_run) or has no inputs.
    ///
    /// A panic passes through the run to its caller; like any failure it leaves the variables as they were.
    ///
    /// The kernel may build nodes and run sessions, its own session too: such a run reads the variables as they were
    /// before the run that the kernel is part of. Only to change variables of its own session, where its own run does
    /// so already, is an [`Error::Nested`](crate::Error::Nested), as it is to wait for another session whose run waits
    /// for this one's. It must not wait for another thread that does either.
    ///
    /// # Errors
    /// Whatever makes the run fail; the error names the node.
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError>;

    /// [`run`](Kernel::run) with the threads of the run at hand, which is what is called. By itself it runs on its own
    /// thread; a kernel that [shares its work](Kernel::is_shared) says here how.
    ///
    /// # Errors
    /// As for [`run`](Kernel::run).
    fn run_with(
        &self,
        inputs: &[ArrayRef<'_>],
        output: ArrayMut<'_>,
        _workers: Workers<'_>,
    ) -> Result<(), KernelError> {
        self.run(inputs, output)
    }

    /// Whether [`run_with`](Kernel::run_with) hands parts of its work to other threads for operands and an output of
    /// these lengths. The kernel is lent none otherwise.
    fn is_shared(&self, _inputs: &[&[usize]], _output: &[usize]) -> bool {
        false
    }

    /// Whether it does more than to fill the output: it may fail, or something outside can tell that it ran. It
    /// is then run whenever its node is, also where nobody needs the elements, and never ahead of a run.
    fn must_run(&self) -> bool {
        false
    }

    /// Whether the first axis is a batch: what the output has at an index of it depends only on what the inputs, all of
    /// which have the axis, have at that index. The kernel may then be run for some of the indices at a time, on
    /// several threads; the arrays that it is given have as many along their first axis.
    fn is_batched(&self) -> bool {
        false
    }

    /// Nanoseconds that it takes on one thread for operands and an output of these lengths, as far as that can be told:
    /// by it, what runs is cut into tasks and shared among threads. Without it a kernel counts as one that reads and
    /// writes a few times.
    fn nanoseconds(&self, _inputs: &[&[usize]], _output: &[usize]) -> Option<f64> {
        None
    }
}

/// Why a [`Kernel`] did not fill its output.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// An index that the axis does not have.
    #[error("expected an index of an axis of length {length}, got {index}")]
    IndexOutOfRange {
        /// The index.
        index: i64,
        /// The length of the axis.
        length: usize,
    },
    /// The same, with where the index stands among all indices.
    #[error("expected an index of an axis of length {length}, got {index}")]
    IndexOutOfRangeAt {
        /// The index.
        index: i64,
        /// The length of the axis.
        length: usize,
        /// Where it stands: one number for each axis of the indices.
        at: Vec<usize>,
    },
    /// An array of another element type than the kernel asked for.
    #[error("expected elements of {expected}, got {found}")]
    ElementType {
        /// The type that was asked for.
        expected: DType,
        /// The type of the elements.
        found: DType,
    },
    /// A closure that a user gave has panicked.
    #[error("expected a closure that returns, got a panic: {message}")]
    Panicked {
        /// What it said.
        message: String,
    },
    /// A reason that the op alone knows, in one entry of a batch.
    #[error("{reason}")]
    InBatch {
        /// Where in the batch: one number for each axis in front. A [batched](Kernel::is_batched) kernel counts from the
        /// first index that it is given.
        at: Vec<usize>,
        /// The reason.
        reason: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// A reason that the op alone knows.
    #[error(transparent)]
    Other(Arc<dyn std::error::Error + Send + Sync>),
}

impl KernelError {
    /// Where the fault is, behind a message that names the node.
    pub(crate) fn place(&self) -> String {
        match self {
            KernelError::IndexOutOfRangeAt { at, .. } if !at.is_empty() => {
                format!(", at {at:?} of the indices")
            }
            KernelError::InBatch { at, .. } if !at.is_empty() => format!(", at {at:?} of the batch"),
            _ => String::new(),
        }
    }

    /// The same behind so many indices of the first axis.
    pub(crate) fn behind(mut self, first: usize) -> Self {
        if let KernelError::InBatch { at, .. } = &mut self
            && let Some(index) = at.first_mut()
        {
            *index += first;
        }
        self
    }

    /// A reason of the op's own: an error, or a message.
    pub fn other(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        KernelError::Other(Arc::from(reason.into()))
    }
}

impl ArrayRef<'_> {
    /// The array, if its elements are of type `T`.
    ///
    /// # Errors
    /// [`KernelError::ElementType`] if they are not.
    pub fn view<T: Element>(&self) -> Result<ArrayViewD<'_, T>, KernelError> {
        let found = self.dtype();
        self.typed().ok_or(KernelError::ElementType { expected: T::DTYPE, found })
    }
}

impl<'a> ArrayMut<'a> {
    /// The array, if its elements are of type `T`.
    ///
    /// # Errors
    /// [`KernelError::ElementType`] if they are not.
    pub fn into_view<T: Element>(self) -> Result<ArrayViewMutD<'a, T>, KernelError> {
        let found = self.dtype();
        self.typed().ok_or(KernelError::ElementType { expected: T::DTYPE, found })
    }
}
