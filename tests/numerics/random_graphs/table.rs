//! The ops, a row each: how it takes its operands and numbers, and what may be asked of its result.

#[path = "table/arrays.rs"]
mod arrays;
#[path = "table/elementwise.rs"]
mod elementwise;
#[cfg(feature = "linalg")]
#[path = "table/linalg.rs"]
mod linalg;
#[path = "table/models.rs"]
mod models;
#[path = "table/moves.rs"]
mod moves;
#[path = "table/order.rs"]
mod order;
#[path = "table/patterns.rs"]
mod patterns;
#[path = "table/random.rs"]
mod random;
#[path = "table/special.rs"]
mod special;

use super::build::{At, Made};

/// One op, or one way of using it.
#[derive(Debug)]
pub(crate) struct Row {
    /// The method's name, also where it is not the name of a node.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Whether multiples of small powers of two give the same, so that all ways of computing it agree to the bit.
    pub(crate) is_exact: bool,
    /// Applies it to operands that fit; none if there are none.
    pub(crate) apply: Apply,
}

pub(crate) type Apply = for<'b, 'g> fn(&mut At<'b, 'g>) -> Option<Made<'g>>;

/// How the result depends on float operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It has derivatives of any order, and they are the gradients, at all operands that the row lets in.
    Smooth,
    /// It is continuous with kinks at 0, and the row keeps operands away from there where graphs must be smooth.
    OffZero,
    /// It is continuous, or its gradient is not its derivative.
    Kinked,
    /// It jumps, and the row lets in only operands that no rounding moves.
    Jumps,
    /// It takes integers and booleans only.
    Discrete,
}

impl Kind {
    /// Whether graphs that must be smooth may contain it.
    pub(crate) fn is_smooth(self) -> bool {
        matches!(self, Kind::Smooth | Kind::OffZero | Kind::Discrete)
    }

    pub(crate) fn has_kinks(self) -> bool {
        matches!(self, Kind::OffZero | Kind::Kinked)
    }
}

/// Whether a row is exact, as the table says it.
const EXACT: bool = true;
const ROUNDED: bool = false;

const fn row(name: &'static str, kind: Kind, is_exact: bool, apply: Apply) -> Row {
    Row { name, kind, is_exact, apply }
}

/// All rows.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    [
        elementwise::ROWS,
        arrays::ROWS,
        moves::ROWS,
        models::ROWS,
        order::ROWS,
        random::ROWS,
        special::ROWS,
        #[cfg(feature = "linalg")]
        linalg::ROWS,
        patterns::ROWS,
    ]
    .into_iter()
    .flatten()
}
