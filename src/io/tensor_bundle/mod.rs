//! Variables as TensorFlow keeps them: checkpoints of `tf.train.Saver` in both versions, of `tf.train.Checkpoint`, and
//! the variables of a `SavedModel`.
//!
//! [`Bundle`] opens a checkpoint by what the names of its files begin with, lists its tensors, and reads those that are
//! asked for; [`write_bundle`] writes one that TensorFlow reads.
//!
//! A checkpoint of the second version is a table, `<prefix>.index` (`table.rs`), with a message for each tensor that
//! tells where its elements lie in files `<prefix>.data-00000-of-00001`; one of the first version is a table that holds
//! the elements too. Variables that are partitioned are stored in parts (`slice.rs`), and read as one.

mod contents;
mod error;
mod messages;
mod part;
mod read;
mod slice;
mod table;
mod table_writer;
mod write;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ndarray::ArrayD;

pub use super::elements::{ArrayFault, ArrayInfo};
use contents::Entry;
use error::Flaw;
pub use error::{BundleError, BundleFault, BundleFormatFault};
pub(crate) use part::PartOf;
use read::{Files, with_suffix};
use table::Table;
pub use write::write_bundle;

use super::elements::renamed;
use super::source;
use crate::{DType, Element, Value};

/// An open checkpoint: its tensors are listed at once, and each is read when it is asked for.
///
/// Elements that flowgrad has are read as they are. Others become a type that holds all of their values, so no number
/// changes: int8, uint8, int16 and uint16 become `i32`, uint32 becomes `i64`, and uint64 too, if all are below 2⁶³; half,
/// bfloat16 and floats of 8 bits become `f32`. [`read_as`](Bundle::read_as) reads them in another type that holds their
/// values. Texts are listed, but not read.
///
/// The checksum of each tensor is checked when it is read, and those of the index when it is opened.
///
/// ```
/// use flowgrad::io::tensor_bundle::{Bundle, write_bundle};
/// use flowgrad::prelude::*;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// let prefix = directory.path().join("model.ckpt-100");
/// let bias = flowgrad::Value::from(ndarray::array![1.0_f32, 2.0]);
/// write_bundle(&prefix, [("dense/bias", &bias)])?;
///
/// let checkpoint = Bundle::open(&prefix)?;
/// for name in checkpoint.names() {
///     let info = checkpoint.info(name)?;
///     println!("{name}: {} {:?}", info.type_name, info.shape);
/// }
/// let g = Graph::new();
/// let b = g.variable("b", zeros([2])) + 0.0_f32;
/// let session = Session::new(&g)?;
/// session.load(checkpoint.values(|name| (name == "dense/bias").then(|| "b".to_owned()))?)?;
/// assert_eq!(session.run(b)?, ndarray::array![1.0_f32, 2.0].into_dyn());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Bundle {
    path: PathBuf,
    tensors: BTreeMap<String, Entry>,
    files: Mutex<Files>,
}

impl Bundle {
    /// Opens a checkpoint, of which this is what the names of the files begin with: `model.ckpt-100` for
    /// `model.ckpt-100.index`, and for a file `model.ckpt-100` of the first version.
    ///
    /// # Errors
    /// [`BundleError`] with the file and what is wrong: there is none, it cannot be read, or is not in the format.
    pub fn open(prefix: impl AsRef<Path>) -> Result<Self, BundleError> {
        let prefix = prefix.as_ref();
        let index = with_suffix(prefix, ".index");
        let blame =
            |path: &Path, flaw: Flaw| BundleError { path: path.to_owned(), tensor: None, fault: flaw.into() };
        let open = |path: &Path| -> Result<Table, BundleError> {
            let file = source::open(path).map_err(Flaw::from);
            file.and_then(Table::open).map_err(|flaw| blame(path, flaw))
        };
        let mut files = Files { prefix: prefix.to_owned(), shards: 0, big_endian: false, tables: Vec::new() };
        let tensors = if is_there(&index) {
            let read = contents::index(&mut open(&index)?).map_err(|flaw| blame(&index, flaw))?;
            (files.shards, files.big_endian) = (read.shards, read.big_endian);
            read.tensors
        } else {
            let paths = saved_paths(prefix).map_err(|error| blame(prefix, error.into()))?;
            if paths.is_empty() {
                return Err(BundleError {
                    path: prefix.to_owned(),
                    tensor: None,
                    fault: BundleFault::NoFile,
                });
            }
            files.tables = paths.iter().map(|path| open(path)).collect::<Result<_, _>>()?;
            contents::saved(&mut files.tables).map_err(|flaw| blame(prefix, flaw))?
        };
        Ok(Bundle { path: prefix.to_owned(), tensors, files: Mutex::new(files) })
    }

