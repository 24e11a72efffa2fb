//! [`Modes`]: for which modes the layers were called on whose outputs a node depends.

use std::ops::{BitOr, BitOrAssign};

/// What a value depends on of layers that do different things when they are called to train and to predict, and change
/// variables in the one case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Modes(u8);

impl Modes {
    pub(crate) const NONE: Modes = Modes(0);
    /// On the output of one that was called to train: to compute it changes variables.
    pub(crate) const TRAIN: Modes = Modes(1);
    /// On the output of one that was called to predict.
    pub(crate) const PREDICT: Modes = Modes(2);
}

impl BitOr for Modes {
    type Output = Modes;
    fn bitor(self, other: Modes) -> Modes {
        Modes(self.0 | other.0)
    }
}

impl BitOrAssign for Modes {
    fn bitor_assign(&mut self, other: Modes) {
        *self = *self | other;
    }
}
