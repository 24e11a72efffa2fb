//! A training step of a multi-layer perceptron, against its matrix products alone.

mod versus;

use versus::{Versus, cases};

fn main() {
    let versus = Versus::from_args();
    versus.case("mlp_step", cases::mlp_step);
}
