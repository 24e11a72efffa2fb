//! Where machine code lies, and what it is of: a file by which `perf` names what is in none.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::Core;
use crate::error::{Error, Result};
use crate::plan::{Compiled, Plan};
use crate::quote::quoted;
use crate::trace;

/// The map of this process.
#[derive(Debug)]
pub(super) struct PerfMap {
    path: PathBuf,
    file: Mutex<File>,
}

impl PerfMap {
    /// The map of this process, which all its sessions share. The first to ask begins a new file.
    pub(super) fn of_process() -> Result<Arc<Self>> {
        static MAP: Mutex<Option<Arc<PerfMap>>> = Mutex::new(None);
        let mut map = MAP.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(map) = &*map {
            return Ok(Arc::clone(map));
        }
        // Where `perf` looks for it.
        let path = PathBuf::from(format!("/tmp/perf-{}.map", std::process::id()));
        match begun(&path) {
            Ok(file) => Ok(Arc::clone(map.insert(Arc::new(PerfMap { path, file: Mutex::new(file) })))),
            Err(reason) => Err(Error::PerfMap { path, reason: Arc::new(reason) }),
        }
    }

    fn add(&self, lines: &str) -> Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(lines.as_bytes())
            .map_err(|reason| Error::PerfMap { path: self.path.clone(), reason: Arc::new(reason) })
    }
}

/// A new file: one of an earlier process of this number goes, and what others have put there is not written to.
fn begun(path: &PathBuf) -> io::Result<File> {
    if !cfg!(target_os = "linux") {
        return Err(io::ErrorKind::Unsupported.into());
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => File::create_new(path),
    }
}

impl Core {
    /// Adds the machine code of a plan to the map, if there is one.
    pub(super) fn name_code(&self, plan: &Plan) -> Result<()> {
        let Some(map) = &self.perf_map else { return Ok(()) };
        let arena = self.graph.snapshot();
        let mut lines = String::new();
        for compiled in plan.compiled() {
            let Compiled { plan, step, function, .. } = compiled;
            let instructions = function.instructions();
            let (start, bytes) = (instructions.as_ptr().addr(), instructions.len());
            // A line break in the name of a node would end the line.
            let (id, part, label) = (plan.id, compiled.part(), quoted(&trace::label_of(&arena, plan, step)));
            // Writing to a string cannot fail.
            let _ = writeln!(lines, "{start:x} {bytes:x} flowgrad plan {id}, {part} of {label}");
        }
        if lines.is_empty() { Ok(()) } else { map.add(&lines) }
    }
}
