//! Files replaced as a whole: whenever the process dies, a reader finds the old contents or the new.
//!
//! The new contents go to a temporary file beside the old one, are forced onto the disk, and take its name in one
//! step. A process that writes a temporary file holds its lock until then, so one that nobody has locked was left by a
//! process that died, and the next writer removes it.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use super::source::expect_regular;

/// How the name of a temporary file ends; it begins with a point and the name of the file that it is to become.
const SUFFIX: &str = ".tmp";

/// Random characters in between.
const RANDOM: usize = 6;

/// Bytes of the name that stand in that of a temporary file: with the rest fewer than any file system's limit, which is
/// 255 for most and 143 where names are encrypted.
const NAMED: usize = 100;

/// Links that are followed, as many as Linux does.
const LINKS: usize = 40;

/// How often another temporary file is begun, when another writer took the last one for abandoned. Each time, that
/// writer must have looked between the making of the file and its locking.
const TRIES: usize = 1000;

/// Makes the file at `path` what `write` writes, whether it was there before or not. What a link leads to is replaced,
/// or made, and not the link; a file that is replaced keeps its mode and, where that is allowed, its owner.
pub(super) fn replace<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<(), E>,
) -> Result<(), E> {
    let target = Target::of(path)?;
    target.remove_abandoned();
    let temporary = target.locked()?;
    let mut file = BufWriter::new(temporary.as_file());
    write(&mut file)?;
    file.flush()?;
    drop(file);
    target.pass_on(temporary.as_file())?;
    temporary.as_file().sync_all()?;
    let file = temporary.persist(&target.path).map_err(|error| error.error)?;
    // Its lock is kept until it has the name.
    drop(file);
    Ok(target.sync_directory()?)
}

/// Whether [`replace`] could begin; nothing is changed.
#[cfg(any(test, feature = "safetensors"))]
pub(super) fn check(path: &Path) -> io::Result<()> {
    Target::of(path)?.temporary().map(drop)
}

/// A file that is to be replaced.
struct Target {
    path: PathBuf,
    directory: PathBuf,
    /// How the names of its temporary files begin.
    prefix: String,
    /// What is there, if anything is.
    old: Option<fs::Metadata>,
}

impl Target {
    fn of(path: &Path) -> io::Result<Self> {
        let path = linked(path)?;
        let old = path.metadata().ok();
        old.as_ref().map_or(Ok(()), |old| expect_regular(old.file_type()))?;
        let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_string_lossy();
        let cut = (0..=name.len().min(NAMED)).rev().find(|&end| name.is_char_boundary(end)).unwrap_or(0);
        let prefix = format!(".{}.", &name[..cut]);
        let directory = directory_of(&path).to_owned();
        Ok(Target { path, directory, prefix, old })
    }

