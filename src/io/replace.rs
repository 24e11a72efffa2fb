//! Files replaced as a whole: whenever the process dies, a reader finds the old contents or the new.
//!
//! The new contents go to a temporary file beside the old one, are forced onto the disk, and take its name in one
//! step. Whoever writes a temporary file holds its lock until then, so one that nobody has locked was left by a
//! process that died, and the next writer removes it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// How the name of a temporary file ends; it begins with a point and the name of the file that it is to become.
const SUFFIX: &str = ".tmp";

/// Random characters in between.
const RANDOM: usize = 6;

/// Makes the file at `path` one of these contents, whether it was there before or not. What a link leads to is
/// replaced, not the link.
pub(super) fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    let target = Target::of(path)?;
    target.remove_abandoned();
    let mut temporary = target.temporary()?;
    // Where files cannot be locked, abandoned ones stay, and do no harm.
    let _ = temporary.as_file().try_lock();
    temporary.as_file_mut().write_all(contents)?;
    temporary.as_file().sync_all()?;
    temporary.persist(&target.path).map_err(|error| error.error)?;
    // The name is the directory's, and on the disk when that is.
    if cfg!(unix) { File::open(&target.directory)?.sync_all() } else { Ok(()) }
}

/// Whether [`replace`] could begin; nothing is changed.
#[cfg(feature = "safetensors")]
pub(super) fn check(path: &Path) -> io::Result<()> {
    Target::of(path)?.temporary().map(drop)
}

/// A file that is to be replaced.
struct Target {
    path: PathBuf,
    directory: PathBuf,
    /// How the names of its temporary files begin.
    prefix: OsString,
}

impl Target {
    fn of(path: &Path) -> io::Result<Self> {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(metadata) if !metadata.is_file() => return Err(io::Error::other("it is no file")),
            _ => {}
        }
        let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        let mut prefix = OsString::from(".");
        prefix.push(name);
        prefix.push(".");
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = parent.unwrap_or(Path::new(".")).to_owned();
        Ok(Target { path, directory, prefix })
    }

    /// A new file beside it, which goes when it is dropped.
    fn temporary(&self) -> io::Result<NamedTempFile> {
        let mut temporary = Builder::new();
        temporary.prefix(&self.prefix).rand_bytes(RANDOM).suffix(SUFFIX);
        #[cfg(unix)]
        temporary.permissions(self.permissions());
        // The name of the temporary file, which the error tells, says nothing to the user.
        temporary.tempfile_in(&self.directory).map_err(|error| error.kind().into())
    }

    /// Those of the file that is replaced, or of any new file.
    #[cfg(unix)]
    fn permissions(&self) -> fs::Permissions {
        let old = self.path.metadata().map(|metadata| metadata.permissions());
        old.unwrap_or_else(|_| std::os::unix::fs::PermissionsExt::from_mode(0o666))
    }

    /// Removes the temporary files that nobody writes any more. What cannot be removed stays.
    fn remove_abandoned(&self) {
        let prefix = self.prefix.as_encoded_bytes();
        let is_ours = |name: &OsStr| {
            let name = name.as_encoded_bytes();
            name.len() == prefix.len() + RANDOM + SUFFIX.len()
                && name.starts_with(prefix)
                && name.ends_with(SUFFIX.as_bytes())
        };
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        for entry in entries.flatten().filter(|entry| is_ours(&entry.file_name())) {
            let path = entry.path();
            if File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names in a directory, in order.
    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn contents_replace_contents_and_nothing_else_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        for contents in ["first", "the second"] {
            replace(&path, contents.as_bytes()).unwrap();
            check(&path).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), contents);
        }
        assert_eq!(names(directory.path()), ["file"]);
    }

    /// A second name of the old file still shows the old contents, so they were never written over.
    #[test]
    fn the_old_file_is_not_touched() {
        let directory = tempfile::tempdir().unwrap();
        let (path, old) = (directory.path().join("file"), directory.path().join("old"));
        replace(&path, b"old").unwrap();
        fs::hard_link(&path, &old).unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!([&path, &old].map(|path| fs::read(path).unwrap()), [b"new", b"old"]);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_stay_and_what_is_no_file_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        replace(&path, b"old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

        let socket = directory.path().join("socket");
        let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for refused in [replace(&socket, b"new"), check(&socket)] {
            assert_eq!(refused.unwrap_err().to_string(), "it is no file");
        }
        assert!(!fs::metadata(&socket).unwrap().is_file());
    }

    #[test]
    fn temporary_files_are_removed_when_their_writer_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let theirs = [".file.abcdef.tmp.old", ".file.1.abcdef.tmp", ".other.abcdef.tmp", "file.abcdef.tmp"];
        for name in theirs.into_iter().chain([".file.abcdef.tmp", ".file.ghijkl.tmp"]) {
            fs::write(at(name), "half").unwrap();
        }
        let writer = File::open(at(".file.ghijkl.tmp")).unwrap();
        writer.lock().unwrap();
        replace(&at("file"), b"whole").unwrap();
        let mut expected = theirs.to_vec();
        expected.extend([".file.ghijkl.tmp", "file"]);
        expected.sort_unstable();
        assert_eq!(names(directory.path()), expected);
        drop(writer);
        replace(&at("file"), b"whole").unwrap();
        assert!(!at(".file.ghijkl.tmp").exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_the_mode_is_a_plain_files() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let (link, file, plain) =
            (directory.path().join("link"), directory.path().join("file"), directory.path().join("plain"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        replace(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        fs::write(&plain, "").unwrap();
        let [mode, expected] = [&file, &plain].map(|path| fs::metadata(path).unwrap().permissions().mode());
        assert_eq!(mode, expected);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("directory")).unwrap();
        for path in [directory.path().join("missing/file"), directory.path().join("directory"), "..".into()] {
            assert!(replace(&path, b"contents").is_err(), "{path:?}");
            assert!(check(&path).is_err(), "{path:?}");
        }
        assert_eq!(names(directory.path()), ["directory"]);
    }
}
