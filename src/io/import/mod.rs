//! What readers of other programs' graphs share.
//!
//! - [`known`]: whole numbers that are known while a graph is built, as far as shapes are made of them.
//! - [`budget`]: how many bytes a file may ask for beyond those that it has.
//! - [`hyperbolic`]: functions that both formats have, and the crate has not.
//! - [`order`]: nodes behind what they need, or the cycle that keeps them from it.
//!
//! Nothing here knows a format.

pub(crate) mod budget;
pub(crate) mod hyperbolic;
pub(crate) mod known;
pub(crate) mod order;
