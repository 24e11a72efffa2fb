//! The checkpoints of one training side by side: files that are named by their steps.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::TrainError;

/// What stands between the name of the checkpoint and the step, so that files of other programs are not taken for one.
const MARK: &str = "-step";

/// Digits of a step at least, so that names are in the order of their steps.
const DIGITS: usize = 8;

/// The files `<name>-step<step>.<extension>` beside the path `<name>.<extension>`.
#[derive(Clone, Debug)]
pub(super) struct Series {
    path: PathBuf,
}

impl Series {
    pub(super) fn of(path: &Path) -> Self {
        Series { path: path.to_owned() }
    }

    /// The file after that many steps.
    pub(super) fn file(&self, step: usize) -> PathBuf {
        let mut name = self.path.file_stem().unwrap_or_default().to_owned();
        name.push(format!("{MARK}{step:0DIGITS$}"));
        if let Some(extension) = self.path.extension() {
            name.push(".");
            name.push(extension);
        }
        self.path.with_file_name(name)
    }

    /// The steps after which there is a file, in order; none where there is no directory.
    pub(super) fn steps(&self) -> Result<Vec<usize>, TrainError> {
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new("."));
        let listing = |source| TrainError::Listing {
            directory: directory.to_owned(),
            path: self.path.clone(),
            source: Arc::new(source),
        };
        let entries = match fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(listing)?,
        };
        let mut steps = Vec::new();
        for entry in entries {
            steps.extend(self.step(&entry.map_err(listing)?.file_name()));
        }
        steps.sort_unstable();
        Ok(steps)
    }

    /// The step of a file of that name, if it is one of these.
    fn step(&self, name: &OsString) -> Option<usize> {
        let text = name.to_str()?;
        let (_, digits) = text.rsplit_once(MARK)?;
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let step = digits[..end].parse().ok()?;
        (self.file(step).file_name()? == name).then_some(step)
    }

    /// Removes the files of all steps but for these. What cannot be removed stays.
    pub(super) fn remove_others(&self, is_kept: impl Fn(usize) -> bool) {
        for step in self.steps().unwrap_or_default() {
            if !is_kept(step) {
                let _ = fs::remove_file(self.file(step));
            }
        }
    }
}

/// The checkpoints that a trainer with this [`checkpoint`](super::Trainer::checkpoint) and
/// [`keep`](super::Trainer::keep) has saved and kept, the earliest first; none where there is no directory.
///
/// ```no_run
/// use flowgrad::prelude::*;
/// use flowgrad::train::checkpoints;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = Session::new(&Graph::new())?;
/// let files = checkpoints("digits.safetensors")?; // digits-step00000045.safetensors, ...
/// let newest = files.last().ok_or("nothing is saved yet")?;
/// Checkpoint::load(newest)?.restore_model(&session)?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`TrainError::Listing`]: the directory cannot be read.
pub fn checkpoints(path: impl AsRef<Path>) -> Result<Vec<PathBuf>, TrainError> {
    let series = Series::of(path.as_ref());
    Ok(series.steps()?.into_iter().map(|step| series.file(step)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_by_their_steps_and_others_are_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for (path, expected) in [
            ("m.safetensors", "m-step00000045.safetensors"),
            ("m", "m-step00000045"),
            ("a.b.c", "a.b-step00000045.c"),
        ] {
            assert_eq!(Series::of(Path::new(path)).file(45), Path::new(expected));
        }
        let theirs = [
            "m.safetensors",
            "m-step45.safetensors",
            "m-step0000000x.safetensors",
            "m-2020.safetensors",
            "other-step00000045.safetensors",
            "m-step00000045",
            "m-step00000045.safetensors.old",
            ".m-step00000045.safetensors",
        ];
        let ours = [3, 45, 123_456_789_012];
        let series = Series::of(&at("m.safetensors"));
        theirs
            .map(at)
            .iter()
            .chain(&ours.map(|step| series.file(step)))
            .for_each(|path| fs::write(path, "").unwrap());
        assert_eq!(series.steps().unwrap(), ours);
        assert_eq!(checkpoints(at("m.safetensors")).unwrap(), ours.map(|step| series.file(step)));
        series.remove_others(|step| step == 45);
        assert_eq!(series.steps().unwrap(), [45]);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), theirs.len() + 1);
        assert!(checkpoints(at("missing/m.safetensors")).unwrap().is_empty());
    }

    #[test]
    fn a_directory_that_cannot_be_read_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("digits");
        fs::write(&file, "").unwrap();
        let error = checkpoints(file.join("m.safetensors")).unwrap_err();
        assert!(matches!(&error, TrainError::Listing { directory, .. } if *directory == file), "{error}");
        let expected = format!(
            "checkpoints `m.safetensors`: expected a directory that can be listed, got `{}`: ",
            file.display()
        );
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
}
