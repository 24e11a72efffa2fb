//! The Python interpreter and its packages, where they are there.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

pub(crate) struct Python {
    program: OsString,
}

impl Python {
    /// The interpreter that `$PYTHON` names, else `python3`, if it has the packages. If not, says that the test is
    /// skipped, and why.
    pub(crate) fn with(packages: &[&str]) -> Option<Self> {
        let program = env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
        let import = format!("import {}", packages.join(", "));
        let lacking = match Command::new(&program).args(["-c", &import]).output() {
            Ok(output) if output.status.success() => return Some(Python { program }),
            Ok(output) => {
                String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned()
            }
            Err(error) => error.to_string(),
        };
        let test = thread::current().name().unwrap_or_default().to_owned();
        // Not by `eprintln!`, which the test runner keeps to itself.
        let message = format!("{test} is skipped: {}: {lacking}\n", program.display());
        let _ = io::stderr().write_all(message.as_bytes());
        None
    }

    /// Runs a script of `tests/files/interop/`, which fails the test if it fails.
    pub(crate) fn run(&self, script: &str, arguments: &[&Path]) {
        let scripts: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "files", "interop"].iter().collect();
        let mut command = Command::new(&self.program);
        command.arg(scripts.join(script)).args(arguments).env("PYTHONDONTWRITEBYTECODE", "1");
        let output = command.output().unwrap();
        let [said, complained] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
        assert!(output.status.success(), "{script}: {}\n{said}{complained}", output.status);
        print!("{said}");
    }
}
