//! Tools that prove gradients and ops.
//!
//! - [`check_gradients`] compares the gradients of a tensor with central differences, and [`GradientCheck`]
//!   does so with all its options. What they find is a [`Report`].
//! - [`check_against`] compares them with gradients derived by hand: tensors, arrays, or closures on ndarray's arrays.
//! - [`check_op`] and [`OpCheck`] hold what a closure builds to the laws that hold for every op.
//!
//! [`guide::testing_gradients`](crate::guide::testing_gradients) shows what to use when.
//!
//! ```
//! use flowgrad::prelude::*;
//! use flowgrad::testing::check_gradients;
//!
//! let g = Graph::new();
//! let x = g.placeholder::<f64>("x", [4, 3]);
//! let w = g.variable("w", glorot_uniform([3, 2]));
//! let loss = x.matmul(w).tanh().square().reduce_mean(..);
//! check_gradients(&g, loss, &[x, w.tensor()])?.assert_close(1e-6);
//! # Ok::<(), flowgrad::Error>(())
//! ```

mod against;
mod bench;
mod differences;
pub(crate) mod laws;
mod report;

pub use against::{ByHand, ByHandError, check_against};
pub use differences::{GradientCheck, check_gradients};
pub use laws::{OpCheck, OpReport, check_op};
pub use report::{AssertClose, Difference, Report, TargetReport};

/// Numbers of both signs with magnitudes between 0.25 and 2: none near 0, where functions have kinks.
pub(crate) fn numbers(seed: u64) -> impl FnMut() -> f64 {
    /// The golden ratio: its multiples spread evenly between whole numbers.
    const SPREAD: f64 = 0.618_033_988_749_895;
    let mut state = 0.37 + 0.26 * (seed as f64 * SPREAD).fract();
    move || {
        // A logistic map: spread out, repeatable, and never the same twice.
        state = 3.99 * state * (1.0 - state);
        let magnitude = 0.25 + 1.75 * state;
        if (state * 1e6) as i64 % 2 == 0 { magnitude } else { -magnitude }
    }
}
