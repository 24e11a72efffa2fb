//! A checkpoint's way to a file and back. [`Checkpoint::save`] writes the table at the top of the parent module;
//! [`Checkpoint::load`] believes nothing of a file before it has checked it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::sealed::{Contents, Seal};
use super::{Checkpoint, CheckpointError, FileFault};
use crate::Value;
use crate::io::safetensors::{Flaw, METADATA};
use crate::io::{replace, source};

const SEAL: Seal = Seal { version: "flowgrad.version", current: CURRENT };
const RUN_COUNT: &str = "flowgrad.run_count";
const SEED: &str = "flowgrad.seed";

/// The version that this program writes and reads.
pub(super) const CURRENT: &str = "1";

/// How names begin that the format keeps to itself.
const RESERVED: &str = "flowgrad.";
/// How the names of arrays begin that are no variables.
const ARRAY: &str = "flowgrad.array/";

impl Checkpoint {
    /// Writes the checkpoint to a file. Whatever happens, be the process killed or the machine without power, the
    /// file is then the old one as a whole or the new one: it is written beside the old one, under a name
    /// `.<file>.<random>.tmp`, forced onto the disk, and renamed. What a killed process left is removed. The new file
    /// has the mode of the old one; where `path` is a link, the file that it leads to is replaced or made.
    ///
    /// # Errors
    /// [`CheckpointError::File`]: it cannot be written, a variable or text has a name that begins with `flowgrad.`,
    /// or names and texts together take more than 100 MB.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), CheckpointError> {
        let path = path.as_ref();
        self.check_names().map_err(|fault| blamed(path, fault))?;
        let written = replace::replace(path, |file| self.write(file));
        written.map_err(|flaw| blamed(path, FileFault::written(flaw)))
    }

    /// Whether [`save`](Checkpoint::save) could begin to write a file there; nothing is changed.
    ///
    /// # Errors
    /// [`CheckpointError::File`] if it could not.
    pub fn check_writable(path: &Path) -> Result<(), CheckpointError> {
        replace::check(path).map_err(|error| blamed(path, FileFault::written(error)))
    }

    /// Reads a checkpoint. Whatever the file is, nothing of it is used before it is checked, and memory is taken for
    /// as many bytes as it has.
    ///
    /// # Errors
    /// [`CheckpointError::File`]: it cannot be read, is no regular file or no checkpoint, or is not as it was written.
    /// [`SafeTensors`](crate::io::safetensors::SafeTensors) reads the files of other programs.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        let path = path.as_ref();
        match source::open(path).map_err(FileFault::read).and_then(Checkpoint::read) {
            Ok(checkpoint) => Ok(Checkpoint { path: Some(path.to_owned()), ..checkpoint }),
            Err(fault) => Err(blamed(path, fault)),
        }
    }

    /// An error if a variable or text has a name that means something else in the format.
    fn check_names(&self) -> Result<(), FileFault> {
        let is_reserved = |name: &&String| name.starts_with(RESERVED) || *name == METADATA;
        match self.variables.keys().chain(self.texts.keys()).find(is_reserved) {
            Some(name) => Err(FileFault::Reserved { name: name.clone() }),
            None => Ok(()),
        }
    }

    /// Writes the bytes of the file.
    fn write(&self, file: &mut dyn Write) -> Result<(), Flaw> {
        let named: BTreeMap<String, &Value> =
            self.arrays.iter().map(|(name, array)| (format!("{ARRAY}{name}"), array)).collect();
        let arrays = named.iter().map(|(name, &array)| (name.as_str(), array));
        let variables = self.variables.iter().map(|(name, value)| (name.as_str(), value));
        let mut texts = self.texts.clone();
        texts.extend([
            (RUN_COUNT.to_owned(), self.run_count.to_string()),
            (SEED.to_owned(), self.seed.to_string()),
        ]);
        SEAL.write(file, texts, &variables.chain(arrays).collect())
    }

    /// The checkpoint in a file.
    fn read(mut file: File) -> Result<Self, FileFault> {
        let Contents { mut texts, tensors, .. } = SEAL.read(&mut file)?;
        let (mut variables, mut arrays) = (BTreeMap::new(), BTreeMap::new());
        for (name, value) in tensors {
            match name.strip_prefix(ARRAY) {
                Some(name) => arrays.insert(name.to_owned(), value),
                None => variables.insert(name, value),
            };
        }
        texts.remove(SEAL.version);
        let (run_count, seed) = (take_number(&mut texts, RUN_COUNT)?, take_number(&mut texts, SEED)?);
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
