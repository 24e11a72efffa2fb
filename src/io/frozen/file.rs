//! A model's way to a file and back.

use std::collections::BTreeMap;
use std::fs::File;
use std::panic::Location;
use std::path::Path;
use std::sync::Arc;

use super::build::Unbuilt;
use super::{Frozen, FrozenError, FrozenFault, Model, text};
use crate::Value;
use crate::io::checkpoint::FileFault;
use crate::io::checkpoint::sealed::{self, Seal};
use crate::io::{replace, source};

const SEAL: Seal = Seal { version: "flowgrad.frozen.version", current: "1" };
const GRAPH: &str = "flowgrad.frozen.graph";

impl Frozen {
    /// Writes the model to a file, which takes the place of the one at `path` when it is whole and on the disk, as a
    /// [checkpoint](crate::io::checkpoint::Checkpoint::save) does. The same model makes the same bytes.
    ///
    /// # Errors
    /// [`FrozenError::File`]: it cannot be written, or graph and names together take more than 100 MB.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), FrozenError> {
        let path = path.as_ref();
        let texts = BTreeMap::from([(GRAPH.to_owned(), text::write(&self.model))]);
        let tensors = self.model.arrays.iter().map(|(name, array)| (name.as_str(), &**array)).collect();
        replace::replace(path, |file| SEAL.write(file, texts.clone(), &tensors))
            .map_err(|flaw| blamed(path, FrozenFault::File(FileFault::written(flaw))))
    }

    /// Reads a model. Whatever the file is, nothing of it is used before it is checked: every byte counts. Memory is taken
    /// in proportion to the bytes that it has.
    ///
    /// # Errors
    /// [`FrozenError::File`]: it cannot be read, is no regular file or no model, or is not as it was written;
    /// [`FrozenError::Ops`] for a model with ops that this release does not have, and build errors for one whose nodes
    /// do not fit.
    #[track_caller]
    pub fn load(path: impl AsRef<Path>) -> Result<Self, FrozenError> {
        let (path, location) = (path.as_ref(), Location::caller());
        let file = source::open(path).map_err(FileFault::read).map_err(FrozenFault::File);
        let model = file.and_then(read).map_err(|fault| blamed(path, fault))?;
        Frozen::build(model, &Vec::new(), location).map_err(|unbuilt| match unbuilt {
            Unbuilt::Fault(fault) => blamed(path, fault),
            Unbuilt::Other(error) => error,
        })
    }
}

#[cfg(test)]
impl Frozen {
    /// The model as it is behind a file, without one.
    pub(crate) fn through_text(&self) -> Self {
        let read = text::read(&text::write(&self.model)).expect("what was written is a graph");
        let model = Model { arrays: self.model.arrays.clone(), ..read };
        Frozen::build(model, &Vec::new(), Location::caller())
            .unwrap_or_else(|_| panic!("a graph that is built"))
    }
}

fn blamed(path: &Path, fault: FrozenFault) -> FrozenError {
    FrozenError::File { path: path.to_owned(), fault }
}

/// The model in a file.
fn read(mut file: File) -> Result<Model, FrozenFault> {
    let contents = SEAL.read(&mut file).map_err(|fault| match fault {
        FileFault::Foreign { key } => FrozenFault::Foreign { key },
        fault => FrozenFault::File(fault),
    })?;
    if !sealed::is_as_written(&mut file, &contents).map_err(FrozenFault::File)? {
        return Err(FrozenFault::Header);
    }
    let graph = contents.texts.get(GRAPH).ok_or(FrozenFault::Foreign { key: GRAPH })?;
    let mut model = text::read(graph).map_err(|node| FrozenFault::Graph { node })?;
    let array = |(name, value): (String, Value)| (name, Arc::new(value));
    model.arrays = contents.tensors.into_iter().map(array).collect();
    Ok(model)
}
