//! Elementwise chains and a gradient through them: against one fused loop with the same vector math, and against eager
//! arrays.

mod versus;

use versus::{Versus, cases};

/// Elements of a vector that fits a second-level cache, and of one that does not.
const COUNTS: [usize; 2] = [20_000, 1_000_000];

fn main() {
    let versus = Versus::from_args();
    for count in COUNTS {
        versus.case(&format!("elementwise/{count}"), || cases::elementwise(count));
        versus.case(&format!("elementwise_eager/{count}"), || cases::elementwise_eager(count));
        versus.case(&format!("chain/{count}"), || cases::chain(count));
    }
}
