//! Cargo, run by a test for what lies beside it.

use std::env;
use std::path::PathBuf;
use std::process::Command;

/// The folder of this test's profile, such as `target/debug`.
pub(crate) fn profile() -> PathBuf {
    env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned()
}

/// The features that are off by default, and whether this test has them.
pub(crate) const FEATURES: [(&str, bool); 6] = [
    ("disassembly", cfg!(feature = "disassembly")),
    ("fft", cfg!(feature = "fft")),
    ("graphdef", cfg!(feature = "graphdef")),
    ("keras", cfg!(feature = "keras")),
    ("linalg", cfg!(feature = "linalg")),
    ("onnx", cfg!(feature = "onnx")),
];

/// Cargo, told to build as this test was built.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR"));
    for (feature, _) in FEATURES.iter().filter(|(_, is_on)| *is_on) {
        command.args(["--features", feature]);
    }
    if profile().ends_with("release") {
        command.arg("--release");
    }
    command
}
