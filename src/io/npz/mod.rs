//! Arrays by name in NumPy's `.npz` files: a zip archive with one `.npy` file an array.
//!
//! `numpy.load` reads what [`write_npz`] writes, and [`read_npz`] what `numpy.savez` and
//! `numpy.savez_compressed` write. A file is taken for hostile: nothing is allocated for a size that it
//! claims, only for bytes that were read, and of these no more than a bound.

mod archive;
mod error;
mod header;
mod npy;

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::io::{Seek, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

pub use super::elements::{ArrayFault, ArrayInfo};
pub use archive::Npz;
pub use error::{NpzError, NpzFault};

use super::replace::replace;
use crate::Value;

/// The ending of an array's name in the archive.
const EXTENSION: &str = ".npy";

/// Writes arrays under their names to an npz file, not compressed, as `numpy.savez` does.
///
/// Names may hold anything, the `/` of variables among it. They go to a temporary file beside
/// `path`, which takes its place when it is whole and on the disk: a crash leaves what was there. The same arrays in
/// the same order make the same bytes.
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
    let written = replace(path, |file| write_archive(file, arrays, &mut array));
    written.map_err(|fault| NpzError { path: path.to_owned(), array, fault })
}

/// Writes an archive of these arrays; `array` tells which one it is at.
fn write_archive<N: AsRef<str>, V: Borrow<Value>>(
    file: impl Write + Seek,
    arrays: impl IntoIterator<Item = (N, V)>,
    array: &mut Option<String>,
) -> Result<(), NpzFault> {
    let mut archive = ZipWriter::new(file);
    for (name, value) in arrays {
        *array = Some(name.as_ref().to_owned());
        let value = value.borrow();
        // Without the word, the archive has 32 bits for the size of an entry.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .large_file(u32::try_from(npy::size(value)).is_err());
        archive.start_file(format!("{}{EXTENSION}", name.as_ref()), options)?;
        npy::write(value, &mut archive)?;
    }
    *array = None;
    archive.finish()?;
    Ok(())
}

/// The arrays of an npz file by name, at most 1 GiB of them, or the length of the file where that is more.
///
/// What type their elements become is told at [`Npz`], which reads only those that are asked for. Members of the
/// archive that are no arrays, such as a `README` or what macOS puts beside, are passed over; an array of texts,
/// objects or records, of which no array of flowgrad can be made, is an error.
///
/// An example is at [`write_npz`].
///
/// # Errors
///
/// [`NpzError`] with the file, the array and what is wrong: the file is no regular file or no zip archive, or is
/// damaged, which its checksums tell; an array is of another type, its size is not what its header says; there is more
/// of it than is read.
pub fn read_npz(path: impl AsRef<Path>) -> Result<BTreeMap<String, Value>, NpzError> {
    Npz::open(path)?.read_all()
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
    Npz::open(path)?.limit(limit).read_all()
}
