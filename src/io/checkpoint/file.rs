//! A checkpoint's way to a file and back. [`Checkpoint::save`] writes the table at the top of the parent module;
//! [`Checkpoint::load`] believes nothing of a file before it has checked it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::format::{self, checksum};
use super::safetensors::{self, Contents, METADATA};
use super::{Checkpoint, CheckpointError, FileFault};
use crate::io::replace;

const VERSION: &str = "flowgrad.version";
const RUN_COUNT: &str = "flowgrad.run_count";
const SEED: &str = "flowgrad.seed";
const CHECKSUM: &str = "flowgrad.crc32c";

/// The version that this program writes and reads.
pub(super) const CURRENT: &str = "1";

/// How names begin that the format keeps to itself.
const RESERVED: &str = "flowgrad.";
/// How the names of arrays begin that are no variables.
const ARRAY: &str = "flowgrad.array/";

impl Checkpoint {
    /// Writes the checkpoint to a file. Whatever happens, be the process killed or the machine without power, the
    /// file is then the old one as a whole or the new one: it is written beside the old one, under a name
    /// `.<file>.<random>.tmp`, forced onto the disk, and renamed. What a killed process left is removed.
    ///
    /// # Errors
    /// [`CheckpointError::File`]: it cannot be written, a variable or text has a name that begins with `flowgrad.`,
    /// or names and texts together take more than 100 MB.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), CheckpointError> {
        let path = path.as_ref();
        let written = self.contents().and_then(|contents| {
            replace::replace(path, &contents).map_err(|error| FileFault::Write(Arc::new(error)))
        });
        written.map_err(|fault| blamed(path, fault))
    }

    /// Whether [`save`](Checkpoint::save) could begin to write a file there; nothing is changed.
    ///
    /// # Errors
    /// [`CheckpointError::File`] if it could not.
    pub fn check_writable(path: &Path) -> Result<(), CheckpointError> {
        replace::check(path).map_err(|error| blamed(path, FileFault::Write(Arc::new(error))))
    }

    /// Reads a checkpoint. Whatever the file is, nothing of it is used before it is checked, and memory is taken for
    /// as many bytes as it has.
    ///
    /// # Errors
    /// [`CheckpointError::File`]: it cannot be read, is no checkpoint, or is not as it was written.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        let path = path.as_ref();
        let contents = read(path).map_err(|error| FileFault::Read(Arc::new(error)));
        match contents.and_then(|contents| Checkpoint::parse(&contents)) {
            Ok(checkpoint) => Ok(Checkpoint { path: Some(path.to_owned()), ..checkpoint }),
            Err(fault) => Err(blamed(path, fault)),
        }
    }

    /// The bytes of the file.
    fn contents(&self) -> Result<Vec<u8>, FileFault> {
        let is_reserved = |name: &&String| name.starts_with(RESERVED) || *name == METADATA;
        if let Some(name) = self.variables.keys().chain(self.texts.keys()).find(is_reserved) {
            return Err(FileFault::Reserved { name: name.clone() });
        }
        let arrays = self.arrays.iter().map(|(name, array)| (format!("{ARRAY}{name}"), array));
        let variables = self.variables.iter().map(|(name, value)| (name.clone(), value));
        let tensors = variables.chain(arrays).map(|(name, value)| (name, format::tensor(value))).collect();
        let mut contents = Contents { metadata: self.texts.clone(), tensors };
        contents.metadata.extend([
            (VERSION.to_owned(), CURRENT.to_owned()),
            (RUN_COUNT.to_owned(), self.run_count.to_string()),
            (SEED.to_owned(), self.seed.to_string()),
        ]);
        let checksum = checksum(&contents);
        contents.metadata.insert(CHECKSUM.to_owned(), format!("{checksum:08x}"));
        Ok(safetensors::serialize(&contents)?)
    }

    /// The checkpoint that the bytes of a file make.
    fn parse(contents: &[u8]) -> Result<Self, FileFault> {
        let mut contents = safetensors::deserialize(contents)?;
        match contents.metadata.get(VERSION) {
            Some(version) if version == CURRENT => {}
            Some(version) => return Err(FileFault::Version { version: version.clone() }),
            None => return Err(FileFault::Foreign { key: VERSION }),
        }
        let expected = take(&mut contents.metadata, CHECKSUM)?;
        let found = checksum(&contents);
        if expected != format!("{found:08x}") {
            return Err(FileFault::Checksum { expected, found });
        }
        let Contents { metadata: mut texts, tensors } = contents;
        take(&mut texts, VERSION)?;
        let (run_count, seed) = (take_number(&mut texts, RUN_COUNT)?, take_number(&mut texts, SEED)?);
        let (mut variables, mut arrays) = (BTreeMap::new(), BTreeMap::new());
        for (name, tensor) in tensors {
            let value = format::value(&name, &tensor)?;
            match name.strip_prefix(ARRAY) {
                Some(name) => arrays.insert(name.to_owned(), value),
                None => variables.insert(name, value),
            };
        }
        Ok(Checkpoint { variables, arrays, texts, run_count, seed, path: None })
    }
}

fn blamed(path: &Path, fault: FileFault) -> CheckpointError {
    CheckpointError::File { path: path.to_owned(), fault }
}

/// Takes a text that every checkpoint has.
fn take(texts: &mut BTreeMap<String, String>, key: &'static str) -> Result<String, FileFault> {
    texts.remove(key).ok_or(FileFault::Foreign { key })
}

fn take_number(texts: &mut BTreeMap<String, String>, key: &'static str) -> Result<u64, FileFault> {
    let value = take(texts, key)?;
    value.parse().map_err(|_| FileFault::Number { key, value })
}

/// The bytes of a file. A device or pipe, which may block or never end, is refused; a directory says itself that it
/// is one.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let kind = fs::metadata(path)?.file_type();
    if kind.is_file() || kind.is_dir() { fs::read(path) } else { Err(io::Error::other("it is no file")) }
}
