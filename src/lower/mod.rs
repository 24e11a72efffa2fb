//! From the graph to a program, for the lengths that a run is fed.
//!
//! - [`specialise`] takes the nodes that the fetches need and the lengths of what is fed, and asks each op to emit
//!   itself through [`Lowering`](crate::ir::Lowering). Every length is known from here on.
//! - [`calls`]: calls of functions become the instructions of their bodies, or calls of programs.
//! - [`branches`] and [`loops`]: conditionals and loops, whose bodies become programs of their own ([`control`]).
//! - [`order`]: which assignments readers come behind.
//! - [`versions`]: variables become values threaded from reader to reader, so that no instruction has an effect.

mod branches;
mod calls;
mod control;
mod loops;
mod order;
mod specialise;
mod versions;

#[cfg(any(feature = "graphdef", feature = "onnx", feature = "safetensors"))]
pub(crate) use order::Order;
pub(crate) use specialise::{Fetched, Lowered, Request, specialise};
#[cfg(any(feature = "graphdef", feature = "onnx", feature = "safetensors"))]
pub(crate) use versions::Versions;
