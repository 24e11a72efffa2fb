//! Writing safetensors files.

use std::borrow::Borrow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Write;
use std::path::Path;

use super::error::{FormatFault, SafeTensorsError, SafeTensorsFault};
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
    tensors: Vec<(&str, &Value)>,
) -> Result<(), Flaw> {
    let tensors = in_order(tensors);
    file.write_all(&header_bytes(metadata, &tensors)?)?;
    for (_, value) in tensors {
        encode::write(value, file)?;
    }
    Ok(())
}

/// All bytes that [`write`] writes before the elements.
pub(crate) fn header_of(
    metadata: &BTreeMap<String, String>,
    tensors: Vec<(&str, &Value)>,
) -> Result<Vec<u8>, FormatFault> {
    header_bytes(metadata, &in_order(tensors))
}

/// Wide elements first, so that each tensor begins at a multiple of the size of its elements.
fn in_order<'t>(mut tensors: Vec<(&'t str, &'t Value)>) -> Vec<(&'t str, &'t Value)> {
    tensors.sort_by_key(|(_, value)| Reverse(value.dtype().size()));
    tensors
}

fn header_bytes(
    metadata: &BTreeMap<String, String>,
    tensors: &[(&str, &Value)],
) -> Result<Vec<u8>, FormatFault> {
    let header = header::write(metadata, tensors.iter().copied())?;
    Ok([&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat())
}
