//! Writing safetensors files.

use std::borrow::Borrow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Write;
use std::path::Path;

use super::error::{SafeTensorsError, SafeTensorsFault};
use super::header::{self, Flaw, METADATA};
use crate::Value;
use crate::io::elements::encode;
use crate::io::replace::replace;

/// Writes arrays under their names, and texts, to a safetensors file.
///
/// The file takes the place of the one at `path` when it is whole and on the disk: a crash leaves what was there. The
/// same arrays make the same bytes, in whatever order they come.
///
/// There is an example at [`SafeTensors::read_as`](super::SafeTensors::read_as).
///
/// # Errors
/// [`SafeTensorsError`] with the file and what is wrong: it cannot be written, two arrays have one name, one is named
/// `__metadata__`, or names and texts together take more than 100 MB.
pub fn write_safetensors<N: AsRef<str>, V: Borrow<Value>>(
    path: impl AsRef<Path>,
    arrays: impl IntoIterator<Item = (N, V)>,
    metadata: &BTreeMap<String, String>,
) -> Result<(), SafeTensorsError> {
    let path = path.as_ref();
    let blame = |tensor, fault| SafeTensorsError { path: path.to_owned(), tensor, fault };
    let mut by_name = BTreeMap::new();
    for (name, value) in arrays {
        let name = name.as_ref().to_owned();
        if name == METADATA {
            return Err(blame(Some(name), SafeTensorsFault::Reserved));
        }
        match by_name.entry(name) {
            Entry::Vacant(place) => drop(place.insert(value)),
            Entry::Occupied(place) => {
                return Err(blame(Some(place.key().clone()), SafeTensorsFault::SameName));
            }
        }
    }
    let tensors = by_name.iter().map(|(name, value)| (name.as_str(), value.borrow()));
    replace(path, |file| write(file, metadata, tensors.collect()))
        .map_err(|flaw: Flaw| blame(None, SafeTensorsFault::written(flaw)))
}

/// Writes a file of these texts and tensors, whose names are in order, no two alike.
pub(crate) fn write(
    file: &mut dyn Write,
    metadata: &BTreeMap<String, String>,
    mut tensors: Vec<(&str, &Value)>,
) -> Result<(), Flaw> {
    // Wide elements first, so that each tensor begins at a multiple of the size of its elements.
    tensors.sort_by_key(|(_, value)| Reverse(value.dtype().size()));
    let header = header::write(metadata, tensors.iter().copied())?;
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    for (_, value) in tensors {
        encode::write(value, file)?;
    }
    Ok(())
}
