//! A small, serious autodiff tensor framework with a lazy computation graph.
//!
//! Build a symbolic [`Graph`], derive gradients as more graph, and let a [`Session`] run what is asked
//! for. Because the whole computation is known before it runs, a session rewrites it, fuses it into
//! passes that stay in the cache, plans its memory, and runs independent parts in parallel.
//!
//! ```
//! use flowgrad::prelude::*;
//! use flowgrad::ndarray::{Array2, array};
//!
//! # fn main() -> Result<()> {
//! let g = Graph::new();
//! let x = g.constant(array![[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]);
//! let d = g.constant(array![[3.0], [5.0], [7.0]]);
//! let w = g.variable("w", Array2::<f64>::zeros((2, 1)));
//! let loss = (x.matmul(w) - d).square().reduce_mean(..);
//! let [gradient] = loss.gradients([w]);
//! let train = w.assign_sub(0.2 * gradient);
//!
//! let session = Session::new(&g)?;
//! let step = session.make_callable((), train.op())?;
//! for _ in 0..500 {
//!     step.call(())?;
//! }
//! let w = session.run(w)?;
//! assert!((w[[0, 0]] - 3.0).abs() < 1e-6 && (w[[1, 0]] - 2.0).abs() < 1e-6);
//! # Ok(())
//! # }
//! ```
//!
//! # The way of the data
//!
//! The source reads in the order in which data flows; `ARCHITECTURE.md` tells each stage's invariant.
//!
//! | stage | takes | gives |
//! |---|---|---|
//! | build | ops applied to handles | a [`Graph`]: an append-only arena of nodes |
//! | differentiate | tensors and targets | more nodes of the same graph ([`Tensor::gradients`]) |
//! | lower | the nodes a run needs, the lengths it is fed | a program in a small vocabulary |
//! | rewrite | a program | an equal one for less work |
//! | fuse and plan | a program | regions and steps with kernels, memory, order |
//! | run | a plan, feeds, variables | the fetched arrays ([`Session::run`], [`Callable::call`]) |
//!
//! [`Session::explain`] prints all of it for a run, and [`Session::run_traced`] tells where the time of one went.

mod codegen;
pub mod data;
pub mod distributions;
mod element;
mod error;
mod exec;
mod gradient;
mod graph;
pub mod guide;
pub mod initializer;
pub mod io;
mod ir;
mod kernel;
#[cfg(feature = "linalg")]
pub mod linalg;
mod lower;
mod memory;
pub mod metrics;
pub mod nn;
pub mod op;
mod ops;
pub mod optimizer;
mod plan;
pub mod prelude;
mod quote;
mod rewrite;
mod session;
mod shape;
pub mod special;
pub mod testing;
mod trace;
#[cfg(feature = "train")]
pub mod train;
mod weak_map;

pub use ndarray;

/// What nodes can be blamed for, declared by the ops that can be: found in a [`Fault`] by [`Fault::is`] and
/// [`Fault::downcast_ref`].
///
/// ```
/// use flowgrad::Error;
/// use flowgrad::fault::SplitFault;
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// g.placeholder::<f32>("x", [3]).split(2, 0);
/// let Err(Error::Build(error)) = g.check() else { panic!("expected a build error") };
/// assert!(error.fault.is::<SplitFault>());
/// assert_eq!(error.site.op, "split");
/// ```
pub mod fault {
    pub use crate::error::OpFault;
    pub use crate::gradient::{GradientFault, NoGradient};
    pub use crate::graph::{ControlFault, FunctionFault, VariableFault};
    pub use crate::initializer::InitializerFault;
    pub use crate::ops::fault::*;
    pub use crate::optimizer::OptimizerFault;
    pub use crate::shape::ShapeError;
}

pub use element::{DType, Element, Integer, IntoValue, Numeric, Value};
#[doc(hidden)]
pub use error::Fault as Mistake;
pub use error::{BuildError, Error, Fault, Nesting, Result, Site};
pub use gradient::{
    Gradients, hessian, hessian_vector_product, hessian_vector_product_or_zeros, jacobian, jvp, jvp_or_zeros,
};
pub use graph::{
    AnyOperand, AnyTensor, Float, Function, Graph, IndexOperand, NodeInfo, Operand, Operation, Tensor,
    Tensors, Variable,
};
pub use ir::{BadLabel, LoweringError};
pub use kernel::isa::Isa;
pub use ops::{
    Attention, AxisRange, Branches, Convolution, CustomPullback, Indexing, Length, Lengths, Pad, Padding,
    QuantileMethod, Quantiles, Ranges, RowsAndColumns, Scan, Shifts, SparseMatrix, Times, While, Window,
    custom_gradient,
};
#[cfg(feature = "fft")]
pub use ops::{ConvolveMethod, ConvolveMode};
pub use session::{
    Arguments, Callable, Feedable, Feeding, Feeds, Fetch, Item, Objective, ObjectiveWithHessian, Output,
    Parameters, Session, SessionBuilder,
};
pub use shape::{Axes, Shape};
pub use trace::{StepKind, Trace, TraceEvent, TracedStep};

/// The program in the README runs as it stands there.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