    /// The names of the tensors, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The element type and the shape of a tensor, whether flowgrad has such elements or not.
    ///
    /// # Errors
    /// [`ArrayFault::Missing`], if there is no such tensor.
    pub fn info(&self, name: &str) -> Result<ArrayInfo, BundleError> {
        self.entry(name).map(Entry::info)
    }

    /// Reads a tensor. The type that its elements become is described [above](Bundle).
    ///
    /// # Errors
    /// [`BundleError`] with the tensor and what is wrong: it is not there, has elements of a type that flowgrad does not
    /// support, is damaged, or cannot be read.
    pub fn read(&self, name: &str) -> Result<Value, BundleError> {
        self.value(name, None)
    }

    /// Reads a tensor as one of `T`: its own type, or one that holds all values of its type where flowgrad does not have
    /// that, such as `f64` for bfloat16.
    ///
    /// # Errors
    /// As for [`read`](Bundle::read), and [`ArrayFault::OtherType`].
    pub fn read_as<T: Element>(&self, name: &str) -> Result<ArrayD<T>, BundleError> {
        // The value is of the type that was asked for.
        Ok(self.value(name, Some(T::DTYPE))?.into_array().unwrap_or_default())
    }

    /// Reads the tensors that `rename` gives a name, under that name: what [`Session::load`](crate::Session::load)
    /// takes. With `|name| Some(name.to_owned())` these are all.
    ///
    /// # Errors
    /// As for [`read`](Bundle::read), and [`BundleFault::SameName`], if two are given one name.
    pub fn values(
        &self,
        rename: impl FnMut(&str) -> Option<String>,
    ) -> Result<BTreeMap<String, Value>, BundleError> {
        let same_name = |name: &str| self.blame(name, BundleFault::SameName);
        renamed(self.names(), rename, |name| self.read(name), same_name)
    }

    /// Bytes of the files that hold elements, as far as they are there.
    pub(crate) fn bytes(&self) -> usize {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).bytes()
    }

    fn value(&self, name: &str, wanted: Option<DType>) -> Result<Value, BundleError> {
        let entry = self.entry(name)?;
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.value(entry, wanted).map_err(|flaw| self.blame(name, flaw.into()))
    }

    fn entry(&self, name: &str) -> Result<&Entry, BundleError> {
        let found = self.tensors.get(name);
        found.ok_or_else(|| self.blame(name, ArrayFault::missing(self.names()).into()))
    }

    fn blame(&self, name: &str, fault: BundleFault) -> BundleError {
        BundleError { path: self.path.clone(), tensor: Some(name.to_owned()), fault }
    }
}

/// Whether there is something of that name.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// The files of a checkpoint of the first version: one of that name, or several with numbers behind it.
fn saved_paths(prefix: &Path) -> io::Result<Vec<PathBuf>> {
    if is_there(prefix) {
        return Ok(vec![prefix.to_owned()]);
    }
    let folder = match prefix.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let Some(name) = prefix.file_name().and_then(|name| name.to_str()) else { return Ok(Vec::new()) };
    let is_digits = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let count_of = |found: &str| {
        let numbers = found.strip_prefix(name)?.strip_prefix('-')?;
        let (place, count) = numbers.split_once("-of-")?;
        if is_digits(place) && is_digits(count) { count.parse().ok() } else { None }
    };
    let (mut paths, mut all): (_, Option<usize>) = (Vec::new(), None);
    let entries = match folder.read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(paths),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if let Some(count) = entry.file_name().to_str().and_then(count_of) {
            all = all.max(Some(count));
            paths.push(entry.path());
        }
    }
    if let Some(all) = all.filter(|&all| all != paths.len()) {
        let message = format!("expected {all} files with numbers behind that name, got {}", paths.len());
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    paths.sort();
    Ok(paths)
}
