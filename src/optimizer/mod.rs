//! Optimizers: functions from a loss, or from gradients, to an operation that is one step of training.
//!
//! ```
//! use flowgrad::prelude::*;
//! let g = Graph::new();
//! let x = g.constant(ndarray::arr2(&[[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]));
//! let w = g.variable("w", zeros([2, 1]));
//! let loss = x.matmul(w).mean_squared_error(g.constant(ndarray::arr2(&[[3.0], [5.0], [7.0]])));
//! let train = Adam::new(Schedule::cosine(0.5, 0.0, 300)).clip_by_global_norm(10.0).minimize(loss);
//!
//! let session = Session::new(&g)?;
//! let step = session.make_callable((), train)?;
//! (0..300).try_for_each(|_| step.call(()))?;
//! assert!((session.run(w)? - ndarray::arr2(&[[3.0_f64], [2.0]]).into_dyn()).iter().all(|e| e.abs() < 1e-2));
//! # Ok::<(), flowgrad::Error>(())
//! ```
//!
//! With the gradient d of the loss by a variable w, and η, the rate of the step, a step is
//!
//! > w ← w - η·u
//!
//! where only the direction u is the optimizer's own:
//!
//! | optimizer | what it keeps of each element | direction u |
//! |---|---|---|
//! | [`Sgd`] | | d |
//! | [`Momentum`] | v ← μ·v + d | v; with [`nesterov`](Momentum::nesterov) d + μ·v |
//! | [`RmsProp`] | s ← α·s + (1 - α)·d² | d / (√s + ε) |
//! | [`Adagrad`] | s ← s + d² | d / (√s + ε) |
//! | [`Adam`], [`AdamW`] | m ← β₁·m + (1 - β₁)·d, v ← β₂·v + (1 - β₂)·d² | m/(1 - β₁ᵗ) / (√(v/(1 - β₂ᵗ)) + ε) |
//!
//! These forms and the defaults are PyTorch's, and so are the numbers. TensorFlow adds ε inside the root of
//! `RmsProp`, and starts the sum of `Adagrad` at 0.1.
//!
//! [`Lbfgs`] and [`NewtonCg`] are of another kind: they minimize a loss over all its data in one call, with steps that
//! they find for themselves.
//!
//! Rates, and the other numbers that an optimizer is told, are numbers, tensors, variables or [`Schedule`]s of the step.
//!
//! # A step
//!
//! [`Optimizer::apply_gradients`] makes d out of a gradient by the options, in this order:
//!
//! 1. Where [`accumulate`](Optimizer::accumulate) asks for it, the gradient is the mean over several runs, of which the
//!    last is the step.
//! 2. The gradients are clipped, where `clip_by_...` asks for it; by several if there are several, in the order in
//!    which they were asked for.
//! 3. λ·w is added to each, where [`weight_decay`](Optimizer::weight_decay) asks for it; [`AdamW`] shrinks w itself
//!    instead.
//!
//! A run that fetches the operation changes all the variables, what is kept for them, and the [`global_step`], or
//! none of them if it fails. Whatever it reads has the value from before the run, so gradients, rate and decay do not
//! depend on the order in which variables are changed.
//!
//! # What is kept
//!
//! It is kept in variables that are not trainable, so that checkpoints hold it, and training goes on from one as if
//! it had not stopped. They are named after their variable and the optimizer, as `dense/kernel/adam/m`; a second
//! optimizer for one variable has `dense/kernel/adam_1/m`. Inside a name scope all of this stands in the scope.
//!
//! # Errors
//!
//! Unsuited numbers, such as a negative rate, are build errors under the name of the optimizer:
//!
//! ```
//! use flowgrad::prelude::*;
//! let g = Graph::new();
//! let w = g.variable("w", 1.0_f64);
//! Adam::new(0.1).beta1(1.5).minimize(w.square());
//! let message = g.check().unwrap_err().to_string();
//! assert!(message.starts_with("beta1: expected a number in [0, 1), got 1.5, in `adam` (adam) built at "));
//! ```

mod accumulation;
mod adagrad;
mod adam;
mod clip;
mod descent;
mod ema;
mod fault;
mod lbfgs;
mod line_search;
mod minimizer;
mod minimum;
mod momentum;
mod newton_cg;
mod options;
mod parameter;
mod rms_prop;
mod rule;
mod schedule;
mod sgd;
mod step;

pub use adagrad::{Adagrad, AdagradRule};
pub use adam::{Adam, AdamRule, AdamW};
pub use clip::{clip_by_global_norm, clip_by_norm, global_norm};
pub use ema::{Averages, Ema, averaged};
pub use fault::OptimizerFault;
pub use lbfgs::Lbfgs;
pub use minimum::{End, MinimizeError, Minimum, Progress};
pub use momentum::{Momentum, MomentumRule};
pub use newton_cg::NewtonCg;
pub use options::Optimizer;
pub use parameter::Parameter;
pub use rms_prop::{RmsProp, RmsPropRule};
pub use rule::{Slots, Steps, UpdateRule};
pub use schedule::Schedule;
pub use sgd::{Sgd, SgdRule};
pub use step::global_step;
