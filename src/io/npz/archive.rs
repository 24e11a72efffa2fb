//! [`Npz`]: an open archive, whose arrays are read when they are asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ndarray::ArrayD;
use zip::ZipArchive;

use super::error::{NpzError, NpzFault};
use super::{EXTENSION, npy};
use crate::io::elements::{ArrayFault, ArrayInfo, Unreadable};
use crate::io::source;
use crate::{DType, Element, Value};

/// Bytes that the arrays of a file that is shorter, and so compressed, may take up when nothing else is said.
const LIMIT: u64 = 1 << 30;

/// Where macOS puts what belongs to the files of an archive, under the same names.
const RESOURCE_FORKS: &str = "__MACOSX/";

/// An open npz file: its arrays are listed at once, and each is read when it is asked for, whatever the others are.
///
/// Arrays may lie in either order of axes and of bytes, and their types may be written in any way that `numpy.dtype`
/// takes (`<f4`, `f4`, `float32`). Elements that flowgrad has are read as they are. Others become a type that holds all
/// of their values, so no number changes: those of 8 and 16 bits become `i32`, `u32` becomes `i64`, and `u64` too, if
/// all are below 2⁶³; `f16` becomes `f32`. [`read_as`](Npz::read_as) reads them in another type that holds their values.
///
/// ```
/// use flowgrad::io::npz::{Npz, write_npz};
/// use flowgrad::{Value, ndarray::array};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("images.npz");
/// write_npz(&path, [("x", Value::from(array![0.5_f32])), ("y", Value::from(array![1_i64]))])?;
/// let images = Npz::open(&path)?;
/// assert_eq!(images.names().collect::<Vec<_>>(), ["x", "y"]);
/// assert_eq!(images.info("y")?.type_name, "<i8");
/// assert_eq!(images.read_as::<f32>("x")?, array![0.5_f32].into_dyn());
/// # Ok(())
/// # }
/// ```
pub struct Npz {
    path: PathBuf,
    limit: u64,
    /// The arrays by name and their places in the archive, in the order of names.
    arrays: Vec<(String, usize)>,
    archive: Mutex<ZipArchive<BufReader<File>>>,
}

impl fmt::Debug for Npz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Npz").field("path", &self.path).field("arrays", &self.arrays).finish_non_exhaustive()
    }
}

