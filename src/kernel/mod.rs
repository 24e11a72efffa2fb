//! Loops over plain memory, without graph or plan types: what a run spends its time in.
//!
//! - [`number`]: the arithmetic of each element type; [`scalar`]: the functions of single elements.
//! - [`math`]: exp, ln, tanh and their kin, written so that loops over them vectorize and programs can record them.
//! - [`special`]: gamma, beta, Bessel and normal functions, number by number.
//! - [`isa`]: the instruction sets for which loops are compiled, and the choice among them at run time.
//! - [`tile`]: the steps of the tile interpreter, each a loop over a few kilobytes.
//! - [`gemm`]: large matrix products; [`reduce`]: sums over an axis in the middle; [`compensated`]: sums that keep what
//!   rounding takes.
//! - [`transfer`]: copies between strided places.

pub(crate) mod compensated;
pub(crate) mod gemm;
pub(crate) mod isa;
pub(crate) mod math;
pub(crate) mod number;
pub(crate) mod prefetch;
pub(crate) mod reduce;
pub(crate) mod scalar;
pub(crate) mod special;
pub(crate) mod tile;
pub(crate) mod transfer;
pub(crate) mod vector;

/// Numbers that the accumulator of a sum takes in one after the other, at most, before what it holds is combined with
/// what others hold. So the error of these additions does not grow with the length of a sum. Loops in which combining
/// costs little do so earlier; each says how early, and why.
pub(crate) const MOST_ADDITIONS: usize = 512;
