//! Cargo, run by a test for what lies beside it.

use std::env;
use std::path::PathBuf;
use std::process::Command;

/// The folder of this test's profile, such as `target/debug`.
pub(crate) fn profile() -> PathBuf {
    env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned()
}

/// Cargo, told to build as this test was built.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR"));
    if profile().ends_with("release") {
        command.arg("--release");
    }
    command
}
