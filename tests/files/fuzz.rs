//! The fuzz targets of `fuzz/` on the inputs that are kept: small valid ones, and those that made a target fail once.

use std::fs;

use crate::corpus::corpus;

// It is a library there.
#[allow(unreachable_pub)]
#[path = "../../fuzz/src/lib.rs"]
pub(crate) mod targets;

#[test]
fn each_target_takes_all_of_its_corpus() {
    for (name, run) in targets::TARGETS {
        let inputs = corpus(name);
        assert!(!inputs.is_empty(), "{name} has no corpus");
        for input in inputs {
            println!("{}", input.display());
            run(&fs::read(input).unwrap());
        }
    }
}
