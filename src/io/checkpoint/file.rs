//! A checkpoint's way to a file and back. [`Checkpoint::save`] writes the table at the top of the parent module;
//! [`Checkpoint::load`] believes nothing of a file before it has checked it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;

use super::checksum::{Checksum, Summed};
use super::{Checkpoint, CheckpointError, FileFault};
use crate::Value;
use crate::io::elements::{Unreadable, encode};
use crate::io::safetensors::{self, Flaw, Header, METADATA};
use crate::io::{replace, source};

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
        let arrays = named.iter().map(|(name, &array)| (name, array));
        let tensors: BTreeMap<&String, &Value> = self.variables.iter().chain(arrays).collect();
        let mut metadata = self.texts.clone();
        metadata.extend([
            (VERSION.to_owned(), CURRENT.to_owned()),
            (RUN_COUNT.to_owned(), self.run_count.to_string()),
            (SEED.to_owned(), self.seed.to_string()),
        ]);
        let mut checksum = Checksum::of(&metadata);
        for (name, value) in &tensors {
            checksum.add_tensor(name, value.dtype(), value.shape());
            encode::write(value, &mut checksum)?;
        }
        metadata.insert(CHECKSUM.to_owned(), format!("{:08x}", checksum.sum()));
        let tensors = tensors.into_iter().map(|(name, value)| (name.as_str(), value)).collect();
        safetensors::write(file, &metadata, tensors)
    }

    /// The checkpoint in a file.
    fn read(mut file: File) -> Result<Self, FileFault> {
        let bytes = file.metadata().map_err(FileFault::read)?.len();
        let mut header = Header::read(&mut file, bytes).map_err(FileFault::read)?;
        match header.metadata.get(VERSION) {
            Some(version) if version == CURRENT => {}
            Some(version) => return Err(FileFault::Version { version: version.clone() }),
            None => return Err(FileFault::Foreign { key: VERSION }),
        }
        let expected = take(&mut header.metadata, CHECKSUM)?;
        let mut checksum = Checksum::of(&header.metadata);
        let (mut variables, mut arrays) = (BTreeMap::new(), BTreeMap::new());
        for (name, entry) in &header.tensors {
            let layout = entry.layout().ok();
            let Some((layout, dtype)) =
                layout.and_then(|layout| layout.encoding.own().map(|own| (layout, own)))
            else {
                return Err(FileFault::ElementType {
                    name: name.clone(),
                    dtype: entry.type_name.to_string(),
                });
            };
            checksum.add_tensor(name, dtype, &entry.shape);
            file.seek(header.place(entry)).map_err(FileFault::read)?;
            let mut elements = Summed { elements: &mut file, checksum: &mut checksum };
            let value =
                layout.read(&mut elements, &entry.type_name, None).map_err(
                    |unreadable| match unreadable {
                        Unreadable::Io(error) => FileFault::read(error),
                        Unreadable::Array(_) => {
                            FileFault::Tensor { name: name.clone(), dtype, shape: entry.shape.clone() }
                        }
                    },
                )?;
            match name.strip_prefix(ARRAY) {
                Some(name) => arrays.insert(name.to_owned(), value),
                None => variables.insert(name.clone(), value),
            };
        }
        let found = checksum.sum();
        if expected != format!("{found:08x}") {
            return Err(FileFault::Checksum { expected, found });
        }
        let mut texts = header.metadata;
        take(&mut texts, VERSION)?;
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
