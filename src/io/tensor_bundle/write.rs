//! Writing bundles.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use prost::Message;

use super::error::{BundleError, BundleFault};
use super::messages::{BundleEntryProto, BundleHeaderProto};
use super::read::{shard_path, with_suffix};
use super::table_writer;
use crate::Value;
use crate::io::elements::encode;
use crate::io::masked_crc::masked;
use crate::io::replace::replace;
use crate::io::tensorflow::{Dim, TensorShapeProto, VersionDef, element_type};

/// Writes arrays under their names as a checkpoint of TensorFlow: `<prefix>.index` and `<prefix>.data-00000-of-00001`.
///
/// `tf.train.load_checkpoint(prefix)` and `Saver.restore(session, prefix)` read them. Each file takes the place of the
/// one that was there when it is whole and on the disk, the index last. A crash between the two leaves an old index
/// beside new elements, which its checksums tell: to keep the last checkpoint until the next one is there, write each
/// under a prefix of its own, as `Saver` does with the number of the step.
///
/// There is an example at [`Bundle`](super::Bundle).
///
/// # Errors
/// [`BundleError`] with the file and what is wrong: it cannot be written, two arrays have one name, or one has a name
/// that is empty or begins with a 0 byte.
pub fn write_bundle<N: AsRef<str>, V: Borrow<Value>>(
    prefix: impl AsRef<Path>,
    arrays: impl IntoIterator<Item = (N, V)>,
) -> Result<(), BundleError> {
    let prefix = prefix.as_ref();
    let blame = |path: &Path, tensor, fault| BundleError { path: path.to_owned(), tensor, fault };
    let mut by_name = BTreeMap::new();
    for (name, value) in arrays {
        let name = name.as_ref().to_owned();
        if name.is_empty() || name.starts_with('\0') {
            return Err(blame(prefix, Some(name), BundleFault::Reserved));
        }
        match by_name.entry(name) {
            Entry::Vacant(place) => drop(place.insert(value)),
            Entry::Occupied(place) => {
                return Err(blame(prefix, Some(place.key().clone()), BundleFault::SameName));
            }
        }
    }
    let written = |path: &Path, result: io::Result<()>| {
        result.map_err(|error| blame(path, None, BundleFault::Write(Arc::new(error))))
    };
    let header = BundleHeaderProto {
        num_shards: 1,
        endianness: 0,
        version: Some(VersionDef { producer: 1, min_consumer: 0 }),
    };
    let mut entries: Vec<(&[u8], Vec<u8>)> = vec![(&[], header.encode_to_vec())];
    let data = shard_path(prefix, 0, 1);
    let elements = replace(&data, |file| {
        let mut offset = 0;
        for (name, value) in &by_name {
            let value: &Value = value.borrow();
            let mut out = Checked { out: &mut *file, crc: 0 };
            encode::write(value, &mut out)?;
            let size = encode::size(value) as i64;
            let dim = value.shape().iter().map(|&length| Dim { size: length as i64 }).collect();
            let entry = BundleEntryProto {
                dtype: element_type::number(value.dtype()),
                shape: Some(TensorShapeProto { dim, unknown_rank: false }),
                shard_id: 0,
                offset,
                size,
                crc32c: masked(out.crc),
                slices: Vec::new(),
            };
            entries.push((name.as_bytes(), entry.encode_to_vec()));
            offset += size;
        }
        Ok(())
    });
    written(&data, elements)?;
    let index = with_suffix(prefix, ".index");
    written(&index, replace(&index, |file| table_writer::write(&entries, file)))
}

/// What is written to, and the checksum of that.
struct Checked<'w, W> {
    out: &'w mut W,
    crc: u32,
}

impl<W: Write> Write for Checked<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.crc = crc32c::crc32c_append(self.crc, bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
