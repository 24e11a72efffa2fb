//! [`Workers`]: the threads of a run, as a kernel may use them for one large array.

use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Does parts of a kernel's work on several threads.
pub(crate) trait Share {
    /// Calls `part` once with each number below `parts`, on any thread, and returns when all calls have. The estimate
    /// is for all of them.
    fn share(&self, parts: usize, nanoseconds: f64, part: &(dyn Fn(usize) + Sync));
}

/// The threads that a run lends to a [kernel](super::Kernel::run_with): those of its session, the kernel's own among
/// them, and never more.
#[derive(Clone, Copy)]
pub struct Workers<'a>(Option<&'a dyn Share>);

/// Nanoseconds of work from which it pays to share: waking a thread takes 5 to 50 microseconds, and one that is awake
/// some.
const WORTH_SHARING: f64 = 30_000.0;

impl<'a> Workers<'a> {
    /// The kernel's own thread alone.
    pub(crate) const NONE: Workers<'static> = Workers(None);

    pub(crate) fn of(share: &'a dyn Share) -> Self {
        Workers(Some(share))
    }

    /// Calls `of` with each item, in any order and on any of the threads, and returns when all calls have. The estimate
    /// of nanoseconds is for all calls together on one thread; if it is small they are made in order on this thread.
    ///
    /// A kernel must give the same elements on any number of threads. So it has to cut its work into the same items
    /// however many threads there are, and combine what they give in a fixed order.
    ///
    /// A panic of a call passes through to the kernel.
    ///
    /// ```
    /// use flowgrad::op::{ArrayMut, ArrayRef, Fault, Kernel, KernelError, Lowering, Op, TensorType, Val, Workers};
    /// use flowgrad::prelude::*;
    ///
    /// /// The cubes of all elements, some thousand at a time.
    /// #[derive(Debug)]
    /// struct Cubes;
    ///
    /// impl Kernel for Cubes {
    ///     fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
    ///         let mut output = output.into_view::<f64>()?;
    ///         output.zip_mut_with(&inputs[0].view::<f64>()?, |to, x| *to = x * x * x);
    ///         Ok(())
    ///     }
    ///
    ///     fn run_with(
    ///         &self,
    ///         inputs: &[ArrayRef<'_>],
    ///         output: ArrayMut<'_>,
    ///         workers: Workers<'_>,
    ///     ) -> Result<(), KernelError> {
    ///         let (x, mut output) = (inputs[0].view::<f64>()?, output.into_view::<f64>()?);
    ///         let estimate = x.len() as f64;
    ///         output.assign(&x);
    ///         let parts = output.as_slice_mut().into_iter().flat_map(|all| all.chunks_mut(4096)).collect();
    ///         workers.each(parts, estimate, |part: &mut [f64]| part.iter_mut().for_each(|x| *x = *x * *x * *x));
    ///         Ok(())
    ///     }
    ///
    ///     fn is_shared(&self, _: &[&[usize]], output: &[usize]) -> bool {
    ///         output.iter().product::<usize>() > 100_000
    ///     }
    /// }
    ///
    /// #[derive(Debug)]
    /// struct Cube;
    ///
    /// impl Op for Cube {
    ///     fn name(&self) -> &'static str {
    ///         "cube"
    ///     }
    ///
    ///     fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
    ///         Ok(inputs[0].clone())
    ///     }
    ///
    ///     fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
    ///         let (dtype, dims) = (to.dtype(inputs[0]), to.dims(inputs[0]).to_vec());
    ///         to.kernel(Cubes, inputs, dtype, dims)
    ///     }
    ///
    ///     fn pullback(&self, at: &mut Pullback<'_>) {
    ///         let x = at.input(0);
    ///         at.scale(0, || x.square() * 3.0);
    ///     }
    /// }
    /// # use flowgrad::op::Pullback;
    ///
    /// let g = Graph::new();
    /// let x = g.placeholder::<f64>("x", [None]);
    /// let cubes: Tensor<'_, f64> = g.custom(Cube, &[x.any()]);
    /// let session = Session::builder(&g).threads(3).build()?;
    /// let found = session.feed(x, &ndarray::Array1::from_elem(200_000, 2.0)).run(cubes)?;
    /// assert!(found.iter().all(|&cube| cube == 8.0));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn each<I: Send>(&self, items: Vec<I>, nanoseconds: f64, of: impl Fn(I) + Sync) {
        let Some(share) = self.0.filter(|_| items.len() > 1 && nanoseconds >= WORTH_SHARING) else {
            return items.into_iter().for_each(of);
        };
        let items: Vec<_> = items.into_iter().map(|item| Mutex::new(Some(item))).collect();
        share.share(items.len(), nanoseconds, &|index| {
            let item = items[index].lock().unwrap_or_else(PoisonError::into_inner).take();
            item.into_iter().for_each(&of);
        });
    }
}

impl fmt::Debug for Workers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Workers").field(&self.0.is_some()).finish()
    }
}
