//! Arrays by name in NumPy's `.npz` files: a zip archive with one `.npy` file an array.
//!
//! `numpy.load` reads what [`write_npz`] writes, and [`read_npz`] what `numpy.savez` and
//! `numpy.savez_compressed` write. A file is taken for hostile: nothing is allocated for a size that it
//! claims, only for bytes that were read, and of these no more than a bound.

mod error;
mod npy;

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

pub use error::{NpzError, NpzFault};

use super::replace::replace;
use crate::Value;

/// Bytes that all arrays of a file that is shorter, and so compressed, may take up when nothing else is said.
const LIMIT: u64 = 1 << 30;

/// The ending of an array's name in the archive.
const EXTENSION: &str = ".npy";

/// Writes arrays under their names to an npz file, not compressed, as `numpy.savez` does.
///
/// Names may hold anything, the `/` of variables among it. The file is put together in memory, goes to a
/// temporary one beside `path`, and takes its place when it is whole and on the disk: a crash leaves what was
/// there. The same arrays in the same order make the same bytes.
///
/// ```
/// use flowgrad::io::npz::{read_npz, write_npz};
/// use flowgrad::prelude::*;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("model.npz");
/// let g = Graph::new();
/// let w = g.name_scope("dense", || g.variable("w", ndarray::array![[1.0_f32, 2.0]]));
/// let session = Session::new(&g)?;
/// write_npz(&path, &session.variable_values()?)?;
///
/// let other = Session::new(&g)?;
/// other.run(w.assign(w * 0.0))?;
/// other.load(read_npz(&path)?)?;
/// assert_eq!(other.run(w)?, session.run(w)?);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`NpzError`] with the file and what is wrong: it cannot be written, or two arrays have one name.
pub fn write_npz<N: AsRef<str>, V: Borrow<Value>>(
    path: impl AsRef<Path>,
    arrays: impl IntoIterator<Item = (N, V)>,
) -> Result<(), NpzError> {
    let path = path.as_ref();
    let mut array = None;
    let written = archive(arrays, &mut array).and_then(|bytes| Ok(replace(path, &bytes)?));
    written.map_err(|fault| NpzError { path: path.to_owned(), array, fault })
}

/// The bytes of an npz file of these arrays; `array` tells which one it is at.
fn archive<N: AsRef<str>, V: Borrow<Value>>(
    arrays: impl IntoIterator<Item = (N, V)>,
    array: &mut Option<String>,
) -> Result<Vec<u8>, NpzFault> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, value) in arrays {
        *array = Some(name.as_ref().to_owned());
        let value = value.borrow();
        // Without the word, the archive has 32 bits for the size of an entry.
        let bytes = value.shape().iter().product::<usize>() * value.dtype().size() + npy::LONGEST_HEADER;
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .large_file(u32::try_from(bytes).is_err());
        archive.start_file(format!("{}{EXTENSION}", name.as_ref()), options)?;
        npy::write(value, &mut archive)?;
    }
    *array = None;
    Ok(archive.finish()?.into_inner())
}

/// The arrays of an npz file by name, at most 1 GiB of them, or the length of the file where that is more.
///
/// Arrays of all elements of flowgrad are read, in either order of axes and of bytes; those of 8 and 16 bits
/// become `i32` and `u32` becomes `i64`, with the same values.
///
/// An example is at [`write_npz`].
///
/// # Errors
///
/// [`NpzError`] with the file, the array and what is wrong: the file is no zip archive or is damaged, which
/// its checksums tell; an array is of another type, its size is not what its header says; there is more of
/// it than is read.
pub fn read_npz(path: impl AsRef<Path>) -> Result<BTreeMap<String, Value>, NpzError> {
    read(path.as_ref(), None)
}

/// The arrays of an npz file by name, at most `limit` bytes of them when decompressed.
///
/// A few megabytes of a compressed file can hold thousands of times as much; [`read_npz`] has a bound that
/// serves most.
///
/// ```
/// use flowgrad::io::npz::{read_npz_within, write_npz};
/// use flowgrad::{Value, ndarray::Array1};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("zeros.npz");
/// write_npz(&path, [("zeros", Value::from(Array1::<f32>::zeros(1000)))])?;
/// assert!(read_npz_within(&path, 1 << 10).is_err());
/// assert_eq!(read_npz_within(&path, 1 << 20)?["zeros"].shape(), [1000]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As for [`read_npz`].
pub fn read_npz_within(path: impl AsRef<Path>, limit: u64) -> Result<BTreeMap<String, Value>, NpzError> {
    read(path.as_ref(), Some(limit))
}

fn read(path: &Path, limit: Option<u64>) -> Result<BTreeMap<String, Value>, NpzError> {
    let mut array = None;
    read_arrays(path, limit, &mut array).map_err(|fault| NpzError { path: path.to_owned(), array, fault })
}

/// The arrays in an npz file; `array` tells which one it is at.
fn read_arrays(
    path: &Path,
    limit: Option<u64>,
    array: &mut Option<String>,
) -> Result<BTreeMap<String, Value>, NpzFault> {
    let file = File::open(path)?;
    let limit = limit.unwrap_or(LIMIT.max(file.metadata()?.len()));
    let mut archive = ZipArchive::new(BufReader::new(file))?;
    // The archive lists its entries twice; one whose lists differ, or whose entries overlap, is damaged.
    archive.validate_header_consistency()?;
    let mut arrays = BTreeMap::new();
    let mut budget = Budget { limit, left: limit };
    for index in 0..archive.len() {
        let entry = archive.by_index(index)?;
        let name = entry.name()?.into_owned();
        let name = name.strip_suffix(EXTENSION).unwrap_or(&name).to_owned();
        *array = Some(name.clone());
        let claimed = entry.size();
        let mut bytes = Vec::new();
        entry.take(budget.left.saturating_add(1)).read_to_end(&mut bytes)?;
        budget.take(bytes.len() as u64)?;
        if bytes.len() as u64 != claimed {
            return Err(NpzFault::Size { claimed, found: bytes.len() });
        }
        if arrays.insert(name, npy::read(&bytes, &mut budget)?).is_some() {
            return Err(NpzFault::SameName);
        }
    }
    Ok(arrays)
}

/// The bytes that arrays may still take.
struct Budget {
    limit: u64,
    left: u64,
}

impl Budget {
    fn take(&mut self, bytes: u64) -> Result<(), NpzFault> {
        self.left = self.left.checked_sub(bytes).ok_or(NpzFault::TooLong { limit: self.limit })?;
        Ok(())
    }
}
