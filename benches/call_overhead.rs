//! What a callable and `session.run` cost beside their kernels, against an empty loop.

mod versus;

use versus::{Versus, cases};

fn main() {
    let versus = Versus::from_args();
    versus.case("call_overhead", cases::call_overhead);
    versus.case("run_overhead", cases::run_overhead);
}
