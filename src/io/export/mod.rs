//! What writers of graphs for other programs share, and frozen models with them.
//!
//! - [`part`]: what lies between inputs and outputs as a [`Part`]: its items in order, without calls of functions, each
//!   reader of a variable with the value that it sees, bodies of conditionals and loops as parts of their own.
//! - [`walk`], [`bodies`]: how a graph becomes one.
//! - [`expand`]: an op that the other program lacks, as a few functions that it has.
//! - [`extent`]: numbers in these that depend on lengths that are fed.
//! - [`names`]: names that the other program takes, each once.
//!
//! What the other program has nothing for is collected in [`Missing`](crate::io::missing::Missing), so that one error tells
//! all of it. Nothing here knows a format.

#[cfg(any(feature = "graphdef", feature = "onnx"))]
pub(crate) mod alike;
mod bodies;
pub(crate) mod built_in;
#[cfg(any(feature = "graphdef", feature = "onnx"))]
pub(crate) mod expand;
#[cfg(any(feature = "graphdef", feature = "onnx"))]
pub(crate) mod extent;
#[cfg(any(feature = "graphdef", feature = "onnx"))]
pub(crate) mod names;
pub(crate) mod part;
mod walk;

#[allow(unused_imports, reason = "each format takes its part")]
pub(crate) use part::{Branch, Item, Kind, Loop, Output, Part, Place, WalkError};
