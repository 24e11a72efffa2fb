//! Safetensors files with a version and a checksum: checkpoints, and frozen models.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};

use super::FileFault;
use super::checksum::{Checksum, Summed};
use crate::Value;
use crate::io::elements::{Unreadable, encode};
use crate::io::safetensors::{self, Flaw, Header};

const CHECKSUM: &str = "flowgrad.crc32c";

/// What tells one kind of such files from others.
#[derive(Clone, Copy, Debug)]
pub(in crate::io) struct Seal {
    /// The key of the version in the metadata.
    pub(in crate::io) version: &'static str,
    /// The version that this program writes and reads.
    pub(in crate::io) current: &'static str,
}

/// What is in such a file: the texts with the version and without the checksum, and the tensors in the order of their
/// names.
#[derive(Debug)]
pub(in crate::io) struct Contents {
    pub(in crate::io) texts: BTreeMap<String, String>,
    pub(in crate::io) tensors: Vec<(String, Value)>,
    checksum: String,
}

impl Seal {
    /// Writes the bytes of a file.
    pub(in crate::io) fn write(
        self,
        file: &mut dyn Write,
        mut texts: BTreeMap<String, String>,
        tensors: &BTreeMap<&str, &Value>,
    ) -> Result<(), Flaw> {
        texts.insert(self.version.to_owned(), self.current.to_owned());
        let mut checksum = Checksum::of(&texts);
        for (name, value) in tensors {
            checksum.add_tensor(name, value.dtype(), value.shape());
            encode::write(value, &mut checksum)?;
        }
        texts.insert(CHECKSUM.to_owned(), format!("{:08x}", checksum.sum()));
        safetensors::write(file, &texts, tensors.iter().map(|(&name, &value)| (name, value)).collect())
    }

    /// What is in a file whose checksum is right.
    pub(in crate::io) fn read(self, file: &mut File) -> Result<Contents, FileFault> {
        let bytes = file.metadata().map_err(FileFault::read)?.len();
        let mut header = Header::read(file, bytes).map_err(FileFault::read)?;
        match header.metadata.get(self.version) {
            Some(version) if version == self.current => {}
            Some(version) => return Err(FileFault::Version { version: version.clone() }),
            None => return Err(FileFault::Foreign { key: self.version }),
        }
        let expected = header.metadata.remove(CHECKSUM).ok_or(FileFault::Foreign { key: CHECKSUM })?;
        let mut checksum = Checksum::of(&header.metadata);
        let mut tensors = Vec::new();
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
            let mut elements = Summed { elements: &mut *file, checksum: &mut checksum };
            let value =
                layout.read(&mut elements, &entry.type_name, None).map_err(
                    |unreadable| match unreadable {
                        Unreadable::Io(error) => FileFault::read(error),
                        Unreadable::Array(_) => {
                            FileFault::Tensor { name: name.clone(), dtype, shape: entry.shape.clone() }
                        }
                    },
                )?;
            tensors.push((name.clone(), value));
        }
        let found = checksum.sum();
        if expected != format!("{found:08x}") {
            return Err(FileFault::Checksum { expected, found });
        }
        Ok(Contents { texts: header.metadata, tensors, checksum: expected })
    }
}

/// Whether the header of a file is, byte for byte, what is written for its contents: the checksum is of what a header
/// says, which it could say in another way.
pub(in crate::io) fn is_as_written(file: &mut File, contents: &Contents) -> Result<bool, FileFault> {
    let mut texts = contents.texts.clone();
    texts.insert(CHECKSUM.to_owned(), contents.checksum.clone());
    let tensors = contents.tensors.iter().map(|(name, value)| (name.as_str(), value));
    let written = safetensors::header_of(&texts, tensors.collect()).map_err(FileFault::from)?;
    file.seek(SeekFrom::Start(0)).map_err(FileFault::read)?;
    let mut found = Vec::new();
    found.try_reserve_exact(written.len()).map_err(|error| FileFault::read(std::io::Error::from(error)))?;
    file.take(written.len() as u64).read_to_end(&mut found).map_err(FileFault::read)?;
    Ok(found == written)
}
