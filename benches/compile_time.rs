//! Gradient and plan of a long chain, against as many nodes in chains of a tenth of its length.

mod versus;

use versus::{Versus, cases};

fn main() {
    let versus = Versus::from_args();
    for nodes in [1_000, 10_000] {
        versus.case(&format!("compile_time/{nodes}"), || cases::compile(nodes, nodes / 10));
    }
}