    /// A new file beside it, which goes when it is dropped.
    fn temporary(&self) -> io::Result<NamedTempFile> {
        let mut new = File::options();
        new.read(true).write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
            new.mode(self.permissions().mode());
        }
        // Opened here, because the errors of `tempfile_in` name the temporary file, which says nothing to the user.
        let mut temporary = Builder::new();
        temporary.prefix(&self.prefix).rand_bytes(RANDOM).suffix(SUFFIX);
        temporary.make_in(&self.directory, |path| new.open(path)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                let missing = format!("the directory `{}` does not exist", self.directory.display());
                io::Error::new(io::ErrorKind::NotFound, missing)
            }
            _ => error,
        })
    }

    /// A new file beside it that this writer has locked, so that no other takes it for abandoned.
    fn locked(&self) -> io::Result<NamedTempFile> {
        for _ in 0..TRIES {
            let temporary = self.temporary()?;
            // Another writer may hold it, to remove it, or have removed it before it was locked. Where files cannot be
            // locked, nobody takes one for abandoned.
            let is_held = matches!(temporary.as_file().try_lock(), Err(TryLockError::WouldBlock));
            if !is_held && temporary.path().exists() {
                return Ok(temporary);
            }
        }
        Err(io::Error::new(io::ErrorKind::ResourceBusy, "other writers remove each temporary file"))
    }

    /// Those of the file that is replaced, less what the process's mask takes, or of any new file.
    #[cfg(unix)]
    fn permissions(&self) -> fs::Permissions {
        use std::os::unix::fs::PermissionsExt;
        self.old.as_ref().map_or_else(|| fs::Permissions::from_mode(0o666), fs::Metadata::permissions)
    }

    /// Gives a new file what the old one had besides its contents.
    fn pass_on(&self, file: &File) -> io::Result<()> {
        let Some(old) = &self.old else { return Ok(()) };
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt, fchown};
            let new = file.metadata()?;
            if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
                // Few processes may give files away. If this one may not, the new file stays its own.
                let _ = fchown(file, Some(old.uid()), Some(old.gid()));
            }
        }
        // Behind the owner, whose change takes some of the mode away.
        file.set_permissions(old.permissions())
    }

    /// Forces the name of the file, which is its directory's, onto the disk.
    ///
    /// The new file is in its place by then. A directory that may not be read cannot be opened, and some file systems
    /// force none onto the disk; neither is a fault of what was written.
    fn sync_directory(&self) -> io::Result<()> {
        let Ok(directory) = File::open(&self.directory) else { return Ok(()) };
        match directory.sync_all() {
            Err(error)
                if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
            {
                Ok(())
            }
            synced if cfg!(unix) => synced,
            _ => Ok(()),
        }
    }

    /// Removes the temporary files that nobody writes any more. What cannot be removed stays.
    fn remove_abandoned(&self) {
        let is_ours = |name: &OsStr| {
            let name = name.as_encoded_bytes();
            name.len() == self.prefix.len() + RANDOM + SUFFIX.len()
                && name.starts_with(self.prefix.as_bytes())
                && name.ends_with(SUFFIX.as_bytes())
        };
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        for entry in entries.flatten().filter(|entry| is_ours(&entry.file_name())) {
            let path = entry.path();
            // The lock is kept until the file is gone: a writer that waits for it sees so.
            if let Ok(file) = File::open(&path)
                && file.try_lock().is_ok()
            {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// Where a link leads, also if nothing is there yet; the path itself, if it is no link.
pub(super) fn linked(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        match path.read_link() {
            Ok(target) => path = directory_of(&path).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("links lead to links without end"))
}

/// The directory that a path lies in.
pub(super) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(path: &Path, contents: &[u8]) -> io::Result<()> {
        replace(path, |file| file.write_all(contents))
    }

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
            put(&path, contents.as_bytes()).unwrap();
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
        put(&path, b"old").unwrap();
        fs::hard_link(&path, &old).unwrap();
        put(&path, b"new").unwrap();
        assert_eq!([&path, &old].map(|path| fs::read(path).unwrap()), [b"new", b"old"]);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_stay_and_what_is_no_file_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        put(&path, b"old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        put(&path, b"new").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

        let socket = directory.path().join("socket");
        let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for refused in [put(&socket, b"new"), check(&socket)] {
            assert_eq!(refused.unwrap_err().to_string(), "expected a regular file, got a socket");
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
        put(&at("file"), b"whole").unwrap();
        let mut expected = theirs.to_vec();
        expected.extend([".file.ghijkl.tmp", "file"]);
        expected.sort_unstable();
        assert_eq!(names(directory.path()), expected);
        drop(writer);
        put(&at("file"), b"whole").unwrap();
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
        put(&link, b"new").unwrap();
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
            assert!(put(&path, b"contents").is_err(), "{path:?}");
            assert!(check(&path).is_err(), "{path:?}");
        }
        assert_eq!(names(directory.path()), ["directory"]);
    }

    #[cfg(unix)]
    fn mode(path: &Path) -> u32 {
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions()) & 0o7777
    }

    /// Whatever the mask of the process takes from new files.
    #[cfg(unix)]
    #[test]
    fn the_mode_stays_as_a_whole() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        put(&path, b"old").unwrap();
        for expected in [0o664, 0o666, 0o777, 0o400, 0o640] {
            fs::set_permissions(&path, fs::Permissions::from_mode(expected)).unwrap();
            put(&path, b"new").unwrap();
            assert_eq!(mode(&path), expected, "{expected:o}");
        }
    }

    /// Links to links, to where nothing is yet, seen from the directory of each link.
    #[cfg(unix)]
    #[test]
    fn a_dangling_link_gets_its_target() {
        use std::os::unix::fs::symlink;
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir(at("runs")).unwrap();
        symlink("runs/latest", at("link")).unwrap();
        symlink("first", at("runs/latest")).unwrap();
        for contents in ["old", "new"] {
            put(&at("link"), contents.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(at("runs/first")).unwrap(), contents);
            assert!(at("link").is_symlink() && at("runs/latest").is_symlink());
        }
        assert_eq!(names(&at("runs")), ["first", "latest"]);

        symlink("round", at("round")).unwrap();
        assert_eq!(put(&at("round"), b"").unwrap_err().to_string(), "links lead to links without end");
        symlink("missing/file", at("astray")).unwrap();
        let error = put(&at("astray"), b"").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(error.to_string(), format!("the directory `{}` does not exist", at("missing").display()));
    }

    #[test]
    fn names_may_be_as_long_as_the_file_system_takes() {
        let directory = tempfile::tempdir().unwrap();
        // Characters of one byte, and of two, of which the limit cuts one in the middle.
        for name in ["x".repeat(243), "x".repeat(244), "x".repeat(255), format!("x{}", "é".repeat(127))] {
            let path = directory.path().join(&name);
            for contents in [b"old", b"new"] {
                put(&path, contents).unwrap();
                assert_eq!(fs::read(&path).unwrap(), contents);
            }
        }
        assert_eq!(names(directory.path()).len(), 4);
        assert!(put(&directory.path().join("x".repeat(256)), b"").is_err());
    }

    /// The superuser reads it all the same.
    #[cfg(unix)]
    #[test]
    fn a_directory_need_not_be_readable() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o300)).unwrap();
        let written = put(&path, b"contents");
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
        written.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"contents");
        // What the superuser cannot show either: a directory that does not open is no fault of what was written.
        let mut target = Target::of(&path).unwrap();
        target.directory = directory.path().join("missing");
        target.sync_directory().unwrap();
    }

    /// Writers of one path, while others do nothing but look for what is abandoned, which is when one can take the
    /// file of another for that.
    #[test]
    fn writers_do_not_fail_each_other() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let target = Target::of(&path).unwrap();
                    while !done.load(Ordering::Relaxed) {
                        target.remove_abandoned();
                    }
                });
            }
            let writers = ["a", "b"].map(|contents| {
                let path = &path;
                scope.spawn(move || (0..300).try_for_each(|_| put(path, contents.repeat(1000).as_bytes())))
            });
            let written = writers.map(|writer| writer.join().unwrap());
            done.store(true, Ordering::Relaxed);
            written.into_iter().collect::<io::Result<()>>().unwrap();
        });
        assert_eq!(names(directory.path()), ["file"]);
        assert_eq!(fs::read(&path).unwrap().len(), 1000);
    }
}
