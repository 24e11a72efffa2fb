//! The Python interpreter and its packages, where they are there.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Command;
use std::thread;

pub(crate) struct Python {
    program: OsString,
}

impl Python {
    /// The interpreter that `$FLOWGRAD_PYTHON` names, else `python3`, if it has the packages. If not, says that the test is
    /// skipped, and why.
    pub(crate) fn with(packages: &[&str]) -> Option<Self> {
        let program = env::var_os("FLOWGRAD_PYTHON").unwrap_or_else(|| "python3".into());
        // To import some of them takes seconds.
        let lacking = "import importlib.util as util, sys; \
            sys.exit(', '.join(name for name in sys.argv[1:] if not util.find_spec(name)) or 0)";
        let lacking = match Command::new(&program).args(["-c", lacking]).args(packages).output() {
            Ok(output) if output.status.success() => return Some(Python { program }),
            Ok(output) => format!("it has no {}", String::from_utf8_lossy(&output.stderr).trim()),
            Err(error) => error.to_string(),
        };
        let test = thread::current().name().unwrap_or_default().to_owned();
        // Not by `eprintln!`, which the test runner keeps to itself.
        let message = format!("{test} is skipped: {}: {lacking}\n", program.display());
        let _ = io::stderr().write_all(message.as_bytes());
        None
    }

    /// Runs a script of `tests/`, prints what it printed, and gives it; as an error if it failed.
    pub(crate) fn run<A: AsRef<OsStr>>(
        &self,
        script: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<String, String> {
        let scripts: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests"].iter().collect();
        let mut command = Command::new(&self.program);
        command.arg(scripts.join(script)).args(arguments).env("PYTHONDONTWRITEBYTECODE", "1");
        let output = command.output().map_err(|error| error.to_string())?;
        let [said, complained] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
        if output.status.success() {
            print!("{said}");
            return Ok(said.into_owned());
        }
        Err(format!("{script}: {}\n{said}{complained}", output.status))
    }
}
