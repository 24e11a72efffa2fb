//! Independent chains of matrix products: two threads against one.

mod versus;

use versus::{Versus, cases};

fn main() {
    let versus = Versus::from_args();
    for (chains, side) in [(8, 64), (8, 256), (3, 256)] {
        versus.case(&format!("wide_graph/{chains}x{side}"), || cases::wide_graph(chains, side));
    }
}
