//! What writes ops, by families.

pub(super) mod images;
pub(super) mod moves;
pub(super) mod parts;
pub(super) mod products;
pub(super) mod random;
pub(super) mod reductions;