impl Npz {
    /// Opens a file and reads the directory of its archive.
    ///
    /// # Errors
    ///
    /// [`NpzError`] with the file and what is wrong: it cannot be read, is no regular file or no zip archive, or its
    /// directory is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, NpzError> {
        let path = path.as_ref();
        let open = || -> Result<_, NpzFault> {
            let file = source::open(path)?;
            let limit = LIMIT.max(file.metadata()?.len());
            let mut archive = ZipArchive::new(BufReader::new(file)).map_err(NpzFault::opened)?;
            // The archive lists its entries twice; one whose lists differ, or whose entries overlap, is damaged.
            archive.validate_header_consistency()?;
            let arrays = arrays(&mut archive)?;
            Ok(Npz { path: path.to_owned(), limit, arrays, archive: Mutex::new(archive) })
        };
        open().map_err(|fault| NpzError { path: path.to_owned(), array: None, fault })
    }

    /// The most bytes that an array may take up when decompressed: 1 GiB, or the length of the file where that is more,
    /// when nothing is said. A few megabytes of a compressed file can hold thousands of times as much.
    pub fn limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// The names of the arrays, in their order. Members of the archive that are no arrays are not among them.
    ///
    /// As for `numpy.load`, an array has the name of its member without the ending `.npy`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let repeated = |index: usize| index > 0 && self.arrays[index - 1].0 == self.arrays[index].0;
        (0..self.arrays.len())
            .filter(move |&index| !repeated(index))
            .map(|index| self.arrays[index].0.as_str())
    }

    /// The type of an array's elements and its shape, whether flowgrad has such elements or not.
    ///
    /// # Errors
    ///
    /// [`NpzError`] with the array and what is wrong: it is not there, or its header cannot be read.
    pub fn info(&self, name: &str) -> Result<ArrayInfo, NpzError> {
        let info = || -> Result<_, NpzFault> {
            let index = self.find(name)?;
            Ok(npy::read_header(&mut self.archive().by_index(index)?)?.0.info())
        };
        info().map_err(|fault| self.blame(name, fault))
    }

    /// Reads an array. The type that its elements become is described [above](Npz).
    ///
    /// # Errors
    ///
    /// [`NpzError`] with the array and what is wrong: it is not there, has elements of a type that flowgrad does not
    /// support, or cannot be read.
    pub fn read(&self, name: &str) -> Result<Value, NpzError> {
        self.array(name, None)
    }

    /// Reads an array as one of `T`: its own type, or one that holds all values of its type where flowgrad does not
    /// have that, such as `f32` for `u8`.
    ///
    /// # Errors
    ///
    /// As for [`read`](Npz::read), and [`ArrayFault::OtherType`].
    pub fn read_as<T: Element>(&self, name: &str) -> Result<ArrayD<T>, NpzError> {
        // The value is of the type that was asked for.
        Ok(self.array(name, Some(T::DTYPE))?.into_array().unwrap_or_default())
    }

    /// All arrays, which may take up the limit together.
    pub(super) fn read_all(&self) -> Result<BTreeMap<String, Value>, NpzError> {
        let mut budget = Budget { limit: self.limit, left: self.limit };
        let mut arrays = BTreeMap::new();
        for name in self.names() {
            let read = self.find(name).and_then(|index| self.member(index, None, &mut budget));
            arrays.insert(name.to_owned(), read.map_err(|fault| self.blame(name, fault))?);
        }
        Ok(arrays)
    }

    fn array(&self, name: &str, wanted: Option<DType>) -> Result<Value, NpzError> {
        let mut budget = Budget { limit: self.limit, left: self.limit };
        let read = self.find(name).and_then(|index| self.member(index, wanted, &mut budget));
        read.map_err(|fault| self.blame(name, fault))
    }

    /// Where the array of this name is in the archive; the name of its member serves, too.
    fn find(&self, name: &str) -> Result<usize, NpzFault> {
        let named = |name: &str| {
            let start = self.arrays.partition_point(|(other, _)| other.as_str() < name);
            let count = self.arrays[start..].iter().take_while(|(other, _)| other == name).count();
            &self.arrays[start..start + count]
        };
        let found = match named(name) {
            [] => named(name.strip_suffix(EXTENSION).unwrap_or(name)),
            found => found,
        };
        match found {
            [(_, index)] => Ok(*index),
            [] => Err(ArrayFault::missing(self.names()).into()),
            _ => Err(NpzFault::SameName),
        }
    }

    /// Reads the array at this place of the archive.
    fn member(&self, index: usize, wanted: Option<DType>, budget: &mut Budget) -> Result<Value, NpzFault> {
        let mut archive = self.archive();
        let mut member = archive.by_index(index)?;
        let claimed = member.size();
        let (header, before) = npy::read_header(&mut member)?;
        let layout = header.layout()?;
        let bytes = |size: usize| layout.count()?.checked_mul(size).map(|bytes| bytes as u64);
        let found = claimed.saturating_sub(before);
        if bytes(layout.encoding.size()) != Some(found) {
            return Err(NpzFault::Length { descriptor: header.descriptor, shape: header.shape, found });
        }
        budget.take(bytes(wanted.unwrap_or(layout.encoding.dtype()).size()).unwrap_or(u64::MAX))?;
        let value =
            layout.read(&mut member, &header.descriptor, wanted).map_err(|unreadable| match unreadable {
                Unreadable::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    NpzFault::Size { claimed }
                }
                unreadable => unreadable.into(),
            })?;
        // The checksum is looked at where the member ends.
        match member.read(&mut [0])? {
            0 => Ok(value),
            _ => {
                Err(NpzFault::Length { descriptor: header.descriptor, shape: header.shape, found: found + 1 })
            }
        }
    }

    /// The archive, at whatever place the last reader left it: each seeks first.
    fn archive(&self) -> MutexGuard<'_, ZipArchive<BufReader<File>>> {
        self.archive.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn blame(&self, name: &str, fault: NpzFault) -> NpzError {
        NpzError { path: self.path.clone(), array: Some(name.to_owned()), fault }
    }
}

/// The arrays of an archive by name, in the order of names. A member whose name does not say that it is an array is one
/// if it begins as one.
fn arrays(archive: &mut ZipArchive<BufReader<File>>) -> Result<Vec<(String, usize)>, NpzFault> {
    let mut arrays = Vec::new();
    for index in 0..archive.len() {
        let Some(name) = archive.name_for_index(index) else { continue };
        let name = name?.into_owned();
        let is_named = name.ends_with(EXTENSION) && !name.starts_with(RESOURCE_FORKS);
        if is_named || begins_as_array(archive, index) {
            arrays.push((name.strip_suffix(EXTENSION).unwrap_or(&name).to_owned(), index));
        }
    }
    arrays.sort();
    Ok(arrays)
}

fn begins_as_array(archive: &mut ZipArchive<BufReader<File>>, index: usize) -> bool {
    let mut magic = [0; npy::MAGIC.len()];
    // What cannot be read, such as a member packed in some other way, nobody may ask for.
    archive.by_index(index).is_ok_and(|mut member| member.read_exact(&mut magic).is_ok())
        && magic == npy::MAGIC
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
