//! [`iterations`]: in which iterations of loops the kernel is that a thread runs.

use std::cell::Cell;

use smallvec::SmallVec;

/// Indices of iterations, the outermost loop first.
pub(crate) type Iterations = SmallVec<[usize; 4]>;

thread_local! {
    static CURRENT: Cell<Iterations> = const { Cell::new(Iterations::new_const()) };
}

/// The iterations of loops that the kernel is in which this thread runs, counted from 0, the outermost loop first; none
/// outside of loops, and outside of kernels. For what a closure of [`inspect`](crate::Tensor::inspect), a
/// [`Kernel`](super::Kernel) or a logger has to say.
///
/// In the gradient of a loop it is the iteration whose gradient is computed. The condition of a `while` is evaluated
/// before the first iteration, outside of the loop, and at the end of each.
///
/// ```
/// use flowgrad::op::iterations;
/// use flowgrad::prelude::*;
/// use std::sync::{Arc, Mutex};
/// let g = Graph::new();
/// let seen = Arc::new(Mutex::new(Vec::new()));
/// let log = Arc::clone(&seen);
/// let doubled = g.fori(
///     3,
///     |_, x: Tensor<f64>| {
///         let log = Arc::clone(&log);
///         (x * 2.0).inspect(move |x| log.lock().unwrap().push((iterations(), x.sum())))
///     },
///     g.constant(1.0),
/// );
/// Session::new(&g)?.run(doubled)?;
/// assert_eq!(*seen.lock().unwrap(), [(vec![0], 2.0), (vec![1], 4.0), (vec![2], 8.0)]);
/// # Ok::<(), flowgrad::Error>(())
/// ```
pub fn iterations() -> Vec<usize> {
    // A thread that is ending has forgotten them.
    let current = CURRENT.try_with(|current| {
        let iterations = current.take();
        let copy = iterations.to_vec();
        current.set(iterations);
        copy
    });
    current.unwrap_or_default()
}

/// Runs a kernel that is in these iterations.
pub(crate) fn within_iterations<R>(iterations: Iterations, run: impl FnOnce() -> R) -> R {
    /// Goes back to those before, also when a panic passes through.
    struct Leave(Iterations);
    impl Drop for Leave {
        fn drop(&mut self) {
            let before = std::mem::take(&mut self.0);
            let _ = CURRENT.try_with(|current| current.set(before));
        }
    }
    let before = CURRENT.try_with(|current| current.replace(iterations));
    let _leave = Leave(before.unwrap_or_default());
    run()
}
