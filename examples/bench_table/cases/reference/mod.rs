//! Hand-written equivalents: what a person that knows the machine would write for that one model.
//!
//! Loops are plain Rust, compiled for each instruction set ([`isa`]) and split by hand over two threads
//! ([`halves`]). Where it is not plain which form is the fastest there are several, and a case takes the one that is.

pub(crate) mod adam;
pub(crate) mod chain;
pub(crate) mod elementwise;
pub(crate) mod gelu;
pub(crate) mod gemm;
pub(crate) mod gru;
pub(crate) mod halves;
pub(crate) mod isa;
pub(crate) mod linreg;
pub(crate) mod lorenz;
pub(crate) mod mlp;
pub(crate) mod normalization;
pub(crate) mod reduce;
pub(crate) mod skinny;
pub(crate) mod softmax;

/// The library's own vector math, compiled into this program.
#[path = "../../../../src/kernel/math/mod.rs"]
#[allow(unused, reason = "the references need a few of the functions")]
pub(crate) mod math;
